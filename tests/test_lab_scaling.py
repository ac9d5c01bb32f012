"""The scaling lab: the article's digits, the bits, and what each type does to the numbers."""

import contextlib
import io
from ast import literal_eval

import numpy as np
import pytest

from fedlearn_edu.labs.scaling import (
    FACTORS,
    LAB,
    N,
    State,
    code,
    compute,
    draw,
    grains,
    line_of,
    power_of,
    written,
)

STATES = [
    State(),
    State(unscale=False),
    State(convention="mean", wire="bfloat16", factor=3.0),
    State(convention="sum", unscale=False, factor=0.5),
    State(magnitude=2, factor=120.0, wire="float16"),
    State(magnitude=-9, factor=1000.0, wire="float16", convention="mean"),
    State(magnitude=-1, factor=211.0, wire="int8"),
    State(gradients=((-7.5, None, 0.0), (4.0,)), wire="int4", factor=1.5),
]


def lines(state):
    return dict(compute(state).lines)


def drawn(state, lang="en"):
    return draw(compute(state), LAB.translator(lang))


def test_the_lab_opens_on_the_articles_digits():
    """The default state is the article's example, and the unscaling that its digits leave out."""
    result = compute(State())
    np.testing.assert_allclose(result.wire, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], rtol=1e-7)
    np.testing.assert_allclose(lines(State())["mean"], [0.25, 0.35, 0.45], rtol=1e-7)
    np.testing.assert_allclose(lines(State())["divide"], [2.5, 3.5, 4.5], rtol=1e-7)
    np.testing.assert_allclose(result.step, [-0.025, -0.035, -0.045], rtol=1e-7)


def test_without_unscaling_the_step_is_the_articles():
    """Left unscaled, the step is −[0.0025, 0.0035, 0.0045], with the learning rate αλ."""
    result = compute(State(unscale=False))
    np.testing.assert_allclose(result.step, [-0.0025, -0.0035, -0.0045], rtol=1e-7)
    assert result.rate == pytest.approx(0.001)


