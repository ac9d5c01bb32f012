"""The article's worked examples come out to the digit."""

import numpy as np
import pytest

from fedlearn_edu import examples


def assert_digits(result, digits):
    """Equal to the digits printed, up to the last bit or two of a float64."""
    np.testing.assert_allclose(result, digits, rtol=4e-16, atol=0)


# Sections 3.1 and 4.1: [1,2,3] and [4,5,6] add up to [5,7,9] and average to [2.5, 3.5, 4.5].
def test_mean_aggregation():
    example = examples.mean_aggregation()
    assert example.participants == 2
    assert_digits(example.updates, [[1, 2, 3], [4, 5, 6]])
    assert_digits(example.total, [5, 7, 9])
    assert_digits(example.mean, [2.5, 3.5, 4.5])


# Sections 3.2 and 4.2: λ = 0.1 gives [0.1,0.2,0.3], [0.4,0.5,0.6] and the mean [0.25,0.35,0.45];
# unscaling, which the article leaves out, gives [2.5,3.5,4.5]; no bit is saved.
def test_scaling_compression():
    example = examples.scaling_compression()
    assert_digits(example.scaled, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    assert_digits(example.mean_of_scaled, [0.25, 0.35, 0.45])
    assert_digits(example.unscaled, [2.5, 3.5, 4.5])
    assert example.factor == 0.1
    assert example.bits_before == example.bits_after == 48 + 3 * 32


# Section 3.3: (0.6, 0.4) gives [0.6,1.2,1.8] + [1.6,2.0,2.4] = [2.2,3.2,4.2].
def test_weighted_aggregation():
    example = examples.weighted_aggregation()
    assert_digits(example.weights, [0.6, 0.4])
    assert_digits(example.contributions, [[0.6, 1.2, 1.8], [1.6, 2.0, 2.4]])
    assert_digits(example.weighted_mean, [2.2, 3.2, 4.2])
    pulls = 0.6 * np.sqrt(14), 0.4 * np.sqrt(77)
    assert_digits(example.shares, [pulls[0] / sum(pulls), pulls[1] / sum(pulls)])


# Section 4.3: α = 0.01 and λ = 0.1 change θ by −[0.0025, 0.0035, 0.0045]; with unscaling by ten
# times that.
@pytest.mark.parametrize("theta", [(0, 0, 0), (1, -2, 0.5)])
def test_full_step(theta):
    example = examples.full_step(theta)
    assert_digits(example.change, [-0.0025, -0.0035, -0.0045])
    assert_digits(example.new_theta, np.add(theta, [-0.0025, -0.0035, -0.0045]))
    assert_digits(example.unscaled_change, [-0.025, -0.035, -0.045])
    assert_digits(example.unscaled_new_theta, np.add(theta, [-0.025, -0.035, -0.045]))
    assert_digits(example.scaled, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    assert_digits(example.mean_of_scaled, [0.25, 0.35, 0.45])
    assert_digits(example.unscaled, [2.5, 3.5, 4.5])
    assert (example.alpha, example.factor) == (0.01, 0.1)


# Five clients of ten, λ = 0.1: on the sum it makes half of the mean step, else a tenth of it.
def test_three_conventions():
    example = examples.three_conventions()
    assert len(example.updates) == 5
    assert_digits(example.mean, [3, 4, 5])
    assert_digits(example.each, [0.3, 0.4, 0.5])
    assert_digits(example.on_mean, [0.3, 0.4, 0.5])
    assert_digits(example.on_sum, [1.5, 2, 2.5])
    assert (example.scale_each, example.scale_mean, example.scale_sum) == (0.1, 0.1, 0.5)


# Section 5.2 adds and does not divide: with two participants the step is twice too long.
def test_sum_for_mean():
    example = examples.sum_for_mean()
    assert_digits(example.total, [5, 7, 9])
    assert_digits(example.mean, [2.5, 3.5, 4.5])
    assert example.times_too_long == 2


# Three examples of mean 2 and one of 10: the gradients at 0 are −2 and −10, the pooled one −4.
def test_pooled_gradient():
    example = examples.pooled_gradient()
    assert_digits(example.local_gradients, [-2, -10])
    assert_digits(example.counts, [3, 1])
    assert_digits(example.weights, [0.75, 0.25])
    assert (example.plain_mean, example.weighted_mean, example.pooled) == (-6, -4, -4)


# Other numbers than the article's go through the same arithmetic.
def test_other_numbers():
    assert_digits(examples.mean_aggregation([[2], [4], [9]]).mean, [5])
    assert_digits(examples.scaling_compression([[8.0]], 0.25).mean_of_scaled, [2])
    assert_digits(examples.weighted_aggregation([[4], [8]], [3, 1]).weighted_mean, [5])
    assert_digits(examples.three_conventions([[4], [8]], 0.5).on_sum, [6])


# Every intermediate can be listed by name, in the order of the computation, and read.
def test_intermediates_have_names():
    example = examples.weighted_aggregation()
    assert list(vars(example)) == ["updates", "weights", "contributions", "weighted_mean", "shares"]
    assert repr(examples.mean_aggregation()).endswith("mean=array([2.5, 3.5, 4.5]))")
    with pytest.raises(AttributeError):
        example.weights = None


# An example does not change or share what it was given.
def test_inputs_are_copied():
    updates = np.array([[1.0, 2.0]])
    assert not np.shares_memory(examples.mean_aggregation(updates).updates, updates)
    theta = np.zeros(2)
    assert not np.shares_memory(examples.full_step(theta, updates).theta, theta)


# Wrong input is refused in words that say what was given.
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: examples.mean_aggregation([1, 2]), ValueError, "updates has shape (2,); expected"),
        (lambda: examples.full_step((0, 0)), ValueError, "theta has shape (2,), gradient has"),
        (lambda: examples.full_step(alpha=-1), ValueError, "alpha is -1; expected a number >= 0"),
        (lambda: examples.scaling_compression(factor=0), ValueError, "factor is 0; expected"),
        (
            lambda: examples.pooled_gradient(0, [[1], []]),
            ValueError,
            "data of participant 1 is empty",
        ),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
