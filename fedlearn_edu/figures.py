"""A Scene as a picture file: what ``labs/stage.js`` draws in a browser, drawn by matplotlib.

:func:`render` returns the bytes of a PNG or SVG, :func:`figure` a matplotlib Figure.  Lengths are
pixels from the upper left corner, as in the browser; the figure has 72 dots an inch, so that they
are points too.  No pyplot, and no setting of matplotlib is changed: whatever style the reader has
chosen, the picture is the same.
"""

import math
import re
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache, partial
from io import BytesIO
from itertools import count, pairwise

import matplotlib
import numpy as np
from contourpy import FillType, LineType, contour_generator
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox
from PIL import Image

from fedlearn_edu.paths import assets
from fedlearn_edu.scene import (
    ABSENT,
    CUT,
    IDLE,
    OUT,
    RETURN,
    Chart,
    Headline,
    Landscape,
    Table,
)

WIDTH = 1000  # of the layout; a PNG may have more dots
GAP, PAD, SIDE = 16, 16, 336
CARD_CHART = 170
FONT = 0.9  # DejaVu Sans runs larger than the browser's faces
TONE_SIGNS = {"good": "✓ ", "warn": "△ ", "bad": "✕ ", "plain": ""}
TONES = {"good": "accent", "plain": "accent", "warn": "warn", "bad": "error"}
MINUS = "−"

LIGHT = {
    "paper": "#fbfaf7", "card": "#ffffff", "text": "#1b1f24", "soft": "#5c6670",
    "line": "#e4e1da", "accent": "#0b6e6e", "accent-soft": "#e2f0ee", "on-accent": "#ffffff",
    "track": "#dedbd3", "warn": "#a95600", "warn-soft": "#fbeeda", "error": "#a3243b",
    "error-soft": "#f9e4e8", "ink": "#14181c", "halo": "#ffffff", "edge": "#8b939b",
    "p0": "#0072b2", "p1": "#d08b00", "p2": "#b8518c", "p3": "#2f95cf", "p4": "#d55e00",
    "p5": "#00865f", "p6": "#7a6a00", "p7": "#6b4fb3", "many": "#5b7f95",
    "k0": "#7a4fb0", "k1": "#b25b00", "k2": "#0b6e6e", "k3": "#a3243b",
    "land-low": "#86b1aa", "land-high": "#f4efe4", "land-line": "#6f9f9838",
}  # fmt: skip
DARK = {
    "paper": "#12161a", "card": "#1a1f25", "text": "#e8ebee", "soft": "#9aa5af",
    "line": "#2b323a", "accent": "#5ec4b6", "accent-soft": "#1d3533", "on-accent": "#0c1413",
    "track": "#38414b", "warn": "#f0a84a", "warn-soft": "#3a2c17", "error": "#ef7c8e",
    "error-soft": "#3d1f26", "ink": "#f4f6f8", "halo": "#1a1f25", "edge": "#7d8893",
    "p0": "#4aa3df", "p1": "#e9a820", "p2": "#dd8dbb", "p3": "#7cc4ee", "p4": "#f0843a",
    "p5": "#2fbf93", "p6": "#c9b53c", "p7": "#a893e6", "many": "#8fb2c8",
    "k0": "#b79be8", "k1": "#f0a84a", "k2": "#5ec4b6", "k3": "#ef7c8e",
    "land-low": "#3c7072", "land-high": "#1c2329", "land-line": "#8fc4bd24",
}  # fmt: skip


def render(scene, kind="png", frame=None, dark=False, title="", width=2 * WIDTH, small=False):
    r"""Return the picture of a scene as the bytes of a file.

    Parameters
    ----------
    scene : Scene
    kind : {"png", "svg"}
        An SVG holds its text as outlines: it looks the same without the fonts.
    frame : int, optional
        The frame to show, −1 for the last; the scene's first view if left out.
    dark : bool
    title : str
        Stands above the picture.
    width : int
        Width of a PNG in dots, at least 100.
    small : bool
        Whether a PNG is cut to 256 colours: less than half the bytes, hardly a difference.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        For another kind, or a smaller width.

    Examples
    --------
    >>> from fedlearn_edu.scene import Axis, Chart, Points, Scene
    >>> dot = Points(np.array([[0.5, 0.5]]), ("accent",))
    >>> picture = render(Scene(Chart((dot,), Axis(0, 1), Axis(0, 1))), width=300)
    >>> picture[:4]
    b'\x89PNG'
    """
    if kind not in ("png", "svg"):
        raise ValueError(f"kind is {kind!r}; a picture is png or svg")
    if not width >= 100:
        raise ValueError(f"width is {width}; a picture has at least 100 dots")
    file = BytesIO()
    with _own_settings():
        drawn = figure(scene, frame, dark, title)
        if kind == "svg":
            drawn.savefig(file, format="svg", metadata={"Date": None})
            return _smaller(file.getvalue())
        drawn.savefig(file, format="png", dpi=72 * width / WIDTH)
    return fewer_colors(file) if small else file.getvalue()


def figure(scene, frame=None, dark=False, title=""):
    """Return the picture of a scene as a matplotlib Figure; arguments as in :func:`render`."""
    frame = scene.start if frame is None else int(frame)
    frame = scene.frames - 1 if frame < 0 else min(frame, scene.frames - 1)
    with _own_settings():
        blocks, height = _arrange(scene, frame, title)
        theme = DARK if dark else LIGHT
        drawn = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, facecolor=theme["paper"])
        FigureCanvasAgg(drawn)
        page = _Pen(drawn, theme, 0, 0, WIDTH, height)
        for x, y, width, block in blocks:
            block.draw(page, x, y, width)
    return drawn


_TWICE = re.compile(rb'<path d="([^"]*)"([^>]*)/>(\s*)<path d="\1"([^>]*)/>')


