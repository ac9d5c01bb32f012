"""Two classes of points in the plane: small data sets on which learning can be seen.

Each set is a shape for class 0 and one for class 1, and a blur: every point is drawn uniformly
from its shape and moved by ``noise`` times a standard normal vector.  Labels alternate, 0 first,
so that the classes are of one size.  The same generator gives the same points for every ``noise``,
moved more or less far.  All sets lie around 0, within a circle of radius 2.5 but for the noise.
"""

import numpy as np

from .checks import real_array, real_number, whole_number


def clusters(n, rng, noise=0.2):
    """Return two discs of radius 0.9 around (−1.2, −0.7) and (1.2, 0.7).

    Parameters
    ----------
    n : int
        Number of points ≥ 1.
    rng : numpy.random.Generator
        What draws.
    noise : float
        Standard deviation of the blur ≥ 0.

    Returns
    -------
    x : ndarray, shape (n, 2), float32
    y : ndarray, shape (n,), int64
        0 for the lower left disc.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> x, y = clusters(100, np.random.default_rng(0), noise=0)
    >>> bool((np.hypot(x[y == 1, 0] - 1.2, x[y == 1, 1] - 0.7) <= 0.9).all())
    True
    """

    def shape(u, v, side):
        radius, angle = 0.9 * np.sqrt(u), 2 * np.pi * v
        return side * 1.2 + radius * np.cos(angle), side * 0.7 + radius * np.sin(angle)

    return _drawn(shape, n, rng, noise)


def moons(n, rng, noise=0.2):
    """Return two half circles of radius 1.6, one open below and one open above, interlocked.

    Parameters
    ----------
    n, rng, noise
        As in `clusters`.

    Returns
    -------
    x : ndarray, shape (n, 2), float32
    y : ndarray, shape (n,), int64
        0 for the upper moon, around (−0.8, −0.4); the other lies around (0.8, 0.4).

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> x, y = moons(100, np.random.default_rng(0), noise=0)
    >>> bool(np.allclose(np.hypot(x[y == 0, 0] + 0.8, x[y == 0, 1] + 0.4), 1.6))
    True
    """

    def shape(u, v, side):
        angle = np.pi * u
        return -side * (1.6 * np.cos(angle) - 0.8), -side * (1.6 * np.sin(angle) - 0.4)

    return _drawn(shape, n, rng, noise)


def circles(n, rng, noise=0.2):
    """Return a disc of radius 0.8 within a ring of radius 2.

    Parameters
    ----------
    n, rng, noise
        As in `clusters`.

    Returns
    -------
    x : ndarray, shape (n, 2), float32
    y : ndarray, shape (n,), int64
        0 for the disc.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> x, y = circles(100, np.random.default_rng(0), noise=0)
    >>> bool((np.hypot(*x[y == 0].T) <= 0.8).all()), bool(np.allclose(np.hypot(*x[y == 1].T), 2))
    (True, True)
    """

    def shape(u, v, side):
        radius, angle = np.where(side < 0, 0.8 * np.sqrt(u), 2.0), 2 * np.pi * v
        return radius * np.cos(angle), radius * np.sin(angle)

    return _drawn(shape, n, rng, noise)


def xor(n, rng, noise=0.2):
    """Return four squares, one a quadrant, of which those that face each other are of one class.

    Parameters
    ----------
    n, rng, noise
        As in `clusters`.

    Returns
    -------
    x : ndarray, shape (n, 2), float32
        Before the noise, each coordinate is 0.2 to 1.7 away from 0.
    y : ndarray, shape (n,), int64
        0 where the coordinates have different signs, 1 where they have the same.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Notes
    -----
    Minsky and Papert 1969, "Perceptrons": no straight line parts the classes.

    Examples
    --------
    >>> x, y = xor(100, np.random.default_rng(0), noise=0)
    >>> bool(((x[:, 0] * x[:, 1] > 0) == y).all())
    True
    """

    def shape(u, v, side):
        first = np.where(u < 0.5, -1, 1)
        a, b = 0.2 + 1.5 * np.abs(2 * u - 1), 0.2 + 1.5 * v
        return first * a, first * side * b

    return _drawn(shape, n, rng, noise)


def spiral(n, rng, noise=0.2, turns=0.9):
    """Return two arms that wind around each other, the radius growing with the angle.

    Parameters
    ----------
    n, rng, noise
        As in `clusters`.
    turns : float
        How often each arm goes round, > 0.

    Returns
    -------
    x : ndarray, shape (n, 2), float32
        Before the noise (r cos φ, r sin φ) with r = 0.3 + 2 s and φ = 2π s · turns, s in [0, 1),
        turned by half a circle for class 1.
    y : ndarray, shape (n,), int64

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Notes
    -----
    Lang and Witbrock 1988, "Learning to tell two spirals apart", with fewer turns.

    Examples
    --------
    >>> x, y = spiral(100, np.random.default_rng(0), noise=0)
    >>> bool((np.hypot(*x.T) < 2.3).all())
    True
    """
    turns = real_number(turns, "turns", above=0)

    def shape(u, v, side):
        radius, angle = 0.3 + 2 * u, 2 * np.pi * turns * u
        return -side * radius * np.cos(angle), -side * radius * np.sin(angle)

    return _drawn(shape, n, rng, noise)


SETS = {"clusters": clusters, "moons": moons, "circles": circles, "xor": xor, "spiral": spiral}
"""The sets by name."""


def with_squares(x):
    """Return the inputs with their squares and their product beside them.

    Parameters
    ----------
    x : array_like, shape (n, 2)
        Points.

    Returns
    -------
    ndarray, shape (n, 5)
        (x₁, x₂, x₁², x₂², x₁ x₂), in the type of `x`: with these, softmax regression draws
        ellipses and hyperbolas.

    Raises
    ------
    ValueError, TypeError
        If `x` holds no points of the plane.

    Examples
    --------
    >>> with_squares([[2.0, -3.0]])
    array([[ 2., -3.,  4.,  9., -6.]])
    """
    x = real_array(x, "x")
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"x has shape {x.shape}; expected (n, 2)")
    return np.hstack([x, x * x, x[:, :1] * x[:, 1:]])


def _drawn(shape, n, rng, noise):
    """Draw n points of a shape; `side` is −1 for class 0 and 1 for class 1."""
    n, noise = whole_number(n, "n", 1), real_number(noise, "noise", least=0)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a numpy.random.Generator")
    y = np.arange(n) % 2
    u, v = rng.random((2, n))
    x = np.stack(shape(u, v, 2 * y - 1), axis=1)
    return (x + noise * rng.standard_normal((n, 2))).astype(np.float32), y
