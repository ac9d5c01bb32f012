"""Laws of the picture files: they show what the browser shows, whatever the reader's settings."""

import io
import json
import re
import struct
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from fedlearn_edu import figures, labs, scene
from fedlearn_edu.figures import (
    DARK,
    LIGHT,
    figure,
    format_number,
    pick,
    render,
    significant,
    text_at,
    text_width,
    ticks,
    wrap,
)
from fedlearn_edu.scene import Axis, Chart, Column, Headline, Scene, Table

from .labkit import NAMES, largest_state

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.filterwarnings("error")
UNIT = {"x": Axis(0, 1, hidden=True), "y": Axis(0, 1, hidden=True)}


def drawn(lab, state, lang):
    return lab.draw(lab.compute(state), lab.translator(lang), ())


def pixels(*marks, frame=None, dark=False, x=UNIT["x"], y=UNIT["y"], frames=1, width=1000):
    """The chart of some marks as an array of colours."""
    chart = Scene(Chart(marks, x, y), frames=frames)
    with Image.open(io.BytesIO(render(chart, frame=frame, dark=dark, width=width))) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def count(image, color, near=12):
    """How many pixels have a colour."""
    wanted = [int(color[k : k + 2], 16) for k in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) <= near).sum())


def faint(color, share=0.28):
    """A colour thinned with the white of a card."""
    channels = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (c - 255)):02x}" for c in channels)


# The two palettes are those of the style sheet, name by name.
@pytest.mark.parametrize(
    "selector, palette", [(".fl-lab", LIGHT), ('.fl-lab[data-theme="dark"]', DARK)]
)
def test_palette_is_the_style_sheet(selector, palette):
    css = (ROOT / "stage" / "src" / "stage.css").read_text(encoding="utf-8")
    block = re.search(re.escape(selector) + r"\s*{(.*?)}", css, re.DOTALL)[1]
    assert dict(re.findall(r"--fl-([\w-]+):\s*(#\w+);", block)) == palette


# Every preset of every lab is drawn in both languages with no glyph missing and no warning, and
# its files stay small: the SVG, and the picture that a notebook stores.
@pytest.mark.parametrize("name", NAMES)
def test_draws_every_preset(name):
    lab = labs.load(name)
    for k, preset in enumerate(lab.presets):
        for lang, kind in (("en", "png"), ("zh", "svg")):
            picture = drawn(lab, lab.preset(preset), lang)
            title = lab.title(lang)
            data = render(picture, kind, dark=k % 2 == 1, title=title, width=900, small=True)
            if kind == "png":
                assert len(data) < 120_000, (preset, len(data))
                assert struct.unpack(">I", data[16:20]) == (900,)
            else:
                assert len(data) < 400_000, (preset, len(data))
                assert ET.fromstring(data).tag.endswith("svg")


# The largest state is drawn as well, and the font has every character that any text may use.
@pytest.mark.parametrize("name", NAMES)
def test_draws_the_largest_state(name):
    lab = labs.load(name)
    assert render(drawn(lab, largest_state(lab), "zh"), frame=0, width=300)
    for pair in lab.strings.values():
        for text in pair:
            text_width(text, 12)
            text_width(text, 12, True)


# An SVG carries no text to be looked up in a font, and the same scene gives the same bytes.
def test_svg_is_faithful_and_repeatable():
    lab = labs.load("convergence")
    first, second = (render(drawn(lab, lab.state(), "zh"), "svg") for _ in range(2))
    assert first == second
    assert b"<text" not in first
    assert b"<image" not in first


# The picture is the same whatever style the reader has set, and the reader's settings stay.
def test_settings_are_left_alone():
    lab = labs.load("aggregation")
    plain = render(drawn(lab, lab.state(), "zh"), width=400)
    wild = {
        "font.size": 30, "lines.linewidth": 9, "path.sketch": (2, 100, 2), "axes.facecolor": "red",
        "figure.dpi": 40, "savefig.transparent": True, "font.family": "serif",
    }  # fmt: skip
    with matplotlib.rc_context(wild):
        before = dict(matplotlib.rcParams)
        assert render(drawn(lab, lab.state(), "zh"), width=400) == plain
        assert dict(matplotlib.rcParams) == before


