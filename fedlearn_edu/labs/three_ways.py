"""Three ways to learn together, and alone: who learns how much, what travels, who sees what."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fedlearn_edu import data as datasets
from fedlearn_edu import models
from fedlearn_edu.compression import Cast
from fedlearn_edu.federation import Centralised, FedAvg, Federation, Gossip, Plan, Run, graphs
from fedlearn_edu.labs.controls import Choice, Group, Seed, Series, Slider, Toggle
from fedlearn_edu.labs.lab import Lab, last
from fedlearn_edu.scene import (
    ABSENT,
    CUT,
    IDLE,
    OUT,
    RETURN,
    SWAP,
    Areas,
    Axis,
    Bands,
    Boxes,
    Chart,
    Column,
    Headline,
    Lines,
    Links,
    Points,
    Scene,
    Table,
    Texts,
)

ROUNDS, BATCH, MOST = 30, 32, 12
STRIDE = 4  # rounds between two pictures of a long computation, over E
WAYS = ("centralised", "alone", "federated", "gossip")
COLORS = {"centralised": "ink", "alone": "p4", "federated": "p0", "gossip": "p5"}
DATA = {"digits": datasets.digits, "tumours": datasets.breast_cancer}
LEAST = {"digits": 0.0, "tumours": 0.8}  # where the axis of accuracy begins
PAIRS = tuple((i, j) for j in range(MOST) for i in range(j))  # a newcomer's links come last
RANDOM_LINKS = 0.35


@dataclass(frozen=True)
class State:
    """All that a control can change; empty tables are the graph as it is, with everybody."""

    look: str = "federated"
    data: str = "digits"
    participants: int = 8
    beta: float = 1.0
    epochs: int = 1
    alpha: float = 0.5
    graph: str = "ring"
    links: tuple = ()
    server_down: bool = False
    gone: tuple = ()
    after: int = 10
    seed: int = 1


def near_square(n):
    """Return the mixing matrix of a torus of n participants, as square as n allows."""
    rows = max(r for r in range(1, int(n**0.5) + 1) if n % r == 0)
    return graphs.torus(rows, n // rows)


GRAPHS = {
    "ring": lambda n, seed: graphs.ring(n),
    "line": lambda n, seed: graphs.line(n),
    "star": lambda n, seed: graphs.star(n),
    "torus": lambda n, seed: near_square(n),
    "random": lambda n, seed: graphs.random(n, RANDOM_LINKS, np.random.default_rng(seed)),
    "barbell": lambda n, seed: graphs.barbell(n),
    "complete": lambda n, seed: graphs.complete(n),
}


@lru_cache(maxsize=64)
def ready_made(graph, n, seed):
    """Return which of the pairs a graph joins, as it is before anybody edits it."""
    matrix = GRAPHS[graph](n, seed)
    return tuple(j < n and bool(matrix[i, j]) for i, j in PAIRS)


def own_link(state, k, _=0):
    """Return 1.0 if the graph joins pair k, else 0.0."""
    return float(ready_made(state.graph, state.participants, state.seed)[k])


LINKS = Series(
    "links", 0, 1, own_link, rows=len(PAIRS), shown="", options=("off", "on"),
    until=("graph", "participants"),
)  # fmt: skip
GONE = Series("gone", 0, 1, lambda s, i, j: 0.0, shown="", options=("here", "gone"))

CONTROLS = (
    Group("picture", (Choice("look", WAYS),)),
    Group(
        "participants",
        (
            Choice("data", tuple(DATA)),
            Slider("participants", 3, MOST, symbol="N"),
            Slider("beta", 0.1, 100, 20, symbol="β", scale="log"),
            Seed(),
        ),
    ),
    Group(
        "training",
        (
            Slider("epochs", 1, 5, symbol="E"),
            Slider("alpha", 0.05, 2, 0.05, symbol="α", digits=2),
        ),
    ),
    Group("graph", (Choice("graph", tuple(GRAPHS)), LINKS)),
    Group(
        "taken_away",
        (Toggle("server_down"), GONE, Slider("after", 0, ROUNDS - 1, symbol="r")),
    ),
)

BRIDGE = PAIRS.index((3, 4))  # of the barbell of eight
PRESETS = {
    "same": {},
    "ring": {"look": "gossip"},
    "complete": {"look": "gossip", "graph": "complete"},
    "server_gone": {"server_down": True},
    "bridge": {
        "look": "gossip", "graph": "barbell", "beta": 0.5, "links": ((),) * BRIDGE + ((0.0,),),
    },
}  # fmt: skip


# Who is there, and who is joined to whom.


def leaving(state):
    """Return who leaves after round r, shape (N,)."""
    return np.array([bool(gone) for (gone,) in GONE.full(state)])


@lru_cache(maxsize=16)
def wanted(state):
    """Return which of the N(N − 1)/2 pairs are joined before round r and after it, (2, pairs)."""
    pairs = state.participants * (state.participants - 1) // 2
    drawn = np.array(ready_made(state.graph, state.participants, state.seed)[:pairs])
    now = np.array([bool(on) for (on,) in LINKS.full(state)[:pairs]])
    gone = leaving(state)
    there = np.array([not (gone[i] or gone[j]) for i, j in PAIRS[:pairs]])
    joined = np.array([drawn | now, now & there])
    joined.flags.writeable = False
    return joined


def edges(joined):
    """Return the pairs that are joined, as a tuple of (i, j)."""
    return tuple(pair for pair, on in zip(PAIRS, joined, strict=False) if on)


@lru_cache(maxsize=32)
def parts_of(state, before=False):
    """Return how many parts the graph falls into, and the spectral gap, of those who are there."""
    pairs = edges(wanted(state)[0 if before else 1])
    here = np.arange(state.participants) if before else np.flatnonzero(~leaving(state))
    if not len(here):
        return 0, 0.0
    matrix = graphs.mixing(pairs, state.participants)[np.ix_(here, here)]
    reach = np.linalg.matrix_power((matrix > 0).astype(int), len(here)) > 0
    return len(np.unique(reach, axis=0)), graphs.gap(matrix)


# The training.


@dataclass(frozen=True)
class Leg:
    """So many rounds with these members, and with gossip along these edges."""

    rounds: int
    members: tuple
    edges: tuple = ()


@lru_cache(maxsize=64)
def legs(state, way):
    """Return the legs of a way's run; after the last of them it stands still."""
    everyone, r, gone = tuple(range(state.participants)), state.after, leaving(state)
    here = tuple(np.flatnonzero(~gone).tolist())
    before, after = (edges(joined) for joined in wanted(state))
    still = [Leg(0, everyone)]
    if way in ("alone", "gossip") and not here:
        found = [Leg(r, everyone, before if way == "gossip" else ())]
    elif way == "alone":
        found = [Leg(ROUNDS, everyone)]
    elif way == "gossip":
        found = [Leg(r, everyone, before), Leg(ROUNDS - r, here, after)]
        found = found if (before, everyone) != (after, here) else [Leg(ROUNDS, everyone, before)]
    elif way == "centralised":
        there = everyone if r else here
        found = [Leg(r if state.server_down else ROUNDS, there)] if there else still
    elif state.server_down or not here:
        found = [Leg(r, everyone)]
    else:
        found = [Leg(r, everyone), Leg(ROUNDS - r, here)] if gone.any() else [Leg(ROUNDS, everyone)]
    return tuple(leg for leg in found if leg.rounds) or tuple(still)