def _smaller(svg):
    """Cut an SVG's outlines to hundredths of a pixel, and write one that is drawn twice once."""
    cut = partial(re.compile(rb"(\.\d\d)\d+").sub, rb"\1")
    svg = re.sub(rb' d="[^"]*"', lambda outline: cut(outline[0]), svg)
    numbers = count()

    def once(match):
        name = b"outline%d" % next(numbers)
        outline, style, space, other = match.groups()
        use = b'<use xlink:href="#%s"%s/>'
        shape = b'<defs><path id="%s" d="%s"/></defs>' % (name, outline)
        return shape + use % (name, style) + space + use % (name, other)

    return _TWICE.sub(once, svg)


def fewer_colors(file):
    """Return a PNG, given as a file, cut to 256 colours: less than half the bytes."""
    with Image.open(file) as picture:
        cut = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = BytesIO()
    cut.save(file, format="png", optimize=True)
    return file.getvalue()


_SETTINGS = {"figure", "font", "lines", "patch", "path", "savefig", "svg", "text"}


@contextmanager
def _own_settings():
    """Work with matplotlib's defaults, whatever the reader has set, and give those back."""
    ours = {
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if key.split(".")[0] in _SETTINGS
    }
    with matplotlib.rc_context({**ours, "svg.fonttype": "path", "svg.hashsalt": "fedlearn_edu"}):
        yield


def pyplot():
    """Return matplotlib's pyplot in the course's style, Chinese included; for notebooks only.

    Unlike everything else here it changes the reader's settings: it is what a chapter's first
    figure asks for.

    Returns
    -------
    module
        ``matplotlib.pyplot``.

    Examples
    --------
    >>> with matplotlib.rc_context():
    ...     plt = pyplot()
    ...     matplotlib.rcParams["font.family"]
    ['DejaVu Sans', 'Noto Sans SC']
    """
    from matplotlib import pyplot as plt

    colors = [LIGHT[f"p{i}"] for i in range(8)]
    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.formatter.min_exponent": 4,  # 10 and 100 on a log axis, not powers
            "axes.edgecolor": LIGHT["edge"],
            "axes.grid": True,
            "axes.prop_cycle": matplotlib.cycler(color=colors),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.dpi": 96,
            "figure.figsize": (6.4, 3.2),
            "figure.constrained_layout.use": True,
            "font.family": ["DejaVu Sans", _chinese()],
            "grid.color": LIGHT["line"],
            "legend.frameon": False,
        }
    )
    return plt


# Words: fonts, widths, lines.


@lru_cache(maxsize=1)
def _chinese():
    """Make the Chinese font known to matplotlib, and return its name."""
    font_manager.fontManager.addfont(assets() / "fonts" / "NotoSansSC-subset.otf")
    return font_manager.fontManager.ttflist[-1].name


@lru_cache(maxsize=256)
def _font(size, bold=False):
    """Return a font; where it is bold, without Chinese, which has no bold here."""
    if bold:
        return FontProperties(family=["DejaVu Sans"], size=size * FONT, weight="bold")
    return FontProperties(family=["DejaVu Sans", _chinese()], size=size * FONT)


def _is_chinese(text):
    return re.search(f"[{_CHINESE}]", text) is not None


@lru_cache(maxsize=4096)
def text_width(text, size, bold=False):
    """Return how many pixels a line of text takes."""
    if not text:
        return 0.0
    font = _font(size, bold and not _is_chinese(text))
    return text_to_path.get_text_width_height_descent(text, font, False)[0]


_OPEN, _CLOSE, _CHINESE = "“（《【", "，。、；：！？）】》”", "\u2e80-\uffef"
_WORDS = re.compile(
    rf"\s+|[{_OPEN}]*(?:[^\s{_OPEN}{_CLOSE}{_CHINESE}]+|[^\s{_OPEN}{_CLOSE}])?[{_CLOSE}]*[.,;:!?]*"
)


def wrap(text, size, width, bold=False):
    """Return a text as lines that fit a width: cut at spaces, or between Chinese characters.

    Examples
    --------
    >>> wrap("one two", 13, 40)
    ['one', 'two']
    """
    lines, line = [], ""
    for piece in _WORDS.findall(text):
        if line and text_width((line + piece).rstrip(), size, bold) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def text_at(text, frame):
    """Return a text of a frame; ``{frame}`` stands for its number."""
    if isinstance(text, (tuple, list)):
        text = text[min(frame, len(text) - 1)] if text else ""
    return text.replace("{frame}", str(frame))


def format_number(value, digits=2, signed=False):
    """Return a number as the stage writes it: float32, halves rounded away from zero.

    Examples
    --------
    >>> format_number(-0.125), format_number(2.5, 0, signed=True), format_number(3e7)
    ('−0.13', '+3', '3.0e7')
    """
    value = _float32(value)
    if not math.isfinite(value):
        return _not_finite(value)
    size = abs(value) if abs(value) >= 1e-12 else 0.0
    if size >= 1e5 or 0 < size < min(0.5 * 10.0**-digits, 1e-3):
        text = _rounded(size, ".1e").replace("e+", "e")
    else:
        whole = 1 if size < 10 else math.floor(math.log10(size)) + 1
        text = _rounded(size, f".{max(0, min(digits, 5 - whole))}f")
    zero = float(text) == 0
    sign = "" if zero else MINUS if value < 0 else "+" if signed else ""
    return sign + text.replace("e-", "e" + MINUS)


def significant(value, digits=4, signed=False):
    """Return a number with so many significant digits, of any size, as the stage writes it.

    Examples
    --------
    >>> significant(0.25), significant(65500, 3), significant(4e-9)
    ('0.25', '65500', '4×10⁻⁹')
    """
    value = _float32(value)
    if not math.isfinite(value):
        return _not_finite(value, signed)
    if value == 0:
        return "0"
    sign = MINUS if value < 0 else "+" if signed else ""
    mantissa, exponent = _rounded(abs(value), f".{digits - 1}e").split("e")
    exponent = int(exponent)
    if -4 <= exponent < 6:
        return sign + _bare(Decimal(mantissa).scaleb(exponent))
    return f"{sign}{_bare(Decimal(mantissa))}×10{_raised(exponent)}"


