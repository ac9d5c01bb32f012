"""Convergence: participants on a loss landscape, and the global parameters finding their place."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fedlearn_edu.aggregation import effective_scale
from fedlearn_edu.compression import Cast
from fedlearn_edu.federation import simulate
from fedlearn_edu.labs.controls import Choice, Group, Seed, Series, Slider, Toggle
from fedlearn_edu.labs.lab import Lab
from fedlearn_edu.objectives import Quadratics, regime
from fedlearn_edu.scene import (
    Axis,
    Chart,
    Column,
    Drag,
    Headline,
    Landscape,
    Lines,
    Points,
    Scene,
    Table,
    apportion,
    overlaid,
    participant_color,
)

ROUNDS = 60
WIDE, HIGH = 6.0, 5.0  # the map is [-WIDE, WIDE] × [-HIGH, HIGH]
GRID_X, GRID_Y = np.linspace(-WIDE, WIDE, 37), np.linspace(-HIGH, HIGH, 31)
FAR = 4.2
DIGITS = 3
CODECS = {
    "float64": None,
    "float16": Cast("float16"),
    "int8": Cast("int8", scale="max"),
    "int4": Cast("int4", scale="max"),
}
TONES = {
    "one step": "good",
    "converging": "good",
    "slow": "warn",
    "oscillating": "warn",
    "edge": "bad",
    "diverging": "bad",
}


@dataclass(frozen=True)
class State:
    """All that a control can change; an empty table is filled from the seed."""

    participants: int = 6
    spread: float = 0.9
    bend: float = 1.0
    weighting: str = "size"
    counts: tuple = ()
    curvatures: tuple = ()
    weights: tuple = ()
    optima: tuple = ()
    start: tuple = ()
    alpha: float = 0.1
    factor: float = 1.0
    convention: str = "mean"
    unscale: bool = False
    local_steps: int = 8
    wire: str = "float64"
    fraction: float = 1.0
    dropout: float = 0.0
    seed: int = 47


@lru_cache(maxsize=256)
def character(seed, i):
    """Return what chance gives participant i: (angle, reach, size, bend, length, turn)."""
    rng = np.random.default_rng([seed, i])
    reach, size, bend, length = rng.uniform((0.6, -1, -1, 0.2), (1, 1, 1, 1))
    first = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    angle = first + i * np.pi * (3 - np.sqrt(5)) + rng.uniform(-0.3, 0.3)
    return angle, reach, size, bend, length, rng.uniform(0, np.pi)


def own_optimum(state, i, j):
    """Return coordinate j of θ_i*, as chance and the spread place it."""
    angle, reach, *_ = character(state.seed, i)
    value = FAR * state.spread * reach * (np.cos(angle), np.sin(angle))[j]
    return round(float(value), 2) + 0.0


def own_count(state, i, j=0):
    """Return n_i, some 6 to 66 examples."""
    return float(round(20 * np.exp(1.2 * character(state.seed, i)[2])))


def own_curvature(state, i, j=0):
    """Return h_i; 1 for everybody when the curvatures do not differ."""
    return round(float(np.exp(0.8 * state.bend * character(state.seed, i)[3])), 2)


def start_point(state, i, j):
    """Return coordinate j of θ at the start."""
    return (-4.6, 4.0)[j]


OPTIMA = Series("optima", -WIDE, WIDE, own_optimum, columns=2, shown="")
COUNTS = Series("counts", 1, 100, own_count, symbol="nᵢ")
CURVATURES = Series("curvatures", 0.2, 4, own_curvature, step=0.05, digits=2, symbol="hᵢ")
WEIGHTS = Series(
    "weights", 0, 1, lambda s, i, j: 0.5, step=0.05, digits=2, symbol="wᵢ", open=True,
    when=("weighting", "hand"),
)  # fmt: skip
START = Series("start", -WIDE, WIDE, start_point, rows=1, columns=2, shown="")

CONTROLS = (
    Group(
        "participants",
        (
            Slider("participants", 1, 20, symbol="N"),
            Slider("spread", 0, 1, 0.05, digits=2),
            Slider("bend", 0, 1, 0.05, digits=2),
            Choice("weighting", ("equal", "size", "hand"), symbol="w"),
            WEIGHTS,
            COUNTS,
            CURVATURES,
            OPTIMA,
            START,
        ),
    ),
    Group(
        "step",
        (
            Slider("alpha", 0.05, 2.5, 0.05, symbol="α", digits=2),
            Slider("local_steps", 1, 20, symbol="E"),
            Slider("factor", 0.01, 10, 20, symbol="λ", scale="log"),
            Choice("convention", ("each", "mean", "sum")),
            Toggle("unscale"),
            Choice("wire", tuple(CODECS)),
        ),
    ),
    Group(
        "real_life",
        (
            Slider("fraction", 0.05, 1, 0.05, symbol="C", unit="%"),
            Slider("dropout", 0, 0.9, 0.05, unit="%"),
            Seed(),
        ),
    ),
)

PRESETS = {
    "unequal": {},
    "agreement": {"spread": 0.1, "bend": 0.2},
    "one_step": {"bend": 0.0, "local_steps": 1, "alpha": 1.0},
    "over_the_edge": {"bend": 0.0, "local_steps": 1, "alpha": 2.1},
}


def hessians(state):
    """Return H_i = R diag(h e, h/e) Rᵀ of every participant, shape (N, 2, 2)."""
    matrices = []
    for i, (h,) in enumerate(CURVATURES.full(state)):
        *_, length, turn = character(state.seed, i)
        stretch = np.exp(0.5 * state.bend * length)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrices.append(rotation @ np.diag([h * stretch, h / stretch]) @ rotation.T)
    return (np.array(matrices) + np.transpose(matrices, (0, 2, 1))) / 2


def problem_of(state):
    """Return the participants of a state."""
    counts = [n for (n,) in COUNTS.full(state)]
    return Quadratics(hessians(state), OPTIMA.full(state), counts)


def weights_of(state):
    """Return the aggregation weights, shape (N,); all zero by hand means equal."""
    if state.weighting == "size":
        weights = np.array([n for (n,) in COUNTS.full(state)])
    elif state.weighting == "hand":
        weights = np.array([w for (w,) in WEIGHTS.full(state)])
    else:
        weights = np.ones(state.participants)
    weights = weights if weights.sum() > 0 else np.ones(state.participants)
    return weights / weights.sum()


@dataclass(frozen=True, eq=False)
class Result:
    """The simulation, and what is known about it exactly."""

    state: State
    problem: Quadratics
    weights: np.ndarray
    history: object
    optimum: np.ndarray
    fixed_point: np.ndarray | None
    multipliers: np.ndarray
    regime: str


def compute(state):
    """Run the federation and everything that is known about it exactly."""
    problem, weights = problem_of(state), weights_of(state)
    history = simulate(
        problem,
        START.full(state)[0],
        ROUNDS,
        state.alpha,
        local_steps=state.local_steps,
        weights=weights,
        factor=state.factor,
        convention=state.convention,
        unscale=state.unscale,
        codec=CODECS[state.wire],
        fraction=state.fraction,
        dropout=state.dropout,
        rng=np.random.default_rng(state.seed),
    )
    multipliers = problem.fedavg_multipliers(
        state.alpha, state.local_steps, applied_scale(state, arrivals(state)), weights
    )
    return Result(
        state,
        problem,
        weights,
        history,
        problem.optimum(),
        fixed_point(problem, state, weights),
        multipliers,
        regime(multipliers),
    )


def arrivals(state):
    """Return how many updates arrive in a round in which nobody drops out."""
    return max(1, round(state.fraction * state.participants))


def applied_scale(state, count):
    """Return what multiplies the weighted mean of the true updates when ``count`` arrive."""
    return effective_scale(state.factor, state.convention, count, state.unscale)


def fixed_point(problem, state, weights):
    """Return where the rounds settle, or None where there is no such point."""
    try:
        return problem.fedavg_fixed_point(state.alpha, state.local_steps, weights)
    except ValueError:
        return None


def draw(result, t, kept=()):
    """Return the landscape, the distances by round, the arithmetic and the words."""
    return Scene(
        main=draw_map(result, t, kept),
        cards=(draw_headline(result, t), draw_distance(result, t, kept), draw_table(result, t)),
        notice=notices(result, t),
        frames=len(result.history.theta),
        warning=warnings(result, t),
        start=-1,
        autoplay=True,
    )


def draw_map(result, t, kept):
    """Return the landscape with every path on it."""
    state, history = result.state, result.history
    names = [str(i + 1) for i in range(state.participants)]
    colors = tuple(participant_color(i) for i in range(state.participants))
    local = np.concatenate([np.full_like(history.local[:1], np.nan), history.local])
    if not history.rounds:
        local = np.full((1, state.participants, 2, 2), np.nan)
    absent = np.concatenate([np.zeros((1, state.participants)), ~history.took_part])
    radius = tuple(9 + 0.9 * np.sqrt(n) for (n,) in COUNTS.full(state))
    grid = result.problem.loss_grid(GRID_X, GRID_Y)
    marks = [Landscape(grid, (-WIDE, WIDE), (-HIGH, HIGH))]
    for k, (_, other) in enumerate(kept):
        path = other.history.theta[None]
        marks.append(Lines(path, (f"k{k}",), width=2, dash=True))
    marks += [
        Lines(local, colors, width=1.5, dots=2.2, reveal="round"),
        Lines(history.theta[None], ("ink",), width=3, dots=2.6, reveal="trail"),
        Points(result.optimum[None], ("error",), (8,), "cross", (t("optimum"),), edge=t("optimum")),
    ]
    if result.fixed_point is not None:
        marks.append(Points(result.fixed_point[None], ("error",), (11,), "ring"))
    optima_names = tuple(t("optimum_of", n=name) for name in names)
    marks += [
        Points(
            result.problem.optima, colors, radius, "badge", tuple(names),
            Drag("optima", names=optima_names), dim=absent,
        ),
        Points(
            history.theta[:1], ("ink",), (4,), "dot", (t("start"),),
            Drag("start", names=(t("start"),)),
        ),
        Points(history.theta[:, None], ("ink",), (7,), "dot", glide=True, edge=t("off_map")),
    ]  # fmt: skip
    return Chart(
        tuple(marks),
        Axis(-WIDE, WIDE, hidden=True),
        Axis(-HIGH, HIGH, hidden=True),
        describe=t("describe_map", n=state.participants),
        equal=True,
    )


def step_symbols(state):
    """Return what the effective step times the curvature is, in symbols."""
    scale = "" if state.unscale else "λ"
    return f"α{scale}{'N' if state.convention == 'sum' else ''}h"


def draw_headline(result, t):
    """Return what a round does to the error, as a number and in words."""
    state = result.state
    size = np.abs(result.multipliers).max()
    symbol = f"|1 − {step_symbols(state)}|" if state.local_steps == 1 else "ρ"
    shown = f"{size:.2f}" if size < 100 else f"{size:.1e}"
    lost = (1 - size) * 100
    note = {
        "one step": t("note_one_step"),
        "edge": t("note_edge"),
        "diverging": t("note_diverging", factor=f"{size:.2f}"),
    }.get(result.regime, t("note_converging", percent=f"{lost:.0f}" if lost >= 1 else "<1"))
    if state.fraction < 1 or state.dropout > 0 or state.wire != "float64":
        note = f"{note}{t('note_idealised')}"
    word = t("regime_" + result.regime.replace(" ", "_"))
    return Headline(t("card_step"), f"{symbol} = {shown}", word, TONES[result.regime], note)


FLOOR, CEILING = 1e-3, 30


def draw_distance(result, t, kept):
    """Return the distance to the optimum by round."""

    def curve(history):
        rounds = np.arange(len(history.distance))
        return np.stack([rounds, np.clip(history.distance, FLOOR, 1e12)], axis=1)

    paths = [curve(other.history) for _, other in kept]
    marks = overlaid(curve(result.history), paths, [label for label, _ in kept])
    if result.fixed_point is not None:
        gap = np.linalg.norm(result.fixed_point - result.optimum)
        level = np.array([[[0, gap], [ROUNDS, gap]]])
        if gap > FLOOR:
            marks.insert(len(kept), Lines(level, ("error",), width=1, dash=True))
    return Chart(
        tuple(marks),
        Axis(0, ROUNDS, t("axis_round"), integer=True),
        Axis(FLOOR, CEILING, scale="log"),
        title=t("card_distance"),
        describe=t("describe_distance", last=f"{result.history.distance[-1]:.3g}"),
    )


def draw_table(result, t):
    """Return the arithmetic of each round; its parts add up to the step."""
    state, history = result.state, result.history
    none = np.full((1, state.participants), np.nan)
    counts = np.array([n for (n,) in COUNTS.full(state)])
    parts, scale = contributions(result)
    shown = apportion(parts.transpose(0, 2, 1), history.step, DIGITS).transpose(0, 2, 1)
    weights = np.concatenate([none, np.where(history.took_part, history.weights, np.nan)])
    steps = np.concatenate([np.full((1, 2), np.nan), history.step])
    label = "wᵢ Δᵢ" if np.all(scale == 1) else t("column_part")
    return Table(
        title=t("card_table"),
        head=t("participant"),
        rows=tuple(str(i + 1) for i in range(state.participants)),
        colors=tuple(participant_color(i) for i in range(state.participants)),
        columns=(
            Column("nᵢ", counts, digits=0, total=counts.sum()[None]),
            Column("wᵢ", weights, total=np.nansum(weights, axis=1)[:, None]),
            Column(
                label,
                np.concatenate([np.repeat(none[..., None], 2, axis=2), shown]),
                digits=DIGITS,
                signed=True,
                vector=True,
                total=steps,
            ),
        ),
        foot=t("new_minus_old"),
    )


def contributions(result):
    """Return each participant's part of every step, (T, N, 2), and the scale of each round.

    The parts of a round add up to its step exactly.
    """
    state, history = result.state, result.history
    count = history.took_part.sum(axis=1)
    applied = np.array([applied_scale(state, max(1, n)) for n in count])
    sent = state.factor if state.convention == "each" else 1.0
    scale = (applied / sent)[:, None, None]
    return scale * history.weights[..., None] * history.arrived, scale


def warnings(result, t):
    """Return one text a frame: empty, but for the round that was the end."""
    history = result.history
    if history.diverged is None:
        return ""
    text = t(f"warning_{history.cause}", n=history.diverged)
    return ("",) * history.rounds + (text,)


def notices(result, t):
    """Return what is to be seen in this state, and what to try next."""
    state = result.state
    if result.regime == "diverging":
        return (t("notice_diverging"), t("notice_diverging_try"))
    if result.regime == "edge":
        return (t("notice_edge"), t("notice_edge_try"))
    if result.regime == "one step" and state.local_steps == 1:
        return (t("notice_one_step"), t("notice_one_step_try"))
    gap = 0 if result.fixed_point is None else np.linalg.norm(result.fixed_point - result.optimum)
    if gap < 0.02:
        return (t("notice_together"), t("notice_together_try"))
    if state.local_steps > 1:
        say = t("notice_drift", e=state.local_steps, gap=f"{gap:.2f}")
        return (say, t("notice_drift_try"))
    return (t("notice_weights", gap=f"{gap:.2f}"), t("notice_weights_try"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    problem, weights = problem_of(state), weights_of(state)
    codec = {
        "float64": "None",
        "float16": 'fl.Cast("float16")',
        "int8": 'fl.Cast("int8", scale="max")',
        "int4": 'fl.Cast("int4", scale="max")',
    }[state.wire]

    def listed(array):
        return repr(np.asarray(array).tolist())

    return f"""import numpy as np
