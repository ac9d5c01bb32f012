"""Which example sits where, so that all participants can make their steps together.

Participants are sorted by the number of their steps, most first, and cut into blocks whose models
fit into the processor's cache.  In a block the slots are laid out step by step: those who still
have a step to make are a prefix of the block, and each fills one mini-batch of slots.  Only the
last mini-batch of an epoch is padded.  Steps are grouped into chunks, so that memory does not
grow with their number.
"""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(eq=False)
class Chunk:
    """Consecutive steps of a block.

    Attributes
    ----------
    first : bool
        Whether it begins with its participants' first step of the round.
    active : list of int
        How many participants make each step; after the last entry, how many go on after it.
    width : int
        Slots of a mini-batch.
    source : ndarray of int, shape (T,)
        Place of each slot's example in the order of learning; 0 for padding.
    share : ndarray, shape (T,)
        1 / size of the mini-batch; 0 for padding.
    weights : tuple of ndarray, shapes (T / width, 1) and (T,), or None
        How much the gradient of each mini-batch counts, if that is known beforehand; by slot.
    steps : optional
        What an engine keeps for the next round, if the chunk comes again.
    """

    first: bool
    active: list
    width: int
    source: np.ndarray
    share: np.ndarray
    weights: tuple | None
    steps: list | None = None


@dataclass(eq=False)
class Block:
    """Participants that make their steps together.

    Attributes
    ----------
    members : ndarray of int, shape (P,)
        Places among the active of the cohort, most steps first.
    chunks : list of Chunk
    """

    members: np.ndarray
    chunks: list


def lay_out(cohorts, block_size, chunk_slots, dtype, gains=None):
    """Return the blocks of each of these cohorts, which belong to one plan.

    Parameters
    ----------
    cohorts : list of Cohort
        Who takes part in one round after the other; in each somebody.
    block_size : int
        Participants in a block at most.
    chunk_slots : int
        Slots of a chunk; a single step may need more.
    dtype : dtype
        Type of the shares and weights.
    gains : ndarray, shape (most steps,), optional
        What a gradient counts when j more steps follow it; times `Cohort.factors`, its weight.

    Returns
    -------
    list of lists of Block

    Examples
    --------
    >>> from .chance import Chance
    >>> cohorts = Chance(np.random.default_rng(0)).draw(range(1), np.array([3, 5]), 1, 2)
    >>> [[block]] = lay_out(cohorts, 10, 100, np.float32)
    >>> block.members, block.chunks[0].active
    (array([1, 0]), [2, 2, 1, 0])
    """
    people = _People(cohorts, block_size)
    batches, blocks = _Minibatches(people, dtype), [[] for _ in cohorts]
    if gains is not None:
        batches.weigh(np.concatenate([cohort.factors for cohort in cohorts])[people.order], gains)
    for k, members in enumerate(np.split(people.members, people.first[1:])):
        a = people.first[k]
        chunks = batches.cut(int(people.steps[a]), int(people.width[k]), chunk_slots)
        blocks[people.turn[a]].append(Block(members, chunks))
    return blocks


class _People:
    """The participants of all cohorts in one row, sorted by cohort, most steps first.

    `order` says where each stood before, `first` where each block begins, `width` how many slots
    its mini-batches have.
    """

    def __init__(self, cohorts, block_size):
        number = np.array([len(cohort.active) for cohort in cohorts])
        counts = np.concatenate([cohort.counts for cohort in cohorts])
        steps = np.concatenate([cohort.steps for cohort in cohorts])
        self.turn = np.repeat(np.arange(len(number)), number)
        place = np.arange(len(counts)) - np.repeat(np.cumsum(number) - number, number)
        starts = cohorts[0].epochs * (np.cumsum(counts) - counts)
        starts -= np.repeat(starts[place == 0], number)
        keys = (self.turn + 1) * (steps.max() + 1) - steps
        self.order = order = (keys * (counts.max() + 1) - counts).argsort(kind="stable")
        self.members, self.rank = place[order], place % block_size
        self.counts, self.steps, self.starts = counts[order], steps[order], starts[order]
        self.first = np.flatnonzero(self.rank == 0)
        self.batch = cohorts[0].batch or int(counts.max())
        self.width = np.minimum(np.maximum.reduceat(self.counts, self.first), self.batch)


