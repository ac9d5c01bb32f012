"""Playground: points in the plane, and a model that many participants train on them together."""

from dataclasses import dataclass, field

import numpy as np

from fedlearn_edu import data, models, planar
from fedlearn_edu.federation import (
    FedAdam,
    FedAvg,
    Federation,
    FedProx,
    Plan,
    Run,
    Scaffold,
)
from fedlearn_edu.labs.controls import Choice, Group, Paint, Seed, Slider, Toggle
from fedlearn_edu.labs.lab import Lab, last
from fedlearn_edu.scene import (
    Areas,
    Axis,
    Chart,
    Headline,
    Lines,
    Points,
    Raster,
    Scene,
    Texts,
    overlaid,
)

ROUNDS, EVERY = 60, 4  # rounds of a run; a growing run is shown after every so many
TRAIN, TEST, LEAST, BATCH = 320, 200, 3, 10
WIDE, HIGH = 3.6, 2.4  # the plane is [-WIDE, WIDE] × [-HIGH, HIGH]
COLUMNS, ROWS = 48, 32  # of the decision surface
HIDDEN = {"none": (), "one": (8,), "two": (8, 8), "wide": (16, 16)}
CLASS_COLORS, CLASS_SHAPES = ("p0", "p1"), ("dot", "triangle")
SURFACE = {"low": -190.0, "high": 445.0}  # 0 … 255 lies in the pale middle of the colours
MOST_LOSS = 1.2


@dataclass(frozen=True)
class State:
    """All that a control can change."""

    dataset: str = "moons"
    noise: float = 0.2
    participants: int = 8
    beta: float = 0.3
    skew: float = 0.0
    who: int = 1
    label: str = "dot"
    paint: tuple = ()
    algorithm: str = "fedavg"
    mu: float = 0.1
    rate: float = 0.03
    alpha: float = 0.1
    epochs: int = 2
    hidden: str = "two"
    squares: bool = False
    fraction: float = 1.0
    dropout: float = 0.0
    weighted: bool = True
    seed: int = 7


DRAWN = ("dataset", *planar.SETS)  # not where all points are painted
WHO = Slider("who", 1, 54, symbol="i", limit="participants")
LABEL = Choice("label", CLASS_SHAPES)
PAINT = Paint("paint", (-WIDE, WIDE), (-HIGH, HIGH), (WHO, LABEL))

CONTROLS = (
    Group(
        "data",
        (
            Choice("dataset", (*planar.SETS, "blank")),
            Slider("noise", 0, 0.8, 0.05, digits=2, when=DRAWN),
            Slider("participants", 2, 54, symbol="N"),
            Slider("beta", 0.01, 100, 4, symbol="β", scale="log", when=DRAWN),
            Slider("skew", 0, 2, 0.1, digits=1, when=DRAWN),
        ),
    ),
    Group("paint", (WHO, LABEL, PAINT), place="stage"),
    Group(
        "training",
        (
            Choice("algorithm", ("fedavg", "fedprox", "fedadam", "scaffold")),
            Slider("mu", 0.001, 1, 6, symbol="μ", scale="log", when=("algorithm", "fedprox")),
            Slider("rate", 0.001, 1, 6, symbol="η", scale="log", when=("algorithm", "fedadam")),
            Slider("alpha", 0.001, 1, 6, symbol="α", scale="log"),
            Slider("epochs", 1, 10, symbol="E"),
            Choice("hidden", tuple(HIDDEN)),
            Toggle("squares"),
        ),
    ),
    Group(
        "real_life",
        (
            Slider("fraction", 0.05, 1, 0.05, symbol="C", unit="%"),
            Slider("dropout", 0, 0.9, 0.05, unit="%"),
            Toggle("weighted"),
            Seed(),
        ),
    ),
)


def wrong_points():
    """Return points of class 1 all over the upper moon, painted for participant 1."""
    angles = np.linspace(0.1, 0.9, 36) * np.pi
    return tuple(
        (round(r * np.cos(a) - 0.8, 2) + 0.0, round(r * np.sin(a) - 0.4, 2) + 0.0, 1, 1)
        for a in angles.tolist()
        for r in (1.4, 1.6, 1.8)
    )


