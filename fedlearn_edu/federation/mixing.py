"""The mixing step of gossip: edge by edge where the graph is sparse, as one product where not."""

import numpy as np

# Measured on one core, in multiplications of a dense product: what a number costs that is fetched
# for an edge, and what a row costs that is mixed on its own.
EDGE, ROW = 20, 250_000


class Mixer:
    """Mixes models over a graph, among those that are there.

    Parameters
    ----------
    matrix : ndarray, shape (N, N)
        M, symmetric and doubly stochastic.
    size : int
        d.
    dtype : dtype
        Type of the parameters.

    Attributes
    ----------
    sparse : bool
        Whether it goes edge by edge.

    Examples
    --------
    >>> mixer = Mixer(np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]), 1, float)
    >>> own = np.array([[0.0], [1.0], [3.0]])
    >>> mixer.mix(own, own[:2], np.array([0, 1]))
    array([1, 1])
    >>> own.ravel()
    array([0.5, 0.5, 3. ])
    """

    def __init__(self, matrix, size, dtype):
        self.n, self.dtype = len(matrix), dtype
        self.matrix = matrix - np.diag(matrix.diagonal())
        self.edges = self.matrix.nonzero()
        self.weights = self.matrix[self.edges]
        self.sparse = EDGE * len(self.edges[0]) + self.n * ROW / size < self.n**2

    def mix(self, own, sent, there):
        """Replace θ_i by Σ_j M_ij θ_j over those that are there; the rest of 1 stays with θ_i.

        Parameters
        ----------
        own : ndarray, shape (N, d)
            The models; those of who is there are overwritten.
        sent : ndarray, shape (m, d)
            What arrives from each of those that are there; no view of `own`.
        there : ndarray of int, shape (m,)
            Who is there, ascending.

        Returns
        -------
        ndarray of int, shape (m,)
            To how many each of them sent its model.
        """
        if not len(there):
            return np.zeros(0, dtype=np.int64)
        everybody = len(there) == self.n
        mine = own if everybody else own[there]
        degrees = (self._by_edges if self.sparse else self._at_once)(mine, sent, there)
        if not everybody:
            own[there] = mine
        return degrees

    def _at_once(self, own, sent, there):
        matrix = self.matrix
        if len(there) < self.n:
            matrix = matrix[np.ix_(there, there)]
        own *= (1 - matrix.sum(axis=1, keepdims=True)).astype(self.dtype)
        own += matrix.astype(self.dtype) @ sent
        return np.count_nonzero(matrix, axis=1)

    def _by_edges(self, own, sent, there):
        place = np.full(self.n, -1)
        place[there] = np.arange(len(there))
        i, j = (place[ends] for ends in self.edges)
        joined = (i >= 0) & (j >= 0)
        weights, i, j = self.weights[joined], i[joined], j[joined]
        kept = (1 - np.bincount(i, weights, len(there))).astype(self.dtype)
        degrees = np.bincount(i, minlength=len(there))
        cuts, weights = degrees.cumsum()[:-1], weights.astype(self.dtype)
        parts = zip(np.split(weights, cuts), np.split(j, cuts), strict=True)
        for row, keep, (weight, near) in zip(own, kept, parts, strict=True):
            row *= keep
            row += weight @ sent[near]
        return degrees
