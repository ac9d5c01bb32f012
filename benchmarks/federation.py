"""What a federation of processes costs, and Flower's simulation beside the engine.

The recipe is the default one: softmax behind 32 hidden units on the 8 × 8 digits, 2,410 parameters
in float32, one epoch of mini-batches of 8.  Seconds are the clock's, with the clock's noise;
CPU seconds are those of all processes; memory is proportional (PSS), so that pages that processes
share count once.

The last table is on paper: what a million phones would need, from the figures above it.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time

import psutil

from benchmarks.peers import ROOT, adopt_orphans, end_descendants, tree_seconds
from fedlearn_edu.flower import Deployment, Recipe
from fedlearn_edu.flower.parts import Stopped, environment, flower_python
from fedlearn_edu.flower.report import counted

NODES = (2, 4, 8)
PARTICIPANTS = (10, 100, 1000)
ROUNDS = 6  # of which the first is a start: everything is loaded then
IDLE = 20.0  # seconds in which nodes only ask whether there is something to do
POLL = 3.0  # seconds between two such questions of one node


def used(process):
    """CPU seconds of a process so far, and of its children that have ended."""
    return sum(process.cpu_times()[:4])


def cpu_of(federation):
    """CPU seconds so far: of the server's processes, and of the participants'."""
    server = participants = 0.0
    for part in federation.parts.values():
        root = psutil.Process(part.process.pid)
        seconds = used(root) + sum(used(child) for child in root.children(recursive=True))
        if part.name.startswith("participant"):
            participants += seconds
        else:
            server += seconds
    return server, participants


def deployed(nodes):
    """Measure a federation of so many SuperNodes."""
    recipe, marks, seconds = Recipe(participants=nodes, rounds=ROUNDS, deadline=600.0), [], []
    with Deployment(recipe) as federation:
        for r in federation:
            marks.append(cpu_of(federation))
            seconds.append((time.monotonic(), r))
        federation.parts["SuperExec"].end()
        link = psutil.Process(federation.parts["SuperLink"].process.pid)
        before = used(link)
        time.sleep(IDLE)
        poll = (used(link) - before) / (nodes * IDLE / POLL)
        peak = federation.peak
    rounds = [r for _, r in seconds[1:]]
    times = [b[0] - a[0] for a, b in zip(seconds, seconds[1:], strict=False)]
    server, participants = (
        (last - first) / (ROUNDS - 1) for first, last in zip(marks[0], marks[-1], strict=True)
    )
    up, down = (
        statistics.mean(sum(getattr(r, way).values()) / nodes for r in rounds)
        for way in ("up", "down")
    )
    return {
        "nodes": nodes, "seconds": statistics.median(times), "mib": peak, "up": up, "down": down,
        "server": server, "participant": participants / nodes, "poll": poll,
    }  # fmt: skip


def child(participants):
    """Run Flower's simulation in this process and print what was measured, as JSON."""
    from fedlearn_edu.flower import simulation

    recipe, marks = Recipe(participants=participants, rounds=ROUNDS, deadline=600.0), []
    adopt_orphans()
    try:
        simulation.run(recipe, lambda event: marks.append((time.monotonic(), tree_seconds())))
    finally:
        end_descendants()
    print("\n" + json.dumps([mark for mark in marks if mark]), flush=True)


def simulated(participants):
    """Measure Flower's simulation in a process of its own: seconds and CPU seconds a round."""
    code = f"from benchmarks.federation import child; child({participants})"
    python = flower_python()
    with tempfile.TemporaryDirectory("", "sim", "/tmp", ignore_cleanup_errors=True) as folder:
        places = {"TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(
            [python, "-c", code], cwd=ROOT, env=environment(python, folder) | places,
            capture_output=True, text=True, errors="replace",
        )  # fmt: skip
    if done.returncode:
        raise Stopped("no_start", part="flwr.simulation", words=done.stderr[-200:])
    marks = json.loads(done.stdout.strip().splitlines()[-1])
    pairs = list(zip(marks, marks[1:], strict=False))
    return tuple(statistics.median(b[k] - a[k] for a, b in pairs) for k in (0, 1))


def engine(participants):
    """CPU seconds a round of the engine, for the same recipe."""
    import numpy as np

    from fedlearn_edu import Run

    recipe = Recipe(participants=participants)
    rng = np.random.default_rng(recipe.seed)
    run = Run(recipe.federation, recipe.plan, recipe.theta, rng, every=0)
    run.advance(5, progress=False)
    begun = time.process_time()
    run.advance(200, progress=False)
    return (time.process_time() - begun) / 200


def on_paper(found, phones=10**6, chosen=1000, gigabits=10.0, cores=64):
    """What a million phones need a round, as lines.

    Parameters
    ----------
    found : dict
        From `deployed`, of the largest federation.
    phones, chosen : int
        How many there are, and how many of them a round needs.
    gigabits, cores : float, int
        The server's line, both ways, and its cores.
    """
    up = counted(Recipe())[0]
    per_phone = found["server"] / found["nodes"]
    asking = phones / POLL * found["poll"]
    lines = [f"{'':<34}{'all a million':>16}{f'{chosen:,} chosen':>16}"]
    for words, each, unit in (
        ("up, with Flower's messages", found["up"] / 1e9, "GB"),
        ("down, with Flower's messages", found["down"] / 1e9, "GB"),
        ("up, the updates alone", up / 1e9, "GB"),
        (f"line of {gigabits:g} Gbit/s, up", found["up"] * 8 / gigabits / 1e9, "s"),
        ("server, CPU", per_phone, "s"),
        (f"server, on {cores} cores", per_phone / cores, "s"),
    ):
        cells = "".join(f"{f'{each * n:.3g} {unit}':>16}" for n in (phones, chosen))
        lines.append(f"{words:<34}{cells}")
    lines += [
        f"a million that ask every {POLL:g} s: {phones / POLL:,.0f} questions a second, "
        f"{asking:,.0f} cores busy with answering",
        f"a question every hour from those that charge, idle, on wireless (5 %): "
        f"{0.05 * phones / 3600:,.0f} a second, {0.05 * phones / 3600 * found['poll']:.2g} cores",
        f"chosen: {1.3 * chosen:,.0f} asked for {chosen:,} answers (30 % drop out or are late)",
    ]
    return lines


def main():
    try:
        flower_python()
    except Stopped as stop:
        print(stop)
        return
    print("SuperNodes   s a round   CPU-s a round          kB a participant   MiB, all")
    print("                         server  participant    up       down       processes")
    for nodes in NODES:
        found = deployed(nodes)
        print(
            f"{nodes:10d}{found['seconds']:12.1f}{found['server']:12.2f}{found['participant']:13.2f}"
            f"{found['up'] / 1e3:9.1f}{found['down'] / 1e3:11.1f}{found['mib']:14,.0f}",
            flush=True,
        )
    up, down = counted(Recipe())
    print(f"the update alone: {up / 1e3:.1f} kB, the model {down / 1e3:.1f} kB")
    print("\nparticipants   Flower's simulation   engine            engine is")
    print("               s       CPU-s         CPU-s a round")
    for participants in PARTICIPANTS:
        ours = engine(participants)
        seconds, cpu = simulated(participants)
        print(
            f"{participants:12d}{seconds:9.2f}{cpu:9.2f}{ours:15.5f}{cpu / ours:15,.0f}×",
            flush=True,
        )
    print("\nA million phones, a round, on paper:")
    print("\n".join(on_paper(found)))


if __name__ == "__main__":
    sys.exit(main())