def algorithm(way, n, leg):
    """Return a way's algorithm in a leg."""
    if way == "gossip":
        return Gossip(graphs.mixing(leg.edges, n))
    return {"centralised": Centralised(), "federated": FedAvg(), "alone": Gossip(graphs.alone(n))}[
        way
    ]


@dataclass(frozen=True, eq=False)
class Problem:
    """The data, who holds which examples, and the parameters at the start."""

    data: object
    parts: object
    theta: list

    def federation(self, members):
        """Return the federation of some of the participants."""
        return Federation.from_data(self.data, [self.parts.indices[i] for i in members])


@lru_cache(maxsize=8)
def problem_of(data, participants, beta, seed):
    """Return the data of a state, divided into equal shares, and θ at the start."""
    known, rng = DATA[data](), np.random.default_rng(seed)
    sizes = datasets.equal_sizes(len(known.y_train), participants)
    parts = datasets.dirichlet(known.y_train, participants, beta, rng, sizes=sizes)
    return Problem(known, parts, models.init((known.features, known.classes), rng))


class Tape:
    """One way's run as far as it has been followed: what each has learnt, and what travelled."""

    def __init__(self, problem, way, course, alpha, epochs, seed):
        self.problem, self.way, self.legs = problem, way, list(course)
        self.options = {"alpha": alpha, "epochs": epochs, "batch": BATCH}
        self.n = len(problem.parts.indices)
        self.accuracy, self.bits, self.spread = [], [0], []
        self.run, self.left, self.seed = None, 0, seed
        self.begin()
        self.measure()

    @property
    def rounds(self):
        """Rounds done."""
        return len(self.accuracy) - 1

    def begin(self):
        """Begin the next leg, where the one before has ended."""
        self.leg = self.legs.pop(0)
        alone = self.way in ("alone", "gossip")
        federation = self.problem.federation(range(self.n) if alone else self.leg.members)
        plan = Plan(algorithm(self.way, self.n, self.leg), **self.options)
        theta, self.left = self.problem.theta, self.leg.rounds
        if self.run is None:
            self.run = Run(federation, plan, theta, np.random.default_rng(self.seed), every=0)
        else:
            self.run = Run.resume(federation, plan, theta, self.run.state, every=0)

    def measure(self):
        """Note how good each one's model is, and how far the members' models lie apart."""
        data, layers = self.problem.data, self.run.models
        if layers is None:
            good = models.accuracy(self.run.theta, data.x_test, data.y_test)
            self.accuracy.append(np.full(self.n, good))
            self.spread.append(0.0)
            return
        weights, bias = layers
        wide = [weights.transpose(1, 0, 2).reshape(data.features, -1), bias.ravel()]
        scores = models.logits(wide, data.x_test).reshape(-1, self.n, data.classes)
        self.accuracy.append((scores.argmax(axis=2) == data.y_test[:, None]).mean(axis=0))
        flat = np.concatenate([weights.reshape(self.n, -1), bias], axis=1)[list(self.leg.members)]
        self.spread.append(float(np.sqrt(((flat - flat.mean(axis=0)) ** 2).sum(axis=1).mean())))

    def reach(self, rounds):
        """Follow the run up to this round; it stands still where there is no leg left."""
        while self.rounds < rounds:
            if not self.left and self.legs:
                self.begin()
            if self.left:
                self.run.step()
                self.left -= 1
                history = self.run.history
                self.bits.append(int(history.bits_up[-1] + history.bits_down[-1]))
                self.measure()
            else:
                self.bits.append(0)
                self.accuracy.append(self.accuracy[-1])
                self.spread.append(self.spread[-1])


@lru_cache(maxsize=24)
def tape(problem, way, course, alpha, epochs, seed):
    """Return a run, as far as it was followed for an earlier picture."""
    return Tape(problem, way, course, alpha, epochs, seed)


