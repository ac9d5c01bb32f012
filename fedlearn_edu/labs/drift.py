"""Unequal data and client drift: FedAvg, FedProx and SCAFFOLD from the same start."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from fedlearn_edu import data, models
from fedlearn_edu.federation import FedAvg, Federation, FedProx, Plan, Run, Scaffold, simulate
from fedlearn_edu.labs.controls import Choice, Group, Seed, Slider
from fedlearn_edu.labs.convergence import (
    CURVATURES,
    GRID_X,
    GRID_Y,
    HIGH,
    OPTIMA,
    START,
    WIDE,
    hessians,
)
from fedlearn_edu.labs.lab import Lab, last
from fedlearn_edu.objectives import Quadratics
from fedlearn_edu.scene import (
    Axis,
    Chart,
    Column,
    Drag,
    Headline,
    Landscape,
    Lines,
    Points,
    Raster,
    Scene,
    Table,
    participant_color,
)

ROUNDS = 50
MOST_STEPS = 50
WALKED = 9  # points of a local path that are drawn
NAMES = ("FedAvg", "FedProx", "SCAFFOLD")
KEYS = ("fedavg", "fedprox", "scaffold")
LETTERS = ("A", "P", "S")
COLORS = ("ink", "k0", "k1")
WIDTHS, DASHES = (4.5, 2.5, 2), (False, True, False)
TOLD = 0.005  # a shorter drift is called none

EXAMPLES = 200  # of the training digits: few, so that three runs take a second
SIZES = (64, 10)
EVERY = 2  # rounds of each run until the next picture may come; a divisor of ROUNDS
GOAL = 85  # per cent


@dataclass(frozen=True)
class State:
    """All that a control can change; an empty table is filled from the seed."""

    world: str = "landscape"
    participants: int = 5
    spread: float = 0.9
    bend: float = 1.0
    curvatures: tuple = ()
    optima: tuple = ()
    start: tuple = ()
    beta: float = 0.1
    local_steps: int = 20
    alpha: float = 0.1
    mu: float = 1.0
    walks: str = "fedavg"
    fraction: float = 1.0
    seed: int = 77


ON_LANDSCAPE, ON_DIGITS = ("world", "landscape"), ("world", "digits")

CONTROLS = (
    Group(
        "participants",
        (
            Choice("world", ("landscape", "digits")),
            Slider("participants", 2, 20, symbol="N"),
            Slider("spread", 0, 1, 0.05, digits=2, when=ON_LANDSCAPE),
            Slider("bend", 0, 1.5, 0.05, digits=2, when=ON_LANDSCAPE),
            Slider("beta", 0.05, 10, 10, symbol="β", digits=2, scale="log", when=ON_DIGITS),
            replace(CURVATURES, when=ON_LANDSCAPE),
            OPTIMA,
            START,
        ),
    ),
    Group(
        "step",
        (
            Slider("local_steps", 1, MOST_STEPS, symbol="E"),
            Slider("alpha", 0.01, 0.25, 0.01, symbol="α", digits=2),
            Slider("mu", 0, 5, 0.1, symbol="μ", digits=1),
            Choice("walks", KEYS, when=ON_LANDSCAPE),
        ),
    ),
    Group("real_life", (Slider("fraction", 0.1, 1, 0.05, symbol="C", unit="%"), Seed())),
)

PRESETS = {
    "drift": {},
    "no_drift": {"local_steps": 1},
    "equal": {"bend": 0.0},
    "scaffold": {"local_steps": 8, "walks": "scaffold"},
    "too_many": {"local_steps": 50, "alpha": 0.2, "walks": "scaffold"},
    "digits": {"world": "digits", "participants": 10},
}


def algorithms(state):
    """Return the three, in the order in which they are drawn."""
    return FedAvg(), FedProx(state.mu), Scaffold()


# The landscape: everything is known exactly.


@dataclass(frozen=True, eq=False)
class Settling:
    """Three simulations on the same quadratic participants, and where each must end."""

    state: State
    problem: Quadratics
    histories: tuple
    optimum: np.ndarray
    ends: np.ndarray  # (3, 2), NaN where the rounds do not settle
    factors: np.ndarray  # (3,), of the error, a round
    wandering: np.ndarray  # (2, MOST_STEPS, 2), the ends of FedAvg and FedProx by E

    @property
    def gaps(self):
        """Distance from the optimum of where each ends, (3,); NaN if nowhere."""
        return np.linalg.norm(self.ends - self.optimum, axis=1)


def problem_of(state):
    """Return the participants of a state; each counts alike."""
    return Quadratics(hessians(state), OPTIMA.full(state))


def settle(state):
    """Run the three algorithms from one start and compute where each must end."""
    problem = problem_of(state)
    histories = tuple(
        simulate(
            problem,
            START.full(state)[0],
            ROUNDS,
            state.alpha,
            algorithm=algorithm,
            local_steps=state.local_steps,
            fraction=state.fraction,
            rng=np.random.default_rng(state.seed),
        )
        for algorithm in algorithms(state)
    )
    optimum, step = problem.optimum(), (state.alpha, state.local_steps)
    factors = np.array([
        problem.fedavg_factor(*step),
        problem.fedavg_factor(*step, mu=state.mu),
        problem.scaffold_factor(*step),
    ])  # fmt: skip
    wandering = np.array(
        [problem.fedavg_fixed_points(state.alpha, MOST_STEPS, mu=mu) for mu in (0, state.mu)]
    )
    ends = np.array([*wandering[:, state.local_steps - 1], optimum])
    ends[factors >= 1] = np.nan
    return Settling(state, problem, histories, optimum, ends, factors, wandering)


# The digits: measured.


@dataclass(frozen=True, eq=False)
class Training:
    """Three runs on the same digits; NaN for the rounds that are not made."""

    state: State
    counts: np.ndarray  # (N, 10) examples by label
    accuracy: np.ndarray  # (3, ROUNDS + 1), per cent
    loss: np.ndarray
    worst: np.ndarray  # per cent, of the participant for whom the model is worst
    kilobytes: np.ndarray  # (3,), up and down in a round of everybody
    done: bool

    @property
    def reached(self):
        """The first round at the goal, of each of the three; None if it never is."""
        return [_first(curve >= GOAL) for curve in self.accuracy]


def _first(hits):
    return int(np.argmax(hits)) if hits.any() else None


@lru_cache(maxsize=8)
def federation_of(participants, beta, seed):
    """Return the participants with their digits, how many of each label they have, and θ."""
    digits, rng = data.digits(), np.random.default_rng(seed)
    x, y = digits.x_train[:EXAMPLES], digits.y_train[:EXAMPLES]
    parts = data.dirichlet(y, participants, beta, rng)
    federation = Federation(x, y, parts, digits.x_test, digits.y_test)
    return federation, parts.counts, models.init(SIZES, rng)


def train(state):
    """Yield what there is of the three runs, after every few rounds of one of them."""
    federation, counts, theta = federation_of(state.participants, state.beta, state.seed)
    plans = [
        Plan(algorithm, state.alpha, epochs=state.local_steps, fraction=state.fraction)
        for algorithm in algorithms(state)
    ]
    runs = [
        Run(federation, plan, theta, np.random.default_rng(state.seed), keep=("locals",))
        for plan in plans
    ]
    for made in range(EVERY, ROUNDS + 1, EVERY):
        for run in runs:
            run.advance(EVERY, progress=False)
            yield measured(state, counts, runs, done=(made, run) == (ROUNDS, runs[-1]))


def measured(state, counts, runs, done):
    """Return what three runs have come to."""
    columns = np.full((3, 3, ROUNDS + 1), np.nan)
    kilobytes = np.zeros(3)
    for k, run in enumerate(runs):
        h = run.history
        made = len(h.rounds)
        columns[:, k, :made] = 100 * h.accuracy, h.loss, 100 * h.local_accuracy.min(axis=1)
        if made > 1:
            kilobytes[k] = (h.bits_up[0] + h.bits_down[0]) / 8000
    return Training(state, counts, *columns, kilobytes, done)


def grow(state):
    """Yield results: one on the landscape, one a round on the digits."""
    if state.world == "landscape":
        yield settle(state)
    else:
        yield from train(state)


def compute(state):
    """Run the three algorithms to their end."""
    return last(grow(state))


def draw(result, t, kept=()):
    """Return the picture of one of the two worlds."""
    if result.state.world == "digits":
        return draw_digits(result, t)
    return Scene(
        main=draw_map(result, t),
        cards=(
            draw_drift(result, t),
            draw_distance(result, t),
            draw_wandering(result, t),
            draw_table(result, t),
        ),
        notice=notices(result, t),
        frames=ROUNDS + 1,
        warning=warnings(result, t),
        start=-1,
        autoplay=True,
    )


def padded(array):
    """Return rounds of a history with NaN up to the last round."""
    return np.concatenate([array, np.full((ROUNDS + 1 - len(array), *array.shape[1:]), np.nan)])


def draw_map(result, t):
    """Return the landscape with three paths, and the local steps of one algorithm."""
    state, problem = result.state, result.problem
    numbers = [str(i + 1) for i in range(state.participants)]
    colors = tuple(participant_color(i) for i in range(state.participants))
    thetas = [padded(history.theta) for history in result.histories]
    marks = [
        Landscape(problem.loss_grid(GRID_X, GRID_Y), (-WIDE, WIDE), (-HIGH, HIGH)),
        Lines(result.wandering[:1], ("ink",), width=1, dots=1.6, opacity=0.55),
        Lines(walks(result), colors, width=1.5, dots=2.2, reveal="round"),
    ]
    marks += [
        Lines(theta[None], (color,), width, dash, reveal="trail")
        for theta, color, width, dash in zip(thetas, COLORS, WIDTHS, DASHES, strict=True)
    ]
    marks += [
        Points(result.optimum[None], ("error",), (8,), "cross", (t("optimum"),), edge=t("optimum")),
        Points(result.ends[:2], COLORS[:2], (15, 11), "ring"),
        Points(
            problem.optima, colors, (13,), "badge", tuple(numbers),
            Drag("optima", names=tuple(t("optimum_of", n=n) for n in numbers)),
        ),
        Points(
            thetas[0][:1], ("ink",), (4,), "dot", (t("start"),),
            Drag("start", names=(t("start"),)),
        ),
        heads(np.stack(thetas, axis=1), t("off_map")),
    ]  # fmt: skip
    return Chart(
        tuple(marks),
        Axis(-WIDE, WIDE, hidden=True),
        Axis(-HIGH, HIGH, hidden=True),
        describe=t("describe_map", n=state.participants, name=NAMES[KEYS.index(state.walks)]),
        equal=True,
    )


def heads(points, edge=""):
    """Return the three lettered discs at the ends of three paths; points (frames, 3, 2)."""
    order = [1, 2, 0]
    return Points(
        points[:, order],
        tuple(COLORS[k] for k in order),
        (9,),
        "badge",
        tuple(LETTERS[k] for k in order),
        glide=True,
        edge=edge,
    )


def walks(result):
    """Return the local paths of the algorithm chosen, a frame a round, (T + 1, N, n, 2)."""
    state = result.state
    local = result.histories[KEYS.index(state.walks)].local
    steps = np.linspace(0, state.local_steps, min(state.local_steps + 1, WALKED)).round()
    return padded(np.concatenate([np.full_like(local[:1], np.nan), local]))[:, :, steps.astype(int)]


def draw_drift(result, t):
    """Return how far from the optimum FedAvg ends."""
    gap, factor = result.gaps[0], result.factors[0]
    if factor >= 1:
        badge, tone = t("badge_diverging"), "bad"
        return Headline(t("card_drift"), f"ρ = {factor:.3g}", badge, tone, t("note_diverging"))
    tone = "good" if gap < TOLD else "warn"
    badge = t("badge_none") if gap < TOLD else t("badge_drift")
    mean = np.linalg.norm(result.problem.optima.mean(axis=0) - result.optimum)
    return Headline(t("card_drift"), f"{gap:.2f}", badge, tone, t("note_drift", mean=f"{mean:.2f}"))


FLOOR, CEILING = 1e-4, 30
CARD = 156  # pixels, so that four cards fit on a screen


def rounds_axis(t):
    """Return the axis of rounds, with room for the discs at its ends."""
    return Axis(-0.03 * ROUNDS, 1.04 * ROUNDS, t("axis_round"), integer=True)


def by_round(values):
    """Return curves over the rounds, (3, ROUNDS + 1, 2), of values (3, ROUNDS + 1)."""
    return np.stack([np.broadcast_to(np.arange(ROUNDS + 1.0), values.shape), values], axis=-1)


def three_lines(curves):
    """Return the three curves' marks and the discs that say which is which."""
    marks = [
        Lines(curve[None], (color,), width, dash)
        for curve, color, width, dash in zip(curves, COLORS, WIDTHS, DASHES, strict=True)
    ]
    return [*marks, heads(curves.transpose(1, 0, 2))]


