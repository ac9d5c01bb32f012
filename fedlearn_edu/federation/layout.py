"""Which example sits where, so that all participants can make their steps together.

Participants are sorted by the number of their steps, most first, and cut into blocks whose models
fit into the processor's cache.  In a block the slots are laid out step by step: those who still
have a step to make are a prefix of the block, and each fills one mini-batch of slots.  Only the
last mini-batch of an epoch is padded.  Steps are grouped into chunks, so that memory does not
grow with their number.
"""

from dataclasses import dataclass

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
    rank : ndarray of int, shape (T / width,)
        Which participant of the block each mini-batch belongs to.
    ahead : ndarray of int, shape (T / width,)
        How many steps that participant still has to make after this one.
    """

    first: bool
    active: list
    width: int
    source: np.ndarray
    share: np.ndarray
    rank: np.ndarray
    ahead: np.ndarray


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


def lay_out(cohort, block_size, chunk_slots, dtype):
    """Return the blocks of a cohort.

    Parameters
    ----------
    cohort : Cohort
        Who takes part.
    block_size : int
        Participants in a block at most.
    chunk_slots : int
        Slots of a chunk; a single step may need more.
    dtype : dtype
        Type of the shares.

    Returns
    -------
    list of Block

    Examples
    --------
    >>> from .chance import Chance
    >>> cohort = Chance(np.random.default_rng(0)).draw(np.array([3, 5]), 1, 2)
    >>> [block] = lay_out(cohort, 10, 100, np.float32)
    >>> block.members, block.chunks[0].active
    (array([1, 0]), [2, 2, 1, 0])
    """
    sizes = cohort.steps * (cohort.counts.max() + 1) + cohort.counts
    order = (-sizes).argsort(kind="stable")
    starts = np.cumsum(cohort.counts) - cohort.counts
    blocks = [order[k : k + block_size] for k in range(0, len(order), block_size)]
    return [
        Block(members, _chunks(cohort, members, starts[members], chunk_slots, dtype))
        for members in blocks
    ]


def _chunks(cohort, members, starts, chunk_slots, dtype):
    counts, steps = cohort.counts[members], cohort.steps[members]
    batch = cohort.batch or int(counts.max())
    width = min(batch, int(counts.max()))
    there = np.arange(steps[0])[:, None] < steps
    step, rank = there.nonzero()
    lengths = there.sum(axis=1)
    active, ends = [*lengths.tolist(), 0], lengths.cumsum()
    first, begin = starts[rank], step
    if len(cohort.order) > 1:
        epoch, begin = np.divmod(step, (-(-counts // batch))[rank])
        first += epoch * cohort.order.shape[1]
    begin = begin * batch
    first += begin
    size = np.minimum(batch, counts[rank] - begin)
    inside = np.arange(width) < size[:, None]
    source = ((first[:, None] + np.arange(width)) * inside).ravel()
    share = (inside / size[:, None]).astype(dtype).ravel()
    ahead = steps[rank] - 1 - step
    chunks = []
    for lo, hi in _cuts(ends.tolist(), chunk_slots // width):
        a, b = (ends[lo] - lengths[lo]), ends[hi - 1]
        slots = slice(a * width, b * width)
        chunks.append(
            Chunk(lo == 0, active[lo : hi + 1], width, source[slots], share[slots], rank[a:b],
                  ahead[a:b])
        )  # fmt: skip
    return chunks


def _cuts(ends, limit):
    """Yield ranges of steps that hold at most `limit` mini-batches together, or a single step."""
    lo = begin = 0
    for hi, end in enumerate(ends):
        if end - begin > limit and hi > lo:
            yield lo, hi
            lo, begin = hi, ends[hi - 1]
    yield lo, len(ends)


def lay_out_once(cohort, chunk_slots, dtype):
    """Return one block for a cohort in which everybody makes a single step, without padding.

    Each example is a mini-batch of its own, which is right as long as only the sum of the
    gradients is asked for.

    Parameters
    ----------
    cohort, chunk_slots, dtype
        As in `lay_out`.

    Returns
    -------
    list of Block

    Examples
    --------
    >>> from .chance import Chance
    >>> cohort = Chance(np.random.default_rng(0)).draw(np.array([1, 3]), 1, None)
    >>> lay_out_once(cohort, 100, np.float64)[0].chunks[0].share.round(2)
    array([1.  , 0.33, 0.33, 0.33])
    """
    members = np.arange(len(cohort.counts))
    rank = np.repeat(members, np.minimum(cohort.counts, cohort.batch or cohort.counts))
    places = np.arange(cohort.order.shape[1])
    if cohort.batch:
        starts = np.repeat(np.cumsum(cohort.counts) - cohort.counts, cohort.counts)
        places = places[places - starts < cohort.batch]
    sizes = np.bincount(rank)
    share = (1 / sizes[rank]).astype(dtype)
    chunks = []
    for a in range(0, len(rank), chunk_slots):
        slots = slice(a, a + chunk_slots)
        own = rank[slots]
        chunks.append(
            Chunk(True, [len(own), 0], 1, places[slots], share[slots], own, np.zeros_like(own))
        )
    return [Block(members, chunks)]
