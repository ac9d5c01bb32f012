"""Laws of the drift lab: where the rounds end is where they must, and E = 1 knows no drift."""

import contextlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu.labs import drift
from fedlearn_edu.labs.drift import (
    EVERY,
    EXAMPLES,
    KEYS,
    LAB,
    ROUNDS,
    State,
    compute,
    draw,
    federation_of,
    grow,
    padded,
)
from fedlearn_edu.scene import Chart, Headline, Lines, Points, Raster, Table

from .labkit import random_state

T = LAB.translator("en")
DIGITS = LAB.preset("digits")
STATES = [LAB.preset(name) for name in LAB.presets if name != "digits"]
STATES += [replace(random_state(LAB, k), world="landscape") for k in range(1, 25)]
each_state = pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))


def printed(state):
    """The lines that a state's code prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(LAB.code(state), {})
    return out.getvalue().splitlines()


def numbers(lines, word):
    """The last number of each line that has the word in it."""
    return [float(line.split()[-1].strip("]")) for line in lines if word in line]


def marks(result, kind):
    return [mark for mark in draw(result, T).main.marks if isinstance(mark, kind)]


def walk(problem, i, theta, alpha, steps, mu=0.0, push=0.0):
    """Participant i's local steps from θ, one by one."""
    local = theta.copy()
    for _ in range(steps):
        slope = problem.curvatures[i] @ (local - problem.optima[i])
        local = local - alpha * (slope + mu * (local - theta) + push)
    return local


# The code for a state prints the lab's own distances, ends and factors; an end that is the optimum
# is at no distance but that of rounding.
@each_state
def test_code_prints_the_same_numbers(state):
    result, lines = compute(state), printed(state)
    ends = [history.distance[-1] for history in result.histories]
    np.testing.assert_allclose(numbers(lines, "distance"), ends, rtol=1e-9)
    np.testing.assert_allclose(numbers(lines, "factor"), result.factors, rtol=1e-9)
    gaps = result.gaps[:2]
    np.testing.assert_allclose(numbers(lines, "ends"), gaps[~np.isnan(gaps)], 1e-9, 1e-13)


# The three start at the same point, and each is its paper's algorithm in the first round.
@each_state
def test_first_round(state):
    result = compute(state)
    problem, start = result.problem, np.array(drift.START.full(state)[0])
    for mu, history in zip((0, state.mu, 0), result.histories, strict=True):
        np.testing.assert_array_equal(history.theta[0], start)
        if history.rounds:
            present = np.flatnonzero(history.took_part[0])
            ends = [walk(problem, i, start, state.alpha, state.local_steps, mu) for i in present]
            scale = max(1, np.abs(ends).max())
            np.testing.assert_allclose(history.theta[1], np.mean(ends, axis=0), atol=1e-9 * scale)


# At FedAvg's and FedProx's rings everybody's local steps cancel.
@each_state
def test_rings_are_where_nothing_moves(state):
    result = compute(state)
    problem = result.problem
    (rings,) = (mark for mark in marks(result, Points) if mark.shape == "ring")
    for mu, ring, factor in zip((0, state.mu), rings.points, result.factors, strict=False):
        if factor >= 1:
            assert np.isnan(ring).all()
            continue
        ends = [
            walk(problem, i, ring, state.alpha, state.local_steps, mu)
            for i in range(state.participants)
        ]
        scale = max(1, np.abs(ends).max())
        np.testing.assert_allclose(np.mean(ends, axis=0), ring, atol=1e-9 * scale)


# What settles within the rounds settles where the lab says, SCAFFOLD at the optimum.
@each_state
def test_runs_end_where_they_must(state):
    result = compute(replace(state, fraction=1.0))
    for history, end, factor in zip(result.histories, result.ends, result.factors, strict=True):
        if factor < 0.6:
            np.testing.assert_allclose(history.theta[-1], end, atol=1e-4)
    assert result.gaps[2] == 0 or result.factors[2] >= 1