def distances(result):
    """Return the distance to the optimum by round, (3, ROUNDS + 1)."""
    return np.array([padded(history.distance) for history in result.histories])


def draw_distance(result, t):
    """Return the distance to the optimum by round, and where it must end."""
    levels = [
        Lines(np.array([[[0, gap], [ROUNDS, gap]]]), (color,), width=1, dash=True)
        for gap, color in zip(result.gaps[:2], COLORS, strict=False)
        if gap > FLOOR
    ]
    now = distances(result)
    return Chart(
        (*levels, *three_lines(by_round(np.clip(now, FLOOR, 1e12)))),
        rounds_axis(t),
        Axis(FLOOR / 4, CEILING, scale="log"),
        title=t("card_distance"),
        height=CARD,
        describe=t("describe_distance", values=spoken(now[:, -1])),
    )


def spoken(values):
    """Return three numbers with their algorithms' names, as a list in words."""
    return " · ".join(
        f"{name} {'–' if np.isnan(value) else format(value, '.2g')}"
        for name, value in zip(NAMES, values, strict=True)
    )


def draw_wandering(result, t):
    """Return how far from the optimum the rounds end, for every number of local steps."""
    steps = np.arange(1.0, MOST_STEPS + 1)
    gaps = np.linalg.norm(result.wandering - result.optimum, axis=-1)
    curves = [np.stack([steps, gap], axis=1) for gap in gaps]
    curves.append(np.array([[1.0, 0], [MOST_STEPS, 0]]))
    e = result.state.local_steps
    here = np.array([curves[1][e - 1], [e, 0], curves[0][e - 1]])
    top = min(max(0.5, 1.15 * np.nanmax(gaps)), WIDE)
    marks = [
        Lines(curve[None], (color,), width, dash)
        for curve, color, width, dash in zip(curves, COLORS, WIDTHS, DASHES, strict=True)
    ]
    colors, letters = ([row[k] for k in (1, 2, 0)] for row in (COLORS, LETTERS))
    return Chart(
        (*marks, Points(here, tuple(colors), (9,), "badge", tuple(letters))),
        Axis(0, 1.04 * MOST_STEPS, t("axis_steps"), integer=True),
        Axis(-0.1 * top, top),
        title=t("card_wandering"),
        height=CARD,
        describe=t("describe_wandering", values=spoken(result.gaps)),
    )


