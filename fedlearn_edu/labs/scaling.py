"""Scaling: what λ does to the numbers on the wire, and that it saves none of their bits."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fedlearn_edu.aggregation import effective_scale, mean, scaled_mean
from fedlearn_edu.compression import WIDTHS, Cast, Scaling, grid
from fedlearn_edu.examples import ARTICLE_UPDATES
from fedlearn_edu.labs.controls import Choice, Group, Series, Slider, Toggle
from fedlearn_edu.labs.lab import Lab
from fedlearn_edu.scene import (
    Axis,
    Bands,
    Chart,
    Column,
    Headline,
    Lines,
    Points,
    Scene,
    Table,
    Texts,
    Ticks,
    participant_color,
)

ALPHA = 0.01
N, D = 2, 3  # participants, components
LOWEST, HIGHEST = 1e-3, 1e3  # of λ
FACTORS = 10 ** (np.arange(-60, 60) / 20 + 1 / 40)  # between the slider's own values
WIRES = ("float32", "float16", "bfloat16", "int8", "int4")
INTEGERS = ("int8", "int4")
WINDOWS = {"float16": (2.0**-24, 65504.0), "int8": (1.0, 127.0), "int4": (1.0, 7.0)}
ROUNDED, COARSE = 1e-3, 0.05  # largest relative errors from which the word changes
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class State:
    """All that a control can change; None in a table stands for the article's value."""

    magnitude: int = 0
    gradients: tuple = ()
    factor: float = 0.1
    unscale: bool = True
    convention: str = "each"
    wire: str = "float32"


GRADIENTS = Series(
    "gradients", -9, 9, lambda s, i, k: float(ARTICLE_UPDATES[i][k]), rows=N, columns=D,
    digits=2, symbol="gᵢ", shown="grid",
)  # fmt: skip

CONTROLS = (
    Group("gradients", (Slider("magnitude", -9, 5), GRADIENTS)),
    Group(
        "scaling",
        (
            Slider("factor", LOWEST, HIGHEST, 20, symbol="λ", scale="log"),
            Toggle("unscale"),
            Choice("convention", ("each", "mean", "sum")),
        ),
    ),
    Group("wire", (Choice("wire", WIRES),)),
)

PRESETS = {
    "article": {},
    "underflow": {"magnitude": -9, "factor": 1.0, "wire": "float16"},
    "overflow": {"magnitude": 2, "factor": 120.0, "wire": "float16"},
    "int8": {"magnitude": -1, "factor": 211.0, "wire": "int8"},
}


@dataclass(frozen=True, eq=False)
class Result:
    """One round: (N, D) arrays, the server's lines (D,), and the error over all λ."""

    state: State
    own: np.ndarray
    sent: np.ndarray  # what goes into the cast: λ g_i, or g_i
    wire: np.ndarray
    back: np.ndarray  # as the server counts it: the mean of these is the server's g
    errors: np.ndarray  # |wire − sent| / |sent|
    lines: tuple  # (key, values) from the wire to g
    aggregate: np.ndarray
    step: np.ndarray
    rate: float  # effective learning rate
    bits: int
    bits_without: int
    worst: np.ndarray  # largest error at each of FACTORS
    status: str
    hit: int


def own_gradients(state):
    """Return g_i, shape (N, D)."""
    scale = 10.0**state.magnitude
    return np.array([[value * scale for value in row] for row in GRADIENTS.full(state)])


def by_component(rule, updates):
    """Apply an aggregation to each component; one that holds an infinity stays infinite."""
    with np.errstate(invalid="ignore"):
        return np.array([rule(c) if np.isfinite(c).all() else c.sum() for c in updates.T])


