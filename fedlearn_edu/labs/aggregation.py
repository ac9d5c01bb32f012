"""Aggregation: whose gradient counts how much in the mean and in the weighted mean."""

from dataclasses import dataclass

import numpy as np

from fedlearn_edu.aggregation import contributions, mean, sample_weights, shares, weighted_mean
from fedlearn_edu.labs.controls import Choice, Group, Series, Slider
from fedlearn_edu.labs.lab import Lab
from fedlearn_edu.scene import (
    Arrows,
    Axis,
    Chart,
    Column,
    Drag,
    Headline,
    Lines,
    Scene,
    Segments,
    Table,
    Texts,
    participant_color,
)

LARGEST = 40  # of a gradient's component
ROOM = 296  # pixels: the table's width beside the picture
LOUD = 0.15  # by how much a share of the pull exceeds the weight before it is worth a word
# The article's two, then others that spread over the plane, whichever two components it shows.
GRADIENTS_AT_FIRST = (
    (1, 2, 3, 4, 5),
    (4, 5, 6, 7, 8),
    (6, -2, 1, -1, 2),
    (-3, 3, -1, 5, -2),
    (-2, -3, 2, 1, -3),
    (3, -2, 5, -2, 4),
    (-3, -1, -3, 6, 1),
    (7, 2, -2, -1, 3),
    (-1, 6, 4, -3, -2),
    (2, -3, -2, 3, 6),
)
COUNTS_AT_FIRST = (30, 20, 50, 10, 40, 15, 35, 5, 25, 20)
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class State:
    """All that a control can change; None in a table stands for its usual value."""

    participants: int = 2
    dimensions: int = 3
    gradients: tuple = ()
    weighting: str = "hand"
    weights: tuple = ()
    counts: tuple = ()
    across: int = 1
    up: int = 3
    reach: int = 7


GRADIENTS = Series(
    "gradients", -LARGEST, LARGEST, lambda s, i, j: float(GRADIENTS_AT_FIRST[i][j]),
    columns="dimensions", step=0.1, digits=2, symbol="gᵢ", shown="grid", open=True,
)  # fmt: skip
WEIGHTS = Series(
    "weights", 0, 1, lambda s, i, j: 0.6 if i == 0 else 0.4, step=0.05, digits=2,
    symbol="wᵢ", open=True, when=("weighting", "hand"),
)  # fmt: skip
COUNTS = Series(
    "counts", 1, 100, lambda s, i, j: float(COUNTS_AT_FIRST[i]),
    symbol="nᵢ", open=True, when=("weighting", "size"),
)  # fmt: skip

MANY = ("dimensions", 3, 4, 5)
CONTROLS = (
    Group(
        "participants",
        (
            Slider("participants", 1, 10, symbol="N"),
            Slider("dimensions", 1, 5, symbol="d"),
            GRADIENTS,
        ),
    ),
    Group("weights", (Choice("weighting", ("equal", "size", "hand"), symbol="w"), WEIGHTS, COUNTS)),
    Group(
        "plane",
        (
            Slider("across", 1, 5, when=MANY),
            Slider("up", 1, 5, when=MANY),
            Slider("reach", 4, 40),
        ),
    ),
)

PRESETS = {
    "article": {},
    "equal_sizes": {
        "participants": 4,
        "dimensions": 2,
        "weighting": "size",
        "counts": ((40.0,), (40.0,), (40.0,), (40.0,)),
        "gradients": ((6.0, 1.0), (-3.0, 2.0), (3.0, 6.0), (2.0, -1.0)),
    },
    "loud": {
        "participants": 4,
        "dimensions": 2,
        "weighting": "equal",
        "gradients": ((-1.0, 1.0), (-2.0, 1.0), (-1.0, -1.0), (6.0, 6.0)),
    },
    "large_and_small": {
        "participants": 6,
        "dimensions": 2,
        "weighting": "size",
        "counts": ((60.0,), (8.0,), (8.0,), (8.0,), (8.0,), (8.0,)),
        "gradients": (
            (6.0, 2.0),
            (-3.0, 1.0),
            (-3.0, 4.0),
            (-2.0, 2.0),
            (-1.0, 4.0),
            (0.0, 5.0),
        ),
    },
}


