"""Models: softmax regression and multilayer perceptrons as pure functions.

A model is its parameters, a list of layer arrays [W_1, b_1, W_2, b_2, …]: W_l has the shape
(inputs, outputs) of its layer, b_l the shape (outputs,).  One layer is softmax regression, more
are a perceptron with ReLU between the layers.  Nothing else is needed: `mean`, `weighted_mean`
and `gradient_step` take such lists, so models of N participants are averaged as they are.

Everything is computed in the type of the parameters, float32 or float64.
"""

from itertools import pairwise

import numpy as np

from .checks import whole_number


def init(sizes, rng, dtype="float32"):
    """Return random parameters for layers of these sizes.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units of each layer, classes: (64, 10) is softmax regression on 64
        inputs, (64, 32, 10) a perceptron with one hidden layer.
    rng : numpy.random.Generator
        Where the numbers come from.
    dtype : {"float32", "float64"}
        Type of the parameters, and of all that is computed with them.

    Returns
    -------
    list of ndarray
        θ = [W_1, b_1, …]; weights normal with variance 2/inputs before a ReLU and 1/inputs
        before the softmax, biases zero.

    Raises
    ------
    ValueError, TypeError
        If a size is no positive integer, there are fewer than two, or `rng` is no generator.

    Notes
    -----
    He et al. 2015, arXiv 1502.01852.

    Examples
    --------
    >>> theta = init((64, 32, 10), np.random.default_rng(0))
    >>> [layer.shape for layer in theta]
    [(64, 32), (32,), (32, 10), (10,)]
    """
    sizes = [whole_number(size, "a size", 1) for size in sizes]
    if len(sizes) < 2:
        raise ValueError(f"sizes is {tuple(sizes)}; expected inputs and classes at least")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a numpy.random.Generator")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype is {dtype}; expected float32 or float64")
    theta = []
    for depth, (inputs, outputs) in enumerate(pairwise(sizes)):
        variance = (2 if depth < len(sizes) - 2 else 1) / inputs
        weights = rng.normal(0, variance**0.5, (inputs, outputs))
        theta += [weights.astype(dtype), np.zeros(outputs, dtype)]
    return theta


def sizes_of(theta):
    """Return the sizes that `init` was given for these parameters, having checked them.

    Parameters
    ----------
    theta : list of ndarray
        θ.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError, TypeError
        If the layers do not fit together or are not float32 or float64 throughout.

    Examples
    --------
    >>> sizes_of([np.zeros((64, 10)), np.zeros(10)])
    (64, 10)
    """
    if not isinstance(theta, (list, tuple)) or not all(isinstance(a, np.ndarray) for a in theta):
        raise TypeError(f"theta is {type(theta).__name__}; expected a list of layer arrays")
    shapes = [layer.shape for layer in theta]
    if not shapes or len(shapes) % 2 or len({layer.dtype for layer in theta}) > 1:
        raise ValueError(f"theta has the shapes {shapes}; expected [W_1, b_1, …] of one dtype")
    if theta[0].dtype not in (np.float32, np.float64):
        raise TypeError(f"theta has dtype {theta[0].dtype}; expected float32 or float64")
    sizes = shapes[0][:1]
    for w, b in zip(shapes[::2], shapes[1::2], strict=True):
        if len(w) != 2 or w[0] != sizes[-1] or b != w[1:]:
            raise ValueError(f"theta has the shapes {shapes}; its layers do not fit together")
        sizes += b
    return sizes


def size(theta):
    """Return the number of parameters d.

    Parameters
    ----------
    theta : list of ndarray
        θ.

    Returns
    -------
    int

    Examples
    --------
    >>> size(init((64, 10), np.random.default_rng(0)))
    650
    """
    return sum(layer.size for layer in theta)


def _activations(theta, x):
    """Return the input of every layer, and after them the logits."""
    values = [np.asarray(x, dtype=theta[0].dtype)]
    layers = list(zip(theta[::2], theta[1::2], strict=True))
    for depth, (weights, bias) in enumerate(layers):
        z = values[-1] @ weights + bias
        values.append(np.maximum(z, 0) if depth < len(layers) - 1 else z)
    return values


