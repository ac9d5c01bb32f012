"""The lab "One round, by hand": two rounds on paper, and the picture of them."""

import contextlib
import io
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from fedlearn_edu import Quadratics, simulate
from fedlearn_edu.labs.controls import clean
from fedlearn_edu.labs.one_round import (
    DATA,
    DROPS,
    FRAMES,
    LAB,
    LATE,
    MOST,
    State,
    compute,
    numbers,
    table,
)
from fedlearn_edu.scene import apportion

OUT, TARDY = (float(DROPS),), (float(LATE),)
STATES = (
    State(),
    State(alpha=0.35, local_steps=3, start=-7.0),
    State(participants=6, presence=((), OUT, (), (), TARDY), weighting="equal", alpha=0.15),
    State(participants=2, data=((1.5, None, -2.25, 10.75, 3.0),), alpha=1.0),
    State(participants=3, presence=(OUT, TARDY, OUT)),
    State(participants=5, presence=(TARDY,) * 5),
    State(participants=3, presence=(OUT,) * 3, local_steps=5),
    *(LAB.preset(name) for name in LAB.presets),
)


def picture(state, lang="en"):
    return LAB.draw(compute(state), LAB.translator(lang), ())


# On paper, in fractions: θ_i ← θ_i − α (θ_i − x̄_i) E times, then the weighted mean of those here.
def on_paper(state):
    alpha, theta = Fraction(str(state.alpha)), Fraction(str(state.start))
    data = [[Fraction(str(x)) for x in row] for row in numbers(state)]
    presence = [row[0] if row else 0.0 for row in state.presence]
    presence += [0.0] * (state.participants - len(presence))
    for missing in ({DROPS, LATE}, {DROPS}):
        total = weight = Fraction(0)
        for row, p in zip(data, presence, strict=True):
            own = theta
            for _ in range(state.local_steps):
                own -= alpha * (own - sum(row) / len(row))
            w = len(row) if state.weighting == "size" else 1
            if p not in missing:
                total, weight = total + w * own, weight + w
        theta = total / weight if weight else theta
        yield float(theta)


# Both rounds come out as they do on paper, whoever is missing.
@pytest.mark.parametrize("state", STATES)
def test_rounds_as_on_paper(state):
    after = [record.after for record in compute(state).rounds]
    np.testing.assert_allclose(after, list(on_paper(state)), rtol=1e-12, atol=1e-12)


# The first state can be checked in the head: x̄ = (4, 9, 5, 7), n = (4, 2, 1, 3), θ: 0 → 3 → 4.5.
def test_first_state():
    first, second = compute(State()).rounds
    np.testing.assert_allclose(first.gradients, [-4, -9, -5, -7])
    np.testing.assert_allclose(first.updates, [2, 4.5, 2.5, 3.5])
    np.testing.assert_allclose(first.weights, [0.4, 0.2, 0.1, 0.3])
    np.testing.assert_allclose(first.parts, [0.8, 0.9, 0.25, 1.05])
    assert (first.after, second.after) == pytest.approx((3, 4.5))


# With everybody here and weights by size, E local steps give what E steps on the pooled numbers
# give; the lab says so at step 4.
@pytest.mark.parametrize("state", [s for s in STATES[:2] + STATES[3:4] if s.weighting == "size"])
def test_equals_steps_on_the_pooled_data(state):
    pooled = [x for row in numbers(state) for x in row]
    cards, r = picture(state).cards, compute(state).rounds[0]
    theta = state.start
    for _ in range(state.local_steps):
        theta -= state.alpha * np.mean([theta - x for x in pooled])
    assert r.after == pytest.approx(theta, abs=1e-12)
    assert (cards[2].badge[3], cards[2].badge[4], cards[2].tone[4]) == ("", "the same", "good")


# With everybody here the lab is FedAvg as the package simulates it.
@pytest.mark.parametrize("state", [State(), State(local_steps=4, alpha=0.2, weighting="equal")])
def test_agrees_with_the_simulation(state):
    data = numbers(state)
    problem = Quadratics(np.ones(len(data)), [[np.mean(x)] for x in data], [len(x) for x in data])
    weights = None if state.weighting == "size" else np.ones(len(data))
    history = simulate(
        problem, [state.start], 2, state.alpha, local_steps=state.local_steps, weights=weights
    )
    after = [record.after for record in compute(state).rounds]
    np.testing.assert_allclose(after, history.theta[1:, 0])