@dataclass(frozen=True, eq=False)
class Result:
    """The aggregates of a state, with every intermediate."""

    state: State
    gradients: np.ndarray
    counts: np.ndarray | None
    weights: np.ndarray
    unweighted: bool  # every weight by hand is 0: 1/N stands in
    parts: np.ndarray
    weighted: np.ndarray
    plain: np.ndarray
    pull: np.ndarray
    shown: tuple  # the components on the plane; two equal ones make a number line


def counts_of(state):
    """Return the whole numbers of examples n_i."""
    return np.array([int(n + 0.5) for (n,) in COUNTS.full(state)])


def raw_weights(state):
    """Return the weights as the learner set them, before they are divided by their sum."""
    if state.weighting == "size":
        return sample_weights(counts_of(state))
    if state.weighting == "hand":
        return np.array([w for (w,) in WEIGHTS.full(state)], dtype=float)
    return np.ones(state.participants)


def shown_components(state):
    """Return the two components on the plane, from 0; the same one twice for a number line."""
    last = state.dimensions
    if last <= 2:
        return 0, last - 1
    across, up = min(state.across, last), min(state.up, last)
    if across == up and state.across != state.up:
        across, up = (last - 1, last) if state.across < state.up else (last, last - 1)
    return across - 1, up - 1


def compute(state):
    """Aggregate the gradients plainly and by weight."""
    gradients, weights = np.array(GRADIENTS.full(state), dtype=float), raw_weights(state)
    unweighted = weights.sum() == 0
    if unweighted:
        weights = np.ones(state.participants)
    return Result(
        state,
        gradients,
        counts_of(state) if state.weighting == "size" else None,
        weights / weights.sum(),
        bool(unweighted),
        contributions(gradients, weights),
        weighted_mean(gradients, weights),
        mean(gradients),
        shares(gradients, weights),
        shown_components(state),
    )


# Words for numbers.


def sub(i):
    """Return the number of participant i as a subscript."""
    return str(i + 1).translate(SUBSCRIPTS)


def digits_of(values, most):
    """Return how many decimals write the values exactly, or None if ``most`` do not."""
    values = np.asarray(values, dtype=float)
    fits = (d for d in range(most + 1) if np.allclose(values, values.round(d), rtol=0, atol=1e-9))
    return next(fits, None)


def vector(values, digits=2):
    """Return a vector as a learner writes it: ``[2.2, −3, 0.25]``."""

    def word(value):
        text = f"{value:.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text.replace("-", "−")

    return f"[{', '.join(word(v) for v in values)}]"


def percent(share):
    """Return a share as a whole number of percent."""
    return f"{100 * share:.0f}"


# The picture.


@dataclass(frozen=True, eq=False)
class Places:
    """Where everything lies, on the plane or on a number line with a lane for each arrow."""

    low: tuple
    high: tuple
    origins: np.ndarray
    heads: np.ndarray
    bands: np.ndarray
    chain: np.ndarray  # N + 1 points for the plane; tails and heads for lanes, (2, N, 2)
    means: np.ndarray  # tails and heads of the weighted and of the plain mean, (2, 2, 2)
    lanes: bool


def on_plane(result):
    """Return the places on the plane of two components."""
    pick, reach = list(result.shown), result.state.reach
    heads, parts = result.gradients[:, pick], result.parts[:, pick]
    ends = np.cumsum(parts, axis=0)
    means = np.array([result.weighted[pick], result.plain[pick]])
    return Places(
        (-0.5 * reach, -0.3 * reach),
        (reach, 0.95 * reach),
        np.zeros_like(heads),
        heads,
        parts,
        np.array([ends - parts, ends]),
        np.array([np.zeros((2, 2)), means]),
        False,
    )


def on_line(result):
    """Return the places on one component's number line: N lanes, the chain, the two means."""
    at, n, reach = result.shown[0], result.state.participants, result.state.reach
    lanes = np.arange(n, 0, -1) + 2.0
    stagger = 2 + (np.linspace(0.3, -0.3, n) if n > 1 else np.zeros(1))
    ends = np.cumsum(result.parts[:, at])

    def points(x, y):
        return np.stack(np.broadcast_arrays(x, y), axis=1).astype(float)

    return Places(
        (-0.5 * reach, -0.6),
        (reach, n + 2.8),
        points(0, lanes),
        points(result.gradients[:, at], lanes),
        points(result.parts[:, at], lanes),
        np.array([points(ends - result.parts[:, at], stagger), points(ends, stagger)]),
        np.array(
            [
                points(0, [1.0, 0.0]),
                points([result.weighted[at], result.plain[at]], [1.0, 0.0]),
            ]
        ),
        True,
    )


