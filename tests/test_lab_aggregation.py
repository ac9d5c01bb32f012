"""Laws of the aggregation lab: the article's digits, weights, pull, and the drawn arithmetic."""

import contextlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu.labs.aggregation import LAB, SUBSCRIPTS, State, shown_components
from fedlearn_edu.labs.controls import clean
from fedlearn_edu.scene import Arrows, Segments, Table, Texts

pytestmark = pytest.mark.filterwarnings("error")

PRESETS = [LAB.preset(name) for name in LAB.presets]
STATES = [
    *PRESETS,
    State(participants=10, dimensions=5, weighting="size"),
    State(participants=4, dimensions=1, weighting="equal"),
    State(participants=3, dimensions=4, weights=((0.35,), (0.0,), (1.0,)), across=4, up=2),
    State(participants=2, dimensions=2, weights=((0.0,), (0.0,))),
    State(participants=1, dimensions=3, gradients=((0.0, 0.0, 0.0),)),
    State(gradients=((35.5, -2.25), (-30.0,)), reach=4),
]


def drawn(state, lang="en"):
    return LAB.draw(LAB.compute(state), LAB.translator(lang))


def the(kind, scene):
    return next(card for card in scene.cards if isinstance(card, kind))


def column(table, label):
    return next(c for c in table.columns if c.label == label)


