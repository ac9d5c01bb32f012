"""What a lab shows, as plain data: charts of marks, tables and words.

A :class:`Scene` holds whole histories.  An array with one axis more than its mark needs has a
leading axis of frames (rounds, or steps of a round): the stage in the browser, or
:mod:`fedlearn_edu.figures`, picks the frame to show.  Colours are names (``"ink"``, ``"accent"``,
``"p0"`` … for participants), never values: a theme decides what they look like.
"""

import math
from dataclasses import dataclass, fields, is_dataclass
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

PARTICIPANT_COLORS = 8


def participant_color(index):
    """Return the colour name of participant ``index`` (from 0); beyond eight, one shared hue.

    Examples
    --------
    >>> participant_color(0), participant_color(8)
    ('p0', 'many')
    """
    return f"p{index}" if index < PARTICIPANT_COLORS else "many"


def apportion(values, total, digits):
    """Return numbers rounded, up or down, so that what is shown adds up to its rounded total.

    Parameters
    ----------
    values : array_like, shape (..., N)
        The parts; NaN stays NaN and counts for nothing.
    total : array_like, shape (...)
        What each row adds up to.
    digits : int
        Digits after the point.

    Returns
    -------
    ndarray, shape (..., N)

    Notes
    -----
    The method of largest remainders.

    Examples
    --------
    >>> apportion([1 / 3, 1 / 3, 1 / 3], 1, digits=2)
    array([0.34, 0.33, 0.33])
    """
    unit = 10.0**digits
    scaled = np.round(np.asarray(values, dtype=float) * unit, 6)
    known = ~np.isnan(scaled)
    whole = np.floor(np.where(known, scaled, 0))
    missing = np.round(_as_written(total, digits) * unit)[..., None]
    missing = missing - whole.sum(axis=-1, keepdims=True)
    share, rest = np.divmod(missing, np.maximum(known.sum(axis=-1, keepdims=True), 1))
    remainder = np.where(known, scaled - whole, -1)
    rank = np.argsort(np.argsort(-remainder, axis=-1, kind="stable"), axis=-1, kind="stable")
    return np.where(known, whole + share + (rank < rest), np.nan) / unit


def _as_written(numbers, digits):
    """Round as a number is written out: half up, judged by all of its binary digits."""
    numbers, unit = np.asarray(numbers, dtype=float), Decimal(1).scaleb(-digits)

    def written(x):
        return float(Decimal(x).quantize(unit, ROUND_HALF_UP)) if math.isfinite(x) else x

    return np.reshape([written(x) for x in numbers.ravel().tolist()], numbers.shape)


@dataclass(frozen=True)
class Axis:
    """One axis of a chart: its range in data units, its scale, and what it is called."""

    low: float
    high: float
    label: str = ""
    scale: str = "linear"  # "linear", "log", "symlog" (linear within ±linear)
    linear: float = 1.0
    hidden: bool = False
    ticks: tuple = ()  # explicit (value, text) pairs; empty lets the renderer choose
    integer: bool = False


@dataclass(frozen=True)
class Drag:
    """A mark's points may be moved: row ``i`` of control ``key`` becomes the new position.

    ``columns`` names which two columns of the control the chart's x and y stand for; None for y
    leaves the point at its height.
    """

    key: str
    columns: tuple = (0, 1)
    names: tuple = ()  # for a screen reader, one a point
    digits: int | None = None  # decimals that a hand sets; by the axis' length if left out


@dataclass(frozen=True)
class Landscape:
    """A loss surface, drawn as filled contours of one quiet hue."""

    values: np.ndarray  # (rows, columns), row 0 at y[0]
    x: tuple  # (low, high)
    y: tuple
    levels: int = 14