def relative_errors(wire, sent):
    """Return |wire − sent| / |sent|, and 0 for a zero that arrives as zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(wire == sent, 0.0, np.abs(wire - sent) / np.abs(sent))


def compute(state):
    """Send two gradients through the wire, aggregate them, and try every other λ."""
    own, cast, each = own_gradients(state), Cast(state.wire), state.convention == "each"
    codec = Scaling(state.factor, then=cast, unscale=state.unscale) if each else cast
    payloads = [codec.encode(g) for g in own]
    wire = np.array([cast.decode(payload) for payload in payloads])
    arrived = np.array([codec.decode(payload) for payload in payloads])
    sent = state.factor * own if each else own
    lines = server_lines(state, wire, arrived)
    aggregate = lines[-1][1]
    scale = effective_scale(state.factor, state.convention, N, state.unscale)
    errors = relative_errors(wire, sent)
    status, hit = judge(state.wire, wire, sent, errors)
    return Result(
        state=state,
        own=own,
        sent=sent,
        wire=wire,
        back=arrived if each else scale * arrived,
        errors=errors,
        lines=lines,
        aggregate=aggregate,
        step=-ALPHA * aggregate,
        rate=ALPHA * scale,
        bits=payloads[0].bits,
        bits_without=cast.encode(own[0]).bits,
        worst=error_curve(own, cast, each),
        status=status,
        hit=hit,
    )


def server_lines(state, wire, arrived):
    """Return the server's lines from the wire to g, as (key, values)."""
    if state.convention == "each":
        lines = (("mean", by_component(mean, wire)),)
        return (*lines, ("divide", by_component(mean, arrived))) if state.unscale else lines

    def server(factor, unscale=False):
        return by_component(
            lambda c: scaled_mean(c, factor, state.convention, unscale=unscale), arrived
        )

    lines = ((state.convention, server(1.0)), ("times", server(state.factor)))
    return (*lines, ("divide", server(state.factor, unscale=True))) if state.unscale else lines


def error_curve(own, cast, each):
    """Return the largest relative error at each of FACTORS."""
    sent = (FACTORS if each else np.ones_like(FACTORS))[:, None, None] * own
    return relative_errors(cast.round_trip_rows(sent), sent).max(axis=(1, 2))


def judge(dtype, wire, sent, errors):
    """Return what befell the numbers in a word, and how many it befell."""
    over = ~np.isfinite(wire)
    if dtype in INTEGERS:
        top = WINDOWS[dtype][1]
        over = (np.abs(wire) == top) & (np.abs(sent) > top + 0.5)
    under = (wire == 0) & (sent != 0)
    if over.any():
        return "saturated" if dtype in INTEGERS else "overflow", int(over.sum())
    if under.any():
        return "underflow", int(under.sum())
    worst = errors.max()
    return "coarse" if worst >= COARSE else "rounded" if worst >= ROUNDED else "intact", 0


def draw(result, t, kept=()):
    """Return the numbers before, on and after the wire, the bits, the error and the arithmetic."""
    return Scene(
        main=draw_wire(result, t),
        cards=(
            draw_bits(result, t),
            draw_loss(result, t),
            draw_curve(result, t),
            draw_table(result, t),
        ),
        notice=notices(result, t),
        warning=t("warning_lost") if not np.isfinite(result.aggregate).all() else "",
    )


# The picture: three rows of numbers on one logarithmic line.

TOP = 100.0  # height of the picture in its own units
ROWS = (93.0, 59.0, 23.0)  # height of the first number of each row
LANE, BETWEEN = 3.2, 1.2  # from a number to the next; more between participants
ZONE = 0.1  # width of the places for 0 and ∞, in widths of the line
MARGIN = 0.4  # what is left of a place where nothing can become 0 or ∞
COLORS = tuple(participant_color(i) for i in range(N) for _ in range(D))
NAMES = tuple(str(i + 1) for i in range(N) for _ in range(D))
FIRST_GRAINS = 64  # so many of the smallest values of a type are looked at one by one
FINEST = 1 / 240  # of the line's width, between two strokes