def draw(result, t, kept=()):
    """Return the arrows, the sum, the shares and the words."""
    return Scene(
        main=draw_arrows(result, t),
        cards=(draw_headline(result, t), draw_shares(result, t), draw_table(result, t)),
        notice=notices(result, t),
        warning=t("warning_no_weight") if result.unweighted else "",
    )


def draw_arrows(result, t):
    """Return the gradients, the chain of contributions and the two means."""
    n = result.state.participants
    across, up = result.shown
    places = on_line(result) if across == up else on_plane(result)
    colors = tuple(participant_color(i) for i in range(n))
    (x0, y0), (x1, y1) = places.low, places.high
    zero = np.array([[[x0, 0], [x1, 0]], [[0, y0], [0, y1]]], dtype=float)
    zero = zero[1:] if places.lanes else zero
    names = tuple(t("gradient_of", n=i + 1) for i in range(n))
    heads = Arrows(
        places.origins, places.heads, colors, width=2, edge="gᵢ",
        labels=tuple(f"g{sub(i)}" for i in range(n)),
        drag=Drag("gradients", (across, None if places.lanes else up), names, digits=1),
    )  # fmt: skip
    bands = np.stack([places.origins, places.bands], axis=1)
    ticks = [(2.0, "wᵢgᵢ"), (1.0, "Σ"), (0.0, "1/N")]
    ticks += [(y, f"g{sub(i)}") for i, y in enumerate(places.origins[:, 1])]
    y_axis = Axis(y0, y1, ticks=tuple(ticks) if places.lanes else (),
                  label="" if places.lanes else t("component", k=up + 1), integer=True)  # fmt: skip
    return Chart(
        (
            Lines(zero, ("edge",), width=1),
            Lines(bands, colors, width=9, opacity=0.3),
            heads,
            Arrows(*places.chain, colors, width=4),
            *draw_means(result, places, t),
            *part_labels(result, places, colors),
        ),
        Axis(x0, x1, t("component", k=across + 1), integer=True),
        y_axis,
        describe=t("describe_arrows", n=n, w=vector(result.weighted), g=vector(result.plain)),
        equal=not places.lanes,
    )


def is_plain(result):
    """Return whether the weighted mean is the plain mean."""
    return np.allclose(result.weighted, result.plain, rtol=0, atol=1e-9)


def draw_means(result, places, t):
    """Return the two means' arrows, their labels on the sides away from each other."""
    tails, heads = places.means
    both = is_plain(result) and not places.lanes
    edges = (t("label_both"), "") if both else (t("label_weighted"), t("label_plain"))
    marks = [
        Arrows(tails[:1], heads[:1], ("ink",), width=4, edge=edges[0]),
        Arrows(tails[1:], heads[1:], ("accent",), width=2.5, dash=True, edge=edges[1]),
    ]
    gap = 0.015 * (places.high[0] - places.low[0])
    if both:
        labels = [(heads[0], t("label_both"), "ink", True)]
    else:
        left = heads[0, 0] < heads[1, 0] and not places.lanes
        labels = [
            (heads[0], t("label_weighted"), "ink", not left),
            (heads[1], t("label_plain"), "accent", left or places.lanes),
        ]
    for head, text, color, right in labels:
        at = np.array([[head[0] + (gap if right else -gap), head[1] + (0 if right else gap)]])
        marks.append(Texts(at, (text,), "start" if right else "end", color, bold=True))
    return marks


def part_labels(result, places, colors):
    """Return w_i g_i beside the bands on the gradients, away from the weighted mean."""
    n, size = result.state.participants, 0.12 * (places.high[0] - places.low[0])
    if places.lanes or n > 4:
        return []
    marks, (x, y) = [], places.means[1, 0]
    for i, part in enumerate(places.bands):
        length = np.hypot(*part)
        if length < size:
            continue
        side = 1 if x * part[1] - y * part[0] > 0 else -1
        normal = side * np.array([-part[1], part[0]]) / length
        at = 0.55 * part + 0.2 * size * normal
        align = "end" if normal[0] < 0 else "start"
        marks.append(Texts(at[None], (f"w{sub(i)}g{sub(i)}",), align, colors[i], bold=True))
    return marks