@dataclass(frozen=True)
class Lines:
    """K polylines of n points each; NaN breaks a line.

    ``reveal``: "all"; "trail" shows the points up to the current frame; "round" lets the lines
    grow during the first half of the motion towards a frame.
    """

    points: np.ndarray  # (K, n, 2) or (frames, K, n, 2)
    colors: tuple
    width: float = 2.0
    dash: bool = False
    dots: float = 0.0
    reveal: str = "all"
    labels: tuple = ()
    opacity: float = 1.0


@dataclass(frozen=True)
class Points:
    """n points.

    ``shape``: "dot", "triangle", "ring", "cross", "badge" (a disc with its label inside).
    """

    points: np.ndarray  # (n, 2) or (frames, n, 2)
    colors: tuple
    radius: tuple = (5.0,)  # pixels, one or n
    shape: str = "dot"
    labels: tuple = ()
    drag: Drag | None = None
    glide: bool = False  # moves between frames, in the second half of the motion
    edge: str = ""  # off the chart: a marker on its border with this word
    notes: tuple = ()  # words beside a point, where its label stands inside it
    dim: np.ndarray | None = None  # (n,) or (frames, n): 1 draws it faint
    rim: str = ""  # colour of a line around a dot or triangle


@dataclass(frozen=True)
class Arrows:
    """n arrows from ``tails`` to ``heads``; the heads may be dragged."""

    tails: np.ndarray  # (n, 2) or (frames, n, 2)
    heads: np.ndarray
    colors: tuple
    width: float = 2.5
    dash: bool = False
    labels: tuple = ()
    drag: Drag | None = None
    edge: str = ""  # head off the chart: a marker on its border with its label, or this word
    opacity: float = 1.0


@dataclass(frozen=True)
class Ticks:
    """Short strokes on a line of representable numbers, at height ``y``."""

    x: np.ndarray  # (n,)
    y: float
    size: float = 8.0
    color: str = "soft"


@dataclass(frozen=True)
class Bands:
    """Filled rectangles behind other marks, such as the range of a type."""

    boxes: np.ndarray  # (n, 4) or (frames, n, 4): x from, y from, x to, y to
    colors: tuple
    opacity: float = 1.0
    radius: float = 6.0  # pixels, of the corners


@dataclass(frozen=True)
class Areas:
    """K filled ranges, such as from the worst to the best: x, from, to; NaN breaks one."""

    edges: np.ndarray  # (K, n, 3) or (frames, K, n, 3)
    colors: tuple
    opacity: float = 0.2


ABSENT, IDLE, OUT, RETURN, SWAP, CUT = range(6)


@dataclass(frozen=True)
class Links:
    """n links, and what travels along them in the motion towards a frame.

    ``flow`` is ABSENT (a hairline), IDLE, OUT (from the first end to the second), RETURN (out,
    then back), SWAP (both ways at once) or CUT (dashed, with a cross); a negative one is dashed.
    """

    ends: np.ndarray  # (n, 2, 2)
    flow: np.ndarray  # (n,) or (frames, n)
    colors: tuple
    key: str = ""  # control whose row (the link's index) a press moves on to its next option
    names: tuple = ()  # for a screen reader, one a link


@dataclass(frozen=True)
class Raster:
    """n pictures of small squares, a value a square: images, weights, a decision surface.

    ``colors`` are names from ``low`` to ``high``; between them the colours mix.  Row 0 lies at
    the box's first y: an image whose first row is on top has its "y from" above its "y to".
    NaN is left out.
    """

    values: np.ndarray  # (n, rows, columns) or (frames, n, rows, columns)
    boxes: np.ndarray  # (n, 4): x from, y from, x to, y to
    colors: tuple
    low: float = 0.0
    high: float = 1.0
    smooth: bool = False
    glide: bool = False  # the values change evenly on the way from frame to frame


@dataclass(frozen=True)
class Segments:
    """Horizontal bars cut in parts: ``parts[row, k]`` from left to right, at height ``row``."""

    parts: np.ndarray  # (rows, K)
    colors: tuple
    labels: tuple = ()  # one a part, drawn where it fits


