"""Laws of packing a scene: nothing is lost on the way to the browser."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlearn_edu import scene
from fedlearn_edu.scene import Axis, Chart, Column, Lines, Points, Scene, Table, apportion, pack

AXES = {"x": Axis(0, 1), "y": Axis(0, 1)}


def unpack(spec, data):
    """What stage/src/arrays.js does: arrays back in their places."""
    floats = np.frombuffer(data, dtype=np.float32)

    def walk(value):
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$" in value:
            offset, shape = value["$"]
            array = floats[offset:].view(np.uint8) if value.get("bytes") else floats[offset:]
            array = array[: int(np.prod(shape))].reshape(shape)
            return (array, value["at"]) if "at" in value else array
        return {k: walk(v) for k, v in value.items()}

    return walk(json.loads(json.dumps(spec, allow_nan=False)))


def packed_mark(mark, frame=None):
    spec = unpack(*pack(Scene(Chart((mark,), **AXES)), frame))
    return spec["main"]["marks"][0]


def packed_column(column, frame=None):
    table = Table("t", ("1", "2"), (column,))
    return unpack(*pack(Scene(Chart((), **AXES), (table,)), frame))["cards"][0]["columns"][0]


# Unpacking gives back every array as float32, in its shape, whatever stands before and after it.
@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=5))
def test_arrays_come_back(shapes):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in shapes]
    marks = tuple(Lines(array, ("ink",)) for array in arrays)
    spec, data = pack(Scene(Chart(marks, **AXES)))
    back = unpack(spec, data)["main"]["marks"]
    for array, mark in zip(arrays, back, strict=True):
        np.testing.assert_array_equal(mark["points"], array.astype(np.float32))
    assert len(data) == 4 * sum(a.size for a in arrays)


# Every field that is not empty arrives under its own name, and every empty one stays at home.
def test_fields_come_back():
    mark = Points(np.zeros((1, 2)), ("p0",), (3, 4.5), labels=("a",), glide=True, edge="")
    assert {k: v for k, v in packed_mark(mark).items() if k != "points"} == {
        "kind": "Points",
        "colors": ["p0"],
        "radius": [3, 4.5],
        "shape": "dot",
        "labels": ["a"],
        "glide": True,
    }


# A zero is a value, not an absence; and NumPy's numbers become JSON's.
def test_zero_is_sent():
    spec, _ = pack(Scene(Chart((), Axis(np.float64(0), np.int64(3)), Axis(0, 1))))
    assert (spec["main"]["x"]["low"], spec["main"]["x"]["high"], spec["start"]) == (0, 3, 0)
    assert json.dumps(spec)


# What float32 cannot hold arrives as infinity, without a warning; NaN stays NaN.
def test_too_large_becomes_infinite():
    points = packed_mark(Points(np.array([[1e300, np.nan]]), ("p0",)))["points"]
    assert points[0, 0] == np.inf
    assert np.isnan(points[0, 1])


# A picture's values arrive as 255 shades from low to high, half a shade off at most; what lies
# beyond is at the end, NaN is marked, and the array that comes next is in its place.
@pytest.mark.parametrize("columns", range(1, 6))
def test_shades(columns):
    values = np.linspace(-3, 5, 7 * columns).reshape(7, 1, 1, columns)
    values[3] = np.nan
    boxes = np.array([[0.0, 1.0, 2.0, 3.0]])
    mark = packed_mark(scene.Raster(values, boxes, ("p0", "p1"), low=-2.0, high=4.0))
    shades = mark["values"]
    assert (shades.shape, shades.dtype) == (values.shape, np.uint8)
    np.testing.assert_array_equal(shades == 255, np.isnan(values))
    known = shades < 255
    back = -2 + 6 * shades[known].astype(float) / 254
    assert np.abs(back - np.clip(values[known], -2, 4)).max() <= 6 / 254 / 2 + 1e-12
    np.testing.assert_array_equal(mark["boxes"], boxes)


# A draft cuts every heavy array that has frames to the frame asked for, and says which it is.
@pytest.mark.parametrize(
    "mark, name",
    [
        (Lines(np.arange(8000.0).reshape(20, 2, 100, 2), ("ink",)), "points"),
        (Points(np.arange(8000.0).reshape(20, 200, 2), ("ink",)), "points"),
        (Points(np.zeros((1, 2)), ("ink",), dim=np.arange(4000.0).reshape(20, 200)), "dim"),
        (scene.Bands(np.arange(8000.0).reshape(20, 100, 4), ("ink",)), "boxes"),
        (scene.Raster(np.arange(8e3).reshape(20, 4, 10, 10), np.ones((4, 4)), ("p0",)), "values"),
        (scene.Texts(np.ones((200, 2)), ("a",), shown=np.arange(4e3).reshape(20, 200)), "shown"),
        (scene.Segments(np.arange(4000.0).reshape(20, 2, 100), ("ink",)), "parts"),
        (scene.Areas(np.arange(6000.0).reshape(20, 2, 50, 3), ("ink",)), "edges"),
        (scene.Links(np.zeros((99, 2, 2)), np.arange(1980.0).reshape(20, 99), ("ink",)), "flow"),
    ],
)
def test_draft_of_marks(mark, name):
    whole = packed_mark(mark)[name]
    cut, at = packed_mark(mark, frame=7)[name]
    assert at == 7
    np.testing.assert_array_equal(cut, whole[7:8])


# A draft's headline says what the frame asked for says; the last one for frames beyond it.
@pytest.mark.parametrize("frame, said", [(None, ["a", "b"]), (0, ["a"]), (1, ["b"]), (7, ["b"])])
def test_draft_of_headlines(frame, said):
    card = scene.Headline("title", ("a", "b"), note="note")
    spec, _ = pack(Scene(Chart((), **AXES), (card,)), frame)
    sent = spec["cards"][0]
    assert (sent["title"], sent["value"], sent["note"]) == ("title", said, "note")


# The same for a table's columns, vectors and totals included.
def test_draft_of_tables():
    values, total = np.arange(4000.0).reshape(1000, 2, 2), np.arange(2000.0).reshape(1000, 2)
    column = packed_column(Column("c", values, vector=True, total=total), frame=3)
    np.testing.assert_array_equal(column["values"][0], values[3:4])
    np.testing.assert_array_equal(column["total"][0], total[3:4])
    plain = packed_column(Column("c", total, total=np.arange(1000.0)), frame=3)
    assert (plain["values"][1], plain["total"][1]) == (3, 3)


# Texts that change by frame are cut to the frame too, or to their last; others stay as they are.
def test_draft_of_texts():
    spots, lines = np.zeros((1, 2)), tuple(((str(k),),) for k in range(5))
    boxes = scene.Boxes(spots, (1, 1), ("A",), ("ink",), lines, (("plain",),) * 5)
    headline = scene.Headline("title", ("a", "b", "c"), "badge")
    chart = Chart((boxes,), Axis(0, 1), Axis(0, 1), title=("v", "w", "x", "y", "z"))
    whole = Scene(chart, (headline,), ("one", "two"), 5, under=(chart,))
    spec, _ = pack(whole, frame=3)
    assert spec["main"]["title"] == spec["under"][0]["title"] == ["y"]
    (mark,), (card,) = spec["main"]["marks"], spec["cards"]
    assert (mark["lines"], mark["tones"], mark["titles"]) == ([[["3"]]], [["plain"]], ["A"])
    assert (card["title"], card["value"], card["badge"]) == ("title", ["c"], "badge")
    assert spec["notice"] == ["one", "two"]
    assert pack(whole)[0]["main"]["marks"][0]["lines"] == [[[str(k)]] for k in range(5)]


# A draft leaves whole what has no frames, however heavy, and what is light.
def test_draft_leaves_the_rest():
    still = Lines(np.zeros((2, 3000, 2)), ("ink",))
    light = Points(np.zeros((4, 3, 2)), ("ink",))
    assert packed_mark(still, frame=1)["points"].shape == (2, 3000, 2)
    assert packed_mark(light, frame=1)["points"].shape == (4, 3, 2)
    vector = Column("c", np.zeros((2, 3000)), vector=True)
    assert packed_column(vector, frame=1)["values"].shape == (2, 3000)


# A frame beyond the ends means the end.
@pytest.mark.parametrize("frame, at", [(-5, 0), (0.4, 0), (19, 19), (1e6, 19)])
def test_draft_frame_is_clamped(frame, at):
    mark = Points(np.zeros((20, 200, 2)), ("ink",))
    assert packed_mark(mark, frame=frame)["points"][1] == at


# Participants beyond the palette share one hue.
def test_participant_colors():
    colors = [scene.participant_color(i) for i in range(20)]
    assert len(set(colors[:8])) == 8
    assert set(colors[8:]) == {"many"}


# Nothing in a scene can be changed once it is made.
def test_scenes_are_frozen():
    kinds = [k for k in vars(scene).values() if dataclasses.is_dataclass(k)]
    assert len(kinds) > 10
    assert all(kind.__dataclass_params__.frozen for kind in kinds)


# The total is the one that is written out: 0.15 lies below its half, 0.125 upon it.
@pytest.mark.parametrize(
    "part, times, digits, total", [(0.03, 5, 1, 0.1), (0.125, 1, 2, 0.13), (-0.125, 1, 2, -0.13)]
)
def test_apportioned_ties(part, times, digits, total):
    values = [part] * times
    assert sum(apportion(values, sum(values), digits)) == pytest.approx(total)


# Numbers that are shown add up to their shown total, and none moves by more than one last digit.
@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=9),
    st.integers(0, 4),
)
def test_apportioned_numbers_add_up(values, digits):
    shown = apportion(values, sum(values), digits)
    assert abs(sum(shown) - sum(values)) <= 0.5 * 10.0**-digits + 1e-6
    assert np.abs(shown - values).max() <= 10.0**-digits * 1.001 + 1e-6


# What is not there stays away and takes nothing.
def test_apportion_leaves_gaps():
    shown = apportion([[0.5, np.nan, 0.25], [np.nan, np.nan, np.nan]], [0.75, 0], 1)
    assert shown[0, [0, 2]].sum() == pytest.approx(0.8)
    assert np.isnan(shown[0, 1])
    assert np.isnan(shown[1]).all()
