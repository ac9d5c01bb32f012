"""What chance decides in a round: who takes part, how far each gets, in which order it learns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Cohort:
    """Those who take part in a round, and what each does.

    Attributes
    ----------
    sampled : ndarray of int
        Whom the server chose, ascending.
    active : ndarray of int, shape (m,)
        Those chosen that did not drop out, ascending.
    counts : ndarray of int, shape (m,)
        n_i of the active.
    steps : ndarray of int, shape (m,)
        S_i ≥ 1, local steps that each makes.
    late : ndarray of bool, shape (m,)
        Whose update comes late.
    batch : int or None
        B; None for all examples at once.
    order : ndarray of int, shape (E, Σ n_i)
        For each epoch the rows of `Federation.x` in the order of learning, one active participant
        after the other.
    """

    sampled: np.ndarray
    active: np.ndarray
    counts: np.ndarray
    steps: np.ndarray
    late: np.ndarray
    batch: int | None
    order: np.ndarray

    def batches(self, j):
        """Return the rows of each mini-batch of the j-th active participant, step by step.

        Parameters
        ----------
        j : int
            Place among the active.

        Returns
        -------
        list of S_j index arrays

        Examples
        --------
        >>> cohort = Chance(np.random.default_rng(0)).draw(np.array([3, 2]), 1, 2)
        >>> [len(rows) for rows in cohort.batches(0)]
        [2, 1]
        """
        n = self.counts[j]
        batch = self.batch or n
        first, each = self.counts[:j].sum(), -(-n // batch)
        rows = []
        for step in range(self.steps[j]):
            epoch, b = divmod(step, each)
            own = self.order[epoch, first : first + n]
            rows.append(own[b * batch : (b + 1) * batch])
        return rows


class Chance:
    """Two streams of random numbers, one for who takes part and one for the order of examples.

    Since they are apart, plans that differ in one thing meet the same luck in the other.

    Parameters
    ----------
    rng : numpy.random.Generator
        Both streams are spawned from it.
    """

    def __init__(self, rng):
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng is {rng!r}; expected a numpy.random.Generator, "
                "such as numpy.random.default_rng(0)"
            )
        self.people, self.examples = rng.spawn(2)

    def draw(
        self, counts, epochs, batch, fraction=1.0, dropout=0.0, stragglers=None, *, starts=None
    ):
        """Return who takes part in the next round, and how.

        Parameters
        ----------
        counts : ndarray of int, shape (N,)
            n_i.
        epochs, batch, fraction, dropout, stragglers
            As in `Plan`.
        starts : ndarray of int, shape (N,), optional
            First row of each participant; one after the other from 0 if left out.

        Returns
        -------
        Cohort

        Examples
        --------
        >>> chance = Chance(np.random.default_rng(0))
        >>> len(chance.draw(np.full(10, 3), 1, None, fraction=0.5).active)
        5
        """
        sampled = np.arange(len(counts))
        if fraction < 1 or dropout or stragglers:
            rank, luck, slowness, work = self.people.random((4, len(counts)))
            if fraction < 1:
                chosen = max(1, round(fraction * len(counts)))
                sampled = np.sort(rank.argsort()[:chosen])
        active = sampled[luck[sampled] >= dropout] if dropout else sampled
        own = counts[active]
        steps = epochs * (-(-own // batch) if batch else np.ones_like(own))
        late = np.zeros(len(active), dtype=bool)
        if stragglers:
            slow = slowness[active] < stragglers.share
            late = slow & (stragglers.delay > 0)
            if stragglers.partial:
                reached = 1 + (work[active] * steps).astype(steps.dtype)
                steps = np.where(slow, np.minimum(reached, steps), steps)
        starts = (np.cumsum(counts) - counts if starts is None else starts)[active]
        if batch is None:
            rows = np.repeat(starts - (np.cumsum(own) - own), own)
            rows += np.arange(len(rows))
            order = np.broadcast_to(rows, (epochs, len(rows)))
        else:
            order = shuffled(own, epochs, self.examples, starts)
        return Cohort(sampled, active, own, steps, late, batch, order)


def shuffled(counts, epochs, rng, starts=None):
    """Return each participant's rows in random order, one participant after the other, E times.

    All are shuffled by one sort of 64-bit keys: the participant in the high bits, then random
    bits, then the row, which also parts equals.

    Parameters
    ----------
    counts : ndarray of int, shape (m,)
        n_i.
    epochs : int
        E.
    rng : numpy.random.Generator
        E·n numbers are drawn from it.
    starts : ndarray of int, shape (m,), optional
        First row of each participant, ascending; one after the other from 0 if left out.

    Returns
    -------
    ndarray of int64, shape (E, n)

    Raises
    ------
    ValueError
        If there are so many participants and rows that no 16 random bits are left.

    Examples
    --------
    >>> order = shuffled(np.array([3, 2]), 1, np.random.default_rng(0))[0]
    >>> sorted(order[:3].tolist()), sorted(order[3:].tolist())
    ([0, 1, 2], [3, 4])
    """
    n, m = int(counts.sum()), len(counts)
    if not m:
        return np.zeros((epochs, 0), dtype=np.int64)
    ends = np.cumsum(counts)
    starts = ends - counts if starts is None else starts
    place, block = int(starts[-1] + counts[-1]).bit_length(), m.bit_length()
    free = 64 - place - block
    if free < 16:
        raise ValueError(f"{n:,} examples of {m:,} participants are too many to shuffle")
    keys = rng.bit_generator.random_raw((epochs, n))
    keys &= np.uint64(((1 << free) - 1) << place)
    fixed = (np.arange(m, dtype=np.uint64) << np.uint64(64 - block)) | starts.astype(np.uint64)
    fixed = np.repeat(fixed - (ends - counts).astype(np.uint64), counts)
    fixed += np.arange(n, dtype=np.uint64)
    keys += fixed
    keys.sort(axis=1)
    keys &= np.uint64((1 << place) - 1)
    return keys.view(np.int64)
