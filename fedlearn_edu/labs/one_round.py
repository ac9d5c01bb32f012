"""One round, by hand: a server, its participants, and the five steps between them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fedlearn_edu.aggregation import contributions, gradient_step, weighted_mean
from fedlearn_edu.labs.controls import Choice, Group, Series, Slider
from fedlearn_edu.labs.lab import Lab
from fedlearn_edu.objectives import Quadratics
from fedlearn_edu.scene import (
    Axis,
    Boxes,
    Chart,
    Column,
    Headline,
    Lines,
    Points,
    Scene,
    Table,
    apportion,
    participant_color,
)

MOST = 6  # participants
LONGEST = 5  # numbers of a participant
OWN_DATA = ((2, 3, 5, 6), (8, 10), (5,), (6, 7, 8), (1, 2, 3), (9, 12))
HERE, DROPS, LATE = range(3)
STEPS = ("initialise", "train", "send", "aggregate", "synchronise")
FRAMES = tuple((0, step) for step in range(6)) + tuple((1, step) for step in range(2, 6))


@dataclass(frozen=True)
class State:
    """All that a control can change."""

    participants: int = 4
    data: tuple = ()
    presence: tuple = ()
    start: float = 0.0
    alpha: float = 0.5
    local_steps: int = 1
    weighting: str = "size"


def own_data(state, i, j):
    """Return participant i's number j at the start, None where it has none."""
    return float(OWN_DATA[i][j]) if j < len(OWN_DATA[i]) else None


DATA = Series(
    "data", -20, 20, own_data, columns=LONGEST, digits=2, shown="grid", open=True, optional=True
)
PRESENCE = Series(
    "presence", 0, 2, lambda s, i, j: 0.0, shown="choices", options=("here", "drops", "late")
)

CONTROLS = (
    Group("participants", (Slider("participants", 2, MOST, symbol="N"), DATA, PRESENCE)),
    Group(
        "server",
        (
            Slider("start", -10, 10, 1, symbol="θ"),
            Choice("weighting", ("size", "equal"), symbol="w"),
        ),
    ),
    Group(
        "training",
        (
            Slider("alpha", 0.05, 1, 0.05, symbol="α", digits=2),
            Slider("local_steps", 1, 5, symbol="E"),
        ),
    ),
)

UNEQUAL = ((1.0, 2.0, 2.0, 2.0, 3.0), (10.0,), (8.0,), (12.0,))
PRESETS = {
    "everybody": {},
    "drops": {"presence": ((), (float(DROPS),))},
    "late": {"presence": ((), (float(LATE),))},
    "unequal": {"data": UNEQUAL, "weighting": "equal"},
}


def numbers(state):
    """Return every participant's numbers: N tuples of one to five."""
    return tuple(tuple(x for x in row if x is not None) for row in DATA.full(state))


def problem_of(state):
    """Return the participants: f_i(θ) = ½ (θ − x̄_i)² up to a constant, so g_i = θ − x̄_i."""
    data = numbers(state)
    means = [[np.mean(x)] for x in data]
    return Quadratics(np.ones(len(data)), means, [len(x) for x in data])


def presences(state):
    """Return who is here, drops out or is late, shape (N,)."""
    return np.array([int(p) for (p,) in PRESENCE.full(state)])


@dataclass(frozen=True, eq=False)
class Round:
    """One round; arrays have one entry a participant, NaN for those that it does not concern."""

    before: float
    trains: np.ndarray
    arrives: np.ndarray
    gradients: np.ndarray  # summed over the local steps
    local: np.ndarray
    updates: np.ndarray
    weights: np.ndarray
    parts: np.ndarray
    after: float
    pooled: float


@dataclass(frozen=True, eq=False)
class Result:
    """Two rounds, and what they were made of."""

    state: State
    problem: Quadratics
    presence: np.ndarray
    rounds: tuple

    @cached_property
    def digits(self):
        """How many digits after the point are shown."""
        return digits_for(self.rounds)

    @cached_property
    def shown(self):
        """Both rounds as they are shown."""
        return tuple(shown_round(self, record) for record in self.rounds)


def compute(state):
    """Carry out two rounds, and beside each the same steps on the pooled data."""
    problem, presence = problem_of(state), presences(state)
    arrives = presence == HERE
    first = play(problem, state, float(state.start), presence != LATE, arrives)
    arrives = presence != DROPS
    second = play(problem, state, first.after, arrives, arrives)
    return Result(state, problem, presence, (first, second))