def draw_table(result, t):
    """Return where each is, where it must end, and how fast; no rounding errors."""
    now = distances(result).T
    return Table(
        title=t("card_table"),
        rows=tuple(f"{letter} {name}" for letter, name in zip(LETTERS, NAMES, strict=True)),
        colors=COLORS,
        columns=(
            Column(t("column_distance"), np.where(now < 1e-12, 0, now), digits=3, significant=True),
            Column(t("column_end"), result.gaps, digits=2),
            Column(t("column_factor"), result.factors, digits=3),
        ),
    )


def warnings(result, t):
    """Return which algorithms have left every bound, and when."""
    ends = [(h.diverged, name) for h, name in zip(result.histories, NAMES, strict=True)]
    return " ".join(t("warning_diverged", name=name, n=n) for n, name in ends if n is not None)


def notices(result, t):
    """Return what is to be seen in this state, and what to try next."""
    state, gaps = result.state, result.gaps
    if (result.factors >= 1).any():
        worst = int(np.argmax(result.factors))
        return (t("notice_diverging", name=NAMES[worst]), t("notice_diverging_try"))
    if state.local_steps == 1:
        say = "notice_one_step" if state.fraction == 1 else "notice_one_step_some"
        return (t(say), t("notice_one_step_try"))
    if gaps[0] < TOLD:
        equal = np.allclose(result.problem.curvatures, result.problem.curvatures[0])
        if equal:
            return (t("notice_equal", e=state.local_steps), t("notice_equal_try"))
        return (t("notice_agreed"), t("notice_agreed_try"))
    say = t("notice_drift", e=state.local_steps, fedavg=f"{gaps[0]:.2f}", fedprox=f"{gaps[1]:.2f}")
    if state.fraction < 1:
        return (say, t("notice_some"))
    if result.factors[2] > 0.85:
        slow = t("notice_slow", percent=f"{100 * (1 - result.factors[2]):.0f}", e=state.local_steps)
        return (say, slow)
    return (say, t("notice_scaffold") if state.walks == "scaffold" else t("notice_drift_try"))


