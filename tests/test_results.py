"""The tables of results: how they are made, and that they say what their README says."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import results
from fedlearn_edu import federation as fed

FOLDER = Path(__file__).resolve().parents[1] / "assets" / "results"


def table(name):
    with open(FOLDER / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# The partition by similarity is an exact cover with equal sizes; at 0 nearly everybody has one
# label or two, at 1 it is as mixed as chance makes it.
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_partition_by_similarity(share):
    indices, counts = results.similar(share)(np.random.default_rng(0))
    assert sorted(np.concatenate(indices).tolist()) == list(range(1438))
    assert np.ptp([len(rows) for rows in indices]) <= 2
    labels = (counts > 0).sum(axis=1).mean()
    assert {0.0: 1 <= labels < 1.2, 0.1: 2 < labels < 3, 1.0: 6 < labels < 9}[share]


# Rounds to a target are the first round in which the history reaches it, inf if none does.
def test_rounds_to_target():
    plan = fed.Plan(alpha=1.0, fraction=0.2)
    run = results.start(results.iid, results.SOFTMAX, plan, seed=3)
    again = results.start(results.iid, results.SOFTMAX, plan, seed=3).advance(60).history
    rounds = results.rounds_to(0.8, run, 60)
    assert again.accuracy[rounds] >= 0.8
    assert (again.accuracy[:rounds] < 0.8).all()
    assert results.rounds_to(1.1, run, 60) == float("inf")


# The best learning rate has the least mean score, the first of equals; a divergence never wins.
def test_best_alpha():
    scores = {0.1: 5, 0.3: 2, 1.0: 2, 3.0: float("inf")}
    assert results.best_alpha(lambda alpha, seed, best: scores[alpha], tuple(scores)) == 0.3


# Tuning and reporting use different seeds, ten of them for the report.
def test_seeds_are_apart():
    assert len(results.SEEDS) == 10
    assert not set(results.SEEDS) & set(results.TUNING)


# Each stored table has its rows, the median lies between the extremes, and ten seeds stand behind.
@pytest.mark.parametrize(("name", "rows"), [("fraction", 20), ("work", 18), ("drift", 30)])
def test_tables_of_rounds(name, rows):
    stored = table(name)
    assert len(stored) == rows
    for row in stored:
        assert float(row["least"]) <= float(row["rounds"]) <= float(row["most"])
        assert 0 <= int(row["reached"]) <= 10
        assert (float(row["most"]) < np.inf) == (row["reached"] == "10")


# u is E · n / (N · B), the mean number of local steps, as in the paper; the speed-up is against
# FedSGD, the first row of its partition.
def test_work_and_speedup():
    base = {}
    for row in table("work"):
        base.setdefault(row["partition"], float(row["rounds"]))
        batch = float(row["B"])
        steps = int(row["E"]) * (1 if np.isinf(batch) else 14.38 / batch)
        assert float(row["u"]) == pytest.approx(steps, abs=0.06)
        speedup = base[row["partition"]] / float(row["rounds"])
        assert float(row["speedup"]) == pytest.approx(speedup, abs=0.006)


# The table of stragglers has every share with every way, the mean between the extremes.
def test_table_of_stragglers():
    stored = table("stragglers")
    assert len(stored) == 15
    for row in stored:
        assert float(row["least"]) <= float(row["accuracy"]) <= float(row["most"])


# What the README says of who beats whom stands in the tables.
def test_readme_says_what_the_tables_say():
    work = {(row["partition"], row["E"], row["B"]): row for row in table("work")}
    most = {kind: max(float(r["speedup"]) for k, r in work.items() if k[0] == kind)
            for kind in ("iid", "shards")}  # fmt: skip
    assert 1.5 < most["shards"] < most["iid"] < 10
    share = {(r["partition"], r["B"], r["C"]): float(r["rounds"]) for r in table("fraction")}
    for (partition, batch, c), rounds in share.items():
        if partition == "shards" and float(c) <= 0.2:
            assert rounds > share["iid", batch, c]
    drift = {(r["similarity"], r["algorithm"], r["E"]): r for r in table("drift")}
    for epochs in ("1", "5", "20"):
        ours, theirs = (float(drift["0.0", a, epochs]["rounds"]) for a in ("SCAFFOLD", "FedAvg"))
        assert 1.4 < theirs / ours < 2
    for (similarity, algorithm, epochs), row in drift.items():
        if algorithm.startswith("FedProx"):
            assert float(row["rounds"]) > float(drift[similarity, "FedAvg", epochs]["rounds"])
    kept = {(r["stragglers"], r["algorithm"]): float(r["accuracy"]) for r in table("stragglers")}
    drops, keeps = "FedAvg, drops them", "FedProx mu=0, keeps their work"
    assert kept["0.9", keeps] - kept["0.9", drops] > 0.1
    for (slow, _), accuracy in kept.items():
        assert accuracy <= kept[slow, keeps]