@dataclass(frozen=True)
class Line:
    """The logarithmic line: whole decades from ``low`` to ``high``, a place for 0 and for ∞."""

    low: int
    high: int
    zero: bool
    infinity: bool

    @property
    def zone(self):
        """Return how many decades wide the place for 0 is, and that for ∞."""
        return ZONE * (self.high - self.low)

    def place(self, values):
        """Return where numbers stand: their size, or the place for 0 or ∞."""
        size = np.abs(values)
        with np.errstate(divide="ignore"):
            power = np.clip(np.log10(size), self.low, self.high)
        power = np.where(size == 0, self.low - self.zone / 2, power)
        return 10.0 ** np.where(np.isinf(size), self.high + self.zone / 2, power)

    @property
    def ends(self):
        """Return the first and last number of the axis, places included."""
        low = self.low - (self.zone if self.zero else MARGIN * self.zone)
        return 10.0**low, 10.0 ** (self.high + (self.zone if self.infinity else MARGIN * self.zone))

    def ticks(self):
        """Return (value, text) pairs for the axis."""
        every = max(1, -(-(self.high - self.low) // 9))
        powers = range(-(-self.low // every) * every, self.high + 1, every)
        inner = (k for k in powers if self.low + self.zero <= k <= self.high - self.infinity)
        zero, infinity = self.place(np.array([0.0, np.inf])).tolist()
        return (
            *(((zero, "0"),) if self.zero else ()),
            *((10.0**k, written(10.0**k)) for k in inner),
            *(((infinity, "∞"),) if self.infinity else ()),
        )


def line_of(result):
    """Return a line that holds every λ's numbers, so that it rests while λ moves."""
    seen = [result.own * LOWEST, result.own * HIGHEST, result.sent, result.wire, result.back]
    seen = np.abs(np.concatenate([array.ravel() for array in seen]))
    seen = seen[np.isfinite(seen) & (seen > 0)]
    seen = np.append(seen, WINDOWS.get(result.state.wire, seen[:0]))
    if not seen.size:
        seen = np.array([LOWEST, HIGHEST])
    low, high = np.log10(seen.min()) + 1e-9, np.log10(seen.max()) - 1e-9
    wire, zero = result.state.wire, bool((result.own == 0).any())
    zero, infinity = zero or wire in WINDOWS, wire == "float16"
    return Line(int(np.floor(low)), int(np.ceil(high)), zero, infinity)


def lanes(row):
    """Return the height of each of the N·D numbers of a row, from the top."""
    gap = np.repeat(np.arange(N) * BETWEEN, D)
    return ROWS[row] - LANE * np.arange(N * D) - gap


@lru_cache(maxsize=64)
def grains(dtype, line):
    """Return values that the type can represent, no two closer than a stroke's width."""
    low, high = 10.0**line.low, 10.0**line.high
    values = grid(dtype, low, high)
    if dtype == "float16":
        tiny = WINDOWS[dtype][0]
        values = np.union1d(values, grid(dtype, tiny, FIRST_GRAINS * tiny))
    finest, kept = FINEST * (line.high - line.low) * (1 + 2 * ZONE), []
    for value in values[values > 0]:
        if not kept or np.log10(value / kept[-1]) >= finest:
            kept.append(value)
    return np.array([*kept[:-1], values.max()])


def written(value, digits=4):
    """Return a number with so many significant digits: 0.25, 65504, 4×10⁻⁹.

    Examples
    --------
    >>> written(0.1), written(-2e-9), written(float("inf"))
    ('0.1', '−2×10⁻⁹', '∞')
    """
    if not np.isfinite(value):
        return "−∞" if value < 0 else "∞"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    text = f"{float(mantissa):g}"
    if -4 <= int(exponent) < 6:
        text = f"{float(f'{value:.{digits}g}'):.9f}".rstrip("0").rstrip(".")
    elif value != 0:
        power = str(int(exponent)).translate(SUPERSCRIPTS)
        text = f"10{power}" if text == "1" else f"{text}×10{power}"
    return text.replace("-", "−")


def draw_wire(result, t):
    """Return the picture: own gradients, the wire, and what the server makes of it."""
    state, line = result.state, line_of(result)
    rows = (result.own, result.wire, result.back)
    targets = (result.own, result.sent, result.own)
    marks = [*window_marks(state, line), path_lines(result, line)]
    missing = False
    for row, (values, target) in enumerate(zip(rows, targets, strict=True)):
        y = lanes(row)
        x, aim = line.place(values.ravel()), line.place(target.ravel())
        away = np.abs(np.log10(x / aim)) > 0.012 * (line.high - line.low)
        rings = np.stack([np.where(away, aim, np.nan), y], axis=1)
        missing = missing or away.any()
        marks.append(Points(rings, COLORS, (7.5,), "ring"))
        notes = tuple(written(value) for value in values.ravel())
        marks.append(Points(np.stack([x, y], axis=1), COLORS, (7.5,), "badge", NAMES, notes=notes))
    titles = (t("row_own"), t(f"row_wire_{wire_key(state)}", wire=state.wire), row_back(state, t))
    heads = np.array([[10.0**line.low, height + 4.6] for height in ROWS])
    marks.append(Texts(heads, titles, color="text", size=13, bold=True))
    if missing:
        corner = np.array([[10.0**line.high, ROWS[0] + 4.6]])
        marks.append(Texts(corner, (t("legend_ring"),), "end", size=12))
    return Chart(
        tuple(marks),
        Axis(*line.ends, t("axis_value"), scale="log", ticks=line.ticks()),
        Axis(0, TOP, hidden=True),
        describe=t("describe_wire", wire=state.wire, factor=written(state.factor)),
        least=620,
    )


def wire_key(state):
    """Return whether λ acts before the wire ("each") or at the server."""
    return "each" if state.convention == "each" else "server"


def row_back(state, t):
    """Return the last row's title: what the server did to each number."""
    done = {"each": "", "mean": " × λ", "sum": " × λN"}[state.convention]
    done += " ÷ λ" if state.unscale else ""
    return t("row_back_done", done=done.strip()) if done else t("row_back")


def path_lines(result, line):
    """Return every number's way: own, as it meets the wire, on the wire, back."""
    stops = ((result.own, 0), (result.sent, 1), (result.wire, 1), (result.back, 2))
    ways = [np.stack([line.place(a.ravel()), lanes(row)], axis=1) for a, row in stops]
    return Lines(np.stack(ways, axis=1), COLORS, width=1.5, opacity=0.55)


def window_marks(state, line):
    """Return the places for 0 and ∞, the range of the wire type, and its representable values."""
    low, high = line.ends
    first, last = WINDOWS.get(state.wire, (10.0**line.low, 10.0**line.high))
    bottom, top = lanes(1)[-1] - 6.2, ROWS[1] + 2.6
    boxes, colors, signs = [(first, bottom, last, top)], ["accent-soft"], []
    gap = ZONE * line.zone
    if line.zero:
        boxes.append((low, 0, 10.0 ** (line.low - gap), TOP))
        signs.append((0.0, "0"))
    if line.infinity:
        boxes.append((10.0 ** (line.high + gap), 0, high, TOP))
        signs.append((np.inf, "∞"))
    colors += ["error-soft"] * len(signs)
    marks = [
        Bands(np.array(boxes), tuple(colors)),
        Ticks(grains(state.wire, line), bottom + 1.6, 10.0, "accent"),
    ]
    for value, sign in signs:
        spot = np.array([[float(line.place(np.array(value))), ROWS[0] + 4.6]])
        marks.append(Texts(spot, (sign,), "middle", "error", 18, bold=True))
    if state.wire in WINDOWS:
        ends = np.array([[first, bottom - 2.2], [last, bottom - 2.2]])
        texts = (written(first), written(last, 5))
        marks.append(Texts(ends, texts, "middle", "accent", 12))
    return marks


# The cards.


def draw_bits(result, t):
    """Return the card of the bits: the same with λ and without."""
    width, bits = WIDTHS[result.state.wire], result.bits
    overhead = t("overhead_padded" if width * D % 8 else "overhead", n=bits - width * D)
    sums = t("note_bits", d=D, width=width, overhead=overhead, bits=bits, all=N * bits)
    return Headline(
        t("card_bits"),
        t("value_bits", before=result.bits_without, after=bits),
        t("badge_bits", saved=result.bits_without - bits),
        "plain",
        sums,
    )


def percent(error):
    """Return a relative error in words: 0 %, < 0.01 %, 3.1 %, ∞."""
    if not np.isfinite(error):
        return "∞"
    if 0 < error < 1e-4:
        return "< 0.01 %"
    return f"{float(f'{100 * error:.2g}'):g} %"


TONES = {"intact": "good", "rounded": "good", "coarse": "warn"}


def draw_loss(result, t):
    """Return the card of the largest error, and what befell the numbers."""
    state, worst = result.state, result.errors.max()
    top = written(WINDOWS.get(state.wire, (0, 0))[1], 5)
    return Headline(
        t("card_loss"),
        percent(worst),
        t(f"status_{result.status}"),
        TONES.get(result.status, "bad"),
        t(f"note_{result.status}", n=result.hit, all=N * D, top=top),
    )


FLOOR, CEILING = 1e-5, 30.0
ERROR_TICKS = ((FLOOR, "≈ 0"), (1e-4, "0.01 %"), (1e-2, "1 %"), (1.0, "100 %"), (CEILING, "∞"))


FACTOR_TICKS = tuple((10.0**k, f"{10.0**k:g}") for k in range(-3, 4))


def draw_curve(result, t):
    """Return the largest error at every λ, the present one marked."""
    factor = result.state.factor
    here = result.errors.max()
    order = np.argsort(np.append(FACTORS, factor))
    curve = np.stack([np.append(FACTORS, factor), np.append(result.worst, here)], axis=1)[order]
    curve[:, 1] = np.clip(curve[:, 1], FLOOR, CEILING)
    here = float(np.clip(here, FLOOR, CEILING))
    now = np.array([[[factor, FLOOR / 4], [factor, CEILING * 4]]])
    return Chart(
        (
            Lines(now, ("accent",), width=1.5, dash=True),
            Lines(curve[None], ("ink",), width=2),
            Points(np.array([[factor, here]]), ("accent",), (6,), "dot"),
        ),
        Axis(LOWEST / 1.3, HIGHEST * 1.3, scale="log", ticks=FACTOR_TICKS),
        Axis(FLOOR / 4, CEILING * 4, scale="log", ticks=ERROR_TICKS),
        title=t("card_curve"),
        describe=t("describe_curve", error=percent(result.errors.max())),
    )


def draw_table(result, t):
    """Return the arithmetic from the wire to the step, line by line."""
    state = result.state
    names = {"mean": t("line_mean"), "sum": t("line_sum"), "times": "× λ", "divide": "÷ λ"}
    sent = "λ g" if state.convention == "each" else "g"
    near = ["≈ " if errors.max() >= ROUNDED else "" for errors in result.errors]
    labels = [f"{near[i]}{sent}{'₁₂'[i]}" for i in range(N)]
    labels += [names[key] for key, _ in result.lines] + [f"−{written(ALPHA)} g"]
    values = np.array([*result.wire, *(line for _, line in result.lines), result.step])
    powers = np.array([power_of(row) for row in values])
    shown = values / 10.0 ** powers[:, None]
    labels = [
        f"{label} ×{written(10.0**p)}" if p else label
        for label, p in zip(labels, powers, strict=True)
    ]
    product = f"{written(ALPHA)} × {written(result.rate / ALPHA, 3)} = {written(result.rate, 3)}"
    return Table(
        title=t("card_table"),
        rows=tuple(labels[:-1]),
        colors=tuple(participant_color(i) for i in range(N)),
        columns=tuple(
            Column(f"k = {k + 1}", shown[:-1, k], digits=4, significant=True, total=shown[-1:, k])
            for k in range(D)
        ),
        foot=labels[-1],
        note=t("note_rate", product=product),
    )


def power_of(row):
    """Return the power of ten to write beside a row of very small or very large numbers."""
    size = np.abs(row[np.isfinite(row) & (row != 0)])
    if not size.size or 1e-3 <= size.max() < 1e6:
        return 0
    return int(np.floor(np.log10(size.max())))


def notices(result, t):
    """Return what to notice, and what to try."""
    state = result.state
    if result.status in ("underflow", "overflow", "saturated", "coarse"):
        key = result.status if state.convention == "each" else "late"
        if key != "late" and result.worst.min() > 0.9 * result.errors.max():
            key = "wider"
        return (t(f"notice_{result.status}"), t(f"try_{key}"))
    if state.convention == "sum":
        return (t("notice_sum", n=N), t("try_sum"))
    if not state.unscale and state.factor != 1:
        rate = written(result.rate, 3)
        return (t("notice_step", rate=rate, factor=written(state.factor, 3)), t("try_step"))
    if state.convention == "mean":
        return (t("notice_mean"), t("try_mean"))
    if state.wire in WINDOWS:
        return (t("notice_fits", wire=state.wire), t("try_fits"))
    return (t("notice_bits", bits=result.bits), t("try_bits"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    codec, rule = "cast", "fl.mean(c)"
    if state.convention == "each":
        codec = f"fl.Scaling({state.factor}, then=cast, unscale={state.unscale})"
    else:
        options = f'"{state.convention}", unscale={state.unscale}'
        rule = f"fl.scaled_mean(c, {state.factor}, {options})"
    return f"""import numpy as np
import fedlearn_edu as fl

gradients = {own_gradients(state).tolist()}
cast = fl.Cast("{state.wire}")
codec = {codec}
payloads = [codec.encode(g) for g in gradients]
wire = np.array([cast.decode(p) for p in payloads])
arrived = np.array([codec.decode(p) for p in payloads])
g = np.array([
    {rule}
    if np.isfinite(c).all() else c.sum()  # one infinity is enough
    for c in arrived.T
])
without = cast.encode(gradients[0])
print("bits", payloads[0].bits, "without scaling", without.bits)
print("wire", wire.tolist())
print("g", g.tolist())
print("step", (-{ALPHA} * g).tolist())
"""


def table(result):
    """Return every number of the round: own, on the wire, as the server counts it, and errors."""
    header = ("what", "participant", *(f"component_{k + 1}" for k in range(D)))
    blocks = {
        "own": result.own,
        "sent": result.sent,
        "wire": result.wire,
        "back": result.back,
        "error": result.errors,
    }
    rows = [(name, i + 1, *block[i]) for name, block in blocks.items() for i in range(N)]
    rows += [(key, "server", *values) for key, values in result.lines]
    rows += [("step", "server", *result.step), ("bits", "each", result.bits, "", "")]
    return header, rows


STRINGS = {
    "title": ("Scaling", "缩放"),
    "summary": ("What λ saves, and what it loses", "λ 省下了什么，又丢掉了什么？"),
    "preset_article": ("The article: λ = 0.1", "文章里的例子：λ = 0.1"),
    "preset_underflow": ("Too small for float16", "小到 float16 装不下"),
    "preset_overflow": ("λ too large: overflow", "λ 太大：溢出"),
    "preset_int8": ("int8: the right λ", "int8：合适的 λ"),
    "g_gradients": ("Gradients", "梯度"),
    "g_scaling": ("Scaling", "缩放"),
    "g_wire": ("On the wire", "传输"),
    "c_magnitude": ("Size: × 10ᵐ, m =", "数量级：× 10ᵐ，m ="),
    "h_magnitude": (
        "Late in training gradients are tiny: try m = −9.",
        "训练到后期，梯度会变得很小：试试 m = −9。",
    ),
    "c_gradients": ("The numbers themselves", "具体数值"),
    "c_factor": ("Scaling factor", "缩放因子"),
    "c_unscale": ("Unscale at the server: ÷ λ", "服务器反缩放：÷ λ"),
    "c_convention": ("λ acts on", "λ 作用于"),
    "h_convention": (
        "Each gradient before it is sent; or, at the server, the mean or the sum of what arrived.",
        "发送前的每个梯度；或者服务器收到之后的平均值、总和。",
    ),
    "convention_each": ("each", "每个梯度"),
    "convention_mean": ("the mean", "平均值"),
    "convention_sum": ("the sum", "总和"),
    "c_wire": ("Numbers travel as", "传输格式"),
    "h_wire": (
        "float16 has 16 bits and a narrow range; bfloat16 has 16 bits, a wide range and fewer "
        "digits. int8 holds the whole numbers up to ±127, int4 up to ±7.",
        "float16 占 16 比特，范围窄；bfloat16 也占 16 比特，范围宽，但精度低。"
        "int8 只有 ±127 以内的整数，int4 只有 ±7 以内的整数。",
    ),
    "wire_float32": ("float32", "float32"),
    "wire_float16": ("float16", "float16"),
    "wire_bfloat16": ("bfloat16", "bfloat16"),
    "wire_int8": ("int8", "int8"),
    "wire_int4": ("int4", "int4"),
    "row_own": ("Own gradient gᵢ", "自己的梯度 gᵢ"),
    "row_wire_each": ("On the wire: λ gᵢ as {wire}", "传输中：λ gᵢ 转成 {wire}"),
    "row_wire_server": ("On the wire: gᵢ as {wire}", "传输中：gᵢ 转成 {wire}"),
    "row_back": ("At the server", "服务器收到后"),
    "row_back_done": ("At the server, {done}", "服务器收到后，{done}"),
    "legend_ring": ("◌ where it should be", "◌ 本该在的位置"),
    "axis_value": ("size of the number, logarithmic", "数的大小（对数刻度）"),
    "describe_wire": (
        "Six numbers of two participants: their own gradients, on the wire as {wire} with "
        "λ = {factor}, and at the server. "
        "A dashed ring marks where a number should be.",
        "两个参与方的六个数：自己的梯度、以 {wire} 传输时（λ = {factor}）、服务器收到后。"
        "虚线圆圈标出它本该在的位置。",
    ),
    "card_bits": (
        "Bits per participant: unscaled → scaled",
        "每个参与方发送的比特数：不缩放 → 缩放",
    ),
    "value_bits": ("{before} → {after} bits", "{before} → {after}"),
    "badge_bits": ("λ saves {saved} bits", "λ 省下 {saved} 比特"),
    "note_bits": (
        "{d} × {width} + {overhead} = {bits}; both together {all} a round",
        "{d} × {width} + {overhead} = {bits}；两方每轮共 {all}",
    ),
    "overhead": ("{n} header", "{n}（报头）"),
    "overhead_padded": ("{n} header and padding", "{n}（报头和填充）"),
    "card_loss": ("Largest error on the wire", "传输中的最大误差"),
    "status_intact": ("intact", "完好"),
    "status_rounded": ("rounded", "略有舍入"),
    "status_coarse": ("coarse", "太粗"),
    "status_underflow": ("underflow", "下溢"),
    "status_overflow": ("overflow", "溢出"),
    "status_saturated": ("saturated", "饱和"),
    "note_intact": ("all {all} numbers arrive", "{all} 个数都送到了"),
    "note_rounded": ("all {all} numbers arrive, nearly unchanged", "{all} 个数都送到了，几乎没变"),
    "note_coarse": ("the marks are too far apart", "刻度太稀，存不准这些数"),
    "note_underflow": ("{n} of {all} numbers became 0", "{all} 个数里有 {n} 个变成了 0"),
    "note_overflow": ("{n} of {all} numbers became ∞", "{all} 个数里有 {n} 个变成了 ∞"),
    "note_saturated": ("{n} of {all} numbers stuck at ±{top}", "{all} 个数里有 {n} 个卡在 ±{top}"),
    "card_curve": ("Largest error at every scaling factor", "不同缩放因子下的最大误差"),
    "describe_curve": (
        "Largest relative error against λ, both logarithmic; at the present λ {error}.",
        "最大相对误差随 λ 的变化，两轴都是对数刻度；当前 λ 对应 {error}。",
    ),
    "card_table": ("From the wire to the step", "从传输到更新，一步步算"),
    "line_mean": ("mean", "平均"),
    "line_sum": ("sum", "求和"),
    "note_rate": ("Effective learning rate: {product}", "等效学习率：{product}"),
    "warning_lost": (
        "One ∞ is enough: the mean is ∞, and the step would destroy the global parameters.",
        "一个 ∞ 就够了：平均值变成 ∞，这一步会毁掉全局参数。",
    ),
    "notice_bits": (
        "λ moves every number and saves no bit: {bits} with it, {bits} without. "
        "÷ λ puts each number back in its place.",
        "λ 挪动了每个数，却没省下一个比特：用不用它都是 {bits}。÷ λ 又把每个数放回原处。",
    ),
    "try_bits": (
        "Move λ from end to end. Then choose float16 or int8: there λ matters.",
        "把 λ 从一头拖到另一头。再选 float16 或 int8：这时 λ 才有用。",
    ),
    "notice_step": (
        "Without unscaling the step is {factor} times what it should be: "
        "λ has become part of the learning rate, {rate}.",
        "不反缩放，这一步就是应有步长的 {factor} 倍：λ 混进了学习率，使它变成 {rate}。",
    ),
    "try_step": ("Switch unscaling on. What changes?", "打开反缩放，看有什么变化。"),
    "notice_mean": (
        "Here λ acts after the wire: the numbers travel unscaled, whatever λ is.",
        "这里 λ 在传输之后才起作用：不管 λ 是多少，传的都是没缩放的数。",
    ),
    "try_mean": (
        "Choose int8 and m = −1. Can λ still rescue the numbers?",
        "选 int8，再取 m = −1。λ 还救得了这些数吗？",
    ),
    "notice_sum": (
        "The sum is not the mean: with {n} participants the step is {n} times as long "
        "as it should be, unless λ makes up for it.",
        "总和不是平均：有 {n} 个参与方，这一步就是应有步长的 {n} 倍，除非用 λ 抵消。",
    ),
    "try_sum": ("Switch unscaling off and set λ = 0.5.", "关掉反缩放，把 λ 设成 0.5。"),
    "notice_fits": (
        "With this λ all the numbers fit the range of {wire} and survive the cast. "
        "It is the cast that saves bits, not λ.",
        "用这个 λ，所有的数都落在 {wire} 的范围里，转换后都还在。省比特的是类型转换，不是 λ。",
    ),
    "try_fits": (
        "Move λ out of the valley of the curve, to either side. What goes first?",
        "把 λ 拖出曲线的谷底，左右都试试。先丢的是哪个数？",
    ),
    "notice_underflow": (
        "Numbers too small for the first mark of the ruler become 0, and no ÷ λ brings them back.",
        "小到够不着标尺第一条刻度的数都变成 0，再怎么 ÷ λ 也回不来。",
    ),
    "try_underflow": ("Raise λ until all six arrive.", "把 λ 调大，直到六个数都送到。"),
    "try_wider": (
        "No λ does much better here: choose a wider type.",
        "这里换哪个 λ 都好不了多少：换一种更宽的类型吧。",
    ),
    "try_late": (
        "Let λ act on each: at the server it is too late.",
        "让 λ 作用于每个梯度：到了服务器再乘，就晚了。",
    ),
    "notice_overflow": (
        "Numbers beyond the last mark of the ruler become ∞.",
        "超出标尺最后一条刻度的数都变成 ∞。",
    ),
    "try_overflow": ("Lower λ until all six arrive.", "把 λ 调小，直到六个数都送到。"),
    "notice_saturated": (
        "Numbers beyond the last mark of the ruler are cut off there: "
        "large and larger look the same.",
        "超出标尺最后一条刻度的数都被截在那里：大的和更大的，看上去一样了。",
    ),
    "try_saturated": ("Lower λ into the valley of the curve.", "把 λ 调小，一直调到曲线的谷底。"),
    "notice_coarse": (
        "The marks are too far apart here: each number jumps to the nearest one.",
        "这里的刻度太稀：每个数都得跳到最近的一条刻度上。",
    ),
    "try_coarse": (
        "Raise λ: further right the marks lie closer together.",
        "把 λ 调大：越往右，刻度越密。",
    ),
}

LAB = Lab(
    name="scaling",
    order=2,
    minutes=6,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
)