@pytest.mark.parametrize("wire", ["float32", "float16", "bfloat16", "int8", "int4"])
@pytest.mark.parametrize("factor", [0.001, 0.1, 1.0, 1000.0])
@pytest.mark.parametrize("convention", ["each", "mean", "sum"])
def test_scaling_saves_no_bit(wire, factor, convention):
    """A payload takes its header and three values, whatever λ is and wherever it acts."""
    width = {"float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}[wire]
    result = compute(State(wire=wire, factor=factor, convention=convention))
    expected = 16 + 32 + 8 * -(-3 * width // 8)
    assert result.bits == result.bits_without == expected
    headline = draw(result, LAB.translator("en")).cards[0]
    assert headline.value == f"{expected} → {expected} bits"
    assert headline.badge == "λ saves 0 bits"


@pytest.mark.parametrize(
    ("convention", "unscale", "times"),
    [("each", False, 0.5), ("mean", False, 0.5), ("sum", False, 1.0), ("sum", True, 2.0)],
)
def test_conventions_differ_by_lambda_and_n(convention, unscale, times):
    """The step is λ, λ or λN times the true mean's, and N times it if the sum is unscaled."""
    result = compute(State(factor=0.5, convention=convention, unscale=unscale))
    np.testing.assert_allclose(result.aggregate, times * np.array([2.5, 3.5, 4.5]), rtol=1e-12)


@pytest.mark.parametrize("state", STATES)
def test_what_came_back_averages_to_the_servers_gradient(state):
    """The last row of the picture, averaged, is the g of the arithmetic."""
    result = compute(state)
    np.testing.assert_allclose(result.back.sum(axis=0) / N, result.aggregate, rtol=1e-12)


def test_float16_on_the_wire_is_numpys():
    """The wire holds λ g_i as NumPy's float16 has it, overflow and underflow included."""
    for magnitude, factor in ((-9, 3.0), (0, 0.1), (2, 120.0)):
        result = compute(State(magnitude=magnitude, factor=factor, wire="float16"))
        own = np.array([[1, 2, 3], [4, 5, 6]]) * 10.0**magnitude
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(result.wire, (factor * own).astype(np.float16))


def test_the_right_factor_rescues_tiny_gradients():
    """float16 loses six gradients near 10⁻⁹ at λ = 1 and keeps them within 2 % at λ = 1000."""
    lost = compute(LAB.preset("underflow"))
    assert (lost.status, lost.hit) == ("underflow", 6)
    assert not lost.aggregate.any()
    saved = compute(State(magnitude=-9, factor=1000.0, wire="float16"))
    assert saved.errors.max() < 0.02
    np.testing.assert_allclose(saved.aggregate, [2.5e-9, 3.5e-9, 4.5e-9], rtol=0.02)


def test_no_factor_at_the_server_rescues_them():
    """λ on the mean or the sum acts after the wire: what became 0 stays 0."""
    for convention in ("mean", "sum"):
        state = State(magnitude=-9, factor=1000.0, wire="float16", convention=convention)
        result = compute(state)
        assert result.hit == 6
        np.testing.assert_array_equal(result.worst, np.ones(len(FACTORS)))


def test_one_infinity_is_enough():
    """The overflow preset sends one ∞ of six numbers, and its component of the step is lost."""
    result = compute(LAB.preset("overflow"))
    assert (result.status, result.hit) == ("overflow", 1)
    np.testing.assert_allclose(result.aggregate[:2], [250, 350])
    assert result.aggregate[2] == np.inf
    assert draw(result, LAB.translator("en")).warning


def test_the_int8_preset_uses_the_whole_range():
    """At the right λ the largest number is 127, and no λ a tenth away does better."""
    state = LAB.preset("int8")
    result = compute(state)
    assert result.wire.max() == 127
    assert result.errors.max() < 0.005
    for other in (1.1 * state.factor, state.factor / 1.1):
        assert compute(State(magnitude=-1, factor=other, wire="int8")).errors.max() > 0.005


def test_integers_saturate():
    """Beyond 127 every number is 127."""
    result = compute(State(magnitude=2, factor=1000.0, wire="int8"))
    assert (result.status, result.hit) == ("saturated", 6)
    assert (result.wire == 127).all()


@pytest.mark.parametrize("wire", ["float32", "float16", "bfloat16", "int8", "int4"])
def test_the_curve_is_the_error_at_every_factor(wire):
    """Each point of the curve is the error that the lab reports when λ is set there."""
    state = State(magnitude=-2, wire=wire)
    worst = compute(state).worst
    for i in (0, 40, 77, 119):
        there = compute(State(magnitude=-2, wire=wire, factor=float(FACTORS[i])))
        assert there.errors.max() == worst[i]


def test_the_curve_passes_through_the_present_error():
    """The marked dot lies on the curve, also where λ stands between the curve's own values."""
    curve = drawn(LAB.preset("int8")).cards[2]
    path, dot = curve.marks[1].points[0], curve.marks[2].points[0]
    assert any(np.array_equal(point, dot) for point in path)
    assert (np.diff(path[:, 0]) > 0).all()


@pytest.mark.parametrize("state", STATES)
def test_the_table_adds_up(state):
    """Read downwards: the mean or sum of the wire's rows, times or over λ, times −0.01."""
    result, table = compute(state), drawn(state).cards[3]
    labels = [*table.rows, table.foot]
    shown = np.array([[*c.values, *c.total] for c in table.columns]).T
    rows = {}
    for label, row in zip(labels, shown, strict=True):
        name, _, power = label.partition(" ×1")
        digits = power.removeprefix("0").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
        rows[name] = row * 10.0 ** int(digits) if power else row
    wire = np.array([rows[name] for name in list(rows)[:2]])
    g = wire.sum(axis=0) / (1 if state.convention == "sum" else 2)
    np.testing.assert_allclose(rows["sum" if state.convention == "sum" else "mean"], g, rtol=1e-6)
    if state.convention != "each":
        g = g * state.factor
        np.testing.assert_allclose(rows["× λ"], g, rtol=1e-6)
    if state.unscale:
        g = g / state.factor
        np.testing.assert_allclose(rows["÷ λ"], g, rtol=1e-6)
    np.testing.assert_allclose(rows["−0.01 g"], -0.01 * g, rtol=1e-6)
    np.testing.assert_allclose(result.aggregate, g, rtol=1e-6)


def test_a_row_of_extreme_numbers_names_its_power():
    """Numbers between 0.001 and a million stand as they are; others beside a power of ten."""
    assert power_of(np.array([2.5, 4.5])) == 0
    assert power_of(np.array([0.0, 0.0])) == 0
    assert power_of(np.array([1e-9, 6e-9])) == -9
    assert power_of(np.array([3e7, np.inf])) == 7


def test_the_ruler_shows_the_types_smallest_and_largest_value():
    """The strokes start and end where the type does, and each is a value of the type."""
    line = line_of(compute(State(magnitude=-9, wire="float16")))
    strokes = grains("float16", line)
    assert strokes[0] == 2.0**-24
    assert strokes[1] == 2.0**-23
    assert strokes[-1] > 60000
    np.testing.assert_array_equal(strokes, strokes.astype(np.float16))
    np.testing.assert_array_equal(
        grains("int4", line_of(compute(State(wire="int4")))), np.arange(1, 8)
    )


def test_the_line_rests_while_lambda_moves():
    """The axis depends on the gradients and the type: λ moves the numbers, not the line."""
    ends = {
        line_of(compute(State(wire="float16", factor=factor))).ends
        for factor in (0.001, 0.1, 1.0, 50.0, 1000.0)
    }
    assert len(ends) == 1


@pytest.mark.parametrize("state", STATES)
def test_every_number_stands_at_its_place(state):
    """In each row a badge's place is its number's size, or the place for 0 or ∞."""
    result, scene = compute(state), drawn(state)
    badges = [mark for mark in scene.main.marks if getattr(mark, "shape", "") == "badge"]
    for values, mark in zip((result.own, result.wire, result.back), badges, strict=True):
        assert mark.notes == tuple(written(v) for v in values.ravel())
        for value, (x, _) in zip(values.ravel(), mark.points, strict=True):
            assert scene.main.x.low <= x <= scene.main.x.high
            if value != 0 and np.isfinite(value):
                assert x == pytest.approx(abs(value))


def test_numbers_are_written_with_four_digits():
    """Plain between 0.0001 and a million, a power of ten beyond, a real minus sign."""
    assert written(0.0999755859375) == "0.09998"
    assert written(65504, 5) == "65504"
    assert written(-4e-9) == "−4×10⁻⁹"
    assert written(1e-9) == "10⁻⁹"
    assert written(0.0) == "0"
    assert written(float("-inf")) == "−∞"


@pytest.mark.parametrize("state", STATES)
def test_the_snippet_prints_the_labs_numbers(state):
    """Pasted into Python, the code for a state prints the bits, the wire, g and the step."""
    result, out = compute(state), io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code(state), {})
    said = dict(line.split(" ", 1) for line in out.getvalue().splitlines())
    assert said["bits"] == f"{result.bits} without scaling {result.bits_without}"
    for key, expected in (("wire", result.wire), ("g", result.aggregate), ("step", result.step)):
        printed = np.array(literal_eval(said[key].replace("inf", "1e999")))
        np.testing.assert_array_equal(printed, expected)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("state", STATES)
def test_the_csv_holds_the_round(state, lang):
    """The file has a row of equal length for each participant's numbers and the server's lines."""
    header, rows = LAB.table(compute(state))
    assert {len(row) for row in rows} == {len(header)}
    own = [row[2:] for row in rows if row[0] == "own"]
    np.testing.assert_array_equal(own, compute(state).own)
    assert drawn(state, lang).notice