@dataclass(frozen=True)
class Texts:
    """Words at points of the chart.  ``align``: "start", "middle", "end"."""

    points: np.ndarray  # (n, 2)
    texts: tuple
    align: str = "start"
    color: str = "soft"
    size: float = 13.0
    bold: bool = False
    shown: np.ndarray | None = None  # (n,) or (frames, n): which text a point has; its own if None


@dataclass(frozen=True)
class Boxes:
    """Labelled boxes with lines of text that change by frame, as nodes of a diagram.

    ``tones``: "plain", "active", "off", one a box and frame.
    """

    points: np.ndarray  # (n, 2) centres
    size: tuple  # (width, height) in units of the axes
    titles: tuple
    colors: tuple
    lines: tuple  # frames × n × tuple of str
    tones: tuple  # frames × n
    key: str = ""  # control whose row (the box's index) a press moves on to its next option
    names: tuple = ()  # for a screen reader, one a box


@dataclass(frozen=True)
class Chart:
    """Marks on two axes.  The title may be a tuple, as in a Headline."""

    marks: tuple
    x: Axis
    y: Axis
    title: str | tuple = ""
    describe: str = ""
    equal: bool = False  # one unit is as long on x as on y
    least: float = 0  # pixels; not drawn lower than this, nor than 1.35 × its width
    height: float = 0  # pixels that it takes in a card; 170 if left out
    press: str = ""  # a press on the chart adds a point to this Paint control


@dataclass(frozen=True)
class Headline:
    """The one number that matters, named in words.

    Here and in a Table's title, a text may be a tuple, one a frame, and ``{frame}`` stands for
    the frame's number.
    """

    title: str
    value: str | tuple
    badge: str | tuple = ""
    tone: str | tuple = "plain"  # "good", "warn", "bad", "plain"
    note: str | tuple = ""


@dataclass(frozen=True)
class Column:
    """One column of a table: numbers (rows,), (rows, k) or with a leading axis of frames."""

    label: str
    values: np.ndarray
    digits: int = 2  # after the point, or significant ones
    significant: bool = False
    signed: bool = False
    vector: bool = False  # the last axis is shown within one cell
    total: np.ndarray | None = None  # the foot: a number, (k,), or with a leading axis of frames
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """The arithmetic, row by row, with its sum at the foot."""

    title: str | tuple
    rows: tuple
    columns: tuple
    head: str = ""
    colors: tuple = ()
    foot: str = ""
    note: str = ""


@dataclass(frozen=True)
class Scene:
    """A lab's whole picture: one main chart, cards under and beside it, and what to notice."""

    main: Chart
    cards: tuple = ()
    notice: tuple = ()
    frames: int = 1
    expected: int = 0  # frames that there will be, where a computation is still going on
    names: tuple = ()  # one a frame, where frames are steps and not rounds
    warning: str | tuple = ""
    start: int = 0  # the frame on which to open
    autoplay: bool = False
    under: tuple = ()  # cards that belong to the main chart


def overlaid(now, kept=(), labels=()):
    """Return a curve as marks, a dot moving along it, over the dashed curves of kept runs.

    Parameters
    ----------
    now : ndarray, shape (frames, 2)
    kept : sequence of ndarray, shapes (frames of that run, 2)
    labels : sequence of str
        One a kept run, or none.

    Returns
    -------
    list of Lines and Points

    Examples
    --------
    >>> [type(mark).__name__ for mark in overlaid(np.zeros((3, 2)), [np.ones((2, 2))])]
    ['Lines', 'Lines', 'Points']
    """
    marks = [
        Lines(points[None], (f"k{k}",), dash=True, labels=tuple(labels[k : k + 1]))
        for k, points in enumerate(kept)
    ]
    marks.append(Lines(now[None], ("ink",), width=2.5))
    marks.append(Points(now[:, None], ("ink",), glide=True))
    return marks


