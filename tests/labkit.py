"""What the tests of all labs share: random states, and a browser made of Python."""

import numpy as np
from hypothesis import strategies as st

from fedlearn_edu import labs
from fedlearn_edu.labs.controls import Choice, Paint, Seed, Series, Slider, Toggle, clean
from fedlearn_edu.labs.shell import LabWidget

NAMES = labs.NAMES


def largest_state(lab):
    """Every slider at its highest, every table full."""
    values = {
        key: control.high for key, control in lab.by_key.items() if isinstance(control, Slider)
    }
    state, _, _ = clean(lab.by_key, lab.state(), values)
    for key, control in lab.by_key.items():
        if isinstance(control, Series):
            rows, columns = control.shape(state)
            table = np.linspace(control.low, control.high, rows * columns).reshape(rows, columns)
            state, _, _ = clean(lab.by_key, state, {key: table.tolist()})
        if isinstance(control, Paint):
            state, _, _ = clean(lab.by_key, state, {key: painted(control, control.most)})
    return state


def painted(control, n):
    """So many points, spread over the plane and over all values of the tags."""
    ranges = (control.x, control.y, *map(control.range, control.tags))
    spread = [np.linspace(low, high, n) for low, high in ranges]
    points = np.stack([np.roll(column, 7 * k) for k, column in enumerate(spread)], axis=1)
    points[:, :2] = points[:, :2].round(control.digits)
    return [[*point[:2], *map(round, point[2:])] for point in points.tolist()]


def corner_states(lab):
    """One control at a time at each end of its range or each option, tables also at zero."""
    for key, control in lab.by_key.items():
        if isinstance(control, Slider):
            values = [control.low, control.high]
        elif isinstance(control, Choice):
            values = control.options
        elif isinstance(control, Toggle):
            values = [False, True]
        elif isinstance(control, Series):
            rows, columns = control.shape(lab.state())
            values = [[[v] * columns] * rows for v in (control.low, control.high, 0)]
        elif isinstance(control, Paint):
            values = [painted(control, n) for n in (1, 2, control.most)]
        else:
            values = [0, control.high]
        for value in values:
            yield clean(lab.by_key, lab.state(), {key: value})[0]


def raw_value(control, rng, extreme):
    """A value that the control allows: often, if ``extreme``, at an end of its range."""

    def between(low, high):
        if rng.random() < extreme:
            return float(rng.choice([low, high]))
        if getattr(control, "scale", "") == "log":
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return float(rng.uniform(low, high))

    if isinstance(control, Slider):
        return between(control.low, control.high)
    if isinstance(control, Choice):
        return str(rng.choice(control.options))
    if isinstance(control, Toggle):
        return bool(rng.random() < 0.5)
    if isinstance(control, Seed):
        return int(rng.integers(0, control.high + 1))
    if isinstance(control, Paint):
        points = painted(control, control.most)
        return [points[k] for k in rng.permutation(len(points))[: rng.choice([0, 3, 40])]]
    touched = rng.choice([0.0, 0.3, 1.0])
    cells = [
        [between(control.low, control.high) if rng.random() < touched else None for _ in range(10)]
        for _ in range(30)
    ]
    return cells if rng.random() < 0.6 else []


def random_state(lab, seed):
    """A state that a learner could reach; every third one lies at the ends of the ranges."""
    rng = np.random.default_rng(seed)
    extreme = 0.7 if seed % 3 == 0 else 0.1
    chosen = [c for c in lab.by_key.values() if rng.random() < 0.7]
    raw = {control.key: raw_value(control, rng, extreme) for control in chosen}
    state, unknown, _ = clean(lab.by_key, lab.state(), raw)
    assert not unknown
    return state


SEEDS = st.integers(0, 2**32 - 1)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1e400", "-0", "nan", "Infinity", "0x10", "１", "\ud800", "1_0", " 2 "])
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


def allowed(lab, state):
    """Whether a state is one that the controls can have."""
    again, _, _ = clean(lab.by_key, state, {})
    return again == state and type(state) is lab.state


class Browser:
    """Talks to a lab as a browser does, and remembers what it is answered."""

    def __init__(self, name, **options):
        self.lab = labs.load(name)
        self.widget = LabWidget(self.lab, **options)
        self.sent = []
        self.widget.send = lambda content, buffers=None: self.sent.append((content, buffers))
        self.seq = 0

    def raw(self, content):
        message = {"content": {"data": {"method": "custom", "content": content}}, "buffers": []}
        self.widget._handle_msg(message)

    def ask(self, kind, **payload):
        """Send a request; return its answer: a scene, or a message."""
        self.seq += 1
        del self.sent[:]
        self.raw({"kind": kind, "seq": self.seq, **payload})
        if self.sent:
            ((content, buffers),) = self.sent
            assert content["seq"] == self.seq
            return {**content, "buffers": buffers}
        assert self.widget.scene["seq"] == self.seq
        return self.widget.scene