PRESETS = {
    "moons": {},
    "one_sided": {"dataset": "circles", "beta": 0.02, "epochs": 10, "seed": 3},
    "crowd": {"dataset": "xor", "participants": 54, "fraction": 0.2, "dropout": 0.3, "skew": 1.0},
    "wrong": {"paint": wrong_points()},
    "spiral": {"dataset": "spiral", "noise": 0.05, "hidden": "wide", "alpha": 0.316, "beta": 1.0},
}


def examples(state):
    """Return everybody's points, their classes, who holds each, and the points for testing."""
    for_data, for_parts, *_ = np.random.default_rng(state.seed).spawn(4)
    x, y = np.zeros((0, 2), np.float32), np.zeros(0, int)
    owner, test = np.zeros(0, int), None
    if state.dataset != "blank":
        x, y = planar.SETS[state.dataset](TRAIN, for_data, state.noise)
        test = planar.SETS[state.dataset](TEST, for_data, state.noise)
        sizes = data.skewed_sizes(TRAIN, state.participants, state.skew, LEAST)
        parts = data.dirichlet(y, state.participants, state.beta, for_parts, sizes=sizes)
        owner = np.empty(TRAIN, int)
        for i, rows in enumerate(parts.indices):
            owner[rows] = i
    painted = np.array([p for p in state.paint if p[2] <= state.participants]).reshape(-1, 4)
    x = np.vstack([x, painted[:, :2].astype(np.float32)])
    y = np.append(y, painted[:, 3].astype(int))
    return x, y, np.append(owner, painted[:, 2].astype(int) - 1), test


def features(state, x):
    """Return what the model gets to see of the points."""
    return planar.with_squares(x) if state.squares else x


def algorithm_of(state):
    """Return the algorithm with its own parameter."""
    return {
        "fedavg": FedAvg(),
        "fedprox": FedProx(state.mu),
        "fedadam": FedAdam(state.rate),
        "scaffold": Scaffold(),
    }[state.algorithm]


def run_of(state, x, y, owner, test):
    """Return the run at its start, its model, and who takes part: those that have points."""
    present = np.unique(owner)
    *_, for_model, for_run = np.random.default_rng(state.seed).spawn(4)
    sizes = (5 if state.squares else 2, *HIDDEN[state.hidden], 2)
    theta = models.init(sizes, for_model)
    if not len(present):
        return None, theta, present
    parts = [np.flatnonzero(owner == i) for i in present]
    tests = () if test is None else (features(state, test[0]), test[1])
    federation = Federation(features(state, x), y, parts, *tests)
    plan = Plan(
        algorithm_of(state),
        alpha=state.alpha,
        epochs=state.epochs,
        batch=BATCH,
        fraction=state.fraction,
        dropout=state.dropout,
        weights="size" if state.weighted else "equal",
    )
    watch = int(np.searchsorted(present, state.who - 1)) if state.who - 1 in present else None
    keep = ("locals", "participation", "weights")
    return Run(federation, plan, theta, for_run, keep=keep, watch=watch), theta, present


def grid(state):
    """Return the middles of the surface's squares, row by row from below, as the model's input."""
    across = WIDE * (2 * (np.arange(COLUMNS) + 0.5) / COLUMNS - 1)
    up = HIGH * (2 * (np.arange(ROWS) + 0.5) / ROWS - 1)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return features(state, points.astype(np.float32))


def surface(theta, points):
    """Return how likely class 1 is at each point of the grid, 0 … 255."""
    with np.errstate(all="ignore"):
        scores = models.logits(theta, points)
        likely = 1 / (1 + np.exp(scores[:, 0] - scores[:, 1]))  # the softmax of two classes
    likely[np.isnan(likely)] = 0.5
    return np.rint(255 * likely).astype(np.uint8).reshape(ROWS, COLUMNS)


