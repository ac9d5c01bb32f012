"""Real data as arrays, and the ways to divide them among participants.

`digits` and `breast_cancer` read small files that come with the package; nothing is downloaded.
Every partition covers the examples exactly: none is lost, none is given twice.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from .checks import real_number, whole_number

TEST_SHARE = 5
"""One example in this many is kept for testing."""

SMALLEST_BETA = 1e-300
"""The least β of `dirichlet`: log u / β stays finite for every u that a generator draws."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A data set, cut into training and test examples; the arrays are read-only.

    Attributes
    ----------
    name : str
        What it is called.
    x_train, x_test : ndarray, shape (n, features) and (m, features)
        Inputs, float32.
    y_train, y_test : ndarray, shape (n,) and (m,)
        Labels 0 … classes − 1, int64.
    train_rows, test_rows : ndarray, shape (n,) and (m,)
        Where each example stands in the source, counted from 0.
    label_names, feature_names : tuple of str
        One a class, one a feature.
    source, licence : str
        Whom to credit, and under which licence the data may be used.
    image_shape : tuple of int, or None
        Rows and columns, if an input is a picture.

    Examples
    --------
    >>> digits()
    Dataset('digits': 1,438 + 359 examples, 64 features, 10 classes)
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    train_rows: np.ndarray
    test_rows: np.ndarray
    label_names: tuple
    feature_names: tuple
    source: str
    licence: str = "CC BY 4.0"
    image_shape: tuple | None = field(default=None)

    def __post_init__(self):
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    def __repr__(self):
        return (
            f"Dataset({self.name!r}: {len(self.y_train):,} + {len(self.y_test):,} examples, "
            f"{self.features} features, {self.classes} classes)"
        )

    @property
    def features(self):
        """Number of inputs of one example."""
        return len(self.feature_names)

    @property
    def classes(self):
        """Number of different labels."""
        return len(self.label_names)


def digits(split_seed=0):
    """Return the UCI handwritten digits: 8 × 8 grey images, 1,438 to train on and 359 to test.

    Parameters
    ----------
    split_seed : int
        Which of the images are kept for testing.  The same number gives the same split on every
        machine and with every NumPy: rows in the order of PCG64's raw numbers, the last fifth
        for testing.

    Returns
    -------
    Dataset
        x in [0, 1]: sixteenths of full ink, row by row.  y: the digit.

    Raises
    ------
    ValueError, TypeError
        If `split_seed` is no integer ≥ 0.

    Notes
    -----
    Alpaydin and Kaynak 1998, doi 10.24432/C50P49, CC BY 4.0; the 1,797 images by 13 people that
    scikit-learn ships.  Who wrote which image is not recorded.

    Examples
    --------
    >>> data = digits()
    >>> data.x_train.shape, data.x_test.shape, float(data.x_train.max())
    ((1438, 64), (359, 64), 1.0)
    """
    stored = _stored("digits")
    return _split(
        "digits",
        stored,
        np.float32(1 / 16) * stored["x"].astype(np.float32),
        split_seed,
        source="E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, doi 10.24432/C50P49",
        image_shape=(8, 8),
    )


def breast_cancer(split_seed=0, standardise=True):
    """Return the Wisconsin tumours: 30 measurements, 456 to train on and 113 to test.

    Parameters
    ----------
    split_seed : int
        Which of the rows are kept for testing; as in `digits`.
    standardise : bool
        Subtract from each measurement its mean over the training examples, and divide by its
        standard deviation there.  False leaves the units of the source.

    Returns
    -------
    Dataset
        y: 0 malignant, 1 benign, as in scikit-learn.

    Raises
    ------
    ValueError, TypeError
        If `split_seed` is no integer ≥ 0, or `standardise` no boolean.

    Notes
    -----
    Wolberg, Mangasarian, Street and Street 1993, doi 10.24432/C5DW2B, CC BY 4.0.

    Examples
    --------
    >>> data = breast_cancer()
    >>> data.x_train.shape, data.label_names
    ((456, 30), ('malignant', 'benign'))
    """
    if not isinstance(standardise, bool):
        raise TypeError(f"standardise is {standardise!r}; expected True or False")
    stored = _stored("breast_cancer")
    x = stored["x"]
    if standardise:
        train, _ = _rows(len(x), split_seed)
        x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    return _split(
        "breast_cancer",
        stored,
        x,
        split_seed,
        source="W. Wolberg, O. Mangasarian, N. Street, W. Street, "
        "UCI Machine Learning Repository, doi 10.24432/C5DW2B",
    )


