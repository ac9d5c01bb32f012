"""The algorithms, each with its paper, and what else a federation can be told: the plan."""

import math
import sys
from dataclasses import dataclass

import numpy as np

from ..aggregation import effective_scale, normalised_weights
from ..checks import real_array, real_number, whole_number


@dataclass(frozen=True)
class FedAvg:
    """Federated averaging: each participant trains on its own, the server averages the models.

    McMahan et al. 2017, arXiv 1602.05629, algorithm 1.

    Examples
    --------
    >>> Plan(FedAvg(), alpha=0.1, epochs=5, batch=10).algorithm
    FedAvg()
    """


@dataclass(frozen=True)
class FedSGD:
    """Federated SGD: each participant sends one gradient of all its examples.

    McMahan et al. 2017, arXiv 1602.05629, section 2.

    Examples
    --------
    >>> Plan(FedSGD(), alpha=0.1).algorithm
    FedSGD()
    """


@dataclass(frozen=True)
class Centralised:
    """Everything in one place: the examples are moved once, and the server trains on them.

    A round is E epochs of mini-batch SGD.  Moving an example costs 32 bits for each input and
    8 bits for the label, counted in the first round.

    Examples
    --------
    >>> Plan(Centralised(), alpha=0.1, batch=8).algorithm
    Centralised()
    """


@dataclass(frozen=True)
class FedProx:
    """FedAvg with a proximal term (μ/2)‖θ_i − θ‖² that holds participants near the server.

    Li et al. 2020, arXiv 1812.06127, algorithm 2, with SGD as the local solver.

    Parameters
    ----------
    mu : float
        μ ≥ 0; with 0 it is FedAvg.

    Examples
    --------
    >>> FedProx(mu=0.1)
    FedProx(mu=0.1)
    """

    mu: float

    def __post_init__(self):
        real_number(self.mu, "mu", least=0)


@dataclass(frozen=True)
class Scaffold:
    """SCAFFOLD: control variates c_i and c take the participants' drift out of their steps.

    Karimireddy et al. 2020, arXiv 1910.06378, algorithm 1, option II.  With weights, c is the
    weighted mean of the c_i; equal weights give the paper's.  With momentum, S_i becomes ‖a_i‖₁,
    the sum of the weights of the gradients in the participant's step, as in FedNova.  With a codec
    both sides add a change of c_i as it arrives, so that c stays their mean.

    Examples
    --------
    >>> Plan(Scaffold(), alpha=0.1, batch=8).algorithm
    Scaffold()
    """


@dataclass(frozen=True)
class FedNova:
    """FedAvg that divides each participant's step by how many local steps it made.

    Wang et al. 2020, arXiv 2007.07481, equation 4 and section 5 with τ_eff = Σ w_i ‖a_i‖₁.

    Examples
    --------
    >>> Plan(FedNova(), alpha=0.1, batch=8).algorithm
    FedNova()
    """


@dataclass(frozen=True)
class FedAdam:
    """FedAvg whose server takes the mean step as a gradient for Adam.

    Reddi et al. 2021, arXiv 2003.00295; v starts at τ².

    Parameters
    ----------
    rate : float
        Server's learning rate η > 0.
    beta1, beta2 : float
        0 ≤ β < 1.
    tau : float
        τ > 0, how adaptive the server is.

    Examples
    --------
    >>> FedAdam(rate=0.01).tau
    0.001
    """

    rate: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3

    def __post_init__(self):
        real_number(self.rate, "rate", above=0)
        real_number(self.tau, "tau", above=0)
        for name in ("beta1", "beta2"):
            _below_one(getattr(self, name), name)


@dataclass(frozen=True)
class FedYogi(FedAdam):
    """FedAvg whose server takes the mean step as a gradient for Yogi.

    Reddi et al. 2021, arXiv 2003.00295; v starts at τ².  Parameters as `FedAdam`.

    Examples
    --------
    >>> FedYogi(rate=0.01).beta2
    0.99
    """


