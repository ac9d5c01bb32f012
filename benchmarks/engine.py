"""How fast the engine is: against a plain PyTorch loop and one ideal product, and with options.

The workload: FedAvg on the digits, 100 participants, Dirichlet(0.5), perceptron 64-64-10, E = 1,
B = 8, α = 0.1, everybody in every round.  CPU time, one thread; each ratio is of minima over
repeats that take turns in one run, so that a busy machine disturbs both sides alike.
"""

import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

import fedlearn_edu as fl

SIZES, BATCH, ALPHA = (64, 64, 10), 8, 0.1


def workload(seed=0, participants=100, split=0):
    data, rng = fl.data.digits(split), np.random.default_rng(seed)
    parts = fl.data.dirichlet(data.y_train, participants, 0.5, rng)
    return fl.Federation.from_data(data, parts), fl.models.init(SIZES, rng), rng


def new_run(federation, theta, algorithm=None, **options):
    plan = fl.Plan(algorithm or fl.FedAvg(), **{"alpha": ALPHA, "batch": BATCH, **options})
    return fl.Run(federation, plan, theta, np.random.default_rng(1), every=0)


def flops(examples):
    """Multiplications and additions of one pass: forward, both gradients, deltas of the hidden."""
    inputs, hidden, classes = SIZES
    once = (inputs + 1) * hidden + (hidden + 1) * classes
    return 2 * examples * (2 * once + hidden * classes)


def fastest(tasks, repeats):
    """Return the least CPU seconds of each task, measured in turns."""
    best = dict.fromkeys(tasks, float("inf"))
    for task in tasks.values():
        task()
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.process_time()
            task()
            best[name] = min(best[name], time.process_time() - start)
    return best


class PlainLoop:
    """The usual tutorial code: clients in a loop, a model, an optimiser, a state dictionary."""

    def __init__(self, federation, theta, seed=1):
        import torch
        from torch import nn

        torch.set_num_threads(1)
        self.torch = torch
        self.generator = torch.Generator().manual_seed(seed)
        self.clients = [
            tuple(map(torch.from_numpy, map(np.copy, federation.of(i))))
            for i in range(federation.participants)
        ]
        self.model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        self.loss = nn.CrossEntropyLoss()
        layers = [theta[0].T, theta[1], theta[2].T, theta[3]]
        self.server = {
            name: torch.from_numpy(layer.copy())
            for name, layer in zip(self.model.state_dict(), layers, strict=True)
        }

    def learn(self, server, x, y):
        """One participant's epoch from the server's parameters: its own, as a state dictionary."""
        self.model.load_state_dict(server)
        optimizer = self.torch.optim.SGD(self.model.parameters(), lr=ALPHA)
        for rows in self.torch.randperm(len(y), generator=self.generator).split(BATCH):
            optimizer.zero_grad()
            self.loss(self.model(x[rows]), y[rows]).backward()
            optimizer.step()
        return self.model.state_dict()

    def round(self):
        total = sum(len(y) for _, y in self.clients)
        mean = {name: self.torch.zeros_like(layer) for name, layer in self.server.items()}
        for x, y in self.clients:
            for name, layer in self.learn(self.server, x, y).items():
                mean[name] += layer * (len(y) / total)
        self.server = mean

    def accuracy(self, federation):
        theta = as_theta(self.server.values())
        return fl.models.accuracy(theta, federation.x_test, federation.y_test)


def as_theta(layers):
    """PyTorch's layers in the package's shapes: a matrix of weights is (inputs, outputs) there."""
    return [layer.detach().numpy().T for layer in layers]


def has_torch():
    try:
        import torch  # noqa: F401
    except ImportError:
        print("PyTorch is not installed: its loop is left out")
        return False
    return True


def against_others(repeats=12):
    federation, theta, _ = workload()
    rounds, a = 20, np.random.default_rng(0).random((1024, 1024), dtype=np.float32)
    run, out = new_run(federation, theta), np.empty_like(a)
    tasks = {
        "engine": lambda: run.advance(rounds, progress=False),
        "gemm": lambda: np.matmul(a, a, out=out),
    }
    if has_torch():
        tasks["loop"] = PlainLoop(federation, theta).round
    best = fastest(tasks, repeats)
    engine, ideal = best["engine"] / rounds, best["gemm"] * flops(len(federation.y)) / (2 * 1024**3)
    print(f"engine                {1 / engine:8.0f} rounds/s")
    if "loop" in best:
        ratio = best["loop"] / engine
        print(
            f"plain PyTorch loop    {1 / best['loop']:8.1f} rounds/s   engine {ratio:.0f}× as fast"
        )
    print(f"ideal product         {1 / ideal:8.0f} rounds/s   engine within {engine / ideal:.1f}×")