def numbers(text):
    return [float(x) for x in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", text.replace("−", "-"))]


def words(column, values):
    """The numbers of a column as the stage writes them."""
    return np.array([round(float(v), column.digits) for v in np.ravel(values)])


# The lab opens on the article's two clients, with its digits in the table and the headline.
def test_opens_on_the_article():
    scene = drawn(State())
    table = the(Table, scene)
    assert column(table, "wᵢ").values.tolist() == pytest.approx([0.6, 0.4])
    assert column(table, "gᵢ").values.tolist() == [[1, 2, 3], [4, 5, 6]]
    parts = column(table, "wᵢgᵢ")
    assert parts.digits == 1
    assert words(parts, parts.values).tolist() == [0.6, 1.2, 1.8, 1.6, 2.0, 2.4]
    assert words(parts, parts.total).tolist() == [2.2, 3.2, 4.2]
    assert scene.cards[0].value == "[2.2, 3.2, 4.2]"
    assert "[2.5, 3.5, 4.5]" in scene.cards[0].note
    assert "[5, 7, 9] / 2 = [2.5, 3.5, 4.5]" in table.note


# The article's second client has less weight and pulls more: 0.4‖[4,5,6]‖ > 0.6‖[1,2,3]‖.
def test_article_pull():
    pull = LAB.compute(State()).pull
    a, b = 0.6 * np.sqrt(14), 0.4 * np.sqrt(77)
    assert pull == pytest.approx([a / (a + b), b / (a + b)])
    assert pull[1] > 0.6
    assert "40 %" in drawn(State()).notice[0]
    assert "61 %" in drawn(State()).notice[0]


# In every table each column's foot is the sum of its rows.
@pytest.mark.parametrize("state", STATES)
def test_tables_add_up(state):
    for c in the(Table, drawn(state)).columns:
        assert np.sum(c.values, axis=0) == pytest.approx(np.ravel(c.total)[: c.values[0].size])


# Where no number had to be rounded, the digits shown add up as they stand; else the note says so.
@pytest.mark.parametrize("state", STATES)
def test_displayed_digits_add_up(state):
    table = the(Table, drawn(state))
    if "Rounded" in table.note:
        rows = [words(c, row) - np.ravel(row) for c in table.columns for row in c.values]
        assert max(np.abs(r).max() for r in rows) > 1e-9
        return
    for c in table.columns:
        shown = sum(words(c, row) for row in c.values)
        assert shown == pytest.approx(words(c, c.total), abs=1e-9)


# The contributions, chained head to tail from the origin, end in the weighted mean.
@pytest.mark.parametrize("state", STATES)
def test_the_chain_ends_in_the_weighted_mean(state):
    result = LAB.compute(state)
    arrows = [m for m in drawn(state).main.marks if isinstance(m, Arrows)]
    gradients, chain, weighted, plain = arrows
    across, up = result.shown
    assert chain.tails[1:, 0] == pytest.approx(chain.heads[:-1, 0])
    assert chain.tails[0, 0] == 0
    assert chain.heads[-1, 0] == pytest.approx(weighted.heads[0, 0])
    assert weighted.heads[0, 0] == pytest.approx(result.weights @ result.gradients[:, across])
    assert plain.heads[0, 0] == pytest.approx(result.gradients[:, across].mean())
    assert gradients.heads[:, 0] == pytest.approx(result.gradients[:, across])
    if across != up:
        assert chain.heads[-1] == pytest.approx(result.weights @ result.gradients[:, [across, up]])
        assert chain.tails[1:] == pytest.approx(chain.heads[:-1])


# Weights nᵢ/Σn make the weighted mean the gradient of the pooled loss of all examples.
def test_size_weights_give_the_pooled_gradient():
    state = State(participants=5, weighting="size")
    result = LAB.compute(state)
    examples = np.repeat(result.gradients, result.counts, axis=0)
    assert result.weighted == pytest.approx(examples.mean(axis=0))


# Equal weights make the weighted mean the plain mean, however different the gradients.
def test_equal_weights_give_the_mean():
    result = LAB.compute(State(participants=7, weighting="equal"))
    assert result.weights == pytest.approx([1 / 7] * 7)
    assert result.weighted == pytest.approx(result.gradients.mean(axis=0))


# A longer gradient at the same weight pulls more, and all pulls together stay 1.
def test_pull_grows_with_the_gradient():
    before = 0.0
    for length in (0.5, 1.0, 4.0, 20.0):
        gradients = ((length, 0.0, 0.0), (0.0, 2.0, 0.0))
        pull = LAB.compute(State(weighting="equal", gradients=gradients)).pull
        assert pull[0] == pytest.approx(length / (length + 2))
        assert pull[0] > before
        assert pull.sum() == pytest.approx(1)
        before = pull[0]


# If every weight by hand is 0, 1/N stands in and the lab says so.
def test_no_weight_at_all():
    state = State(weights=((0.0,), (0.0,)))
    assert LAB.compute(state).weights.tolist() == [0.5, 0.5]
    assert "0" in drawn(state).warning
    assert drawn(State()).warning == ""


# Examples that a link gives as fractions are counted as whole.
def test_counts_are_whole():
    state, _, _ = clean(LAB.by_key, State(weighting="size"), {"counts": [[2.6], [7.4]]})
    assert LAB.compute(state).counts.tolist() == [3, 7]


# Equal sizes: the plain and the weighted mean agree, and one arrow's label says so.
def test_preset_equal_sizes():
    scene = drawn(LAB.preset("equal_sizes"))
    result = LAB.compute(LAB.preset("equal_sizes"))
    assert len(set(result.counts)) == 1
    assert result.weighted == pytest.approx(result.plain)
    texts = [text for m in scene.main.marks if isinstance(m, Texts) for text in m.texts]
    assert "weighted mean = plain mean" in texts


# One is loud: at equal weights one participant pulls more than all others together, and turns
# the mean against the direction in which all others agree.
def test_preset_loud():
    result = LAB.compute(LAB.preset("loud"))
    loud = int(np.argmax(result.pull))
    others = np.delete(result.gradients, loud, axis=0)
    assert len(set(result.weights)) == 1
    assert result.pull[loud] > 0.5
    assert (others[:, 0] < 0).all()
    assert result.weighted[0] > 0


# One big, five small: by size the mean leans to the big one, plainly it leans to the small.
def test_preset_large_and_small():
    result = LAB.compute(LAB.preset("large_and_small"))
    assert result.counts[0] > result.counts[1:].sum()
    assert result.weighted[0] > 0 > result.plain[0]


# Each preset's numbers can be written exactly: nothing on the screen is rounded.
@pytest.mark.parametrize("state", PRESETS)
def test_presets_are_not_rounded(state):
    scene = drawn(state)
    assert "Rounded" not in the(Table, scene).note
    assert numbers(scene.cards[0].value) == pytest.approx(LAB.compute(state).weighted, abs=1e-12)


# The bars show the weights above and the pull below, each adding up to the whole.
@pytest.mark.parametrize("state", STATES)
def test_bars(state):
    result, chart = LAB.compute(state), drawn(state).cards[1]
    parts = next(m for m in chart.marks if isinstance(m, Segments)).parts
    assert parts[1] == pytest.approx(result.weights)
    assert parts[0] == pytest.approx(result.pull)
    assert parts[1].sum() == pytest.approx(1)
    assert parts[0].sum() == pytest.approx(1 if result.gradients.any() else 0)


# A hand on an arrow moves the two components that the plane shows; on a number line only one.
@pytest.mark.parametrize(
    ("state", "columns"),
    [
        (State(), (0, 2)),
        (State(across=2, up=1), (1, 0)),
        (State(dimensions=1), (0, None)),
        (State(across=2, up=2), (1, None)),
        (State(dimensions=2, across=4, up=5), (0, 1)),
    ],
)
def test_drag(state, columns):
    arrows = next(m for m in drawn(state).main.marks if isinstance(m, Arrows))
    assert arrows.drag.key == "gradients"
    assert arrows.drag.columns == columns


# The components shown exist, and differ whenever the learner chose different ones and there are.
@pytest.mark.parametrize("d", range(1, 6))
def test_components_exist(d):
    for across in range(1, 6):
        for up in range(1, 6):
            shown = shown_components(State(dimensions=d, across=across, up=up))
            assert all(0 <= k < d for k in shown)
            if d == 2 or (d > 2 and across != up):
                assert shown[0] != shown[1]


# The axes depend on the reach alone, not on the gradients: they hold while a hand drags.
def test_axes_hold():
    before = drawn(State()).main
    after = drawn(State(gradients=((-9.0, 9.0, 30.0), (12.0,)))).main
    assert (before.x, before.y) == (after.x, after.y)
    assert drawn(State(reach=20)).main.x != before.x


# The snippet, run in Python, prints the numbers of compute.
@pytest.mark.parametrize("state", STATES)
def test_code(state):
    result, out = LAB.compute(state), io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(LAB.code(state), {})
    text = out.getvalue()
    parts, rest = text.split("weighted mean")
    weighted, rest = rest.split("plain mean")
    plain, pull = rest.split("pull")
    for printed, exact in (
        (parts, result.parts.ravel()),
        (weighted, result.weighted),
        (plain, result.plain),
        (pull, result.pull),
    ):
        assert numbers(printed) == pytest.approx(exact, abs=1e-7)


# The CSV has a row a participant and one for each mean, and its contributions add up.
@pytest.mark.parametrize("state", STATES)
def test_csv(state):
    header, rows = LAB.table(LAB.compute(state))
    assert {len(row) for row in rows} == {len(header)}
    at = [header.index(f"wg_{k + 1}") for k in range(state.dimensions)]
    body = np.array([[row[k] for k in at] for row in rows[:-2]], dtype=float)
    assert body.sum(axis=0) == pytest.approx([rows[-2][k] for k in at])
    gradients = np.array([[row[k] for k in range(2, 2 + state.dimensions)] for row in rows[:-2]])
    assert gradients.mean(axis=0) == pytest.approx(rows[-1][2 : 2 + state.dimensions])


# Every kind of state has something to notice and to try, in both languages, and never the same.
def test_notices():
    seen = {
        drawn(state).notice
        for state in (
            *STATES,
            State(participants=1),
            State(weighting="equal", gradients=((1.0, 2.0, 2.0), (2.0, 1.0, 2.0))),
            State(weights=((0.5,), (0.6,)), gradients=((1.0, 2.0, 2.0), (2.0, 1.0, 2.0))),
            State(gradients=((0.0,) * 3, (0.0,) * 3)),
        )
    }
    starts = (
        "With one",
        "Nobody",
        "Equal sizes",
        "With w",
        "Participant",
        "All weights",
        "The more",
    )
    for start in starts:
        assert any(notice[0].startswith(start) for notice in seen), start
    for state in STATES:
        assert len(drawn(state, "zh").notice) == 2


# What the table leaves out for want of room is never wᵢgᵢ, and its columns then fit.
def test_wide_tables():
    narrow = [c.label for c in the(Table, drawn(State(weighting="size"))).columns]
    wide = [
        c.label
        for c in the(Table, drawn(State(participants=9, dimensions=5, weighting="size"))).columns
    ]
    assert narrow == ["nᵢ", "wᵢ", "gᵢ", "wᵢgᵢ"]
    assert wide == ["wᵢ", "wᵢgᵢ"]


# A client that is asked to try "drag gᵢ shorter" can: at the length that balances weight and
# pull, the notice is gone.
def test_the_try_works():
    ratio = np.sqrt(14) / np.sqrt(77)
    shorter = tuple(round(float(ratio * g), 1) for g in (4, 5, 6))
    state = replace(State(), gradients=((), shorter))
    assert not drawn(state).notice[0].startswith("Participant")
    assert LAB.compute(state).pull == pytest.approx([0.6, 0.4], abs=0.02)


# Participants' numbers are written as subscripts of the arrows, ten included.
def test_labels():
    arrows = next(m for m in drawn(State(participants=10)).main.marks if isinstance(m, Arrows))
    assert arrows.labels[0] == "g₁"
    assert arrows.labels[9] == "g" + "10".translate(SUBSCRIPTS) == "g₁₀"


# The lab's weighted mean is the package's, on the article's example.
def test_matches_the_example():
    example = fl.examples.weighted_aggregation()
    result = LAB.compute(State())
    assert result.weighted == pytest.approx(example.weighted_mean)
    assert result.parts == pytest.approx(example.contributions)
