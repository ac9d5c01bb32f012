"""FedSGD, FedAvg, FedProx and SCAFFOLD on quadratic participants, with the whole history."""

from dataclasses import dataclass

import numpy as np

from ..aggregation import (
    effective_scale,
)
from ..checks import real_array, real_number, whole_number
from ..compression import Cast, Scaling


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """All that happened in a simulation of T finished rounds.

    Attributes
    ----------
    theta : ndarray, shape (T + 1, d)
        Global parameters θ: the start, then after each round.  Always finite.
    local : ndarray, shape (T, N, E + 1, d)
        Every participant's path θ_i in every round; NaN if it took no part.
    sampled : ndarray of bool, shape (T, N)
        Whom the server chose.
    took_part : ndarray of bool, shape (T, N)
        Who was chosen and did not drop out.
    arrived : ndarray, shape (T, N, d)
        Each Δ_i as it came out of the codec, λ still in it with convention "each"; NaN if the
        participant took no part.
    weights : ndarray, shape (T, N)
        w_i, renormalised over those that took part; 0 for the others.
    step : ndarray, shape (T, d)
        θ after the round minus θ before it.
    bits : ndarray of int, shape (T,)
        What those that took part sent, headers included.
    loss : ndarray, shape (T + 1,)
        Pooled loss Σ (n_i/n) f_i(θ), whatever weights the server used.
    distance : ndarray, shape (T + 1,)
        ‖θ − θ*‖ to the exact optimum of the pooled loss.
    diverged : int or None
        The round, counted from 1, that could not be finished: ‖θ‖ would have exceeded the
        limit, or an update was not finite.  That round is not in the history, so
        diverged = T + 1.
    cause : {"limit", "local", "codec"} or None
        Why: θ beyond the limit; a local path that overflowed; a finite update that the codec
        turned into infinity or NaN.

    Examples
    --------
    >>> from fedlearn_edu.objectives import Quadratics
    >>> simulate(Quadratics([1, 3], [[0, 0], [4, 0]]), [0, 0], rounds=2, alpha=0.5)
    History(rounds=2, participants=2, dimension=2, diverged=None)
    """

    theta: np.ndarray
    local: np.ndarray
    sampled: np.ndarray
    took_part: np.ndarray
    arrived: np.ndarray
    weights: np.ndarray
    step: np.ndarray
    bits: np.ndarray
    loss: np.ndarray
    distance: np.ndarray
    diverged: int | None
    cause: str | None

    def __post_init__(self):
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def rounds(self):
        """Number of finished rounds, T."""
        return len(self.step)

    def __repr__(self):
        rounds, participants, dimension = self.arrived.shape
        return (
            f"History(rounds={rounds}, participants={participants}, "
            f"dimension={dimension}, diverged={self.diverged})"
        )


