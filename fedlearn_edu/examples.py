"""The article's worked examples, each with every intermediate by name.

`vars(example)` lists the intermediates in the order in which they are computed.
The article's numbers are the defaults; other numbers work the same way.
"""

from dataclasses import dataclass

import numpy as np

from .aggregation import (
    contributions,
    effective_scale,
    gradient_step,
    mean,
    sample_weights,
    scaled_mean,
    shares,
    weighted_mean,
)
from .checks import real_array, real_number
from .compression import Cast, Scaling

ARTICLE_UPDATES = ((1, 2, 3), (4, 5, 6))
FIVE_OF_TEN = ((1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 6), (5, 6, 7))


@dataclass(frozen=True, eq=False)
class MeanAggregation:
    """g = (1/N) Σ g_i."""

    updates: np.ndarray
    participants: int
    total: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True, eq=False)
class ScalingCompression:
    """g' = λ g, its mean, and the step that restores the size."""

    updates: np.ndarray
    factor: float
    scaled: np.ndarray
    mean_of_scaled: np.ndarray
    unscaled: np.ndarray
    bits_before: int
    bits_after: int


@dataclass(frozen=True, eq=False)
class WeightedAggregation:
    """g = Σ w_i g_i."""

    updates: np.ndarray
    weights: np.ndarray
    contributions: np.ndarray
    weighted_mean: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class FullStep:
    """θ ← θ − α g with g the mean of the scaled updates; and with unscaling."""

    theta: np.ndarray
    updates: np.ndarray
    factor: float
    alpha: float
    scaled: np.ndarray
    mean_of_scaled: np.ndarray
    change: np.ndarray
    new_theta: np.ndarray
    unscaled: np.ndarray
    unscaled_change: np.ndarray
    unscaled_new_theta: np.ndarray


@dataclass(frozen=True, eq=False)
class ThreeConventions:
    """λ on each update, on the mean, and on the sum."""

    updates: np.ndarray
    factor: float
    mean: np.ndarray
    each: np.ndarray
    on_mean: np.ndarray
    on_sum: np.ndarray
    scale_each: float
    scale_mean: float
    scale_sum: float


@dataclass(frozen=True, eq=False)
class SumForMean:
    """The sum where the formula says the mean."""

    updates: np.ndarray
    mean: np.ndarray
    total: np.ndarray
    times_too_long: int


@dataclass(frozen=True, eq=False)
class PooledGradient:
    """Mean gradients of unequal data sets, averaged plainly and by size."""

    theta: float
    counts: np.ndarray
    local_gradients: np.ndarray
    weights: np.ndarray
    plain_mean: float
    weighted_mean: float
    pooled: float


def mean_aggregation(updates=ARTICLE_UPDATES):
    """Return the article's mean aggregation: [1,2,3], [4,5,6] → [2.5, 3.5, 4.5].

    Parameters
    ----------
    updates : array_like, shape (N, d)
        g_i.

    Returns
    -------
    MeanAggregation
        updates, participants (N), total (Σ g_i), mean (g).

    Raises
    ------
    ValueError, TypeError
        As `mean`.

    Notes
    -----
    The article, sections 3.1 and 4.1.

    Examples
    --------
    >>> mean_aggregation().mean
    array([2.5, 3.5, 4.5])
    """
    updates = _updates(updates)
    return MeanAggregation(updates, len(updates), updates.sum(axis=0), mean(updates))


def scaling_compression(updates=ARTICLE_UPDATES, factor=0.1):
    """Return the article's scaling compression, and the unscaling that its numbers leave out.

    Parameters
    ----------
    updates : array_like, shape (N, d)
        g_i.
    factor : float
        λ > 0.

    Returns
    -------
    ScalingCompression
        updates, factor (λ), scaled (λ g_i), mean_of_scaled, unscaled (that mean over λ);
        bits_before and bits_after, of one participant's float32 update without and with λ.

    Raises
    ------
    ValueError, TypeError
        As `scaled_mean`.

    Notes
    -----
    The article, sections 3.2 and 4.2; unscaling is its step 4, without numbers there.

    Examples
    --------
    >>> example = scaling_compression()
    >>> example.mean_of_scaled, example.unscaled
    (array([0.25, 0.35, 0.45]), array([2.5, 3.5, 4.5]))
    >>> example.bits_before == example.bits_after
    True
    """
    updates = _updates(updates)
    factor = real_number(factor, "factor", above=0)
    sent = Cast("float32")
    return ScalingCompression(
        updates=updates,
        factor=factor,
        scaled=factor * updates,
        mean_of_scaled=scaled_mean(updates, factor),
        unscaled=scaled_mean(updates, factor, unscale=True),
        bits_before=sent.bits(updates.shape[1:]),
        bits_after=Scaling(factor, then=sent).encode(updates[0]).bits,
    )


def weighted_aggregation(updates=ARTICLE_UPDATES, weights=(0.6, 0.4)):
    """Return the article's weighted aggregation: w = (0.6, 0.4) → [2.2, 3.2, 4.2].

    Parameters
    ----------
    updates : array_like, shape (N, d)
        g_i.
    weights : array_like, shape (N,)
        w_i ≥ 0, normalised by their sum.

    Returns
    -------
    WeightedAggregation
        updates, weights (normalised), contributions (w_i g_i), weighted_mean (g),
        shares (‖w_i g_i‖ over their sum).

    Raises
    ------
    ValueError, TypeError
        As `weighted_mean`.

    Notes
    -----
    The article, section 3.3.

    Examples
    --------
    >>> weighted_aggregation().contributions
    array([[0.6, 1.2, 1.8],
           [1.6, 2. , 2.4]])
    """
    updates = _updates(updates)
    return WeightedAggregation(
        updates=updates,
        weights=contributions(np.ones(len(updates)), weights),
        contributions=contributions(updates, weights),
        weighted_mean=weighted_mean(updates, weights),
        shares=shares(updates, weights),
    )