@dataclass(frozen=True, eq=False)
class Result:
    """The four ways; the arrays' first axis is the way, the second the round from 0."""

    state: State
    problem: Problem
    accuracy: np.ndarray  # (4, K, N) of each one's model, or the server's, on the test examples
    moved: np.ndarray  # (4, K) bytes so far
    spread: np.ndarray  # (4, K) how far the models lie from their mean
    here: np.ndarray  # (K, N) who is there

    @property
    def rounds(self):
        """Rounds done."""
        return self.accuracy.shape[1] - 1

    def over(self, how, way):
        """Return the mean, least or greatest accuracy of those who are there, (K,)."""
        there = self.here if way != "centralised" else np.ones_like(self.here)
        return how(np.where(there, self.accuracy[WAYS.index(way)], np.nan), axis=1)


def grow(state):
    """Yield results while the four runs go on."""
    problem = problem_of(state.data, state.participants, state.beta, state.seed)
    settings = state.alpha, state.epochs, state.seed
    tapes = [tape(problem, way, legs(state, way), *settings) for way in WAYS]
    while (done := min(t.rounds for t in tapes)) < ROUNDS:
        if done:
            yield result_of(state, problem, tapes, done)
        for each in tapes:
            each.reach(min(done + max(1, STRIDE // state.epochs), ROUNDS))
    yield result_of(state, problem, tapes, ROUNDS)


def compute(state):
    """Train in all four ways, to the last round."""
    return last(grow(state))


def result_of(state, problem, tapes, rounds):
    """Return what is known after so many rounds; who has left keeps what it had."""
    k, gone = rounds + 1, leaving(state)
    accuracy = np.array([t.accuracy[:k] for t in tapes])
    here = ~(taken_away(state, k)[:, None] & gone)
    left = min(state.after, rounds)
    accuracy[1:, left:, gone] = accuracy[1:, left : left + 1, gone]
    here[~here.any(axis=1)] = True  # where nobody is left, all that they have kept is shown
    moved = np.cumsum([t.bits[:k] for t in tapes], axis=1) / 8
    return Result(state, problem, accuracy, moved, np.array([t.spread[:k] for t in tapes]), here)


def taken_away(state, frames):
    """Return from which picture on what is taken away is gone, shape (frames,)."""
    return (np.arange(frames) > state.after) | (state.after == 0)


def is_disturbed(state):
    """Return whether anything is taken away."""
    before, after = wanted(state)
    return bool(state.server_down or leaving(state).any() or (before != after).any())


def stands_still(state, way):
    """Return whether a way stands still after round r."""
    return sum(leg.rounds for leg in legs(state, way)) < ROUNDS


# What others get to see.


def model_bytes(problem):
    """Return how many bytes a model takes on the way."""
    return sum(Cast().encode(layer).bits for layer in problem.theta) / 8


def seen(result):
    """Return how many of others' examples and models each kind of party has been given, by round.

    Returns
    -------
    dict of str to ndarray, shape (K,)
        The server's examples and models, a participant's averages, and the models of the
        participant in gossip who has been given most.
    """
    state, frames = result.state, result.rounds + 1
    rounds = np.arange(frames)
    (first, *_), course = legs(state, "centralised"), legs(state, "federated")
    examples = result.problem.parts.sizes[list(first.members)].sum() * (first.rounds > 0)
    ends = np.cumsum([0, *(leg.rounds for leg in course)])
    models_in = sum(
        len(leg.members) * np.clip(rounds - start, 0, leg.rounds)
        for leg, start in zip(course, ends, strict=False)
    )
    degrees = neighbours(state)
    begun = np.minimum(rounds, state.after)
    given = begun[:, None] * degrees[0] + (rounds - begun)[:, None] * degrees[1]
    return {
        "examples": np.where(rounds > 0, examples, 0),
        "models": models_in,
        "averages": np.minimum(rounds, ends[-1]),
        "most": given.max(axis=1),
    }


def neighbours(state):
    """Return how many neighbours each has before round r and after it, (2, N)."""
    counts = np.zeros((2, state.participants), dtype=int)
    for when, joined in enumerate(wanted(state)):
        for pair in edges(joined):
            counts[when, list(pair)] += 1
    return counts


# The picture, in units of its width and height.

SERVER_SIZE = (0.36, 0.17)
HIGH = 0.13


def box_size(n):
    """Return the width and height of a participant's box."""
    return (0.2 if n <= 8 else 0.165), HIGH


def places(n):
    """Return where n participants stand: on an oval, the first on top."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    wide, high = box_size(n)
    reach = np.array([0.5 - wide / 2 - 0.004, 0.5 - high / 2 - 0.006])
    return 0.5 + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def draw(result, t, kept=()):
    """Return the picture of the way looked at, and the four ways side by side."""
    return Scene(
        main=draw_participants(result, t),
        cards=(
            draw_headline(result, t),
            draw_accuracy(result, t, kept),
            draw_ways(result, t),
            draw_seen(result, t),
        ),
        notice=notices(result, t),
        frames=result.rounds + 1,
        expected=ROUNDS + 1,
        start=-1,
    )


def draw_participants(result, t):
    """Return who is there, what travels between them, and how good each one's model is."""
    state = result.state
    spots, size = places(state.participants), box_size(state.participants)
    marks = [*draw_links(result, spots, t)]
    marks.append(draw_boxes(result, spots, size, t))
    marks += draw_labels(result, spots, size)
    if state.look != "centralised":
        marks += draw_bars(result, spots, size)
    if state.look in ("centralised", "federated"):
        marks.append(draw_server(result, t))
    return Chart(
        tuple(marks),
        Axis(0, 1, hidden=True),
        Axis(0, 1, hidden=True),
        describe=t(f"describe_{state.look}", n=state.participants),
        least=430,
    )


def draw_links(result, spots, t):
    """Return the links of the way looked at, and what travels along them in each round."""
    state, frames = result.state, result.rounds + 1
    if state.look == "alone":
        return []
    if state.look == "gossip":
        ends = np.array([[spots[i], spots[j]] for i, j in PAIRS if j < state.participants])
        flow, names = gossip_flow(state, frames), link_names(state, t)
        return [Links(ends, flow, (COLORS["gossip"],), "links", names)]
    server = np.full_like(spots, 0.5)
    sends = state.look == "centralised"
    ends = np.stack([spots, server] if sends else [server, spots], axis=1)
    return [Links(ends, server_flow(state, frames), (COLORS[state.look],))]


def gossip_flow(state, frames):
    """Return what travels along each pair's link in each round, (frames, pairs)."""
    before, after = wanted(state)
    off, gone = taken_away(state, frames)[:, None], leaving(state)
    left = np.array([gone[i] or gone[j] for i, j in PAIRS[: len(before)]])
    used = np.where(np.arange(frames)[:, None] > 0, SWAP, IDLE)
    doomed = np.where(before & ~after, -1, 1)
    ended = np.where(left, -IDLE, CUT)
    flow = np.where(off & before & ~after, ended, doomed * used)
    return np.where(before, flow, ABSENT)


def server_flow(state, frames):
    """Return what travels between the server and each participant in each round, (frames, N)."""
    rounds, off = np.arange(frames)[:, None], taken_away(state, frames)[:, None]
    gone = leaving(state)
    if state.look == "centralised":
        flow = np.where((rounds == 1) & ~(off & gone), OUT, IDLE)
    else:
        flow = np.where(rounds > 0, RETURN, IDLE)
    flow = np.where(gone, np.where(off, -IDLE, -flow), flow)
    if state.server_down:
        flow = np.where(off, CUT, -np.abs(flow))
    return flow + np.zeros((1, state.participants))


def link_names(state, t):
    """Return what a screen reader says of each pair's link."""
    pairs = PAIRS[: state.participants * (state.participants - 1) // 2]
    drawn = ready_made(state.graph, state.participants, state.seed)
    now = LINKS.full(state)

    def word(k):
        return "on" if now[k][0] else "cut" if drawn[k] else "off"

    return tuple(f"{i + 1}–{j + 1}: {t('link_' + word(k))}" for k, (i, j) in enumerate(pairs))


def percent(value, t, digits=0):
    """Return a share as text."""
    return t("percent", value=f"{100 * value:.{digits}f}")


def draw_boxes(result, spots, size, t):
    """Return the participants' boxes; a press takes one away after round r."""
    state, n = result.state, result.state.participants
    gone, off = leaving(state), taken_away(state, result.rounds + 1)
    shares = result.accuracy[WAYS.index(state.look)]
    counts = result.problem.parts.sizes

    def line(f, i):
        if off[f] and gone[i]:
            return t("left")
        central = state.look == "centralised"
        return t("holds_short", n=counts[i]) if central else percent(shares[f, i], t)

    frames = range(result.rounds + 1)
    return Boxes(
        spots,
        size,
        tuple(str(i + 1) for i in range(n)),
        tuple("error" if gone[i] else "edge" for i in range(n)),
        tuple(tuple((line(f, i),) for i in range(n)) for f in frames),
        tuple(tuple("off" if off[f] and gone[i] else "plain" for i in range(n)) for f in frames),
        key="gone",
        names=tuple(
            t("name_gone" if gone[i] else "name_here", n=i + 1, r=state.after) for i in range(n)
        ),
    )


def draw_labels(result, spots, size):
    """Return each participant's examples by label, as small bars in its box."""
    counts = result.problem.parts.counts
    classes = counts.shape[1]
    wide, high = 0.6 * size[0], 0.36 * size[1]
    left, low = spots[:, 0] - 0.16 * size[0], spots[:, 1] + 0.04 * size[1]
    step = min(wide / classes, wide / 6)
    x = left[:, None] + step * np.arange(classes)
    y = low[:, None] + high * counts / counts.max()
    base = np.broadcast_to(low[:, None], x.shape)
    boxes = np.stack([x, base, x + 0.8 * step, y], axis=2).reshape(-1, 4)
    return [Bands(boxes, ("many",), radius=1)]


def draw_bars(result, spots, size):
    """Return a bar at the foot of each box: the accuracy of the participant's model."""
    shares = result.accuracy[WAYS.index(result.state.look)]
    left, width = spots[:, 0] - 0.43 * size[0], 0.86 * size[0]
    low = spots[:, 1] - 0.43 * size[1]
    whole = np.stack([left, low, left + width, low + 0.07 * size[1]], axis=1)
    parts = np.repeat(whole[None], len(shares), axis=0)
    parts[:, :, 2] = left + width * shares
    color = COLORS[result.state.look]
    return [Bands(whole, ("track",), radius=2), Bands(parts, (color,), radius=2)]


def draw_server(result, t):
    """Return the server; a press takes it away after round r."""
    state, given = result.state, seen(result)
    off = taken_away(state, result.rounds + 1) & state.server_down
    shares = result.over(np.nanmean, state.look)
    what = "examples" if state.look == "centralised" else "models"

    def lines(f):
        if off[f]:
            return (t("down"), t("server_kept", round=min(f, state.after)))
        return (t(f"server_{what}", n=f"{given[what][f]:,}"), percent(shares[f], t))

    frames = range(result.rounds + 1)
    return Boxes(
        np.array([[0.5, 0.5]]),
        SERVER_SIZE,
        (t("server"),),
        ("error" if state.server_down else COLORS[state.look],),
        tuple((lines(f),) for f in frames),
        tuple(("off" if off[f] else "active",) for f in frames),
        key="server_down",
        names=(t("server_name_down" if state.server_down else "server_name_up", r=state.after),),
    )


def draw_headline(result, t):
    """Return the way looked at: its accuracy by round, and how its links stand."""
    state, frames = result.state, range(result.rounds + 1)
    off = taken_away(state, result.rounds + 1)
    shares = result.over(np.nanmean, state.look)
    words = [badge(state, bool(gone), t) for gone in off]
    return Headline(
        t("headline_title", way=t(f"look_{state.look}")),
        tuple(percent(shares[f], t, 1) for f in frames),
        tuple(word for word, _ in words),
        tuple(tone for _, tone in words),
        tuple(carried(result, f, bool(off[f]), t) for f in frames),
    )


def badge(state, off, t):
    """Return how the links of the way looked at stand, in words, and the tone of it."""
    if state.look == "alone":
        return t("badge_alone"), "plain"
    if state.look != "gossip":
        still = off and stands_still(state, state.look)
        return t("badge_still" if still else "badge_server"), "bad" if still else "good"
    parts, gap = parts_of(state, before=not off)
    if parts == 1:
        return t("badge_joined", gap=f"{gap:.2f}"), "good"
    return t("badge_parts", n=parts), "bad"


def carried(result, f, off, t):
    """Return what each link carries in a round, in words."""
    state = result.state
    size = f"{model_bytes(result.problem) / 1000:.1f}"
    if state.look == "alone":
        return t("carried_nothing")
    if state.look == "centralised":
        return t("carried_examples", size=f"{result.moved[0, -1] / 1000:.0f}")
    if state.look == "federated":
        if off and stands_still(state, "federated"):
            return t("carried_still", r=state.after)
        (*_, leg) = legs(state, "federated")
        n = len(leg.members) if off else state.participants
        return t("carried_models", n=n, size=size)
    n = int(wanted(state)[int(off)].sum())
    return t("carried_gossip", n=n, size=size)


def draw_accuracy(result, t, kept):
    """Return the accuracy of the four ways by round: the mean, and from worst to best."""
    rounds = np.arange(result.rounds + 1)
    least = LEAST[result.state.data]
    means = {way: result.over(np.nanmean, way) for way in WAYS}
    bands = [
        np.stack([rounds, result.over(np.nanmin, way), result.over(np.nanmax, way)], axis=1)
        for way in ("alone", "gossip")
    ]
    marks = [Areas(np.array(bands), (COLORS["alone"], COLORS["gossip"]), opacity=0.16)]
    if is_disturbed(result.state):
        line = np.array([[[result.state.after, least], [result.state.after, 1]]], dtype=float)
        marks.append(Lines(line, ("error",), width=1.5, dash=True))
    paths = np.array([np.stack([rounds, means[way]], axis=1) for way in WAYS])
    colors = tuple(COLORS[way] for way in WAYS)
    marks += [
        Lines(paths, colors, width=2.5),
        Points(paths.transpose(1, 0, 2), colors, (4.5,), "dot", glide=True),
        *draw_words(means, least, t),
    ]
    for k, (_, other) in enumerate(kept):  # on top: gossip may be as good as a server
        mean = other.over(np.nanmean, "gossip")
        path = np.stack([np.arange(len(mean)), mean], axis=1)[None]
        marks.append(Lines(path, (f"k{k}",), width=2, dash=True))
    tens = tuple((k, str(k)) for k in range(0, ROUNDS + 1, 10))
    ticks = tuple((v, percent(v, t)) for v in np.linspace(least, 1, 3))
    return Chart(
        tuple(marks),
        Axis(0, ROUNDS * 1.45, t("axis_round"), ticks=tens),
        Axis(least, 1, ticks=ticks),
        title=t("card_accuracy"),
        describe=t("describe_accuracy", **{way: percent(means[way][-1], t) for way in WAYS}),
    )


def draw_words(means, least, t):
    """Return the ways' names at the ends of their lines, moved apart where they would touch."""
    order = sorted(WAYS, key=lambda way: means[way][-1])
    gap, heights = 0.105 * (1 - least), []
    for way in order:
        low = heights[-1] + gap if heights else least
        heights.append(max(float(means[way][-1]), low))
    for k in range(len(order))[::-1]:
        high = heights[k + 1] - gap if k < len(order) - 1 else 1 - 0.05 * (1 - least)
        heights[k] = min(heights[k], high)
    return [
        Texts(np.array([[ROUNDS + 1.5, y]]), (t(f"look_{way}"),), color=COLORS[way], size=12)
        for way, y in zip(order, heights, strict=True)
    ]


def draw_ways(result, t):
    """Return the four ways in numbers."""
    share = [[result.over(how, way) for way in WAYS] for how in (np.nanmean, np.nanmin)]
    mean, worst = 100 * np.array(share).transpose(0, 2, 1)
    return Table(
        title=t("card_ways"),
        rows=tuple(t(f"look_{way}") for way in WAYS),
        colors=tuple(COLORS[way] for way in WAYS),
        columns=(
            Column(t("column_mean"), mean, digits=1),
            Column(t("column_worst"), worst, digits=1),
            Column(t("column_apart"), result.spread.T.round(4)),
            Column(t("column_moved"), result.moved.T / 1000, digits=0),
        ),
    )


def draw_seen(result, t):
    """Return what each kind of party has been given of the others'."""
    given = seen(result)
    none = np.zeros_like(given["models"])
    table = (
        ("centralised", given["examples"], none),
        ("alone", none, none),
        ("server", none, given["models"]),
        ("participant", none, given["averages"]),
        ("neighbour", none, given["most"]),
    )
    ways = ("centralised", "alone", "federated", "federated", "gossip")
    return Table(
        title=t("card_seen"),
        rows=tuple(t(f"party_{party}") for party, _, _ in table),
        colors=tuple(COLORS[way] for way in ways),
        columns=(
            Column(t("column_examples"), np.stack([row[1] for row in table], axis=1), digits=0),
            Column(t("column_models"), np.stack([row[2] for row in table], axis=1), digits=0),
        ),
        note=t("seen_note"),
    )


def notices(result, t):
    """Return what is to be seen in this state, and what to try next."""
    state = result.state
    ends = {way: percent(result.over(np.nanmean, way)[-1], t) for way in WAYS}
    parts, _ = parts_of(state)
    if state.server_down:
        return (t("notice_down", r=state.after), t("notice_down_gossip", share=ends["gossip"]),
                t("notice_down_try"))  # fmt: skip
    if leaving(state).any():
        late = "notice_left_late" if state.after else "notice_left_early"
        return (t("notice_left", r=state.after), t(late), t("notice_left_try"))
    if state.look == "gossip" and parts > 1:
        return (t("notice_parts", n=parts), t("notice_parts_try"))
    if state.look == "gossip" and len(edges(wanted(state)[1])) * 2 == (
        state.participants * (state.participants - 1)
    ):
        n = state.participants
        return (t("notice_complete", many=n * (n - 1), few=2 * n), t("notice_complete_try"))
    if state.look == "gossip":
        return (t("notice_gossip"), t("notice_gossip_try"))
    return (t("notice_same", **ends), t(f"notice_{state.look}_try"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    n, here = state.participants, np.flatnonzero(~leaving(state)).tolist()
    here = here or list(range(n))
    load = {"digits": "digits", "tumours": "breast_cancer"}[state.data]
    lines = []
    for way in WAYS:
        lines.append(f"{way} = []")
        for leg in legs(state, way):
            lines.append(f"go_on({way}, {leg.rounds}, {code_of(way, leg, n)})")
    return f"""import numpy as np
import fedlearn_edu as fl

data, rng = fl.data.{load}(), np.random.default_rng({state.seed})
sizes = fl.data.equal_sizes(len(data.y_train), {n})
parts = fl.data.dirichlet(data.y_train, {n}, {state.beta}, rng, sizes=sizes).indices
theta = fl.models.init((data.features, data.classes), rng)
options = dict(alpha={state.alpha}, epochs={state.epochs}, batch={BATCH})


def go_on(runs, rounds, algorithm, members=range({n})):
    federation = fl.Federation.from_data(data, [parts[i] for i in members])
    plan = fl.Plan(algorithm, **options)
    if runs:
        run = fl.Run.resume(federation, plan, theta, runs[-1].state)
    else:
        run = fl.Run(federation, plan, theta, np.random.default_rng({state.seed}))
    runs.append(run.advance(rounds))


def accuracies(runs):
    own = runs[-1].models
    if own is None:
        return [fl.models.accuracy(runs[-1].theta, data.x_test, data.y_test)]
    each = [[layer[i] for layer in own] for i in {here}]
    return [fl.models.accuracy(model, data.x_test, data.y_test) for model in each]


{chr(10).join(lines)}

for runs in (centralised, alone, federated, gossip):
    good = accuracies(runs)
    bits = sum(run.history.bits_up.sum() + run.history.bits_down.sum() for run in runs)
    print("mean", np.mean(good), "worst", min(good), "bytes", bits / 8)
"""


def code_of(way, leg, n):
    """Return a leg's algorithm, and its members where some have left, as code."""
    names = {"centralised": "fl.Centralised()", "federated": "fl.FedAvg()"}
    if way in names:
        whole = len(leg.members) == n
        return names[way] if whole else f"{names[way]}, members={list(leg.members)}"
    return f"fl.Gossip(fl.graphs.mixing({list(leg.edges)}, {n}))"


def table(result):
    """Return every round: each way's accuracy and bytes, and what others have been given."""
    header = ["round"]
    columns = [np.arange(result.rounds + 1)]
    for way in WAYS:
        header += [f"{way}_mean", f"{way}_worst", f"{way}_best", f"{way}_bytes"]
        columns += [result.over(how, way) for how in (np.nanmean, np.nanmin, np.nanmax)]
        columns.append(result.moved[WAYS.index(way)])
    given = seen(result)
    header += ["server_given_examples", "server_given_models", "participant_given_averages"]
    header += ["neighbour_given_models", "alone_apart", "gossip_apart"]
    columns += [*given.values(), result.spread[1], result.spread[3]]
    for way in ("alone", "gossip"):
        shares = result.accuracy[WAYS.index(way)].T
        header += [f"{way}_{i + 1}" for i in range(len(shares))]
        columns += list(shares)
    return tuple(header), list(zip(*(column.tolist() for column in columns), strict=True))


STRINGS = {
    "title": ("Three ways to learn together", "一起学习的三种方式"),
    "summary": (
        "Centralised, federated, by gossip, and alone: the same data, four ways",
        "集中、联邦、流言，还有各学各的：同样的数据，四种学法",
    ),
    "preset_same": ("Four ways, same data", "同样的数据，四种学法"),
    "preset_ring": ("Ring of eight", "八方成环"),
    "preset_complete": ("All with all", "两两相连"),
    "preset_server_gone": ("The server is gone", "服务器没了"),
    "preset_bridge": ("A cut bridge", "断桥"),
    "g_picture": ("Picture", "画面"),
    "g_participants": ("Participants", "参与方"),
    "g_training": ("Training", "训练"),
    "g_graph": ("Who gossips with whom", "谁和谁交流"),
    "g_taken_away": ("Taken away", "拿走什么"),
    "c_look": ("Look at", "查看"),
    "look_centralised": ("Centralised", "集中"),
    "look_alone": ("Alone", "单独"),
    "look_federated": ("Federated", "联邦"),
    "look_gossip": ("Gossip", "流言"),
    "c_data": ("Data", "数据"),
    "data_digits": ("digits", "手写数字"),
    "data_tumours": ("tumours", "肿瘤"),
    "c_participants": ("Number", "数量"),
    "c_beta": ("Alike in labels", "标签相似度"),
    "h_beta": (
        "Everybody holds equally many examples. At a small β each has few labels; "
        "at a large one all have the same mixture. The bars in a box count its labels.",
        "每一方的样本一样多。β 小，各方只有少数几类标签；β 大，各方的标签构成都一样。"
        "方框里的小柱是各类标签的样本数。",
    ),
    "c_epochs": ("Local epochs", "本地遍数"),
    "h_epochs": (
        "Passes over its own examples that each makes in a round, 32 at a time. "
        "The server makes as many over all of them.",
        "每一轮里各方把自己的样本过几遍，每步 32 个。集中训练时，服务器把全部样本过同样的遍数。",
    ),
    "c_alpha": ("Learning rate", "学习率"),
    "c_graph": ("Graph", "拓扑"),
    "h_graph": (
        "Look at gossip and press a line in the picture: a faint one is added from the start, "
        "one of the graph is cut after round r.",
        "切换到“流言”，点击图中的线：点浅色的线，从一开始就连上；点原有的线，第 r 轮之后断开。",
    ),
    "graph_ring": ("ring", "环形"),
    "graph_line": ("line", "线形"),
    "graph_star": ("star", "星形"),
    "graph_torus": ("torus", "环面"),
    "graph_random": ("random", "随机"),
    "graph_barbell": ("two halves", "两半一桥"),
    "graph_complete": ("complete", "完全图"),
    "c_links": ("Links", "连线"),
    "links_off": ("not linked", "未连"),
    "links_on": ("linked", "已连"),
    "c_gone": ("Participants who leave", "离开的参与方"),
    "gone_here": ("here", "在"),
    "gone_gone": ("leaves", "离开"),
    "c_server_down": ("The server goes down", "服务器停机"),
    "c_after": ("After round", "第几轮之后"),
    "h_after": (
        "All that you take away is gone after round r: the server, links of the graph, "
        "and participants, whose boxes you can press.",
        "你拿走的一切都在第 r 轮之后消失：服务器、图里的连线，还有参与方（点击方框即可）。",
    ),
    "c_seed": ("Seed", "随机种子"),
    "percent": ("{value} %", "{value}%"),
    "server": ("Server", "服务器"),
    "server_examples": ("{n} examples", "{n} 个样本"),
    "server_models": ("{n} models seen", "见过 {n} 个模型"),
    "server_kept": ("as of round {round}", "停在第 {round} 轮"),
    "server_name_up": (
        "server: up; press to take it away after round {r}",
        "服务器：运行中；按一下，第 {r} 轮之后停机",
    ),
    "server_name_down": (
        "server: down after round {r}; press to bring it back",
        "服务器：第 {r} 轮之后停机；按一下恢复",
    ),
    "down": ("down", "已停机"),
    "left": ("left", "已离开"),
    "holds_short": ("n = {n}", "n = {n}"),
    "name_here": ("participant {n}: here", "参与方 {n}：在"),
    "name_gone": ("participant {n}: leaves after round {r}", "参与方 {n}：第 {r} 轮之后离开"),
    "link_on": ("linked", "已连"),
    "link_off": ("not linked", "未连"),
    "link_cut": ("cut", "断开"),
    "describe_centralised": (
        "{n} participants around a server; their examples move to it in the first round.",
        "{n} 个参与方围着一台服务器；第一轮，样本全部搬到服务器上。",
    ),
    "describe_alone": (
        "{n} participants without links; each trains on its own examples.",
        "{n} 个参与方之间没有连线，各自只用自己的样本训练。",
    ),
    "describe_federated": (
        "{n} participants around a server; in each round models travel to it and back.",
        "{n} 个参与方围着一台服务器；每一轮，模型在两者之间往返。",
    ),
    "describe_gossip": (
        "{n} participants and the graph of their links; press a link to add or cut it.",
        "{n} 个参与方和它们之间的连线；点击连线可以添加或断开。",
    ),
    "headline_title": ("{way}: accuracy", "{way}：准确率"),
    "badge_alone": ("no cooperation", "互不合作"),
    "badge_server": ("one server for all", "一台服务器"),
    "badge_still": ("stands still", "停滞"),
    "badge_joined": ("connected, spectral gap {gap}", "连通，谱隙 {gap}"),
    "badge_parts": ("components: {n}", "连通分支：{n} 个"),
    "carried_nothing": (
        "the mean; nothing travels, nobody sees anything of the others",
        "各方平均；什么都不传，谁也看不到别人的东西",
    ),
    "carried_examples": (
        "in round 1 the examples move to the server, {size} kB in all, and then nothing more",
        "第 1 轮，样本全部搬到服务器，共 {size} kB，之后不再传输",
    ),
    "carried_models": (
        "{n} links carry {size} kB each way in every round",
        "每一轮，{n} 条连线各自往返传输，单程 {size} kB",
    ),
    "carried_still": (
        "nothing travels; all keep the model of round {r}",
        "不再传输，大家都留着第 {r} 轮的模型",
    ),
    "carried_gossip": (
        "the mean; {n} links carry {size} kB each way in every round",
        "各方平均；每一轮，{n} 条连线双向传输，单程 {size} kB",
    ),
    "card_accuracy": ("Accuracy by round", "准确率随轮次的变化"),
    "axis_round": ("round", "轮次"),
    "describe_accuracy": (
        "Accuracy on the test examples by round; at the end centralised {centralised}, "
        "federated {federated}, gossip {gossip}, alone {alone}.",
        "测试集准确率随轮次的变化；最后，集中 {centralised}，联邦 {federated}，"
        "流言 {gossip}，单独 {alone}。",
    ),
    "card_ways": ("Four ways up to round {frame}", "四种学法，到第 {frame} 轮"),
    "column_mean": ("mean %", "平均 %"),
    "column_worst": ("worst %", "最差 %"),
    "column_apart": ("apart", "模型相距"),
    "column_moved": ("kB", "kB"),
    "card_seen": ("Seen of others up to round {frame}", "到第 {frame} 轮，见过别人的什么"),
    "column_examples": ("examples", "样本"),
    "column_models": ("models", "模型"),
    "seen_note": (
        "A model is no example, but can betray some.",
        "模型不是样本，却可能泄露样本的信息。",
    ),
    "party_centralised": ("Centralised: server", "集中：服务器"),
    "party_alone": ("Alone: nobody", "单独：没有人"),
    "party_server": ("Federated: server", "联邦：服务器"),
    "party_participant": ("Federated: each", "联邦：各方"),
    "party_neighbour": ("Gossip: each, at most", "流言：最多的一方"),
    "notice_same": (
        "At the end: centralised {centralised}, federated {federated}, gossip {gossip}, "
        "alone {alone}. The four differ only in what is shared.",
        "最后：集中 {centralised}，联邦 {federated}，流言 {gossip}，单独 {alone}。"
        "四种学法，差别只在于分享了什么。",
    ),
    "notice_centralised_try": (
        "Raise β: when does it hardly matter any more how they work together?",
        "增大 β：到什么时候，怎么合作就无关紧要了？",
    ),
    "notice_alone_try": (
        "Raise β until everybody alone is nearly as good as all together.",
        "增大 β，直到各学各的也几乎和大家一起学一样好。",
    ),
    "notice_federated_try": (
        "Press the server: who goes on learning without it?",
        "点一下服务器：没有它，谁还能继续学？",
    ),
    "notice_gossip": (
        "What one has learnt reaches a neighbour in a round, and the far side only after several: "
        "the larger the spectral gap, the sooner all agree.",
        "一方学到的东西，一轮传到邻居，好几轮才传到对面：谱隙越大，大家越快一致。",
    ),
    "notice_gossip_try": (
        "Press a faint line across the middle. What does one shortcut do to the spectral gap?",
        "点一条横穿中间的浅色线。一条捷径会让谱隙怎样变化？",
    ),
    "notice_complete": (
        "With everybody's model, everybody makes the mean that a server would. "
        "It takes {many} models a round instead of {few}.",
        "每一方都拿到所有模型，求出的平均就和服务器的一样。"
        "代价是每轮传 {many} 个模型，而不是 {few} 个。",
    ),
    "notice_complete_try": (
        "Keep this run, then choose the ring. What do fewer links cost?",
        "保留这次运行，再换成环形：连线少了，损失多少？",
    ),
    "notice_parts": (
        "The graph is in {n} components. Inside one the models still agree; "
        "nothing that another learns comes through any more.",
        "图分成了 {n} 个连通分支。分支内部仍然趋于一致，别的分支学到的东西再也传不过来。",
    ),
    "notice_parts_try": (
        "Press one faint or cut line that joins them again.",
        "点一条浅色或断开的线，把它们重新连起来。",
    ),
    "notice_down": (
        "After round {r} the server is gone: centralised and federated stand still, "
        "and everybody keeps the model of round {r}.",
        "第 {r} 轮之后服务器没了：集中和联邦都停下来，大家留着第 {r} 轮的模型。",
    ),
    "notice_down_gossip": (
        "Gossip has no server to lose; it goes on to {share}.",
        "流言本来就没有服务器，继续学到 {share}。",
    ),
    "notice_down_try": (
        "Look at gossip, and cut links. How many can it lose?",
        "切换到“流言”，断开几条线。它能承受断多少条？",
    ),
    "notice_left": (
        "Who leaves after round {r} keeps the model of that round; "
        "the others go on without its examples.",
        "谁在第 {r} 轮之后离开，就留着那一轮的模型；其他各方继续学，只是没有了它的样本。",
    ),
    "notice_left_late": (
        "Centralised notices nothing: the examples are on the server already.",
        "集中训练毫无察觉：样本早就在服务器上了。",
    ),
    "notice_left_early": (
        "At r = 0 its examples never reach the server.",
        "r = 0 时，它的样本根本没有到过服务器。",
    ),
    "notice_left_try": (
        "Move r to 0 and back. Which way lets you leave and take your data along?",
        "把 r 移到 0 再移回来。哪种方式可以带着数据离开？",
    ),
}

LAB = Lab(
    name="three_ways",
    order=7,
    minutes=12,
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
