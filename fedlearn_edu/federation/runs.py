"""Running a plan: step by step, stopped and resumed, with its history."""

import math
import os
import time
from contextlib import nullcontext

import numpy as np

from .. import models
from ..checks import whole_number
from .algorithms import Centralised, FedSGD, Gossip, Plan
from .chance import Chance
from .engine import Engine
from .evaluation import Evaluation
from .packing import Packing
from .participants import Federation
from .reference import Reference
from .state import State, first_state
from .wire import Diverged

ENGINES = {"fast": Engine, "reference": Reference}
KEEP = ("locals", "weights", "participation", "predictions")
AHEAD = 8192  # examples for which cohorts are drawn and laid out in one go
STEPS_AHEAD = 16  # rounds, where nobody has said how many there will be


class TrainingHistory:
    """What happened in a run, round by round; grows while the run goes on.

    Attributes
    ----------
    rounds : ndarray of int, shape (K,)
        After how many rounds the model was evaluated; the first is the start.
    loss, accuracy : ndarray, shape (K,)
        Of θ on the test examples; with gossip of the mean of the models.
    local_loss, local_accuracy : ndarray, shape (K, N)
        On each participant's own examples, of θ, with gossip of its own model; if kept.
    weights : list of K lists of layer arrays
        θ; if kept.
    predictions : ndarray of int, shape (K, m)
        What θ takes each of the m test examples for; if kept.
    bits_up, bits_down : ndarray of int, shape (T,)
        What travelled in each round, headers included.
    took_part : ndarray of bool, shape (T, N)
        Who trained in each round; if kept.  With `Centralised`, (T, 1): the server alone.
    watched : list of T lists of layer arrays, or None
        The model of the participant that is watched, after its local steps and before it is sent
        or mixed; None in a round in which it did not take part.

    Examples
    --------
    >>> from fedlearn_edu import models
    >>> federation = Federation([[1.0], [-1.0]], [0, 1], [[0], [1]])
    >>> theta = models.init((1, 2), np.random.default_rng(0))
    >>> train(federation, Plan(), theta, 3, np.random.default_rng(0)).history
    TrainingHistory(rounds=3, accuracy=1.000)
    """

    def __init__(self):
        self._kept = {name: [] for name in _COLUMNS}

    def __repr__(self):
        accuracy = f"{self.accuracy[-1]:.3f}" if len(self.accuracy) else "none"
        return f"TrainingHistory(rounds={len(self.bits_up)}, accuracy={accuracy})"

    def _add(self, **values):
        for name, value in values.items():
            self._kept[name].append(value)

    @property
    def bytes_total(self):
        """Bytes that travelled up to the end of each round, both ways, shape (T,)."""
        return np.cumsum(self.bits_up + self.bits_down) / 8


_COLUMNS = (
    "rounds", "loss", "accuracy", "local_loss", "local_accuracy", "bits_up", "bits_down",
    "took_part", "weights", "predictions", "watched",
)  # fmt: skip


def _column(name):
    def read(self):
        column = self._kept[name]
        return list(column) if name in ("weights", "watched") else np.array(column)

    return property(read, doc=f"See the class: {name}.")


for _name in _COLUMNS:
    setattr(TrainingHistory, _name, _column(_name))