def full_step(theta=(0, 0, 0), updates=ARTICLE_UPDATES, factor=0.1, alpha=0.01):
    """Return the article's whole step θ ← θ − α g, and the same step with unscaling.

    Parameters
    ----------
    theta : array_like, shape (d,)
        θ; the article names none.
    updates : array_like, shape (N, d)
        g_i.
    factor : float
        λ > 0.
    alpha : float
        α ≥ 0.

    Returns
    -------
    FullStep
        theta, updates, factor (λ), alpha (α), scaled (λ g_i), mean_of_scaled (g),
        change (−α g), new_theta; unscaled (g/λ), unscaled_change, unscaled_new_theta.

    Raises
    ------
    ValueError, TypeError
        As `scaled_mean` and `gradient_step`.

    Notes
    -----
    The article, section 4.3.

    Examples
    --------
    >>> full_step().change
    array([-0.0025, -0.0035, -0.0045])
    """
    compressed = scaling_compression(updates, factor)
    theta = real_array(theta, "theta").astype(np.float64)
    alpha = real_number(alpha, "alpha", least=0)
    return FullStep(
        theta=theta,
        updates=compressed.updates,
        factor=compressed.factor,
        alpha=alpha,
        scaled=compressed.scaled,
        mean_of_scaled=compressed.mean_of_scaled,
        change=-alpha * compressed.mean_of_scaled,
        new_theta=gradient_step(theta, compressed.mean_of_scaled, alpha),
        unscaled=compressed.unscaled,
        unscaled_change=-alpha * compressed.unscaled,
        unscaled_new_theta=gradient_step(theta, compressed.unscaled, alpha),
    )


def three_conventions(updates=FIVE_OF_TEN, factor=0.1):
    """Return what λ does on each update, on the mean, and on the sum.

    Parameters
    ----------
    updates : array_like, shape (N, d)
        g_i of the participants chosen for the round; by default 5, of 10 that exist.
    factor : float
        λ > 0.

    Returns
    -------
    ThreeConventions
        updates, factor (λ), mean (the true mean), each, on_mean, on_sum (the aggregates),
        scale_each, scale_mean, scale_sum (each aggregate over the true mean).

    Raises
    ------
    ValueError, TypeError
        As `scaled_mean`.

    Notes
    -----
    "sum" is the server's line in 《联邦学习实战》 (Yang Qiang et al., 2021), chapter 3: with
    5 participants chosen and λ = 0.1 it makes half of the mean step.

    Examples
    --------
    >>> example = three_conventions()
    >>> example.scale_sum
    0.5
    >>> example.mean, example.on_sum
    (array([3., 4., 5.]), array([1.5, 2. , 2.5]))
    """
    updates = _updates(updates)
    aggregates = [scaled_mean(updates, factor, name) for name in ("each", "mean", "sum")]
    scales = [effective_scale(factor, name, len(updates)) for name in ("each", "mean", "sum")]
    return ThreeConventions(updates, float(factor), mean(updates), *aggregates, *scales)


def sum_for_mean(updates=ARTICLE_UPDATES):
    """Return the article's mistake: its listing adds the updates and never divides by N.

    Parameters
    ----------
    updates : array_like, shape (N, d)
        g_i.

    Returns
    -------
    SumForMean
        updates, mean (what the formula says), total (what the listing computes),
        times_too_long (N, the factor between them).

    Raises
    ------
    ValueError, TypeError
        As `mean`.

    Notes
    -----
    The article, section 5.2, against its own formula in section 3.1.

    Examples
    --------
    >>> sum_for_mean().total, sum_for_mean().times_too_long
    (array([5., 7., 9.]), 2)
    """
    right = mean_aggregation(updates)
    return SumForMean(right.updates, right.mean, right.total, right.participants)


def pooled_gradient(theta=0.0, data=((1, 2, 3), (10,))):
    """Return why weights are n_i/n: only so is the mean of mean gradients the pooled gradient.

    Every example x has the loss ½ (θ − x)², so participant i's mean gradient is θ − mean(x).

    Parameters
    ----------
    theta : float
        θ.
    data : sequence of N sequences of numbers
        Each participant's examples.

    Returns
    -------
    PooledGradient
        theta, counts (n_i), local_gradients (g_i), weights (n_i/n), plain_mean,
        weighted_mean, pooled (the gradient on all examples together).

    Raises
    ------
    ValueError, TypeError
        If a participant has no examples or a value is not a finite real number.

    Examples
    --------
    >>> example = pooled_gradient()
    >>> example.plain_mean, example.weighted_mean, example.pooled
    (-6.0, -4.0, -4.0)
    """
    theta = real_number(theta, "theta")
    examples = [real_array(x, f"data of participant {i}") for i, x in enumerate(data)]
    gradients = np.array([theta - x.mean() for x in examples])
    counts = np.array([x.size for x in examples])
    return PooledGradient(
        theta=theta,
        counts=counts,
        local_gradients=gradients,
        weights=sample_weights(counts),
        plain_mean=float(mean(gradients)),
        weighted_mean=float(weighted_mean(gradients, counts)),
        pooled=float((theta - np.concatenate(examples)).mean()),
    )


def _updates(updates):
    updates = np.array(real_array(updates, "updates", "participant"), dtype=np.float64)
    if updates.ndim != 2:
        raise ValueError(f"updates has shape {updates.shape}; expected (N, d)")
    return updates
