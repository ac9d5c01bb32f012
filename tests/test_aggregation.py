"""Laws of aggregation."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fedlearn_edu as fl
from fedlearn_edu.aggregation import normalised_weights
from fedlearn_edu.checks import real_number, whole_number

pytestmark = pytest.mark.filterwarnings("error")
ARTICLE = [[1, 2, 3], [4, 5, 6]]
CONVENTIONS = ["each", "mean", "sum"]
EPS, TINY = np.finfo(float).eps, np.finfo(float).smallest_normal

values = st.floats(-1e6, 1e6)
factors = st.floats(1e-3, 1e3)


@st.composite
def federations(draw):
    """Updates (N, d) and weights (N,) that are not all zero."""
    n, d = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    weights = draw(arrays(float, n, elements=st.floats(0, 100)))
    weights[draw(st.integers(0, n - 1))] = draw(st.floats(0.01, 100))
    return draw(arrays(float, (n, d), elements=values)), weights


def exact_weighted_mean(updates, weights):
    total = sum(map(Fraction, weights))
    columns = zip(*[[Fraction(x) for x in row] for row in updates], strict=True)
    w = [Fraction(x) / total for x in weights]
    return [sum(a * b for a, b in zip(w, column, strict=True)) for column in columns]


def assert_near(result, exact, size, roundings):
    """Each coordinate lies within that many roundings of the exact one, at this size.

    Below the smallest normal number a rounding is as large as there.
    """
    for got, want in zip(np.ravel(result), np.ravel(exact), strict=True):
        assert abs(Fraction(float(got)) - Fraction(want)) <= roundings * EPS * max(
            Fraction(size), Fraction(TINY)
        )


# The article's mean of [1,2,3] and [4,5,6] is [2.5, 3.5, 4.5].
def test_article_mean():
    np.testing.assert_array_equal(fl.mean(ARTICLE), [2.5, 3.5, 4.5])


# The article's weighted mean with (0.6, 0.4) is [2.2, 3.2, 4.2].
def test_article_weighted_mean():
    np.testing.assert_allclose(fl.weighted_mean(ARTICLE, [0.6, 0.4]), [2.2, 3.2, 4.2], rtol=1e-15)


# The weighted mean agrees with rational arithmetic to a few roundings.
@given(federations())
def test_weighted_mean_is_exact(federation):
    updates, weights = federation
    exact = exact_weighted_mean(updates.tolist(), weights.tolist())
    assert_near(fl.weighted_mean(updates, weights), exact, np.abs(updates).max(), 20)


# The mean agrees with rational arithmetic to a few roundings.
@given(federations())
def test_mean_is_exact(federation):
    updates, _ = federation
    exact = exact_weighted_mean(updates.tolist(), [1] * len(updates))
    assert_near(fl.mean(updates), exact, np.abs(updates).max(), 20)


# Neither the order of the participants nor the unit of the weights matters.
@given(federations(), st.randoms(use_true_random=False), factors)
def test_order_and_unit_do_not_matter(federation, random, unit):
    updates, weights = federation
    order = list(range(len(weights)))
    random.shuffle(order)
    again = fl.weighted_mean(updates[order], unit * weights[order])
    size = max(1, np.abs(updates).max())
    np.testing.assert_allclose(
        again, fl.weighted_mean(updates, weights), rtol=0, atol=40 * EPS * size
    )


# Equal weights give the plain mean.
@given(federations(), factors)
def test_equal_weights_are_the_mean(federation, weight):
    updates, _ = federation
    result = fl.weighted_mean(updates, np.full(len(updates), weight))
    np.testing.assert_allclose(
        result, fl.mean(updates), rtol=0, atol=20 * EPS * max(1, np.abs(updates).max())
    )


# A participant of weight zero might as well not be there.
def test_weight_zero_is_absence():
    assert fl.weighted_mean([[1.0], [100.0], [4.0]], [3, 0, 1]) == fl.weighted_mean(
        [[1.0], [4.0]], [3, 1]
    )


# Layers are aggregated as the same numbers in one array would be.
@given(federations())
def test_layers_are_columns(federation):
    updates, weights = federation
    both = np.hstack([updates, 2 * updates])
    layered = [[row[:, None], 2 * row] for row in updates]
    d = updates.shape[1]
    for whole, layers in [
        (fl.mean(both), fl.mean(layered)),
        (fl.weighted_mean(both, weights), fl.weighted_mean(layered, weights)),
        (fl.scaled_mean(both, 0.3, "sum", weights), fl.scaled_mean(layered, 0.3, "sum", weights)),
    ]:
        assert [layer.shape for layer in layers] == [(d, 1), (d,)]
        np.testing.assert_allclose(
            np.concatenate([layer.ravel() for layer in layers]), whole, rtol=1e-14, atol=1e-8
        )
    np.testing.assert_allclose(
        fl.shares(layered, weights), fl.shares(both, weights), rtol=1e-12, atol=1e-12
    )


# Contributions come in the form of the updates: participants outside, layers inside.
def test_contributions_of_layers():
    w, b = np.array([[1.0, 2.0]]), np.array([3.0])
    result = fl.contributions([[w, b], [10 * w, 10 * b]], [1, 3])
    assert [[layer.tolist() for layer in layers] for layers in result] == [
        [[[0.25, 0.5]], [0.75]],
        [[[7.5, 15.0]], [22.5]],
    ]


# float32 stays float32, summed in float64 and rounded once; all else becomes float64.
def test_types():
    updates = np.array([[1e8], [1.0], [-1e8]], dtype=np.float32)
    assert fl.mean(updates).dtype == np.float32
    assert fl.mean(updates)[0] == np.float32(1 / 3)
    assert fl.weighted_mean(updates, [1, 1, 1]).dtype == np.float32
    assert fl.contributions(updates, None).dtype == np.float32
    assert fl.mean(np.array([[1], [2]])).dtype == np.float64
    assert fl.mean(np.array([[1], [2]], dtype=np.float16)).dtype == np.float64
    big = np.full((2, 1), 3e38, dtype=np.float32)
    assert fl.mean(big) == np.float32(3e38)


# One participant's layers keep each its own type.
def test_layer_types():
    layers = [[np.ones(2, np.float32), np.ones(1)]] * 2
    assert [layer.dtype for layer in fl.mean(layers)] == [np.float32, np.float64]


# Scalars are updates too.
def test_scalar_updates():
    assert fl.mean([1, 2, 6]) == 3
    np.testing.assert_array_equal(fl.contributions([1, 2], [3, 1]), [0.75, 0.5])


# The caller's data stays as it was, even when it could be used in place.
def test_nothing_is_changed():
    updates, weights = np.array([[1.0, 2], [3, 4]]), np.array([1.0, 3])
    layers = [[np.array([1.0])], [np.array([3.0])]]
    for array in (updates, weights, layers[0][0], layers[1][0]):
        array.flags.writeable = False
    for convention in CONVENTIONS:
        fl.scaled_mean(updates, 0.1, convention, weights, unscale=True)
    fl.mean(updates)
    fl.weighted_mean(layers, weights)
    fl.contributions(updates, weights)
    fl.shares(updates, weights)
    fl.gradient_step(updates, updates, 0.5)
    one = np.array([[1.0, 2.0]])
    assert not np.shares_memory(fl.mean(one), one)
    assert not np.shares_memory(fl.contributions(one, [1]), one)


# n_i over their sum: 30 and 10 examples weigh 3/4 and 1/4.
def test_sample_weights():
    np.testing.assert_array_equal(fl.sample_weights([30, 10, 0]), [0.75, 0.25, 0])


# With w_i = n_i/n the weighted mean of mean gradients is the mean over all examples; the plain
# mean is not.
@given(st.lists(st.lists(values, min_size=1, max_size=5), min_size=1, max_size=5))
def test_weighting_by_size_pools_the_examples(data):
    means = np.array([[np.mean(x)] for x in data])
    pooled = sum(Fraction(v) for x in data for v in x) / sum(map(len, data))
    result = fl.weighted_mean(means, fl.sample_weights([len(x) for x in data]))
    assert_near(result, [pooled], max(1, max(abs(v) for x in data for v in x)), 40)
    assert fl.mean([[2.0], [9.0]]) != np.mean([1, 2, 3, 9])


# The contributions add up to the weighted mean.
@given(federations())
def test_contributions_add_up(federation):
    updates, weights = federation
    np.testing.assert_allclose(
        fl.contributions(updates, weights).sum(axis=0),
        fl.weighted_mean(updates, weights),
        rtol=0,
        atol=20 * EPS * max(1, np.abs(updates).max()),
    )


# The article's contributions are [0.6,1.2,1.8] and [1.6,2.0,2.4].
def test_article_contributions():
    np.testing.assert_allclose(
        fl.contributions(ARTICLE, (0.6, 0.4)), [[0.6, 1.2, 1.8], [1.6, 2.0, 2.4]], rtol=1e-15
    )


# Vectors of length 5 and 10 at weights 2 and 1 pull alike: the share is a matter of w_i ‖g_i‖.
def test_shares_by_hand():
    np.testing.assert_allclose(fl.shares([[3, 4], [0, 10]], [2, 1]), [0.5, 0.5], rtol=1e-15)
    np.testing.assert_allclose(fl.shares([[3, 4], [0, 15]], None), [0.25, 0.75], rtol=1e-15)


# Shares sum to one and do not depend on the unit of the updates, however large or small.
@pytest.mark.parametrize("unit", [1.0, 1e-323, 1e-200, 1e200, 1e307])
def test_shares_have_no_unit(unit):
    result = fl.shares(unit * np.array([[1.0, 0], [0, 4.0]]), [3, 1])
    np.testing.assert_allclose(result, [3 / 7, 4 / 7], rtol=1e-15)


# Where every contribution is zero nobody pulls.
def test_shares_of_nothing():
    np.testing.assert_array_equal(fl.shares([[0, 0], [0, 0]], None), [0, 0])
    np.testing.assert_array_equal(fl.shares([[0, 0], [1, 1]], [1, 0]), [0, 0])


# λ = 0.1 on five clients: 0.1 of the mean on each or on the mean, half of it on the sum.
@pytest.mark.parametrize(
    ("convention", "unscale", "expected"),
    [
        ("each", False, 0.3),
        ("mean", False, 0.3),
        ("sum", False, 1.5),
        ("each", True, 3.0),
        ("mean", True, 3.0),
        ("sum", True, 15.0),
    ],
)
def test_conventions_by_hand(convention, unscale, expected):
    updates = [[1], [2], [3], [4], [5]]
    result = fl.scaled_mean(updates, 0.1, convention, unscale=unscale)
    np.testing.assert_allclose(result, [expected], rtol=1e-15)
    scale = fl.effective_scale(0.1, convention, 5, unscale=unscale)
    assert scale == pytest.approx(expected / 3, rel=1e-15)


# "sum" with equal weights is λ times the sum of the updates.
@given(federations(), factors)
def test_sum_is_a_sum(federation, factor):
    updates, _ = federation
    exact = [Fraction(factor) * sum(map(Fraction, column)) for column in updates.T.tolist()]
    size = factor * np.abs(updates).sum()
    grown = TINY * factor * len(updates)  # what a rounding of the mean there has become
    assert_near(fl.scaled_mean(updates, factor, "sum"), exact, max(size, grown), 20)


# A scaled mean is the true weighted mean times the effective scale.
@given(federations(), factors, st.sampled_from(CONVENTIONS), st.booleans())
def test_effective_scale(federation, factor, convention, unscale):
    updates, weights = federation
    scale = fl.effective_scale(factor, convention, len(updates), unscale)
    np.testing.assert_allclose(
        fl.scaled_mean(updates, factor, convention, weights, unscale),
        scale * fl.weighted_mean(updates, weights),
        rtol=0,
        atol=40 * EPS * scale * max(1, np.abs(updates).max()),
    )


# θ − α g, on arrays and on layers; float32 only if both are.
def test_gradient_step():
    np.testing.assert_array_equal(fl.gradient_step([1, 1], [2, -4], 0.25), [0.5, 2])
    layers = fl.gradient_step([np.ones((2, 1)), np.ones(1)], [np.ones((2, 1)), np.zeros(1)], 1)
    assert [layer.tolist() for layer in layers] == [[[0.0], [0.0]], [1.0]]
    single, double = np.ones(1, np.float32), np.ones(1)
    assert fl.gradient_step(single, single, 0.1).dtype == np.float32
    assert fl.gradient_step(single, double, 0.1).dtype == np.float64


# The step is formed in float64 and rounded once, also where α alone is beyond float32.
def test_gradient_step_is_rounded_once():
    rng = np.random.default_rng(0)
    theta, g = rng.normal(size=(2, 1000)).astype(np.float32)
    exact = (theta.astype(float) - 0.1 * g.astype(float)).astype(np.float32)
    np.testing.assert_array_equal(fl.gradient_step(theta, g, 0.1), exact)
    small = np.array([0, 1e-5], np.float32)
    np.testing.assert_allclose(fl.gradient_step(small, small, 1e39), [0, -1e34], rtol=1e-6)


def layers_of(*shapes):
    return [np.zeros(shape) for shape in shapes]


# Wrong input is refused in words that say what was given.
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fl.mean([]), ValueError, "updates is empty: shape (0,)"),
        (lambda: fl.mean(np.empty((0, 3))), ValueError, "updates is empty: shape (0, 3)"),
        (lambda: fl.mean(np.empty((3, 0))), ValueError, "updates is empty: shape (3, 0)"),
        (lambda: fl.mean(3.0), ValueError, "updates is the single number 3.0; expected one row"),
        (lambda: fl.mean([[1, 2], [3]]), ValueError, "updates is ragged"),
        (lambda: fl.mean([[True], [False]]), TypeError, "updates has dtype bool; expected real"),
        (lambda: fl.mean(["1", "2"]), TypeError, "updates has dtype <U1; expected real numbers"),
        (lambda: fl.mean([[1j]]), TypeError, "updates has dtype complex128"),
        (lambda: fl.mean(None), TypeError, "updates has dtype object"),
        (
            lambda: fl.mean([[1, 2], [3, np.nan]]),
            ValueError,
            "updates holds nan at index (1, 1) (participant 1); expected finite numbers",
        ),
        (
            lambda: fl.mean([[np.inf], [1]]),
            ValueError,
            "updates holds inf at index (0, 0) (participant 0)",
        ),
        (
            lambda: fl.mean([layers_of(2), [np.array([1, np.nan])]]),
            ValueError,
            "layer 0 of updates holds nan at index (1, 1) (participant 1)",
        ),
        (
            lambda: fl.mean([layers_of(2, 1), layers_of(2)]),
            ValueError,
            "participant 1 has 1 layers, participant 0 has 2 layers",
        ),
        (
            lambda: fl.mean([layers_of(2, 1), np.zeros(3)]),
            ValueError,
            "participant 1 has no list of layers but ndarray, participant 0 has 2 layers",
        ),
        (
            lambda: fl.mean([layers_of(2, 1), layers_of(2, 3)]),
            ValueError,
            "layer 1 of updates has shape (3,) at participant 1, (1,) at participant 0",
        ),
        (lambda: fl.mean([[1e308], [1e308]]), ValueError, "the result overflows float64"),
        (
            lambda: fl.weighted_mean(np.ones((4, 2)), [1, 2, 3]),
            ValueError,
            "weights has shape (3,), updates has 4 participants",
        ),
        (
            lambda: fl.weighted_mean(np.ones((2, 2)), [[1, 2]]),
            ValueError,
            "weights has shape (1, 2), updates has 2 participants",
        ),
        (
            lambda: fl.weighted_mean(ARTICLE, [1, -1]),
            ValueError,
            "weights[1] is -1.0; expected numbers >= 0",
        ),
        (lambda: fl.weighted_mean(ARTICLE, [0, 0]), ValueError, "weights sum to 0; at least one"),
        (lambda: fl.weighted_mean(ARTICLE, [1, np.nan]), ValueError, "weights holds nan at index"),
        (lambda: fl.weighted_mean(ARTICLE, [np.inf, 1]), ValueError, "weights holds inf at index"),
        (
            lambda: fl.weighted_mean(ARTICLE, [1e308, 1e308]),
            ValueError,
            "weights sum to more than float64 can hold",
        ),
        (lambda: fl.weighted_mean(ARTICLE, [True, True]), TypeError, "weights has dtype bool"),
        (lambda: fl.sample_weights([1.5, 2]), ValueError, "counts[0] is 1.5; expected whole"),
        (lambda: fl.sample_weights([3, -2]), ValueError, "counts[1] is -2.0; expected numbers"),
        (lambda: fl.sample_weights([0, 0]), ValueError, "counts sum to 0"),
        (lambda: fl.sample_weights([[1]]), ValueError, "counts has shape (1, 1); expected (N,)"),
        (
            lambda: fl.scaled_mean(ARTICLE, 0.1, "max"),
            ValueError,
            'convention is \'max\'; expected "each", "mean" or "sum"',
        ),
        (lambda: fl.scaled_mean(ARTICLE, 0), ValueError, "factor is 0; expected a number > 0"),
        (lambda: fl.scaled_mean(ARTICLE, np.nan), ValueError, "factor is nan; expected a finite"),
        (lambda: fl.scaled_mean(ARTICLE, "2"), TypeError, "factor is '2' (str); expected a real"),
        (lambda: fl.scaled_mean([[1e300]], 1e300), ValueError, "the result overflows float64"),
        (lambda: fl.effective_scale(1, None, 2), ValueError, "convention is None"),
        (lambda: fl.effective_scale(1, "sum", 0), ValueError, "participants is 0; expected an"),
        (lambda: fl.effective_scale(1, "sum", 2.0), TypeError, "participants is 2.0 (float)"),
        (
            lambda: fl.gradient_step([1, 2], [1], 1),
            ValueError,
            "theta has shape (2,), gradient has shape (1,)",
        ),
        (
            lambda: fl.gradient_step(layers_of(2, 1), layers_of(2), 1),
            ValueError,
            "theta has 2 layers, gradient has 1 layers",
        ),
        (
            lambda: fl.gradient_step(layers_of(2), np.zeros(2), 1),
            ValueError,
            "theta has 1 layers, gradient has no list of layers but ndarray",
        ),
        (
            lambda: fl.gradient_step(layers_of(2), layers_of(3), 1),
            ValueError,
            "layer 0 of theta has shape (2,), layer 0 of gradient has shape (3,)",
        ),
        (lambda: fl.gradient_step([1], [1], -1), ValueError, "alpha is -1; expected a number >= 0"),
        (lambda: fl.gradient_step([1], [1], True), TypeError, "alpha is True (bool)"),
        (lambda: fl.gradient_step([1], [1e300], 1e300), ValueError, "the step overflows float64"),
        (lambda: real_number(10**400, "x"), ValueError, "x is inf; expected a finite number"),
        (lambda: whole_number(True, "x", 0), TypeError, "x is True (bool); expected an integer"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


# No weights stand for equal weights.
def test_no_weights_are_equal_weights():
    np.testing.assert_array_equal(normalised_weights(None, 4), [0.25] * 4)