class Run:
    """A plan being carried out on a federation.

    Parameters
    ----------
    federation : Federation
        Who has which examples.
    plan : Plan
        How to train.
    theta : list of ndarray
        [W_1, b_1, …] at the start, such as `models.init` gives; its type is that of all numbers.
    rng : numpy.random.Generator
        Two streams are spawned from it; the same seed gives the same run.
    every : int
        Evaluate after every so many rounds; 0 for never.
    keep : sequence of {"locals", "weights", "participation", "predictions"}
        What else the history keeps.
    watch : int, optional
        A participant whose own models the history keeps.
    engine : {"fast", "reference"}
        All participants at once, or the readable loop; the results are equal to rounding.

    Attributes
    ----------
    history : TrainingHistory

    Raises
    ------
    ValueError, TypeError
        If federation, plan and model do not fit together.

    Examples
    --------
    >>> federation = Federation([[1.0], [-1.0]], [0, 1], [[0], [1]])
    >>> theta = models.init((1, 2), np.random.default_rng(0))
    >>> run = Run(federation, Plan(alpha=0.5), theta, np.random.default_rng(0))
    >>> run.step(), run.round
    (True, 1)
    >>> again = Run.resume(federation, run.plan, theta, run.state)
    >>> bool((again.advance(4).theta[0] == run.advance(4).theta[0]).all())
    True
    """

    def __init__(
        self, federation, plan, theta, rng, *, every=1, keep=(), watch=None, engine="fast"
    ):
        self._prepare(federation, plan, theta, every, keep, watch, engine)
        n = self._federation.participants
        row = self._packing.pack(list(theta))
        self._state = first_state(row, Chance(rng), plan.algorithm, n)
        self._evaluate()

    @classmethod
    def resume(cls, federation, plan, theta, state, *, every=1, keep=(), watch=None, engine="fast"):
        """Return a run that goes on where another stood; its history begins there.

        Parameters
        ----------
        federation, plan, every, keep, watch, engine
            As in `Run`.
        theta : list of ndarray
            Any parameters of the model; only their shapes and type matter.
        state : State
            From `Run.state`.

        Returns
        -------
        Run

        Raises
        ------
        ValueError, TypeError
            If the state is none, or belongs to another model; if it has updates on their way and
            the plan no delay.
        """
        run = cls.__new__(cls)
        run._prepare(federation, plan, theta, every, keep, watch, engine)
        if not isinstance(state, State):
            raise TypeError(f"state is {type(state).__name__}; expected the State of a run")
        needed = first_state(run._packing.pack(list(theta)), None, plan.algorithm, run._n).memory
        has, needs = ({k: v.shape for k, v in memory.items()} for memory in (state.memory, needed))
        if state.theta.shape != (run._packing.size,) or has != needs:
            raise ValueError(
                f"state has {len(state.theta)} parameters and remembers {has}; "
                f"this run needs {run._packing.size} and {needs}"
            )
        if state.late and not plan.delay:
            raise ValueError(
                f"state has {len(state.late)} updates on their way; "
                "this plan has no stragglers with a delay, so that they would never arrive"
            )
        run._state = state.copy()
        run._evaluate()
        return run

    def _prepare(self, federation, plan, theta, every, keep, watch, engine):
        if not isinstance(federation, Federation):
            raise TypeError(f"federation is {type(federation).__name__}; expected Federation")
        if not isinstance(plan, Plan):
            raise TypeError(f"plan is {type(plan).__name__}; expected Plan")
        if isinstance(keep, str) or not set(keep) <= set(KEEP):
            raise ValueError(f"keep is {keep!r}; expected some of {KEEP}, as a tuple")
        self._every, self._keep = whole_number(every, "every", 0), frozenset(keep)
        self.plan, self.history = plan, TrainingHistory()
        self._given = self._federation = federation
        self._ahead = []
        if isinstance(plan.algorithm, Centralised):
            self._federation = federation.pooled()
        self._n = self._federation.participants
        self._watch = None if watch is None else self._someone(watch)
        self._build(theta, engine)

    def _someone(self, i):
        """Return a participant that may be watched."""
        if isinstance(self.plan.algorithm, (FedSGD, Centralised)):
            name = type(self.plan.algorithm).__name__
            raise ValueError(f"watch is {i}; with {name} there are no local models")
        if whole_number(i, "watch", 0) >= self._n:
            raise ValueError(f"watch is {i}; there are {self._n} participants, counted from 0")
        return i

    def _build(self, theta, engine):
        """Have the packing, the engine and the evaluation, having checked that all fits."""
        if engine not in ENGINES:
            raise ValueError(f'engine is {engine!r}; expected "fast" or "reference"')
        sizes, plan = models.sizes_of(theta), self.plan
        check_fit(self._given, plan, sizes[0], sizes[-1])
        self._packing = Packing(sizes)
        self._engine = ENGINES[engine](self._federation, plan, self._packing, self._watch)
        if self._every:
            dtype, local = theta[0].dtype, "locals" in self._keep
            self._evaluation = Evaluation(self._given, self._packing, dtype, local)

    @property
    def round(self):
        """Rounds done."""
        return self._state.round

    @property
    def theta(self):
        """θ as [W_1, b_1, …]; with gossip the mean of the models."""
        return self._packing.unpack(self._state.theta)

    @property
    def models(self):
        """Every participant's model with gossip, stacks (N, …) of the layers; None otherwise."""
        rows = self._state.memory.get("models")
        return None if rows is None else self._packing.unpack(rows)

    @property
    def state(self):
        """A copy of all that the run needs to go on."""
        return self._state.copy()

    @property
    def diverged(self):
        """The round, counted from 1, that could not be finished; None if none."""
        return self._state.diverged

    @property
    def cause(self):
        """Why the run diverged: "local", "codec" or "limit"; None if it did not.

        "local": a participant's numbers overflowed, or what the server sums of them; "codec": the
        codec made a finite number infinite; "limit": θ left the ball of radius `Plan.limit`.
        """
        return self._state.cause

    def step(self):
        """Make one round.

        Returns
        -------
        bool
            Whether it was finished; False once the run has diverged.
        """
        if self.diverged:
            return False
        with _one_thread(), np.errstate(all="ignore"):
            return self._step(self._next(STEPS_AHEAD))

    def advance(self, rounds, progress=True):
        """Make so many rounds, or as many as there are before the run diverges.

        Parameters
        ----------
        rounds : int
            ≥ 0.
        progress : bool
            Whether to show a bar, if tqdm is installed and the rounds take more than a second.

        Returns
        -------
        Run
            This one.

        Raises
        ------
        ValueError, TypeError
            If `rounds` is no integer ≥ 0.
        """
        rounds = whole_number(rounds, "rounds", 0)
        if self.diverged:
            return self
        start, bar = time.perf_counter(), None
        with _one_thread(), np.errstate(all="ignore"):
            for done in range(rounds):
                if not self._step(self._next(rounds - done)):
                    break
                if progress and bar is None and time.perf_counter() - start > 1:
                    bar, progress = _bar(rounds, done), False
                if bar is not None:
                    bar.update()
        if bar is not None:
            bar.close()
        return self

    def _draw(self, rounds):
        plan, federation = self.plan, self._federation
        return self._state.chance.draw(
            rounds, federation.counts, plan.epochs, plan.batch, plan.fraction, plan.dropout,
            plan.stragglers, starts=federation.starts,
        )  # fmt: skip

    def _next(self, most):
        """Return the cohort of the next round; small ones are drawn ahead, so many at most."""
        if not self._ahead:
            plan, state, examples = self.plan, self._state, len(self._federation.y)
            size = int(AHEAD / (plan.epochs * plan.fraction * examples))
            self._ahead = self._draw(range(state.round, state.round + max(1, min(size, most))))
            self._engine.prepare(state, self._ahead)
            self._ahead.reverse()
        return self._ahead.pop()

    def _step(self, cohort):
        state = self._state
        before = state.theta, dict(state.memory), list(state.late)
        try:
            up, down = self._engine.round(state, cohort)
            _check_norm(state.theta, self.plan.limit)
            _check_memory(state.memory)
        except Diverged as stop:
            self._engine.undo()
            state.theta, state.memory, state.late = before
            state.diverged, state.cause = state.round + 1, str(stop)
            return False
        state.round += 1
        self._record(cohort, up, down)
        return True

    def _record(self, cohort, up, down):
        if isinstance(self.plan.algorithm, Centralised) and self._state.round == 1:
            up += self._given.x.size * 32 + self._given.y.size * 8
        self.history._add(bits_up=up, bits_down=down)
        if "participation" in self._keep:
            took_part = np.zeros(self._n, dtype=bool)
            took_part[cohort.active] = True
            self.history._add(took_part=took_part)
        if self._watch is not None:
            own = self._engine.watched
            self.history._add(watched=None if own is None else self._packing.unpack(own))
        if self._every and self._state.round % self._every == 0:
            self._evaluate()

    def _evaluate(self):
        if not self._every:
            return
        state = self._state
        loss, accuracy, *local = self._evaluation.measure(state.theta, state.memory.get("models"))
        self.history._add(rounds=self.round, loss=loss, accuracy=accuracy)
        if "weights" in self._keep:
            self.history._add(weights=self.theta)
        if "predictions" in self._keep:
            self.history._add(predictions=models.predict(self.theta, self._given.x_test))
        if "locals" in self._keep:
            self.history._add(local_loss=local[0], local_accuracy=local[1])


