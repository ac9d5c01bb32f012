"""Laws of the playground: the picture is the run's own numbers, and painting changes the data."""

import contextlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from fedlearn_edu import Federation, Plan, models, planar, train
from fedlearn_edu.labs import playground
from fedlearn_edu.labs.playground import (
    COLUMNS,
    HIGH,
    LAB,
    ROUNDS,
    ROWS,
    TRAIN,
    WIDE,
    State,
    compute,
    draw,
    examples,
    grow,
)
from fedlearn_edu.scene import Points, Raster

from .labkit import random_state

T = LAB.translator("en")
QUICK = State(epochs=1, hidden="one")
STATES = [LAB.preset(name) for name in LAB.presets] + [random_state(LAB, k) for k in range(1, 13)]
each_state = pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))


def printed(state):
    """The numbers that the snippet for a state prints, by name."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(LAB.code(state), {})
    lines = dict(line.split(" ", 1) for line in out.getvalue().splitlines() if " " in line)
    return {name: np.array(text.split(), dtype=float) for name, text in lines.items()}


# The code for a state prints the lab's own last losses, accuracy and kilobytes; it watches nobody,
# and with one step a round float32 is then added up in another order.
@each_state
def test_code_prints_the_same_numbers(state):
    result = compute(state)
    if result.missing:
        assert printed(state) == {}
        return
    numbers = printed(state)
    np.testing.assert_allclose(numbers["loss"], result.loss[-1], rtol=1e-5)
    np.testing.assert_allclose(numbers["accuracy"], result.accuracy[-1])
    np.testing.assert_allclose(numbers["participants"], result.locals[-1], rtol=1e-5)
    np.testing.assert_allclose(numbers["kilobytes"], result.kilobytes[-1])


# Everybody's points are those of the set, each held by one, and after them the painted ones.
@each_state
def test_examples(state):
    x, y, owner, test = examples(state)
    painted = [p for p in state.paint if p[2] <= state.participants]
    base = 0 if state.dataset == "blank" else TRAIN
    assert len(x) == len(y) == len(owner) == base + len(painted)
    assert (test is None) == (state.dataset == "blank")
    if base:
        assert np.bincount(owner[:base], minlength=state.participants).min() >= playground.LEAST
    for k, (x1, x2, who, label) in enumerate(painted, base):
        np.testing.assert_allclose(x[k], (x1, x2), rtol=1e-6)
        assert (owner[k], y[k]) == (who - 1, label)


# The surface shows the model: at the squares' middles it is the probability of class 1, and the
# model's accuracy by the surface's colours is about its accuracy on the test points.
@pytest.mark.parametrize("state", [QUICK, replace(QUICK, squares=True), State(dataset="xor")])
def test_surface_is_the_model(state):
    result = compute(state)
    x, y = examples(state)[3]
    column = ((x[:, 0] + WIDE) / (2 * WIDE) * COLUMNS).astype(int)
    row = ((x[:, 1] + HIGH) / (2 * HIGH) * ROWS).astype(int)
    inside = (np.abs(x[:, 0]) < WIDE) & (np.abs(x[:, 1]) < HIGH)
    for k in (0, 1, 5, ROUNDS):
        said = result.surfaces[k][row[inside], column[inside]] > 127
        np.testing.assert_allclose((said == y[inside]).mean(), result.accuracy[k], atol=0.06)
    theta = models.init((2, 2), np.random.default_rng(0))
    theta = [np.array([[0.0, 1.0], [0.0, 0.0]], theta[0].dtype), np.zeros(2, theta[0].dtype)]
    bare = playground.surface(theta, playground.grid(State(squares=False)))
    middles = WIDE * (2 * (np.arange(COLUMNS) + 0.5) / COLUMNS - 1)
    expected = 255 / (1 + np.exp(-middles))
    np.testing.assert_allclose(bare, np.tile(expected, (ROWS, 1)), atol=0.51)


# The participant's own surface is that of its model before averaging: alone, it is the common one.
def test_own_model_alone():
    points = tuple((x, y, 2, int(x > 0)) for x in (-2.0, -1.0, 1.0, 2.0) for y in (-1.0, 1.0))
    result = compute(State(dataset="blank", participants=4, who=2, paint=points))
    np.testing.assert_array_equal(result.own, result.surfaces)
    np.testing.assert_array_equal(result.trained, np.arange(ROUNDS + 1))
    other = compute(State(dataset="blank", participants=4, who=1, paint=points))
    np.testing.assert_array_equal(other.surfaces, result.surfaces)
    assert (other.trained == 0).all()
    assert (other.own == other.own[0]).all()


# Who is looked at changes the small picture only, and in its rounds away it keeps its last model.
def test_looking_changes_nothing():
    crowd = LAB.preset("crowd")
    results = [compute(replace(crowd, who=who)) for who in (1, 7, 54)]
    for who, result in zip((1, 7, 54), results, strict=True):
        np.testing.assert_array_equal(result.surfaces, results[0].surfaces)
        there = np.append(True, result.took_part[:, who - 1])
        np.testing.assert_array_equal(result.trained == np.arange(ROUNDS + 1), there)
        same = (result.own[1:] == result.own[:-1]).all(axis=(1, 2))
        assert same[~there[1:]].all()
    assert not np.array_equal(results[0].own, results[1].own)


# Without participants' differences the lab is the package's own training, round by round.
def test_run_is_the_packages():
    state = replace(QUICK, algorithm="fedprox", mu=0.2, fraction=0.5, weighted=False, skew=1.0)
    result = compute(state)
    x, y, owner, (x_test, y_test) = examples(state)
    parts = [np.flatnonzero(owner == i) for i in range(state.participants)]
    *_, for_model, for_run = np.random.default_rng(state.seed).spawn(4)
    plan = Plan(
        playground.algorithm_of(state), alpha=0.1, epochs=1, batch=10, fraction=0.5,
        weights="equal",
    )  # fmt: skip
    theta = models.init((2, 8, 2), for_model)
    run = train(Federation(x, y, parts, x_test, y_test), plan, theta, ROUNDS, for_run,
                engine="reference", keep=("locals", "participation"))  # fmt: skip
    np.testing.assert_allclose(result.loss, run.history.loss, rtol=2e-4)
    np.testing.assert_allclose(result.locals[:, 2], run.history.local_loss.max(axis=1), rtol=2e-3)
    np.testing.assert_array_equal(result.took_part, run.history.took_part)
    assert result.took_part.sum(axis=1).tolist() == [4] * ROUNDS
    d = 2 * 8 + 8 + 8 * 2 + 2
    least = 2 * 4 * ROUNDS * d * 4 / 1000  # both ways, 4 participants, 4 bytes a number
    assert least < result.kilobytes[-1] < 1.3 * least


# Results on the way are the beginning of the whole.
def test_growth():
    results = list(grow(QUICK))
    whole = results[-1]
    assert [r.over for r in results] == [False] * (len(results) - 1) + [True]
    for part in results:
        k = part.frames
        np.testing.assert_array_equal(part.surfaces, whole.surfaces[:k])
        np.testing.assert_array_equal(part.loss, whole.loss[:k])
        assert len(part.kilobytes) == len(part.took_part) + 1 == k


# Noise moves the points and the seed draws others; neither who is looked at nor the number of
# participants, nor the algorithm, changes which points there are.
def test_what_the_points_depend_on():
    x, _, _, (test, _) = examples(State())
    for change in ({"who": 5}, {"participants": 20}, {"algorithm": "scaffold"}, {"beta": 9.0}):
        other = examples(replace(State(), **change))
        np.testing.assert_array_equal(other[0], x)
        np.testing.assert_array_equal(other[3][0], test)
    assert not np.isclose(examples(State(seed=8))[0], x).any()
    bare = planar.moons(TRAIN, np.random.default_rng(7).spawn(4)[0], 0)[0]
    half = examples(State(noise=0.1))[0]
    np.testing.assert_allclose(x - bare, 2 * (half - bare), atol=1e-6)


# Presets behave as their names say.
def test_presets_behave():
    moons, crowd, spiral = (compute(LAB.preset(n)) for n in ("moons", "crowd", "spiral"))
    assert moons.accuracy[-1] > 0.95 > moons.accuracy[1]
    assert spiral.accuracy[-1] > 0.95 > spiral.accuracy[3]
    assert crowd.accuracy[-1] > 0.9
    assert crowd.took_part.shape[1] == 54
    assert 2 < crowd.took_part.sum(axis=1).mean() < 11


# With one class each, a participant's own model first sees one class everywhere; FedAvg's border
# is still lurching when SCAFFOLD's has come to rest, with this seed as with others.
@pytest.mark.parametrize("seed", [LAB.preset("one_sided").seed, 1, 4])
def test_one_sided(seed):
    state = replace(LAB.preset("one_sided"), seed=seed)
    fedavg, scaffold = compute(state), compute(replace(state, algorithm="scaffold"))
    for k in range(1, 6):
        assert (fedavg.own[k] > 127).mean() in (0, 1)
    rest = [np.flatnonzero(r.accuracy < 0.95).max() + 1 for r in (fedavg, scaffold)]
    assert rest[0] > 2 * rest[1]
    assert fedavg.accuracy[-1] > 0.95


# One participant with many wrong points spoils the common model by size, and not by head.
def test_wrong():
    state = LAB.preset("wrong")
    assert {p[2:] for p in state.paint} == {(1, 1)}
    by_size, by_head = compute(state), compute(replace(state, weighted=False))
    clean = compute(replace(state, paint=()))
    assert by_size.accuracy[-1] < 0.85 < 0.93 < by_head.accuracy[-1] <= clean.accuracy[-1]


# Without hidden units the border is straight: along each row the surface changes one way only,
# by the same logits; with squares as inputs it need not be.
def test_straight():
    result = compute(State(dataset="circles", hidden="none"))
    change = np.diff(result.surfaces[-1].astype(int), axis=1)
    assert (change >= 0).all() or (change <= 0).all()
    assert result.accuracy[-1] < 0.8
    assert draw(result, T).notice[0] == T("notice_straight")
    assert compute(State(dataset="circles", hidden="none", squares=True)).accuracy[-1] > 0.95


# An empty plane is drawn, says so, and takes no round.
def test_empty():
    result = compute(State(dataset="blank"))
    scene = draw(result, T)
    assert scene.frames == 1
    assert scene.notice[0] == T("notice_empty")
    assert not [mark for mark in scene.main.marks if isinstance(mark, Points)]
    (surface,) = (mark for mark in scene.main.marks if isinstance(mark, Raster))
    np.testing.assert_array_equal(surface.values[:, 0], result.surfaces)


# Steps that are too long end the run with a warning at its last frame, and every number is finite.
def test_divergence():
    result = compute(
        State(
            dataset="spiral", algorithm="scaffold", alpha=1.0, epochs=10, squares=True, noise=0.8,
            hidden="wide", beta=0.02, seed=5,
        )
    )  # fmt: skip
    assert result.frames == result.diverged < ROUNDS
    scene = draw(result, T)
    assert set(scene.warning[:-1]) <= {""}
    assert re.search(rf"\b{result.diverged}\b", scene.warning[-1])
    assert scene.notice[0] == T("notice_diverged")
    assert np.isfinite(result.loss).all()


# The points drawn are everybody's, each once; the chosen participant's have a rim.
@pytest.mark.parametrize("who", [1, 6])
def test_points_drawn(who):
    state = replace(LAB.preset("wrong"), who=who)
    result = compute(state)
    points = [mark for mark in draw(result, T).main.marks if isinstance(mark, Points)]
    drawn = np.concatenate([mark.points for mark in points])
    np.testing.assert_array_equal(
        drawn[np.lexsort(drawn.T)], result.x[np.lexsort(result.x.T)].astype(drawn.dtype)
    )
    mine = sum(len(mark.points) for mark in points if mark.rim)
    assert mine == (result.owner == who - 1).sum()
    for mark in points:
        assert {"p0": "dot", "p1": "triangle"}[mark.colors[0]] == mark.shape