def _float32(value):
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _not_finite(value, signed=False):
    if math.isnan(value):
        return "–"
    return (MINUS if value < 0 else "+" if signed else "") + "∞"


def _rounded(size, spec):
    with localcontext(rounding=ROUND_HALF_UP):
        return format(Decimal(size), spec)


def _bare(number):
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _raised(power):
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def pick(array, plain, frame):
    """Return one frame of an array that has ``plain`` axes without frames."""
    array = np.asarray(array, dtype=float)
    return array if array.ndim <= plain else array[min(max(frame, 0), len(array) - 1)]


# The pen: all that is drawn goes through it.


class _Pen:
    """Draws on a figure in pixels from the upper left corner of a box."""

    def __init__(self, figure, theme, left, top, width, height):
        self.figure, self.theme = figure, theme
        self.width, self.height = width, height
        dots = Affine2D().scale(1 / 72, -1 / 72) + Affine2D().translate(0, figure.get_figheight())
        self.transform = Affine2D().translate(left, top) + dots + figure.dpi_scale_trans
        self.left, self.top = left, top
        self.clip = None
        self.opacity = 1.0

    def inside(self, left, top, width, height, over=0):
        """Return a pen for a box within this one; it draws no further than ``over`` beyond it."""
        pen = _Pen(self.figure, self.theme, self.left + left, self.top + top, width, height)
        box = (-over, -over), width + 2 * over, height + 2 * over
        pen.clip = Rectangle(*box, transform=pen.transform)
        return pen

    def holds(self, x, y):
        return 0 <= x <= self.width and 0 <= y <= self.height

    def color(self, name):
        return self.theme[name]

    def mix(self, a, b, share):
        """Return a colour between two named ones."""
        channels = ([int(self.theme[n][k : k + 2], 16) for k in (1, 3, 5)] for n in (a, b))
        return tuple((x + share * (y - x)) / 255 for x, y in zip(*channels, strict=True))

    def add(self, artist):
        artist.set_transform(self.transform)
        artist.set_zorder(0)  # what comes later lies on top
        if self.clip is not None:
            artist.set_clip_path(self.clip)
        self.figure.add_artist(artist)

    def line(self, points, color, width=1.0, dash=()):
        """Stroke a polyline; NaN breaks it."""
        points = np.asarray(points, dtype=float)
        if len(points) < 2:
            return
        style = (0, [part / width for part in dash]) if dash else "-"
        caps = {"solid_capstyle": "round", "dash_capstyle": "butt", "solid_joinstyle": "round"}
        self.add(
            Line2D(*points.T, color=color, linewidth=width, linestyle=style,
                   alpha=self.opacity if self.opacity < 1 else None, **caps)
        )  # fmt: skip

    def shape(self, patch, fill="none", edge="none", width=1.0, dash=(), opacity=None):
        patch.set(facecolor=fill, edgecolor=edge, linewidth=width)
        if dash:
            patch.set_linestyle((0, [part / width for part in dash]))
        strength = self.opacity if opacity is None else opacity
        if strength < 1:
            patch.set_alpha(strength)
        self.add(patch)

    def disc(self, x, y, radius, **style):
        self.shape(Circle((x, y), radius), **style)

    def dots(self, points, radius, color, unit=None, **style):
        """Draw small discs of one colour, or other shapes of radius 1, as one path."""
        unit = unit or Path.unit_circle()
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            whole = [Path(unit.vertices * radius + p, unit.codes) for p in points]
            self.shape(PathPatch(Path.make_compound_path(*whole)), fill=color, **style)

    def box(self, x, y, width, height, radius, stroke=1.0, **style):
        rounded = f"round,pad=0,rounding_size={radius}"
        patch = FancyBboxPatch((x, y), width, height, boxstyle=rounded)
        self.shape(patch, width=stroke, **style)

    def image(self, pixels, x, y, smooth=False):
        """Draw (rows, columns, RGBA) pixels between two x and two y, row 0 at the first y."""
        pixels = pixels[:: 1 if y[0] < y[1] else -1, :: 1 if x[0] < x[1] else -1]
        corners = Bbox([[min(x), max(y)], [max(x), min(y)]])
        box = TransformedBbox(corners, self.transform)
        kind = "bilinear" if smooth else "nearest"
        picture = BboxImage(box, interpolation=kind, origin="lower", zorder=0)
        picture.set_data(pixels)
        if self.clip is not None:
            picture.set_clip_path(self.clip)
        self.figure.add_artist(picture)

    def text(self, text, x, y, size=13, color="text", align="left", bold=False, halo=False):
        """Write one line, its middle at height ``y``."""
        if not text:
            return
        chinese = _is_chinese(text)
        words = Text(
            x, y, text, color=self.color(color), fontproperties=_font(size, bold and not chinese),
            ha=align, va="center_baseline", parse_math=False, alpha=self.opacity,
        )  # fmt: skip
        effects = [withStroke(linewidth=3, foreground=self.color("halo"))] if halo else []
        if bold and chinese:
            effects.append(withStroke(linewidth=size / 30, foreground=self.color(color)))
        words.set_path_effects(effects)
        self.add(words)

    def label(self, text, x, y, size=12, color="text", align="left", bold=False):
        """Write over a picture: with a halo, and moved so that it stays within the box."""
        wide = text_width(text, size, bold) * {"left": 0, "center": 0.5, "right": 1}[align]
        rest = text_width(text, size, bold) - wide
        if wide + rest < self.width and 0 <= x <= self.width:
            x = min(max(x, wide + 2), self.width - rest - 2)
        if 0 <= y <= self.height:
            y = min(max(y, size * 0.7), self.height - size * 0.7)
        self.text(text, x, y, size, color, align, bold, halo=True)