def simulate(
    problem,
    theta,
    rounds,
    alpha,
    *,
    algorithm=None,
    local_steps=1,
    weights=None,
    factor=1.0,
    convention="mean",
    unscale=False,
    codec=None,
    fraction=1.0,
    dropout=0.0,
    rng=None,
    limit=1e9,
):
    """Run a federation of quadratic participants and return every round of it.

    In each round the server samples max(1, round(C·N)) participants; each drops out with
    probability `dropout`; the others start at θ, make E full-batch gradient steps, and send
    Δ_i = θ_i − θ through the codec; the server adds the scaled weighted mean of what arrived.
    If nobody arrives, or those that do have no weight, θ stays.
    FedProx adds μ (θ_i − θ) to each gradient; SCAFFOLD adds c − c_i, and sends the change of c_i
    through the codec too.

    Parameters
    ----------
    problem : Quadratics
        N participants in d dimensions.
    theta : array_like, shape (d,)
        θ at the start.
    rounds : int
        Rounds ≥ 0.
    alpha : float
        Learning rate α > 0 of the local steps.
    algorithm : FedAvg, FedProx or Scaffold, optional
        From `federation.algorithms`; FedAvg if left out.
    local_steps : int
        E ≥ 1; with FedAvg, 1 is FedSGD.
    weights : array_like, shape (N,), optional
        w_i; n_i / Σ n if left out.
    factor : float
        λ > 0.
    convention : {"each", "mean", "sum"}
        Where λ acts, as in `scaled_mean`; with "each" before the codec, with "sum" N is the
        number of updates that arrive in the round.
    unscale : bool
        Whether the server divides by λ, after the codec.
    codec : codec, optional
        `Cast`, `Scaling`, or any object with `encode` and `decode`; float64 as it is if left out.
    fraction : float
        C, 0 < C ≤ 1.
    dropout : float
        Probability, 0 ≤ p ≤ 1.
    rng : numpy.random.Generator, optional
        Needed if fraction < 1 or dropout > 0.  It is drawn from once, 2·rounds·N numbers,
        whatever the other arguments are: with the same seed a larger C adds participants to
        those sampled, and a larger p drops more of them.
    limit : float
        ‖θ‖ beyond this counts as divergence.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of its range or the generator is missing.
    TypeError
        If an argument is of the wrong type.

    Notes
    -----
    McMahan et al. 2017, arXiv 1602.05629, algorithm 1; Li et al. 2020, arXiv 1812.06127,
    algorithm 2; Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1, option II; all with full
    batches.

    Examples
    --------
    >>> from fedlearn_edu.objectives import Quadratics
    >>> problem = Quadratics([1, 3], [[0, 0], [4, 0]])
    >>> history = simulate(problem, [0, 0], rounds=3, alpha=0.25)
    >>> history.theta[:, 0]
    array([0.   , 1.5  , 2.25 , 2.625])
    >>> history.distance / problem.step_factor(0.25)[-1] ** np.arange(4)
    array([3., 3., 3., 3.])
    """
    start = _start(problem, theta, real_number(limit, "limit", above=0))
    rounds = whole_number(rounds, "rounds", 0)
    alpha = real_number(alpha, "alpha", above=0)
    local_steps = whole_number(local_steps, "local_steps", 1)
    weights = problem.weights_or(weights)
    mu, controls = _local_terms(algorithm, problem, weights, alpha * local_steps)
    sampled, took_part = participation(
        rounds, problem.participants, fraction=fraction, dropout=dropout, rng=rng
    )
    used = _renormalised(weights, took_part)
    scales = _scales(factor, convention, took_part.sum(axis=1), unscale)
    before = float(factor) if convention == "each" else 1.0

    walk = _Walk(problem, alpha, local_steps, mu)
    with np.errstate(over="ignore", invalid="ignore"):
        points, pushes, sent, arrived, bits = _rounds(
            walk, start, before, scales[:, None] * used, took_part, codec, controls
        )
        done, cause = _end(sent, arrived, points[1:], limit)
        local = walk.paths(points[:done], pushes)
    local[~took_part[:done]] = np.nan
    arrived = arrived[:, : problem.participants]
    arrived[~took_part] = np.nan
    record = (kept[:done] for kept in (sampled, took_part, arrived, used, bits))
    return _history(problem, points[: done + 1], local, *record, cause)


_NO_CAST = Cast("float64")


def participation(rounds, participants, *, fraction=1.0, dropout=0.0, rng=None):
    """Return who is sampled and who takes part in each round.

    Parameters
    ----------
    rounds : int
        Rounds T ≥ 0.
    participants : int
        N ≥ 1.
    fraction : float
        C, 0 < C ≤ 1; max(1, round(C·N)) participants are sampled, each set equally likely.
    dropout : float
        Probability, 0 ≤ p ≤ 1, with which one that was sampled drops out.
    rng : numpy.random.Generator, optional
        Needed if fraction < 1 or dropout > 0; 2·T·N numbers are drawn from it at once.

    Returns
    -------
    tuple of two bool ndarrays, each of shape (T, N)
        Those sampled; those sampled that did not drop out.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or the generator is missing or is something else.

    Examples
    --------
    >>> sampled, took_part = participation(2, 4, fraction=0.5, rng=np.random.default_rng(0))
    >>> sampled.sum(axis=1)
    array([2, 2])
    """
    rounds = whole_number(rounds, "rounds", 0)
    participants = whole_number(participants, "participants", 1)
    _check_probability(real_number(fraction, "fraction", above=0), "fraction")
    _check_probability(real_number(dropout, "dropout", least=0), "dropout")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a numpy.random.Generator")
    if rng is None and (fraction < 1 or dropout > 0):
        raise ValueError(
            f"fraction is {fraction}, dropout is {dropout}, rng is None; "
            "expected a numpy.random.Generator, such as numpy.random.default_rng(0)"
        )
    if rng is None:
        everyone = np.ones((rounds, participants), dtype=bool)
        return everyone, everyone.copy()
    order, luck = rng.random((rounds, 2, participants)).transpose(1, 0, 2)
    chosen = max(1, round(fraction * participants))
    sampled = order.argsort(axis=1) < chosen
    return sampled, sampled & (luck >= dropout)


