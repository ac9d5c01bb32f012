"""Loss and accuracy of packed models, on all examples at once."""

import numpy as np


class Evaluation:
    """The examples that models are evaluated on: those for testing and, if asked, everybody's own.

    Parameters
    ----------
    federation : Federation
        Whose examples they are.
    packing : Packing
        Sizes of the models.
    dtype : dtype
        Type of the parameters.
    local : bool
        Whether each participant's own examples are evaluated too.

    Examples
    --------
    >>> from .packing import Packing
    >>> from .participants import Federation
    >>> federation = Federation([[1.0], [2.0]], [0, 1], [[0], [1]])
    >>> Evaluation(federation, Packing((1, 2)), float, True).measure(np.zeros(4))
    (0.6931471805599453, 0.5, array([0.69314718, 0.69314718]), array([1., 0.]))
    """

    def __init__(self, federation, packing, dtype, local):
        self.packing, self.local = packing, local
        self.starts, self.counts = federation.starts, federation.counts
        x, y = federation.x_test, federation.y_test
        self.tests = len(y)
        if local:
            x, y = np.concatenate([x, federation.x]), np.concatenate([y, federation.y])
        shapes = [(len(y), width + 1) for width in packing.sizes[1:-1]]
        self.inputs = [np.hstack([x, np.ones((len(y), 1))]).astype(dtype)]
        self.inputs += [np.ones(shape, dtype) for shape in shapes]
        self.scores, self.y = np.empty((packing.sizes[-1], len(y)), dtype), y
        self.places = y * len(y) + np.arange(len(y))

    def measure(self, theta, models=None):
        """Return how good θ is on the tests, and on each participant's own examples.

        Parameters
        ----------
        theta : ndarray, shape (d,)
            θ, packed.
        models : ndarray, shape (N, d), optional
            The participants' own models, to be taken for their own examples instead of θ.

        Returns
        -------
        tuple of float, float, ndarray or None, ndarray or None
            Mean loss, accuracy, and both of each participant, shape (N,).
        """
        with np.errstate(all="ignore"):
            if models is None or not self.local:
                self._score(theta, slice(None))
            else:
                self._score(theta, slice(self.tests))
                for row, start, n in zip(models, self.starts, self.counts, strict=True):
                    self._score(row, slice(self.tests + start, self.tests + start + n))
            return summary(*self._losses(), self.tests, self.local and (self.starts, self.counts))

    def _score(self, row, examples):
        *hidden, last = self.packing.views(row)
        inputs = [array[examples] for array in self.inputs]
        for below, w, above in zip(inputs, hidden, inputs[1:], strict=False):
            np.matmul(below, w, out=above[:, :-1])
            np.maximum(above, 0, out=above)  # the column of ones stays
        np.matmul(last, inputs[-1].T, out=self.scores[:, examples])

    def _losses(self):
        """Return the loss of each example, and whether it is predicted; the scores are used up."""
        z = self.scores
        z -= z.max(axis=0)
        own = z.ravel()[self.places]
        hits = own == 0
        if np.count_nonzero(z) != z.size - z.shape[1]:  # ties, of which the first class counts
            hits = z.argmax(axis=0) == self.y
        return np.log(np.exp(z, out=z).sum(axis=0)) - own, hits


def summary(losses, hits, tests, parts):
    """Return the means over the tests and, of what comes after them, over each part.

    Parameters
    ----------
    losses : ndarray, shape (n,)
        Of each example.
    hits : ndarray of bool, shape (n,)
        Whether it was predicted.
    tests : int
        How many of them are tests.
    parts : pair of ndarray, shape (N,), or False
        Where each participant's examples begin after the tests, and how many it has.

    Returns
    -------
    tuple of float, float, ndarray or None, ndarray or None

    Examples
    --------
    >>> parts = np.array([0, 2]), np.array([2, 1])
    >>> summary(np.array([4.0, 1, 3, 5]), np.array([True, True, False, True]), 1, parts)
    (4.0, 1.0, array([2., 5.]), array([0.5, 1. ]))
    """
    columns = [losses.astype(np.float64), hits.astype(np.float64)]
    loss, accuracy = (float(column[:tests].mean()) for column in columns)
    if not parts:
        return loss, accuracy, None, None
    starts, counts = parts
    return loss, accuracy, *(np.add.reduceat(column[tests:], starts) / counts for column in columns)