# The curve of ends by E passes through the ends for this E, begins at 0, and is in the picture.
@each_state
def test_wandering(state):
    result = compute(state)
    gaps = np.linalg.norm(result.wandering - result.optimum, axis=-1)
    np.testing.assert_allclose(gaps[:, 0], 0, atol=1e-9)
    settled = result.factors[:2] < 1
    here = gaps[:, state.local_steps - 1]
    np.testing.assert_allclose(here[settled], result.gaps[:2][settled], rtol=1e-9, atol=1e-12)
    chart = draw(result, T).cards[2]
    for k, line in enumerate(mark for mark in chart.marks[:2] if isinstance(mark, Lines)):
        np.testing.assert_array_equal(line.points[0, :, 1], gaps[k])


# The table's numbers are those of the curves, frame by frame, and of the headline.
def test_table_and_headline():
    result = compute(State())
    headline, distance, _, table = draw(result, T).cards
    assert isinstance(headline, Headline)
    assert isinstance(table, Table)
    assert headline.value == f"{result.gaps[0]:.2f}" == "1.28"
    now, ends, factors = (column.values for column in table.columns)
    for k, history in enumerate(result.histories):
        errors = np.linalg.norm(history.theta - result.optimum, axis=1)
        np.testing.assert_allclose(now[:, k], errors, atol=1e-12)
    np.testing.assert_array_equal(ends, result.gaps)
    np.testing.assert_array_equal(factors, result.factors)
    assert isinstance(distance, Chart)


# Each preset does what its name says.
def test_presets_behave():
    result = {name: compute(LAB.preset(name)) for name in LAB.presets}
    fedavg, fedprox, scaffold = result["drift"].gaps
    assert fedavg > 1.2 > 1 > fedprox > 0.5 > scaffold == 0
    no_drift = result["no_drift"]
    np.testing.assert_allclose(no_drift.gaps, 0, atol=1e-9)
    first, *others = (history.theta for history in no_drift.histories)
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-9)
    equal = result["equal"]
    np.testing.assert_allclose(equal.gaps, 0, atol=1e-9)
    assert np.ptp(equal.problem.optima, axis=0).min() > 2
    assert LAB.preset("equal").local_steps == 20
    through = [history.distance[-1] for history in result["scaffold"].histories]
    assert through[2] < 1e-9 < 0.5 < min(through[:2])
    assert result["too_many"].factors[2] > 0.9
    a, p, s = result["digits"].reached
    assert s < a < p


# With one local step and everybody there, all three are one path; with more, FedAvg drifts.
@pytest.mark.parametrize("seed", range(6))
def test_more_steps_more_drift(seed):
    gaps = [compute(State(seed=seed, local_steps=e)).gaps[0] for e in (1, 5, 20)]
    assert gaps[0] < 1e-9
    assert gaps[0] < gaps[1] < gaps[2]


# With ever more local steps FedAvg ends at the plain mean of the optima, as the note says.
def test_limit_is_the_mean_of_the_optima():
    result = compute(State(alpha=0.25, local_steps=50))
    mean = result.problem.optima.mean(axis=0)
    np.testing.assert_allclose(result.ends[0], mean, atol=0.05)
    note = draw(result, T).cards[0].note
    assert f"{np.linalg.norm(mean - result.optimum):.2f}" in note


# In SCAFFOLD's local paths everybody ends up at the optimum together: steps along the common slope.
def test_scaffold_walks_together():
    state = LAB.preset("scaffold")
    result = compute(state)
    last = drift.walks(result)[-1]
    np.testing.assert_allclose(last, np.broadcast_to(result.optimum, last.shape), atol=1e-9)
    drifting = drift.walks(compute(replace(state, walks="fedavg")))[-1]
    assert np.linalg.norm(drifting[:, -1] - drifting[:, 0], axis=1).min() > 0.3