PROCESS = """
import json, resource, sys
import numpy as np
import fedlearn_edu as fl
data, rng = fl.data.digits(), np.random.default_rng(0)
federation = fl.Federation.from_data(data, fl.data.dirichlet(data.y_train, 100, 0.5, rng))
theta = fl.models.init((64, 64, 10), rng)
run = fl.train(federation, fl.Plan(alpha=0.1, batch=8), theta, 20, rng)
use = resource.getrusage(resource.RUSAGE_SELF)
heavy = sorted({"torch", "pandas", "sklearn", "matplotlib"} & set(sys.modules))
print(json.dumps([use.ru_utime + use.ru_stime, use.ru_maxrss / 1024, heavy]))
"""


def whole_process(repeats=5):
    found = [
        json.loads(subprocess.check_output([sys.executable, "-c", PROCESS])) for _ in range(repeats)
    ]
    seconds, peak = (statistics.median(column) for column in list(zip(*found, strict=True))[:2])
    print(
        f"whole process, 20 rounds {seconds:5.2f} CPU-s, peak {peak:.0f} MB, heavy: {found[0][2]}"
    )


def with_options(repeats=8):
    federation, theta, _ = workload()
    runs = {
        "FedAvg": (new_run(federation, theta), 20, 1),
        "FedProx": (new_run(federation, theta, fl.FedProx(0.1)), 20, 1),
        "SCAFFOLD": (new_run(federation, theta, fl.Scaffold()), 20, 1),
        "FedNova": (new_run(federation, theta, fl.FedNova()), 20, 1),
        "FedAdam": (new_run(federation, theta, fl.FedAdam()), 20, 1),
        "momentum": (new_run(federation, theta, momentum=0.9), 20, 1),
        "E = 5": (new_run(federation, theta, epochs=5), 4, 5),
        "C = 0.1": (new_run(federation, theta, fraction=0.1), 200, 0.1),
        "gossip, ring": (new_run(federation, theta, fl.Gossip(fl.graphs.ring(100))), 20, 1),
        "int8 up": (new_run(federation, theta, up=fl.Cast("int8", scale="max")), 5, 1),
    }
    tasks = {
        name: lambda run=run, n=n: run.advance(n, progress=False)
        for name, (run, n, _) in runs.items()
    }
    best = fastest(tasks, repeats)
    each = {name: best[name] / n / passes for name, (_, n, passes) in runs.items()}
    for name, seconds in each.items():
        per_example = 1e6 * seconds / len(federation.y)
        print(
            f"{name:<14}{per_example:7.2f} µs an example, {seconds / each['FedAvg']:.2f} × FedAvg"
        )


def synthetic(participants, examples):
    rng = np.random.default_rng(0)
    n = participants * examples
    x, y = rng.random((n, 64), dtype=np.float32), rng.integers(0, 10, n)
    rows = np.split(np.arange(n), participants)
    return fl.Federation(x, y, rows, x[:10], y[:10]), fl.models.init(SIZES, rng)