@dataclass(frozen=True, eq=False)
class Result:
    """A run so far, round by round; K frames for K − 1 rounds."""

    state: State
    x: np.ndarray
    y: np.ndarray
    owner: np.ndarray
    loss: np.ndarray  # (K,)
    accuracy: np.ndarray  # (K,)
    locals: np.ndarray  # (K, 3) least, mean and greatest loss of the participants
    took_part: np.ndarray  # (K − 1, N)
    kilobytes: np.ndarray  # (K,) since the start
    surfaces: np.ndarray  # (K, ROWS, COLUMNS) of θ
    own: np.ndarray  # (K, ROWS, COLUMNS) of the chosen participant's last model
    trained: np.ndarray  # (K,) in which round that was; 0 for none
    over: bool  # whether there are no more rounds to come
    diverged: int | None = None

    @property
    def frames(self):
        """Number of frames."""
        return len(self.trained)

    @property
    def missing(self):
        """Whether nobody has a point."""
        return not len(self.y)


@dataclass
class Pictures:
    """The surfaces of a run, as they come."""

    points: np.ndarray
    surfaces: np.ndarray = field(
        default_factory=lambda: np.empty((ROUNDS + 1, ROWS, COLUMNS), "u1")
    )
    own: np.ndarray = field(default_factory=lambda: np.empty((ROUNDS + 1, ROWS, COLUMNS), "u1"))
    trained: list = field(default_factory=list)

    def add(self, theta, local=None):
        """Draw the model after a round, and the participant's; or its last one, if it has none."""
        k = len(self.trained)
        self.surfaces[k] = surface(theta, self.points)
        if local is not None:
            self.own[k] = surface(local, self.points)
        else:
            self.own[k] = self.own[k - 1] if k else self.surfaces[k]
        self.trained.append(k if local is not None else self.trained[-1] if k else 0)


def grow(state):
    """Yield the run after every few rounds, and at last the whole."""
    x, y, owner, test = examples(state)
    run, theta, present = run_of(state, x, y, owner, test)
    pictures = Pictures(grid(state))
    pictures.add(theta)
    if run is None:
        yield _nothing(state, x, y, owner, pictures)
        return
    while run.round < ROUNDS and not run.diverged:
        done = run.round
        run.advance(EVERY, progress=False)
        models, own = run.history.weights[done + 1 :], run.history.watched[done:]
        for theta, local in zip(models, own or [None] * EVERY, strict=False):
            pictures.add(theta, local)
        over = run.round == ROUNDS or bool(run.diverged)
        yield _result(state, x, y, owner, run, present, pictures, over)


def _nothing(state, x, y, owner, pictures):
    """Return the result where nobody has a point: no round, and nothing to measure."""
    none = np.full(1, np.nan)
    took_part = np.zeros((0, state.participants), bool)
    return Result(
        state, x, y, owner, none, none, np.full((1, 3), np.nan), took_part, np.zeros(1),
        pictures.surfaces[:1], pictures.own[:1], np.zeros(1, int), True,
    )  # fmt: skip


def _result(state, x, y, owner, run, present, pictures, over):
    history, k = run.history, len(pictures.trained)
    losses = history.local_loss
    took_part = np.zeros((k - 1, state.participants), bool)
    took_part[:, present] = history.took_part.reshape(k - 1, len(present))
    return Result(
        state, x, y, owner,
        loss=history.loss,
        accuracy=history.accuracy,
        locals=np.stack([losses.min(axis=1), losses.mean(axis=1), losses.max(axis=1)], axis=1),
        took_part=took_part,
        kilobytes=np.append(0, history.bytes_total[: k - 1]) / 1000,
        surfaces=pictures.surfaces[:k],
        own=pictures.own[:k],
        trained=np.array(pictures.trained),
        over=over,
        diverged=run.diverged,
    )  # fmt: skip


def compute(state):
    """Return the whole run."""
    return last(grow(state))