def logits(theta, x):
    """Return the scores before the softmax.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.

    Returns
    -------
    ndarray, shape (n, classes)

    Examples
    --------
    >>> logits([np.eye(2), np.array([0.0, 1.0])], [[3, 4]])
    array([[3., 5.]])
    """
    return _activations(theta, x)[-1]


def _log_softmax(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _labels(y, scores):
    """Return the labels as an array, one of the classes for each row of the scores."""
    y, (n, classes) = np.asarray(y), scores.shape
    if y.shape != (n,):
        raise ValueError(f"y has shape {y.shape}; expected ({n},), a label for each input")
    if y.dtype.kind not in "iu":
        raise TypeError(f"y has dtype {y.dtype}; expected integers")
    if n and not 0 <= y.min() <= y.max() < classes:
        raise ValueError(f"y holds labels {y.min()} … {y.max()}; expected 0 … {classes - 1}")
    return y


def probabilities(theta, x):
    """Return the softmax of the scores: how likely each class is.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.

    Returns
    -------
    ndarray, shape (n, classes)
        Rows sum to 1.

    Examples
    --------
    >>> probabilities([np.zeros((2, 4)), np.zeros(4)], [[3, 4]])
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    return np.exp(_log_softmax(logits(theta, x)))


def predict(theta, x):
    """Return the likeliest class of each input; the first of equals.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> predict([np.eye(2), np.zeros(2)], [[3, 4], [5, 2]])
    array([1, 0])
    """
    return logits(theta, x).argmax(axis=1)


def losses(theta, x, y):
    """Return the cross-entropy of each example, −log p(y | x).

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.
    y : array_like of int, shape (n,)
        Labels 0 … classes − 1.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError, TypeError
        If y is not n labels of the model's classes.

    Examples
    --------
    >>> losses([np.zeros((2, 4)), np.zeros(4)], [[3, 4]], [2]).round(4)
    array([1.3863])
    """
    scores = logits(theta, x)
    y = _labels(y, scores)
    return -_log_softmax(scores)[np.arange(len(y)), y]


def loss(theta, x, y):
    """Return the mean cross-entropy.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.
    y : array_like of int, shape (n,)
        Labels.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If y is not n labels of the model's classes.

    Examples
    --------
    >>> round(loss([np.zeros((2, 4)), np.zeros(4)], [[3, 4]], [2]), 4)
    1.3863
    """
    return float(losses(theta, x, y).mean(dtype=np.float64))


def accuracy(theta, x, y):
    """Return the share of examples whose label is predicted.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.
    y : array_like of int, shape (n,)
        Labels.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If y is not n labels of the model's classes.

    Examples
    --------
    >>> accuracy([np.eye(2), np.zeros(2)], [[3, 4], [5, 2]], [1, 1])
    0.5
    """
    scores = logits(theta, x)
    return float((scores.argmax(axis=1) == _labels(y, scores)).mean())


def gradient(theta, x, y):
    """Return the gradient of the mean cross-entropy, by backpropagation.

    Parameters
    ----------
    theta : list of ndarray
        θ.
    x : array_like, shape (n, inputs)
        Inputs.
    y : array_like of int, shape (n,)
        Labels.

    Returns
    -------
    list of ndarray
        ∂loss/∂W_1, ∂loss/∂b_1, …, in the shapes and type of θ.  The slope of ReLU at 0 is
        taken as 0.

    Raises
    ------
    ValueError, TypeError
        If y is not n labels of the model's classes.

    Notes
    -----
    Rumelhart, Hinton and Williams 1986, doi 10.1038/323533a0.

    Examples
    --------
    >>> gradient([np.zeros((1, 2)), np.zeros(2)], [[3.0]], [1])
    [array([[ 1.5, -1.5]]), array([ 0.5, -0.5])]
    """
    *inputs, scores = _activations(theta, x)
    y = _labels(y, scores)
    delta = np.exp(_log_softmax(scores))
    delta[np.arange(len(y)), y] -= 1
    delta /= len(y)
    layers = []
    for weights, below in zip(theta[-2::-2], reversed(inputs), strict=True):
        layers += [delta.sum(axis=0), below.T @ delta]
        delta = (delta @ weights.T) * (below > 0)
    return layers[::-1]