def play(problem, state, theta, trains, arrives):
    """Carry out one round from θ."""
    local = np.full((problem.participants, 1), theta)
    gradients, pooled = np.zeros_like(local), np.array([theta])
    for _ in range(state.local_steps):
        slopes = problem.gradients(local)
        gradients = gradients + slopes
        local = gradient_step(local, slopes, state.alpha)
        pooled = gradient_step(pooled, problem.gradient(pooled), state.alpha)
    updates, gradients = (local - theta)[:, 0], gradients[:, 0]
    weights, parts = np.full((2, problem.participants), np.nan)
    after = theta
    if arrives.any():
        sizes = problem.counts if state.weighting == "size" else np.ones(problem.participants)
        weights[arrives] = sizes[arrives] / sizes[arrives].sum()
        parts[arrives] = contributions(updates[arrives], sizes[arrives])
        after = float(theta + weighted_mean(updates[arrives], sizes[arrives]))
    only = np.where(trains, 1.0, np.nan)
    return Round(
        theta, trains, arrives, only * gradients, only * local[:, 0], only * updates,
        weights, parts, after, float(pooled[0]),
    )  # fmt: skip


# What is shown: rounded so that what stands in a column adds up to what stands at its foot.


@dataclass(frozen=True, eq=False)
class Shown:
    """A round's numbers as they stand on the screen."""

    before: float
    means: np.ndarray
    gradients: np.ndarray
    local: np.ndarray
    updates: np.ndarray
    weights: np.ndarray
    parts: np.ndarray
    after: float
    pooled: float


def digits_for(rounds):
    """Return 2, or 3 where two digits after the point would not be exact."""
    exact = all(
        np.allclose(np.round(v, 2), v, rtol=0, atol=1e-9, equal_nan=True)
        for r in rounds
        for v in (r.gradients, r.local, r.weights, r.parts, r.after, r.pooled)
    )
    return 2 if exact else 3


def shown_round(result, record):
    """Return one of the rounds as it is shown."""
    digits = result.digits
    before, after, pooled = (
        float(np.round(v, digits)) for v in (record.before, record.after, record.pooled)
    )
    means, local = np.round(result.problem.optima[:, 0], digits), np.round(record.local, digits)
    one = result.state.local_steps == 1
    gradients = before - means if one else np.round(record.gradients, digits)
    parts = apportion(record.parts, after - before, digits)
    return Shown(
        before,
        means,
        np.where(record.trains, gradients, np.nan),
        local,
        local - before,
        apportion(record.weights, 1, digits),
        parts,
        after,
        pooled,
    )


def written(value, digits, signed=False):
    """Return a number as text, with a real minus sign."""
    text = f"{abs(value):.{digits}f}"
    zero = float(text) == 0
    return ("−" if value < 0 and not zero else "+" if signed and not zero else "") + text


def plain(value):
    """Return a number without trailing zeros, with a real minus sign."""
    return f"{round(value, 2):g}".replace("-", "−")


def low(number):
    """Return a number as subscript."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def draw(result, t, kept=()):
    """Return the picture of the federation, the step in words, and its arithmetic."""
    return Scene(
        main=draw_federation(result, t),
        cards=(draw_step(result, t), draw_table(result, t), draw_pooled(result, t)),
        notice=notices(result, t),
        frames=len(FRAMES),
        names=tuple(step_name(r, step, t) for r, step in FRAMES),
        start=2,
    )


def step_name(r, step, t):
    """Return what a step is called."""
    if step == 0:
        return t("before")
    return t(f"{'again' if r else 'step'}_{STEPS[step - 1]}")


# The picture: where things stand, in units of its width and height.

SERVER_SIZE = (0.66, 0.23)


def size_of(n):
    """Return the width and height of a participant's box."""
    return (0.42 if n in (2, 4) else 0.31), 0.27