def draw(result, t, kept=()):
    """Return the global model's surface, the chosen participant's beside it, and the curves."""
    return Scene(
        main=draw_plane(result, t),
        under=(draw_participation(result, t),),
        cards=(
            draw_headline(result, t),
            draw_own(result, t),
            draw_accuracy(result, t, kept),
            draw_loss(result, t, kept),
        ),
        notice=notices(result, t),
        frames=result.frames,
        expected=result.frames if result.over else ROUNDS + 1,
        warning=warnings(result, t),
        start=-1,
        autoplay=True,
    )


def draw_surface(values):
    """Return a surface as a mark: white where the model cannot decide."""
    box = np.array([[-WIDE, -HIGH, WIDE, HIGH]])
    colors = (CLASS_COLORS[0], "card", CLASS_COLORS[1])
    return Raster(values[:, None], box, colors, **SURFACE, smooth=True, glide=True)


def draw_points(result, chosen, radius, rim=""):
    """Return some of the points, a mark a class."""
    return [
        Points(result.x[rows], (color,), (radius,), shape, rim=rim)
        for label, (color, shape) in enumerate(zip(CLASS_COLORS, CLASS_SHAPES, strict=True))
        if (rows := chosen & (result.y == label)).any()
    ]


def plane(marks, **options):
    """Return a chart of the plane."""
    x, y = Axis(-WIDE, WIDE, hidden=True), Axis(-HIGH, HIGH, hidden=True)
    return Chart(tuple(marks), x, y, equal=True, **options)


def draw_plane(result, t):
    """Return the global model's surface with everybody's points on it."""
    state, mine = result.state, result.owner == result.state.who - 1
    marks = [
        draw_surface(result.surfaces),
        *draw_points(result, ~mine, 3.2),
        *draw_points(result, mine, 5, "ink"),
        Texts(np.array([[-WIDE + 0.12, HIGH - 0.22]]), (t("global_model"),), bold=True),
    ]
    describe = t("describe_plane", n=state.participants, i=state.who)
    return plane(marks, describe=describe, press="paint")


def draw_own(result, t):
    """Return the surface of the chosen participant's own model, with its own points."""
    state, mine = result.state, result.owner == result.state.who - 1
    marks = [draw_surface(result.own), *draw_points(result, mine, 3.2, "ink")]
    said = {True: t("own_now", i=state.who), False: t("own_absent", i=state.who)}
    titles = [t("own_before", i=state.who)]
    titles += [said[bool(now == k)] for k, now in enumerate(result.trained[1:], 1)]
    return plane(marks, title=tuple(titles), describe=t("describe_own", i=state.who))


def draw_participation(result, t):
    """Return who took part in which round, a row a participant and a column a round."""
    state, done = result.state, result.frames - 1
    marks = []
    if done:
        there = result.took_part.T.astype(np.uint8)
        there[state.who - 1] *= 2
        box = np.array([[0, 0, done, state.participants]])
        marks.append(Raster(there[None], box, ("line", "land-low", "accent"), high=2.0))
    now = np.arange(result.frames)[:, None] - 0.5
    ends = np.stack([np.tile(now, 2), np.tile([0, state.participants], (len(now), 1))], axis=-1)
    marks.append(Lines(ends[:, None], ("ink",), width=1.5))
    count = result.took_part.sum(axis=1).tolist()
    titles = [t("card_participation")]
    titles += [t("card_took_part", n=n, all=state.participants) for n in count]
    return Chart(
        tuple(marks),
        Axis(0, ROUNDS, hidden=True),
        Axis(state.participants, 0, hidden=True),
        title=tuple(titles),
        describe=t("describe_participation"),
        height=40,
    )