def draw_headline(result, t):
    """Return the weighted mean and how it differs from the plain one."""
    plain, gap = result.plain, result.weighted - result.plain
    same = is_plain(result)
    digits = digits_of([*plain, *result.weighted], 3) or 2
    if same:
        note = t("note_same")
    else:
        note = t("note_differs", g=vector(plain, digits), gap=vector(gap, digits))
    badge = t("badge_pooled") if result.state.weighting == "size" else ""
    value = vector(result.weighted, digits)
    return Headline(t("card_mean"), value, badge, "good" if badge else "plain", note)


def draw_shares(result, t):
    """Return the shares of the weight above the shares of the pull."""
    colors = tuple(participant_color(i) for i in range(result.state.participants))
    whole = ((0.0, "0"), (0.5, "50%"), (1.0, "100%"))
    each = "; ".join(
        t("describe_share", n=i + 1, w=percent(w), p=percent(p))
        for i, (w, p) in enumerate(zip(result.weights, result.pull, strict=True))
    )
    return Chart(
        (
            Segments(np.array([result.pull, result.weights]), colors),
            share_labels(result.pull, 0),
            share_labels(result.weights, 1),
        ),
        Axis(0, 1, ticks=whole),
        Axis(-0.5, 1.5, ticks=((1.0, t("row_weight")), (0.0, t("row_pull")))),
        title=t("card_shares"),
        describe=each,
    )


def share_labels(parts, row):
    """Return each participant's number, and its share where there is room."""
    middles = np.cumsum(parts) - parts / 2
    numbers = [str(i + 1) for i in range(len(parts))]
    texts = [
        f"{number}: {percent(part)}%" if part >= 0.25 else number if part >= 0.06 else ""
        for number, part in zip(numbers, parts, strict=True)
    ]
    at = np.stack([middles, np.full(len(parts), row)], axis=1)
    return Texts(at, tuple(texts), "middle", "text", size=12, bold=True)


def table_columns(result):
    """Return the columns n_i, w_i, g_i, w_i g_i, each with its sum, and whether any is rounded."""
    exact = [
        digits_of(result.weights, 3),
        digits_of(result.gradients, 2),
        digits_of(np.vstack([result.parts, result.weighted]), 3),
    ]
    w, g, part = (2 if digits is None else digits for digits in exact)
    total = result.gradients.sum(axis=0)
    columns = [
        Column("wᵢ", result.weights, w, total=result.weights.sum()[None]),
        Column("gᵢ", result.gradients, g, vector=True, total=total),
        Column("wᵢgᵢ", result.parts, part, vector=True, total=result.weighted),
    ]
    if result.counts is not None:
        columns.insert(0, Column("nᵢ", result.counts, 0, total=result.counts.sum()[None]))
    return columns, None in exact


def pixels(column):
    """Return about how wide a column is drawn."""
    cells = np.vstack([column.values.reshape(len(column.values), -1), column.total])
    widest = [max(len(f"{value:.{column.digits}f}") for value in cell) for cell in cells.T]
    return 1 + sum(6.8 * size + 7 for size in widest)


def draw_table(result, t):
    """Return the sum, participant by participant; what finds no room stands in the controls."""
    n, total = result.state.participants, result.gradients.sum(axis=0)
    columns, rounded = table_columns(result)
    head, room = t("participant"), ROOM - 72
    if sum(map(pixels, columns)) > room:
        head, room = "i", ROOM - 30
    if sum(map(pixels, columns)) > room:
        columns = [column for column in columns if column.label not in ("nᵢ", "gᵢ")]
    note = t("plain_sum", total=vector(total), n=n, g=vector(result.plain))
    return Table(
        t("card_table"),
        head=head,
        rows=tuple(str(i + 1) for i in range(n)),
        colors=tuple(participant_color(i) for i in range(n)),
        columns=tuple(columns),
        foot="Σ",
        note=f"{note} {t('note_rounded')}" if rounded else note,
    )


