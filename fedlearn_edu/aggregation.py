"""Aggregation: how a server turns the updates of N participants into one.

Updates come in two forms, and every function takes both:

* one array of shape (N, d), or (N, ...): row i is the update g_i of participant i;
* a list of N participants, each a list of layer arrays, as a model has them.

Integers become float64.  float32 stays float32: sums are formed in float64 and rounded once.
Nothing that the caller passes in is changed.
"""

import numpy as np

from .checks import real_array, real_number, whole_number

CONVENTIONS = ("each", "mean", "sum")


def normalised_weights(weights, participants, owner="updates"):
    """Return the weights divided by their sum, so that Σ w_i = 1.

    Parameters
    ----------
    weights : array_like, shape (N,), or None
        Non-negative and finite, any unit; None stands for equal weights 1/N.
    participants : int
        N.
    owner : str
        How an error names what has N participants.

    Returns
    -------
    ndarray, shape (N,)
        w_i, float64.

    Raises
    ------
    ValueError
        If the shape is not (N,), a weight is negative, NaN or infinite, or the sum is
        zero or overflows.
    TypeError
        If the weights are not real numbers.

    Examples
    --------
    >>> normalised_weights([3, 1], 2)
    array([0.75, 0.25])
    """
    if weights is None:
        return np.full(participants, 1 / participants)
    weights = real_array(weights, "weights").astype(np.float64, copy=False)
    if weights.shape != (participants,):
        raise ValueError(
            f"weights has shape {weights.shape}, {owner} has {participants} participants"
        )
    return _over_their_sum(weights, "weights")


def _over_their_sum(values, name):
    if (values < 0).any():
        index = int(np.argmax(values < 0))
        raise ValueError(f"{name}[{index}] is {values[index]}; expected numbers >= 0")
    with np.errstate(over="ignore"):
        total = values.sum()
    if total == 0:
        raise ValueError(f"{name} sum to 0; at least one must be > 0")
    if not np.isfinite(total):
        raise ValueError(f"{name} sum to more than float64 can hold")
    return values / total


def _is_layered(updates):
    return isinstance(updates, (list, tuple)) and any(
        isinstance(update, (list, tuple)) and any(isinstance(x, np.ndarray) for x in update)
        for update in updates
    )


def _layer_stacks(updates):
    """Turn N lists of layers into one array (N, ...) a layer."""
    for i, update in enumerate(updates):
        if not isinstance(update, (list, tuple)) or len(update) != len(updates[0]):
            raise ValueError(
                f"participant {i} has {_describe(update)}, "
                f"participant 0 has {_describe(updates[0])}"
            )
    return [
        _layer_stack([update[k] for update in updates], f"layer {k} of updates")
        for k in range(len(updates[0]))
    ]


def _layer_stack(layers, name):
    shapes = [np.shape(layer) for layer in layers]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                f"{name} has shape {shape} at participant {i}, {shapes[0]} at participant 0"
            )
    return real_array(layers, name, "participant")


def _describe(update):
    if isinstance(update, (list, tuple)):
        return f"{len(update)} layers"
    return f"no list of layers but {type(update).__name__}"


def _stacks(updates):
    """Return the updates as a list of arrays (N, ...): one, or one a layer."""
    if _is_layered(updates):
        return _layer_stacks(updates)
    stack = real_array(updates, "updates", "participant")
    if stack.ndim == 0:
        raise ValueError(f"updates is the single number {stack}; expected one row a participant")
    return [stack]


def _aggregate(updates, rule):
    """Apply `rule`, float64 (N, ...) → (...), to the updates, or to each of their layers."""
    results = []
    for stack in _stacks(updates):
        with np.errstate(over="ignore", invalid="ignore"):
            result = np.asarray(rule(stack.astype(np.float64, copy=False)))
            result = result.astype(stack.dtype, copy=False)
        if not np.isfinite(result).all():
            raise ValueError(f"the result overflows {stack.dtype}")
        results.append(result)
    return results if _is_layered(updates) else results[0][()]


def _participants(updates):
    return len(_stacks(updates)[0])


def mean(updates):
    """Return the plain mean g = (1/N) Σ g_i of the participants' updates.

    Parameters
    ----------
    updates : array_like, shape (N, d) or (N, ...), or list of N lists of layer arrays
        g_i, one a participant.

    Returns
    -------
    ndarray, shape (d,) or (...), or list of layer arrays
        g; float32 if the updates are float32, else float64.

    Raises
    ------
    ValueError
        If there is no participant, shapes differ, a value is NaN or infinite, or the sum
        overflows.
    TypeError
        If the updates are not real numbers.

    Notes
    -----
    FedSGD with equal weights: McMahan et al. 2017, arXiv 1602.05629, section 2.

    Examples
    --------
    >>> mean([[1, 2, 3], [4, 5, 6]])
    array([2.5, 3.5, 4.5])
    """
    return _aggregate(updates, lambda stack: stack.sum(axis=0) / len(stack))


