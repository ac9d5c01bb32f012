"""How much work a round is in Flower's simulation and in pfl-research, beside our engine.

The workload is that of `benchmarks.engine`, with the same participants and the same initial
parameters: FedAvg on the digits, 100 participants, Dirichlet(0.5), perceptron 64-64-10, E = 1,
B = 8, α = 0.1, everybody in every round.  Each system has a process of its own and one thread for
each of its workers.  Counted are the CPU seconds of that process and of all that it starts, read
as the rounds go by: what a round costs is the least of the differences, as in `benchmarks.engine`;
what the first rounds cost beyond that is start-up.  The accuracy after the same number of rounds
shows that all did the same work.

Flower needs older packages than the app, so the peers have an environment of their own.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 25  # the accuracy is compared after these
MARKS = {  # system: the CPU seconds are read after these numbers of rounds
    "engine": range(ROUNDS, ROUNDS + 2001, 400),
    "loop": range(5, ROUNDS + 1, 5),
    "pfl": range(5, ROUNDS + 1, 5),
    "flower": range(5, ROUNDS + 1, 5),
}
NEEDS = {  # peer: what must be importable to run it
    "loop": ("torch", "psutil"),
    "pfl": ("pfl", "torch", "psutil"),
    "flower": ("flwr", "ray", "torch", "psutil"),
}
QUIET = {  # one thread a process, and no word to anybody outside
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "FLWR_TELEMETRY_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
INSTALL = (
    "Flower and pfl-research are not installed; to measure them too: python3 -m venv .venv-peers"
    " && .venv-peers/bin/pip install torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
    " && .venv-peers/bin/pip install -r requirements-peers.txt"
)


# --- In the process that is measured ---


def adopt_orphans():
    """Keep what leaves its parent among this process's descendants (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        set_child_subreaper = 36
        ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def tree_seconds():
    """CPU seconds so far of this process, its descendants, and the children they waited for."""
    import psutil

    here, total = psutil.Process(), 0.0
    for process in (here, *here.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:4])  # own, and of its children that have ended
    return total


def end_descendants():
    """Leave nothing running: Ray's processes outlive a run by some seconds."""
    import psutil

    left = psutil.Process().children(recursive=True)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)


class Meter:
    """Called after each round: reads the CPU seconds at the marks, the accuracy after `ROUNDS`."""

    def __init__(self, marks, federation):
        self.marks, self.federation = marks, federation
        self.seconds, self.accuracy = [], None

    def __call__(self, done, theta):
        """Take the number of rounds done, and a function that gives the parameters then."""
        import fedlearn_edu as fl

        if done in self.marks:
            self.seconds.append(tree_seconds())
        if done == ROUNDS:
            x, y = self.federation.x_test, self.federation.y_test
            self.accuracy = float(fl.models.accuracy(theta(), x, y))


def run_engine(federation, theta, rounds, after):
    from threadpoolctl import threadpool_limits

    from benchmarks.engine import new_run

    run = new_run(federation, theta)
    with threadpool_limits(1):
        for done in range(ROUNDS, rounds + 1, ROUNDS):
            run.advance(ROUNDS, progress=False)
            after(done, lambda: run.theta)
    return "NumPy"


def run_loop(federation, theta, rounds, after):
    from benchmarks.engine import PlainLoop, as_theta

    loop = PlainLoop(federation, theta)
    for done in range(1, rounds + 1):
        loop.round()
        after(done, lambda: as_theta(loop.server.values()))
    return f"torch {loop.torch.__version__}"


def run_pfl(*arguments):
    from benchmarks.peers_pfl import run

    return run(*arguments)


def run_flower(*arguments):
    from benchmarks.peers_flower import run

    return run(*arguments)


SYSTEMS = {"engine": run_engine, "loop": run_loop, "pfl": run_pfl, "flower": run_flower}


def child(system):
    """Run one system in this process and print what was measured, as JSON."""
    from benchmarks.engine import workload

    adopt_orphans()
    federation, theta, _ = workload()
    meter = Meter(MARKS[system], federation)
    try:
        version = SYSTEMS[system](federation, theta, MARKS[system][-1], meter)
    finally:
        end_descendants()
    found = {"version": version, "seconds": meter.seconds, "accuracy": meter.accuracy}
    print("\n" + json.dumps(found), flush=True)


# --- In the process that compares ---


def python_with(modules):
    """The Python that has all these modules, this one or that of `.venv-peers`; None if neither."""
    check = "import sys; from importlib.util import find_spec as f; "
    check += "sys.exit(not all(map(f, sys.argv[1:])))"
    folder = ROOT / ".venv-peers"
    for python in (sys.executable, folder / "bin/python", folder / "Scripts/python.exe"):
        if Path(python).is_file() and not subprocess.call([python, "-c", check, *modules]):
            return python
    return None


def measure(system, python=sys.executable):
    """Run one system in a process of its own: CPU seconds a round and to start, and accuracy."""
    code = f"from benchmarks.peers import child; child({system!r})"
    with tempfile.TemporaryDirectory(prefix="peers", ignore_cleanup_errors=True) as scratch:
        places = {"PYTHONPATH": str(ROOT), "TMPDIR": scratch, "FLWR_HOME": scratch}
        done = subprocess.run(
            [python, "-c", code],
            cwd=ROOT,
            env={**os.environ, **QUIET, **places},
            capture_output=True,
            text=True,
            errors="replace",
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise RuntimeError(f"{system} stopped: {' '.join(last) or done.returncode}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    marks, seconds = MARKS[system], found["seconds"]
    each = min(b - a for a, b in zip(seconds, seconds[1:], strict=False)) / marks.step
    return {**found, "round": each, "start": seconds[0] - marks[0] * each}


def row(system, python, ours):
    """One line of the table; what a peer stops with stands there instead of its figures."""
    try:
        found = ours if system == "engine" else measure(system, python)
    except RuntimeError as error:
        return str(error)
    return (
        f"{found['round']:13.5f}{found['start']:10.1f}{found['accuracy']:11.4f}"
        f"{found['round'] / ours['round']:9.0f}×  {found['version']}"
    )


def main():
    pythons = {system: python_with(modules) for system, modules in NEEDS.items()}
    if not (pythons["pfl"] or pythons["flower"]):
        print(INSTALL)
        return
    names = {
        "engine": "our engine",
        "loop": "plain PyTorch loop",
        "pfl": "pfl-research",
        "flower": "Flower simulation",
    }
    ours = measure("engine")
    print(f"{'':<20}CPU-s a round  to start  accuracy*  engine is")
    for system, name in names.items():
        there = system == "engine" or pythons[system]
        words = row(system, pythons.get(system), ours) if there else "not installed"
        print(f"{name:<20}{words}", flush=True)
    print(f"* after {ROUNDS} rounds, same participants, same initial parameters")


if __name__ == "__main__":
    main()