def flatness(repeats=8):
    """Cost per example against the number of participants and of local steps.

    Everybody has as many examples, in full batches of 8.  A round has a cost of its own, for the
    luck of the draw and some twenty calls of NumPy a step, which ten participants cannot spread
    over many examples: it is told apart.  A single step is cheaper than more, since there nobody
    has a model of its own.
    """
    people = {f"{n:,} participants, 5 steps": (n, 5) for n in (10, 100, 1000, 10_000)}
    steps = {f"100 participants, {s} steps": (100, s) for s in (1, 2, 5, 10, 50)}
    tasks, work = {}, {}
    for name, (participants, local) in {**people, **steps}.items():
        run = new_run(*synthetic(participants, local * BATCH))
        rounds = max(1, 10_000 // (participants * local))
        tasks[name] = lambda run=run, rounds=rounds: run.advance(rounds, progress=False)
        work[name] = rounds * participants * local * BATCH
    best = fastest(tasks, repeats)
    each = {name: 1e6 * best[name] / work[name] for name in tasks}
    base = each["100 participants, 5 steps"]
    for family in (people, steps):
        costs = [each[name] for name in family]
        for name in family:
            ratio = each[name] / base
            print(f"{name:<32}{each[name]:6.2f} µs an example, {ratio:.2f} × 100 with 5")
        middle = (max(costs) + min(costs)) / 2
        print(f"{'':<32}all within ± {max(costs) / middle - 1:.0%} of {middle:.2f} µs")
    few, many = (40 * n * each[f"{n} participants, 5 steps"] for n in (10, 100))
    own = few - (many - few) / 9
    print(f"a round of 5 steps costs {own:.0f} µs of its own; without them ten participants take")
    print(f"{(few - own) / 400:.2f} µs an example")


MEMORY = """
import resource, sys
from benchmarks.engine import new_run, synthetic
import fedlearn_edu as fl
algorithm = {"FedAvg": fl.FedAvg(), "SCAFFOLD": fl.Scaffold()}[sys.argv[1]]
federation, theta = synthetic(int(sys.argv[2]), 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
new_run(federation, theta, algorithm).advance(2)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def memory():
    for algorithm in ("FedAvg", "SCAFFOLD"):
        peaks = {}
        for participants in (1000, 10_000):
            command = [sys.executable, "-c", MEMORY, algorithm, str(participants)]
            peaks[participants] = float(subprocess.check_output(command))
        slope = (peaks[10_000] - peaks[1000]) / 9000 * 1024
        print(
            f"{algorithm:<9} a run adds {peaks[1000]:.0f} MB with 1,000 participants, "
            f"{peaks[10_000]:.0f} MB with 10,000: {slope:.1f} kB each, 16 examples included"
        )


def band(values):
    return f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}"


def accuracy(seeds=20, rounds=30):
    """Accuracy beside the plain loop's, from the same start."""
    ours, theirs, torch = [], [], has_torch()
    for seed in range(seeds):
        federation, theta, rng = workload(seed)
        plan = fl.Plan(alpha=ALPHA, batch=BATCH)
        run = fl.train(federation, plan, theta, rounds, rng, every=rounds)
        ours.append(run.history.accuracy[-1])
        if torch:
            loop = PlainLoop(federation, theta, seed)
            for _ in range(rounds):
                loop.round()
            theirs.append(loop.accuracy(federation))
    print(f"{rounds} rounds, {seeds} seeds: engine {band(ours)}")
    if torch:
        difference = np.subtract(ours, theirs)
        error = difference.std(ddof=1) / seeds**0.5
        print(f"                     plain loop {band(theirs)}")
        print(
            f"                     difference {difference.mean():+.4f}, standard error {error:.4f}"
        )


def after_400_rounds(seeds=20, rates=(ALPHA, 0.3, 1.0, 3.0)):
    """Accuracy after 400 rounds, on the test images of the course and on those of other splits.

    The workload's α = 0.1 is slow: after 400 rounds it is still on its way.  Which rate is the best
    is asked without the test images: from every participant a fifth of its examples is held back.
    """
    plans = {rate: fl.Plan(alpha=rate, batch=BATCH) for rate in rates}
    held, last, others = ({rate: [] for rate in rates} for _ in range(3))
    central, pooled = fl.Plan(fl.Centralised(), alpha=ALPHA, batch=BATCH), []
    for seed in range(seeds):
        federation, theta, rng = workload(seed)
        elsewhere, start, _ = workload(seed, split=1 + seed)
        inside = without_tests(federation)
        pooled.append(reached(federation, central, theta, rng))
        for rate, plan in plans.items():
            held[rate].append(reached(inside, plan, theta, rng))
            last[rate].append(reached(federation, plan, theta, rng))
            others[rate].append(reached(elsewhere, plan, start, rng))
    print(f"400 rounds, {seeds} seeds: examples held back, test images, those of {seeds} splits")
    for rate in rates:
        print(f"α = {rate:<4} {band(held[rate])}   {band(last[rate])}   {band(others[rate])}")
    best = max(rates, key=lambda rate: np.mean(held[rate]))
    print(f"the examples held back choose α = {best}: {band(last[best])}, {band(others[best])}")
    print(f"centralised SGD, α = {ALPHA}: {band(pooled)}")


def reached(federation, plan, theta, rng):
    return fl.train(federation, plan, theta, 400, rng, every=400).history.accuracy[-1]


def without_tests(federation):
    """Return a federation that is tested on a fifth of everybody's own examples."""
    fifths = federation.starts + federation.counts // 5
    ends = federation.starts + federation.counts
    tests = np.concatenate([*map(np.arange, federation.starts, fifths)])
    kept = [*map(np.arange, fifths, ends)]
    return fl.Federation(federation.x, federation.y, kept, federation.x[tests], federation.y[tests])


def main():
    # Peaks of memory first: a child process begins with the peak of its parent.
    parts = (
        whole_process,
        memory,
        against_others,
        with_options,
        flatness,
        accuracy,
        after_400_rounds,
    )
    with threadpool_limits(1):
        for part in parts:
            print(f"\n{part.__name__.replace('_', ' ')}", flush=True)
            part()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nthe benchmark itself took {time.process_time():.0f} CPU-s and {peak:.0f} MB")


if __name__ == "__main__":
    main()