@dataclass(frozen=True, eq=False)
class Gossip:
    """Decentralised SGD: no server; each participant averages with its neighbours.

    In a round each participant trains its own model, then takes the mixture Σ_j M_ij θ_j of those
    that arrive.  Who is absent neither sends nor receives: its share stays with the sender.
    Lian et al. 2017, arXiv 1705.09056, with the mixing after the local steps.

    Parameters
    ----------
    mixing : array_like, shape (N, N)
        M, symmetric and doubly stochastic, such as `graphs.ring(N)`.

    Examples
    --------
    >>> Gossip([[0.5, 0.5], [0.5, 0.5]])
    Gossip(2 participants, 1 edges)
    """

    mixing: np.ndarray

    def __post_init__(self):
        m = np.array(real_array(self.mixing, "mixing"), dtype=np.float64)
        if m.ndim != 2 or m.shape[0] != m.shape[1]:
            raise ValueError(f"mixing has shape {m.shape}; expected (N, N)")
        if (m < 0).any():
            i, j = np.argwhere(m < 0)[0].tolist()
            raise ValueError(f"mixing[{i}, {j}] is {m[i, j]:.6g}; expected numbers >= 0")
        sums = m.sum(axis=1)
        if (np.abs(sums - 1) > 1e-9).any():
            i = int(np.argmax(np.abs(sums - 1)))
            raise ValueError(f"row {i} of mixing sums to {sums[i]:.9g}; expected 1")
        if (np.abs(m - m.T) > 1e-12).any():
            i, j = np.argwhere(np.abs(m - m.T) > 1e-12)[0].tolist()
            raise ValueError(
                f"mixing[{i}, {j}] is {m[i, j]:.6g} and mixing[{j}, {i}] is {m[j, i]:.6g}; "
                "expected a symmetric matrix"
            )
        m.flags.writeable = False
        object.__setattr__(self, "mixing", m)

    def __repr__(self):
        edges = np.count_nonzero(np.triu(self.mixing, 1))
        return f"Gossip({len(self.mixing)} participants, {edges} edges)"


ALGORITHMS = (
    FedAvg, FedSGD, Centralised, FedProx, Scaffold, FedNova, FedAdam, FedYogi, Gossip,
)  # fmt: skip


@dataclass(frozen=True)
class Stragglers:
    """Participants that are slow in a round.

    Parameters
    ----------
    share : float
        Probability, 0 ≤ p ≤ 1, with which one that takes part is slow.
    delay : int
        Rounds ≥ 0 by which its update comes late; the server adds it with those of that round.
    partial : bool
        Whether it stops early, after a number of its steps that is drawn uniformly from 1 to all;
        Li et al. 2020, arXiv 1812.06127, section 5.2, draw whole epochs.

    Examples
    --------
    >>> Stragglers(0.3, delay=2)
    Stragglers(share=0.3, delay=2, partial=False)
    """

    share: float
    delay: int = 0
    partial: bool = False

    def __post_init__(self):
        if real_number(self.share, "share", least=0) > 1:
            raise ValueError(f"share is {self.share}; expected a number <= 1")
        whole_number(self.delay, "delay", 0)
        if not isinstance(self.partial, bool):
            raise TypeError(f"partial is {self.partial!r}; expected True or False")