@cache
def _stored(name):
    from .paths import assets  # pathlib is not needed to import the package

    with np.load(assets() / "data" / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def _rows(examples, split_seed):
    """Return the rows for training and for testing.

    NumPy keeps a bit generator's raw numbers from release to release, its methods not: NEP 19.
    """
    seed = whole_number(split_seed, "split_seed", 0)
    order = np.argsort(np.random.PCG64(seed).random_raw(examples), kind="stable")
    return np.split(order, [examples - examples // TEST_SHARE])


def _split(name, stored, x, split_seed, **words):
    train, test = _rows(len(x), split_seed)
    x, y = x.astype(np.float32), stored["y"].astype(np.int64)
    return Dataset(
        name,
        x[train],
        y[train],
        x[test],
        y[test],
        train,
        test,
        label_names=tuple(map(str, stored["label_names"])),
        feature_names=tuple(map(str, stored["feature_names"])),
        **words,
    )


class Partition(NamedTuple):
    """Who holds which examples: `indices, counts = iid(…)`.

    Attributes
    ----------
    indices : list of N ndarrays, int64
        The examples of each participant, ascending.  Together they are 0 … n − 1, each once.
    counts : ndarray, shape (N, classes), int64
        How many examples of each label each participant holds.

    Examples
    --------
    >>> by_group([0, 1, 1], ["west", "east", "west"])
    Partition(indices=[array([1]), array([0, 2])], counts=array([[0, 1], [1, 1]]))
    """

    indices: list
    counts: np.ndarray

    @property
    def sizes(self):
        """Number of examples of each participant, n_i, shape (N,)."""
        return np.array([len(rows) for rows in self.indices])


def equal_sizes(examples, participants):
    """Return sizes n_i that differ by one example at most, the larger ones first.

    Parameters
    ----------
    examples : int
        n, how many there are.
    participants : int
        N ≤ n.

    Returns
    -------
    ndarray, shape (N,), int64
        n_i ≥ 1, Σ n_i = n.

    Raises
    ------
    ValueError, TypeError
        If there are more participants than examples, or a number is no integer ≥ 1.

    Examples
    --------
    >>> equal_sizes(11, 4)
    array([3, 3, 3, 2])
    """
    examples, participants, _ = _request(examples, participants, 1)
    return examples // participants + (np.arange(participants) < examples % participants)


def skewed_sizes(examples, participants, skew, minimum=1):
    """Return sizes n_i that fall like a power of the rank, n_i ∝ 1 / i^skew, above a minimum.

    Parameters
    ----------
    examples : int
        n, how many there are.
    participants : int
        N.
    skew : float
        ≥ 0.  0 gives equal sizes; 1 is Zipf's law; with growing skew the first participant takes
        all that the minimum leaves.
    minimum : int
        ≥ 1, the least that each participant gets; N · minimum ≤ n.

    Returns
    -------
    ndarray, shape (N,), int64
        n_i ≥ minimum, Σ n_i = n, not increasing.

    Raises
    ------
    ValueError, TypeError
        If N · minimum > n, or an argument is out of its range.

    Notes
    -----
    Li et al. 2020, arXiv 1812.06127, section 5.1, give their participants sizes by a power law
    too.  What the minimum leaves is divided by the law and rounded by largest remainders.

    Examples
    --------
    >>> skewed_sizes(100, 4, skew=1)
    array([47, 24, 16, 13])
    """
    examples, participants, minimum = _request(examples, participants, minimum)
    skew = real_number(skew, "skew", least=0)
    with np.errstate(over="ignore"):
        shares = np.exp(-skew * np.log(np.arange(1, participants + 1)))
    return minimum + _apportion(examples - participants * minimum, shares)


def iid(labels, participants, rng, sizes=None):
    """Divide the examples at random, whatever their labels.

    Parameters
    ----------
    labels : array_like, shape (n,)
        y, integers ≥ 0.
    participants : int
        N ≤ n.
    rng : numpy.random.Generator
        What shuffles.
    sizes : array_like, shape (N,), optional
        n_i ≥ 1, Σ n_i = n; `equal_sizes` if left out.

    Returns
    -------
    Partition

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, or the sizes are not N or do not sum to n.

    Notes
    -----
    McMahan et al. 2017, arXiv 1602.05629, section 3, "IID".

    Examples
    --------
    >>> indices, counts = iid([0, 0, 1, 1, 1], 2, np.random.default_rng(0))
    >>> counts.sum(axis=1)
    array([3, 2])
    """
    labels = _labels(labels)
    sizes = _sizes(sizes, len(labels), participants)
    return _partition(labels, np.split(_generator(rng).permutation(len(labels)), _ends(sizes)))


def shards(labels, participants, rng, per_participant=2):
    """Sort the examples by label, cut them into shards, and deal each participant some.

    Parameters
    ----------
    labels : array_like, shape (n,)
        y, integers ≥ 0.
    participants : int
        N.
    rng : numpy.random.Generator
        What deals.
    per_participant : int
        Shards for each participant, 2 in the paper; N · per_participant ≤ n.  The shards'
        sizes differ by one example at most, where the paper's 60,000 divide evenly.

    Returns
    -------
    Partition
        With few, large shards a participant has `per_participant` labels or hardly more.

    Raises
    ------
    ValueError, TypeError
        If there would be more shards than examples, or an argument is out of its range.

    Notes
    -----
    McMahan et al. 2017, arXiv 1602.05629, section 3, "pathological non-IID".

    Examples
    --------
    >>> shards([0, 1, 0, 1], 2, np.random.default_rng(0), per_participant=1).counts
    array([[2, 0],
           [0, 2]])
    """
    labels = _labels(labels)
    participants = whole_number(participants, "participants", 1)
    each = whole_number(per_participant, "per_participant", 1)
    total = participants * each
    if total > len(labels):
        raise ValueError(
            f"{participants:,} participants × {each:,} shards = {total:,}, "
            f"the data have {len(labels):,} examples"
        )
    pieces = np.array_split(np.argsort(labels, kind="stable"), total)
    dealt = _generator(rng).permutation(total).reshape(participants, each)
    return _partition(labels, [np.concatenate([pieces[s] for s in hand]) for hand in dealt])


def dirichlet(labels, participants, beta, rng, minimum=1, sizes=None):
    """Divide the labels by draws from a Dirichlet distribution with concentration β.

    Parameters
    ----------
    labels : array_like, shape (n,)
        y, integers ≥ 0.
    participants : int
        N.
    beta : float
        β > 0.  Small: few labels a participant; large: everybody has the mixture of the whole.
    rng : numpy.random.Generator
        What draws.
    minimum : int
        ≥ 1, the least that each participant holds; N · minimum ≤ n.  Where a draw leaves somebody
        short, examples move to him from whoever holds most, one by one.
    sizes : array_like, shape (N,), optional
        n_i ≥ minimum, Σ n_i = n: fixes the sizes, so that β governs the labels alone.

    Returns
    -------
    Partition

    Raises
    ------
    ValueError, TypeError
        If N · minimum > n, β < 1e-300, the sizes do not fit, or an argument is out of its range.

    Notes
    -----
    Without `sizes`, as Yurochkin et al. 2019, arXiv 1905.12022: for each label the
    shares of the N participants are a draw from Dir(β, …, β), so that sizes differ as well.
    Code for that paper, and Li et al. 2021, arXiv 2102.02079, draw again until everybody has 10
    examples, which for many participants or a small β never ends; hence the moves above.

    With `sizes`, as Hsu et al. 2019, arXiv 1909.06335: each participant's mixture is
    a draw q from Dir(β p), p being the shares of the labels in the whole.  Its examples are then
    drawn one by one from those still free, each with the odds q / n of its label with n examples
    (in the paper by q alone until a label has run out), so that β → ∞ is `iid`.  There β is the
    sum of the concentrations, here one of N: the same number means different things.

    Examples
    --------
    >>> y = np.repeat([0, 1], 500)
    >>> dirichlet(y, 2, 1e9, np.random.default_rng(0)).counts
    array([[250, 250],
           [250, 250]])
    >>> dirichlet(y, 2, 1e-9, np.random.default_rng(0), sizes=[500, 500]).counts
    array([[500,   0],
           [  0, 500]])
    """
    labels, rng = _labels(labels), _generator(rng)
    _, participants, minimum = _request(len(labels), participants, minimum)
    beta = real_number(beta, "beta", least=SMALLEST_BETA)
    if sizes is None:
        return _partition(labels, _split_labels(labels, participants, beta, rng, minimum))
    sizes = _sizes(sizes, len(labels), participants)
    if sizes.min() < minimum:
        raise ValueError(f"sizes[{sizes.argmin()}] is {sizes.min()}; minimum is {minimum}")
    return _partition(labels, _draw_mixtures(labels, sizes, beta, rng))


def by_group(labels, groups):
    """Give each group's examples to one participant, such as a hospital or a writer.

    Parameters
    ----------
    labels : array_like, shape (n,)
        y, integers ≥ 0.
    groups : array_like, shape (n,)
        Which group each example belongs to: integers or text.

    Returns
    -------
    Partition
        One participant a group, in ascending order of the groups' names.

    Raises
    ------
    ValueError, TypeError
        If the two differ in length, or groups are neither integers nor text.

    Notes
    -----
    The natural partition of LEAF: Caldas et al. 2018, arXiv 1812.01097.

    Examples
    --------
    >>> by_group([0, 1, 1, 0], [7, 7, 3, 3]).indices
    [array([2, 3]), array([0, 1])]
    """
    labels, groups = _labels(labels), np.asarray(groups)
    if groups.shape != labels.shape:
        raise ValueError(f"groups has shape {groups.shape}, labels has shape {labels.shape}")
    if groups.dtype.kind not in "iuU":
        raise TypeError(f"groups has dtype {groups.dtype}; expected integers or text")
    _, which = np.unique(groups, return_inverse=True)
    ends = np.cumsum(np.bincount(which))[:-1]
    return _partition(labels, np.split(np.argsort(which, kind="stable"), ends))


def _partition(labels, indices):
    classes = int(labels.max()) + 1
    indices = [np.sort(rows) for rows in indices]
    counts = [np.bincount(labels[rows], minlength=classes) for rows in indices]
    return Partition(indices, np.array(counts))


def _split_labels(labels, participants, beta, rng, minimum):
    """Divide each label's examples by shares from Dir(β, …, β); then see to the minimum."""
    owner = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        logs = _dirichlet_logs(np.full(participants, beta), rng)
        shares = np.exp(logs - logs.max())
        turn = rng.permutation(participants)  # rounding favours nobody
        owner[rows] = np.repeat(turn, _apportion(len(rows), shares[turn]))
    held = np.bincount(owner, minlength=participants)
    while held.min() < minimum:
        poor, rich = held.argmin(), held.argmax()
        owner[rng.choice(np.flatnonzero(owner == rich))] = poor
        held[poor] += 1
        held[rich] -= 1
    return np.split(np.argsort(owner, kind="stable"), np.cumsum(held)[:-1])


def _draw_mixtures(labels, sizes, beta, rng):
    """Draw each participant's examples, in random turn, by a mixture from Dir(β p).

    Whoever takes the n_i least of log e − log(q / n) for exponential e has drawn n_i examples one
    by one, each with odds q / n of its label.
    """
    turn = rng.permutation(len(sizes))
    _, which, frequency = np.unique(labels, return_inverse=True, return_counts=True)
    free = rng.permutation(len(labels))
    indices = [None] * len(sizes)
    for i in turn:
        odds = _dirichlet_logs(beta * (frequency / len(labels)), rng) - np.log(frequency)
        keys = np.log(rng.standard_exponential(len(free))) - odds[which[free]]
        order = np.argsort(keys, kind="stable")
        indices[i] = free[order[: sizes[i]]]
        free = np.delete(free, order[: sizes[i]])
    return indices


def _dirichlet_logs(concentrations, rng):
    """Return one draw from the Dirichlet distribution, as logarithms but for a constant.

    log G(β) = log G(β + 1) + log(u) / β for gamma variables G (Marsaglia and Tsang 2000): finite
    where the shares themselves would be 0.
    """
    u = 1 - rng.random(len(concentrations))
    return np.log(rng.standard_gamma(concentrations + 1)) + np.log(u) / concentrations


def _apportion(total, shares):
    """Divide a whole number by shares, rounded by largest remainders (the first of equals)."""
    quotas = total * (shares / shares.sum())
    whole = np.floor(quotas).astype(np.int64)
    by_remainder = np.argsort(whole - quotas, kind="stable")
    whole[by_remainder[: total - whole.sum()]] += 1
    return whole


def _request(examples, participants, minimum):
    """Return the three numbers, or say why the examples do not suffice."""
    examples = whole_number(examples, "examples", 1)
    participants = whole_number(participants, "participants", 1)
    minimum = whole_number(minimum, "minimum", 1)
    if participants * minimum > examples:
        raise ValueError(
            f"{participants:,} participants × {minimum:,} "
            f"{'example' if minimum == 1 else 'examples'} = {participants * minimum:,}, "
            f"the data have {examples:,}"
        )
    return examples, participants, minimum


def _labels(labels):
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size:
        raise ValueError(f"labels has shape {labels.shape}; expected (n,) with n ≥ 1")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels has dtype {labels.dtype}; expected integers")
    if labels.min() < 0:
        index = int(labels.argmin())
        raise ValueError(f"labels[{index}] is {labels[index]}; expected integers >= 0")
    return labels.astype(np.int64, copy=False)


def _sizes(sizes, examples, participants):
    if sizes is None:
        return equal_sizes(examples, participants)
    _request(examples, participants, 1)
    sizes = np.asarray(sizes)
    if sizes.shape != (participants,):
        raise ValueError(f"sizes has shape {sizes.shape}, there are {participants:,} participants")
    if sizes.dtype.kind not in "iu":
        raise TypeError(f"sizes has dtype {sizes.dtype}; expected integers")
    if sizes.min() < 1:
        raise ValueError(f"sizes[{sizes.argmin()}] is {sizes.min()}; expected integers >= 1")
    if sizes.sum() != examples:
        raise ValueError(f"sizes sum to {sizes.sum():,}, the data have {examples:,}")
    return sizes


def _ends(sizes):
    return np.cumsum(sizes)[:-1]


def _generator(rng):
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r} ({type(rng).__name__}); expected a numpy.random.Generator")
    return rng
