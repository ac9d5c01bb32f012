"""Laws of the sets in the plane: each point lies on its shape, and the noise is the noise."""

import numpy as np
import pytest

from fedlearn_edu import planar
from fedlearn_edu.planar import SETS, with_squares

N = 4000
every_set = pytest.mark.parametrize("name", SETS)


def exact(name, **options):
    """Points without noise, as float64, by class."""
    x, y = SETS[name](N, np.random.default_rng(3), noise=0, **options)
    return [x[y == label].astype(float) for label in (0, 1)]


# Sizes, types and labels: n points in float32, the classes alternating.
@every_set
@pytest.mark.parametrize("n", [1, 2, 7])
def test_form(name, n):
    x, y = SETS[name](n, np.random.default_rng(0))
    assert (x.shape, x.dtype, y.dtype) == ((n, 2), np.float32, np.int64)
    assert y.tolist() == [0, 1, 0, 1, 0, 1, 0][:n]


# Clusters fill their discs evenly: so many points within half the radius as its area says.
def test_clusters():
    for points, center in zip(exact("clusters"), [(-1.2, -0.7), (1.2, 0.7)], strict=True):
        radius = np.hypot(*(points - center).T)
        assert radius.max() <= 0.9 + 1e-6
        np.testing.assert_allclose((radius < 0.45).mean(), 0.25, atol=0.03)


# Moons are half circles, evenly filled, and each is the other turned by half a circle around 0.
def test_moons():
    for side, points in zip((1, -1), exact("moons"), strict=True):
        away = side * points + (0.8, 0.4)
        np.testing.assert_allclose(np.hypot(*away.T), 1.6, atol=1e-6)
        angle = np.arctan2(*away.T[::-1])
        assert angle.min() >= -1e-6
        np.testing.assert_allclose(angle.mean(), np.pi / 2, atol=0.05)
        np.testing.assert_allclose(np.var(angle), np.pi**2 / 12, rtol=0.05)


# Circles: a disc evenly filled, and a ring around it, far from it.
def test_circles():
    disc, ring = (np.hypot(*points.T) for points in exact("circles"))
    assert disc.max() <= 0.8 + 1e-6
    np.testing.assert_allclose((disc < 0.4).mean(), 0.25, atol=0.03)
    np.testing.assert_allclose(ring, 2, atol=1e-6)


# XOR: the label is the sign of the product, every quadrant holds a quarter, away from the axes.
def test_xor():
    for label, points in enumerate(exact("xor")):
        assert ((points.prod(axis=1) > 0) == label).all()
        assert 0.2 - 1e-6 <= np.abs(points).min() < 0.22
        assert 1.68 < np.abs(points).max() <= 1.7 + 1e-6
        np.testing.assert_allclose((points[:, 0] > 0).mean(), 0.5, atol=0.04)


# Spiral: the angle grows with the radius, so many turns from the middle to the end, and one arm
# is the other turned by half a circle.
@pytest.mark.parametrize("turns", [0.4, 0.9, 2.0])
def test_spiral(turns):
    for side, points in zip((1, -1), exact("spiral", turns=turns), strict=True):
        radius = np.hypot(*points.T)
        assert 0.3 - 1e-6 <= radius.min() < 0.31
        assert 2.29 < radius.max() <= 2.3 + 1e-6
        angle = 2 * np.pi * turns * (radius - 0.3) / 2
        along = side * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        np.testing.assert_allclose(points, along, atol=1e-5)


# All lie within a circle of radius 2.5 around 0, and fill a good part of it.
@every_set
def test_size(name):
    radius = np.hypot(*np.concatenate(exact(name)).T)
    assert 1.5 < radius.max() <= 2.5


# The noise is normal with the deviation that was asked, the same in every direction; the same
# generator gives the same shape and the same noise, only longer.
@every_set
def test_noise(name):
    bare, little, much = (
        SETS[name](N, np.random.default_rng(3), noise=noise)[0].astype(float)
        for noise in (0, 0.25, 1)
    )
    np.testing.assert_allclose(much - bare, 4 * (little - bare), atol=1e-5)
    moved = much - bare
    np.testing.assert_allclose(np.cov(moved.T), np.eye(2), atol=0.08)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose((np.abs(moved) < 1).mean(), 0.6827, atol=0.015)


# The same seed gives the same points, another seed others.
@every_set
def test_seed(name):
    one, same, other = (SETS[name](50, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).any()


# With squares a straight line parts what was bent: the circles by x₁² + x₂², XOR by x₁ x₂.
def test_squares():
    for name, weights in (("circles", (0, 0, 1, 1, 0)), ("xor", (0, 0, 0, 0, 1))):
        below, above = (with_squares(points) @ np.array(weights) for points in exact(name))
        assert below.max() < above.min()
    assert with_squares(np.ones((3, 2), np.float32)).dtype == np.float32


# Wrong input is named.
@every_set
def test_wrong_input(name):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n is 0"):
        SETS[name](0, rng)
    with pytest.raises(ValueError, match=r"noise is -0\.1"):
        SETS[name](10, rng, noise=-0.1)
    with pytest.raises(TypeError, match="rng is 7"):
        SETS[name](10, 7)
    with pytest.raises(ValueError, match="turns is 0"):
        planar.spiral(10, rng, turns=0)
    for wrong in ([1.0, 2.0], [[1.0, 2.0, 3.0]]):
        with pytest.raises(ValueError, match=r"x has shape .*; expected \(n, 2\)"):
            with_squares(wrong)