# Scales and their ticks, as D3 has them.


def _scale(axis, start, end):
    """Return the function from an axis's data to pixels from ``start`` to ``end``."""
    bend = {
        "linear": lambda v: v,
        "log": np.log,
        "symlog": lambda v: np.sign(v) * np.log1p(np.abs(v / axis.linear)),
    }[axis.scale]

    def place(value):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            low, high, v = (bend(np.asarray(x, dtype=float)) for x in (axis.low, axis.high, value))
            return start + (v - low) / (high - low) * (end - start)

    return place


def ticks(axis, many):
    """Return the (value, text) pairs of an axis, about ``many`` of them."""
    if axis.ticks:
        return list(axis.ticks)
    if axis.scale == "log":
        values = _decades(axis.low, axis.high, many)
    elif axis.scale == "symlog":
        values = [0.0]
        if axis.high > axis.linear:
            values += _decades(axis.linear, axis.high, many / 2)
        if -axis.low > axis.linear:
            values += [-v for v in _decades(axis.linear, -axis.low, many / 2)]
    else:
        values = _even(axis.low, axis.high, many)
    if axis.integer:
        values = [v for v in values if v == round(v)]
    return [(v, _tick_text(v)) for v in sorted(values)]


def _decades(low, high, many):
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / max(2, many)))
    return [10.0**k for k in range(first, last + 1, every)]


def _even(low, high, many):
    rough = (high - low) / many
    power = 10.0 ** math.floor(math.log10(rough))
    factor = next((f for f, top in ((10, 50), (5, 10), (2, 2)) if rough / power >= top**0.5), 1)
    step = power * factor
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _tick_text(value):
    """Return the text of a tick: ``10⁻⁵`` beyond the powers that read well."""
    sign, size = MINUS if value < 0 else "", abs(value)
    power = math.log10(size) if size else 0
    if abs(power - round(power)) < 1e-9 and abs(power) > 3.5:
        return f"{sign}10{_raised(round(power))}"
    return sign + _bare(Decimal(f"{size:.10f}"))


# The chart, and every mark on it.


class _View:
    """A chart's moment: its pen, its scales to pixels, and its frame."""

    def __init__(self, pen, chart, frame):
        self.pen, self.frame = pen, frame
        self.x = _scale(chart.x, 0, pen.width)
        self.y = _scale(chart.y, pen.height, 0)

    def places(self, array, plain):
        """Return one frame of an array of positions in pixels."""
        points = pick(array, plain, self.frame)
        return np.stack([self.x(points[..., 0]), self.y(points[..., 1])], axis=-1)


def _nth(values, i):
    return values[min(i, len(values) - 1)]


def _label_of(mark, i):
    return mark.labels[i] if i < len(mark.labels) else ""


def _draw_landscape(mark, view):
    values, pen = np.asarray(mark.values, dtype=float), view.pen
    low, high = values.min(), values.max()
    pen.shape(Rectangle((0, 0), pen.width, pen.height), fill=pen.mix("land-low", "land-high", 0))
    if not high > low:
        return
    x = view.x(np.linspace(*mark.x, values.shape[1]))
    y = view.y(np.linspace(*mark.y, values.shape[0]))
    generator = contour_generator(
        x, y, values, fill_type=FillType.OuterCode, line_type=LineType.Separate
    )
    for k in range(mark.levels):
        threshold = low + (high - low) * ((k + 1) / (mark.levels + 1)) ** 2
        color = pen.mix("land-low", "land-high", (k + 1) / mark.levels)
        for points, codes in zip(*generator.filled(threshold, high * 2 - low + 1), strict=True):
            pen.shape(PathPatch(Path(points, codes)), fill=color)
        for points in generator.lines(threshold):
            pen.line(points, pen.color("land-line"), 0.75)


def _draw_lines(mark, view):
    framed = np.ndim(mark.points) > 3
    if mark.reveal == "round" and view.frame == 0 and framed:
        return
    pen = view.pen
    pen.opacity = mark.opacity
    for k, path in enumerate(view.places(mark.points, 3)):
        if mark.reveal == "trail":
            path = path[: view.frame + 1]
        name = _nth(mark.colors, k)
        path = np.clip(path, -1e4, 1e4)
        pen.line(path, pen.color(name), mark.width, (6, 5) if mark.dash else ())
        if mark.dots:
            pen.dots(path, mark.dots, pen.color(name))
        seen = path[np.isfinite(path).all(axis=1)]
        if _label_of(mark, k) and len(seen):
            x, y = seen[-1]
            right = x > pen.width * 0.7
            at, align = (x, "right") if right else (x + 6, "left")
            pen.label(_label_of(mark, k), at, y - 10, color=name, align=align)
    pen.opacity = 1.0


def _draw_points(mark, view):
    pen = view.pen
    if _is_cloud(mark):
        rim = {"edge": pen.color(mark.rim), "width": 1.5} if mark.rim else {}
        unit = (
            Path([*_triangle(0, 0, 1), (0, 0)], closed=True) if mark.shape == "triangle" else None
        )
        pen.dots(
            view.places(mark.points, 2), mark.radius[0], pen.color(mark.colors[0]), unit, **rim
        )
        return
    dim = None if mark.dim is None else pick(mark.dim, 1, view.frame)
    for i, (x, y) in enumerate(view.places(mark.points, 2)):
        if np.isnan(x + y):
            continue
        name, radius = _nth(mark.colors, i), _nth(mark.radius, i)
        if mark.edge and not pen.holds(x, y):
            _draw_off_map(pen, x, y, name, mark.edge)
            continue
        pen.opacity = 0.35 if dim is not None and dim[i] else 1.0
        SHAPES[mark.shape](pen, x, y, radius, pen.color(name))
        if mark.rim:
            outline = Polygon(_triangle(x, y, radius)) if mark.shape == "triangle" else None
            pen.shape(outline or Circle((x, y), radius), edge=pen.color(mark.rim), width=1.5)
        text = _label_of(mark, i)
        if mark.shape == "badge":
            pen.label(text, x, y + 0.5, size=min(13, radius + 2), align="center", bold=True)
        else:
            _draw_beside(pen, text, x, y, radius + 6)
        _draw_beside(pen, mark.notes[i] if i < len(mark.notes) else "", x, y + 0.5, radius + 5)
        pen.opacity = 1.0