# Drawing imports no pyplot and opens no figure window; the labs import no matplotlib.
def test_imports():
    code = (
        "import sys, json\nimport fedlearn_edu.labs as labs\n"
        "for name in labs.NAMES: labs.show(name)\nlight = 'matplotlib' in sys.modules\n"
        "labs.show('aggregation')._repr_mimebundle_()\n"
        "loaded = [name in sys.modules for name in ('matplotlib', 'matplotlib.pyplot')]\n"
        "print(json.dumps([light, *loaded]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(run.stdout) == [False, True, False]


# A picture is as wide as was asked, in the theme that was asked; nonsense is refused.
def test_options():
    lab = labs.load("convergence")
    picture = drawn(lab, lab.state(), "en")
    for dark, palette in ((False, LIGHT), (True, DARK)):
        data = render(picture, dark=dark, width=500, title="T")
        with Image.open(io.BytesIO(data)) as image:
            assert image.width == 500
            corner = bytes(image.convert("RGB").getpixel((2, 2)))
            assert f"#{corner.hex()}" == palette["paper"]
    with pytest.raises(ValueError, match="kind is 'pdf'; a picture is png or svg"):
        render(picture, "pdf")
    with pytest.raises(ValueError, match="width is 5"):
        render(picture, width=5)


# Frames: the scene's own first, the one asked for, −1 for the last; beyond the end is the end.
def test_frames():
    card = Headline("t", ("first", "second", "third"))
    chart = Chart((), **UNIT)
    start = Scene(chart, (card,), frames=3, start=1)

    def shown(frame):
        words = [artist.get_text() for artist in figure(start, frame).get_children()
                 if isinstance(artist, matplotlib.text.Text)]  # fmt: skip
        return next(word for word in ("first", "second", "third") if word in words)

    assert [shown(f) for f in (None, 0, 2, -1, 99)] == [
        "second",
        "first",
        "third",
        "third",
        "third",
    ]


# Every mark that a scene can have is drawn.
def test_every_mark_has_a_painter():
    cards = {"Axis", "Drag", "Chart", "Headline", "Column", "Table", "Scene"}
    kinds = {
        k for k, v in vars(scene).items() if isinstance(v, type) and v.__module__ == scene.__name__
    }
    assert {k for k in kinds - cards if not k.startswith("_")} == set(figures.MARKS)


# Each mark puts its own colour on the page; dashed, dim or faint marks put less of it there.
def test_marks_leave_ink():
    path = np.array([[[0.1, 0.5], [0.9, 0.5]]])
    spot = np.array([[0.5, 0.5]])
    blank = count(pixels(), LIGHT["p4"])
    assert blank == 0
    line = count(pixels(scene.Lines(path, ("p4",), width=4)), LIGHT["p4"])
    dashed = count(pixels(scene.Lines(path, ("p4",), width=4, dash=True)), LIGHT["p4"])
    assert line > 1.5 * dashed > 0
    disc = count(pixels(scene.Points(spot, ("p4",), (20,))), LIGHT["p4"])
    np.testing.assert_allclose(disc, np.pi * 400, rtol=0.05)
    ring = count(pixels(scene.Points(spot, ("p4",), (20,), "ring")), LIGHT["p4"])
    cross = count(pixels(scene.Points(spot, ("p4",), (20,), "cross")), LIGHT["p4"])
    badge = count(pixels(scene.Points(spot, ("p4",), (20,), "badge", ("1",))), LIGHT["p4"])
    assert min(ring, cross, badge) > 40
    triangle = count(pixels(scene.Points(spot, ("p4",), (20,), "triangle")), LIGHT["p4"])
    np.testing.assert_allclose(triangle, 2.1 * 1.2 * 400, rtol=0.05)  # base 2.4 r, height 2.1 r
    for shape in ("dot", "triangle"):
        rimmed = pixels(scene.Points(spot, ("p0",), (20,), shape, rim="p4"))
        assert 40 < count(rimmed, LIGHT["p4"]) < 400
    dim = pixels(scene.Points(spot, ("p4",), (20,), dim=np.array([1.0])))
    assert count(dim, LIGHT["p4"]) == 0
    arrow = scene.Arrows(np.array([[0.2, 0.2]]), np.array([[0.8, 0.8]]), ("p4",), labels=("g",))
    assert count(pixels(arrow), LIGHT["p4"]) > 500
    bands = scene.Bands(np.array([[0.2, 0.2, 0.6, 0.6]]), ("p4",))
    tall, wide, _ = pixels(bands).shape
    assert count(pixels(bands), LIGHT["p4"]) > 0.1 * tall * wide
    texts = scene.Texts(spot, ("Wort 字",), "middle", "p4", 40, True)
    assert count(pixels(texts), LIGHT["p4"]) > 300
    strokes = scene.Ticks(np.array([0.2, 0.5, 7.0]), 0.5, 30, "p4")
    assert 20 < count(pixels(strokes), LIGHT["p4"], 60) < 140
    parts = scene.Segments(np.array([[0.4, 0.6]]), ("p4", "p0"), ("1", "2"))
    bars = pixels(parts, y=Axis(-0.5, 0.5, hidden=True))
    pale = [faint(LIGHT["p4"]), faint(LIGHT["p0"])]
    np.testing.assert_allclose(count(bars, pale[1]) / count(bars, pale[0]), 1.5, rtol=0.05)


# A range is filled between its edges, as far as they are known, and lets through what lies below.
def test_areas():
    x = np.linspace(0, 1, 5)
    edges = np.stack([x, np.full(5, 0.2), np.full(5, 0.6)], axis=1)[None]
    image = pixels(scene.Areas(edges, ("p4",), opacity=1))
    tall, wide, _ = image.shape
    whole = count(image, LIGHT["p4"])
    np.testing.assert_allclose(whole, 0.4 * tall * wide, rtol=0.2)
    assert count(pixels(scene.Areas(edges, ("p4",))), LIGHT["p4"]) == 0
    edges[0, 2, 1] = np.nan
    broken = count(pixels(scene.Areas(edges, ("p4",), opacity=1)), LIGHT["p4"])
    np.testing.assert_allclose(broken, 0.5 * whole, rtol=0.05)


# What is used is thick, what is idle thin and grey; a cut link is crossed, an absent one faint.
def test_links():
    ends = np.array([[[0.1, 0.5], [0.9, 0.5]]])

    def ink(flow, color):
        return count(pixels(scene.Links(ends, np.array([flow]), ("p4",))), LIGHT[color], 40)

    swap, back, out = (ink(flow, "p4") for flow in (scene.SWAP, scene.RETURN, scene.OUT))
    assert back > out > swap > 1.3 * ink(-scene.SWAP, "p4") > 0
    assert ink(scene.IDLE, "p4") == ink(scene.CUT, "p4") == ink(scene.ABSENT, "p4") == 0
    assert ink(scene.CUT, "error") > 40
    assert ink(scene.IDLE, "edge") > 100 > ink(scene.ABSENT, "edge")


# A landscape is darkest where it is lowest, and flat where it is flat.
def test_landscape():
    x = np.linspace(-1, 1, 21)
    bowl = pixels(scene.Landscape(x[:, None] ** 2 + x**2, (0, 1), (0, 1)))
    tall, wide, _ = bowl.shape
    assert bowl[tall // 2, wide // 2].sum() < bowl[40, 40].sum() - 60
    flat = pixels(scene.Landscape(np.ones((3, 3)), (0, 1), (0, 1)))
    assert count(flat, LIGHT["land-low"]) > 0.8 * tall * wide


# A picture's corners come out in their places and colours, whichever way its box runs.
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_raster(flip_x, flip_y):
    values = np.array([[[0.0, 1.0], [0.5, np.nan]]])  # row 0 lies at the box's first y
    (x0, x1), (y0, y1) = ((0.9, 0.1) if flip_x else (0.1, 0.9)), ((0.1, 0.9), (0.9, 0.1))[flip_y]
    image = pixels(scene.Raster(values, np.array([[x0, y0, x1, y1]]), ("p0", "p2", "p4")))
    tall, wide, _ = image.shape

    def at(column, row):  # a little off the middle, towards a corner
        x, y = (x0, x1)[column] * 0.2 + 0.4, (y0, y1)[row] * 0.2 + 0.4
        return image[int(tall * (1 - y)), int(wide * x)][None, None]

    assert count(at(0, 0), LIGHT["p0"])
    assert count(at(1, 0), LIGHT["p4"])
    assert count(at(0, 1), LIGHT["p2"])
    assert not any(count(at(1, 1), LIGHT[name]) for name in ("p0", "p2", "p4"))


# A text that changes by frame shows the frame's words; an empty one shows nothing.
def test_texts_by_frame():
    words = ("", "Wort", "Wort Wort")
    which = np.array([[0], [1], [2]])
    mark = scene.Texts(np.array([[0.5, 0.5]]), words, "middle", "p4", 30, True, which)
    none, one, two = (count(pixels(mark, frame=k, frames=3), LIGHT["p4"]) for k in range(3))
    assert none == 0
    np.testing.assert_allclose(two / one, 2, rtol=0.05)


# What lies beyond a chart is not drawn over the page; with a word, an arrowhead stands for it.
def test_beyond_the_chart():
    far = np.array([[[0.5, 0.5], [50.0, -80.0]]])
    image = pixels(scene.Lines(far, ("p4",), width=6))
    assert count(image, LIGHT["p4"]) > 100
    assert count(image[:30], LIGHT["p4"]) == count(image[-30:], LIGHT["p4"]) == 0
    off = np.array([[9.0, 0.5], [-9.0, 0.5]])
    assert count(pixels(scene.Points(off, ("p4",), (9,))), LIGHT["p4"]) == 0
    assert count(pixels(scene.Points(off, ("p4",), (9,), edge="off")), LIGHT["p4"]) > 100
    arrow = scene.Arrows(np.array([[0.5, 0.5]]), off[:1], ("p4",), edge="off")
    assert count(pixels(arrow), LIGHT["p4"]) > count(
        pixels(scene.Arrows(np.array([[0.5, 0.5]]), off[:1], ("p4",))), LIGHT["p4"]
    )


# A trail shows the points up to its frame; a round's lines appear only once there was a round.
def test_reveal():
    path = np.stack([np.linspace(0.1, 0.9, 5), np.full(5, 0.5)], axis=1)[None]
    trail = scene.Lines(path, ("p4",), width=4, reveal="trail", dots=5, labels=("end",))
    ink = [count(pixels(trail, frame=f, frames=5), LIGHT["p4"]) for f in range(5)]
    assert ink == sorted(set(ink))
    round_ = scene.Lines(np.stack([path, path]), ("p4",), width=4, reveal="round")
    ink = [count(pixels(round_, frame=f, frames=2), LIGHT["p4"]) for f in range(2)]
    assert ink[0] == 0 < ink[1]
    broken = path.copy()
    broken[0, 2] = np.nan
    whole = count(pixels(scene.Lines(path, ("p4",), width=4)), LIGHT["p4"])
    assert 0 < count(pixels(scene.Lines(broken, ("p4",), width=4)), LIGHT["p4"]) < 0.7 * whole


# Boxes show their tone: the active one is filled, the one that is off is not.
def test_boxes():
    def box(tone):
        lines = (((("1 2 3", "θ = 1"),)),)
        mark = scene.Boxes(
            np.array([[0.5, 0.5]]), (0.5, 0.5), ("参与方 1",), ("p4",), lines, ((tone,),)
        )
        return pixels(mark)

    plain, active, off = box("plain"), box("active"), box("off")
    assert count(active, LIGHT["accent-soft"], 2) > 10_000
    assert count(plain, LIGHT["accent-soft"], 2) == 0
    assert count(off, LIGHT["p4"]) == 0 < count(plain, LIGHT["p4"]) < count(active, LIGHT["p4"])


# Log and symlog axes put equal ratios at equal distances, and the ends at the ends.
def test_scales():
    log = figures._scale(Axis(1e-4, 1e2, scale="log"), 0, 600)
    np.testing.assert_allclose(log([1e-4, 1e-2, 1, 100]), [0, 200, 400, 600])
    sym = figures._scale(Axis(-1e3, 1e3, scale="symlog", linear=1.0), 600, 0)
    np.testing.assert_allclose(sym([-1e3, 0, 1e3]), [600, 300, 0], atol=1e-9)
    np.testing.assert_allclose(sym(5.0) - 300, -(sym(-5.0) - 300))
    assert np.isnan(log(-1.0))


# Ticks are round numbers within the axis; powers of ten on the others; or those that are given.
@pytest.mark.parametrize(
    "axis, many, texts",
    [
        (Axis(0, 60), 5, ["0", "10", "20", "30", "40", "50", "60"]),
        (Axis(-1, 1), 4, ["−1", "−0.5", "0", "0.5", "1"]),
        (Axis(0, 2), 8, ["0", "0.2", "0.4", "0.6", "0.8", "1", "1.2", "1.4", "1.6", "1.8", "2"]),
        (Axis(0, 2, integer=True), 8, ["0", "1", "2"]),
        (Axis(1e-4, 1e2, scale="log"), 3, ["10⁻⁴", "0.1", "100"]),
        (Axis(2e-8, 1, scale="log"), 4, ["10⁻⁷", "10⁻⁵", "0.001", "0.1"]),
        (Axis(-100, 1e6, scale="symlog"), 8, ["−100", "−10", "−1", "0", "1", "100", "10⁴", "10⁶"]),
        (Axis(0, 1, scale="symlog", linear=2.0), 8, ["0"]),
        (Axis(0, 1, ticks=((0.5, "half"),)), 9, ["half"]),
    ],
)
def test_ticks(axis, many, texts):
    assert [text for _, text in ticks(axis, many)] == texts


# Numbers are written as in the browser: float32, halves away from zero, few digits when large.
@pytest.mark.parametrize(
    "value, digits, signed, text",
    [
        (0.125, 2, False, "0.13"),
        (-0.125, 2, True, "−0.13"),
        (0.001, 2, False, "0.00"),
        (0.0004, 2, False, "4.0e−4"),
        (1e-13, 2, True, "0.00"),
        (-0.0, 2, True, "0.00"),
        (12345.678, 3, False, "12346"),
        (123.456, 3, True, "+123.46"),
        (250_000, 1, False, "2.5e5"),
        (1e39, 2, False, "∞"),
        (-np.inf, 2, False, "−∞"),
        (np.nan, 2, True, "–"),
    ],
)
def test_numbers(value, digits, signed, text):
    assert format_number(value, digits, signed) == text


# Significant digits, of any size.
@pytest.mark.parametrize(
    "value, digits, text",
    [
        (0, 4, "0"),
        (0.1, 4, "0.1"),
        (1 / 3, 3, "0.333"),
        (-65504, 4, "−65500"),
        (1234567, 3, "1.23×10⁶"),
        (5.96e-8, 3, "5.96×10⁻⁸"),
        (100, 2, "100"),
        (np.nan, 2, "–"),
        (-np.inf, 2, "−∞"),
    ],
)
def test_significant_numbers(value, digits, text):
    assert significant(value, digits) == text
    assert significant(abs(float(value)), digits, signed=True).lstrip("+") == text.lstrip("−")


# The stage's own functions, run by Node, write the same numbers.
def test_numbers_as_in_the_stage():
    rng = np.random.default_rng(0)
    values = np.float32(rng.normal(size=300) * 10.0 ** rng.integers(-9, 8, 300)).tolist()
    values += [0.125, 0.375, 2.5, -0.5, 99999.5, 0.0, 1e-3, 65504.0]
    script = (
        'import { format, significant } from "./stage/src/arrays.js";\n'
        f"const values = {json.dumps(values)};\n"
        "const both = (v) => [format(v, 2), format(v, 3, true), format(v, 0), significant(v, 4)];\n"
        "console.log(JSON.stringify(values.map(both)));"
    )
    try:
        run = subprocess.run(
            ["node", "--input-type=module", "-e", script],
            capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("Node is not installed")
    assert run.returncode == 0, run.stderr
    for value, theirs in zip(values, json.loads(run.stdout), strict=True):
        ours = [format_number(value), format_number(value, 3, True), format_number(value, 0)]
        assert [*ours, significant(value, 4)] == theirs, value


# Lines are cut at spaces or between Chinese characters, none longer than the width, nothing lost,
# and no line begins with a closing mark.
@pytest.mark.parametrize(
    "text",
    [
        "With eight local steps everybody walks home first (0.61 away), then “settles”.",
        "本地走 8 步，大家都先往自己家走。最后停在圆圈 ◌ 处，离最优点 ✕ 有 0.61（很近）。",
    ],
)
@pytest.mark.parametrize("width", [90, 160, 300])
def test_wrap(text, width):
    lines = wrap(text, 14, width)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert all(text_width(line, 14) <= width for line in lines)
    assert not any(line[0] in "，。、；：！？）”.," for line in lines)
    assert wrap("", 14, width) == []


# A missing glyph is a warning, which the tests above would not let pass.
def test_missing_glyphs_warn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        text_width("\U00013000", 12)
    assert any("missing" in str(warning.message) for warning in caught)


# Texts by frame, and the frame's number within them.
def test_text_at():
    assert text_at("round {frame}", 3) == "round 3"
    assert text_at(("a", "b"), 7) == "b"
    assert text_at((), 0) == ""


# One frame is picked where there are frames, and the last beyond the end.
def test_pick():
    array = np.arange(6.0).reshape(3, 2)
    assert pick(array, 1, 9).tolist() == [4, 5]
    assert pick(array, 2, 1).tolist() == array.tolist()


# A table's foot, units, missing numbers and long contents all find their place on the page.
def test_tables():
    columns = (
        Column("nᵢ", np.array([1.0, np.nan]), digits=0, total=np.array([1.0]), unit=" kB"),
        Column("很长的列名字很长的列名字", np.ones((2, 3)) * 12345.678, vector=True),
        Column("k", np.array([1e-9, 3.0]), significant=True, total=np.array([3.0])),
    )
    table = Table("T {frame}", ("1", "2"), columns, "participant", ("p0", ""), "Σ", "note " * 30)
    page = figure(Scene(Chart((), **UNIT), (table,), warning="watch out " * 20, names=("step",)))
    words = [a.get_text() for a in page.get_children() if isinstance(a, matplotlib.text.Text)]
    for word in ("T 0", "1 kB", "–", "12346", "10⁻⁹", "Σ", "step"):
        assert any(word in text for text in words), word
    page.canvas.draw()
    boxes = [
        a.get_window_extent() for a in page.get_children() if isinstance(a, matplotlib.text.Text)
    ]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= page.bbox.width
