"""Digits: a hundred participants teach one model to read, and nobody hands over an image."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from fedlearn_edu import data, models
from fedlearn_edu.compression import Cast
from fedlearn_edu.federation.algorithms import (
    FedAdam,
    FedAvg,
    FedNova,
    FedProx,
    FedSGD,
    Plan,
    Scaffold,
)
from fedlearn_edu.federation.participants import Federation
from fedlearn_edu.federation.runs import Run
from fedlearn_edu.labs.controls import Choice, Group, Seed, Slider
from fedlearn_edu.labs.lab import Lab, last
from fedlearn_edu.scene import Axis, Chart, Headline, Lines, Raster, Scene, Texts, overlaid

DIGITS = 10
SIDE = 8  # an image has 8 × 8 squares
SIZES = {"softmax": (64, 10), "mlp": (64, 64, 10)}
CODECS = {
    "float32": None,
    "float16": Cast("float16"),
    "int8": Cast("int8", scale="max"),
    "int4": Cast("int4", scale="max"),
}
LOCAL = ("FedAvg", "FedProx", "SCAFFOLD", "FedNova", "FedAdam")  # have local steps: E and B count
MEGA = 1e6


@dataclass(frozen=True)
class State:
    """All that a control can change."""

    participants: int = 100
    split: str = "dirichlet"
    beta: float = 0.5
    shards: int = 1
    skew: float = 0.5
    model: str = "softmax"
    algorithm: str = "FedAvg"
    mu: float = 0.1
    rate: float = 0.03
    alpha: float = 1.0
    epochs: int = 1
    batch: str = "16"
    fraction: float = 1.0
    weighting: str = "size"
    wire: str = "float32"
    rounds: int = 50
    against: str = "rounds"
    seed: int = 1


CONTROLS = (
    Group(
        "data",
        (
            Slider("participants", 1, 200, symbol="N"),
            Choice("split", ("iid", "dirichlet", "shards")),
            Slider("beta", 0.01, 100, 10, symbol="β", scale="log", when=("split", "dirichlet")),
            Slider("shards", 1, 5, when=("split", "shards")),
            Slider("skew", 0, 2, 0.1, digits=1, when=("split", "iid", "dirichlet")),
        ),
    ),
    Group(
        "training",
        (
            Choice("model", tuple(SIZES)),
            Choice("algorithm", ("FedSGD", *LOCAL)),
            Slider("mu", 0.01, 10, 10, symbol="μ", scale="log", when=("algorithm", "FedProx")),
            Slider("rate", 0.001, 1, 10, symbol="η", scale="log", when=("algorithm", "FedAdam")),
            Slider("alpha", 0.01, 2, 20, symbol="α", scale="log"),
            Slider("epochs", 1, 5, symbol="E", when=("algorithm", *LOCAL)),
            Choice("batch", ("8", "16", "32", "all"), symbol="B", when=("algorithm", *LOCAL)),
            Choice("weighting", ("size", "equal"), symbol="w"),
        ),
    ),
    Group(
        "network",
        (
            Slider("fraction", 0.05, 1, 0.05, symbol="C", unit="%"),
            Choice("wire", tuple(CODECS)),
            Slider("rounds", 10, 100, 10, symbol="T"),
            Choice("against", ("rounds", "bytes")),
            Seed(),
        ),
    ),
)

PRESETS = {
    "hundred_hands": {},
    "one_label_each": {"participants": 20, "split": "shards", "fraction": 0.25, "epochs": 5},
    "one_in_ten": {"participants": 200, "fraction": 0.1},
    "four_bits": {"wire": "int4", "against": "bytes"},
}


# What is computed.


def streams(seed):
    """Return three random generators: for who holds what, for the start, and for the rounds."""
    return np.random.default_rng(seed).spawn(3)


def divide(state):
    """Return the partition of the training images among the participants."""
    labels, n, rng = data.digits().y_train, state.participants, streams(state.seed)[0]
    if state.split == "shards":
        return data.shards(labels, n, rng, state.shards)
    sizes = data.skewed_sizes(len(labels), n, state.skew)
    if state.split == "iid":
        return data.iid(labels, n, rng, sizes)
    return data.dirichlet(labels, n, state.beta, rng, sizes=sizes)


def federation_of(state):
    """Return the federation of a state and its table of labels, kept while others share them."""
    keys = ("participants", "split", "beta", "shards", "skew", "seed")
    return _federation(tuple((key, getattr(state, key)) for key in keys))


@lru_cache(maxsize=8)
def _federation(values):
    parts = divide(State(**dict(values)))
    return Federation.from_data(data.digits(), parts), parts.counts


def algorithm_of(state):
    """Return the algorithm with its parameter."""
    return {
        "FedSGD": FedSGD(),
        "FedAvg": FedAvg(),
        "FedProx": FedProx(state.mu),
        "SCAFFOLD": Scaffold(),
        "FedNova": FedNova(),
        "FedAdam": FedAdam(state.rate),
    }[state.algorithm]


def options_of(state):
    """Return what the plan is told beside the algorithm, by name."""
    options = {"alpha": state.alpha}
    if state.algorithm in LOCAL:
        options["epochs"] = state.epochs
        options["batch"] = None if state.batch == "all" else int(state.batch)
    options |= {"fraction": state.fraction, "weights": state.weighting, "up": CODECS[state.wire]}
    return options


@dataclass(frozen=True, eq=False)
class Result:
    """A run, or the first rounds of it."""

    state: State
    federation: Federation
    holdings: np.ndarray  # (N, 10): whose labels are what
    history: object
    rounds: int
    cause: str | None = None

    def part(self, name):
        """Return a column of the history as far as this result goes."""
        end = self.rounds + (not name.startswith(("bits", "took")))
        return getattr(self.history, name)[:end]


def grow(state):
    """Train round by round; yield what there is after each."""
    federation, holdings = federation_of(state)
    _, start, luck = streams(state.seed)
    theta = models.init(SIZES[state.model], start)
    keep = ("locals", "weights", "participation", "predictions")
    run = Run(federation, Plan(algorithm_of(state), **options_of(state)), theta, luck, keep=keep)
    while run.round < state.rounds and run.step():
        yield Result(state, federation, holdings, run.history, run.round)
    yield Result(state, federation, holdings, run.history, run.round, run.cause)


def compute(state):
    """Train for all the rounds."""
    return last(grow(state))


def templates(theta, x, y):
    """Return what raises the score of each digit, pixel by pixel: the weights, or their mean.

    The gradient of a digit's score with respect to the image, less the mean over the ten scores,
    which a softmax does not see.  With softmax regression it is the column of weights, the same
    for every image; with hidden units it is averaged over the images of that digit.

    Parameters
    ----------
    theta : list of ndarray
        [W_1, b_1] or [W_1, b_1, W_2, b_2], each with any leading axes.
    x, y : ndarray, shapes (n, 64) and (n,)
        Images to average over, and their labels.

    Returns
    -------
    ndarray, shape (..., 10, 8, 8)

    Examples
    --------
    >>> theta = [np.eye(64, 10), np.zeros(10)]
    >>> templates(theta, np.zeros((10, 64)), np.arange(10))[3].ravel()[:5].round(1)
    array([-0.1, -0.1, -0.1,  0.9, -0.1])
    """
    if len(theta) == 2:
        columns = theta[0].swapaxes(-1, -2)
        centred = columns - columns.mean(axis=-2, keepdims=True)
    else:
        w, b, out, _ = theta
        members = (y == np.arange(DIGITS)[:, None]).astype(w.dtype)
        on = (x.astype(w.dtype) @ w + b[..., None, :] > 0).astype(w.dtype)
        share = (members / members.sum(axis=1, keepdims=True)) @ on
        out = out - out.mean(axis=-1, keepdims=True)
        centred = (share * out.swapaxes(-1, -2)) @ w.swapaxes(-1, -2)
    return centred.reshape(*centred.shape[:-1], SIDE, SIDE)


def samples(seed):
    """Return which test images are shown: two of each digit, as the seed has it."""
    rng, labels = np.random.default_rng(seed), data.digits().y_test
    pairs = [rng.choice(np.flatnonzero(labels == d), 2, replace=False) for d in range(DIGITS)]
    return np.transpose(pairs).ravel()


def megabytes(result):
    """Return what had travelled, both ways, after each round from 0 on."""
    bits = result.part("bits_up") + result.part("bits_down")
    return np.concatenate([[0], np.cumsum(bits, dtype=float)]) / 8 / MEGA


# What is drawn.


def draw(result, t, kept=()):
    """Return the templates, the digits read, the curves by round and who holds what."""
    return Scene(
        main=draw_templates(result, t),
        cards=(
            draw_headline(result, t),
            draw_accuracy(result, t, kept),
            draw_loss(result, t, kept),
            draw_labels(result, t),
        ),
        notice=notices(result, t),
        frames=result.rounds + 1,
        warning=warning(result, t),
        start=-1,
        autoplay=True,
        expected=result.state.rounds + 1,
    )


WIDE, TALL = 10.0, 8.22  # the picture in units: a column a test digit, two a template
TOP, PITCH, IMAGE = 1.0, 2.3, 1.72
READ_TOP, READ_PITCH, SMALL = 5.6, 1.34, 0.8


def draw_templates(result, t):
    """Return the ten templates, how many of each digit are read, and twenty digits being read."""
    theta = [np.stack(layers) for layers in zip(*result.part("weights"), strict=True)]
    images = templates(theta, result.federation.x_test, result.federation.y_test)
    bound = max(1e-9, 0.6 * float(np.abs(images[-1]).max()))
    digit = np.arange(DIGITS)
    left, top = 2 * (digit % 5) + 0.14, TOP + PITCH * (digit // 5)
    boxes = np.stack([left, -top, left + IMAGE, -top - IMAGE], axis=1)
    names = np.stack([left, -top + 0.26], axis=1)
    marks = (
        Raster(images, boxes, ("p0", "card", "p4"), -bound, bound, smooth=True),
        Texts(names, tuple(map(str, digit)), size=16, color="text", bold=True),
        Texts(names + np.array([IMAGE, 0]), PERCENTS, "end", size=13, shown=recalls(result)),
        *legend(t),
        *draw_reading(result),
    )
    return Chart(
        marks,
        Axis(0, WIDE, hidden=True),
        Axis(-TALL, 0, hidden=True),
        describe=t("describe_templates"),
        equal=True,
    )


PERCENTS = tuple(f"{p} %" for p in range(101))


def recalls(result):
    """Return the share of each test digit that is read, in percent, shape (K, 10)."""
    labels = result.federation.y_test
    right = (result.part("predictions") == labels).astype(float)
    members = (labels == np.arange(DIGITS)[:, None]).astype(float)
    return np.round(100 * right @ members.T / members.sum(axis=1))


def legend(t):
    """Return the two headings, and what the colours mean."""
    heads = np.array([[0.14, -0.28], [0.14, -READ_TOP + 0.3]])
    yield Texts(heads, (t("head_templates"), t("head_reading")), size=13)
    end = np.array([[WIDE - 0.14, -0.28]])
    yield Texts(end - np.array([2.0, 0]), (t("legend_for"),), align="end", color="p4", size=13)
    yield Texts(end, (t("legend_against"),), align="end", color="p0", size=13)


def draw_reading(result):
    """Return the twenty test digits, and by round what each is taken for."""
    chosen, federation = samples(result.state.seed), result.federation
    column, row = np.arange(len(chosen)) % DIGITS, np.arange(len(chosen)) // DIGITS
    left, top = column + (1 - SMALL) / 2, READ_TOP + READ_PITCH * row
    boxes = np.stack([left, -top, left + SMALL, -top - SMALL], axis=1)
    under = np.stack([column + 0.5, -top - SMALL - 0.28], axis=1)
    images = federation.x_test[chosen].reshape(-1, SIDE, SIDE)
    read = result.part("predictions")[:, chosen]
    right, none = read == federation.y_test[chosen], DIGITS
    said = [(*(f"{sign} {d}" for d in range(DIGITS)), "") for sign in "✓✕"]
    return (
        Raster(images, boxes, ("card", "ink")),
        Texts(under, said[0], "middle", "accent", bold=True, shown=np.where(right, read, none)),
        Texts(under, said[1], "middle", "error", bold=True, shown=np.where(right, none, read)),
    )


def draw_headline(result, t):
    """Return by round the accuracy, in words too, and what has been sent for it."""
    accuracy, tests = result.part("accuracy"), len(result.federation.y_test)
    words = (t("badge_guessing"), t("badge_learning"), t("badge_reading"))
    moods = np.digitize(accuracy, (0.5, 0.9))
    return Headline(
        t("card_accuracy_now", m=tests),
        tuple(f"{100 * a:.1f} %" for a in accuracy),
        tuple(words[mood] for mood in moods),
        tuple(("bad", "warn", "good")[mood] for mood in moods),
        tuple(t("note_sent", mb=f"{mb:.2f}") for mb in megabytes(result)),
    )


def across(result, against):
    """Return x of each evaluation, and of the last one to come: rounds, or megabytes sent."""
    if against == "rounds":
        return np.arange(result.rounds + 1), result.state.rounds
    sent = megabytes(result)
    return sent, max(sent[-1] * result.state.rounds / max(result.rounds, 1), 1e-3)


def curves(result, name, kept, low, high):
    """Return a column by round as marks: the kept runs' dashed, the current one's on top."""
    runs = (result, *(other for _, other in kept))
    x = [across(run, result.state.against)[0] for run in runs]
    now, *others = (curve(at, run.part(name), low, high) for at, run in zip(x, runs, strict=True))
    return overlaid(now, others)


def curve(x, y, low, high):
    """Return the points of a line, those beyond the axis on its border."""
    return np.stack([x, np.clip(np.nan_to_num(y, nan=high), low, high)], axis=1)


def names_of(kept, end):
    """Return the kept runs' names, one above the other where few curves pass."""
    for k, (label, _) in enumerate(kept):
        at = np.array([[end, 0.08 + 0.14 * (len(kept) - 1 - k)]])
        yield Texts(at, (f"╌ {label}",), align="end", color=f"k{k}", size=12)