# What is sent is what the local training changed, and of those that arrive only.
@pytest.mark.parametrize("state", STATES)
def test_the_result_of_local_training_is_sent(state):
    for record in compute(state).rounds:
        np.testing.assert_allclose(record.updates, record.local - record.before)
        np.testing.assert_array_equal(np.isnan(record.updates), ~record.trains)
        np.testing.assert_array_equal(np.isnan(record.weights), ~record.arrives)
        assert not (record.arrives & ~record.trains).any()


# The drawn table adds up digit by digit: Σ wᵢ = 1, Σ wᵢΔᵢ = the foot = new θ − old θ as shown.
@pytest.mark.parametrize("state", STATES)
def test_drawn_table_adds_up(state):
    result = compute(state)
    columns, digits = picture(state).cards[1].columns, result.digits
    for f, (r, step) in enumerate(FRAMES):
        now = result.shown[r]
        counts, means, slopes, updates, weights, parts = (
            c.values if c.values.ndim == 1 else c.values[f] for c in columns
        )
        if step < 4 or not result.rounds[r].arrives.any():
            assert np.isnan(weights).all()
            assert np.isnan(parts).all()
            continue
        here = result.rounds[r].arrives
        in_units = np.round(parts[here] * 10**digits)
        assert in_units.sum() == np.round((now.after - now.before) * 10**digits)
        assert np.round(weights[here] * 10**digits).sum() == 10**digits
        assert columns[5].total[f, 0] == pytest.approx(now.after - now.before, abs=1e-9)
        assert columns[0].total[f, 0] == counts[here].sum()
        np.testing.assert_allclose(updates[here], now.local[here] - now.before, atol=1e-9)
        if state.local_steps == 1:
            np.testing.assert_allclose(slopes[here], now.before - means[here], atol=1e-9)


# What is shown is within one unit of its last digit of what was computed.
@pytest.mark.parametrize("state", STATES)
def test_shown_is_near_the_truth(state):
    result = compute(state)
    unit = 1.01 * 10.0**-result.digits
    for r, record in enumerate(result.rounds):
        now = result.shown[r]
        for name in ("gradients", "local", "updates", "weights", "after", "pooled"):
            np.testing.assert_allclose(getattr(now, name), getattr(record, name), atol=unit)
        np.testing.assert_allclose(now.parts, record.parts, atol=2 * unit)


# Parts that are rounded to add up do, however awkward they are, and never lose a participant.
@pytest.mark.parametrize("values", [[1 / 3] * 3, [0.125, 0.375, 0.5], [-1.005, 2.005, np.nan]])
def test_apportion(values):
    parts = apportion(values, np.round(np.nansum(values), 2), 2)
    assert np.nansum(np.round(parts * 100)) == np.round(np.nansum(values) * 100)
    np.testing.assert_allclose(parts, values, atol=0.0101)


# Who drops out has trained, is lost at step 3 and keeps its own θᵢ; the other weights fill 1.
def test_one_drops_out():
    state = LAB.preset("drops")
    first, second = compute(state).rounds
    boxes = next(m for m in picture(state).main.marks if getattr(m, "key", "") == "presence")
    assert first.trains.tolist() == [True] * 4
    assert first.arrives.tolist() == second.trains.tolist() == [True, False, True, True]
    np.testing.assert_allclose(first.weights, [0.5, np.nan, 0.125, 0.375])
    assert [tones[1] for tones in boxes.tones] == ["plain", "plain", "active"] + ["off"] * 7
    assert {lines[1][1] for lines in boxes.lines[2:]} == {"θ₂ = 4.500"}
    assert first.after == pytest.approx(2.625)


# Who is late has no part in round 1, gets the new θ at synchronisation, and trains in round 2.
def test_one_comes_late():
    state = LAB.preset("late")
    first, second = compute(state).rounds
    boxes = next(m for m in picture(state).main.marks if getattr(m, "key", "") == "presence")
    assert not first.trains[1]
    assert second.arrives.all()
    assert [tones[1] for tones in boxes.tones[:4]] == ["off"] * 3 + ["plain"]
    assert boxes.lines[4][1][1] == "θ₂ = –"
    assert boxes.lines[5][1][1] == "θ₂ = 2.625"
    assert second.after == pytest.approx(second.pooled)