def _is_cloud(mark):
    """Whether the points are all alike, with no words: then they are one path."""
    alike = len(mark.colors) == len(mark.radius) == 1 and mark.dim is None
    return (
        alike and mark.shape in ("dot", "triangle") and not (mark.labels or mark.notes or mark.edge)
    )


def _draw_beside(pen, text, x, y, away):
    """Write right of a point, or left of it where there is no room."""
    if text:
        right = x + away + text_width(text, 12) > pen.width - 4
        pen.label(text, x - away if right else x + away, y, align="right" if right else "left")


def _draw_dot(pen, x, y, r, color):
    pen.disc(x, y, r, fill=color)


def _draw_ring(pen, x, y, r, color):
    pen.disc(x, y, r, edge=color, width=2, dash=(3, 2.5))


def _draw_cross(pen, x, y, r, color):
    pen.line([(x - r, y - r), (x + r, y + r)], color, 3)
    pen.line([(x + r, y - r), (x - r, y + r)], color, 3)


def _draw_badge(pen, x, y, r, color):
    pen.disc(x, y, r, fill=pen.color("halo"))
    pen.disc(x, y, r, fill=color, opacity=0.28 * pen.opacity)
    pen.disc(x, y, r, edge=color, width=2)


def _draw_triangle(pen, x, y, r, color):
    pen.shape(Polygon(_triangle(x, y, r), closed=True), fill=color)


def _triangle(x, y, r):
    """Return the corners of an upright triangle, somewhat larger than a disc of that radius."""
    return [(x, y - 1.3 * r), (x + 1.2 * r, y + 0.8 * r), (x - 1.2 * r, y + 0.8 * r)]


SHAPES = {
    "dot": _draw_dot,
    "triangle": _draw_triangle,
    "ring": _draw_ring,
    "cross": _draw_cross,
    "badge": _draw_badge,
}


def _draw_off_map(pen, x, y, name, text, angle=None):
    """Draw an arrowhead on the border, towards a point beyond it or at an angle."""
    cx, cy = min(max(x, 12), pen.width - 12), min(max(y, 12), pen.height - 12)
    angle = math.atan2(y - cy, x - cx) if angle is None else angle
    head = Affine2D().rotate(angle).translate(cx, cy).transform([(9, 0), (-6, -7), (-6, 7)])
    pen.shape(Polygon(head, closed=True), fill=pen.color(name))
    right = cx > pen.width / 2
    at, align = (cx - 14, "right") if right else (cx + 14, "left")
    pen.label(text, at, cy, color=name, align=align, bold=True)


def _draw_arrows(mark, view):
    pen = view.pen
    pen.opacity = mark.opacity
    tails, heads = view.places(mark.tails, 2), view.places(mark.heads, 2)
    for i, (tail, head) in enumerate(zip(tails, heads, strict=True)):
        if not np.isfinite([tail, head]).all():
            continue
        name = _nth(mark.colors, i)
        length = math.dist(tail, head)
        size = min(6 + 2 * mark.width, length * 0.6)
        along = (head - tail) / length if length else np.zeros(2)
        across = np.array([along[1], -along[0]])
        stop = head - along * size * 0.8
        pen.line([tail, stop], pen.color(name), mark.width, (6, 5) if mark.dash else ())
        wing = head - size * along
        corners = [head, wing - 0.45 * size * across, wing + 0.45 * size * across]
        pen.shape(Polygon(corners, closed=True), fill=pen.color(name))
        if mark.edge and not pen.holds(*head):
            at = _leaving(tail, head, pen) - 9 * along
            angle = math.atan2(along[1], along[0])
            _draw_off_map(pen, *at, name, _label_of(mark, i) or mark.edge, angle)
        elif _label_of(mark, i):
            _draw_at_head(pen, _label_of(mark, i), head, along if length else [-0.7, -0.7], name)
    pen.opacity = 1.0


def _leaving(start, end, pen):
    """Return where the way from inside the chart to ``end`` crosses its border."""
    size = np.array([pen.width, pen.height])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(end > size, (size - start) / (end - start), start / (start - end))
    inside = (end >= 0) & (end <= size)
    return start + np.clip(np.where(inside, 1, share).min(), 0, 1) * (end - start)


def _draw_at_head(pen, text, head, along, name):
    """Write beyond an arrow's head, inside the chart."""
    half = text_width(text, 12, True) / 2 + 4
    wanted = head[0] + along[0] * (half + 5)
    x = min(max(wanted, half), pen.width - half)
    y = head[1] + along[1] * 14 - (0 if x == wanted else 14)
    pen.label(text, x, min(max(y, 9), pen.height - 9), color=name, align="center", bold=True)


def _draw_ticks(mark, view):
    pen, y = view.pen, float(view.y(mark.y))
    strokes = []
    for x in view.x(np.asarray(mark.x, dtype=float)):
        if 0 <= x <= pen.width:
            strokes += [(x, y - mark.size / 2), (x, y + mark.size / 2), (np.nan, np.nan)]
    pen.line(np.reshape(strokes, (-1, 2)), pen.color(mark.color), 1)


def _draw_bands(mark, view):
    pen = view.pen
    pen.opacity = mark.opacity
    for i, (x0, y0, x1, y1) in enumerate(pick(mark.boxes, 2, view.frame)):
        (left, right), (bottom, top) = view.x([x0, x1]), view.y([y0, y1])
        fill = pen.color(_nth(mark.colors, i))
        radius = min(mark.radius, (right - left) / 2, (bottom - top) / 2)
        pen.box(left, top, right - left, bottom - top, radius, fill=fill)
    pen.opacity = 1.0