_HEAVY = 2048  # bytes; a framed array above this is cut to one frame in a draft
_AXES = {
    ("Lines", "points"): 3,
    ("Raster", "values"): 3,
    ("Column", "values"): 1,
    ("Column", "total"): 0,
    ("Points", "dim"): 1,
    ("Texts", "shown"): 1,
    ("Areas", "edges"): 3,
    ("Links", "ends"): 3,
    ("Links", "flow"): 1,
}


_TEXTS = {
    "Chart": ("title",),
    "Headline": ("value", "badge", "tone", "note"),
    "Boxes": ("lines", "tones"),
    "Table": ("title",),
    "Scene": ("warning",),
}  # one a frame, where they are tuples


def _is_framed(owner, name, array):
    """Whether an array has one axis more than one frame of it needs: two but for the above."""
    return array.ndim > _AXES.get((type(owner).__name__, name), 2) + getattr(owner, "vector", False)


def _shades(values, low, high):
    """Return a byte a value, from 0 at ``low`` to 254 at ``high``, 255 for NaN; whole float32s."""
    share = np.clip((np.asarray(values, dtype=float) - low) / (high - low), 0, 1)
    shades = np.where(np.isnan(share), 255, np.round(254 * share)).astype(np.uint8).tobytes()
    return shades + bytes(-len(shades) % 4)


class _Packer:
    def __init__(self, frame):
        self.frame, self.blocks, self.offset = frame, [], 0

    def array(self, value, owner, name):
        entry = {}
        if self.frame is not None and value.size * 4 > _HEAVY and _is_framed(owner, name, value):
            at = min(max(int(self.frame), 0), len(value) - 1)
            value, entry = value[at : at + 1], {"at": at}
        entry["$"] = [self.offset, list(value.shape)]
        if isinstance(owner, Raster) and name == "values":
            block, entry["bytes"] = _shades(value, owner.low, owner.high), True
        else:
            block = np.ascontiguousarray(value, dtype=np.float32).tobytes()
        self.blocks.append(block)
        self.offset += len(block) // 4
        return entry

    def texts(self, value):
        if self.frame is None:
            return value
        at = min(max(int(self.frame), 0), len(value) - 1)
        return value[at : at + 1]

    def visit(self, value, owner=None, name=""):
        if isinstance(value, np.ndarray):
            return self.array(value, owner, name)
        if is_dataclass(value):
            named = ((f.name, getattr(value, f.name)) for f in fields(value))
            spec = {k: self.visit(v, value, k) for k, v in named if not _is_empty(v)}
            return {"kind": type(value).__name__, **spec}
        if isinstance(value, tuple) and name in _TEXTS.get(type(owner).__name__, ()):
            value = self.texts(value)
        if isinstance(value, (tuple, list)):
            return [self.visit(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value


def _is_empty(value):
    return value is None or value is False or (isinstance(value, (str, tuple)) and not value)


def pack(scene, frame=None):
    """Return a scene as JSON-ready ``spec`` and one block of float32 ``data``.

    Arrays become ``{"$": [offset, shape]}`` in units of float32; empty fields are left out.
    A Raster's values are marked ``"bytes"``: a byte each, its shade.
    With ``frame``, texts that change by frame are cut to that one frame, and so are framed arrays
    of more than 2 kB, marked ``"at": frame``: a draft that is small enough to follow a hand.

    Parameters
    ----------
    scene : Scene
    frame : int, optional

    Returns
    -------
    spec : dict
    data : bytes

    Examples
    --------
    >>> mark = Points(np.zeros((2, 2)), ("p0", "p1"))
    >>> spec, data = pack(Scene(Chart((mark,), Axis(0, 1), Axis(0, 1))))
    >>> spec["main"]["marks"][0]["points"], len(data)
    ({'$': [0, [2, 2]]}, 16)
    """
    packer = _Packer(frame)
    with np.errstate(over="ignore"):
        spec = packer.visit(scene)
    return spec, b"".join(packer.blocks)