def weighted_mean(updates, weights):
    """Return the weighted mean g = Σ w_i g_i, the weights normalised by their sum.

    Parameters
    ----------
    updates : array_like, shape (N, d) or (N, ...), or list of N lists of layer arrays
        g_i, one a participant.
    weights : array_like, shape (N,)
        w_i ≥ 0 in any unit (the counts n_i will do); they are divided by their sum.

    Returns
    -------
    ndarray, shape (d,) or (...), or list of layer arrays
        g; float32 if the updates are float32, else float64.

    Raises
    ------
    ValueError
        As `mean`; and if a weight is negative, NaN or infinite, or the weights sum to zero
        or overflow.
    TypeError
        If the input is not real numbers.

    Notes
    -----
    With w_i = n_i/n this is the aggregation of FedAvg: McMahan et al. 2017,
    arXiv 1602.05629, algorithm 1.

    Examples
    --------
    >>> weighted_mean([[1, 2, 3], [4, 5, 6]], [0.6, 0.4])
    array([2.2, 3.2, 4.2])
    """
    w = normalised_weights(weights, _participants(updates))
    return _aggregate(updates, lambda stack: np.tensordot(w, stack, axes=1))


def sample_weights(counts):
    """Return w_i = n_i / Σ n, each participant's share of the examples.

    Parameters
    ----------
    counts : array_like, shape (N,)
        n_i ≥ 0, whole numbers of examples, not all zero.

    Returns
    -------
    ndarray, shape (N,)
        w_i, float64, Σ w_i = 1.

    Raises
    ------
    ValueError
        If a count is negative or no whole number, or all are zero.
    TypeError
        If the counts are not real numbers.

    Notes
    -----
    McMahan et al. 2017, arXiv 1602.05629, equation 1 (n_k / n).

    Examples
    --------
    >>> sample_weights([30, 10])
    array([0.75, 0.25])
    """
    counts = real_array(counts, "counts").astype(np.float64, copy=False)
    if counts.ndim != 1:
        raise ValueError(f"counts has shape {counts.shape}; expected (N,)")
    fractional = counts != np.floor(counts)
    if fractional.any():
        index = int(np.argmax(fractional))
        raise ValueError(f"counts[{index}] is {counts[index]}; expected whole numbers")
    return _over_their_sum(counts, "counts")


def gradient_step(theta, gradient, alpha):
    """Return θ − α g, one step of gradient descent.

    Parameters
    ----------
    theta : array_like, shape (d,) or (...), or list of layer arrays
        θ.
    gradient : array_like, same form and shape as `theta`
        g.
    alpha : float
        Learning rate α ≥ 0.

    Returns
    -------
    ndarray or list of layer arrays
        The new θ; float32 if θ and g are float32, else float64.

    Raises
    ------
    ValueError
        If shapes differ, a value is NaN or infinite, α is negative, or the result overflows.
    TypeError
        If the input is not real numbers.

    Examples
    --------
    >>> gradient_step([1.0, 1.0], [0.25, 0.5], alpha=2)
    array([0.5, 0. ])
    """
    alpha = real_number(alpha, "alpha", least=0)
    if not _is_layered([theta]) and not _is_layered([gradient]):
        return _array_step(theta, gradient, alpha, "")
    if not _is_layered([theta]) or not _is_layered([gradient]) or len(theta) != len(gradient):
        raise ValueError(f"theta has {_describe(theta)}, gradient has {_describe(gradient)}")
    return [
        _array_step(layer, slope, alpha, f"layer {k} of ")
        for k, (layer, slope) in enumerate(zip(theta, gradient, strict=True))
    ]


def _array_step(theta, gradient, alpha, where):
    theta = real_array(theta, f"{where}theta")
    gradient = real_array(gradient, f"{where}gradient")
    if theta.shape != gradient.shape:
        raise ValueError(
            f"{where}theta has shape {theta.shape}, {where}gradient has shape {gradient.shape}"
        )
    kind = np.result_type(theta, gradient)
    with np.errstate(over="ignore", invalid="ignore"):
        result = (theta - alpha * gradient.astype(np.float64)).astype(kind)
    if not np.isfinite(result).all():
        raise ValueError(f"the step overflows {result.dtype}")
    return result


def contributions(updates, weights):
    """Return w_i g_i, what each participant adds to the weighted mean.

    Parameters
    ----------
    updates : array_like, shape (N, d) or (N, ...), or list of N lists of layer arrays
        g_i, one a participant.
    weights : array_like, shape (N,), or None
        w_i ≥ 0, normalised by their sum; None stands for 1/N.

    Returns
    -------
    ndarray, same shape as the updates, or list of N lists of layer arrays
        w_i g_i; their sum over participants is the weighted mean.

    Raises
    ------
    ValueError, TypeError
        As `weighted_mean`.

    Examples
    --------
    >>> contributions([[1, 2, 3], [4, 5, 6]], [0.6, 0.4])
    array([[0.6, 1.2, 1.8],
           [1.6, 2. , 2.4]])
    """
    w = normalised_weights(weights, _participants(updates))
    stacks = _aggregate(updates, lambda stack: stack * w.reshape(-1, *[1] * (stack.ndim - 1)))
    return (
        [list(layers) for layers in zip(*stacks, strict=True)] if _is_layered(updates) else stacks
    )