def draw_headline(result, t):
    """Return the accuracy of each round, and what it took."""
    if result.missing:
        return Headline(t("card_accuracy"), "–", t("badge_empty"), "warn", t("note_empty"))
    words, tones = {}, {}
    for level, tone in (("learned", "good"), ("learning", "plain"), ("guessing", "warn")):
        words[level], tones[level] = t(f"badge_{level}"), tone
    levels = [
        "learned" if a >= 0.95 else "learning" if a >= 0.7 else "guessing" for a in result.accuracy
    ]
    sent = zip(result.loss, result.kilobytes, strict=True)
    return Headline(
        t("card_trained" if result.state.dataset == "blank" else "card_accuracy"),
        tuple(f"{100 * a:.1f} %" for a in result.accuracy),
        tuple(words[level] for level in levels),
        tuple(tones[level] for level in levels),
        tuple(t("note", loss=f"{loss:.3f}", kb=f"{kb:.0f}") for loss, kb in sent),
    )


def curve(values):
    """Return (K, 2) points of values by round."""
    return np.stack([np.arange(len(values)), np.minimum(values, 1e6)], axis=1)


def draw_accuracy(result, t, kept):
    """Return the accuracy by round, over that of kept runs."""
    paths = [curve(other.accuracy) for _, other in kept]
    marks = overlaid(curve(result.accuracy), paths, [label for label, _ in kept])
    ticks = tuple((share, f"{100 * share:.0f} %") for share in (0, 0.5, 1))
    return Chart(
        tuple(marks),
        Axis(0, ROUNDS, integer=True),
        Axis(0, 1, ticks=ticks),
        title=t("card_by_round"),
        describe=t("describe_accuracy", last=f"{100 * result.accuracy[-1]:.1f}")
        if not result.missing
        else t("note_empty"),
        height=124,
    )


def draw_loss(result, t, kept):
    """Return the loss on the test points, and the band of the participants' losses."""
    paths = [np.minimum(curve(other.loss), MOST_LOSS * 50) for _, other in kept]
    marks, rounds = overlaid(curve(result.loss), paths), np.arange(result.frames)
    least, mean, most = np.minimum(result.locals.T, MOST_LOSS)
    if not result.missing:
        marks.insert(0, Areas(np.stack([rounds, least, most], axis=1)[None], ("accent",)))
    marks.insert(-2, Lines(curve(mean)[None], ("accent",), width=1.5))
    return Chart(
        tuple(marks),
        Axis(0, ROUNDS, integer=True),
        Axis(0, MOST_LOSS, ticks=((0, "0"), (0.5, "0.5"), (1, "1"))),
        title=t("card_loss"),
        describe=t("describe_loss"),
        height=124,
    )


def warnings(result, t):
    """Return one text a frame: empty, but for the round that was the end."""
    if result.diverged is None:
        return ""
    return ("",) * (result.frames - 1) + (t("warning", n=result.diverged),)


def notices(result, t):
    """Return what is to be seen in this state, and what to try next."""
    state = result.state
    if result.missing:
        return (t("notice_empty"), t("notice_empty_try"))
    if result.diverged is not None:
        return (t("notice_diverged"), t("notice_diverged_try"))
    for name, holds in (
        ("painted", bool(state.paint) and state.dataset != "blank"),
        ("straight", state.hidden == "none" and not state.squares and result.accuracy[-1] < 0.95),
        ("few", state.fraction < 1 or state.dropout > 0),
        ("one_sided", state.beta < 0.1 and state.dataset != "blank"),
    ):
        if holds:
            return (t(f"notice_{name}"), t(f"notice_{name}_try"))
    return (t("notice_plain", i=state.who), t("notice_plain_try"))


SNIPPETS = {
    "fedavg": "fl.FedAvg()",
    "fedprox": "fl.FedProx(mu={mu})",
    "fedadam": "fl.FedAdam(rate={rate})",
    "scaffold": "fl.Scaffold()",
}


