"""Laws of the models."""

import numpy as np
import pytest

from fedlearn_edu import models

pytestmark = pytest.mark.filterwarnings("error")
SIZES = [(5, 3), (5, 4, 3), (5, 4, 6, 3)]


def problem(sizes, seed=0, examples=7):
    rng = np.random.default_rng(seed)
    theta = [0.5 * rng.normal(size=a.shape) for a in models.init(sizes, rng, "float64")]
    x, y = rng.normal(size=(examples, sizes[0])), rng.integers(0, sizes[-1], examples)
    return theta, x, y


# The gradient is the slope of the loss, by central differences in every parameter.
@pytest.mark.parametrize("sizes", SIZES)
def test_gradient_is_the_slope(sizes):
    theta, x, y = problem(sizes)
    for layer, slope in zip(theta, models.gradient(theta, x, y), strict=True):
        for index in np.ndindex(layer.shape):
            kept, losses = layer[index], []
            for step in (1e-6, -1e-6):
                layer[index] = kept + step
                losses.append(models.loss(theta, x, y))
            layer[index] = kept
            assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(slope[index], abs=1e-8)


# Softmax regression has the gradient xᵀ(p − onehot)/n, the textbook's closed form.
def test_softmax_regression():
    theta, x, y = problem((5, 3))
    scores = np.exp(x @ theta[0] + theta[1])
    p = scores / scores.sum(axis=1, keepdims=True)
    delta = (p - np.eye(3)[y]) / len(y)
    w, b = models.gradient(theta, x, y)
    np.testing.assert_allclose(w, x.T @ delta, atol=1e-15)
    np.testing.assert_allclose(b, delta.sum(axis=0), atol=1e-15)
    np.testing.assert_allclose(models.probabilities(theta, x), p, rtol=1e-13)
    assert models.loss(theta, x, y) == pytest.approx(-np.log(p[np.arange(7), y]).mean())


# The weighted mean of mean gradients is the gradient of the pooled loss.
def test_pooled_gradient():
    theta, x, y = problem((5, 4, 3))
    parts = [slice(0, 2), slice(2, 7)]
    own = [models.gradient(theta, x[part], y[part]) for part in parts]
    for pooled, a, b in zip(models.gradient(theta, x, y), *own, strict=True):
        np.testing.assert_allclose(pooled, (2 * a + 5 * b) / 7, atol=1e-15)


# Scores of any size give finite probabilities and losses: the maximum is taken off before exp.
def test_large_scores():
    theta = [np.array([[1e4, -1e4]]), np.zeros(2)]
    np.testing.assert_array_equal(models.probabilities(theta, [[1.0]]), [[1, 0]])
    assert models.loss(theta, [[1.0]], [1]) == 2e4


# Everything is computed in the type of the parameters.
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types(dtype):
    theta = models.init((5, 4, 3), np.random.default_rng(0), dtype)
    _, x, y = problem((5, 4, 3))
    assert {a.dtype.name for a in models.gradient(theta, x, y)} == {dtype}
    assert models.logits(theta, x).dtype == dtype


# The weights have the variance 2/inputs before a ReLU and 1/inputs before the softmax.
def test_init():
    theta = models.init((400, 300, 200), np.random.default_rng(0))
    assert theta[0].var() == pytest.approx(2 / 400, rel=0.02)
    assert theta[2].var() == pytest.approx(1 / 300, rel=0.02)
    assert not theta[1].any()
    assert models.sizes_of(theta) == (400, 300, 200)
    assert models.size(theta) == 400 * 300 + 300 + 300 * 200 + 200


# Predictions and accuracy are those of the largest score.
def test_predictions():
    theta, x, y = problem((5, 4, 3))
    best = models.logits(theta, x).argmax(axis=1)
    np.testing.assert_array_equal(models.predict(theta, x), best)
    assert models.accuracy(theta, x, y) == np.mean(best == y)


PAIR = [np.eye(2), np.zeros(2)], [[3, 4], [5, 2]]


# Wrong input is named.
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda rng: models.init((64,), rng), ValueError, r"sizes is \(64,\)"),
        (lambda rng: models.init((64, 0), rng), ValueError, "a size is 0"),
        (lambda rng: models.init((64, 2.5), rng), TypeError, "a size is 2.5"),
        (lambda rng: models.init((64, 10), 7), TypeError, "rng is 7"),
        (lambda rng: models.init((64, 10), rng, "int8"), ValueError, "dtype is int8"),
        (lambda rng: models.sizes_of(np.zeros(3)), TypeError, "theta is ndarray"),
        (lambda rng: models.sizes_of([np.zeros((2, 3))]), ValueError, "theta has the shapes"),
        (lambda rng: models.sizes_of([np.zeros((2, 3)), np.zeros(4)]), ValueError, "fit"),
        (
            lambda rng: models.sizes_of([np.zeros((2, 3), int), np.zeros(3, int)]),
            TypeError,
            "theta has dtype int64",
        ),
        (lambda rng: models.accuracy(*PAIR, [[1], [0]]), ValueError, r"y has shape \(2, 1\)"),
        (lambda rng: models.loss(*PAIR, [1]), ValueError, r"y has shape \(1,\); expected \(2,\)"),
        (lambda rng: models.losses(*PAIR, [0, -1]), ValueError, "labels -1 … 0; expected 0 … 1"),
        (lambda rng: models.gradient(*PAIR, [0, 2]), ValueError, "labels 0 … 2; expected 0 … 1"),
        (lambda rng: models.gradient(*PAIR, [0.0, 1.0]), TypeError, "y has dtype float64"),
    ],
)
def test_wrong_input(call, error, words):
    with pytest.raises(error, match=words):
        call(np.random.default_rng(0))