def places(n):
    """Return where the server and n participants stand."""
    rows = (n,) if n <= 3 else (n - n // 2, n // 2)
    heights = (0.22,) if n <= 3 else (0.855, 0.145)
    spots = [
        ((k + 0.5) / count, y) for count, y in zip(rows, heights, strict=True) for k in range(count)
    ]
    return np.array([0.5, 0.78 if n <= 3 else 0.5]), np.array(spots)


def links(n):
    """Return the links' two ends, (n, 2) at the participants and (n, 2) at the server."""
    server, spots = places(n)
    reach = SERVER_SIZE[0] / 2 - 0.06
    side = np.sign(spots[:, 1] - server[1])
    x = np.clip(spots[:, 0], server[0] - reach, server[0] + reach)
    ends = np.stack([x, server[1] + side * SERVER_SIZE[1] / 2], axis=1)
    return spots - np.stack([0 * side, side * size_of(n)[1] / 2], axis=1), ends


def draw_federation(result, t):
    """Return the picture: boxes, the wires between them, and what travels."""
    n = result.state.participants
    server, spots = places(n)
    colors = tuple(participant_color(i) for i in range(n))
    lines, tones, titles = boxes_of(result, t)
    server_lines, server_tones = server_of(result, t)
    return Chart(
        (
            Lines(wires(result), colors, width=1.5, opacity=0.6),
            *packets(result, colors),
            Boxes(
                spots, size_of(n), titles, colors, lines, tones, key="presence",
                names=tuple(
                    t("press", n=i + 1, word=t(f"presence_{PRESENCE.options[p]}"))
                    for i, p in enumerate(result.presence)
                ),
            ),
            Boxes(server[None], SERVER_SIZE, (t("server"),), ("ink",), server_lines, server_tones),
        ),
        Axis(0, 1, hidden=True),
        Axis(0, 1, hidden=True),
        describe=t("describe", n=n),
        least=400,
    )  # fmt: skip


def there(result):
    """Return who is there in each frame, shape (frames, N)."""
    p = result.presence
    left = [(p == DROPS) & (r > 0 or step >= 3) for r, step in FRAMES]
    before = [(p == LATE) & (r == 0 and step < 3) for r, step in FRAMES]
    return ~(np.array(left) | np.array(before))


def wires(result):
    """Return the links between those that are there and the server, (frames, N, 2, 2)."""
    ends = np.stack(links(result.state.participants), axis=1)
    joined = there(result)
    joined[3] |= result.presence == DROPS
    return np.where(joined[:, :, None, None], ends, np.nan)


def packets(result, colors):
    """Return what travels: Δᵢ to the server, θ back, and a cross where a Δᵢ is lost."""
    n, frames = result.state.participants, range(len(FRAMES))
    marks = []
    for going in (0, 4):
        who = result.rounds[going // 4].trains
        path = [stop(n, min(f - going, 4)) for f in frames]
        dropped = (result.presence == DROPS) & (going == 0)
        path[3][dropped] = along(n, 0.5)[dropped]
        for f in range(4, len(FRAMES)):
            path[f][dropped] = np.nan
        points = np.where(who[:, None], path, np.nan)
        labels = tuple(f"Δ{low(i + 1)}" for i in range(n))
        marks.append(Points(points, colors, (12,), "badge", labels, glide=True))
    for arrives in (1, 5, 9):
        path = np.array([stop(n, 4 if f < arrives else 5 if f == arrives else 6) for f in frames])
        points = np.where(there(result)[arrives][None, :, None], path, np.nan)
        marks.append(Points(points, ("ink",), (11,), "badge", ("θ",) * n, glide=True))
    lost = (result.presence == DROPS)[None, :, None] & np.isin(frames, (3, 4))[:, None, None]
    crosses = np.where(lost, along(n, 0.5), np.nan)
    return (*marks, Points(crosses, ("error",), (8,), "cross"))


def along(n, part):
    """Return the points at this part of the way from each participant to the server."""
    near, far = links(n)
    return near + part * (far - near)


def stop(n, step):
    """Return where packets are after a step: hidden in a box, or beside it."""
    server, spots = places(n)
    if step <= 1 or step >= 6:
        return spots.copy()
    if step == 4:
        return np.stack([along(n, 1)[:, 0], np.full(n, server[1])], axis=1)
    return along(n, 0.7 if step == 3 else 0.3)


def boxes_of(result, t):
    """Return the lines, tones and titles of the participants' boxes."""
    n, digits = result.state.participants, result.digits
    here = there(result)
    lines, tones = [], []
    for f, (r, step) in enumerate(FRAMES):
        local, updates = held(result, f)
        rows, mood = [], []
        for i in range(n):
            theta = "–" if np.isnan(local[i]) else written(local[i], digits)
            delta = "–" if np.isnan(updates[i]) else written(updates[i], digits, signed=True)
            rows.append((
                data_words(result, i, t),
                f"θ{low(i + 1)} = {theta}",
                f"Δ{low(i + 1)} = {delta}",
                t(f"is_{standing(result, r, step, i)}"),
            ))  # fmt: skip
            acts = step in (2, 3) and result.rounds[r].trains[i]
            mood.append("off" if not here[f, i] else "active" if acts else "plain")
        lines.append(tuple(rows))
        tones.append(tuple(mood))
    titles = tuple(t("participant_n", n=i + 1) for i in range(n))
    return tuple(lines), tuple(tones), titles


def held(result, f):
    """Return each participant's θᵢ and Δᵢ in a frame, NaN where it has none."""
    r, step = FRAMES[f]
    now, none = result.shown[r], np.full(result.state.participants, np.nan)
    if f == 0:
        return none, none
    if f == 1:
        return np.where(result.presence == LATE, np.nan, now.before), none
    dropped = np.where(result.presence == DROPS, result.shown[0].local, np.nan)
    if step == 5:
        return np.where(result.presence == DROPS, dropped, now.after), none
    return np.where(result.rounds[r].trains, now.local, dropped), now.updates


def standing(result, r, step, i):
    """Return the word for how a participant stands after a step."""
    presence = result.presence[i]
    if presence == DROPS and (r > 0 or step >= 3):
        return "gone"
    if presence == LATE and r == 0 and step < 5:
        return "away" if step < 3 else "arrived"
    return ("ready", "copied", "trained", "sent", "waiting", "synchronised")[step]


def data_words(result, i, t):
    """Return participant i's numbers, or how many they are and their mean."""
    data = numbers(result.state)[i]
    text = "  ".join(plain(x) for x in data)
    if len(text) <= 18:
        return text
    return t("data_many", n=len(data), mean=plain(result.problem.optima[i, 0]))


def server_of(result, t):
    """Return the lines and tones of the server's box."""
    digits = result.digits
    lines, tones = [], []
    for r, step in FRAMES:
        now, record = result.shown[r], result.rounds[r]
        old, new = written(now.before, digits), written(now.after, digits)
        theta = "–" if step == 0 else f"{old} → {new}" if step == 4 else new if step > 4 else old
        came = "  ".join(f"Δ{low(i + 1)}" for i in np.flatnonzero(record.arrives)) or "–"
        change = written(now.after - now.before, digits, signed=True)
        lines.append(((
            f"θ = {theta}",
            t("arrived", which=came if step in (3, 4) else "–"),
            f"Σ wᵢΔᵢ = {change if step == 4 else '–'}",
        ),))  # fmt: skip
        tones.append(("active" if step in (1, 4, 5) else "plain",))
    return tuple(lines), tuple(tones)


# The cards.


def draw_step(result, t):
    """Return the step in words."""
    titles, values, badges, moods, notes = [], [], [], [], []
    for r, step in FRAMES:
        record = result.rounds[r]
        titles.append(t("card_step", n=step, r=r + 1) if step else t("card_before"))
        values.append(t(f"step_{STEPS[step - 1]}") if step else t("before_value"))
        whole = record.arrives.all()
        count = t("badge_arrived", n=record.arrives.sum(), all=len(record.arrives))
        badges.append(count if step == 3 else "")
        moods.append("good" if whole else "warn" if record.arrives.any() else "bad")
        notes.append(step_note(result, r, step, t))
    return Headline(*(tuple(texts) for texts in (titles, values, badges, moods, notes)))


def step_note(result, r, step, t):
    """Return what happens in a step, in words and with this state's numbers."""
    state, record, now = result.state, result.rounds[r], result.shown[r]
    d = result.digits
    old, new = written(now.before, d), written(now.after, d)
    if step == 0:
        return t("note_before", n=state.participants)
    if step == 1:
        return t("note_initialise", theta=old)
    if step == 2:
        return train_note(result, r, t)
    if step == 3:
        groups = (DROPS, "note_dropped"), (LATE, "note_late")
        more = [t(key, who=who(result, p, t)) for p, key in groups if p in result.presence]
        return t("gap").join([t("note_send"), *(more if r == 0 else [])])
    if step == 4 and not record.arrives.any():
        return t("note_nobody", theta=old)
    if step == 4:
        change = written(abs(now.after - now.before), d)
        sign = "−" if now.after < now.before else "+"
        return t("note_aggregate", old=old, sign=sign, change=change, new=new)
    return t("note_synchronise" if r == 0 else "note_end", theta=new)


def train_note(result, r, t):
    """Return the local training in words, worked through for the first who trains."""
    state, now, d = result.state, result.shown[r], result.digits
    if not result.rounds[r].trains.any():
        return t("note_train_nobody")
    i = int(np.argmax(result.rounds[r].trains))
    said = {
        "n": i + 1,
        "i": low(i + 1),
        "old": written(now.before, d),
        "mean": written(now.means[i], d),
        "new": written(now.local[i], d),
        "alpha": plain(state.alpha),
        "e": state.local_steps,
    }
    return t("note_train" if state.local_steps == 1 else "note_train_more", **said)


def who(result, presence, t):
    """Return the numbers of those with this presence."""
    return t("and").join(str(i + 1) for i in np.flatnonzero(result.presence == presence))


def draw_table(result, t):
    """Return the arithmetic of a round; its columns fill as the steps are carried out."""
    n, digits = result.state.participants, result.digits
    shown = result.shown

    def framed(pick, since):
        """Return a column that stands empty until step ``since`` of each round."""
        rows = [pick(r) if step >= since else np.full(n, np.nan) for r, step in FRAMES]
        return np.array(rows, dtype=float)

    def total(values):
        empty = np.isnan(values).all(axis=1)
        return np.where(empty, np.nan, np.nansum(values, axis=1))[:, None]

    counts = np.array([
        np.where(result.rounds[r].arrives if step >= 3 else result.rounds[r].trains,
                 result.problem.counts, np.nan)
        for r, step in FRAMES
    ])  # fmt: skip
    weights = framed(lambda r: shown[r].weights, 4)
    parts = framed(lambda r: shown[r].parts, 4)
    slope = "gᵢ" if result.state.local_steps == 1 else "Σgᵢ"
    number = {"digits": digits}
    return Table(
        title=tuple(t("card_table", r=r + 1) for r, _ in FRAMES),
        rows=tuple(str(i + 1) for i in range(n)),
        colors=tuple(participant_color(i) for i in range(n)),
        columns=(
            Column("nᵢ", counts, digits=0, total=total(counts)),
            Column(t("column_mean"), shown[0].means, **number),
            Column(slope, framed(lambda r: shown[r].gradients, 2), signed=True, **number),
            Column("Δᵢ", framed(lambda r: shown[r].updates, 2), signed=True, **number),
            Column("wᵢ", weights, total=total(weights), **number),
            Column("wᵢΔᵢ", parts, signed=True, total=total(parts), **number),
        ),
        head="i",
        foot="Σ",
        note=t("note_table", alpha=plain(result.state.alpha), slope=slope),
    )


def agrees(record):
    """Whether a round's new θ is what the same steps on the pooled data give."""
    return bool(np.isclose(record.after, record.pooled, rtol=1e-9, atol=1e-12))


def draw_pooled(result, t):
    """Return the exact answer: the same steps on all the data in one place."""
    state, d = result.state, result.digits
    mean = written(float(np.round(result.problem.optimum()[0], d)), d)
    values, badges, moods, notes = [], [], [], []
    for r, step in FRAMES:
        now, same = result.shown[r], agrees(result.rounds[r])
        values.append(f"θ = {written(now.pooled, d)}")
        word = t("badge_same") if same else t("badge_other", theta=written(now.after, d))
        badges.append(word if step >= 4 else "")
        moods.append("good" if same else "warn")
        old, alpha = written(now.before, d), plain(state.alpha)
        key = "note_pooled" if state.local_steps == 1 else "note_pooled_more"
        said = {"old": old, "alpha": alpha, "mean": mean, "e": state.local_steps}
        notes.append(t(key, new=written(now.pooled, d), **said))
    return Headline(t("card_pooled"), tuple(values), tuple(badges), tuple(moods), tuple(notes))


def notices(result, t):
    """Return what to notice in this state, and what to try next."""
    state, first = result.state, result.rounds[0]
    if not first.arrives.any():
        return (t("notice_nobody"), t("notice_nobody_try"))
    if DROPS in result.presence:
        return (t("notice_drops", who=who(result, DROPS, t)), t("notice_drops_try"))
    if LATE in result.presence:
        return (t("notice_late", who=who(result, LATE, t)), t("notice_late_try"))
    if not agrees(first):
        return (t("notice_equal"), t("notice_equal_try"))
    if state.local_steps > 1:
        return (t("notice_steps", e=state.local_steps), t("notice_steps_try"))
    return (t("notice_same"), t("notice_same_try"))


def code(state):
    """Return a snippet that prints this state's numbers."""
    presence = presences(state)
    arrive = [np.flatnonzero(presence == HERE).tolist(), np.flatnonzero(presence != DROPS).tolist()]
    data = "".join(f"    {[float(x) for x in row]},\n" for row in numbers(state))
    weights = "problem.counts" if state.weighting == "size" else "np.ones(len(data))"
    return f"""import numpy as np
import fedlearn_edu as fl

data = [
{data}]
problem = fl.Quadratics(
    curvatures=np.ones(len(data)),
    optima=[[np.mean(x)] for x in data],
    counts=[len(x) for x in data],
)
weights = {weights}
theta, alpha, steps = np.array([{float(state.start)}]), {state.alpha}, {state.local_steps}
for arrive in {arrive}:
    local, pooled = np.tile(theta, (len(data), 1)), theta
    for _ in range(steps):
        local = fl.gradient_step(local, problem.gradients(local), alpha)
        pooled = fl.gradient_step(pooled, problem.gradient(pooled), alpha)
    updates = local - theta
    if arrive:
        theta = theta + fl.weighted_mean(updates[arrive], weights[arrive])
    print("theta", theta[0], "pooled", pooled[0])
"""


def table(result):
    """Return both rounds, a row a participant."""
    header = (
        "round", "participant", "examples", "mean", "gradient", "local_theta", "update",
        "arrived", "weight", "part", "theta_before", "theta_after", "theta_pooled",
    )  # fmt: skip
    rows = []
    for r, record in enumerate(result.rounds):
        for i, (mean,) in enumerate(result.problem.optima):
            entries = (record.gradients, record.local, record.updates)
            middle = ["" if np.isnan(v[i]) else v[i] for v in entries]
            last = ["" if np.isnan(v[i]) else v[i] for v in (record.weights, record.parts)]
            rows.append((
                r + 1, i + 1, result.problem.counts[i], mean, *middle, int(record.arrives[i]),
                *last, record.before, record.after, record.pooled,
            ))  # fmt: skip
    return header, rows


STRINGS = {
    "title": ("One round, by hand", "亲手走一轮"),
    "summary": ("Five steps; you are the server", "五个步骤，你来当服务器"),
    "preset_everybody": ("Everybody is here", "全员到齐"),
    "preset_drops": ("One drops out", "有人掉线"),
    "preset_late": ("One comes late", "有人迟到"),
    "preset_unequal": ("Unequal data", "数据不均"),
    "g_participants": ("Participants", "参与方"),
    "c_participants": ("Number", "数量"),
    "c_data": ("Numbers that stay at home", "各自的本地数据"),
    "h_data": (
        "One to five numbers each. Empty a cell to take a number away.",
        "每方填一到五个数；清空一格就少一个。",
    ),
    "c_presence": ("Who is here", "谁在场"),
    "h_presence": (
        "Or press a box. Dropped out: trained, but cannot send. Late: misses round 1.",
        "也可以直接点方框。掉线：训练了，却发不出去；迟到：赶不上第 1 轮。",
    ),
    "presence_here": ("here", "在场"),
    "presence_drops": ("drops out", "掉线"),
    "presence_late": ("late", "迟到"),
    "g_server": ("Server", "服务器"),
    "c_start": ("Starts with", "初始值"),
    "c_weighting": ("Weights", "权重"),
    "weighting_size": ("by size", "按样本数"),
    "weighting_equal": ("equal", "相等"),
    "g_training": ("Local training", "本地训练"),
    "c_alpha": ("Learning rate", "学习率"),
    "c_local_steps": ("Local steps", "本地步数"),
    "server": ("Server: you", "服务器：你"),
    "participant_n": ("Participant {n}", "参与方 {n}"),
    "press": ("Participant {n}: {word}. Press to change.", "参与方 {n}：{word}。点一下切换。"),
    "describe": (
        "The server and {n} participants. Updates travel from the participants to the server, "
        "the new θ travels back.",
        "服务器和 {n} 个参与方。更新从参与方传到服务器，新的 θ 再传回来。",
    ),
    "data_many": ("{n} numbers, mean {mean}", "{n} 个数，均值 {mean}"),
    "arrived": ("arrived: {which}", "已收到：{which}"),
    "is_ready": ("ready", "就绪"),
    "is_copied": ("has a copy of θ", "拿到了 θ"),
    "is_trained": ("trained", "训练完了"),
    "is_sent": ("✓ sent", "✓ 已发送"),
    "is_waiting": ("waits", "等待中"),
    "is_synchronised": ("✓ has the new θ", "✓ 拿到新 θ"),
    "is_gone": ("✕ dropped out", "✕ 掉线了"),
    "is_away": ("not here yet", "还没来"),
    "is_arrived": ("just arrived", "刚到"),
    "before": ("before the start", "开始之前"),
    "step_initialise": ("Initialise", "初始化"),
    "step_train": ("Train locally", "本地训练"),
    "step_send": ("Send", "发送更新"),
    "step_aggregate": ("Aggregate", "聚合"),
    "step_synchronise": ("Synchronise", "同步"),
    "again_train": ("Train again", "再训练"),
    "again_send": ("Send again", "再发送"),
    "again_aggregate": ("Aggregate again", "再聚合"),
    "again_synchronise": ("Synchronise again", "再同步"),
    "card_before": ("Before the first round", "第一轮之前"),
    "card_step": ("Round {r}, step {n} of 5", "第 {r} 轮，第 {n} 步（共 5 步）"),
    "before_value": ("Find their mean", "求出均值"),
    "badge_arrived": ("{n} of {all} arrived", "共 {all} 个，收到 {n} 个"),
    "and": (" and ", "、"),
    "gap": (" ", ""),
    "note_before": (
        "You are the server. You want one number θ: the mean of all the numbers of {n} "
        "participants. But you may not see a single one of them.",
        "你是服务器，想求一个数 θ：{n} 个参与方全部数据的均值。可这些数据，你一个也不能看。",
    ),
    "note_initialise": (
        "You choose θ = {theta} and give everybody who is here a copy.",
        "你选定 θ = {theta}，给每个在场的参与方发一份。",
    ),
    "note_train": (
        "Everybody takes one gradient step from θ towards its own numbers. "
        "Participant {n}: θ{i} = {old} − {alpha} × ({old} − {mean}) = {new}.",
        "每个参与方从 θ 出发，用自己的数据走一步梯度下降。"
        "参与方 {n}：θ{i} = {old} − {alpha} × ({old} − {mean}) = {new}。",
    ),
    "note_train_more": (
        "Everybody takes {e} gradient steps towards its own numbers, without asking you. "
        "Participant {n} gets from {old} to θ{i} = {new}.",
        "每个参与方用自己的数据走 {e} 步梯度下降，中途不问你。"
        "参与方 {n} 从 {old} 走到 θ{i} = {new}。",
    ),
    "note_train_nobody": ("Nobody is here to train.", "没有人在场，无从训练。"),
    "note_send": (
        "Only what the training changed travels: Δᵢ = θᵢ − θ. The numbers stay at home.",
        "发出去的只是训练带来的变化：Δᵢ = θᵢ − θ。数据留在本地。",
    ),
    "note_dropped": (
        "Dropped out, training lost: {who}.",
        "参与方 {who} 掉线，这次训练白费了。",
    ),
    "note_late": (
        "Just arrived, with nothing to send yet: {who}.",
        "参与方 {who} 刚到，还没有东西可发。",
    ),
    "note_aggregate": (
        "The weights wᵢ of what arrived add up to 1. New θ = {old} {sign} {change} = {new}.",
        "收到的更新，权重 wᵢ 之和为 1。新 θ = {old} {sign} {change} = {new}。",
    ),
    "note_nobody": ("Nothing arrived: θ stays at {theta}.", "什么也没收到：θ 保持 {theta} 不变。"),
    "note_synchronise": (
        "Everybody who is here gets θ = {theta}. "
        "Without this step each would go on alone, from its own θᵢ.",
        "每个在场的参与方都拿到 θ = {theta}。少了这一步，大家就会从各自的 θᵢ 出发，各走各的。",
    ),
    "note_end": (
        "Everybody who is here has θ = {theta}. Round 3 would begin with local training again.",
        "每个在场的参与方都拿到 θ = {theta}。第 3 轮又会从本地训练开始。",
    ),
    "card_table": ("Round {r}, added up", "第 {r} 轮，逐项相加"),
    "note_table": (
        "gᵢ = θ − mean, Δᵢ = −{alpha} × {slope}. The last sum is new θ − old θ.",
        "gᵢ = θ − 均值，Δᵢ = −{alpha} × {slope}。最后一列之和就是新 θ − 旧 θ。",
    ),
    "column_mean": ("mean", "均值"),
    "card_pooled": ("If all data lay in one place", "假如数据都放在一处"),
    "badge_same": ("the same", "完全一致"),
    "badge_other": ("your round: {theta}", "你这一轮：{theta}"),
    "note_pooled": (
        "One gradient step on all the numbers, whose mean is {mean}: "
        "{old} − {alpha} × ({old} − {mean}) = {new}.",
        "全部数据的均值是 {mean}。走一步梯度下降：{old} − {alpha} × ({old} − {mean}) = {new}。",
    ),
    "note_pooled_more": (
        "{e} gradient steps on all the numbers from {old}, each θ − {alpha} × (θ − {mean}).",
        "用全部数据从 {old} 走 {e} 步梯度下降，每步把 θ 变为 θ − {alpha} × (θ − {mean})。",
    ),
    "notice_same": (
        "At step 4 the new θ is exactly what one gradient step on all the numbers gives, "
        "and no number has left its box.",
        "到第 4 步，新 θ 和用全部数据走一步梯度下降的结果完全一样，而没有一个数离开过自己的方框。",
    ),
    "notice_same_try": (
        "Press a participant's box and send again. How do the weights change?",
        "点一下某个参与方的方框，再发送一次。权重怎么变？",
    ),
    "notice_drops": (
        "Dropped out: {who}. The other weights grow until they add up to 1, "
        "and θ knows nothing of the numbers that were lost.",
        "少了参与方 {who}，其余的权重变大，加起来仍是 1；而 θ 对少掉的那些数一无所知。",
    ),
    "notice_drops_try": (
        "Press the box once more: it comes late instead. What is different in round 2?",
        "再点一下那个方框，改成迟到。第 2 轮有什么不同？",
    ),
    "notice_late": (
        "Late: {who}. Latecomers miss round 1, get the new θ when you synchronise, "
        "and train with the others in round 2.",
        "参与方 {who} 没赶上第 1 轮，同步时拿到新 θ，第 2 轮和大家一起训练。",
    ),
    "notice_late_try": (
        "Compare with the pooled data at step 4 of each round.",
        "比较两轮的第 4 步：哪一轮和“假如数据都放在一处”的结果一致？",
    ),
    "notice_equal": (
        "With equal weights each participant counts as much as any other, "
        "however few numbers it has: θ is not where the pooled data would put it.",
        "权重相等时，不管数据多少，每个参与方都同样算数：θ 就偏离了合并数据的结果。",
    ),
    "notice_equal_try": ("Choose “by size”.", "改选“按样本数”试试。"),
    "notice_steps": (
        "Even {e} local steps agree with {e} steps on the pooled data here, "
        "because all losses have the same curvature.",
        "这里就算本地走 {e} 步，也和合并数据走 {e} 步一致，因为各参与方损失的曲率相同。",
    ),
    "notice_steps_try": (
        "The convergence lab shows when they no longer agree.",
        "“收敛”实验会告诉你，什么时候就不再一致了。",
    ),
    "notice_nobody": (
        "Nobody's update arrives in round 1, so θ stays where it is.",
        "第 1 轮没有收到任何更新，θ 就停在原处。",
    ),
    "notice_nobody_try": ("Press a box to bring somebody back.", "点一下方框，请一个参与方回来。"),
}

LAB = Lab(
    name="one_round",
    order=3,
    minutes=8,
    state=State,
    compute=compute,
    draw=draw,
    controls=CONTROLS,
    presets=PRESETS,
    code=code,
    table=table,
    strings=STRINGS,
)