def axis_of(result, t, kept):
    """Return the axis of the rounds, or of the megabytes, as long as the longest run."""
    against = result.state.against
    end = max(across(one, against)[1] for one in (result, *(other for _, other in kept)))
    ticks = tuple((k, str(k)) for k in (0, end // 2, end)) if against == "rounds" else ()
    return Axis(0, 1.02 * end, t(f"axis_{against}"), ticks=ticks)  # room for half a dot


def draw_accuracy(result, t, kept):
    """Return the accuracy by round: of all test digits, and of the worst and best participant."""
    x, axis = across(result, result.state.against)[0], axis_of(result, t, kept)
    own = result.part("local_accuracy")
    ends = np.stack([curve(x, own.max(axis=1), 0, 1), curve(x, own.min(axis=1), 0, 1)])
    names = (t("best_participant"), t("worst_participant"))
    return Chart(
        (
            Lines(ends, ("many",), width=1.3, labels=names if not kept else ()),
            *curves(result, "accuracy", kept, 0, 1),
            *names_of(kept, axis.high),
        ),
        replace(axis, label=""),
        Axis(0, 1.14, ticks=((0, "0"), (0.5, "50 %"), (1, "100 %"))),
        title=t("card_accuracy"),
        describe=t(
            "describe_accuracy",
            last=f"{100 * result.part('accuracy')[-1]:.1f}",
            worst=f"{100 * own[-1].min():.0f}",
        ),
        height=180,
    )


LEAST_LOSS, MOST_LOSS = 0.05, 5


def draw_loss(result, t, kept):
    """Return the loss on the test digits by round."""
    return Chart(
        tuple(curves(result, "loss", kept, LEAST_LOSS, MOST_LOSS)),
        axis_of(result, t, kept),
        Axis(LEAST_LOSS, MOST_LOSS, scale="log"),
        title=t("card_loss"),
        describe=t("describe_loss", last=f"{min(result.part('loss')[-1], 999):.2f}"),
        height=134,
    )


def draw_labels(result, t):
    """Return who holds how many of which digit, and who takes part in the round shown."""
    n, holdings = result.state.participants, result.holdings
    darkness = np.sqrt(holdings.T / holdings.max())
    marks = [
        Raster(darkness[None], np.array([[0.5, -0.5, n + 0.5, 9.5]]), ("card", "accent", "ink"))
    ]
    if result.state.fraction < 1:
        asked = np.concatenate([np.zeros((1, n)), result.part("took_part").reshape(-1, n)])
        strip = np.array([[0.5, -2.4, n + 0.5, -1.0]])
        marks.append(Raster(asked[:, None, None], strip, ("line", "p4")))
    ticks = tuple((d, str(d)) for d in (0, 3, 6, 9)) + ((-1.7, "C"),) * (len(marks) > 1)
    return Chart(
        tuple(marks),
        Axis(0.5, n + 0.5, t("axis_participant"), ticks=((1, "1"), (n, str(n)))[: min(n, 2)]),
        Axis(-2.4 if len(marks) > 1 else -0.5, 9.5, ticks=ticks),
        title=t("card_labels"),
        describe=t("describe_labels", n=n, kinds=f"{kinds(result):.1f}"),
        height=144,
    )


def kinds(result):
    """Return how many different digits a participant holds on average."""
    return (result.holdings > 0).sum(axis=1).mean()


def warning(result, t):
    """Return one text a frame: empty, but for the round that was the end."""
    if result.cause is None:
        return ""
    return ("",) * result.rounds + (t(f"warning_{result.cause}", n=result.rounds + 1),)


def notices(result, t):
    """Return what is to be seen in this state, and what to try next."""
    state, accuracy = result.state, f"{100 * result.part('accuracy')[-1]:.0f}"
    if result.cause:
        return (t("notice_end"), t("notice_end_try"))
    few = f"{kinds(result):.1f}"
    if state.fraction < 1 and float(few) < 2 and state.algorithm != "SCAFFOLD":
        return (t("notice_few", kinds=few), t("notice_few_try"))
    if state.wire != "float32":
        times = f"{wire_bytes(state, None) / wire_bytes(state, CODECS[state.wire]):.1f}"
        return (t("notice_wire", times=times, accuracy=accuracy), t("notice_wire_try"))
    if state.fraction < 1:
        asked = max(1, round(state.fraction * state.participants))
        say = t("notice_fraction", asked=asked, n=state.participants)
        return (say, t("notice_fraction_try"))
    if state.algorithm == "FedSGD" and state.weighting == "size":
        return (t("notice_sgd"), t("notice_sgd_try"))
    seen = t("notice_mlp" if state.model == "mlp" else "notice_softmax")
    return (seen, t("notice_try" if state.split == "dirichlet" else "notice_try_split"))


def wire_bytes(state, codec):
    """Return the bytes of one update on the wire, headers included."""
    codec = codec or Cast()
    shapes = [layer.shape for layer in models.init(SIZES[state.model], np.random.default_rng(0))]
    return sum(codec.bits(shape, "float32") for shape in shapes) / 8


# What a learner takes home.


def code(state):
    """Return a snippet that prints this state's numbers."""
    n, up = state.participants, CODECS[state.wire]
    parts = {
        "iid": f"fl.data.iid(y, {n}, who, sizes)",
        "dirichlet": f"fl.data.dirichlet(y, {n}, {state.beta}, who, sizes=sizes)",
        "shards": f"fl.data.shards(y, {n}, who, per_participant={state.shards})",
    }[state.split]
    sizes = f"sizes = fl.data.skewed_sizes(len(y), {n}, {state.skew})\n"
    told = {name: repr(value) for name, value in options_of(state).items()}
    told["up"] = f"fl.{up!r}" if up else "None"
    options = "".join(f"    {name}={value},\n" for name, value in told.items())
    return f"""import numpy as np
import fedlearn_edu as fl

who, start, luck = np.random.default_rng({state.seed}).spawn(3)
data = fl.data.digits()
y = data.y_train
{"" if state.split == "shards" else sizes}parts = {parts}
federation = fl.Federation.from_data(data, parts)
plan = fl.Plan(
    fl.{algorithm_of(state)!r},
{options})
theta = fl.models.init({SIZES[state.model]}, start)
history = fl.train(federation, plan, theta, {state.rounds}, luck, keep=["locals"]).history
print("accuracy", history.accuracy[-1])
print("loss", history.loss[-1])
print("worst participant", history.local_accuracy[-1].min())
print("bytes", (history.bits_up + history.bits_down).sum() / 8)
"""


def table(result):
    """Return every round: accuracy, loss, the participants' extremes, bits, and who took part."""
    n, own = result.state.participants, result.part("local_accuracy")
    header = ("round", "accuracy", "loss", "worst_participant", "best_participant")
    header += ("bits_up", "bits_down", *(f"took_part_{i + 1}" for i in range(n)))
    took_part = result.part("took_part").reshape(-1, n).astype(int).tolist()
    bits = np.stack([result.part("bits_up"), result.part("bits_down")], axis=1).tolist()
    rows = []
    for k in range(result.rounds + 1):
        sent, part = (bits[k - 1], took_part[k - 1]) if k else ([0, 0], [0] * n)
        measured = result.part("accuracy")[k], result.part("loss")[k], own[k].min(), own[k].max()
        rows.append((k, *map(float, measured), *sent, *part))
    return header, rows


STRINGS = {
    "title": ("Digits", "手写数字"),
    "summary": (
        "A hundred participants teach one model to read",
        "一百个参与方，一起教会一个模型认数字",
    ),
    "preset_hundred_hands": ("A hundred hands", "百人共学"),
    "preset_one_label_each": ("One label", "只有一种"),
    "preset_one_in_ten": ("One phone in ten", "十部手机选一部"),
    "preset_four_bits": ("Four bits", "四比特"),
    "g_data": ("Data", "数据"),
    "g_training": ("Training", "训练"),
    "g_network": ("Network and time", "通信与时间"),
    "c_participants": ("Participants", "参与方"),
    "c_split": ("Split", "划分"),
    "h_split": (
        "The 1,438 training images are dealt at random (IID), "
        "by a mixture of digits drawn for each participant (Dirichlet), "
        "or sorted by digit, cut and dealt (shards).",
        "1438 张训练图片的分法：完全随机（IID，即独立同分布）；"
        "为每个参与方抽一种数字比例（狄利克雷）；或按数字排序、切块后分发（分片）。",
    ),
    "split_iid": ("IID", "IID"),
    "split_dirichlet": ("Dirichlet", "狄利克雷"),
    "split_shards": ("shards", "分片"),
    "c_beta": ("Concentration", "集中参数"),
    "h_beta": (
        "Small: few digits each. Large: everybody has the mixture of the whole.",
        "小：每个参与方只有少数几种数字。大：人人的比例都和总体一样。",
    ),
    "c_shards": ("Shards each", "每方分片数"),
    "c_skew": ("Unequal sizes", "样本数悬殊程度"),
    "h_skew": (
        "At 0 everybody has as many images; at 1 the tenth has a tenth of the first’s.",
        "取 0 时人人一样多；取 1 时第十名只有第一名的十分之一。",
    ),
    "c_model": ("Model", "模型"),
    "h_model": (
        "Softmax regression has 650 parameters; the network 64–64–10 has 4,810.",
        "softmax 回归有 650 个参数；64–64–10 的网络有 4810 个。",
    ),
    "model_softmax": ("softmax", "softmax"),
    "model_mlp": ("network", "神经网络"),
    "c_algorithm": ("Algorithm", "算法"),
    "algorithm_FedSGD": ("FedSGD", "FedSGD"),
    "algorithm_FedAvg": ("FedAvg", "FedAvg"),
    "algorithm_FedProx": ("FedProx", "FedProx"),
    "algorithm_SCAFFOLD": ("SCAFFOLD", "SCAFFOLD"),
    "algorithm_FedNova": ("FedNova", "FedNova"),
    "algorithm_FedAdam": ("FedAdam", "FedAdam"),
    "c_mu": ("Pull to the server", "拉向服务器"),
    "c_rate": ("Server’s learning rate", "服务器学习率"),
    "c_alpha": ("Learning rate", "学习率"),
    "c_epochs": ("Local epochs", "本地遍数"),
    "c_batch": ("Batch", "批大小"),
    "batch_8": ("8", "8"),
    "batch_16": ("16", "16"),
    "batch_32": ("32", "32"),
    "batch_all": ("all", "全部"),
    "c_weighting": ("Weights", "权重"),
    "weighting_size": ("by size", "按样本数"),
    "weighting_equal": ("equal", "相等"),
    "c_fraction": ("Share taking part", "参与比例"),
    "c_wire": ("Sent as", "上传为"),
    "wire_float32": ("fp32", "fp32"),
    "wire_float16": ("fp16", "fp16"),
    "wire_int8": ("int8", "int8"),
    "wire_int4": ("int4", "int4"),
    "c_rounds": ("Rounds", "轮数"),
    "c_against": ("Curves by", "横轴"),
    "against_rounds": ("round", "轮次"),
    "against_bytes": ("bytes sent", "通信量"),
    "c_seed": ("Seed", "随机种子"),
    "head_templates": ("What the model looks for", "模型在找什么"),
    "head_reading": ("Test digits, and what it reads", "测试数字，以及它认成了什么"),
    "legend_for": ("■ for", "■ 支持"),
    "legend_against": ("■ against", "■ 反对"),
    "describe_templates": (
        "Ten images, one a digit: where ink speaks for it and where against it, with the share of "
        "that digit read right. Below, twenty test digits and what each is taken for.",
        "十幅图，每个数字一幅：哪里有墨迹就支持它，哪里有墨迹就反对它，旁边是这个数字认对的比例。"
        "下面是二十个测试数字，以及各被认成了什么。",
    ),
    "card_accuracy_now": ("Accuracy on {m} test digits", "在 {m} 个测试数字上的准确率"),
    "badge_reading": ("reads well", "认得很好"),
    "badge_learning": ("learning", "正在学"),
    "badge_guessing": ("guessing", "多半在猜"),
    "note_sent": ("{mb} MB sent so far", "累计通信 {mb} MB"),
    "card_accuracy": ("Accuracy", "准确率"),
    "best_participant": ("best participant", "最好的参与方"),
    "worst_participant": ("worst participant", "最差的参与方"),
    "describe_accuracy": (
        "Accuracy on the test digits by round, at the end {last} %, between the best and the worst "
        "participant on their own images; the worst at the end has {worst} %.",
        "测试数字上的准确率随轮次的变化，最后是 {last}%；上下两条线是最好和最差的参与方"
        "在自己图片上的准确率，最差的最后是 {worst}%。",
    ),
    "card_loss": ("Loss", "损失"),
    "describe_loss": (
        "Loss on the test digits by round, logarithmic; at the end {last}.",
        "测试数字上的损失随轮次的变化，纵轴为对数刻度；最后是 {last}。",
    ),
    "card_labels": ("Who holds which digits", "谁有哪些数字"),
    "describe_labels": (
        "A column for each of {n} participants, a row for each digit: the darker, the more "
        "examples. On average a participant holds {kinds} different digits.",
        "{n} 个参与方各占一列，每个数字占一行：颜色越深，样本越多。"
        "平均每个参与方有 {kinds} 种数字。",
    ),
    "axis_rounds": ("round", "轮次"),
    "axis_bytes": ("MB sent", "通信量（MB）"),
    "axis_participant": ("participant", "参与方"),
    "warning_local": (
        "Round {n} was the end: a participant’s own steps overflowed.",
        "第 {n} 轮中断：有参与方在本地训练时，数值溢出了。",
    ),
    "warning_codec": (
        "Round {n} was the end: an update was too large for the numbers on the wire.",
        "第 {n} 轮中断：有更新超出了传输格式能表示的范围。",
    ),
    "warning_limit": (
        "Round {n} was the end: the parameters passed a million.",
        "第 {n} 轮中断：参数超过了一百万。",
    ),
    "notice_softmax": (
        "Digits come out of noise: orange where ink speaks for a digit, blue where it speaks "
        "against. No image has left its owner.",
        "数字从噪声里浮现：橙色处有墨迹，就支持这个数字；蓝色处有墨迹，就反对。"
        "没有一张图片离开过它的主人。",
    ),
    "notice_mlp": (
        "With 64 hidden units no weight looks like a digit. Shown is what raises each digit’s "
        "score, on average over the test images of it.",
        "有了 64 个隐藏单元，单个权重已看不出数字。图中画的是哪些像素能提高每个数字的得分，"
        "在它的测试图片上取平均。",
    ),
    "notice_try": (
        "Set E to 5 and keep the run. Then pull β down to 0.01: what does the loss say?",
        "把 E 调到 5，保留这次运行，再把 β 调到 0.01：损失有什么变化？",
    ),
    "notice_try_split": (
        "Keep this run. Then choose Dirichlet, with β = 0.01 and E = 5.",
        "保留这次运行，再改选狄利克雷，取 β = 0.01、E = 5。",
    ),
    "notice_sgd": (
        "One gradient from each participant a round: the same step as if all images lay in one "
        "place.",
        "每轮每个参与方只发一个梯度：这一步和把所有图片放在一起算出来的一样。",
    ),
    "notice_sgd_try": (
        "Keep it, then choose FedAvg with E = 5. How many rounds does it save?",
        "保留这次运行，再改选 FedAvg，取 E = 5。能省下多少轮？",
    ),
    "notice_few": (
        "On average a participant knows {kinds} digits. The model leans towards whoever was "
        "asked: watch how the digits’ shares jump from round to round.",
        "平均每个参与方只见过 {kinds} 种数字。邀请到谁，模型就偏向谁："
        "看各个数字认对的比例怎样一轮一跳。",
    ),
    "notice_few_try": (
        "Keep it, then choose SCAFFOLD. Or set C to 100 %.",
        "保留这次运行，再改选 SCAFFOLD，或者把 C 调到 100%。",
    ),
    "notice_fraction": (
        "The server asks {asked} of {n} participants in each round: the curve trembles with who "
        "happened to be asked.",
        "服务器每轮只邀请 {n} 个参与方中的 {asked} 个：抽到谁，曲线就跟着抖动。",
    ),
    "notice_fraction_try": (
        "Keep it and set C to 100 %. Then show the curves by bytes sent: which is cheaper?",
        "保留这次运行，把 C 调到 100%，再让横轴显示通信量：哪种更省？",
    ),
    "notice_wire": (
        "Each update is {times} times smaller, and {accuracy} % of the test digits are read.",
        "每个更新缩小到原来的 1/{times}，测试数字仍认对 {accuracy}%。",
    ),
    "notice_wire_try": (
        "Keep it and choose fp32. Less than half of all bytes was saved: the model still comes "
        "down in full.",
        "保留这次运行，改选 fp32。省下的不到总量的一半：下发的模型还是原样大小。",
    ),
    "notice_end": (
        "The steps were too long: the parameters grew until the numbers gave out.",
        "步子迈得太大：参数越变越大，直到数值撑不住。",
    ),
    "notice_end_try": ("Lower α, or η with FedAdam.", "调小 α；用 FedAdam 时调小 η。"),
}

LAB = Lab(
    name="digits",
    order=5,
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