# Equal weights on unequal data give θ = 4 where the pooled numbers give 2.5; by size, 2.5 too.
def test_unequal_data():
    state = LAB.preset("unequal")
    equal, sized = compute(state).rounds[0], compute(replace(state, weighting="size")).rounds[0]
    assert (equal.after, equal.pooled, sized.after) == pytest.approx((4, 2.5, 2.5))
    assert picture(state).cards[2].tone[4] == "warn"


# Synchronisation gives everybody who is here the same θ, and step 5 is in both rounds.
def test_synchronisation():
    scene = picture(State())
    boxes = next(m for m in scene.main.marks if getattr(m, "key", "") == "presence")
    for frame, theta in ((5, "3.00"), (9, "4.50")):
        assert "ynchronise" in scene.names[frame]
        assert [lines[1].split(" = ")[1] for lines in boxes.lines[frame]] == [theta] * 4


# Every frame has its name, its words, its boxes and its packets, in both languages.
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("state", STATES)
def test_every_frame_is_drawn(state, lang):
    scene = picture(state, lang)
    assert scene.frames == len(scene.names) == len(FRAMES) == 10
    for mark in scene.main.marks:
        if type(mark).__name__ == "Boxes":
            assert len(mark.lines) == len(mark.tones) == 10
            assert (mark.points - np.array(mark.size) / 2 >= 0).all()
            assert (mark.points + np.array(mark.size) / 2 <= 1).all()
        else:
            assert len(mark.points) == 10
    for text in (scene.cards[0].value, scene.cards[0].note, scene.cards[2].note):
        assert len(text) == 10
        assert all(text)
        assert not any("{" in line or "nan" in line for line in text)


# Boxes of any number of participants do not overlap.
@pytest.mark.parametrize("n", range(2, MOST + 1))
def test_boxes_do_not_overlap(n):
    marks = [m for m in picture(State(participants=n)).main.marks if type(m).__name__ == "Boxes"]
    boxes = [(point, mark.size) for mark in marks for point in mark.points]
    for k, (a, size) in enumerate(boxes):
        for b, other in boxes[k + 1 :]:
            room = np.abs(a - b) - (np.array(size) + np.array(other)) / 2
            assert room.max() > 0


# A number typed into an empty cell joins the others; an emptied cell leaves; no row is ever empty.
def test_editing_the_data():
    def edited(state, row, **cells):
        values = {"data": {"row": row, "set": {k[1:]: v for k, v in cells.items()}}}
        return clean(LAB.by_key, state, values)[0]

    more = edited(State(), 1, c2=3)
    assert numbers(more)[1] == (8, 10, 3)
    less = edited(more, 1, c0=None)
    assert numbers(less)[1] == (10, 3)
    assert DATA.full(less)[1] == (None, 10, 3, None, None)
    assert numbers(edited(State(), 2, c0=None))[2] == (5,)
    assert numbers(less)[0] == numbers(State())[0]


# A press that brings a participant back gives the state in which it never left.
def test_pressing_a_box_around():
    state = State()
    for choice, expected in ((1, ((), OUT)), (2, ((), TARDY)), (0, ())):
        values = {"presence": {"row": 1, "set": {"0": choice}}}
        state, _, changed = clean(LAB.by_key, state, values)
        assert state.presence == expected
        assert not changed
    assert state == State()


# The snippet, pasted into Python, prints the numbers of the lab.
@pytest.mark.parametrize("state", STATES)
def test_code_prints_the_numbers(state):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(LAB.code(state), {})
    printed = [[float(w) for w in line.split()[1::2]] for line in out.getvalue().splitlines()]
    rounds = compute(state).rounds
    np.testing.assert_allclose(printed, [[r.after, r.pooled] for r in rounds], rtol=1e-12)
    assert max(map(len, LAB.code(state).splitlines())) <= 88


# The numbers for a file: one row a participant and round, whose parts add up to θ's change.
@pytest.mark.parametrize("state", STATES)
def test_table(state):
    header, rows = table(compute(state))
    assert len(rows) == 2 * state.participants
    assert all(len(row) == len(header) for row in rows)
    part, before, after = (header.index(k) for k in ("part", "theta_before", "theta_after"))
    for r in (1, 2):
        mine = [row for row in rows if row[0] == r]
        change = sum(row[part] for row in mine if row[part] != "")
        assert change == pytest.approx(mine[0][after] - mine[0][before], abs=1e-12)
