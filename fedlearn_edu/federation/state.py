"""Where a run stands: all that the next round needs, and nothing else."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from .algorithms import FedAdam, Gossip, Scaffold


@dataclass
class Late:
    """An update that is on its way.

    Attributes
    ----------
    due : int
        Round in which it arrives.
    participant : int
        Who sent it.
    update, control : packed row, or list of layers
        Δ_i as it will arrive, and SCAFFOLD's change of c_i.
    steps : int
        S_i.
    bits : int
        What it took.
    """

    due: int
    participant: int
    update: object
    control: object = None
    steps: int = 0
    bits: int = 0

    def mapped(self, function):
        """Return the same with `function` applied to update and control.

        Parameters
        ----------
        function : function
            Packs or unpacks.

        Returns
        -------
        Late
        """
        control = None if self.control is None else function(self.control)
        return replace(self, update=function(self.update), control=control)


@dataclass
class State:
    """All that a run needs to go on; it can be pickled.

    Attributes
    ----------
    round : int
        Rounds done, t.
    theta : ndarray, shape (d,)
        θ, packed.
    chance : Chance
        The streams of random numbers.
    memory : dict of ndarray
        What the algorithm remembers, packed: SCAFFOLD's c and c_i, the moments m and v of
        FedAdam and FedYogi, the models of gossip.
    late : list of Late
        Updates on their way.
    diverged : int or None
        The round, counted from 1, that could not be finished.
    cause : str or None
        Why.
    """

    round: int
    theta: np.ndarray
    chance: object
    memory: dict = field(default_factory=dict)
    late: list = field(default_factory=list)
    diverged: int | None = None
    cause: str | None = None

    def copy(self):
        """Return a state of its own.

        Returns
        -------
        State
        """
        return deepcopy(self)


def first_state(theta, chance, algorithm, participants):
    """Return the state before the first round.

    Parameters
    ----------
    theta : ndarray, shape (d,)
        θ, packed.
    chance : Chance
        The streams of random numbers.
    algorithm : object
        From `algorithms`.
    participants : int
        N.

    Returns
    -------
    State
    """
    memory = {}
    if isinstance(algorithm, Scaffold):
        memory = {
            "c": np.zeros_like(theta),
            "c_i": np.zeros((participants, len(theta)), theta.dtype),
        }
    elif isinstance(algorithm, FedAdam):
        memory = {"m": np.zeros_like(theta), "v": np.full_like(theta, algorithm.tau**2)}
    elif isinstance(algorithm, Gossip):
        memory = {"models": np.repeat(theta[None], participants, axis=0)}
    return State(0, theta.copy(), chance, memory)


class Rounds:
    """What carries out rounds: the base of `engine.Engine` and `reference.Reference`.

    Parameters
    ----------
    federation : Federation
        The examples; pooled, for centralised SGD.
    plan : Plan
        The options.
    packing : Packing
        Between layers and rows.
    watch : int, optional
        A participant whose model is wanted too.

    Attributes
    ----------
    watched : ndarray, shape (d,), or None
        θ_i of that participant after its local steps in the last round, if it made any.
    """

    def __init__(self, federation, plan, packing, watch=None):
        self.federation, self.plan, self.packing = federation, plan, packing
        self.watch, self.watched = watch, None

    def prepare(self, state, cohorts):
        """Get ready for rounds that may come, or do nothing.

        Parameters
        ----------
        state : State
            Not changed.
        cohorts : list of Cohort
            Of one round after the other.
        """

    def round(self, state, cohort):
        """Advance the state by one round.

        Parameters
        ----------
        state : State
            Changed in place.
        cohort : Cohort
            Who takes part, and how.

        Returns
        -------
        tuple of int
            Bits up and down.

        Raises
        ------
        Diverged
            If a value is not finite.
        """
        raise NotImplementedError

    def undo(self):
        """Put back what the last round has overwritten in arrays of the state."""