def draw_digits(result, t):
    """Return accuracy by round, who has which digits, and the three in numbers."""
    goal = np.array([[[0, GOAL], [ROUNDS, GOAL]]])
    main = Chart(
        (
            Lines(goal, ("soft",), width=1, dash=True),
            *three_lines(by_round(result.accuracy)),
        ),
        rounds_axis(t),
        Axis(
            0, 104, t("axis_accuracy"), ticks=tuple((k, str(k)) for k in (0, 20, 40, 60, GOAL, 100))
        ),
        describe=t("describe_accuracy", values=spoken(_latest(result.accuracy))),
    )
    return Scene(
        main=main,
        cards=(
            draw_reached(result, t), draw_loss(result, t),
            draw_labels(result, t), draw_measures(result, t),
        ),
        notice=digits_notices(result, t),
        frames=ROUNDS + 1,
        warning=digits_warning(result, t),
        start=-1,
    )  # fmt: skip


def _latest(curves):
    """Return the last value of each curve that is there."""
    return np.array([curve[~np.isnan(curve)][-1] for curve in curves])


def reached_texts(result):
    """Return the rounds to the goal, as a learner reads them."""
    unknown = f"> {ROUNDS}" if result.done else "…"
    return [unknown if n is None else str(n) for n in result.reached]


def alike(result):
    """Whether the three runs are one and the same, but for rounding."""
    return bool(np.nanmax(np.ptp(result.loss, axis=0)) < 1e-3)


