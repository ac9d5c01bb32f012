"""Who talks to whom without a server: graphs as symmetric, doubly stochastic mixing matrices.

The matrices have the Metropolis–Hastings weights M_ij = 1/(1 + max(deg i, deg j)) for neighbours,
and what is left of 1 on the diagonal: Xiao, Boyd and Lall 2005, doi 10.1109/IPSN.2005.1440896.
"""

import numpy as np

from ..checks import real_number, whole_number


def mixing(edges, participants):
    """Return the mixing matrix of a graph that is given by its edges.

    Parameters
    ----------
    edges : sequence of pairs of int
        Who talks to whom; an edge given twice counts once.
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)
        M, symmetric, rows and columns sum to 1; the identity if there is no edge.

    Raises
    ------
    ValueError, TypeError
        If an edge is a loop or names somebody who is not there.

    Examples
    --------
    >>> mixing([(0, 1), (1, 2)], 3).round(3)
    array([[0.667, 0.333, 0.   ],
           [0.333, 0.333, 0.333],
           [0.   , 0.333, 0.667]])
    """
    n = whole_number(participants, "participants", 1)
    near = np.zeros((n, n), dtype=bool)
    for i, j in edges:
        i, j = (whole_number(end, "an end of an edge", 0) for end in (i, j))
        if i == j or max(i, j) >= n:
            raise ValueError(f"edge ({i}, {j}) does not join two of {n} participants")
        near[i, j] = near[j, i] = True
    degrees = near.sum(axis=1)
    m = near / (1 + np.maximum(degrees, degrees[:, None]))
    return m + np.diag(1 - m.sum(axis=1))


def complete(participants):
    """Return the mixing matrix in which everybody talks to everybody: all entries 1/N.

    Parameters
    ----------
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)

    Examples
    --------
    >>> complete(2)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    n = whole_number(participants, "participants", 1)
    return np.full((n, n), 1 / n)


def alone(participants):
    """Return the mixing matrix in which nobody talks: the identity.

    Parameters
    ----------
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)

    Examples
    --------
    >>> alone(2)
    array([[1., 0.],
           [0., 1.]])
    """
    return np.eye(whole_number(participants, "participants", 1))


def ring(participants):
    """Return the mixing matrix of a ring.

    Parameters
    ----------
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)
        1/3 to each neighbour for N ≥ 3.

    Examples
    --------
    >>> ring(4)[0].round(3)
    array([0.333, 0.333, 0.   , 0.333])
    """
    n = whole_number(participants, "participants", 1)
    return mixing([(i, (i + 1) % n) for i in range(n) if n > 1], n)


def line(participants):
    """Return the mixing matrix of a line: each talks to the one before and the one after.

    Parameters
    ----------
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)

    Examples
    --------
    >>> line(3).round(3)[0]
    array([0.667, 0.333, 0.   ])
    """
    n = whole_number(participants, "participants", 1)
    return mixing([(i, i + 1) for i in range(n - 1)], n)


def star(participants):
    """Return the mixing matrix of a star: all talk to the first, and to nobody else.

    Parameters
    ----------
    participants : int
        N ≥ 1.

    Returns
    -------
    ndarray, shape (N, N)
        1/N between the first and each other.

    Examples
    --------
    >>> star(4)[1]
    array([0.25, 0.75, 0.  , 0.  ])
    """
    n = whole_number(participants, "participants", 1)
    return mixing([(0, i) for i in range(1, n)], n)


def barbell(participants):
    """Return the mixing matrix of two complete halves that one edge joins.

    Parameters
    ----------
    participants : int
        N ≥ 1; the first half has ⌈N/2⌉, and the edge is between its last and the next.

    Returns
    -------
    ndarray, shape (N, N)

    Examples
    --------
    >>> (barbell(4) > 0).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    n = whole_number(participants, "participants", 1)
    half = (n + 1) // 2
    halves = [(i, j) for i in range(n) for j in range(i + 1, n) if (i < half) == (j < half)]
    return mixing([*halves, (half - 1, half)] if n > 1 else [], n)


def torus(rows, columns):
    """Return the mixing matrix of a grid whose opposite sides are joined.

    Parameters
    ----------
    rows, columns : int
        ≥ 1; participant i stands in row i // columns.

    Returns
    -------
    ndarray, shape (N, N)
        N = rows · columns; 1/5 to each of four neighbours where both are ≥ 3.

    Examples
    --------
    >>> torus(3, 3)[0]
    array([0.2, 0.2, 0.2, 0.2, 0. , 0. , 0.2, 0. , 0. ])
    """
    rows, columns = whole_number(rows, "rows", 1), whole_number(columns, "columns", 1)
    edges = []
    for r in range(rows):
        for c in range(columns):
            here = r * columns + c
            edges += [(here, r * columns + (c + 1) % columns), (here, (r + 1) % rows * columns + c)]
    return mixing([(i, j) for i, j in edges if i != j], rows * columns)


def random(participants, probability, rng):
    """Return the mixing matrix of a random graph: each edge is there with this probability.

    Parameters
    ----------
    participants : int
        N ≥ 1.
    probability : float
        0 ≤ p ≤ 1.
    rng : numpy.random.Generator
        N(N − 1)/2 numbers are drawn from it.

    Returns
    -------
    ndarray, shape (N, N)
        The graph need not hang together; `gap` tells.

    Notes
    -----
    Gilbert 1959, doi 10.1214/aoms/1177706098.

    Examples
    --------
    >>> random(3, 1.0, np.random.default_rng(0)).round(3)[0]
    array([0.333, 0.333, 0.333])
    """
    n = whole_number(participants, "participants", 1)
    if real_number(probability, "probability", least=0) > 1:
        raise ValueError(f"probability is {probability}; expected a number <= 1")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a numpy.random.Generator")
    i, j = np.triu_indices(n, 1)
    there = rng.random(len(i)) < probability
    return mixing(zip(i[there], j[there], strict=True), n)


def gap(matrix):
    """Return the spectral gap 1 − |λ₂| of a mixing matrix: how fast disagreement dies out.

    Parameters
    ----------
    matrix : ndarray, shape (N, N)
        M, symmetric and doubly stochastic.

    Returns
    -------
    float
        1 on the complete graph, 0 if the graph falls apart.

    Examples
    --------
    >>> round(gap(complete(5)), 6), gap(alone(5))
    (1.0, 0.0)
    """
    sizes = np.sort(np.abs(np.linalg.eigvalsh(matrix)))
    return float(1 - sizes[-2]) if len(sizes) > 1 else 1.0