def train(federation, plan, theta, rounds, rng, *, every=1, keep=(), engine="fast"):
    """Make a run of so many rounds and return it.

    Parameters
    ----------
    federation, plan, theta, rng, every, keep, engine
        As in `Run`.
    rounds : int
        T ≥ 0.

    Returns
    -------
    Run
        Its `history` tells what happened, its `theta` is the result.

    Raises
    ------
    ValueError, TypeError
        As `Run`.

    Examples
    --------
    >>> federation = Federation([[1.0], [-1.0]], [0, 1], [[0], [1]])
    >>> theta = [np.zeros((1, 2)), np.zeros(2)]
    >>> run = train(federation, Plan(alpha=1.0), theta, 20, np.random.default_rng(0))
    >>> run.history.loss[[0, -1]].round(3)
    array([0.693, 0.024])
    """
    run = Run(federation, plan, theta, rng, every=every, keep=keep, engine=engine)
    return run.advance(rounds)


def _check_memory(memory):
    """Refuse a server's memory, c or m and v, that is not finite."""
    if not all(np.isfinite(row).all() for row in memory.values() if row.ndim == 1):
        raise Diverged("local")


def _check_norm(theta, limit):
    """Refuse parameters that are not finite, or whose norm is beyond the limit."""
    square = float(theta @ theta)
    if square <= limit * limit and square < math.inf:
        return
    norm = np.linalg.norm(theta.astype(np.float64) / limit)
    if not norm <= 1:
        raise Diverged("limit" if np.isfinite(norm) else "local")


