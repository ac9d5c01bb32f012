"""Parameters as one row of numbers, laid out for the vectorised engine.

A row holds the layers one after the other: each hidden layer as (inputs + 1, outputs), its biases
in the last row; the last layer transposed, (classes, inputs + 1), its biases in the last column.
Rows of N participants are one array (N, d); what is done to all parameters alike is one operation.
"""

from itertools import pairwise

import numpy as np


class Packing:
    """How models of these sizes become rows of d numbers, and back.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units, classes.

    Attributes
    ----------
    size : int
        d.
    shapes : list of tuple
        Shape of each layer in a row.

    Examples
    --------
    >>> packing = Packing((2, 3))
    >>> row = packing.pack([np.arange(6).reshape(2, 3), np.array([7, 8, 9])])
    >>> packing.views(row)[0]
    array([[0, 3, 7],
           [1, 4, 8],
           [2, 5, 9]])
    """

    def __init__(self, sizes):
        pairs = list(pairwise(sizes))
        self.sizes = tuple(sizes)
        self.shapes = [(i + 1, o) for i, o in pairs[:-1]] + [(pairs[-1][1], pairs[-1][0] + 1)]
        self.ends = np.cumsum([rows * columns for rows, columns in self.shapes]).tolist()
        self.starts = [0, *self.ends[:-1]]
        self.size = self.ends[-1]

    def views(self, rows):
        """Return each layer of the rows as a view, shape (..., *shape of the layer).

        Parameters
        ----------
        rows : ndarray, shape (..., d)
            Packed parameters.

        Returns
        -------
        list of ndarray

        Examples
        --------
        >>> [layer.shape for layer in Packing((4, 3, 2)).views(np.zeros((7, 23)))]
        [(7, 5, 3), (7, 2, 4)]
        """
        return [
            rows[..., start:end].reshape(*rows.shape[:-1], *shape)
            for start, end, shape in zip(self.starts, self.ends, self.shapes, strict=True)
        ]

    def pack(self, theta):
        """Return [W_1, b_1, …], or stacks of them, as rows.

        Parameters
        ----------
        theta : list of ndarray
            Layers, shapes (..., inputs, outputs) and (..., outputs).

        Returns
        -------
        ndarray, shape (..., d)

        Examples
        --------
        >>> Packing((1, 2)).pack([np.array([[1, 2]]), np.array([3, 4])])
        array([1, 3, 2, 4])
        """
        lead = theta[1].shape[:-1]
        rows = np.empty((*lead, self.size), dtype=theta[0].dtype)
        layers = list(zip(theta[::2], theta[1::2], strict=True))
        for depth, (view, (w, b)) in enumerate(zip(self.views(rows), layers, strict=True)):
            if depth == len(layers) - 1:
                view = np.swapaxes(view, -1, -2)
            view[..., :-1, :] = w
            view[..., -1, :] = b
        return rows

    def unpack(self, rows):
        """Return rows as [W_1, b_1, …], or stacks of them; copies, contiguous.

        Parameters
        ----------
        rows : ndarray, shape (..., d)
            Packed parameters.

        Returns
        -------
        list of ndarray

        Examples
        --------
        >>> Packing((1, 2)).unpack(np.array([1, 3, 2, 4]))
        [array([[1, 2]]), array([3, 4])]
        """
        theta = []
        for depth, view in enumerate(self.views(rows)):
            if depth == len(self.shapes) - 1:
                view = np.swapaxes(view, -1, -2)
            theta += [view[..., :-1, :].copy(), view[..., -1, :].copy()]
        return theta