@dataclass(frozen=True)
class Staircase:
    """A learning rate that is multiplied by `factor` after every `every` rounds.

    Parameters
    ----------
    start, factor : float
        α in round 0, and what it is multiplied by; both > 0.
    every : int
        Rounds ≥ 1.

    Examples
    --------
    >>> [Staircase(0.4, factor=0.5, every=2)(t) for t in range(5)]
    [0.4, 0.4, 0.2, 0.2, 0.1]
    """

    start: float
    factor: float = 0.5
    every: int = 1

    def __post_init__(self):
        real_number(self.start, "start", above=0)
        real_number(self.factor, "factor", above=0)
        whole_number(self.every, "every", 1)

    def __call__(self, t):
        """Return α in round t, counted from 0; never less than the smallest normal float."""
        try:
            alpha = self.start * float(self.factor) ** (t // self.every)
        except OverflowError:
            return math.inf
        return max(alpha, sys.float_info.min)


@dataclass(frozen=True)
class Cosine:
    """A learning rate that falls from `start` to `end` along half a cosine, and stays there.

    Loshchilov and Hutter 2017, arXiv 1608.03983, without their restarts.

    Parameters
    ----------
    start, end : float
        α in round 0 and from round `rounds` on; both > 0.
    rounds : int
        T ≥ 1.

    Examples
    --------
    >>> [round(Cosine(0.3, 0.1, rounds=4)(t), 3) for t in (0, 2, 4, 9)]
    [0.3, 0.2, 0.1, 0.1]
    """

    start: float
    end: float
    rounds: int

    def __post_init__(self):
        real_number(self.start, "start", above=0)
        real_number(self.end, "end", above=0)
        whole_number(self.rounds, "rounds", 1)

    def __call__(self, t):
        """Return α in round t, counted from 0."""
        done = min(t / self.rounds, 1.0)
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Plan:
    """How a federation trains: the algorithm and its options.

    Parameters
    ----------
    algorithm : FedAvg, FedSGD, Centralised, FedProx, Scaffold, FedNova, FedAdam, FedYogi or Gossip
        What happens in a round.
    alpha : float, or function of the round
        Learning rate α > 0; of the local steps, with FedSGD of the server's.  `Staircase` and
        `Cosine` are such functions; rounds count from 0.
    epochs : int
        E ≥ 1, passes over its examples that each participant makes in a round.
    batch : int, optional
        B ≥ 1; all examples of the participant at once if left out (B = ∞).
    momentum : float
        0 ≤ β < 1, heavy ball, v ← βv + g; v is zero when a round begins.
    fraction : float
        C, 0 < C ≤ 1; max(1, round(C·N)) participants are sampled, each set equally likely.
    dropout : float
        Probability, 0 ≤ p ≤ 1, with which one that was sampled drops out.
    stragglers : Stragglers, optional
        Who is late or stops early.
    weights : {"size", "equal"} or array_like, shape (N,)
        w_i: by the number of examples, all equal, or given; renormalised over those that arrive.
    factor : float
        λ > 0.
    convention : {"each", "mean", "sum"}
        Where λ acts, as in `scaled_mean`: on each update before the codec, on the mean, or on the
        sum, where N is the number of updates that arrive in the round.
    unscale : bool
        Whether the server divides by λ.
    up, down : codec, optional
        How updates travel to the server, and models to the participants, layer by layer; as they
        are if left out.  With `Gossip` models travel to the neighbours by `up`.
    limit : float
        ‖θ‖ beyond this counts as divergence.

    Raises
    ------
    ValueError, TypeError
        If an option is out of its range, or does not go with the algorithm.

    Examples
    --------
    >>> plan = Plan(FedProx(mu=0.1), alpha=Staircase(0.1, every=20), epochs=5, batch=8)
    >>> plan.alpha_at(40)
    0.025
    """

    algorithm: object = FedAvg()
    alpha: object = 0.1
    epochs: int = 1
    batch: int | None = None
    momentum: float = 0.0
    fraction: float = 1.0
    dropout: float = 0.0
    stragglers: Stragglers | None = None
    weights: object = "size"
    factor: float = 1.0
    convention: str = "mean"
    unscale: bool = False
    up: object = None
    down: object = None
    limit: float = 1e6

    def __post_init__(self):
        if type(self.algorithm) not in ALGORITHMS:
            names = ", ".join(f"{kind.__name__}()" for kind in ALGORITHMS)
            raise TypeError(f"algorithm is {self.algorithm!r}; expected one of {names}")
        if not callable(self.alpha):
            real_number(self.alpha, "alpha", above=0)
        whole_number(self.epochs, "epochs", 1)
        if self.batch is not None:
            whole_number(self.batch, "batch", 1)
        _below_one(self.momentum, "momentum")
        for name, bound in (("fraction", {"above": 0}), ("dropout", {"least": 0})):
            if real_number(getattr(self, name), name, **bound) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a number <= 1")
        if self.stragglers is not None and not isinstance(self.stragglers, Stragglers):
            raise TypeError(f"stragglers is {self.stragglers!r}; expected Stragglers(…) or None")
        effective_scale(self.factor, self.convention, 1, self.unscale)
        real_number(self.limit, "limit", above=0)
        self._check_weights()
        for name in ("up", "down"):
            _check_codec(getattr(self, name), name)
        _check_fit(self)

    def _check_weights(self):
        if isinstance(self.weights, str):
            if self.weights not in ("size", "equal"):
                raise ValueError(
                    f'weights is {self.weights!r}; expected "size", "equal" or N numbers'
                )
        else:
            weights = np.asarray(self.weights)
            if weights.ndim != 1:
                raise ValueError(f"weights has shape {weights.shape}; expected (N,)")
            normalised_weights(weights, len(weights))
            object.__setattr__(self, "weights", tuple(weights.tolist()))

    @property
    def delay(self):
        """Rounds by which stragglers are late."""
        return self.stragglers.delay if self.stragglers and self.stragglers.share else 0

    @property
    def partial(self):
        """Whether stragglers stop early."""
        return bool(self.stragglers and self.stragglers.share and self.stragglers.partial)

    def alpha_at(self, t):
        """Return the learning rate α of round t, counted from 0.

        Parameters
        ----------
        t : int
            Round.

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            If the schedule gives anything but a number > 0.

        Examples
        --------
        >>> Plan(alpha=lambda t: 1 / (t + 1)).alpha_at(3)
        0.25
        """
        if not callable(self.alpha):
            return float(self.alpha)
        return real_number(self.alpha(t), f"alpha({t})", above=0)

    def weights_of(self, counts):
        """Return w_i of all N participants, Σ w_i = 1.

        Parameters
        ----------
        counts : ndarray, shape (N,)
            n_i.

        Returns
        -------
        ndarray, shape (N,)

        Raises
        ------
        ValueError
            If N weights were given for another number of participants.

        Examples
        --------
        >>> Plan().weights_of([30, 10])
        array([0.75, 0.25])
        """
        weights = {"size": counts, "equal": None}.get(self.weights, self.weights)
        return normalised_weights(weights, len(counts), "the federation")

    def scale(self, arrivals):
        """Return what the server multiplies the weighted mean of what arrived with.

        Parameters
        ----------
        arrivals : int
            How many updates arrived.

        Returns
        -------
        float
            λ by its convention, without the λ that is in the updates already.

        Examples
        --------
        >>> Plan(factor=0.1, convention="sum").scale(5)
        0.5
        """
        sent = self.factor if self.convention == "each" else 1.0
        return effective_scale(self.factor, self.convention, arrivals, self.unscale) / sent


def _below_one(value, name):
    if real_number(value, name, least=0) >= 1:
        raise ValueError(f"{name} is {value}; expected a number < 1")


def _check_codec(codec, name):
    is_one = all(hasattr(codec, word) for word in ("encode", "decode"))
    if codec is not None and (isinstance(codec, type) or not is_one):
        raise TypeError(f"{name} is {codec!r}; expected a codec, such as Cast('float16'), or None")


_NEUTRAL = {
    FedSGD: {"epochs": 1, "batch": None, "momentum": 0.0, "partial": False},
    Gossip: {
        "weights": "size", "factor": 1.0, "convention": "mean", "unscale": False, "down": None,
        "delay": 0,
    },
    Centralised: {
        "fraction": 1.0, "dropout": 0.0, "stragglers": None, "weights": "size", "factor": 1.0,
        "up": None, "down": None,
    },
}  # fmt: skip


def _check_fit(plan):
    """Refuse options that the algorithm would pass over in silence."""
    for name, neutral in _NEUTRAL.get(type(plan.algorithm), {}).items():
        given = getattr(plan, name)
        if given != neutral:
            algorithm = type(plan.algorithm).__name__
            raise ValueError(f"{name} is {given!r}; with {algorithm} it can only be {neutral!r}")
