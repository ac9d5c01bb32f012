"""Laws of the quadratic participants: everything about them is known exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fedlearn_edu as fl

pytestmark = pytest.mark.filterwarnings("error")


@st.composite
def problems(draw, dimension=None):
    """Quadratics with full matrices, unequal counts, and eigenvalues between 0.5 and 2."""
    n = draw(st.integers(1, 5))
    d = dimension or draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    turns = np.linalg.qr(rng.normal(size=(n, d, d)))[0]
    hessians = turns * rng.uniform(0.5, 2, (n, 1, d)) @ turns.transpose(0, 2, 1)
    hessians = (hessians + hessians.transpose(0, 2, 1)) / 2
    return fl.Quadratics(hessians, rng.uniform(-3, 3, (n, d)), rng.integers(1, 50, n))


def naive_losses(problem, theta):
    return [
        0.5
        * sum(
            (theta[j] - o[j]) * h[j][k] * (theta[k] - o[k])
            for j in range(len(o))
            for k in range(len(o))
        )
        for h, o in zip(problem.curvatures.tolist(), problem.optima.tolist(), strict=True)
    ]


def naive_round(problem, theta, alpha, local_steps, weights, scale=1.0, mu=0.0):
    """One round of FedAvg or FedProx, participant by participant, step by step."""
    change = np.zeros_like(theta)
    for h, o, w in zip(problem.curvatures, problem.optima, weights, strict=True):
        local = theta.copy()
        for _ in range(local_steps):
            local = local - alpha * (h @ (local - o) + mu * (local - theta))
        change = change + w * (local - theta)
    return theta + scale * change


def naive_scaffold(problem, theta, controls, alpha, local_steps, weights):
    """One round of SCAFFOLD: algorithm 1 of the paper, option II; return θ and the c_i."""
    c = sum(w * own for w, own in zip(weights, controls, strict=True))
    change, after = np.zeros_like(theta), []
    for i, w in enumerate(weights):
        local = theta.copy()
        for _ in range(local_steps):
            gradient = problem.curvatures[i] @ (local - problem.optima[i])
            local = local - alpha * (gradient - controls[i] + c)
        after.append(controls[i] - c + (theta - local) / (local_steps * alpha))
        change = change + w * (local - theta)
    return theta + change, np.array(after)


points = st.lists(st.floats(-5, 5), min_size=4, max_size=4)
rates = st.floats(0.01, 0.4)
steps = st.integers(1, 8)
pulls = st.sampled_from([0.0, 0.3, 2.0])


# Two participants in one dimension, worked by hand.
def test_by_hand():
    problem = fl.Quadratics([2, 4], [[1], [-1]], counts=[3, 1])
    assert (problem.participants, problem.dimension) == (2, 1)
    np.testing.assert_array_equal(problem.weights, [0.75, 0.25])
    np.testing.assert_array_equal(problem.local_losses([2]), [1, 18])
    np.testing.assert_array_equal(problem.gradients([2]), [[2], [12]])
    assert problem.loss([2]) == 0.75 * 1 + 0.25 * 18
    assert problem.loss([2], weights=[1, 1]) == 9.5
    np.testing.assert_array_equal(problem.gradient([2]), [4.5])
    np.testing.assert_array_equal(problem.curvature(), [[2.5]])
    np.testing.assert_array_equal(problem.optimum(), [0.2])
    np.testing.assert_array_equal(problem.optimum(weights=[1, 1]), [-1 / 3])


# One curvature for all directions, one a coordinate, and the matrix are the same problem.
def test_forms_of_curvature():
    optima = [[1.0, 2.0], [3.0, 4.0]]
    whole = [np.diag([2.0, 2.0]), np.diag([5.0, 5.0])]
    for curvatures in ([2, 5], [[2, 2], [5, 5]], whole):
        np.testing.assert_array_equal(fl.Quadratics(curvatures, optima).curvatures, whole)


# The losses agree with a loop over every entry.
@given(problems(), points)
def test_losses_are_the_definition(problem, point):
    theta = np.array(point[: problem.dimension])
    losses = naive_losses(problem, theta.tolist())
    np.testing.assert_allclose(problem.local_losses(theta), losses, rtol=1e-12, atol=1e-12)
    pooled = sum(n * x for n, x in zip(problem.counts, losses, strict=True)) / sum(problem.counts)
    assert problem.loss(theta) == pytest.approx(pooled, rel=1e-12, abs=1e-12)


# Whole histories of θ are evaluated at once.
@given(problems(dimension=2))
def test_leading_axes_are_kept(problem):
    thetas = np.arange(12.0).reshape(3, 2, 2)
    assert problem.local_losses(thetas).shape == (3, 2, problem.participants)
    expected = [[problem.loss(theta) for theta in row] for row in thetas]
    np.testing.assert_allclose(problem.loss(thetas), expected, rtol=1e-13)


# A central difference of a quadratic is its derivative, with no truncation error.
@given(problems(), points)
def test_gradient_is_the_derivative(problem, point):
    theta = np.array(point[: problem.dimension])
    differences = [
        (problem.loss(theta + e) - problem.loss(theta - e)) / 2 for e in np.eye(len(theta))
    ]
    np.testing.assert_allclose(problem.gradient(theta), differences, rtol=1e-11, atol=1e-11)


# Gradients can be taken at one θ for all or at each participant's own θ_i; at θ_i* they vanish.
@given(problems())
def test_gradients_at_own_points(problem):
    np.testing.assert_array_equal(problem.gradients(problem.optima), np.zeros_like(problem.optima))
    shared = np.ones(problem.dimension)
    np.testing.assert_array_equal(
        problem.gradients(np.ones_like(problem.optima)), problem.gradients(shared)
    )


# At the optimum the gradient vanishes, under any weights.
@given(problems(), st.booleans())
def test_optimum_is_stationary(problem, by_hand):
    weights = np.arange(1.0, problem.participants + 1) if by_hand else None
    best = problem.optimum(weights)
    np.testing.assert_allclose(problem.gradient(best, weights), 0, atol=1e-13)
    for e in np.eye(problem.dimension):
        assert problem.loss(best + 0.1 * e, weights) > problem.loss(best, weights)


# A step of gradient descent multiplies the error along an eigenvector by the signed 1 − αλh.
@given(problems(), rates, st.floats(0.1, 4))
def test_step_multipliers(problem, alpha, scale):
    best = problem.optimum()
    values, vectors = np.linalg.eigh(problem.curvature())
    np.testing.assert_allclose(problem.eigenvalues(), values, rtol=1e-13)
    multipliers = problem.step_multipliers(alpha, scale)
    for multiplier, vector in zip(multipliers, vectors.T, strict=True):
        error = best + vector - alpha * scale * problem.gradient(best + vector) - best
        np.testing.assert_allclose(error, multiplier * vector, atol=1e-12)
    np.testing.assert_array_equal(problem.step_factor(alpha, scale), sorted(abs(multipliers)))


# αλh = 1 converges in one step, 2 is the edge, by hand at h = 1 and 4.
def test_step_multipliers_by_hand():
    problem = fl.Quadratics([[1, 4]], [[0, 0]])
    np.testing.assert_array_equal(problem.step_multipliers(1, 0.5), [0.5, -1])
    np.testing.assert_array_equal(problem.step_factor(1, 0.5), [0.5, 1])
    np.testing.assert_array_equal(problem.step_factor(0.25), [0, 0.75])


# A round of FedAvg or FedProx leaves its fixed point where it is.
@given(problems(), rates, steps, pulls, st.booleans())
def test_fixed_point_is_fixed(problem, alpha, local_steps, mu, by_hand):
    weights = np.arange(1.0, problem.participants + 1) if by_hand else problem.counts
    fixed = problem.fedavg_fixed_point(alpha, local_steps, weights if by_hand else None, mu)
    after = naive_round(problem, fixed, alpha, local_steps, weights / weights.sum(), mu=mu)
    np.testing.assert_allclose(after, fixed, atol=1e-11)


# Every one of the fixed points for E = 1, 2, … stays where it is too.
@given(problems(), rates, pulls, st.booleans())
def test_fixed_points_are_fixed(problem, alpha, mu, by_hand):
    weights = np.arange(1.0, problem.participants + 1) if by_hand else problem.counts
    ends = problem.fedavg_fixed_points(alpha, 6, weights if by_hand else None, mu)
    for k, fixed in enumerate(ends):
        after = naive_round(problem, fixed, alpha, k + 1, weights / weights.sum(), mu=mu)
        np.testing.assert_allclose(after, fixed, atol=1e-11)


# Where steps cancel (α h = 2, E even) or their powers overflow there is no fixed point.
def test_no_fixed_points():
    ends = fl.Quadratics([2, 2], [[0], [1]]).fedavg_fixed_points(1, 4)
    np.testing.assert_allclose(ends, [[0.5], [np.nan], [0.5], [np.nan]])
    ends = fl.Quadratics([1e3, 2e3], [[0], [1]]).fedavg_fixed_points(1, 200)
    np.testing.assert_array_equal(np.isnan(ends[:, 0]), np.arange(200) >= 93)
    with pytest.raises(ValueError, match="most_steps is 0"):
        fl.Quadratics([1], [[0]]).fedavg_fixed_points(1, 0)


# With one local step the fixed point is the optimum, and the factor is the largest step factor,
# whatever μ is.
@given(problems(), rates, st.floats(0.1, 3), pulls)
def test_one_local_step_is_fedsgd(problem, alpha, scale, mu):
    fixed = problem.fedavg_fixed_point(alpha, 1, mu=mu)
    np.testing.assert_allclose(fixed, problem.optimum(), atol=1e-11)
    np.testing.assert_allclose(
        problem.fedavg_multipliers(alpha, 1, scale, mu=mu),
        problem.step_multipliers(alpha, scale),
        atol=1e-12,
    )
    factor = problem.fedavg_factor(alpha, 1, scale, mu=mu)
    assert factor == pytest.approx(problem.step_factor(alpha, scale)[-1], abs=1e-12)


# However short the steps, one of them leads to the optimum, and many nearly there.
@pytest.mark.parametrize("alpha", [1e-6, 1e-12, 1e-17, 1e-200])
def test_short_steps(alpha):
    problem = fl.Quadratics([1, 3], [[0, 0], [4, 0]])
    for local_steps in (1, 5):
        fixed = problem.fedavg_fixed_point(alpha, local_steps)
        np.testing.assert_allclose(fixed, [3, 0], rtol=20 * alpha + 1e-15)


# Participants of equal curvature do not drift: any number of local steps ends at the optimum.
@given(rates, steps, pulls, st.integers(0, 99))
def test_equal_curvatures_do_not_drift(alpha, local_steps, mu, seed):
    optima = np.random.default_rng(seed).normal(size=(4, 2))
    problem = fl.Quadratics(np.tile([1.0, 2.0], (4, 1)), optima, counts=[1, 2, 3, 4])
    fixed = problem.fedavg_fixed_point(alpha, local_steps, mu=mu)
    np.testing.assert_allclose(fixed, problem.optimum(), atol=1e-12)


# After very many local steps each participant reaches its own optimum, and FedAvg averages those.
@given(problems())
def test_many_local_steps_average_the_optima(problem):
    fixed = problem.fedavg_fixed_point(0.4, 1000)
    np.testing.assert_allclose(fixed, problem.weights @ problem.optima, atol=1e-12)


# Unequal curvatures drift: one hand-computed case, E = 2.
def test_drift_by_hand():
    problem = fl.Quadratics([1, 2], [[0], [3]])
    progress = 1 - 0.5**2, 1 - 0.0**2
    expected = 3 * progress[1] / sum(progress)
    np.testing.assert_allclose(problem.fedavg_fixed_point(0.5, 2), [expected], rtol=1e-15)
    assert abs(expected - problem.optimum()[0]) > 0.2
    np.testing.assert_allclose(problem.fedavg_multipliers(0.5, 2), [1 - sum(progress) / 2])


# FedProx lets each participant go to its proximal point: with h = 1 and 3, μ = 3 and no end of
# steps they go a quarter and a half of their ways.
def test_fedprox_by_hand():
    problem = fl.Quadratics([1, 3], [[0], [4]])
    fixed = problem.fedavg_fixed_point(0.1, 1000, mu=3)
    np.testing.assert_allclose(fixed, [0.5 * 4 / (0.25 + 0.5)], rtol=1e-14)
    np.testing.assert_allclose(problem.fedavg_multipliers(0.1, 1000, mu=3), [1 - 0.75 / 2])


# The harder FedProx pulls, the nearer to the optimum it ends.
def test_pull_leads_to_the_optimum():
    problem = fl.Quadratics([1, 3], [[0], [4]])
    ends = [problem.fedavg_fixed_point(0.001, 100_000, mu=mu) for mu in (0, 1, 10, 100, 1000)]
    gaps = np.abs(np.array(ends) - problem.optimum())[:, 0]
    assert gaps[0] == pytest.approx(1)
    assert (np.diff(gaps) < 0).all()
    assert gaps[-1] < 0.005


# The factor of SCAFFOLD is the spectral radius of the linear map that one round is.
@given(problems(), rates, steps, st.booleans())
def test_scaffold_factor_is_the_spectral_radius(problem, alpha, local_steps, by_hand):
    n, d = problem.optima.shape
    weights = np.arange(1.0, n + 1) if by_hand else problem.counts

    def after(state):
        theta, controls = state[:d], state[d:].reshape(n, d)
        shares = weights / weights.sum()
        theta, controls = naive_scaffold(problem, theta, controls, alpha, local_steps, shares)
        return np.concatenate([theta, controls.ravel()])

    origin = after(np.zeros(d + n * d))
    matrix = np.array([after(e) - origin for e in np.eye(d + n * d)]).T
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    factor = problem.scaffold_factor(alpha, local_steps, weights if by_hand else None)
    assert factor == pytest.approx(radius, abs=1e-6)


# With one curvature for everybody: the mean moves as gradient descent does, and differences
# between the c_i fade by the mean of (1 − αh)^k over the local steps.
@given(st.integers(2, 5), rates, st.integers(1, 60), st.floats(0.2, 2))
def test_scaffold_factor_of_equal_curvatures(participants, alpha, local_steps, h):
    problem = fl.Quadratics([h] * participants, np.arange(participants)[:, None])
    lag = 1 - np.mean((1 - alpha * h) ** np.arange(local_steps))
    expected = max(abs(1 - alpha * h) ** local_steps, abs(lag))
    assert problem.scaffold_factor(alpha, local_steps) == pytest.approx(expected, abs=1e-7)


# The multipliers of FedAvg and FedProx are the eigenvalues of the linear map that a round is.
@given(problems(), rates, steps, st.floats(0.1, 3), pulls)
def test_fedavg_multipliers_are_eigenvalues(problem, alpha, local_steps, scale, mu):
    def after(theta):
        return naive_round(problem, theta, alpha, local_steps, problem.weights, scale, mu)

    origin = after(np.zeros(problem.dimension))
    matrix = np.array([after(e) - origin for e in np.eye(problem.dimension)]).T
    eigenvalues = np.sort(np.linalg.eigvals(matrix).real)
    multipliers = problem.fedavg_multipliers(alpha, local_steps, scale, mu=mu)
    np.testing.assert_allclose(np.sort(multipliers), eigenvalues, atol=1e-7)
    factor = problem.fedavg_factor(alpha, local_steps, scale, mu=mu)
    assert factor == pytest.approx(abs(eigenvalues).max(), abs=1e-7)


# The grid holds the loss at (x[i], y[j]) in row j, column i.
@given(problems(dimension=2), st.booleans())
def test_loss_grid(problem, by_hand):
    weights = np.arange(1.0, problem.participants + 1) if by_hand else None
    x, y = np.linspace(-3, 3, 4), np.linspace(-1, 2, 3)
    expected = [[problem.loss([a, b], weights) for a in x] for b in y]
    np.testing.assert_allclose(problem.loss_grid(x, y, weights), expected, rtol=1e-11, atol=1e-11)


# Each regime, at and around its thresholds.
@pytest.mark.parametrize(
    ("multipliers", "name"),
    [
        (0.0, "one step"),
        (0.01, "one step"),
        (-0.01, "one step"),
        (0.011, "converging"),
        (0.899, "converging"),
        (0.9, "slow"),
        (1.0, "slow"),
        (-0.011, "oscillating"),
        (-0.999, "oscillating"),
        (-1.0, "edge"),
        (-1 - 5e-10, "edge"),
        (-1 + 5e-10, "edge"),
        (-1 - 2e-9, "diverging"),
        (-1 + 2e-9, "oscillating"),
        (-7.0, "diverging"),
        (1.5, "diverging"),
        ([0.95, 0.2, 0.0], "slow"),
        ([0.95, -0.96], "oscillating"),
        ([0.95, -0.2], "slow"),
        ([0.5, -0.5], "oscillating"),
        ([0.9, -1.0], "edge"),
        ([1.0, -1.0], "edge"),
        ([0.0, -1.2], "diverging"),
    ],
)
def test_regimes(multipliers, name):
    assert fl.regime(multipliers) == name


# αλh at 1, between 1 and 2, at 2 and above 2, on a quadratic of curvature h = 4.
@pytest.mark.parametrize(
    ("alpha", "name"),
    [
        (0.01, "slow"),
        (0.1, "converging"),
        (0.25, "one step"),
        (0.4, "oscillating"),
        (0.5, "edge"),
        (0.6, "diverging"),
    ],
)
def test_regimes_of_a_quadratic(alpha, name):
    assert fl.regime(fl.Quadratics([4], [[1, 1]]).step_multipliers(alpha)) == name


# The problem is a value: it copies what it is given and cannot be changed.
def test_problem_is_frozen():
    curvatures, optima, counts = np.ones((2, 2, 2)) + np.eye(2), np.ones((2, 2)), np.ones(2)
    problem = fl.Quadratics(curvatures, optima, counts)
    for given_, kept in [
        (curvatures, problem.curvatures),
        (optima, problem.optima),
        (counts, problem.counts),
    ]:
        assert not np.shares_memory(given_, kept)
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 0
    with pytest.raises(AttributeError):
        problem.optima = optima
    assert optima.flags.writeable


def quadratics(*shape):
    return fl.Quadratics(np.ones(shape[0]), np.zeros(shape))


# Wrong input is refused in words that say what was given.
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fl.Quadratics([1], [1]), ValueError, "optima has shape (1,); expected (N, d)"),
        (
            lambda: fl.Quadratics([1, 2, 3], [[0, 0], [1, 1]]),
            ValueError,
            "curvatures has shape (3,); expected (2,), (2, 2) or (2, 2, 2)",
        ),
        (
            lambda: fl.Quadratics([[[1, 2], [0, 1]]], [[0, 0]]),
            ValueError,
            "curvatures[0] is not symmetric",
        ),
        (
            lambda: fl.Quadratics([np.eye(2) * 1e12, [[1, 0.5], [-0.4, 1]]], [[0, 0], [0, 0]]),
            ValueError,
            "curvatures[1] is not symmetric",
        ),
        (
            lambda: fl.Quadratics([[[1, 3], [3, 9]]], [[0, 0]]),
            ValueError,
            "expected > 0, and not 0 to rounding",
        ),
        (
            lambda: fl.Quadratics([1, -2], [[0], [0]]),
            ValueError,
            "curvatures[1] has the eigenvalue -2; expected > 0",
        ),
        (lambda: fl.Quadratics([0], [[0]]), ValueError, "curvatures[0] has the eigenvalue 0"),
        (
            lambda: fl.Quadratics([[[1, 2], [2, 1]]], [[0, 0]]),
            ValueError,
            "curvatures[0] has the eigenvalue -1",
        ),
        (
            lambda: fl.Quadratics([1, np.nan], [[0], [0]]),
            ValueError,
            "curvatures holds nan at index (1,) (participant 1)",
        ),
        (
            lambda: fl.Quadratics([1], [[0]], counts=[1, 2]),
            ValueError,
            "counts has shape (2,), optima has 1 participants",
        ),
        (lambda: fl.Quadratics([1], [[0]], counts=[0]), ValueError, "counts sum to 0"),
        (lambda: fl.Quadratics([1], [[0]], counts=[2.5]), ValueError, "counts[0] is 2.5"),
        (lambda: quadratics(2, 2).loss([1]), ValueError, "theta has shape (1,); expected (..., 2)"),
        (lambda: quadratics(2, 2).loss(1), ValueError, "theta has shape (); expected (..., 2)"),
        (lambda: quadratics(2, 2).loss([1, np.inf]), ValueError, "theta holds inf at index (1,)"),
        (
            lambda: quadratics(2, 2).gradients(np.zeros((3, 2))),
            ValueError,
            "theta has shape (3, 2); expected (2,) or (2, 2)",
        ),
        (
            lambda: quadratics(2, 2).optimum([1, 2, 3]),
            ValueError,
            "weights has shape (3,), the problem has 2 participants",
        ),
        (lambda: quadratics(2, 2).step_factor(-1), ValueError, "alpha is -1; expected a number >="),
        (
            lambda: quadratics(2, 2).fedavg_factor(0, 1),
            ValueError,
            "alpha is 0; expected a number >",
        ),
        (lambda: quadratics(2, 2).fedavg_factor(1, 0), ValueError, "local_steps is 0; expected an"),
        (
            lambda: quadratics(2, 2).fedavg_fixed_point(1, 1, mu=-1),
            ValueError,
            "mu is -1; expected a number >=",
        ),
        (
            lambda: quadratics(2, 2).scaffold_factor(1, 0),
            ValueError,
            "local_steps is 0; expected an",
        ),
        (
            lambda: quadratics(2, 2).scaffold_factor(10, 1000),
            ValueError,
            "1000 local steps with alpha 10.0 overflow float64",
        ),
        (
            lambda: quadratics(2, 2).fedavg_factor(10, 1000),
            ValueError,
            "1000 local steps with alpha 10.0 overflow float64",
        ),
        (
            lambda: quadratics(2, 2).fedavg_fixed_point(2, 2),
            ValueError,
            "FedAvg has no single fixed point at alpha 2, local_steps 2",
        ),
        (
            lambda: quadratics(2, 3).loss_grid([0], [0]),
            ValueError,
            "the problem has 3 dimensions; loss_grid needs 2",
        ),
        (
            lambda: quadratics(2, 2).loss_grid([[0]], [0]),
            ValueError,
            "x has shape (1, 1); expected one axis",
        ),
        (lambda: fl.regime(np.nan), ValueError, "multipliers holds nan; expected finite numbers"),
        (lambda: fl.regime([]), ValueError, "multipliers is empty"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