def draw_reached(result, t):
    """Return after how many rounds FedAvg and SCAFFOLD are good enough."""
    a, p, s = reached_texts(result)
    if not result.done:
        badge, tone = t("badge_training"), "plain"
    elif alike(result):
        badge, tone = t("badge_alike"), "good"
    else:
        rank = [ROUNDS + 1 if n is None else n for n in result.reached]
        winner = [name for n, name in zip(rank, NAMES, strict=True) if n == min(rank)]
        ahead = len(winner) == 1
        badge = t("badge_ahead", name=winner[0]) if ahead else t("badge_level")
        tone = "good" if ahead else "plain"
    note = t("note_reached", fedprox=p)
    return Headline(t("card_reached", goal=GOAL), f"{a} → {s}", badge, tone, note)


def draw_loss(result, t):
    """Return the loss on the test digits by round."""
    return Chart(
        tuple(three_lines(by_round(np.clip(result.loss, 0, 1e6)))),
        rounds_axis(t),
        Axis(0, 2.8),
        title=t("card_loss"),
        height=CARD,
        describe=t("describe_loss", values=spoken(_latest(result.loss))),
    )


def draw_labels(result, t):
    """Return how many examples of each digit each participant has, as squares."""
    n = len(result.counts)
    shares = result.counts / result.counts.sum(axis=1, keepdims=True)
    every = 1 if n <= 6 else 5
    rows = tuple((i + 0.5, str(i + 1)) for i in range(n) if (i + 1) % every == 0 or i == 0)
    return Chart(
        (Raster(shares[None], np.array([[0, 0, 10, n]]), ("paper", "accent")),),
        Axis(0, 10, t("axis_digit"), ticks=tuple((k + 0.5, str(k)) for k in range(10))),
        Axis(n, 0, ticks=rows),
        title=t("card_labels"),
        height=CARD,
        describe=t("describe_labels", percent=f"{100 * shares.max(axis=1).mean():.0f}"),
    )


def draw_measures(result, t):
    """Return accuracy, the worst-off participant and the price of a round."""
    return Table(
        title=t("card_table"),
        rows=tuple(f"{letter} {name}" for letter, name in zip(LETTERS, NAMES, strict=True)),
        colors=COLORS,
        columns=(
            Column(t("column_accuracy"), result.accuracy.T, digits=1, unit=" %"),
            Column(t("column_worst"), result.worst.T, digits=0, unit=" %"),
            Column(t("column_kilobytes"), result.kilobytes, digits=1),
        ),
    )


def digits_warning(result, t):
    """Return which runs have left every bound."""
    made = (~np.isnan(result.accuracy)).sum(axis=1)
    if not result.done or made.min() > ROUNDS:
        return ""
    gone = [(n, name) for n, name in zip(made, NAMES, strict=True) if n <= ROUNDS]
    return " ".join(t("warning_diverged", name=name, n=n) for n, name in gone)


