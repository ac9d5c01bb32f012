"""What chance decides in a round: who takes part, how far each gets, in which order it learns."""

from dataclasses import dataclass

import numpy as np

JUMP = 0x9E3779B97F4A7C15F39CC0605CEDC835  # that of PCG64.jumped: streams that never meet


@dataclass(eq=False)
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
    epochs : int
        E.
    batch : int or None
        B; None for all examples at once.
    order : ndarray of int, shape (E · Σ n_i,)
        The rows of `Federation.x` in the order of learning: one active participant after the
        other, and of each one epoch after the other.
    factors : ndarray, shape (m,), optional
        Where an engine keeps how much each update counts.
    blocks : list, optional
        Where an engine keeps how it has laid the cohort out.
    """

    sampled: np.ndarray
    active: np.ndarray
    counts: np.ndarray
    steps: np.ndarray
    late: np.ndarray
    epochs: int
    batch: int | None
    order: np.ndarray
    factors: np.ndarray | None = None
    blocks: list | None = None

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
        >>> [cohort] = Chance(np.random.default_rng(0)).draw(range(1), np.array([3, 2]), 1, 2)
        >>> [len(rows) for rows in cohort.batches(0)]
        [2, 1]
        """
        n = self.counts[j]
        batch = self.batch or n
        first, each = self.epochs * self.counts[:j].sum(), -(-n // batch)
        rows = []
        for step in range(self.steps[j]):
            epoch, b = divmod(step, each)
            own = self.order[first + epoch * n :][:n]
            rows.append(own[b * batch : (b + 1) * batch])
        return rows


class Chance:
    """The luck of every round; it depends on the seed and on the number of the round alone.

    It has two streams of random numbers, one for who takes part and one for the order of examples.
    Plans that differ in one thing thus meet the same luck in the other, and rounds can be drawn
    ahead, many in one go.

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
        seeds = [child.bit_generator.seed_seq for child in rng.spawn(2)]
        self.people, self.examples = (np.random.PCG64(seed).state for seed in seeds)

    def draw(
        self, rounds, counts, epochs, batch, fraction=1.0, dropout=0.0, stragglers=None, *,
        starts=None,
    ):  # fmt: skip
        """Return who takes part in each of these rounds, and how.

        Parameters
        ----------
        rounds : sequence of int
            Their numbers, from 0.
        counts : ndarray of int, shape (N,)
            n_i.
        epochs, batch, fraction, dropout, stragglers
            As in `Plan`.
        starts : ndarray of int, shape (N,), optional
            First row of each participant; one after the other from 0 if left out.

        Returns
        -------
        list of Cohort

        Examples
        --------
        >>> chance = Chance(np.random.default_rng(0))
        >>> [len(c.active) for c in chance.draw(range(2), np.full(10, 3), 1, None, fraction=0.5)]
        [5, 5]
        """
        starts = np.cumsum(counts) - counts if starts is None else starts
        sampled, there, slow, work = self._people(
            rounds, len(counts), fraction, dropout, stragglers
        )
        active = sampled[there]
        own = counts[active]
        steps = epochs * (-(-own // batch) if batch else np.ones_like(own))
        if stragglers and stragglers.partial:
            reached = 1 + (work * steps).astype(steps.dtype)
            steps = np.where(slow, np.minimum(reached, steps), steps)
        late = slow if stragglers and stragglers.delay else np.zeros(len(active), dtype=bool)
        ends = np.concatenate([[0], there.sum(axis=1).cumsum()])
        places = epochs * np.concatenate([[0], own.cumsum()])[ends]
        order = self._order(rounds, places, own, epochs, batch, starts[active])
        cohorts = []
        for k, (a, b, c, d) in enumerate(zip(ends, ends[1:], places, places[1:], strict=False)):
            people = slice(a, b)
            cohorts.append(
                Cohort(sampled[k], active[people], own[people], steps[people], late[people],
                       epochs, batch, order[c:d])
            )  # fmt: skip
        return cohorts

    def _people(self, rounds, n, fraction, dropout, stragglers):
        """Return whom the server chose, a row a round, and which of them are there.

        Then of those, one after the other, who is slow and how far the slow get.
        """
        sampled = np.broadcast_to(np.arange(n), (len(rounds), n))
        if fraction == 1 and not dropout and not stragglers:
            return sampled, np.ones(sampled.shape, dtype=bool), None, None
        luck = np.empty((len(rounds), 4, n))
        for row, generator in zip(luck, _streams(self.people, rounds), strict=True):
            generator.random(out=row)
        rank, fate, slowness, work = luck.swapaxes(0, 1)
        if fraction < 1:
            chosen = max(1, round(fraction * n))
            sampled = np.sort(rank.argsort(axis=1)[:, :chosen], axis=1)
        turns = np.arange(len(rounds))[:, None]
        there = fate[turns, sampled] >= dropout
        if not stragglers:
            return sampled, there, None, None
        slow = slowness[turns, sampled][there] < stragglers.share
        return sampled, there, slow, work[turns, sampled][there]

    def _order(self, rounds, places, own, epochs, batch, starts):
        if epochs > 1:
            own, starts = np.repeat(own, epochs), np.repeat(starts, epochs)
        if batch is None:
            rows = np.repeat(starts - (np.cumsum(own) - own), own)
            rows += np.arange(len(rows))
            return rows
        numbers = np.empty(places[-1], np.uint64)
        ends = places.tolist()
        streams = _streams(self.examples, rounds)
        for a, b, generator in zip(ends, ends[1:], streams, strict=False):
            numbers[a:b] = generator.bit_generator.random_raw(b - a)
        return shuffled(own, numbers, starts)


def _streams(state, rounds):
    """Yield a generator that stands where the stream of each round begins."""
    bits = np.random.PCG64(0)
    generator = np.random.Generator(bits)
    for t in rounds:
        bits.state = state
        bits.advance(t * JUMP)
        yield generator


def shuffled(counts, numbers, starts):
    """Return each participant's rows in random order, one participant after the other.

    All are shuffled by one sort of 64-bit keys: the participant in the high bits, then the random
    number, then the row, which also parts equals.

    Parameters
    ----------
    counts : ndarray of int, shape (m,)
        n_i; a participant may come several times.
    numbers : ndarray of uint64, shape (Σ n_i,)
        Random bits.
    starts : ndarray of int, shape (m,)
        First row of each participant.

    Returns
    -------
    ndarray of int64, shape (Σ n_i,)

    Raises
    ------
    ValueError
        If there are so many participants and rows that no 16 random bits are left.

    Examples
    --------
    >>> numbers = np.random.default_rng(0).bit_generator.random_raw(5)
    >>> rows = shuffled(np.array([3, 2]), numbers, np.array([10, 20]))
    >>> sorted(rows[:3].tolist()), sorted(rows[3:].tolist())
    ([10, 11, 12], [20, 21])
    """
    n, m = len(numbers), len(counts)
    if not m:
        return np.zeros(0, dtype=np.int64)
    ends = np.cumsum(counts)
    place, block = int((starts + counts).max()).bit_length(), m.bit_length()
    if 64 - place - block < 16:
        raise ValueError(f"{ends[-1]:,} examples of {m:,} participants are too many to shuffle")
    keys = numbers >> np.uint64(block)
    keys &= np.uint64((1 << 64 - block) - (1 << place))
    fixed = (np.arange(m, dtype=np.uint64) << np.uint64(64 - block)) | starts.astype(np.uint64)
    fixed = np.repeat(fixed - (ends - counts).astype(np.uint64), counts)
    fixed += np.arange(n, dtype=np.uint64)
    keys += fixed
    keys.sort()
    keys &= np.uint64((1 << place) - 1)
    return keys.view(np.int64)