def code(state):
    """Return a snippet that prints this state's last numbers."""
    x, *_ = examples(state)
    head = f"""import numpy as np
import fedlearn_edu as fl

for_data, for_parts, for_model, for_run = np.random.default_rng({state.seed}).spawn(4)
"""
    if not len(x):
        return f"{head}print(0)  # there are no points\n"
    sizes = (5 if state.squares else 2, *HIDDEN[state.hidden], 2)
    weights = "size" if state.weighted else "equal"
    blank = state.dataset == "blank"
    tests = "" if blank else ", x_test, y_test"
    return f"""{head}{data_code(state)}
federation = fl.Federation(x, y, parts{tests})
plan = fl.Plan(
    {SNIPPETS[state.algorithm].format(mu=state.mu, rate=state.rate)},
    alpha={state.alpha}, epochs={state.epochs}, batch={BATCH},
    fraction={state.fraction}, dropout={state.dropout}, weights="{weights}",
)
theta = fl.models.init({sizes}, for_model)
run = fl.train(federation, plan, theta, {ROUNDS}, for_run, keep=("locals",))
history = run.history
print("loss", history.loss[-1])
print("accuracy", history.accuracy[-1])
least, mean, most = (f(history.local_loss[-1]) for f in (np.min, np.mean, np.max))
print("participants", least, mean, most)
print("kilobytes", history.bytes_total[-1:].sum() / 1000)
"""


def data_code(state):
    """Return the lines that make x, y, parts, and the points for testing."""
    painted = [list(p) for p in state.paint if p[2] <= state.participants]
    lines, n = "", state.participants
    if state.dataset != "blank":
        lines = f"""x, y = fl.planar.{state.dataset}({TRAIN}, for_data, noise={state.noise})
x_test, y_test = fl.planar.{state.dataset}({TEST}, for_data, noise={state.noise})
sizes = fl.data.skewed_sizes({TRAIN}, {n}, skew={state.skew}, minimum={LEAST})
parts = fl.data.dirichlet(y, {n}, {state.beta}, for_parts, sizes=sizes).indices
"""
    if painted:
        lines += f"""painted = np.array({painted})
points, who, labels = painted[:, :2].astype("float32"), painted[:, 2], painted[:, 3].astype(int)
"""
    if painted and state.dataset == "blank":
        lines += """x, y = points, labels
parts = [np.flatnonzero(who == i) for i in np.unique(who)]
"""
    elif painted:
        lines += f"""x, y = np.vstack([x, points]), np.append(y, labels)
parts = [np.append(rows, {TRAIN} + np.flatnonzero(who == i)) for i, rows in enumerate(parts, 1)]
"""
    if state.squares:
        lines += "x = fl.planar.with_squares(x)\n"
        lines += "" if state.dataset == "blank" else "x_test = fl.planar.with_squares(x_test)\n"
    return lines


def table(result):
    """Return every round: losses, accuracy, kilobytes, and who took part."""
    n = result.state.participants
    header = ("round", "loss", "accuracy", "loss_least", "loss_mean", "loss_most", "kilobytes")
    header += tuple(f"took_part_{i + 1}" for i in range(n))
    took_part = np.vstack([np.zeros((1, n)), result.took_part]).astype(int)
    columns = (result.loss, result.accuracy, *result.locals.T, result.kilobytes)
    rows = [
        (k, *(float(column[k]) for column in columns), *took_part[k].tolist())
        for k in range(result.frames)
    ]
    return header, rows