def _check_probability(value, name):
    if value > 1:
        raise ValueError(f"{name} is {value}; expected a number <= 1")


def _start(problem, theta, limit):
    start = real_array(theta, "theta").astype(np.float64, copy=False)
    if start.shape != (problem.dimension,):
        raise ValueError(f"theta has shape {start.shape}; expected ({problem.dimension},)")
    with np.errstate(over="ignore"):
        norm = np.linalg.norm(start)
    if norm > limit:
        raise ValueError(f"theta has the norm {norm:.6g}, above limit {limit}")
    return start


def _renormalised(weights, took_part):
    """Return the weights over those that took part, a row a round; zeros if they sum to zero."""
    present = np.where(took_part, weights, 0.0)
    total = present.sum(axis=1, keepdims=True)
    return np.divide(present, total, out=present, where=total > 0)


def _scales(factor, convention, arrivals, unscale):
    """Return what the server multiplies the weighted mean with, one number a round."""
    alone = effective_scale(factor, convention, 1, unscale)
    sent = factor if convention == "each" else 1.0
    summed = arrivals if convention == "sum" else np.ones(len(arrivals))
    return alone / sent * summed


def _local_terms(algorithm, problem, weights, reach):
    """Return μ of FedProx and the controls of SCAFFOLD: what is added to a local gradient."""
    from .algorithms import FedAvg, FedProx, Scaffold  # not needed by the import of the package

    if algorithm is None or isinstance(algorithm, FedAvg):
        return 0.0, None
    if isinstance(algorithm, FedProx):
        return algorithm.mu, None
    if isinstance(algorithm, Scaffold):
        return 0.0, _Controls(problem, weights, reach)
    raise TypeError(f"algorithm is {algorithm!r}; expected FedAvg(), FedProx(mu) or Scaffold()")


class _Controls:
    """SCAFFOLD's c_i and c: c_i ← c_i − c + (θ − θ_i)/(αE), and c follows by weight."""

    def __init__(self, problem, weights, reach):
        self.c, self.own = np.zeros(problem.dimension), np.zeros(problem.optima.shape)
        self.weights, self.reach = weights, reach

    def changes(self, moved, here):
        change = -moved / self.reach - self.c
        self.own[here] += change
        return change

    def learn(self, arrived, here):
        self.c = self.c + self.weights[here] @ arrived


class _Walk:
    """What k = 0 … E local steps do to an error along each principal axis of H_i.

    The gradient along an axis of curvature h is h times the error along it.  With μ and a push b
    along the axis, a step takes α (h + μ) times the error less the proximal point's, so that k of
    them leave ``decay[k]`` times the error at the start less ``reach[k]`` times b, where
    decay = (μ + h r^k)/(h + μ), reach = (1 − r^k)/(h + μ) and r = 1 − α (h + μ).
    Both have the shape (E + 1, N, d).
    """

    def __init__(self, problem, alpha, local_steps, mu):
        self.problem, self.back = problem, problem.axes.transpose(0, 2, 1)
        h, held = problem.axis_curvatures, problem.axis_curvatures + mu
        kept = 1 - alpha * held
        with np.errstate(over="ignore"):
            self.decay = np.cumprod([np.ones_like(kept), *[kept] * local_steps], axis=0)
            self.reach = (1 - self.decay) / held
            if mu:
                self.decay = (mu + h * self.decay) / held

    def along(self, vectors):
        """Return vectors, one a participant, along its principal axes."""
        return (vectors[:, None] @ self.problem.axes)[:, 0]

    def moves(self, theta, push):
        """Return θ_i − θ after all steps from θ, (N, d)."""
        left = _left(self.decay[-1] - 1, self.along(theta - self.problem.optima))
        if push is not None:
            left = left - _left(self.reach[-1], push)
        return (left[:, None] @ self.back)[:, 0]

    def paths(self, points, pushes):
        """Return every participant's local steps from each of T points, (T, N, E + 1, d)."""
        errors = (points - self.problem.optima[:, None]) @ self.problem.axes
        left = _left(self.decay.transpose(1, 0, 2)[:, None], errors[:, :, None])
        if pushes is not None:
            pushes = pushes[: len(points)].transpose(1, 0, 2)[:, :, None]
            left -= _left(self.reach.transpose(1, 0, 2)[:, None], pushes)
        n, rounds, steps, d = left.shape
        paths = left.reshape(n, -1, d) @ self.back + self.problem.optima[:, None]
        paths = paths.reshape(n, rounds, steps, d).transpose(1, 0, 2, 3)
        paths[:, :, 0] = points[:, None]
        return paths