import fedlearn_edu as fl

problem = fl.Quadratics(
    curvatures={listed(problem.curvatures)},
    optima={listed(problem.optima)},
    counts={listed(problem.counts)},
)
weights = {listed(weights)}
history = fl.simulate(
    problem, {list(START.full(state)[0])}, {ROUNDS}, alpha={state.alpha},
    local_steps={state.local_steps}, weights=weights,
    factor={state.factor}, convention="{state.convention}", unscale={state.unscale},
    codec={codec}, fraction={state.fraction}, dropout={state.dropout},
    rng=np.random.default_rng({state.seed}),
)
print("theta", history.theta[-1])
print("distance", history.distance[-1])
print("bits", history.bits.sum())
"""


def table(result):
    """Return every round: θ, loss, distance, bits, and who took part."""
    history, n = result.history, result.state.participants
    header = ("round", "theta_1", "theta_2", "loss", "distance", "bits")
    header += tuple(f"took_part_{i + 1}" for i in range(n))
    rows = []
    for k, theta in enumerate(history.theta):
        bits = 0 if k == 0 else int(history.bits[k - 1])
        part = [0] * n if k == 0 else history.took_part[k - 1].astype(int)
        rows.append((k, *theta, history.loss[k], history.distance[k], bits, *part))
    return header, rows


STRINGS = {
    "title": ("Convergence", "收敛"),
    "summary": (
        "Watch the global parameters find their place",
        "看全局参数一步步找到归宿",
    ),
    "preset_unequal": ("All different", "各不相同"),
    "preset_agreement": ("Agreement", "想法一致"),
    "preset_one_step": ("One step", "一步到位"),
    "preset_over_the_edge": ("Over the edge", "越过临界"),
    "g_participants": ("Participants", "参与方"),
    "g_step": ("Step", "每一步"),
    "g_real_life": ("Real life", "现实情况"),
    "c_participants": ("Number", "数量"),
    "c_spread": ("Spread of optima", "最优点差异"),
    "h_spread": (
        "At 0 all participants have the same optimum; at 1 their optima lie far apart.",
        "取 0 时所有参与方的最优点重合；取 1 时相距很远。",
    ),
    "c_bend": ("Spread of curvature", "曲率差异"),
    "h_bend": (
        "At 0 every participant's loss is the same round bowl; "
        "at 1 some are steep, some long and narrow.",
        "取 0 时每个参与方的损失都像同样的圆碗；取 1 时有的陡峭，有的狭长。",
    ),
    "c_weighting": ("Weights", "权重"),
    "weighting_equal": ("equal", "相等"),
    "weighting_size": ("by size", "按样本数"),
    "weighting_hand": ("by hand", "手动"),
    "c_weights": ("Weight of each", "各自的权重"),
    "h_weights": ("They are divided by their sum.", "使用时会除以它们的总和。"),
    "c_counts": ("Examples of each", "各自的样本数"),
    "c_curvatures": ("Curvature of each", "各自的曲率"),
    "c_optima": ("Optimum of each", "各自的最优点"),
    "c_start": ("Start", "起点"),
    "c_alpha": ("Learning rate", "学习率"),
    "c_local_steps": ("Local steps", "本地步数"),
    "h_local_steps": (
        "E = 1 is FedSGD. With more it is FedAvg: "
        "each walks a few steps alone, then comes the average.",
        "E = 1 是 FedSGD；更多步就是 FedAvg：各自先独立走几步，再求平均。",
    ),
    "c_factor": ("Scaling factor", "缩放因子"),
    "c_convention": ("λ acts on", "λ 作用于"),
    "h_convention": (
        "Each update before it is sent; or, at the server, the mean, "
        "or the sum, which makes the step N times as long.",
        "发送前的每个更新；或者服务器上的平均值、总和。取总和，每一步就变成 N 倍长。",
    ),
    "convention_each": ("each", "每个更新"),
    "convention_mean": ("the mean", "平均值"),
    "convention_sum": ("the sum", "总和"),
    "c_unscale": ("Unscale at the server: ÷ λ", "服务器反缩放：÷ λ"),
    "c_wire": ("Numbers travel as", "传输格式"),
    "wire_float64": ("exact", "精确"),
    "wire_float16": ("float16", "float16"),
    "wire_int8": ("int8", "int8"),
    "wire_int4": ("int4", "int4"),
    "c_fraction": ("Share taking part", "参与比例"),
    "h_fraction": (
        "The server asks this fraction of the participants in each round.",
        "每一轮，服务器只邀请这个比例的参与方。",
    ),
    "c_dropout": ("Drop-out rate", "掉线率"),
    "c_seed": ("Seed", "随机种子"),
    "optimum": ("optimum", "最优点"),
    "optimum_of": ("optimum of participant {n}", "参与方 {n} 的最优点"),
    "start": ("start", "起点"),
    "off_map": ("off the map", "在图外"),
    "participant": ("participant", "参与方"),
    "describe_map": (
        "Loss landscape with {n} participants' optima, their local paths in the round shown, "
        "the path of the global parameters, the optimum (cross) and where the rounds settle "
        "(dashed ring).",
        "损失曲面：{n} 个参与方的最优点、所示轮次里各自的本地路径、全局参数的路径、"
        "最优点（叉号）和最后停下的地方（虚线圆圈）。",
    ),
    "describe_distance": (
        "Distance to the optimum by round, logarithmic; at the end {last}.",
        "到最优点的距离随轮次的变化，纵轴为对数刻度；最后是 {last}。",
    ),
    "card_step": ("Each round", "每一轮"),
    "card_distance": ("Distance to the optimum", "到最优点的距离"),
    "card_table": ("Round {frame}, added up", "第 {frame} 轮，逐项相加"),
    "axis_round": ("round", "轮次"),
    "column_part": ("part of the step", "对这一步的贡献"),
    "new_minus_old": ("new θ − old θ", "新 θ − 旧 θ"),
    "regime_one_step": ("one step", "一步到位"),
    "regime_converging": ("converging", "收敛"),
    "regime_slow": ("slow", "很慢"),
    "regime_oscillating": ("oscillating", "来回摆动"),
    "regime_edge": ("on the edge", "临界"),
    "regime_diverging": ("diverging", "发散"),
    "note_one_step": ("the error is gone after one round", "一轮之后，误差就没有了"),
    "note_converging": ("{percent} % of the error goes each round", "每一轮消去 {percent}% 的误差"),
    "note_edge": ("the error never shrinks", "误差不会变小"),
    "note_diverging": ("the error grows {factor}-fold each round", "每一轮误差变成 {factor} 倍"),
    "note_idealised": (
        " (if everybody took part and nothing were rounded)",
        "（假设每轮全员参与，且没有舍入）",
    ),
    "warning_limit": (
        "Round {n} was the end: the parameters passed 10⁹. "
        "The map does not stretch to follow them.",
        "第 {n} 轮中断：参数已经超过 10⁹。图的范围不会跟着放大。",
    ),
    "warning_local": (
        "Round {n} was the end: a participant's own steps overflowed.",
        "第 {n} 轮中断：有参与方在本地训练时，数值溢出了。",
    ),
    "warning_codec": (
        "Round {n} was the end: an update was too large for the numbers on the wire.",
        "第 {n} 轮中断：有更新超出了传输格式能表示的范围。",
    ),
    "notice_drift": (
        "With {e} local steps everybody first walks towards their own optimum. "
        "The rounds settle at the ring ◌, {gap} away from the optimum ✕.",
        "本地走 {e} 步，各参与方都先奔向自己的最优点。最后停在圆圈 ◌ 处，离最优点 ✕ 有 {gap}。",
    ),
    "notice_drift_try": ("Set E to 1. Where does the ring go?", "把 E 改成 1，圆圈会去哪里？"),
    "notice_together": (
        "The ring ◌ lies on the optimum ✕: "
        "the rounds settle at the optimum of all the data together.",
        "圆圈 ◌ 和最优点 ✕ 重合：最后停下的地方，正是全部数据合在一起时的最优点。",
    ),
    "notice_together_try": (
        "Raise E, or drag a participant away. When does the ring leave the cross?",
        "增大 E，或者把一个参与方拖远。圆圈什么时候离开叉号？",
    ),
    "notice_weights": (
        "These weights are not the participants' sizes: "
        "the rounds settle at the ring ◌, {gap} from the optimum ✕ of the pooled data.",
        "这些权重和样本数不成比例：最后停在圆圈 ◌ 处，离合并数据的最优点 ✕ 有 {gap}。",
    ),
    "notice_weights_try": ("Choose “by size”.", "改选“按样本数”试试。"),
    "notice_one_step": (
        "One round goes all the way: wherever you start, you are there in one step.",
        "一轮就走完全程：无论从哪里出发，一步就到。",
    ),
    "notice_one_step_try": (
        "Raise α towards 2. What happens to the path before it leaves the map?",
        "把 α 慢慢调向 2。路径跑出图之前会变成什么样？",
    ),
    "notice_edge": (
        "Every round jumps to the other side of where it should settle, exactly as far away.",
        "每一轮都跳到目标的对面，距离一点不变。",
    ),
    "notice_edge_try": ("Lower λ or α a little.", "把 λ 或 α 调小一点。"),
    "notice_diverging": (
        "Every round overshoots by more than it corrects: it multiplies the error by more than 1.",
        "每一轮都迈过了头，越走越远：误差每轮都乘上一个大于 1 的数。",
    ),
    "notice_diverging_try": (
        "Lower α, or λ instead. With E = 1, does it matter which of the two?",
        "先调小 α，再换成调小 λ。E = 1 时，两者的效果一样吗？",
    ),
}

LAB = Lab(
    name="convergence",
    order=4,
    minutes=10,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
    keeps=4,
)