def digits_notices(result, t):
    """Return what is to be seen on the digits, and what to try next."""
    if result.state.local_steps == 1 and result.state.fraction == 1:
        return (t("notice_digits_alike"), t("notice_digits_alike_try"))
    a, p, s = reached_texts(result)
    say = t("notice_digits", goal=GOAL, fedavg=a, fedprox=p, scaffold=s)
    if result.state.beta > 2:
        return (say, t("notice_digits_even"))
    return (say, t("notice_digits_try"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    return _code_digits(state) if state.world == "digits" else _code_landscape(state)


def _code_landscape(state):
    problem = problem_of(state)
    return f"""import numpy as np
import fedlearn_edu as fl

problem = fl.Quadratics(
    curvatures={problem.curvatures.tolist()!r},
    optima={problem.optima.tolist()!r},
)
for algorithm in (fl.FedAvg(), fl.FedProx({state.mu}), fl.Scaffold()):
    history = fl.simulate(
        problem, {list(START.full(state)[0])}, {ROUNDS}, alpha={state.alpha},
        algorithm=algorithm, local_steps={state.local_steps},
        fraction={state.fraction}, rng=np.random.default_rng({state.seed}),
    )
    print(type(algorithm).__name__, "distance", history.distance[-1])
print("optimum", problem.optimum())
for mu in (0, {state.mu}):
    factor = problem.fedavg_factor({state.alpha}, {state.local_steps}, mu=mu)
    print("mu", mu, "factor", factor)
    if factor < 1:
        end = problem.fedavg_fixed_point({state.alpha}, {state.local_steps}, mu=mu)
        print("mu", mu, "ends", np.linalg.norm(end - problem.optimum()))
print("SCAFFOLD factor", problem.scaffold_factor({state.alpha}, {state.local_steps}))
"""


def _code_digits(state):
    return f"""import numpy as np
import fedlearn_edu as fl

digits, rng = fl.data.digits(), np.random.default_rng({state.seed})
x, y = digits.x_train[:{EXAMPLES}], digits.y_train[:{EXAMPLES}]
parts = fl.data.dirichlet(y, {state.participants}, {state.beta}, rng)
federation = fl.Federation(x, y, parts, digits.x_test, digits.y_test)
theta = fl.models.init({SIZES}, rng)
for algorithm in (fl.FedAvg(), fl.FedProx({state.mu}), fl.Scaffold()):
    plan = fl.Plan(
        algorithm, {state.alpha}, epochs={state.local_steps}, fraction={state.fraction}
    )
    run = fl.train(federation, plan, theta, {ROUNDS}, np.random.default_rng({state.seed}))
    print(type(algorithm).__name__, "accuracy", 100 * run.history.accuracy[-1])
"""


def table(result):
    """Return every round: of each algorithm θ and its distance, or accuracy and loss."""
    if result.state.world == "digits":
        parts = {"accuracy": result.accuracy, "loss": result.loss, "worst": result.worst}
    else:
        thetas = np.array([padded(history.theta) for history in result.histories])
        parts = {
            "theta_1": thetas[..., 0],
            "theta_2": thetas[..., 1],
            "distance": distances(result),
        }
    header = ("round", *(f"{key}_{part}" for key in KEYS for part in parts))
    columns = [parts[part][k] for k in range(3) for part in parts]
    return header, [(k, *(column[k] for column in columns)) for k in range(ROUNDS + 1)]


STRINGS = {
    "title": ("Unequal data and drift", "数据异质与漂移"),
    "summary": (
        "Why longer local training ends in the wrong place, and what helps",
        "本地训练得越久，为什么越容易停错地方，怎样补救",
    ),
    "preset_drift": ("Drift", "漂移"),
    "preset_no_drift": ("E = 1: no drift", "E = 1：没有漂移"),
    "preset_equal": ("Equal curvatures", "曲率相同"),
    "preset_scaffold": ("SCAFFOLD sees through it", "SCAFFOLD 不上当"),
    "preset_too_many": ("Too many steps", "步数过多"),
    "preset_digits": ("Digits by label", "按标签分的数字"),
    "g_participants": ("Participants", "参与方"),
    "g_step": ("Local training", "本地训练"),
    "g_real_life": ("Real life", "现实情况"),
    "c_world": ("Shown on", "场景"),
    "h_world": (
        "On the landscape everything is known exactly. "
        "On the digits the same three algorithms train a real model: "
        "softmax regression on 200 handwritten digits, tested on 359 others.",
        "选损失曲面，一切都有精确答案。选手写数字，同样的三种算法就来训练一个真实的模型："
        "用 200 个手写数字训练 softmax 回归，在另外 359 个上测试。",
    ),
    "world_landscape": ("landscape", "损失曲面"),
    "world_digits": ("digits", "手写数字"),
    "c_participants": ("Number", "数量"),
    "c_spread": ("Spread of optima", "最优点差异"),
    "h_spread": (
        "At 0 all participants have the same optimum; at 1 their optima lie far apart.",
        "取 0 时所有参与方的最优点重合；取 1 时相距很远。",
    ),
    "c_bend": ("Spread of curvature", "曲率差异"),
    "h_bend": (
        "At 0 every participant's loss is the same round bowl; "
        "the higher, the more some are steep and others long and narrow.",
        "取 0 时，各方的损失都是同样的圆碗；越大，碗就越不一样，有的陡峭，有的狭长。",
    ),
    "c_curvatures": ("Curvature of each", "各自的曲率"),
    "c_optima": ("Optimum of each", "各自的最优点"),
    "c_start": ("Start", "起点"),
    "c_beta": ("Evenness of labels", "标签的均匀程度"),
    "h_beta": (
        "The β of a Dirichlet distribution. "
        "Small: each participant has only a few of the ten digits. Large: all have all.",
        "狄利克雷分布的 β。小：每个参与方只有十种数字里的几种；大：人人各种都有。",
    ),
    "c_local_steps": ("Local steps", "本地步数"),
    "h_local_steps": (
        "Each step uses all examples of the participant.",
        "每一步都用上该参与方的全部样本。",
    ),
    "c_alpha": ("Learning rate", "学习率"),
    "c_mu": ("Pull of FedProx", "FedProx 的拉力"),
    "h_mu": (
        "FedProx adds μ (θᵢ − θ) to each gradient: a spring back to the server's parameters. "
        "With μ = 0 it is FedAvg.",
        "FedProx 给每个梯度加上 μ (θᵢ − θ)：像弹簧一样把参与方拉回服务器的参数。"
        "μ = 0 时就是 FedAvg。",
    ),
    "c_walks": ("Local steps shown", "显示谁的本地路径"),
    "walks_fedavg": ("FedAvg", "FedAvg"),
    "walks_fedprox": ("FedProx", "FedProx"),
    "walks_scaffold": ("SCAFFOLD", "SCAFFOLD"),
    "c_fraction": ("Share taking part", "参与比例"),
    "h_fraction": (
        "The server asks this fraction of the participants in each round.",
        "每一轮，服务器只邀请这个比例的参与方。",
    ),
    "c_seed": ("Seed", "随机种子"),
    "optimum": ("optimum", "最优点"),
    "optimum_of": ("optimum of participant {n}", "参与方 {n} 的最优点"),
    "start": ("start", "起点"),
    "off_map": ("off the map", "在图外"),
    "describe_map": (
        "Loss landscape with {n} participants' optima, the paths of FedAvg (A), FedProx (P) and "
        "SCAFFOLD (S), the local steps of {name} in the round shown, the optimum (cross), where "
        "FedAvg and FedProx end (dashed rings), and where FedAvg would end with other numbers of "
        "local steps (thin dotted line).",
        "损失曲面：{n} 个参与方的最优点，FedAvg（A）、FedProx（P）和 SCAFFOLD（S）的路径，"
        "所示轮次里 {name} 的本地路径，最优点（叉号），FedAvg 和 FedProx 最后停下的地方"
        "（虚线圆圈），以及本地步数不同时 FedAvg 会停在哪里（带点的细线）。",
    ),
    "describe_distance": (
        "Distance to the optimum by round, logarithmic; at the end {values}.",
        "到最优点的距离随轮次的变化，纵轴为对数刻度；最后：{values}。",
    ),
    "describe_wandering": (
        "How far from the optimum the rounds end, for 1 to 50 local steps; here {values}.",
        "本地步数从 1 到 50 时，最后停在离最优点多远的地方；此处：{values}。",
    ),
    "describe_accuracy": (
        "Accuracy on the test digits by round, in per cent; at the end {values}.",
        "测试集准确率（%）随轮次的变化；最后：{values}。",
    ),
    "describe_loss": (
        "Loss on the test digits by round; at the end {values}.",
        "测试集损失随轮次的变化；最后：{values}。",
    ),
    "describe_labels": (
        "Who has which digits, a row a participant; "
        "on average the most frequent digit makes up {percent} % of a participant's examples.",
        "谁有哪些数字，每行一个参与方；平均来看，最多的那个数字占参与方样本的 {percent}%。",
    ),
    "card_drift": ("FedAvg ends beside the optimum by", "FedAvg 停下的地方离最优点"),
    "card_distance": ("Distance to the optimum", "到最优点的距离"),
    "card_wandering": ("Where it ends, by local steps", "本地步数与最后的偏差"),
    "card_table": ("Round {frame}", "第 {frame} 轮"),
    "card_reached": (
        "Rounds to {goal} %: FedAvg → SCAFFOLD",
        "达到 {goal}% 的轮数：FedAvg → SCAFFOLD",
    ),
    "card_loss": ("Loss on the test digits", "测试集损失"),
    "card_labels": ("Who has which digits", "谁有哪些数字"),
    "axis_round": ("round", "轮次"),
    "axis_steps": ("local steps E", "本地步数 E"),
    "axis_accuracy": ("accuracy, %", "准确率（%）"),
    "axis_digit": ("digit", "数字"),
    "column_distance": ("distance", "距离"),
    "column_end": ("ends at", "终点"),
    "column_factor": ("ρ a round", "每轮 ρ"),
    "column_accuracy": ("accuracy", "准确率"),
    "column_worst": ("worst-off", "最差一方"),
    "column_kilobytes": ("kB a round", "每轮 kB"),
    "badge_none": ("no drift", "没有漂移"),
    "badge_drift": ("drift", "漂移"),
    "badge_diverging": ("diverging", "发散"),
    "note_drift": (
        "E → ∞: {mean}, the plain mean of all optima",
        "E → ∞ 时为 {mean}，即各方最优点的平均",
    ),
    "note_diverging": (
        "each round multiplies the error by more than 1",
        "每一轮都把误差乘上一个大于 1 的数",
    ),
    "badge_training": ("training", "训练中"),
    "badge_alike": ("all alike", "三者相同"),
    "badge_ahead": ("{name} first", "{name} 最快"),
    "badge_level": ("level", "不分先后"),
    "note_reached": (
        "FedProx: {fedprox}",
        "FedProx：{fedprox}",
    ),
    "warning_diverged": (
        "{name} left every bound in round {n}.",
        "{name} 在第 {n} 轮发散，超出了一切界限。",
    ),
    "notice_drift": (
        "With {e} local steps everybody heads home, those with steep losses faster: "
        "FedAvg ends {fedavg} from the optimum ✕, at its ring ◌, FedProx {fedprox}, SCAFFOLD 0.",
        "本地走 {e} 步，各方都奔向自己的最优点，曲率大的更快："
        "FedAvg 停在圆圈 ◌ 处，离最优点 ✕ 有 {fedavg}，FedProx 有 {fedprox}，SCAFFOLD 为 0。",
    ),
    "notice_drift_try": (
        "Show SCAFFOLD's local steps instead: in the first round they are FedAvg's. And then?",
        "改为显示 SCAFFOLD 的本地路径：第一轮和 FedAvg 一样，后来呢？",
    ),
    "notice_scaffold": (
        "Go through the rounds: SCAFFOLD learns how each slope differs from the common one, "
        "and takes that off. Soon all walk together.",
        "逐轮看下去：SCAFFOLD 学会了每一方的坡度与整体差多少，并把这个差减掉。"
        "不久，大家就朝同一个方向走了。",
    ),
    "notice_slow": (
        "But {e} steps make SCAFFOLD slow: it loses only {percent} % of its error a round. "
        "Find the E at which it is fastest.",
        "不过，本地走 {e} 步，连 SCAFFOLD 也慢了：每轮只消去 {percent}% 的误差。"
        "找找看，E 取多少时它最快？",
    ),
    "notice_some": (
        "Not everybody takes part, so the paths tremble; on average they still end at the rings. "
        "Set C to 100 %.",
        "每轮只有一部分参与方，路径会抖动；平均来看，仍然停在圆圈处。把 C 调到 100%。",
    ),
    "notice_one_step": (
        "With one local step nobody has the time to drift: "
        "all three take the same path, to the optimum ✕ itself.",
        "只走一步，谁也来不及漂移：三种算法走的是同一条路，终点就是最优点 ✕。",
    ),
    "notice_one_step_some": (
        "With one local step FedAvg and FedProx are the same. "
        "Only some take part in a round, so their paths tremble about the optimum ✕.",
        "只走一步，FedAvg 和 FedProx 完全一样。每轮只有一部分参与方，路径就在最优点 ✕ 周围抖动。",
    ),
    "notice_one_step_try": (
        "Raise E slowly. Where does FedAvg's ring ◌ go?",
        "慢慢增大 E，FedAvg 的圆圈 ◌ 往哪里走？",
    ),
    "notice_equal": (
        "The participants disagree, everybody makes {e} local steps, and still there is no drift: "
        "with equal curvatures all cover the same share of their way, and the mean stays right.",
        "各方意见不一，又各走了 {e} 步，却没有漂移：曲率相同，"
        "每一方都走完自己路程的同样比例，平均起来就没有偏差。",
    ),
    "notice_equal_try": (
        "Drag participants wherever you like. Then change the curvature of a single one.",
        "随意拖动参与方试试，再改变其中一个的曲率。",
    ),
    "notice_agreed": (
        "FedAvg's ring ◌ lies on the optimum ✕: what the participants want differs too little, "
        "or by chance evens out.",
        "FedAvg 的圆圈 ◌ 和最优点 ✕ 重合：各方的目标差别太小，或者恰好互相抵消。",
    ),
    "notice_agreed_try": (
        "Raise both spreads, or drag a participant away.",
        "增大两个差异，或者把一个参与方拖远。",
    ),
    "notice_diverging": (
        "{name} overshoots: its local steps, or what it remembers of them, are too long.",
        "{name} 迈过了头：本地步子太大，或者它记下的修正太大。",
    ),
    "notice_diverging_try": (
        "Lower α, or μ: a strong spring needs small steps.",
        "调小 α 或 μ：弹簧越硬，步子就要越小。",
    ),
    "notice_digits": (
        "To {goal} % FedAvg needs {fedavg} rounds, FedProx {fedprox}, SCAFFOLD {scaffold}. "
        "SCAFFOLD sends twice as much in each.",
        "达到 {goal}%，FedAvg 要 {fedavg} 轮，FedProx 要 {fedprox} 轮，SCAFFOLD 要 {scaffold} 轮。"
        "不过 SCAFFOLD 每轮传输的数据是两倍。",
    ),
    "notice_digits_try": (
        "Raise β until everybody has all the digits. What is left of the difference?",
        "增大 β，直到人人各种数字都有。三者的差别还剩多少？",
    ),
    "notice_digits_even": (
        "Everybody has nearly the same digits: little drift, little to correct. Lower β again.",
        "各方的数字几乎一样：漂移很小，也就没有多少可纠正的。再把 β 调小。",
    ),
    "notice_digits_alike": (
        "With one local step the three are the same, number for number, on real data too.",
        "只走一步，就算换成真实数据，三种算法算出的每个数也都相同。",
    ),
    "notice_digits_alike_try": (
        "Raise E: every round does more, and the three part.",
        "增大 E：每轮进步更多，三者也就分道扬镳了。",
    ),
}

LAB = Lab(
    name="drift",
    order=6,
    minutes=12,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
    grow=grow,
)
