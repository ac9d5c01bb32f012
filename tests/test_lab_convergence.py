"""Laws of the convergence lab: the picture is the closed forms, the table adds up."""

import contextlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu.labs import convergence
from fedlearn_edu.labs.convergence import DIGITS, LAB, State, compute, contributions, draw
from fedlearn_edu.scene import Landscape, Lines, Points, Table

from .labkit import random_state

T = LAB.translator("en")
STATES = [LAB.preset(name) for name in LAB.presets] + [random_state(LAB, k) for k in range(1, 25)]
each_state = pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))


def printed(state):
    """What the snippet for a state prints, by name."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(LAB.code(state), {})
    pairs = re.findall(r"(theta|distance|bits)\s+([^a-z]+(?:e[-+]\d+[^a-z]*)*)", out.getvalue())
    return {name: np.array(re.findall(r"[-+.\de]+", text), dtype=float) for name, text in pairs}


def marks(result, kind, t=T, kept=()):
    return [mark for mark in draw(result, t, kept).main.marks if isinstance(mark, kind)]


# The code for a state prints the lab's own last θ, distance and bits.
@each_state
def test_code_prints_the_same_numbers(state):
    history, numbers = compute(state).history, printed(state)
    np.testing.assert_allclose(numbers["theta"], history.theta[-1], rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(numbers["distance"], history.distance[-1], rtol=1e-12)
    assert numbers["bits"] == history.bits.sum()


# In every round the participants' parts add up to the step, exactly so in the digits shown, and
# each θ is the one before plus it.
@each_state
def test_table_adds_up(state):
    result = compute(state)
    exact, _ = contributions(result)
    (table,) = (card for card in draw(result, T).cards if isinstance(card, Table))
    counts, weights, parts = table.columns
    theta = result.history.theta
    for k in range(1, len(theta)):
        scale = max(1.0, np.abs(theta[k]).max())
        np.testing.assert_allclose(
            np.nansum(exact[k - 1], axis=0), parts.total[k], atol=1e-9 * scale
        )
        total = np.nansum(parts.values[k], axis=0)
        np.testing.assert_allclose(total, np.round(parts.total[k], DIGITS), atol=1e-9 * scale)
        assert np.nanmax(np.abs(parts.values[k] - exact[k - 1]), initial=0) < 0.0011
        np.testing.assert_allclose(theta[k], theta[k - 1] + parts.total[k], atol=1e-9 * scale)
        took_part = result.history.took_part[k - 1]
        assert (np.isfinite(weights.values[k]) == took_part).all()
        arrived = result.weights[took_part].sum() > 0  # by hand, a weight may be zero
        np.testing.assert_allclose(weights.total[k], float(arrived), atol=1e-12)
    assert counts.total == counts.values.sum()
    assert np.isnan(parts.values[0]).all()


# The optimum that is drawn minimises the pooled loss: the weighted Hessians pull equally there.
@each_state
def test_optimum_is_the_closed_form(state):
    result = compute(state)
    problem, shares = result.problem, result.problem.counts / result.problem.counts.sum()
    pull = np.einsum("i,ijk,ik->j", shares, problem.curvatures, result.optimum - problem.optima)
    np.testing.assert_allclose(pull, 0, atol=1e-9)
    (cross,) = (mark for mark in marks(result, Points) if mark.shape == "cross")
    np.testing.assert_array_equal(cross.points[0], result.optimum)


# At the ring that is drawn, everybody's local steps cancel: the round ends where it began.
@each_state
def test_fixed_point_is_where_nothing_moves(state):
    result = compute(state)
    rings = [mark for mark in marks(result, Points) if mark.shape == "ring"]
    if result.fixed_point is None:
        assert rings == []
        return
    ring = rings[0].points[0]
    moved = np.zeros(2)
    for weight, curvature, optimum in zip(
        result.weights, result.problem.curvatures, result.problem.optima, strict=True
    ):
        theta = ring.copy()
        for _ in range(state.local_steps):
            theta = theta - state.alpha * curvature @ (theta - optimum)
        moved += weight * (theta - ring)
    size = np.abs(np.linalg.matrix_power(np.eye(2) - state.alpha * result.problem.curvatures.max()
                                         * np.eye(2), state.local_steps)).max()  # fmt: skip
    np.testing.assert_allclose(moved, 0, atol=1e-8 * max(1.0, size))


# With one local step and weights by size, the ring lies on the cross.
@pytest.mark.parametrize("seed", range(8))
def test_one_step_by_size_has_no_drift(seed):
    result = compute(State(local_steps=1, weighting="size", alpha=0.1, seed=seed))
    np.testing.assert_allclose(result.fixed_point, result.optimum, atol=1e-9)


# Each preset behaves as its name says.
def test_presets_behave():
    regimes = {name: compute(LAB.preset(name)).regime for name in LAB.presets}
    assert regimes["one_step"] == "one step"
    assert regimes["over_the_edge"] == "diverging"
    assert regimes["unequal"] == regimes["agreement"] == "converging"
    unequal, agreement = compute(LAB.preset("unequal")), compute(LAB.preset("agreement"))

    def drift(result):
        return np.linalg.norm(result.fixed_point - result.optimum)

    assert drift(unequal) > 0.3 > 0.05 > drift(agreement)
    one_step = compute(LAB.preset("one_step")).history
    np.testing.assert_allclose(one_step.distance[1:], 0, atol=1e-12)
    over = compute(LAB.preset("over_the_edge")).history
    np.testing.assert_allclose(over.distance[1:] / over.distance[:-1], 1.1, rtol=1e-9)


# At αh = 2 every step jumps across, exactly as far; a little less comes home, and is named so.
def test_the_edge():
    edge = replace(LAB.preset("over_the_edge"), alpha=2.0)
    result = compute(edge)
    np.testing.assert_allclose(result.history.distance, result.history.distance[0], rtol=1e-9)
    assert result.regime == "edge"
    words = draw(result, T)
    assert words.notice == (T("notice_edge"), T("notice_edge_try"))
    assert words.cards[0].badge == T("regime_edge")
    assert compute(replace(edge, alpha=1.9)).regime in ("oscillating", "slow")


# The headline's number is the article's |1 − αλh|.
@pytest.mark.parametrize(
    "alpha, factor, shown", [(0.5, 1.0, "0.50"), (0.5, 3.0, "0.50"), (1.0, 2.0, "1.00")]
)
def test_headline_is_the_articles_factor(alpha, factor, shown):
    state = replace(LAB.preset("one_step"), alpha=alpha, factor=factor)
    assert abs(1 - alpha * factor) == pytest.approx(float(shown))
    assert draw(compute(state), T).cards[0].value == f"|1 − αλh| = {shown}"


# A run that leaves all bounds is cut short, says in which round, and is still drawn.
def test_divergence_is_named():
    result = compute(State(alpha=2.5, local_steps=20, factor=10.0))
    history = result.history
    assert history.diverged == history.rounds + 1 < convergence.ROUNDS
    scene = draw(result, T)
    assert scene.frames == len(history.theta)
    assert scene.warning[-1] == T(f"warning_{history.cause}", n=history.diverged)
    assert set(scene.warning[:-1]) <= {""}
    assert len(scene.warning) == scene.frames


# A run that stays within bounds has no warning.
def test_no_warning_without_cause():
    assert draw(compute(State()), T).warning == ""


# The local paths of a round start at its θ; before the first round there are none, even where
# that round is the last.
@pytest.mark.parametrize("alpha, local_steps", [(0.1, 8), (2.5, 20)])
def test_local_paths(alpha, local_steps):
    result = compute(State(alpha=alpha, local_steps=local_steps, curvatures=((4.0,),) * 6))
    (local,) = (mark for mark in marks(result, Lines) if mark.reveal == "round")
    assert len(local.points) == len(result.history.theta)
    assert np.isnan(local.points[0]).all()
    for points, theta in zip(local.points[1:], result.history.theta, strict=False):
        np.testing.assert_array_equal(points[:, 0], np.tile(theta, (6, 1)))


# Kept runs are drawn dashed in their own colours, with their label, in both charts.
def test_kept_runs_are_drawn():
    kept = tuple((f"run {k}", compute(State(seed=k))) for k in range(4))
    result = compute(State())
    paths = [mark for mark in marks(result, Lines, kept=kept) if mark.colors[0] in ("k0", "k3")]
    assert [mark.dash for mark in paths] == [True, True]
    np.testing.assert_array_equal(paths[1].points[0], kept[3][1].history.theta)
    curves = draw(result, T, kept).cards[1].marks[:4]
    assert [curve.labels for curve in curves] == [(f"run {k}",) for k in range(4)]
    assert [curve.colors for curve in curves] == [(f"k{k}",) for k in range(4)]


# The landscape is the pooled loss: lowest at the grid point nearest to the optimum's.
def test_landscape_is_the_pooled_loss():
    result = compute(LAB.preset("one_step"))
    (land,) = marks(result, Landscape)
    row, column = np.unravel_index(land.values.argmin(), land.values.shape)
    point = np.array([convergence.GRID_X[column], convergence.GRID_Y[row]])
    step = convergence.GRID_X[1] - convergence.GRID_X[0]
    assert np.abs(point - result.optimum).max() <= step / 2 + 1e-9
    theta = np.array([1.0, -2.0])
    at = land.values[
        np.abs(convergence.GRID_Y + 2).argmin(), np.abs(convergence.GRID_X - 1).argmin()
    ]
    shares = result.problem.counts / result.problem.counts.sum()
    gaps = theta - result.problem.optima
    loss = 0.5 * np.einsum("i,ij,ijk,ik->", shares, gaps, result.problem.curvatures, gaps)
    np.testing.assert_allclose(at, loss, rtol=1e-9)


# A participant keeps its character when others come or go, and when the spread changes.
def test_participants_keep_their_character():
    few, many = State(participants=3), State(participants=20)
    assert convergence.OPTIMA.full(many)[:3] == convergence.OPTIMA.full(few)
    assert convergence.COUNTS.full(many)[:3] == convergence.COUNTS.full(few)
    near = np.array(convergence.OPTIMA.full(State(spread=0.45)))
    far = np.array(convergence.OPTIMA.full(State(spread=0.9)))
    np.testing.assert_allclose(far, 2 * near, atol=0.011)
    assert not np.any(convergence.OPTIMA.full(State(spread=0.0)))


# Weights by hand are divided by their sum; all at zero counts as equal.
def test_weights_by_hand():
    state = State(participants=2, weighting="hand", weights=((0.2,), (0.6,)))
    np.testing.assert_allclose(convergence.weights_of(state), [0.25, 0.75])
    zero = replace(state, weights=((0.0,), (0.0,)))
    np.testing.assert_allclose(convergence.weights_of(zero), [0.5, 0.5])
    counts = np.array(convergence.COUNTS.full(state))[:, 0]
    by_size = convergence.weights_of(replace(state, weighting="size"))
    np.testing.assert_allclose(by_size, fl.sample_weights(counts))


# The numbers file has a row a round, and its bits add up to the history's.
def test_table_of_rounds():
    result = compute(State(fraction=0.5, dropout=0.2, wire="int8"))
    header, rows = LAB.table(result)
    assert [row[0] for row in rows] == list(range(convergence.ROUNDS + 1))
    assert sum(row[header.index("bits")] for row in rows) == result.history.bits.sum()
    parts = np.array([row[header.index("took_part_1") :] for row in rows[1:]], dtype=bool)
    np.testing.assert_array_equal(parts, result.history.took_part)
