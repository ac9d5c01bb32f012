"""What the papers claim, tried on the digits: writes assets/results/*.csv, which chapters read.

`python -m benchmarks.results` runs all four tables, `… fraction work drift stragglers` some.
Every row is trained with each of ten seeds (0 to 9), which set the partition, the weights at the
start and the luck of each round; the learning rate of a row is the one of ALPHAS that is best on
five other seeds.  assets/results/README.md says in words what came out and where the papers differ.
"""

import csv
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from fedlearn_edu import data, models
from fedlearn_edu import federation as fed

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "results"
PARTICIPANTS = 100
SEEDS, TUNING = range(10), range(100, 105)
DIGITS = data.digits()
PERCEPTRON, SOFTMAX = (64, 64, 10), (64, 10)
ALPHAS = {PERCEPTRON: (0.3, 1.0, 3.0, 0.1, 0.03), SOFTMAX: (1.0, 3.0, 0.3, 0.1, 10.0)}


def iid(rng):
    return data.iid(DIGITS.y_train, PARTICIPANTS, rng)


def shards(rng):
    return data.shards(DIGITS.y_train, PARTICIPANTS, rng)


def similar(share):
    """Return the partition of Karimireddy et al.: a share dealt at random, the rest by label."""

    def deal(rng):
        y = DIGITS.y_train
        order = rng.permutation(len(y))
        cut = round(share * len(y))
        rest = order[cut:][np.argsort(y[order[cut:]], kind="stable")]
        owner = np.empty(len(y), dtype=np.int64)
        for rows in (order[:cut], rest):
            for i, part in enumerate(np.array_split(rows, PARTICIPANTS)):
                owner[part] = i
        return data.by_group(y, owner)

    return deal


def start(partition, sizes, plan, seed):
    """Return the run of this seed, before its first round."""
    federation = fed.Federation.from_data(DIGITS, partition(np.random.default_rng([seed, 0])))
    theta = models.init(sizes, np.random.default_rng([seed, 1]))
    return fed.Run(federation, plan, theta, np.random.default_rng([seed, 2]))


def rounds_to(target, run, limit):
    """Return after how many rounds the test accuracy first reached the target; inf if never."""
    while run.round < limit and not run.diverged:
        run.advance(min(20, limit - run.round), progress=False)
        reached = np.flatnonzero(run.history.accuracy >= target)
        if len(reached):
            return int(run.history.rounds[reached[0]])
    return float("inf")


def final_accuracy(run, rounds):
    """Return the mean test accuracy of the last ten rounds; chance if the run diverged."""
    run.advance(rounds, progress=False)
    return 0.1 if run.diverged else float(run.history.accuracy[-10:].mean())


def best_alpha(score, alphas):
    """Return the learning rate with the least mean score on the tuning seeds; the first of equals.

    `score` is told the best mean so far, beyond which it may give up.
    """
    best, least = alphas[0], float("inf")
    for alpha in alphas:
        mean = statistics.mean(score(alpha, seed, least) for seed in TUNING)
        if mean < least:
            best, least = alpha, mean
    return best


def row_of_rounds(partition, sizes, target, limit, **options):
    """Return median, least and most rounds over the seeds, with the learning rate used."""

    def score(alpha, seed, best=float("inf")):
        plan, most = fed.Plan(alpha=alpha, **options), int(min(limit, 2 * best))
        return rounds_to(target, start(partition, sizes, plan, seed), most)

    alpha = best_alpha(score, ALPHAS[sizes])
    rounds = sorted(score(alpha, seed) for seed in SEEDS)
    return {
        "alpha": alpha,
        "rounds": statistics.median(rounds),
        "least": rounds[0],
        "most": rounds[-1],
        "reached": sum(r < float("inf") for r in rounds),
    }


