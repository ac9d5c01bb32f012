"""Laws of the simulation of federated algorithms on quadratic participants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedlearn_edu as fl
from fedlearn_edu.federation.quadratics import participation

pytestmark = pytest.mark.filterwarnings("error")


def make_problem(seed=0, n=4, d=2):
    """Quadratics with full matrices, unequal counts, and eigenvalues between 0.5 and 2."""
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.normal(size=(n, d, d)))[0]
    hessians = turns * rng.uniform(0.5, 2, (n, 1, d)) @ turns.transpose(0, 2, 1)
    hessians = (hessians + hessians.transpose(0, 2, 1)) / 2
    return fl.Quadratics(hessians, rng.uniform(-3, 3, (n, d)), rng.integers(1, 50, n))


def by_the_book(
    problem, theta, history, alpha, local_steps, weights, factor, convention, unscale, codec,
    algorithm,
):  # fmt: skip
    """The papers' algorithms, participant by participant, on the history's choice of them."""
    thetas, paths, arrivals, bits = [np.array(theta, float)], [], [], []
    mu, controlled = getattr(algorithm, "mu", 0), isinstance(algorithm, fl.Scaffold)
    c, own = np.zeros_like(problem.optima[0]), np.zeros_like(problem.optima)
    for present in history.took_part:
        here = thetas[-1]
        path = np.full((problem.participants, local_steps + 1, problem.dimension), np.nan)
        arrived = np.full((problem.participants, problem.dimension), np.nan)
        sent_bits, total, change = 0, sum(weights[present]), np.zeros(problem.dimension)
        c_after = c.copy()
        for i in np.flatnonzero(present):
            path[i, 0] = here
            for e in range(local_steps):
                slope = problem.curvatures[i] @ (path[i, e] - problem.optima[i])
                slope = slope + mu * (path[i, e] - here)
                if controlled:
                    slope = slope - own[i] + c
                path[i, e + 1] = path[i, e] - alpha * slope
            sent = path[i, -1] - here
            if convention == "each":
                sent = factor * sent
            payload = (codec or fl.Cast()).encode(sent)
            sent_bits += payload.bits
            arrived[i] = (codec or fl.Cast()).decode(payload)
            change = change + weights[i] / total * arrived[i]
            if controlled:
                new = own[i] - c + (here - path[i, -1]) / (local_steps * alpha)
                payload = (codec or fl.Cast()).encode(new - own[i])
                sent_bits += payload.bits
                share = weights[i] / sum(weights)
                c_after = c_after + share * (codec or fl.Cast()).decode(payload)
                own[i] = new
        c = c_after
        if convention != "each":
            change = change * factor
        if convention == "sum":
            change = change * present.sum()
        if unscale:
            change = change / factor
        thetas.append(here + change)
        paths.append(path)
        arrivals.append(arrived)
        bits.append(sent_bits)
    return thetas, paths, arrivals, bits


# The simulation is the paper's algorithm, whatever the options.
@settings(max_examples=120)
@given(
    seed=st.integers(0, 999),
    n=st.integers(1, 6),
    d=st.integers(1, 3),
    local_steps=st.integers(1, 4),
    by_hand=st.booleans(),
    factor=st.floats(0.2, 2),
    convention=st.sampled_from(["each", "mean", "sum"]),
    unscale=st.booleans(),
    codec=st.sampled_from([None, fl.Cast("float64"), fl.Scaling(4.0)]),
    fraction=st.floats(0.1, 1),
    dropout=st.sampled_from([0.0, 0.3, 0.9]),
    algorithm=st.sampled_from([None, fl.FedAvg(), fl.FedProx(0.7), fl.Scaffold()]),
)
def test_simulation_is_by_the_book(
    seed, n, d, local_steps, by_hand, factor, convention, unscale, codec, fraction, dropout,
    algorithm,
):  # fmt: skip
    problem = make_problem(seed, n, d)
    weights = np.arange(1.0, n + 1) if by_hand else None
    theta = np.linspace(-1, 2, d)
    history = fl.simulate(
        problem, theta, 3, 0.1, local_steps=local_steps, weights=weights, factor=factor,
        convention=convention, unscale=unscale, codec=codec, fraction=fraction, dropout=dropout,
        rng=np.random.default_rng(seed), algorithm=algorithm,
    )  # fmt: skip
    thetas, paths, arrivals, bits = by_the_book(
        problem, theta, history, 0.1, local_steps, weights if by_hand else problem.counts,
        factor, convention, unscale, codec, algorithm,
    )  # fmt: skip
    close = {"rtol": 1e-11, "atol": 1e-11}
    np.testing.assert_allclose(history.theta, thetas, **close)
    np.testing.assert_allclose(history.local, paths, **close)
    np.testing.assert_allclose(history.arrived, arrivals, **close)
    np.testing.assert_array_equal(history.bits, bits)
    assert history.local.shape == (3, n, local_steps + 1, d)
    assert (history.diverged, history.cause, history.rounds) == (None, None, 3)


# Through a lossy codec each participant's update arrives as `round_trip` says, bit for bit.
@pytest.mark.parametrize(
    "codec",
    [
        fl.Cast("float16"),
        fl.Cast("bfloat16"),
        fl.Cast("int4", scale="max"),
        fl.Scaling(64.0, then=fl.Cast("int8")),
    ],
)
def test_codec_is_applied_to_each(codec):
    problem = make_problem(1)
    history = fl.simulate(
        problem, [2, -2], 5, 0.2, local_steps=3, codec=codec, convention="each", factor=0.5
    )
    for t in range(5):
        for i in range(4):
            sent = 0.5 * (history.local[t, i, -1] - history.theta[t])
            np.testing.assert_array_equal(history.arrived[t, i], fl.round_trip(codec, sent))
    np.testing.assert_array_equal(history.bits, [4 * codec.bits((2,))] * 5)


# Every local path starts at the server's θ, to the last bit.
def test_local_paths_start_at_theta():
    history = fl.simulate(make_problem(11), [0.1, -0.7], 6, 0.1, local_steps=2)
    for t, starts in enumerate(history.local[:, :, 0]):
        np.testing.assert_array_equal(starts, np.tile(history.theta[t], (4, 1)))


# A codec from elsewhere needs no more than encode, decode and the bits of its payloads.
def test_foreign_codec():
    class Halve:
        def encode(self, update):
            return fl.Cast("float32").encode(update / 2)

        def decode(self, payload):
            return fl.Cast("float32").decode(payload)

    history = fl.simulate(fl.Quadratics([1, 1], [[4], [8]]), [0], 1, 0.5, codec=Halve())
    np.testing.assert_array_equal(history.arrived[0], [[1], [2]])
    assert history.theta[1] == 1.5
    assert history.bits[0] == 2 * (16 + 32 + 32)


# FedSGD follows θ_t = θ* + (I − αλH)ᵗ (θ_0 − θ*), the exact curve.
@pytest.mark.parametrize(("alpha", "factor"), [(0.1, 1.0), (0.5, 0.3), (0.3, 4.0)])
def test_fedsgd_follows_the_closed_form(alpha, factor):
    problem = make_problem(2)
    history = fl.simulate(problem, [5, -4], 30, alpha, factor=factor)
    best, rate = problem.optimum(), np.eye(2) - alpha * factor * problem.curvature()
    for t, theta in enumerate(history.theta):
        exact = best + np.linalg.matrix_power(rate, t) @ (np.array([5, -4]) - best)
        np.testing.assert_allclose(theta, exact, atol=1e-12)


# FedAvg comes to rest at its closed-form fixed point, not at the optimum.
@pytest.mark.parametrize("local_steps", [2, 5, 20])
def test_fedavg_ends_at_its_fixed_point(local_steps):
    problem = make_problem(3)
    history = fl.simulate(problem, [5, -4], 200, 0.1, local_steps=local_steps)
    fixed = problem.fedavg_fixed_point(0.1, local_steps)
    np.testing.assert_allclose(history.theta[-1], fixed, atol=1e-12)
    assert history.distance[-1] > 1e-3


# FedProx comes to rest at its own closed-form fixed point; without μ it is FedAvg, to the bit.
@pytest.mark.parametrize("mu", [0.3, 2.0])
def test_fedprox_ends_at_its_fixed_point(mu):
    problem = make_problem(3)
    options = {"alpha": 0.1, "local_steps": 20}
    history = fl.simulate(problem, [5, -4], 300, algorithm=fl.FedProx(mu), **options)
    fixed = problem.fedavg_fixed_point(0.1, 20, mu=mu)
    np.testing.assert_allclose(history.theta[-1], fixed, atol=1e-12)
    fedavg = problem.fedavg_fixed_point(0.1, 20)
    assert np.linalg.norm(fixed - fedavg) > 0.01
    none, plain = (fl.simulate(problem, [5, -4], 3, algorithm=a, **options)
                   for a in (fl.FedProx(0), None))  # fmt: skip
    np.testing.assert_array_equal(none.theta, plain.theta)


# SCAFFOLD ends at the optimum, whoever takes part.
@pytest.mark.parametrize("fraction", [1, 0.5])
def test_scaffold_ends_at_the_optimum(fraction):
    history = fl.simulate(
        make_problem(3), [5, -4], 400, 0.1, algorithm=fl.Scaffold(), local_steps=20,
        fraction=fraction, rng=np.random.default_rng(0),
    )  # fmt: skip
    assert history.distance[-1] < 1e-6


# In the long run SCAFFOLD's error shrinks by its exact factor a round.
@pytest.mark.parametrize("local_steps", [20, 40])
def test_rate_of_scaffold(local_steps):
    problem = fl.Quadratics([1, 3], [[0], [4]])
    history = fl.simulate(problem, [5], 60, 0.1, algorithm=fl.Scaffold(), local_steps=local_steps)
    factor = problem.scaffold_factor(0.1, local_steps)
    assert history.distance[60] / history.distance[59] == pytest.approx(factor, rel=1e-3)


# With one local step, or with equal curvatures, SCAFFOLD's corrections cancel in the mean: its θ
# is FedAvg's.  And so it is in every first round, when there is nothing to correct yet.
def test_when_scaffold_is_fedavg():
    equal = fl.Quadratics([[1, 2]] * 3, [[0, 1], [4, 0], [-2, -2]], counts=[1, 5, 2])
    cases = [(make_problem(4), 1, 20), (equal, 7, 20), (make_problem(4), 7, 1)]
    for problem, local_steps, rounds in cases:
        one, other = (
            fl.simulate(problem, [3, 3], rounds, 0.1, local_steps=local_steps, algorithm=a)
            for a in (fl.FedAvg(), fl.Scaffold())
        )
        np.testing.assert_allclose(one.theta, other.theta, atol=1e-13)


# Where some take part at a time, FedAvg of equal weights trembles about its fixed point: the mean
# of many rounds is there (5 standard errors).
def test_some_participants_end_at_the_fixed_point_on_average():
    problem = fl.Quadratics([0.5, 1, 3], [[0], [4], [9]])
    rng = np.random.default_rng(0)
    history = fl.simulate(problem, [0], 41_000, 0.2, local_steps=5, fraction=0.34, rng=rng)
    blocks = history.theta[1001:, 0].reshape(400, 100).mean(axis=1)
    error = blocks.std(ddof=1) / np.sqrt(len(blocks))
    assert abs(blocks.mean() - problem.fedavg_fixed_point(0.2, 5)[0]) < 5 * error < 0.2


# In the long run the error shrinks by the exact factor a round.
def test_rate_is_the_exact_factor():
    problem = make_problem(4)
    history = fl.simulate(problem, [50, -40], 60, 0.1, local_steps=4, factor=0.5)
    errors = np.linalg.norm(history.theta - problem.fedavg_fixed_point(0.1, 4), axis=1)
    factor = problem.fedavg_factor(0.1, 4, scale=0.5)
    assert errors[60] / errors[59] == pytest.approx(factor, rel=1e-3)
    assert (errors[1:] <= errors[:-1] * factor * (1 + 1e-9)).all()


# Without a cast, λ on each update and λ on the mean are the same; on the sum it is N times more.
def test_conventions():
    problem = make_problem(5)
    run = {
        name: fl.simulate(problem, [1, 1], 1, 0.1, factor=0.3, convention=name).step[0]
        for name in ("each", "mean", "sum")
    }
    np.testing.assert_allclose(run["each"], run["mean"], rtol=1e-14)
    np.testing.assert_allclose(run["sum"], 4 * run["mean"], rtol=1e-14)


# λ and then 1/λ is nothing in exact arithmetic; before a narrow cast it makes a difference.
def test_unscaling():
    problem = make_problem(6)

    def end(**options):
        return fl.simulate(problem, [3, 3], 20, 0.2, **options).theta[-1]

    scaled = {"factor": 64.0, "convention": "each", "unscale": True}
    np.testing.assert_array_equal(end(), end(**scaled))
    rough, fine = end(codec=fl.Cast("int8")), end(codec=fl.Cast("int8"), **scaled)
    assert np.linalg.norm(fine - end()) < 0.05 < np.linalg.norm(rough - end())


# Equal weights and weights by size lead to the optimum of the loss so weighted.
def test_weights_choose_the_optimum():
    problem = make_problem(7)
    for weights in (None, [1, 1, 1, 1], [0, 3, 1, 0]):
        history = fl.simulate(problem, [0, 0], 300, 0.3, weights=weights)
        np.testing.assert_allclose(history.theta[-1], problem.optimum(weights), atol=1e-12)
        used = problem.weights if weights is None else np.array(weights) / sum(weights)
        np.testing.assert_allclose(history.weights, np.tile(used, (300, 1)), rtol=1e-15)


# Loss and distance are those of the pooled problem at every θ; the step is their difference.
def test_derived_columns():
    problem = make_problem(8)
    history = fl.simulate(problem, [4, 4], 6, 0.1, weights=[1, 2, 3, 4])
    best = problem.optimum()
    for t, theta in enumerate(history.theta):
        assert history.loss[t] == pytest.approx(problem.loss(theta), rel=1e-13)
        assert history.distance[t] == pytest.approx(np.hypot(*(theta - best)), rel=1e-13)
    np.testing.assert_array_equal(history.step, history.theta[1:] - history.theta[:-1])


# Each round samples max(1, round(C·N)) participants; those that took part are among them.
@pytest.mark.parametrize(
    ("fraction", "chosen"), [(0.01, 1), (0.25, 2), (0.5, 5), (0.96, 10), (1, 10)]
)
def test_number_sampled(fraction, chosen):
    rng = np.random.default_rng(0)
    sampled, took_part = participation(40, 10, fraction=fraction, dropout=0.3, rng=rng)
    assert (sampled.sum(axis=1) == chosen).all()
    assert not (took_part & ~sampled).any()
    assert 0 < took_part.sum() < sampled.sum()


# Participants are sampled alike often, and drop out as often as they should (4 standard errors).
def test_sampling_is_fair():
    rng = np.random.default_rng(1)
    sampled, took_part = participation(20_000, 5, fraction=0.4, dropout=0.25, rng=rng)
    assert abs(sampled.mean(axis=0) - 0.4).max() < 4 * np.sqrt(0.4 * 0.6 / 20_000)
    kept = took_part.sum() / sampled.sum()
    assert abs(kept - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 40_000)


# On one seed a larger C adds participants, a larger dropout removes some, more rounds add rounds.
def test_one_seed_is_one_story():
    def run(rounds, **options):
        return participation(rounds, 8, rng=np.random.default_rng(5), **options)

    few, more = run(30, fraction=0.25)[0], run(30, fraction=0.75)[0]
    assert (few & more).sum() == few.sum() < more.sum()
    rare, often = run(30, dropout=0.2)[1], run(30, dropout=0.6)[1]
    assert (often & rare).sum() == often.sum() < rare.sum()
    np.testing.assert_array_equal(run(10, fraction=0.25)[0], few[:10])


# The same seed gives the same history, another seed another one.
def test_seed():
    problem = make_problem(9)

    def run(seed):
        rng = np.random.default_rng(seed)
        return fl.simulate(problem, [3, 3], 9, 0.1, fraction=0.5, dropout=0.2, rng=rng)

    np.testing.assert_array_equal(run(1).local, run(1).local)
    assert (run(1).took_part != run(2).took_part).any()


# The weights are renormalised over those that took part.
def test_weights_are_renormalised():
    problem = fl.Quadratics([1, 1, 1], [[0], [1], [2]], counts=[1, 2, 5])
    rng = np.random.default_rng(0)
    history = fl.simulate(problem, [0], 50, 0.1, fraction=0.67, rng=rng)
    for present, weights in zip(history.took_part, history.weights, strict=True):
        expected = np.where(present, [1, 2, 5], 0)
        np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-15)
    assert len(np.unique(history.weights, axis=0)) == 3


# If everybody drops out, or those left have no weight, the round changes nothing.
def test_empty_rounds():
    problem = make_problem(10)
    gone = fl.simulate(problem, [1, 2], 4, 0.1, dropout=1, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(gone.theta, np.tile([1.0, 2.0], (5, 1)))
    assert gone.bits.tolist() == [0] * 4
    assert gone.sampled.all()
    assert np.isnan(gone.local).all()
    assert np.isnan(gone.arrived).all()
    mute = fl.simulate(
        problem, [1, 2], 30, 0.1, fraction=0.25, weights=[1, 0, 0, 0], rng=np.random.default_rng(0)
    )
    for present, step in zip(mute.took_part, mute.step, strict=True):
        assert step.any() == present[0]


# No round is a history too: the start alone.
def test_no_rounds():
    history = fl.simulate(make_problem(), [1, 2], 0, 0.1)
    assert history.theta.tolist() == [[1, 2]]
    assert history.local.shape == (0, 4, 2, 2)
    assert history.diverged is None


# At twice the edge the error doubles each round, and the history ends before θ leaves the limit.
@pytest.mark.parametrize("limit", [100, 1e9])
def test_divergence_ends_the_history(limit):
    problem = fl.Quadratics([1], [[0]])
    history = fl.simulate(problem, [1], 100, 3, limit=limit)
    last = int(np.floor(np.log2(limit)))
    assert history.theta[:, 0].tolist() == [(-2.0) ** t for t in range(last + 1)]
    assert (history.diverged, history.cause) == (last + 1, "limit")
    lengths = {
        name: len(getattr(history, name))
        for name in ("local", "sampled", "took_part", "arrived", "weights", "step", "bits")
    }
    assert set(lengths.values()) == {last}
    assert len(history.loss) == len(history.distance) == last + 1
    assert repr(history) == (
        f"History(rounds={last}, participants=1, dimension=1, diverged={last + 1})"
    )


# On the edge the error keeps its size for ever, which is no divergence.
def test_the_edge_is_no_divergence():
    history = fl.simulate(fl.Quadratics([1], [[0]]), [1], 100, 2)
    assert history.theta[:, 0].tolist() == [(-1.0) ** t for t in range(101)]
    assert history.diverged is None


# A local path that overflows and an update that the codec destroys are named as what they are.
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"alpha": 100.0, "local_steps": 200}, "local"),
        ({"alpha": 0.5, "codec": fl.Scaling(1e6, then=fl.Cast("float16"))}, "codec"),
        ({"alpha": 1e150, "codec": fl.Scaling(1e200, then=fl.Cast("bfloat16"))}, "codec"),
        ({"alpha": 1e200}, "limit"),
        ({"alpha": 1e300, "factor": 1e300}, "limit"),
    ],
)
def test_causes_of_divergence(options, cause):
    history = fl.simulate(fl.Quadratics([1, 2], [[5], [7]]), [0], 10, **options)
    assert (history.diverged, history.cause) == (1, cause)
    assert history.theta.tolist() == [[0]]


# Someone who is absent does no harm: a participant whose local path overflows ends the history
# in the first round in which it takes part.
def test_the_absent_do_no_harm():
    problem = fl.Quadratics([1, 1e150], [[1], [1]])
    options = {"fraction": 0.5, "rng": np.random.default_rng(2)}
    history = fl.simulate(problem, [0], 20, 0.5, local_steps=3, **options)
    sampled, _ = participation(20, 2, fraction=0.5, rng=np.random.default_rng(2))
    first = 1 + int(np.argmax(sampled[:, 1]))
    assert first > 2
    assert (history.diverged, history.cause) == (first, "local")
    assert history.theta[:, 0].tolist() == [1 - 0.125**t for t in range(first)]


# The history cannot be changed, and the start that was passed in is left alone.
def test_history_is_frozen():
    theta = np.array([1.0, 2.0])
    history = fl.simulate(make_problem(), theta, 3, 0.1)
    assert theta.tolist() == [1, 2]
    assert not np.shares_memory(history.theta, theta)
    with pytest.raises(ValueError, match="read-only"):
        history.theta[0] = 0
    with pytest.raises(AttributeError):
        history.theta = theta


def run(theta=(0, 0), rounds=1, alpha=0.1, **options):
    return fl.simulate(make_problem(), theta, rounds, alpha, **options)


# Wrong input is refused in words that say what was given.
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: run(theta=[0]), ValueError, "theta has shape (1,); expected (2,)"),
        (lambda: run(theta=[[0, 0]]), ValueError, "theta has shape (1, 2); expected (2,)"),
        (lambda: run(theta=[0, np.nan]), ValueError, "theta holds nan at index (1,)"),
        (lambda: run(theta=[1e10, 0]), ValueError, "theta has the norm 1e+10, above limit 1000000"),
        (lambda: run(theta=[1e300, 1e300]), ValueError, "theta has the norm inf, above limit"),
        (lambda: run(rounds=-1), ValueError, "rounds is -1; expected an integer >= 0"),
        (lambda: run(rounds=1.5), TypeError, "rounds is 1.5 (float); expected an integer"),
        (lambda: run(alpha=0), ValueError, "alpha is 0; expected a number > 0"),
        (lambda: run(local_steps=0), ValueError, "local_steps is 0; expected an integer >= 1"),
        (lambda: run(algorithm=fl.FedNova()), TypeError, "algorithm is FedNova(); expected FedAvg"),
        (lambda: run(factor=0), ValueError, "factor is 0; expected a number > 0"),
        (lambda: run(factor="1"), TypeError, "factor is '1' (str); expected a real number"),
        (lambda: run(convention="max"), ValueError, "convention is 'max'; expected"),
        (lambda: run(rounds=0, convention="max"), ValueError, "convention is 'max'; expected"),
        (lambda: run(limit=0), ValueError, "limit is 0; expected a number > 0"),
        (
            lambda: run(weights=[1, 2]),
            ValueError,
            "weights has shape (2,), the problem has 4 participants",
        ),
        (lambda: run(fraction=0), ValueError, "fraction is 0; expected a number > 0"),
        (lambda: run(fraction=1.1), ValueError, "fraction is 1.1; expected a number <= 1"),
        (lambda: run(dropout=-0.1), ValueError, "dropout is -0.1; expected a number >= 0"),
        (lambda: run(dropout=2), ValueError, "dropout is 2.0; expected a number <= 1"),
        (
            lambda: run(dropout=0.5),
            ValueError,
            "fraction is 1.0, dropout is 0.5, rng is None; expected a numpy.random.Generator",
        ),
        (lambda: run(fraction=0.5), ValueError, "fraction is 0.5, dropout is 0.0, rng is None"),
        (lambda: run(rng=7), TypeError, "rng is 7; expected a numpy.random.Generator"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