class _Minibatches:
    """The mini-batches of all blocks in one row, sorted by block, step and participant."""

    def __init__(self, people, dtype):
        who, step, self.active = _in_order(people.steps, np.cumsum(people.rank == 0) - 1)
        self.who, self.ahead = who, people.steps[who] - 1 - step
        counts, batch = people.counts, people.batch
        epoch, begin = np.divmod(step, (-(-counts // batch))[who])
        begin *= batch
        counts = counts[who]
        size = np.minimum(counts - begin, batch)
        first = people.starts[who] + epoch * counts + begin
        width = np.repeat(people.width, np.add.reduceat(people.steps, people.first))
        self.width, ends = width, np.cumsum(width)
        inside = np.arange(ends[-1]) - np.repeat(ends - width, width)
        there = inside < np.repeat(size, width)
        self.source = (np.repeat(first, width) + inside) * there
        self.share = there * np.repeat((1 / size).astype(dtype), width)
        self.weights = None
        self.batches = self.slots = self.groups = 0

    def weigh(self, factors, gains):
        """Say how much the gradient of each mini-batch counts."""
        weights = (factors[self.who] * gains[self.ahead]).astype(self.share.dtype)
        self.weights = weights[:, None], np.repeat(weights, self.width)

    def cut(self, steps, width, chunk_slots):
        """Return the chunks of the next block, which makes so many steps."""
        active = self.active[self.groups : self.groups + steps]
        ends = [0, *accumulate(active)]
        chunks = []
        for lo, hi in _cuts(ends[1:], chunk_slots // width):
            own = slice(self.batches + ends[lo], self.batches + ends[hi])
            slots = slice(self.slots + ends[lo] * width, self.slots + ends[hi] * width)
            weights = self.weights and (self.weights[0][own], self.weights[1][slots])
            chunks.append(
                Chunk(lo == 0, [*active, 0][lo : hi + 1], width, self.source[slots],
                      self.share[slots], weights)
            )  # fmt: skip
        self.groups += steps
        self.batches += ends[-1]
        self.slots += ends[-1] * width
        return chunks


def _in_order(steps, block):
    """Return the participant and the step of each mini-batch, and how many make each step."""
    places, most = len(steps).bit_length(), int(steps.max()).bit_length()
    who = np.repeat(np.arange(len(steps)), steps)
    step = np.arange(len(who)) - np.repeat(np.cumsum(steps) - steps, steps)
    keys = (((block[who] << most) | step) << places) | who
    keys.sort()
    groups = keys >> places
    bounds = np.flatnonzero(np.diff(groups, prepend=-1, append=-1))
    return keys & ((1 << places) - 1), groups & ((1 << most) - 1), np.diff(bounds).tolist()


def _cuts(ends, limit):
    """Yield ranges of steps that hold at most `limit` mini-batches together, or a single step."""
    lo = begin = 0
    for hi, end in enumerate(ends):
        if end - begin > limit and hi > lo:
            yield lo, hi
            lo, begin = hi, ends[hi - 1]
    yield lo, len(ends)


def lay_out_once(cohort, chunk_slots, dtype, gain):
    """Return one block for a cohort in which everybody makes a single step, without padding.

    Each example is a mini-batch of its own, which is right as long as only the sum of the
    gradients is asked for.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    chunk_slots, dtype
        As in `lay_out`.
    gain : float
        What the gradient of a single step counts.

    Returns
    -------
    list of Block

    Examples
    --------
    >>> from .chance import Chance
    >>> [cohort] = Chance(np.random.default_rng(0)).draw(range(1), np.array([1, 3]), 1, None)
    >>> cohort.factors = np.array([0.25, 0.75])
    >>> lay_out_once(cohort, 100, np.float64, 1.0)[0].chunks[0].share.round(2)
    array([1.  , 0.33, 0.33, 0.33])
    """
    counts, members = cohort.counts, np.arange(len(cohort.counts))
    sizes = np.minimum(counts, cohort.batch or counts)
    rank = np.repeat(members, sizes)
    starts = cohort.epochs * (np.cumsum(counts) - counts) - (np.cumsum(sizes) - sizes)
    places = np.repeat(starts, sizes) + np.arange(len(rank))
    share = np.repeat((1 / sizes).astype(dtype), sizes)
    weights = (gain * cohort.factors)[rank].astype(dtype)
    chunks = []
    for a in range(0, len(rank), chunk_slots):
        slots = slice(a, a + chunk_slots)
        active = [len(rank[slots]), 0]
        own = weights[slots, None], weights[slots]
        chunks.append(Chunk(True, active, 1, places[slots], share[slots], own))
    return [Block(members, chunks)]