def check_fit(federation, plan, inputs, classes):
    """Refuse a model of so many inputs and classes, or a plan, that the federation does not fit.

    Parameters
    ----------
    federation : Federation
        The examples.
    plan : Plan
        The options.
    inputs, classes : int
        Of the model.

    Raises
    ------
    ValueError
        If so.

    Examples
    --------
    >>> check_fit(Federation([[1.0]], [0], [[0]]), Plan(), 2, 3)
    Traceback (most recent call last):
    ValueError: theta takes 2 inputs, the examples have 1
    """
    if inputs != federation.x.shape[1]:
        raise ValueError(f"theta takes {inputs} inputs, the examples have {federation.x.shape[1]}")
    label = int(max(federation.y.max(), federation.y_test.max()))
    if label >= classes:
        raise ValueError(f"theta knows {classes} classes, the examples have the label {label}")
    if isinstance(plan.algorithm, Gossip):
        n = len(plan.algorithm.mixing)
        if n != federation.participants:
            raise ValueError(
                f"the graph joins {n} participants, the federation has {federation.participants}"
            )
    elif not isinstance(plan.algorithm, Centralised):
        plan.weights_of(federation.counts)


_CONTROLLERS = []


def _one_thread():
    """Return a context in which BLAS uses one thread: small products are slower with more."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return nullcontext()
    if not _CONTROLLERS:
        _CONTROLLERS.append(ThreadpoolController())
    return _CONTROLLERS[0].limit(limits=1, user_api="blas")


def _bar(rounds, done):
    if os.environ.get("TQDM_DISABLE"):  # not every face of tqdm obeys it
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(total=rounds, initial=done, unit=" rounds", leave=False)