STRINGS = {
    "title": ("Playground", "游乐场"),
    "summary": (
        "Paint points for participants and watch their common model bend to them",
        "给参与方画上数据点，看共同的模型怎样跟着弯过去",
    ),
    "preset_moons": ("Moons", "双月牙"),
    "preset_one_sided": ("One-sided", "各执一类"),
    "preset_crowd": ("Crowd", "松散人群"),
    "preset_wrong": ("A wrong one", "有人画错"),
    "preset_spiral": ("Spiral", "螺旋"),
    "g_data": ("Data", "数据"),
    "g_paint": ("Painting", "画点"),
    "g_training": ("Training", "训练"),
    "g_real_life": ("Real life", "现实情况"),
    "c_dataset": ("Points", "数据点"),
    "dataset_clusters": ("clusters", "两团"),
    "dataset_moons": ("moons", "月牙"),
    "dataset_circles": ("circles", "圆环"),
    "dataset_xor": ("XOR", "异或"),
    "dataset_spiral": ("spiral", "螺旋"),
    "dataset_blank": ("yours", "自己画"),
    "c_noise": ("Noise", "噪声"),
    "c_participants": ("Participants", "参与方数量"),
    "c_beta": ("Class mixture", "类别混合程度"),
    "h_beta": (
        "Dirichlet’s β. Small: each participant has nearly one class only. "
        "Large: everybody has both in equal parts.",
        "狄利克雷分布的 β。越小，每个参与方越接近只有一类；越大，人人两类各半。",
    ),
    "c_skew": ("Unequal sizes", "样本数不均"),
    "h_skew": (
        "At 0 all have equally many points; above, a few have most of them.",
        "取 0 时人人的点一样多；越大，点越集中在少数参与方手里。",
    ),
    "c_who": ("Participant", "参与方"),
    "c_label": ("Paint", "画"),
    "label_dot": ("● blue", "● 蓝"),
    "label_triangle": ("▲ orange", "▲ 橙"),
    "c_paint": ("Painted", "已画"),
    "c_algorithm": ("Algorithm", "算法"),
    "algorithm_fedavg": ("FedAvg", "FedAvg"),
    "algorithm_fedprox": ("FedProx", "FedProx"),
    "algorithm_fedadam": ("FedAdam", "FedAdam"),
    "algorithm_scaffold": ("SCAFFOLD", "SCAFFOLD"),
    "c_mu": ("Pull to the global model", "拉向全局模型的力度"),
    "c_rate": ("Server’s learning rate", "服务器学习率"),
    "c_alpha": ("Learning rate", "学习率"),
    "c_epochs": ("Local epochs", "本地遍数"),
    "h_epochs": (
        "How often each goes through its own points in a round, 10 points a step.",
        "每一轮里，各参与方把自己的点过几遍；每步用 10 个点。",
    ),
    "c_hidden": ("Hidden", "隐藏单元"),
    "hidden_none": ("0", "0"),
    "hidden_one": ("8", "8"),
    "hidden_two": ("8+8", "8+8"),
    "hidden_wide": ("16+16", "16+16"),
    "c_squares": ("See squares too: x₁², x₂², x₁x₂", "也输入 x₁²、x₂²、x₁x₂"),
    "c_fraction": ("Share taking part", "参与比例"),
    "c_dropout": ("Drop-out rate", "掉线率"),
    "c_weighted": ("Weigh by size", "按样本数加权"),
    "c_seed": ("Seed", "随机种子"),
    "global_model": ("global model θ", "全局模型 θ"),
    "describe_plane": (
        "The plane, coloured by what the global model predicts, with the points of {n} "
        "participants: class 0 dots, class 1 triangles; those of participant {i} are larger.",
        "平面按全局模型的预测着色，上面是 {n} 个参与方的点：0 类是圆点，1 类是三角形；"
        "参与方 {i} 的点画得大一些。",
    ),
    "describe_own": (
        "The same plane, coloured by the model of participant {i} after its local training.",
        "同一个平面，按参与方 {i} 本地训练后的模型着色。",
    ),
    "describe_participation": (
        "Who took part: a row a participant, a column a round.",
        "谁参加了哪一轮：一行一个参与方，一列一轮。",
    ),
    "describe_accuracy": (
        "Accuracy by round; at the end {last} %.",
        "准确率随轮次的变化；最后是 {last}%。",
    ),
    "describe_loss": (
        "Loss by round: on the test points, and the band from the participants’ least to greatest.",
        "损失随轮次的变化：测试点上的损失，以及参与方中最小到最大的范围。",
    ),
    "card_accuracy": ("Right on test points", "测试点上的准确率"),
    "card_trained": ("Right on painted points", "所画点上的准确率"),
    "card_by_round": ("Accuracy by round", "每轮的准确率"),
    "card_loss": ("Loss: test, and band of participants", "损失：测试（线）与各参与方（带）"),
    "card_participation": ("Who took part, round by round", "每一轮谁参加了"),
    "card_took_part": (
        "Who took part: {n} of {all} in round {{frame}}",
        "谁参加了：第 {{frame}} 轮，{all} 方中的 {n} 方",
    ),
    "own_before": ("Participant {i}, before training", "参与方 {i}，训练之前"),
    "own_now": (
        "Participant {i}, own model of round {{frame}}",
        "参与方 {i}，第 {{frame}} 轮自己的模型",
    ),
    "own_absent": ("Participant {i}, absent: its last model", "参与方 {i} 缺席：它上次的模型"),
    "badge_learned": ("learned", "学会了"),
    "badge_learning": ("learning", "正在学"),
    "badge_guessing": ("mostly guessing", "差不多在猜"),
    "badge_empty": ("no points", "没有点"),
    "note": ("loss {loss} · {kb} kB sent", "损失 {loss} · 已传 {kb} kB"),
    "note_empty": ("Nobody has a point yet.", "还没有任何数据点。"),
    "warning": (
        "Round {n} was the end: the parameters grew beyond all bounds. Lower a learning rate.",
        "第 {n} 轮中断：参数越变越大，超出了限度。请调小学习率。",
    ),
    "notice_plain": (
        "The large picture is the average; the small one is what participant {i} alone makes of "
        "its own points, before averaging.",
        "大图是平均出来的模型；小图是参与方 {i} 在求平均之前，只凭自己的点学到的。",
    ),
    "notice_plain_try": (
        "Press the picture to give it new points. How far does one participant bend the whole?",
        "在图上点几下，给它添几个点。一个参与方能把整体带偏多少？",
    ),
    "notice_one_sided": (
        "Each participant knows nearly one class only: in the first rounds its own model paints "
        "the whole plane in one colour, and the common border lurches.",
        "每个参与方几乎只见过一类：开头几轮，它自己的模型把整个平面涂成一种颜色，共同的边界忽左忽右。",
    ),
    "notice_one_sided_try": (
        "Keep this run, then choose SCAFFOLD. Which comes to rest sooner?",
        "保留这次运行，再换成 SCAFFOLD。哪个先稳下来？",
    ),
    "notice_few": (
        "Only some take part in each round, so the border jumps with whoever is there.",
        "每轮只有一部分参与方在场，边界就跟着在场的人跳来跳去。",
    ),
    "notice_few_try": (
        "Raise the share taking part. How much calmer does it get, and what does that cost in kB?",
        "把参与比例调高。会平稳多少？又要多传多少 kB？",
    ),
    "notice_straight": (
        "Without hidden units the model can only draw a straight border.",
        "没有隐藏单元，模型只能画一条直线作边界。",
    ),
    "notice_straight_try": (
        "Let it see squares too, or give it hidden units.",
        "让它也输入平方项，或者加上隐藏单元。",
    ),
    "notice_painted": (
        "The painted points pull at the border, but are not among the test points.",
        "画上去的点在拉扯边界，但测试点里没有它们。",
    ),
    "notice_painted_try": (
        "Switch off “Weigh by size”: a participant with many points then counts for no more "
        "than the others.",
        "关掉“按样本数加权”：点再多的参与方，分量也和别人一样。",
    ),
    "notice_empty": (
        "The plane is empty: choose a participant and a class, and press the picture.",
        "平面还是空的：选一个参与方和一个类别，然后在图上点。",
    ),
    "notice_empty_try": (
        "Give blue to one participant and orange to another. What does each learn alone?",
        "把蓝点给一方，橙点给另一方。它们各自学到了什么？",
    ),
    "notice_diverged": (
        "The steps were too long: the parameters grew until they overflowed.",
        "步子太大：参数越来越大，直到溢出。",
    ),
    "notice_diverged_try": ("Lower a learning rate.", "把学习率调小。"),
}

LAB = Lab(
    name="playground",
    order=8,
    minutes=15,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
    keeps=4,
    grow=grow,
)