def _draw_areas(mark, view):
    pen = view.pen
    for k, edges in enumerate(pick(mark.edges, 3, view.frame)):
        known = np.isfinite(edges).all(axis=1)
        starts = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]))).reshape(-1, 2)
        for start, stop in starts:
            x, low, high = edges[start:stop].T
            way = np.concatenate([np.stack([x, low], 1), np.stack([x, high], 1)[::-1]])
            corners = np.stack([view.x(way[:, 0]), view.y(way[:, 1])], axis=1)
            area = Polygon(corners, closed=True)
            pen.shape(area, fill=pen.color(_nth(mark.colors, k)), opacity=mark.opacity)


def _draw_links(mark, view):
    pen = view.pen
    for i, (flow, ends) in enumerate(zip(pick(mark.flow, 1, view.frame), mark.ends, strict=True)):
        kind = abs(int(flow))
        name = "error" if kind == CUT else _nth(mark.colors, i) if kind > IDLE else "edge"
        tail, head = view.places(ends, 2)
        pen.opacity = 0.3 if kind == ABSENT else 1.0
        dash = (6, 5) if flow < 0 or kind == CUT else ()
        width = {ABSENT: 1, IDLE: 1.5, CUT: 1.5}.get(kind, 3)
        pen.line([tail, head], pen.color(name), width, dash)
        pen.opacity = 1.0
        if kind == CUT:
            _draw_cross(pen, *((tail + head) / 2), 6, pen.color(name))
        for t, way in {OUT: [(0.55, 1)], RETURN: [(0.7, 1), (0.5, -1)]}.get(kind, ()):
            at, along = tail + t * (head - tail), way * (head - tail)
            turn = Affine2D().rotate(math.atan2(along[1], along[0])).translate(*at)
            corners = turn.transform([(7, 0), (-6, 5.5), (-6, -5.5)])
            pen.shape(Polygon(corners, closed=True), fill=pen.color(name))


def _draw_raster(mark, view):
    stops = np.array([view.pen.mix(name, name, 0) for name in mark.colors])
    known = np.linspace(0, 1, len(stops))
    for image, (x0, y0, x1, y1) in zip(pick(mark.values, 3, view.frame), mark.boxes, strict=True):
        share = np.clip((np.asarray(image, dtype=float) - mark.low) / (mark.high - mark.low), 0, 1)
        channels = [np.interp(np.nan_to_num(share), known, stop) for stop in stops.T]
        pixels = np.stack([*channels, ~np.isnan(share)], axis=-1)
        view.pen.image(pixels, view.x([x0, x1]), view.y([y0, y1]), mark.smooth)


def _draw_segments(mark, view):
    pen = view.pen
    for r, parts in enumerate(pick(mark.parts, 2, view.frame)):
        edges = view.x(np.concatenate([[0], np.cumsum(parts)]))
        y0, y1 = sorted((float(view.y(r + 0.36)), float(view.y(r - 0.36))))
        for k, (x0, x1) in enumerate(pairwise(edges)):
            color, bar = pen.color(mark.colors[k]), ((x0 + 1, y0), max(0.0, x1 - x0 - 2), y1 - y0)
            pen.shape(Rectangle(*bar), fill=color, opacity=0.28)
            if x1 - x0 > 0.5:
                pen.shape(Rectangle(*bar), edge=color, width=1.5)
            if x1 - x0 > 18:
                middle = (x0 + x1) / 2, (y0 + y1) / 2
                pen.label(_label_of(mark, k), *middle, size=11, align="center", bold=True)


def _draw_texts(mark, view):
    align = {"start": "left", "middle": "center", "end": "right"}[mark.align]
    style = {"size": mark.size, "color": mark.color, "align": align, "bold": mark.bold}
    texts = mark.texts
    if mark.shown is not None:
        texts = [texts[int(k)] for k in pick(mark.shown, 1, view.frame)]
    for text, (x, y) in zip(texts, view.places(mark.points, 2), strict=False):
        view.pen.label(text, x, y, **style)


def _draw_boxes(mark, view):
    pen = view.pen
    width = float(abs(view.x(mark.size[0]) - view.x(0)))
    height = float(abs(view.y(mark.size[1]) - view.y(0)))
    frame = min(view.frame, len(mark.lines) - 1)
    rows = 1 + max(len(lines) for lines in mark.lines[frame])
    leading = min(21, (height - 10) / rows)
    for i, (x, y) in enumerate(view.places(mark.points, 2)):
        lines, tone = (mark.titles[i], *mark.lines[frame][i]), mark.tones[frame][i]
        _draw_box(pen, x - width / 2, y - height / 2, width, height, _nth(mark.colors, i), tone)
        top = y - rows * leading / 2
        pad = min(12, width * 0.07)
        for k, text in enumerate(lines):
            size = min(14, leading - 2)
            size *= min(1, (width - 2 * pad) / max(text_width(text, size, k == 0), 1))
            at = x - width / 2 + pad, top + (k + 0.5) * leading
            pen.text(text, *at, size, "soft" if tone == "off" else "text", bold=k == 0)


def _draw_box(pen, left, top, width, height, color, tone):
    off, active = tone == "off", tone == "active"
    pen.box(
        left, top, width, height, 10,
        fill=pen.color("paper" if off else "accent-soft" if active else "card"),
        edge=pen.color("edge" if off else color),
        stroke=3 if active else 1.5,
        dash=(5, 4) if off else (),
    )  # fmt: skip


MARKS = {
    "Landscape": _draw_landscape,
    "Bands": _draw_bands,
    "Areas": _draw_areas,
    "Links": _draw_links,
    "Raster": _draw_raster,
    "Lines": _draw_lines,
    "Points": _draw_points,
    "Arrows": _draw_arrows,
    "Ticks": _draw_ticks,
    "Segments": _draw_segments,
    "Texts": _draw_texts,
    "Boxes": _draw_boxes,
}