def notices(result, t):
    """Return what is to be seen in this state, and what to try."""
    if result.state.participants == 1:
        case = "alone"
    elif not result.pull.any():
        case = "zero"
    elif result.state.weighting == "size":
        case = "equal_sizes" if len(set(result.counts)) == 1 else "size"
    else:
        i = int(np.argmax(result.pull - result.weights))
        if result.pull[i] - result.weights[i] >= LOUD:
            words = {"n": i + 1, "w": percent(result.weights[i]), "p": percent(result.pull[i])}
            return (t("notice_loud", **words), t("notice_loud_try", g=f"g{sub(i)}"))
        case = "equal" if is_plain(result) else "hand"
    return (t(f"notice_{case}"), t(f"notice_{case}_try"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    if state.weighting == "size":
        weights = f"fl.sample_weights({counts_of(state).tolist()})"
    elif state.weighting == "hand" and raw_weights(state).any():
        weights = raw_weights(state).tolist()
    else:
        weights = f"[1 / {state.participants}] * {state.participants}"
    rows = "".join(f"    {list(row)},\n" for row in GRADIENTS.full(state))
    return f"""import fedlearn_edu as fl

gradients = [
{rows}]
weights = {weights}
print("contributions")
print(fl.contributions(gradients, weights))
print("weighted mean", fl.weighted_mean(gradients, weights))
print("plain mean", fl.mean(gradients))
print("pull", fl.shares(gradients, weights))
"""


def table(result):
    """Return a row a participant: weight, gradient, contribution, pull; then the two means."""
    dimensions = range(1, result.state.dimensions + 1)
    header = ("participant", "weight", *(f"g_{k}" for k in dimensions))
    header += (*(f"wg_{k}" for k in dimensions), "pull")
    rows = [
        (i + 1, weight, *gradient, *part, pull)
        for i, (weight, gradient, part, pull) in enumerate(
            zip(result.weights, result.gradients, result.parts, result.pull, strict=True)
        )
    ]
    blank = [""] * result.state.dimensions
    rows.append(("weighted mean", result.weights.sum(), *blank, *result.weighted, ""))
    rows.append(("plain mean", "", *result.plain, *blank, ""))
    if result.counts is not None:
        header += ("n",)
        ends = [*result.counts, result.counts.sum(), ""]
        rows = [(*row, end) for row, end in zip(rows, ends, strict=True)]
    return header, rows


STRINGS = {
    "title": ("Aggregation", "聚合"),
    "summary": ("Who has a say? Mean and weights", "谁的话算数？平均与加权"),
    "preset_article": ("The article's example", "文章里的例子"),
    "preset_equal_sizes": ("Equal sizes", "样本数相等"),
    "preset_loud": ("One is loud", "一个大嗓门"),
    "preset_large_and_small": ("One big, five small", "一大五小"),
    "g_participants": ("Participants", "参与方"),
    "g_weights": ("Weights", "权重"),
    "g_plane": ("The picture", "画面"),
    "c_participants": ("Number", "数量"),
    "c_dimensions": ("Dimensions", "维数"),
    "c_gradients": ("Gradient of each", "各自的梯度"),
    "h_gradients": (
        "Type numbers, or drag the tips of the arrows.",
        "可以输入数字，也可以拖动箭头尖端。",
    ),
    "c_weighting": ("Weights", "权重"),
    "h_weighting": (
        "Equal: wᵢ = 1/N. By size: wᵢ = nᵢ/Σn. By hand: as you set them.",
        "相等：wᵢ = 1/N。按样本数：wᵢ = nᵢ/Σn。手动：由你来定。",
    ),
    "weighting_equal": ("equal", "相等"),
    "weighting_size": ("by size", "按样本数"),
    "weighting_hand": ("by hand", "手动"),
    "c_weights": ("Weight of each", "各自的权重"),
    "h_weights": (
        "They are divided by their sum.",
        "使用时会除以它们的总和。",
    ),
    "c_counts": ("Examples of each", "各自的样本数"),
    "c_across": ("Component across", "横轴分量"),
    "c_up": ("Component up", "纵轴分量"),
    "h_up": (
        "Choose the same component twice to see it on a number line.",
        "横轴和纵轴选同一个分量，就会画成数轴。",
    ),
    "c_reach": ("Range shown", "显示范围"),
    "component": ("component {k}", "第 {k} 个分量"),
    "participant": ("participant", "参与方"),
    "gradient_of": ("gradient of participant {n}", "参与方 {n} 的梯度"),
    "label_weighted": ("weighted mean", "加权平均"),
    "label_plain": ("plain mean", "简单平均"),
    "label_both": ("weighted mean = plain mean", "加权平均 = 简单平均"),
    "describe_arrows": (
        "The gradients of {n} participants as arrows from the origin; their contributions head to "
        "tail, ending in the weighted mean {w}; the plain mean {g}, dashed.",
        "{n} 个参与方的梯度，画成从原点出发的箭头；各自的贡献首尾相接，终点是加权平均 {w}；"
        "虚线箭头是简单平均 {g}。",
    ),
    "describe_share": (
        "participant {n}: weight {w} %, pull {p} %",
        "参与方 {n}：权重 {w}%，拉力 {p}%",
    ),
    "card_mean": ("Weighted mean", "加权平均"),
    "card_shares": ("Who pulls how hard", "谁的拉力大"),
    "card_table": ("Added up", "逐项相加"),
    "row_weight": ("weight", "权重"),
    "row_pull": ("pull", "拉力"),
    "badge_pooled": ("gradient on all data together", "等于全部数据的梯度"),
    "note_same": ("The plain mean is the same.", "和简单平均完全一样。"),
    "note_differs": (
        "Plain mean {g}; weighted minus plain: {gap}.",
        "简单平均 {g}；加权 − 简单 = {gap}。",
    ),
    "plain_sum": ("Plain mean: {total} / {n} = {g}.", "简单平均：{total} / {n} = {g}。"),
    "note_rounded": (
        "Rounded here; the sums are exact.",
        "显示时有舍入，总和按精确值计算。",
    ),
    "warning_no_weight": (
        "All weights are 0, so there is no weighted mean. 1/N is used instead.",
        "权重全是 0，求不出加权平均。这里改用 1/N。",
    ),
    "notice_alone": (
        "With one participant the mean, the weighted mean and g₁ are the same.",
        "只有一个参与方时，简单平均、加权平均和 g₁ 是一回事。",
    ),
    "notice_alone_try": ("Add a second participant.", "再加一个参与方。"),
    "notice_zero": (
        "Nobody pulls: every wᵢgᵢ is zero, and the global parameters stay where they are.",
        "谁也没有拉力：所有 wᵢgᵢ 都是零，全局参数原地不动。",
    ),
    "notice_zero_try": (
        "Give a gradient to a participant whose weight is not 0.",
        "找一个权重不为 0 的参与方，给它一个梯度。",
    ),
    "notice_loud": (
        "Participant {n} has {w} % of the weight but {p} % of the pull (the length of wᵢgᵢ): "
        "its gradient is long.",
        "参与方 {n} 的权重只占 {w}%，拉力（wᵢgᵢ 的长度）却占 {p}%：因为它的梯度长。",
    ),
    "notice_loud_try": (
        "Drag {g} shorter until the two bars agree.",
        "把 {g} 拖短，直到上下两条一致。",
    ),
    "notice_equal_sizes": (
        "Equal sizes: nᵢ/Σn is 1/N, and the weighted mean is the plain mean.",
        "样本数相等：nᵢ/Σn 就是 1/N，加权平均就是简单平均。",
    ),
    "notice_equal_sizes_try": (
        "Give one participant more examples. Which way does the thick arrow turn?",
        "给其中一方多一些样本。粗箭头会转向哪边？",
    ),
    "notice_size": (
        "With wᵢ = nᵢ/Σn every example counts once: "
        "this is the gradient of the loss on all the data together.",
        "取 wᵢ = nᵢ/Σn，每个样本都只算一次：这正是把全部数据合在一起时，损失的梯度。",
    ),
    "notice_size_try": (
        "Set the weights to equal: now every participant counts once, however little data it has.",
        "改选“相等”：这时不管数据多少，每个参与方都只算一次。",
    ),
    "notice_equal": (
        "All weights are 1/N: the weighted mean is the plain mean.",
        "权重都是 1/N：加权平均就是简单平均。",
    ),
    "notice_equal_try": (
        "Drag one arrow longer. The weights stay equal; does the pull?",
        "把一个箭头拖长。权重还是相等，拉力呢？",
    ),
    "notice_hand": (
        "The more weight a participant has, the nearer the thick arrow comes to its gradient.",
        "谁的权重越大，粗箭头就越靠近谁的梯度。",
    ),
    "notice_hand_try": (
        "Make the weights equal. Where does the thick arrow go?",
        "把权重调成相等。粗箭头会去哪里？",
    ),
}

LAB = Lab(
    name="aggregation",
    order=1,
    minutes=5,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
)