def shares(updates, weights):
    """Return how much each participant pulls: ‖w_i g_i‖ / Σ ‖w_j g_j‖.

    Parameters
    ----------
    updates : array_like, shape (N, d) or (N, ...), or list of N lists of layer arrays
        g_i, one a participant.
    weights : array_like, shape (N,), or None
        w_i ≥ 0, normalised by their sum; None stands for 1/N.

    Returns
    -------
    ndarray, shape (N,)
        Non-negative, summing to 1; all zero if every w_i g_i is zero, for then nobody pulls.

    Raises
    ------
    ValueError, TypeError
        As `weighted_mean`.

    Examples
    --------
    >>> shares([[3, 4], [0, 5], [0, 10]], None)
    array([0.25, 0.25, 0.5 ])
    """
    stacks = _stacks(updates)
    w = normalised_weights(weights, len(stacks[0]))
    flat = np.hstack([stack.reshape(len(stack), -1).astype(np.float64) for stack in stacks])
    pulls = flat / (np.abs(flat).max() or 1) * w[:, None]
    norms = np.linalg.norm(pulls / (np.abs(pulls).max() or 1), axis=1)
    return norms / (norms.sum() or 1)


def scaled_mean(updates, factor, convention="each", weights=None, unscale=False):
    """Return the aggregate when λ is applied by one of the three conventions in use.

    Parameters
    ----------
    updates : array_like, shape (N, d) or (N, ...), or list of N lists of layer arrays
        g_i, one a participant.
    factor : float
        λ > 0.
    convention : {"each", "mean", "sum"}
        "each": every participant sends λ g_i, the server averages, Σ w_i (λ g_i).
        "mean": the server multiplies the mean, λ Σ w_i g_i.
        "sum": the server adds instead of averaging, λ N Σ w_i g_i; with equal weights that
        is λ Σ g_i.
    weights : array_like, shape (N,), optional
        w_i ≥ 0, normalised by their sum; equal if left out.
    unscale : bool
        Whether the server divides its result by λ.

    Returns
    -------
    ndarray, shape (d,) or (...), or list of layer arrays
        The aggregate that the server subtracts (or adds) in its step.

    Raises
    ------
    ValueError, TypeError
        As `weighted_mean`; and if λ is not positive or the convention is unknown.

    Notes
    -----
    "sum" is the server's line in chapter 3 of 《联邦学习实战》 (Yang Qiang et al., 2021);
    "mean" is a server learning rate (Reddi et al. 2021, arXiv 2003.00295).

    Examples
    --------
    >>> scaled_mean([[1, 2, 3], [4, 5, 6]], 0.1)
    array([0.25, 0.35, 0.45])
    >>> scaled_mean([[1, 2, 3], [4, 5, 6]], 0.1, "sum")
    array([0.5, 0.7, 0.9])
    """
    factor = real_number(factor, "factor", above=0)
    _check_convention(convention)
    participants = _participants(updates)
    w = normalised_weights(weights, participants)

    def rule(stack):
        sent = factor * stack if convention == "each" else stack
        aggregate = np.tensordot(w, sent, axes=1)
        if convention == "mean":
            aggregate = factor * aggregate
        elif convention == "sum":
            aggregate = factor * (participants * aggregate)
        return aggregate / factor if unscale else aggregate

    return _aggregate(updates, rule)


def effective_scale(factor, convention, participants, unscale=False):
    """Return the factor by which a convention of λ multiplies the true weighted mean.

    Parameters
    ----------
    factor : float
        λ > 0.
    convention : {"each", "mean", "sum"}
        As in `scaled_mean`.
    participants : int
        N ≥ 1, those whose updates arrive.
    unscale : bool
        Whether the server divides its result by λ.

    Returns
    -------
    float
        λ, λ, λN; with unscaling 1, 1, N.  The step's learning rate is α times this.

    Raises
    ------
    ValueError, TypeError
        If λ is not positive, N < 1 or the convention is unknown.

    Examples
    --------
    >>> effective_scale(0.1, "sum", participants=5)
    0.5
    """
    factor = real_number(factor, "factor", above=0)
    participants = whole_number(participants, "participants", 1)
    _check_convention(convention)
    scale = 1.0 if unscale else factor
    return scale * participants if convention == "sum" else scale


def _check_convention(convention):
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ValueError(f'convention is {convention!r}; expected "each", "mean" or "sum"')