def _left(factors, errors):
    """Return factors · errors; where there is no error, none grows."""
    shape = np.broadcast_shapes(factors.shape, errors.shape)
    return np.multiply(factors, errors, out=np.zeros(shape), where=errors != 0)


def _rounds(walk, start, before, shares, took_part, codec, controls):
    """Return θ after each round, the pushes, what was sent, what arrived and the bits in it.

    ``shares`` (T, N) are the weights times the server's scale.  With controls, their changes are
    sent too, as N more rows.  Nothing stops at a number that is not finite.
    """
    rounds, n = took_part.shape
    points = np.empty((rounds + 1, len(start)))
    points[0] = start
    pushes = np.zeros((rounds, n, len(start))) if controls else None
    sent = np.zeros((rounds, 2 * n if controls else n, len(start)))
    arrived, bits, push = sent.copy(), np.zeros(rounds, dtype=np.int64), None
    for t, everyone in enumerate(took_part.all(axis=1).tolist()):
        here = rows = slice(None) if everyone else took_part[t]
        if controls:
            rows = here if everyone else np.tile(here, 2)
            push = pushes[t] = walk.along(controls.c - controls.own)
        moved = walk.moves(points[t], push)[here]
        sent[t, :n][here] = before * moved
        if controls:
            sent[t, n:][here] = controls.changes(moved, here)
        arrived[t, rows], bits[t] = _transmit(codec, sent[t, rows])
        if controls:
            controls.learn(arrived[t, n:][here], here)
        points[t + 1] = points[t] + shares[t, here] @ arrived[t, :n][here]
    return points, pushes, sent, arrived, bits


def _transmit(codec, sent):
    """Return what arrives of the rows sent, and the bits that crossed the wire."""
    if codec is None:
        return sent, len(sent) * _NO_CAST.bits(sent.shape[1:])
    if not len(sent) or not np.isfinite(sent).all():
        return sent, 0
    if isinstance(codec, (Cast, Scaling)):
        return codec.round_trip_rows(sent), len(sent) * codec.bits(sent.shape[1:])
    payloads = [codec.encode(update) for update in sent]
    return [codec.decode(payload) for payload in payloads], sum(p.bits for p in payloads)


def _end(sent, arrived, reached, limit):
    """Return how many rounds were finished, and why the next one was not."""
    local, codec = (~np.isfinite(rows).all(axis=(1, 2)) for rows in (sent, arrived))
    far = ~(np.linalg.norm(reached, axis=1) <= limit)
    failed = local | codec | far
    if not failed.any():
        return len(failed), None
    done = int(failed.argmax())
    return done, "local" if local[done] else "codec" if codec[done] else "limit"


def _history(problem, points, local, sampled, took_part, arrived, weights, bits, cause):
    return History(
        theta=points,
        local=local,
        sampled=sampled,
        took_part=took_part,
        arrived=arrived,
        weights=weights,
        step=np.diff(points, axis=0),
        bits=bits,
        loss=problem.loss(points),
        distance=np.linalg.norm(points - problem.optimum(), axis=1),
        diverged=len(points) if cause else None,
        cause=cause,
    )
