"""Who takes part: the participants' examples, and the examples for testing."""

import numpy as np

from ..checks import real_array


class Federation:
    """N participants, each with examples of its own.

    Parameters
    ----------
    x : array_like, shape (n, inputs)
        Inputs of all examples; float32 stays float32.
    y : array_like of int, shape (n,)
        Labels 0, 1, ….
    parts : sequence of N index arrays, or an object with the attribute `indices`
        Which rows each participant holds, such as `data.dirichlet(…)` returns.
    x_test, y_test : array_like, optional
        Examples for testing; without them a run is tested on all examples of the participants.

    Attributes
    ----------
    x, y : ndarray
        The participants' examples one after the other, in the order of the participants.
    counts : ndarray of int, shape (N,)
        n_i.
    starts : ndarray of int, shape (N,)
        Where the examples of each participant begin in `x`.
    x_test, y_test : ndarray
        Examples for testing.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit, a label is no integer ≥ 0, a participant has no example, or an index
        is out of range.

    Examples
    --------
    >>> federation = Federation([[1.0], [2.0], [3.0]], [0, 1, 1], [[0, 2], [1]])
    >>> federation
    Federation(2 participants, 3 examples, 1 inputs)
    >>> federation.of(0)
    (array([[1.],
           [3.]]), array([0, 1]))
    """

    def __init__(self, x, y, parts, x_test=None, y_test=None):
        x, y = _examples(x, y, "x", "y")
        parts = [_part(part, len(y), i) for i, part in enumerate(getattr(parts, "indices", parts))]
        if not parts:
            raise ValueError("parts is empty; expected at least one participant")
        if (x_test is None) != (y_test is None):
            raise ValueError("x_test and y_test go together; one of them is None")
        rows = np.concatenate(parts)
        self.x, self.y = np.ascontiguousarray(x[rows]), y[rows]
        self.counts = np.array([len(part) for part in parts])
        self.starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        self.x_test, self.y_test = self.x, self.y
        if x_test is not None:
            self.x_test, self.y_test = _examples(x_test, y_test, "x_test", "y_test")
            if self.x_test.shape[1] != x.shape[1]:
                raise ValueError(f"x_test has {self.x_test.shape[1]} inputs, x has {x.shape[1]}")
        for array in (self.x, self.y, self.counts, self.starts):
            array.flags.writeable = False

    @classmethod
    def from_data(cls, data, parts):
        """Return the federation of a data set's training examples, tested on its test examples.

        Parameters
        ----------
        data : Dataset
            Anything with `x_train`, `y_train`, `x_test` and `y_test`, such as `data.digits()`.
        parts : sequence of N index arrays, or Partition
            Which training examples each participant holds.

        Returns
        -------
        Federation

        Examples
        --------
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x_train=[[1.0], [2.0]], y_train=[0, 1], x_test=[[3.0]],
        ...                        y_test=[1])
        >>> Federation.from_data(data, [[0], [1]])
        Federation(2 participants, 2 examples, 1 inputs)
        """
        return cls(data.x_train, data.y_train, parts, data.x_test, data.y_test)

    @property
    def participants(self):
        """Number of participants, N."""
        return len(self.counts)

    def of(self, participant):
        """Return the inputs and labels of one participant.

        Parameters
        ----------
        participant : int
            0 … N − 1.

        Returns
        -------
        tuple of ndarray, shapes (n_i, inputs) and (n_i,)

        Examples
        --------
        >>> Federation([[1.0], [2.0]], [0, 1], [[0], [1]]).of(1)
        (array([[2.]]), array([1]))
        """
        rows = slice(self.starts[participant], self.starts[participant] + self.counts[participant])
        return self.x[rows], self.y[rows]

    def pooled(self):
        """Return the federation of one participant that holds everything: centralised learning.

        Returns
        -------
        Federation

        Examples
        --------
        >>> Federation([[1.0], [2.0]], [0, 1], [[0], [1]]).pooled()
        Federation(1 participants, 2 examples, 1 inputs)
        """
        return Federation(self.x, self.y, [np.arange(len(self.y))], self.x_test, self.y_test)

    def __repr__(self):
        return (
            f"Federation({self.participants:,} participants, {len(self.y):,} examples, "
            f"{self.x.shape[1]} inputs)"
        )


def _examples(x, y, x_name, y_name):
    x, y = real_array(x, x_name), np.asarray(y)
    if x.ndim != 2:
        raise ValueError(f"{x_name} has shape {x.shape}; expected (n, inputs)")
    if y.shape != (len(x),):
        raise ValueError(f"{y_name} has shape {y.shape}, {x_name} has {len(x)} examples")
    if y.dtype.kind not in "iu":
        raise TypeError(f"{y_name} has dtype {y.dtype}; expected integers")
    if y.min() < 0:
        raise ValueError(f"{y_name} holds the label {y.min()}; expected labels 0, 1, …")
    return x, y.astype(np.int64)


def _part(part, examples, participant):
    part = np.asarray(part)
    if not part.size:
        raise ValueError(f"participant {participant} has no example")
    if part.ndim != 1 or part.dtype.kind not in "iu":
        raise TypeError(
            f"the part of participant {participant} has dtype {part.dtype} and shape {part.shape}; "
            "expected row numbers"
        )
    if part.min() < 0 or part.max() >= examples:
        wrong = part[(part < 0) | (part >= examples)][0]
        raise ValueError(f"participant {participant} has the row {wrong}; there are {examples}")
    return part