def _chart_height(chart, width, height):
    """Return how tall a chart is: where units are equal, its width decides."""
    left, top, right, bottom = _margins(chart)
    if not chart.equal:
        return max(min(chart.least, 1.35 * width), height)
    ratio = (chart.y.high - chart.y.low) / (chart.x.high - chart.x.low)
    return (width - left - right) * ratio + top + bottom


def _margins(chart):
    left, top = (0, 0) if chart.y.hidden else (44, 18 if chart.y.label else 10)
    right, bottom = (0, 0) if chart.x.hidden else (14, 36 if chart.x.label else 24)
    return left, top, right, bottom


def _draw_chart(chart, page, x, y, width, height, frame):
    """Draw a chart in a box of the page."""
    left, top, right, bottom = _margins(chart)
    inner, tall = width - left - right, height - top - bottom
    pen = page.inside(x + left, y + top, inner, tall, over=0 if chart.x.hidden else 6)
    _draw_axes(chart, page, x + left, y + top, inner, tall)
    view = _View(pen, chart, frame)
    for mark in sorted(chart.marks, key=lambda mark: not isinstance(mark, Landscape)):
        MARKS[type(mark).__name__](mark, view)


def _draw_axes(chart, page, left, top, width, height):
    line = page.color("line")
    if not chart.y.hidden:
        place = _scale(chart.y, top + height, top)
        for value, text in ticks(chart.y, min(8, max(2, height // 30))):
            y = float(place(value))
            page.line([(left - 4, y), (left + width, y)], line, 1)
            page.text(text, left - 9, y, 12, "soft", "right")
        page.text(chart.y.label, left - 42, top - 10, 12, "soft")
    if not chart.x.hidden:
        place = _scale(chart.x, left, left + width)
        page.line([(left, top + height), (left + width, top + height)], line, 1)
        for value, text in ticks(chart.x, max(2, width // 70)):
            x = float(place(value))
            page.line([(x, top + height), (x, top + height + 4)], line, 1)
            page.text(text, x, top + height + 15, 12, "soft", "center")
        page.text(chart.x.label, left + width, top + height + 30, 12, "soft", "right")


# The layout: blocks that know their height for a width.


class _ChartBlock:
    def __init__(self, chart, frame, height=None, under=(), warning=""):
        self.chart, self.frame, self.tall = chart, frame, height
        self.title, self.under, self.warning = text_at(chart.title, frame), under, warning

    def parts(self, width):
        """Return the heights of title, chart, caption and warning."""
        inner = width - 2 * PAD
        tall = self.tall or min(560, max(300, inner * 0.72))
        lines = wrap(self.warning, 13, inner - 16)
        caption = 22 if self.under else 0
        warned = 18 * len(lines) + 18 if lines else 0
        return 22 * bool(self.title), _chart_height(self.chart, inner, tall), caption, warned

    def height(self, width):
        return sum(self.parts(width)) + 2 * PAD

    def draw(self, page, x, y, width):
        title, tall, caption, warned = self.parts(width)
        _card(page, x, y, width, self.height(width))
        left, top, inner = x + PAD, y + PAD, width - 2 * PAD
        _heading(page, self.title, left, top + 7)
        _draw_chart(self.chart, page, left, top + title, inner, tall, self.frame)
        top += title + tall
        page.text(self.under, left + inner / 2, top + 14, 13, "soft", "center")
        top += caption
        if warned:
            page.box(left, top + 6, inner, warned - 8, 8, fill=page.color("error-soft"))
            for k, line in enumerate(wrap(self.warning, 13, inner - 16)):
                page.text(line, left + 8, top + 20 + 18 * k, 13, "error")


class _HeadlineBlock:
    def __init__(self, spec, frame):
        self.title, self.value, badge, self.tone, self.note = (
            text_at(t, frame) for t in (spec.title, spec.value, spec.badge, spec.tone, spec.note)
        )
        self.badge = TONE_SIGNS[self.tone] + badge if badge else ""

    def lines(self, width):
        inner = width - 2 * PAD
        return wrap(self.value, 25, inner, True), wrap(self.note, 14, inner)

    def height(self, width):
        value, note = self.lines(width)
        return 2 * PAD + 20 + 34 * len(value) + 26 * bool(self.badge) + 21 * len(note)

    def draw(self, page, x, y, width):
        value, note = self.lines(width)
        _card(page, x, y, width, self.height(width))
        left, top = x + PAD, y + PAD + 7
        _heading(page, self.title, left, top)
        top += 30
        for line in value:
            page.text(line, left, top, 25, bold=True)
            top += 34
        top -= 4
        if self.badge:
            tone = TONES[self.tone]
            wide = text_width(self.badge, 14, True) + 16
            page.box(left, top - 11, wide, 22, 6, fill=page.color(f"{tone}-soft"))
            page.text(self.badge, left + 8, top, 14, tone, bold=True)
            top += 26
        for line in note:
            page.text(line, left, top, 14, "soft")
            top += 21


class _TableBlock:
    ROW = 24

    def __init__(self, spec, frame):
        self.spec, self.title, self.note = spec, text_at(spec.title, frame), spec.note
        self.count = len(spec.rows)
        first = [[spec.head], *([row] for row in spec.rows), *([[spec.foot]] if spec.foot else [])]
        self.columns = [first, *(self.cells(column, frame) for column in spec.columns)]

    def cells(self, column, frame):
        """Return a column's cells, each a list of texts: the label, the rows and the foot."""
        base = 1 + column.vector
        cells = [[column.label], *(_cell(v, column) for v in pick(column.values, base, frame))]
        if self.spec.foot:
            none = column.total is None
            cells.append([] if none else _cell(pick(column.total, base - 1, frame), column))
        return cells

    def parts(self, column, size):
        """Return the widths of the parts of a column's cells: of one, or of a vector's."""
        most = max(len(cell) for cell in column)
        rows = [(r > self.count, c) for r, c in enumerate(column) if r and len(c) == most]
        return [max(text_width(c[k], size, bold) for bold, c in rows) for k in range(most)]

    def widths(self, size):
        widths = []
        for column in self.columns:
            parts = self.parts(column, size)
            whole = sum(parts) + size * 0.6 * (len(parts) - 1)
            widths.append(max(whole, text_width(column[0][0], size - 1)))
        widths[0] += 16 if self.spec.colors else 0
        return widths

    def height(self, width):
        notes = wrap(self.note, 13, width - 2 * PAD)
        return 2 * PAD + 22 + self.ROW * len(self.columns[0]) + 19 * len(notes)

    def draw(self, page, x, y, width):
        _card(page, x, y, width, self.height(width))
        left, top, inner = x + PAD, y + PAD, width - 2 * PAD
        _heading(page, self.title, left, top + 7)
        top += 22
        least = sum(self.widths(14)) + 10 * (len(self.columns) - 1)
        size = 14 * min(1, inner / least)
        widths = self.widths(size)
        space = (inner - sum(widths)) / max(1, len(widths) - 1)
        self.draw_names(page, left, top, size)
        right = left + widths[0]
        for column, wide in zip(self.columns[1:], widths[1:], strict=True):
            right += space + wide
            self.draw_column(page, column, right, top, size)
        bottom = top + self.ROW * len(self.columns[0])
        if self.spec.foot:
            line = bottom - self.ROW
            page.line([(left, line), (left + inner, line)], page.color("text"), 1.5)
        for k, text in enumerate(wrap(self.note, 13, inner)):
            page.text(text, left, bottom + 11 + 19 * k, 13, "soft")

    def draw_names(self, page, x, top, size):
        for r, (text,) in enumerate(self.columns[0]):
            y = top + self.ROW * (r + 0.5)
            indent = 0
            if 0 < r <= len(self.spec.colors) and self.spec.colors[r - 1]:
                page.disc(x + 5, y, 5, fill=page.color(self.spec.colors[r - 1]))
                indent = 16
            color = "text" if r else "soft"
            page.text(text, x + indent, y, size - (r == 0), color, bold=r > self.count)

    def draw_column(self, page, column, right, top, size):
        parts = self.parts(column, size)
        ends = [right - sum(parts[k + 1 :]) - size * 0.6 * (len(parts) - 1 - k)
                for k in range(len(parts))]  # fmt: skip
        for r, cell in enumerate(column):
            y = top + self.ROW * (r + 0.5)
            for end, text in zip(ends[len(ends) - len(cell) :], cell, strict=True):
                color = "text" if r else "soft"
                page.text(text, end, y, size - (r == 0), color, "right", bold=r > self.count)


def _cell(value, column):
    values = np.atleast_1d(value)
    if np.isnan(values).all():
        return ["–"]
    write = significant if column.significant else format_number
    texts = [write(v, column.digits, column.signed) for v in values]
    texts[-1] += column.unit
    return texts


class _NoticeBlock:
    def __init__(self, lines):
        self.texts = lines

    def lines(self, width):
        return [line for text in self.texts for line in wrap(text, 14, width - 2 * PAD)]

    def height(self, width):
        return 22 * len(self.lines(width)) + 18

    def draw(self, page, x, y, width):
        page.box(x, y, width, self.height(width), 14, fill=page.color("accent-soft"))
        for k, line in enumerate(self.lines(width)):
            page.text(line, x + PAD, y + 20 + 22 * k, 14)


class _TitleBlock:
    def __init__(self, title):
        self.title = title

    def height(self, width):
        return 30

    def draw(self, page, x, y, width):
        page.text(self.title, x + 2, y + 13, 20, bold=True)


def _card(page, x, y, width, height):
    page.box(x, y, width, height, 14, fill=page.color("card"), edge=page.color("line"))


def _heading(page, text, x, y):
    """Write a card's heading: its words in capitals, but not its symbols."""
    words = re.sub(r"(?<!\w)[A-Za-z’'-]{2,}(?!\w)|^[A-Z](?!\w)", lambda m: m[0].upper(), text)
    page.text(words, x, y, 12, "soft", bold=True)


def _block(item, frame):
    if isinstance(item, Chart):
        return _ChartBlock(item, frame, item.height or CARD_CHART)
    return {Headline: _HeadlineBlock, Table: _TableBlock}[type(item)](item, frame)


def _arrange(scene, frame, title):
    """Return the blocks with their places, and the height of the page.

    The main chart stands left, with what belongs to it; each other card goes to the column that
    is shorter so far.
    """
    placed, top = [], GAP
    if title:
        placed.append((GAP, top, WIDTH - 2 * GAP, _TitleBlock(title)))
        top += 30 + 8
    name = scene.names[min(frame, len(scene.names) - 1)] if scene.names else ""
    main = _ChartBlock(scene.main, frame, under=name, warning=text_at(scene.warning, frame))
    wide = WIDTH - 2 * GAP - (SIDE + GAP if scene.cards else 0)
    columns = [[GAP, wide, top], [WIDTH - GAP - SIDE, SIDE, top]]
    own = (main, *(_block(item, frame) for item in scene.under))
    for block in (*own, *(_block(item, frame) for item in scene.cards)):
        column = columns[0] if block in own else min(reversed(columns), key=lambda c: c[2])
        x, width, y = column
        placed.append((x, y, width, block))
        column[2] += block.height(width) + GAP
    bottom = max(column[2] for column in columns)
    if scene.notice:
        block = _NoticeBlock(scene.notice)
        x, width, y = columns[0]
        if y + block.height(width) + GAP > bottom + 40:  # no room under the main chart
            x, width, y = GAP, WIDTH - 2 * GAP, bottom
        placed.append((x, y, width, block))
        bottom = max(bottom, y + block.height(width) + GAP)
    return placed, math.ceil(bottom)