# The local paths drawn start at the round's θ and end where the simulation's do.
@pytest.mark.parametrize("walks", KEYS)
@pytest.mark.parametrize("local_steps", [1, 7, 50])
def test_walks(walks, local_steps):
    result = compute(State(walks=walks, local_steps=local_steps))
    history, drawn = result.histories[KEYS.index(walks)], drift.walks(result)
    assert len(drawn) == ROUNDS + 1
    assert np.isnan(drawn[0]).all()
    np.testing.assert_array_equal(drawn[1:, :, 0], history.local[:, :, 0])
    np.testing.assert_array_equal(drawn[1:, :, -1], history.local[:, :, -1])
    assert drawn.shape[2] == min(local_steps + 1, drift.WALKED)


# A run that leaves all bounds is cut short and named, and the others go on.
def test_divergence_is_named():
    state = State(alpha=0.25, mu=5.0, local_steps=50, curvatures=((4.0,),) * 5)
    result = compute(state)
    fedavg, fedprox, _ = result.histories
    assert fedavg.diverged is None
    assert fedprox.diverged is not None
    scene = draw(result, T)
    assert T("warning_diverged", name="FedProx", n=fedprox.diverged) in scene.warning
    assert "FedAvg" not in scene.warning
    assert np.isnan(result.gaps[1])
    assert np.isnan(padded(fedprox.theta)[-1]).all()
    assert scene.notice == (T("notice_diverging", name="FedProx"), T("notice_diverging_try"))


# The digits: the code prints the same accuracies as the lab shows.
@pytest.mark.parametrize(
    "change", [{}, {"local_steps": 3, "fraction": 0.5, "seed": 5, "beta": 1.0}]
)
def test_code_of_the_digits(change):
    state = replace(DIGITS, **change)
    accuracy = numbers(printed(state), "accuracy")
    np.testing.assert_allclose(compute(state).accuracy[:, -1], accuracy, rtol=1e-12)


# The digits are dealt out whole: every one of them to one participant; β small, labels few.
def test_digits_are_dealt_out():
    few = {}
    for beta in (0.05, 10.0):
        federation, counts, _ = federation_of(10, beta, 3)
        assert counts.sum() == len(federation.y) == EXAMPLES
        np.testing.assert_array_equal(counts.sum(axis=1), federation.counts)
        few[beta] = (counts > 0).sum(axis=1).mean()
    assert few[0.05] < 4 < 8 < few[10.0]
    (raster,) = (mark for mark in draw(compute(DIGITS), T).cards[2].marks if type(mark) is Raster)
    np.testing.assert_allclose(raster.values[0].sum(axis=1), 1)


# On the digits too: with one local step and everybody there the three are the same.
def test_one_step_on_digits():
    result = compute(replace(DIGITS, local_steps=1))
    np.testing.assert_allclose(result.loss[1:], result.loss[:1].repeat(2, axis=0), rtol=1e-4)
    assert draw(result, T).notice[0] == T("notice_digits_alike")
    assert draw(result, T).cards[0].badge == T("badge_alike")


# FedAvg on the digits is the reference engine's, another implementation; SCAFFOLD costs twice.
def test_digits_against_the_reference():
    result = compute(DIGITS)
    federation, _, theta = federation_of(DIGITS.participants, DIGITS.beta, DIGITS.seed)
    plan = fl.Plan(fl.Scaffold(), DIGITS.alpha, epochs=DIGITS.local_steps)
    rng = np.random.default_rng(DIGITS.seed)
    run = fl.train(federation, plan, theta, 3, rng, engine="reference")
    np.testing.assert_allclose(result.loss[2, :4], run.history.loss, rtol=1e-4)
    np.testing.assert_allclose(result.kilobytes / result.kilobytes[0], [1, 1, 2], rtol=0.01)


# Growing, the picture has what there is: known rounds stay, the others are empty.
def test_growth():
    state = replace(DIGITS, local_steps=2)
    whole, known = compute(state), 0
    for k, result in enumerate(grow(state)):
        made = ~np.isnan(result.accuracy)
        np.testing.assert_array_equal(result.accuracy[made], whole.accuracy[made])
        assert made.sum() == (known + EVERY if k else 3 + EVERY)
        known = made.sum()
        assert result.done == (known == made.size)
    assert re.search(r"→", draw(whole, T).cards[0].value)
    assert draw(next(grow(state)), T).cards[0].badge == T("badge_training")