def fraction():
    """McMahan et al. 2017, table 1: rounds to a target accuracy against C; E = 1."""
    for name, partition in (("iid", iid), ("shards", shards)):
        for batch in (None, 5):
            for share in (0.01, 0.1, 0.2, 0.5, 1.0):
                found = row_of_rounds(partition, PERCEPTRON, 0.93, 600, batch=batch, fraction=share)
                yield {"partition": name, "E": 1, "B": batch or "inf", "C": share, **found}


def work():
    """McMahan et al. 2017, table 2: rounds to a target accuracy against E and B; C = 0.1."""
    settings = [(1, None), (5, None), (1, 5), (20, None), (1, 2), (5, 5), (5, 2), (20, 5), (20, 2)]
    for name, partition in (("iid", iid), ("shards", shards)):
        base = None
        for epochs, batch in settings:
            found = row_of_rounds(
                partition, PERCEPTRON, 0.93, 600, epochs=epochs, batch=batch, fraction=0.1
            )
            base = base or found["rounds"]
            per_round = epochs * len(DIGITS.y_train) / PARTICIPANTS / (batch or np.inf)
            yield {
                "partition": name,
                "E": epochs,
                "B": batch or "inf",
                "u": round(per_round, 1) if batch else epochs,
                **found,
                "speedup": round(base / found["rounds"], 2),
            }


def drift():
    """Karimireddy et al. 2020, table 3: rounds to a target against similarity and local epochs."""
    algorithms = {
        "FedAvg": fed.FedAvg(),
        "FedProx mu=1": fed.FedProx(mu=1.0),
        "SCAFFOLD": fed.Scaffold(),
    }
    for share in (0.0, 0.1, 1.0):
        common = {"fraction": 0.2, "weights": "equal"}
        arguments = (similar(share), SOFTMAX, 0.85, 400)
        found = row_of_rounds(*arguments, algorithm=fed.FedSGD(), **common)
        yield {"similarity": share, "algorithm": "FedSGD", "E": 1, **found}
        for name, algorithm in algorithms.items():
            for epochs in (1, 5, 20):
                found = row_of_rounds(
                    *arguments, algorithm=algorithm, epochs=epochs, batch=3, **common
                )
                yield {"similarity": share, "algorithm": name, "E": epochs, **found}


def stragglers():
    """Li et al. 2020, figure 1: accuracy when some devices cannot finish their E = 20 epochs."""
    rounds, common = 100, {"epochs": 20, "batch": 5, "fraction": 0.1}

    def accuracy(seed, **options):
        return final_accuracy(start(shards, SOFTMAX, fed.Plan(**common, **options), seed), rounds)

    for slow in (0.0, 0.5, 0.9):
        partial = {"stragglers": fed.Stragglers(slow, partial=True)} if slow else {}
        ways = {"FedAvg, drops them": {"dropout": slow}, "FedProx mu=0, keeps their work": partial}
        for mu in (0.01, 0.1, 1.0):
            ways[f"FedProx mu={mu}, keeps their work"] = {"algorithm": fed.FedProx(mu), **partial}
        for way, options in ways.items():
            alpha = best_alpha(
                lambda alpha, seed, _, o=options: -accuracy(seed, alpha=alpha, **o),
                ALPHAS[SOFTMAX],
            )
            found = [accuracy(seed, alpha=alpha, **options) for seed in SEEDS]
            yield {
                "stragglers": slow,
                "algorithm": way,
                "alpha": alpha,
                "accuracy": round(statistics.mean(found), 4),
                "least": round(min(found), 4),
                "most": round(max(found), 4),
                "deviation": round(statistics.stdev(found), 4),
            }


TABLES = {"fraction": fraction, "work": work, "drift": drift, "stragglers": stragglers}


def main(names=()):
    """Make these tables, or all, and write each as it grows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or TABLES:
        if name not in TABLES:
            sys.exit(f"no table {name!r}; there are {', '.join(TABLES)}")
        begun = time.perf_counter()
        print(f"\n{TABLES[name].__doc__}\n", flush=True)
        rows = []
        for row in TABLES[name]():
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        with open(FOLDER / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"{name}.csv: {len(rows)} rows in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
