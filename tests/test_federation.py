"""Laws of federated training; the fast engine against the readable one, and both against theory."""

import itertools
import pickle
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fedlearn_edu as fl
from fedlearn_edu import models
from fedlearn_edu.aggregation import weighted_mean
from fedlearn_edu.compression import Cast, Scaling
from fedlearn_edu.federation import engine as fast
from fedlearn_edu.federation import mixing
from fedlearn_edu.federation.chance import Chance, shuffled
from fedlearn_edu.federation.engine import gradient_weights
from fedlearn_edu.federation.mixing import Mixer
from fedlearn_edu.federation.reference import steps_norm

pytestmark = pytest.mark.filterwarnings("error")
N = 7


def make(counts, seed=0, inputs=5, classes=3):
    """A federation with so many examples each; labels have something to do with inputs."""
    rng = np.random.default_rng(seed)
    n = sum(counts)
    y = rng.integers(0, classes, n)
    x = rng.normal(size=(n, inputs)) + np.eye(classes, inputs)[y]
    parts = np.split(rng.permutation(n), np.cumsum(counts)[:-1])
    return fl.Federation(x, y, parts, x[:10], y[:10])


RAGGED = make([1, 9, 4, 1, 16, 6, 3])
EQUAL = make([8] * N)


def start(sizes=(5, 4, 3), dtype="float64", seed=1):
    return models.init(sizes, np.random.default_rng(seed), dtype)


def go(plan, rounds=3, federation=RAGGED, engine="fast", theta=None, seed=2, **options):
    rng = np.random.default_rng(seed)
    return fl.train(federation, plan, theta or start(), rounds, rng, engine=engine, **options)


def assert_same(one, other, tolerance=1e-12):
    for a, b in zip(one.theta, other.theta, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def assert_twins(plan, tolerance=1e-12, **options):
    """Fast and readable engine give the same θ, memory, updates on their way, bits and history."""
    quick, plain = (go(plan, engine=name, **options) for name in ("fast", "reference"))
    assert (quick.diverged, quick.cause, quick.round) == (plain.diverged, plain.cause, plain.round)
    assert_same(quick, plain, tolerance)
    for name, rows in plain.state.memory.items():
        np.testing.assert_allclose(quick.state.memory[name], rows, rtol=0, atol=10 * tolerance)
        assert quick.state.memory[name].dtype == rows.dtype
    assert len(quick.state.late) == len(plain.state.late)
    for name in ("bits_up", "bits_down", "rounds"):
        np.testing.assert_array_equal(getattr(quick.history, name), getattr(plain.history, name))
    np.testing.assert_allclose(quick.history.loss, plain.history.loss, atol=10 * tolerance)
    return quick


ALGORITHMS = {
    "FedAvg": fl.FedAvg(),
    "FedSGD": fl.FedSGD(),
    "Centralised": fl.Centralised(),
    "FedProx": fl.FedProx(mu=0.5),
    "SCAFFOLD": fl.Scaffold(),
    "FedNova": fl.FedNova(),
    "FedAdam": fl.FedAdam(),
    "FedYogi": fl.FedYogi(),
    "Gossip": fl.Gossip(fl.graphs.ring(N)),
}
OPTIONS = {
    "none": {},
    "small batches": {"batch": 3},
    "epochs": {"batch": 4, "epochs": 3},
    "full batches": {"epochs": 3},
    "momentum": {"batch": 3, "momentum": 0.9},
    "schedule": {"batch": 3, "alpha": fl.Staircase(0.2, 0.5, 1)},
    "sampling": {"batch": 3, "fraction": 0.4},
    "dropout": {"batch": 3, "dropout": 0.4},
    "all gone": {"batch": 3, "dropout": 1.0},
    "late": {"batch": 3, "stragglers": fl.Stragglers(0.5, delay=1)},
    "very late": {"batch": 3, "stragglers": fl.Stragglers(0.9, delay=2)},
    "partial": {"batch": 3, "epochs": 2, "stragglers": fl.Stragglers(0.6, partial=True)},
    "equal weights": {"batch": 3, "weights": "equal"},
    "given weights": {"batch": 3, "weights": (1, 0, 2, 3, 0, 1, 1)},
    "factor on each": {"batch": 3, "factor": 0.3, "convention": "each"},
    "factor on the mean": {"batch": 3, "factor": 0.3},
    "factor on the sum": {"batch": 3, "factor": 0.3, "convention": "sum"},
    "factor undone": {"batch": 3, "factor": 0.3, "convention": "each", "unscale": True},
    "up": {"batch": 3, "up": Cast("float16")},
    "down": {"batch": 3, "down": Cast("bfloat16")},
    "up and down": {"batch": 3, "up": Cast("int8", scale="max"), "down": Cast("float16")},
    "scaled codec": {"batch": 3, "factor": 8.0, "convention": "each", "unscale": True,
                     "up": Scaling(100, then=Cast("int8"))},
    "everything": {"batch": 3, "epochs": 2, "momentum": 0.5, "fraction": 0.7, "dropout": 0.2,
                   "stragglers": fl.Stragglers(0.5, delay=1, partial=True), "up": Cast("float32"),
                   "weights": "equal", "factor": 0.5},
}  # fmt: skip


def plan_of(algorithm, options):
    """The plan, or None if the two do not go together; FedSGD takes no mini-batches."""
    if isinstance(algorithm, fl.FedSGD):
        options = {k: v for k, v in options.items() if k not in ("batch", "epochs", "momentum")}
    try:
        return fl.Plan(algorithm, **options)
    except ValueError as error:
        assert "with " in str(error)  # noqa: PT017 -- the refusal is not what is tested here
        return None


# For every algorithm and option the engine equals the reference, from the same seed.
@pytest.mark.parametrize(("name", "option"), list(itertools.product(ALGORITHMS, OPTIONS)))
def test_engine_is_the_reference(name, option):
    plan = plan_of(ALGORITHMS[name], OPTIONS[option])
    if plan is None:
        pytest.skip(f"{name} refuses {option}")
    lossy = OPTIONS[option].keys() & {"up", "down"}
    assert_twins(plan, rounds=4, tolerance=1e-6 if lossy else 1e-12)


@st.composite
def settings_of_a_run(draw):
    """Any participants with any algorithm and any options that go together."""
    counts = draw(st.lists(st.integers(1, 12), min_size=1, max_size=6))
    algorithm = draw(st.sampled_from([*ALGORITHMS.values()]))
    if isinstance(algorithm, fl.Gossip):
        algorithm = fl.Gossip(fl.graphs.ring(len(counts)))
    weights = draw(st.lists(st.integers(0, 3), min_size=len(counts), max_size=len(counts)))
    options = {
        "alpha": draw(st.sampled_from([0.01, 0.2, fl.Cosine(0.3, 0.1, 2)])),
        "epochs": draw(st.integers(1, 3)),
        "batch": draw(st.none() | st.integers(1, 13)),
        "momentum": draw(st.sampled_from([0.0, 0.5])),
        "fraction": draw(st.sampled_from([1.0, 0.5])),
        "dropout": draw(st.sampled_from([0.0, 0.3])),
        "stragglers": draw(
            st.none() | st.builds(fl.Stragglers, st.just(0.5), st.integers(0, 2), st.booleans())
        ),
        "weights": draw(st.sampled_from(["size", "equal", weights if any(weights) else "size"])),
        "factor": draw(st.sampled_from([1.0, 0.5])),
        "convention": draw(st.sampled_from(["each", "mean", "sum"])),
        "unscale": draw(st.booleans()),
    }
    return counts, plan_of(algorithm, options), draw(st.integers(0, 99))


# So it does for any participants and any options together.
@given(settings_of_a_run())
@settings(max_examples=120)
def test_engine_is_the_reference_everywhere(drawn):
    counts, plan, seed = drawn
    if plan is not None:
        assert_twins(plan, 1e-10, federation=make(counts), rounds=3, seed=seed)


# So it does for models of any depth, in float32 to its precision.
@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (5, 4, 6, 3)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
def test_depths_and_types(name, sizes, dtype, tolerance):
    plan = plan_of(ALGORITHMS[name], {"batch": 3, "alpha": 0.05})
    run = assert_twins(plan, tolerance, theta=start(sizes, dtype), rounds=3)
    assert {layer.dtype.name for layer in run.theta} == {dtype}


# However the participants are cut into blocks and the steps into chunks, the result is the same.
@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize(("block", "chunk"), [(1, 1), (700, 9), (10**6, 3)])
def test_blocks_do_not_matter(name, block, chunk, monkeypatch):
    monkeypatch.setattr(fast, "BLOCK_BYTES", block)
    monkeypatch.setattr(fast, "CHUNK_SLOTS", chunk)
    monkeypatch.setattr(fast, "MOST_VIEWS", 2)
    options = {"batch": 2, "epochs": 2, "momentum": 0.5}
    assert_twins(plan_of(ALGORITHMS[name], options), rounds=2)


# Ragged sizes, one example each, one participant, and a thousand: the engines agree.
@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"Gossip"}))
@pytest.mark.parametrize("counts", [[1], [20], [1] * 5, [1, 30, 2]], ids=str)
def test_sizes(name, counts):
    assert_twins(plan_of(ALGORITHMS[name], {"batch": 4}), federation=make(counts), rounds=2)


# A thousand participants, some with one example, work like seven.
@pytest.mark.parametrize("name", ["FedAvg", "SCAFFOLD", "FedProx"])
def test_a_thousand(name):
    counts = np.random.default_rng(0).integers(1, 4, 1000).tolist()
    assert_twins(plan_of(ALGORITHMS[name], {"batch": 2}), federation=make(counts), rounds=1)


# FedAvg with one full-batch step is FedSGD, and both are a gradient step on the pooled loss.
def test_fedavg_is_fedsgd():
    one, other = go(fl.Plan(fl.FedAvg(), alpha=0.3)), go(fl.Plan(fl.FedSGD(), alpha=0.3))
    assert_same(one, other)
    theta = start()
    for _ in range(3):
        g = models.gradient(theta, RAGGED.x, RAGGED.y)
        theta = [a - 0.3 * b for a, b in zip(theta, g, strict=True)]
    for a, b in zip(one.theta, theta, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


# Centralised SGD with full batches is gradient descent on the pooled loss, too.
def test_centralised_is_gradient_descent():
    assert_same(go(fl.Plan(fl.Centralised(), alpha=0.3)), go(fl.Plan(fl.FedSGD(), alpha=0.3)))


# FedProx with μ = 0 is FedAvg.
def test_fedprox_without_mu():
    options = {"batch": 3, "epochs": 2, "momentum": 0.5}
    assert_same(go(fl.Plan(fl.FedProx(0.0), **options)), go(fl.Plan(fl.FedAvg(), **options)))


# A large μ holds participants back: the server moves less, the larger μ is.
def test_fedprox_holds():
    def moved(mu):
        run = go(fl.Plan(fl.FedProx(mu), epochs=8, alpha=0.1), rounds=1)
        return sum(((a - b) ** 2).sum() for a, b in zip(run.theta, start(), strict=True))

    assert moved(0.0) > moved(1.0) > moved(5.0)


# SCAFFOLD is FedAvg where all participants have the same examples.
def test_scaffold_on_equal_data():
    x, y = RAGGED.of(4)
    same = fl.Federation(x, y, [np.arange(len(y))] * 4)
    options = {"epochs": 3, "alpha": 0.2}
    scaffold = go(fl.Plan(fl.Scaffold(), **options), federation=same)
    assert_same(scaffold, go(fl.Plan(fl.FedAvg(), **options), federation=same))


# SCAFFOLD's c is the weighted mean of the c_i, and each c_i the mean gradient of its last round.
def test_scaffold_controls():
    run = go(fl.Plan(fl.Scaffold(), alpha=0.2), rounds=1)
    c, own = run.state.memory["c"], run.state.memory["c_i"]
    weights = RAGGED.counts / RAGGED.counts.sum()
    np.testing.assert_allclose(c, weights @ own, atol=1e-15)
    g = models.gradient(start(), *RAGGED.of(1))
    np.testing.assert_allclose(own[1], run._packing.pack(g), atol=1e-13)


# Where FedAvg with many local steps rests off the optimum, SCAFFOLD comes closer to it.
def test_scaffold_takes_out_drift():
    options = {"epochs": 20, "alpha": 0.3}
    theta = start((5, 3))
    best = go(fl.Plan(fl.FedSGD(), alpha=1.0), rounds=3000, theta=theta, every=0).theta

    def distance(algorithm):
        run = go(fl.Plan(algorithm, **options), rounds=400, theta=theta, every=0)
        return np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(run.theta, best, strict=True)))

    assert distance(fl.Scaffold()) < 0.2 * distance(fl.FedAvg())


# FedNova is FedAvg where all make equally many steps.
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_fednova_with_equal_steps(momentum):
    options = {"batch": 3, "epochs": 2, "momentum": momentum, "federation": EQUAL}
    federation = options.pop("federation")
    nova = go(fl.Plan(fl.FedNova(), **options), federation=federation)
    assert_same(nova, go(fl.Plan(fl.FedAvg(), **options), federation=federation))


# ‖a‖₁ by FedNova's closed form is the sum of the weights of the gradients, found by experiment.
@pytest.mark.parametrize(("momentum", "mu"), [(0.0, 0.0), (0.9, 0.0), (0.0, 2.0), (0.5, 2.0)])
def test_gradient_weights(momentum, mu):
    alpha, steps = 0.1, 6

    def displacement(pulse):
        theta = velocity = 0.0
        for s in range(steps):
            velocity = momentum * velocity + (s == pulse) + mu * theta
            theta -= alpha * velocity
        return -theta / alpha

    found = [displacement(steps - 1 - j) for j in range(steps)]
    np.testing.assert_allclose(gradient_weights(steps, alpha, momentum, mu), found, rtol=1e-12)
    if not mu:
        assert steps_norm(steps, momentum) == pytest.approx(sum(found))


# Near β = 1 a gradient counts once for every step after it: 1 + 2 + 3, to the last digits.
def test_gradient_weights_near_one():
    for momentum in (1 - 1e-6, 1 - 1e-9, 1 - 2**-53):
        near = 20 * (1 - momentum) + 1e-15
        assert steps_norm(3, momentum) == pytest.approx(6, rel=near)
        np.testing.assert_allclose(gradient_weights(3, 0.1, momentum, 0), [1, 2, 3], rtol=near)


# In its first round FedAdam moves each parameter by η (1 − β₁)Δ/(√(β₂τ² + (1 − β₂)Δ²) + τ).
def test_fedadam_first_round():
    a = fl.FedAdam(rate=0.05, beta1=0.8, beta2=0.9, tau=0.01)
    step = [b - t for b, t in zip(go(fl.Plan(batch=3), 1).theta, start(), strict=True)]
    for new, old, d in zip(go(fl.Plan(a, batch=3), 1).theta, start(), step, strict=True):
        v = 0.9 * 0.01**2 + 0.1 * d**2
        np.testing.assert_allclose(new, old + 0.05 * 0.2 * d / (np.sqrt(v) + 0.01), atol=1e-14)


# Yogi's v moves towards Δ² by (1 − β₂)Δ², whichever way it lies.
def test_fedyogi_first_round():
    a = fl.FedYogi(rate=0.05, beta1=0.0, beta2=0.9, tau=0.01)
    step = [b - t for b, t in zip(go(fl.Plan(batch=3), 1).theta, start(), strict=True)]
    for new, old, d in zip(go(fl.Plan(a, batch=3), 1).theta, start(), step, strict=True):
        v = np.where(d**2 > 1e-4, 1e-4 + 0.1 * d**2, np.where(d == 0, 1e-4, 1e-4 - 0.1 * d**2))
        np.testing.assert_allclose(new, old + 0.05 * d / (np.sqrt(v) + 0.01), atol=1e-14)


# Gossip on the complete graph with weights 1/N is FedAvg with equal weights, round by round.
def test_gossip_on_the_complete_graph():
    options = {"batch": 3, "epochs": 2}
    gossip = go(fl.Plan(fl.Gossip(fl.graphs.complete(N)), **options))
    assert_same(gossip, go(fl.Plan(weights="equal", **options)))
    for layer in gossip.models:
        np.testing.assert_allclose(layer, layer[:1].repeat(N, 0), atol=1e-14)


# Gossip with nobody to talk to is each learning alone, as a federation of one would.
def test_alone():
    run = go(fl.Plan(fl.Gossip(fl.graphs.alone(N)), alpha=0.2))
    assert not run.history.bits_up.any()
    own = fl.Federation(*RAGGED.of(4), [np.arange(16)])
    solo = go(fl.Plan(alpha=0.2), federation=own)
    for layer, a in zip(run.models, solo.theta, strict=True):
        np.testing.assert_allclose(layer[4], a, atol=1e-13)


# Edge by edge or as one product, mixing is the same, whoever is there.
@pytest.mark.parametrize("option", ["none", "dropout", "all gone", "sampling", "up"])
def test_sparse_mixing(option, monkeypatch):
    plan = fl.Plan(fl.Gossip(fl.graphs.random(N, 0.4, np.random.default_rng(0))), **OPTIONS[option])
    tolerance = 1e-6 if option == "up" else 1e-12
    assert not Mixer(plan.algorithm.mixing, 39, float).sparse
    assert_twins(plan, rounds=4, tolerance=tolerance)
    monkeypatch.setattr(mixing, "EDGE", 0)
    monkeypatch.setattr(mixing, "ROW", 0)
    assert Mixer(plan.algorithm.mixing, 39, float).sparse
    assert_twins(plan, rounds=4, tolerance=tolerance)


# A ring of a thousand goes edge by edge, a complete graph does not.
def test_when_mixing_is_sparse():
    assert Mixer(fl.graphs.ring(1000), 4810, np.float32).sparse
    assert not Mixer(fl.graphs.complete(200), 4810, np.float32).sparse


# Mixing keeps the mean of the models, whoever drops out.
def test_mixing_keeps_the_mean():
    matrix = fl.graphs.ring(N)
    options = {"alpha": 0.2, "dropout": 0.4}
    mixed = go(fl.Plan(fl.Gossip(matrix), **options), rounds=1)
    apart = go(fl.Plan(fl.Gossip(fl.graphs.alone(N)), **options), rounds=1)
    assert_same(mixed, apart)


GRAPHS = {
    "complete": fl.graphs.complete(6),
    "ring": fl.graphs.ring(6),
    "pair": fl.graphs.ring(2),
    "one": fl.graphs.ring(1),
    "torus": fl.graphs.torus(3, 4),
    "flat torus": fl.graphs.torus(1, 5),
    "random": fl.graphs.random(9, 0.4, np.random.default_rng(0)),
    "line": fl.graphs.line(6),
    "one in a line": fl.graphs.line(1),
    "star": fl.graphs.star(6),
    "barbell": fl.graphs.barbell(7),
    "one in a barbell": fl.graphs.barbell(1),
    "alone": fl.graphs.alone(4),
}


# Every mixing matrix is symmetric, non-negative and doubly stochastic.
@pytest.mark.parametrize("name", GRAPHS)
def test_mixing_matrices(name):
    m = GRAPHS[name]
    assert (m >= 0).all()
    np.testing.assert_array_equal(m, m.T)
    np.testing.assert_allclose(m.sum(axis=0), 1, atol=1e-15)
    assert fl.Gossip(m).mixing.shape == m.shape


# The gap of a ring is that of its circulant matrix, (2/3)(1 − cos 2π/N) for N ≥ 5.
def test_gap_of_a_ring():
    assert fl.graphs.gap(fl.graphs.ring(8)) == pytest.approx(2 / 3 * (1 - np.cos(np.pi / 4)))
    assert fl.graphs.gap(fl.graphs.ring(1)) == 1


# Lines and stars are I − L/3 and I − L/N with the graph's Laplacian L, whose eigenvalues are known.
def test_gaps_of_lines_and_stars():
    assert fl.graphs.gap(fl.graphs.line(8)) == pytest.approx(2 / 3 * (1 - np.cos(np.pi / 8)))
    assert fl.graphs.gap(fl.graphs.star(8)) == pytest.approx(1 / 8)


# A barbell is two complete graphs and one edge, without which it falls apart.
def test_barbell():
    m = fl.graphs.barbell(7)
    pairs = np.argwhere(np.triu(m, 1)).tolist()
    assert len(pairs) == 4 * 3 / 2 + 3 * 2 / 2 + 1
    assert fl.graphs.gap(m) > 0.01
    pairs.remove([3, 4])
    assert fl.graphs.gap(fl.graphs.mixing(pairs, 7)) == pytest.approx(0)


# The order of the participants does not matter where each makes one step on all it has.
@pytest.mark.parametrize("name", ["FedAvg", "FedSGD", "SCAFFOLD", "FedNova", "FedAdam"])
def test_permutation(name):
    order = np.random.default_rng(0).permutation(N)
    ends = np.cumsum(RAGGED.counts)
    parts = [np.arange(ends[i] - RAGGED.counts[i], ends[i]) for i in order]
    mixed = fl.Federation(RAGGED.x, RAGGED.y, parts, RAGGED.x_test, RAGGED.y_test)
    options = {} if name == "FedSGD" else {"epochs": 2}
    plan = fl.Plan(ALGORITHMS[name], alpha=0.2, **options)
    assert_same(go(plan), go(plan, federation=mixed))


# A participant of weight zero might as well not be there.
def test_weight_zero():
    parts = [np.arange(0, 4), np.arange(4, 9), np.arange(9, 20)]
    three = fl.Federation(RAGGED.x, RAGGED.y, parts)
    two = fl.Federation(RAGGED.x, RAGGED.y, parts[:2])
    zero = go(fl.Plan(epochs=2, weights=(4, 5, 0)), federation=three)
    assert_same(zero, go(fl.Plan(epochs=2), federation=two))


# λ on the mean is a step of λ times the length; undone by the server it is no λ at all.
def test_factor():
    plain = go(fl.Plan(batch=3), 1).theta
    scaled = go(fl.Plan(batch=3, factor=0.25), 1).theta
    undone = go(fl.Plan(batch=3, factor=0.25, convention="each", unscale=True), 1).theta
    for a, b, c, old in zip(plain, scaled, undone, start(), strict=True):
        np.testing.assert_allclose(b - old, 0.25 * (a - old), atol=1e-15)
        np.testing.assert_allclose(c, a, atol=1e-14)


# One round is the weighted mean of models that each participant trained by itself.
def test_round_is_the_weighted_mean():
    run, chance = go(fl.Plan(batch=3, alpha=0.2), 1), Chance(np.random.default_rng(2))
    [cohort], trained = chance.draw(range(1), RAGGED.counts, 1, 3), []
    for i in range(N):
        theta = start()
        for rows in cohort.batches(i):
            g = models.gradient(theta, RAGGED.x[rows], RAGGED.y[rows])
            theta = [a - 0.2 * b for a, b in zip(theta, g, strict=True)]
        trained.append(theta)
    for a, b in zip(run.theta, weighted_mean(trained, RAGGED.counts), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


# The models that can be watched are those of the round: whoever took part had one, and their
# weighted mean is the next θ, for each algorithm that averages models.
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("name", ["FedAvg", "FedProx", "SCAFFOLD"])
@pytest.mark.parametrize("option", ["epochs", "momentum", "sampling", "dropout", "given weights",
                                    "partial", "down", "none"])  # fmt: skip
def test_watched_models(name, option, engine):
    plan, keep = plan_of(ALGORITHMS[name], OPTIONS[option]), ("participation", "weights")
    runs = [
        fl.Run(RAGGED, plan, start(), np.random.default_rng(3), keep=keep, watch=i, engine=engine)
        for i in range(N)
    ]
    histories = [run.advance(4).history for run in runs]
    history, weights = histories[0], plan.weights_of(RAGGED.counts)
    for t, (before, after) in enumerate(itertools.pairwise(history.weights)):
        local = [other.watched[t] for other in histories]
        there = np.array([model is not None for model in local])
        np.testing.assert_array_equal(there, history.took_part[t])
        mean = before
        if weights[there].sum():
            shares = weights[there] / weights[there].sum()
            mean = weighted_mean([model for model in local if model is not None], shares)
        if plan.down:  # θ stays exact at the server, and moves as those move who got it rounded
            arrived = [plan.down.decode(plan.down.encode(layer)) for layer in before]
            mean = [m + b - a for m, a, b in zip(mean, arrived, before, strict=True)]
        for a, b in zip(after, mean, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


# To watch somebody changes nothing else.
@pytest.mark.parametrize("option", OPTIONS)
def test_watching_changes_nothing(option):
    plan = plan_of(ALGORITHMS["FedAvg"], OPTIONS[option])
    runs = [fl.Run(RAGGED, plan, start(), np.random.default_rng(3), watch=i) for i in (None, 2)]
    for a, b in zip(*(run.advance(3).theta for run in runs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


# With gossip a local model starts from the participant's own, and mixing it gives the next ones.
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_watched_models_of_gossip(engine):
    graph = fl.graphs.ring(N)
    plan = fl.Plan(fl.Gossip(graph), batch=3)
    runs = [
        fl.Run(RAGGED, plan, start(), np.random.default_rng(3), watch=i, engine=engine)
        for i in range(N)
    ]
    for _ in range(3):
        for run in runs:
            run.step()
        local = [run.history.watched[-1] for run in runs]
        for depth, layer in enumerate(runs[0].models):
            mixed = np.tensordot(graph, np.stack([model[depth] for model in local]), axes=1)
            np.testing.assert_allclose(layer, mixed, rtol=0, atol=1e-12)


# Where there is no local model it is not made up: a wrong question is an error.
def test_nobody_to_watch():
    for name in ("FedSGD", "Centralised"):
        plan = fl.Plan(ALGORITHMS[name])
        with pytest.raises(ValueError, match=f"watch is 0; with {name} there are no local models"):
            fl.Run(RAGGED, plan, start(), np.random.default_rng(0), watch=0)
    with pytest.raises(ValueError, match="watch is 7; there are 7 participants"):
        fl.Run(RAGGED, fl.Plan(), start(), np.random.default_rng(0), watch=7)
    with pytest.raises(TypeError, match="watch"):
        fl.Run(RAGGED, fl.Plan(), start(), np.random.default_rng(0), watch="first")
    run = fl.Run(RAGGED, fl.Plan(alpha=1e308, epochs=9), start(), np.random.default_rng(0), watch=1)
    assert not run.step()
    assert run.history.watched == []


# Bits are exact: what the codec's payloads hold, for each that is sent something or sends.
def test_bits():
    shapes = [(5, 4), (4,), (4, 3), (3,)]
    model = sum(8 * (2 + 4 * len(s)) + 32 * int(np.prod(s)) for s in shapes)
    half = sum(8 * (2 + 4 * len(s)) + 16 * int(np.prod(s)) for s in shapes)
    theta = start(dtype="float32")
    for algorithm, times in ((fl.FedAvg(), 1), (fl.Scaffold(), 2)):
        h = go(fl.Plan(algorithm, up=Cast("float16")), theta=theta).history
        assert h.bits_up.tolist() == [times * N * half] * 3
        assert h.bits_down.tolist() == [times * N * model] * 3
        np.testing.assert_array_equal(
            h.bytes_total, np.arange(1, 4) * times * N * (half + model) / 8
        )
    ring = go(fl.Plan(ALGORITHMS["Gossip"], up=Cast("float16")), theta=theta).history
    assert ring.bits_up.tolist() == [2 * N * half] * 3
    assert not ring.bits_down.any()
    moved = go(fl.Plan(fl.Centralised()), theta=theta).history
    assert moved.bits_up.tolist() == [40 * (5 * 32 + 8), 0, 0]


# Who drops out was sent the model but sends nothing; who is late is counted when it arrives.
def test_bits_of_the_absent():
    gone = go(fl.Plan(dropout=1.0)).history
    assert gone.bits_down.all()
    assert not gone.bits_up.any()
    late = go(fl.Plan(stragglers=fl.Stragglers(1.0, delay=2)), rounds=4).history
    assert (late.bits_up > 0).tolist() == [False, False, True, True]


# Nobody arrives, nothing moves.
@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"Centralised", "Gossip"}))
def test_nobody(name):
    run = go(fl.Plan(ALGORITHMS[name], dropout=1.0))
    assert_same(run, types.SimpleNamespace(theta=start()), 0)


# Updates that are all late by two rounds arrive unchanged: θ stays, then moves as it would have.
def test_late():
    slow = go(fl.Plan(batch=3, stragglers=fl.Stragglers(1.0, delay=2)), rounds=3, keep=("weights",))
    prompt = go(fl.Plan(batch=3), rounds=1)
    for before, old in zip(slow.history.weights[2], start(), strict=True):
        np.testing.assert_array_equal(before, old)
    assert_same(slow, prompt)


class Sloppy:
    """A codec that offers no more than it must: it rounds to halves, in eight bits a value."""

    def encode(self, update):
        self.sent = np.rint(2 * update)
        return types.SimpleNamespace(bits=8 * update.size, values=self.sent)

    def decode(self, payload):
        return payload.values / 2


# Any object with `encode` and `decode` is a codec.
@pytest.mark.parametrize("name", ["FedAvg", "SCAFFOLD", "Gossip"])
def test_any_codec(name):
    run = assert_twins(fl.Plan(ALGORITHMS[name], batch=3, alpha=2.0, up=Sloppy()), 1e-9)
    assert run.history.bits_up[0] % (8 * 39) == 0


# Each epoch meets each example of a participant once, and in another order than the last.
def test_epochs_are_permutations():
    [cohort] = Chance(np.random.default_rng(0)).draw(range(1), np.array([5, 1, 40]), 3, 7)
    assert cohort.order.shape == (3 * 46,)
    for j, (a, b) in enumerate(((0, 5), (5, 6), (6, 46))):
        rows = np.concatenate(cohort.batches(j)).reshape(3, b - a)
        for epoch in rows:
            assert sorted(epoch.tolist()) == list(range(a, b))
    assert len({tuple(epoch) for epoch in rows.tolist()}) == 3


# Every order is equally likely: χ² of the six orders of three examples.
def test_orders_are_uniform():
    numbers = np.random.default_rng(0).bit_generator.random_raw(18000)
    orders = shuffled(np.full(6000, 3), numbers, np.arange(0, 18000, 3)).reshape(-1, 3) % 3
    _, found = np.unique(orders, axis=0, return_counts=True)
    assert len(found) == 6
    assert ((found - 1000) ** 2 / 1000).sum() < 20.5


# With the same seed a larger C adds participants, and a larger dropout takes some away, in every
# round and whatever else the plans do.
def test_luck_is_shared():
    def cohorts(batch=2, **options):
        return Chance(np.random.default_rng(0)).draw(range(4), np.full(20, 3), 1, batch, **options)

    for few, many in zip(cohorts(fraction=0.2), cohorts(3, fraction=0.6), strict=True):
        assert set(few.sampled) < set(many.sampled)
        assert (len(few.sampled), len(many.sampled)) == (4, 12)
    for few, many in zip(cohorts(dropout=0.6), cohorts(3, dropout=0.2), strict=True):
        assert set(few.active) < set(many.active)
    people = [tuple(cohort.sampled) for cohort in cohorts(fraction=0.5)]
    assert len(set(people)) == 4


# A round's luck is the same, drawn alone or ahead with others.
@pytest.mark.parametrize("batch", [None, 2])
def test_rounds_drawn_ahead(batch):
    slow = fl.Stragglers(0.5, delay=1, partial=True)

    def draw(rounds):
        chance = Chance(np.random.default_rng(0))
        return chance.draw(rounds, RAGGED.counts, 2, batch, 0.6, 0.3, slow)

    for t, ahead in enumerate(draw(range(9))):
        [alone] = draw([t])
        for name in ("sampled", "active", "counts", "steps", "late", "order"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(ahead, name))


# Too many examples for 64-bit keys are refused.
def test_too_many():
    counts = np.broadcast_to(np.int64(2**26), (2**22,))
    with pytest.raises(ValueError, match="too many to shuffle"):
        shuffled(counts, np.empty(0, np.uint64), np.arange(0, 2**48, 2**26))


# Stepping, advancing, and stopping and resuming by a pickled state give the same run.
@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_resume(name, engine):
    late = {"stragglers": fl.Stragglers(0.5, delay=1)}
    plan = plan_of(ALGORITHMS[name], {"batch": 3, **late}) or fl.Plan(ALGORITHMS[name], batch=3)
    whole = go(plan, 5, engine=engine)
    begun = go(plan, 2, engine=engine)
    assert begun.step()
    state = pickle.loads(pickle.dumps(begun.state))
    resumed = fl.Run.resume(RAGGED, plan, start(), state, engine=engine)
    resumed.advance(2)
    begun.advance(2)
    for run in (begun, resumed):
        assert run.round == 5
        assert_same(run, whole, 0)
    assert resumed.history.rounds.tolist() == [3, 4, 5]


# A run that one engine began, the other can finish.
@pytest.mark.parametrize("name", ALGORITHMS)
def test_engines_share_states(name):
    plan = plan_of(ALGORITHMS[name], {"batch": 3, "fraction": 0.5}) or fl.Plan(ALGORITHMS[name])
    begun = go(plan, 2, engine="reference")
    finished = fl.Run.resume(RAGGED, plan, start(), begun.state).advance(2)
    assert_same(finished, go(plan, 4))


# A state belongs to its run alone: going on changes neither an earlier state nor the caller's θ.
def test_states_are_copies():
    theta = start()
    run = fl.Run(RAGGED, fl.Plan(fl.Scaffold(), batch=3), theta, np.random.default_rng(2))
    run.advance(1)
    state = run.state
    before = pickle.dumps((state.theta, state.memory))
    run.advance(2)
    assert pickle.dumps((state.theta, state.memory)) == before
    for a, b in zip(theta, start(), strict=True):
        np.testing.assert_array_equal(a, b)


# The history holds what the model does: loss, accuracy, each participant's, weights, what it
# predicts, who took part.
@pytest.mark.parametrize("name", ["FedAvg", "Gossip", "Centralised"])
def test_history(name):
    keep = ("locals", "weights", "participation", "predictions")
    run = go(fl.Plan(ALGORITHMS[name], batch=3), 5, every=2, keep=keep)
    h = run.history
    assert h.rounds.tolist() == [0, 2, 4]
    for k, theta in enumerate(h.weights):
        assert h.loss[k] == pytest.approx(models.loss(theta, RAGGED.x_test, RAGGED.y_test))
        assert h.accuracy[k] == models.accuracy(theta, RAGGED.x_test, RAGGED.y_test)
        np.testing.assert_array_equal(h.predictions[k], models.predict(theta, RAGGED.x_test))
    assert h.local_loss.shape == h.local_accuracy.shape == (3, N)
    again = go(fl.Plan(ALGORITHMS[name], batch=3), 4, every=0)
    own = [[layer[2] for layer in again.models] if name == "Gossip" else again.theta][0]
    assert h.local_loss[2, 2] == pytest.approx(models.loss(own, *RAGGED.of(2)))
    assert h.local_accuracy[2, 2] == models.accuracy(own, *RAGGED.of(2))
    assert h.took_part.all()
    assert repr(h) == f"TrainingHistory(rounds=5, accuracy={h.accuracy[-1]:.3f})"
    assert repr(again.history) == "TrainingHistory(rounds=4, accuracy=none)"


# Where scores are equal the first class counts as predicted, in a history too.
def test_accuracy_of_ties():
    federation = fl.Federation(np.eye(4), [0, 1, 2, 0], [[0, 1], [2, 3]])
    theta = [np.zeros((4, 3)), np.array([0.0, 0.0, -1.0])]
    history = fl.Run(
        federation, fl.Plan(), theta, np.random.default_rng(0), keep=["locals"]
    ).history
    assert history.accuracy.tolist() == [0.5]
    assert history.local_accuracy.tolist() == [[0.5, 0.5]]


# Divergence ends a run with its round and cause, keeps the last finite θ, and warns of nothing.
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"alpha": 1e3, "epochs": 30, "limit": 1e4}, "limit"),
        ({"alpha": 1e300, "batch": 1, "epochs": 9, "limit": 1e308}, "local"),
        ({"alpha": 1e6, "up": Cast("float16"), "limit": 1e12}, "codec"),
        ({"alpha": 1e6, "down": Cast("float16"), "limit": 1e12}, "codec"),
    ],
)
def test_divergence(engine, options, cause):
    run = go(fl.Plan(**options), 50, engine=engine)
    assert run.cause == cause
    assert run.diverged == run.round + 1 == len(run.history.bits_up) + 1
    assert all(np.isfinite(layer).all() for layer in run.theta)
    assert np.isfinite(run.history.accuracy).all()
    assert run.step() is False
    assert run.advance(3).round == run.diverged - 1


# The round that could not be finished leaves nothing behind: θ, what the algorithm remembers and
# what is on its way are as they were before it.
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("options", [{"alpha": 40.0, "limit": 300.0}, {"alpha": 1e200}])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_round_that_diverges_is_undone(name, options, engine):
    adaptive = {"FedAdam": fl.FedAdam(rate=100), "FedYogi": fl.FedYogi(rate=100)}
    late = {} if name in ("Gossip", "Centralised") else {"stragglers": fl.Stragglers(0.5, delay=1)}
    plan = fl.Plan(adaptive.get(name, ALGORITHMS[name]), **options, **late)
    run = fl.Run(RAGGED, plan, start(), np.random.default_rng(0), every=0, engine=engine)
    before = run.state
    for _ in range(200):
        if not run.step():
            break
        before = run.state
    after = run.state
    assert after.diverged == before.round + 1
    np.testing.assert_array_equal(after.theta, before.theta)
    for key, rows in before.memory.items():
        np.testing.assert_array_equal(after.memory[key], rows)
    assert [(one.due, one.participant) for one in after.late] == [
        (one.due, one.participant) for one in before.late
    ]
    if name == "Gossip":
        for mean, own in zip(run.theta, run.models, strict=True):
            np.testing.assert_allclose(mean, own.mean(axis=0), rtol=1e-12)


# With SCAFFOLD the server's c stays the weighted mean of the c_i, whatever the codec makes of the
# changes: both sides add what arrives.
@pytest.mark.parametrize("engine", ["fast", "reference"])
@pytest.mark.parametrize("codec", [Cast("int4", scale="max"), Cast("int8", step=0.01), None])
def test_scaffold_controls_with_a_codec(codec, engine):
    plan = fl.Plan(fl.Scaffold(), alpha=0.3, epochs=5, up=codec)
    memory = go(plan, 30, engine=engine, every=0).state.memory
    weights = RAGGED.counts / RAGGED.counts.sum()
    np.testing.assert_allclose(memory["c"], weights @ memory["c_i"], rtol=0, atol=1e-12)
    assert np.abs(memory["c"]).max() > 1e-3


# A learning rate that falls until nothing moves is the end of the training, not of the run.
@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_scaffold_comes_to_rest(engine):
    plan = fl.Plan(fl.Scaffold(), alpha=fl.Staircase(0.1), batch=3)
    run = go(plan, 200, theta=start(dtype="float32"), engine=engine, every=0)
    assert run.diverged is None
    assert all(np.isfinite(rows).all() for rows in run.state.memory.values())


# A bar is shown only if tqdm is there and the rounds take more than a second.
@pytest.mark.parametrize("seconds", [0.0, 2.0])
def test_progress(monkeypatch, seconds):
    bars = []

    class Bar:
        def __init__(self, total, initial, **_):
            self.done, self.total = initial, total
            bars.append(self)

        def update(self):
            self.done += 1

        def close(self):
            self.closed = True

    clock = itertools.count(0, seconds)
    monkeypatch.setattr("fedlearn_edu.federation.runs.time.perf_counter", lambda: next(clock))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(auto=sys.modules["tqdm.auto"]))
    go(fl.Plan(), 5, every=0)
    assert [(bar.done, bar.total, bar.closed) for bar in bars] == [(5, 5, True)] * bool(seconds)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert go(fl.Plan(), 2, every=0).round == 2


# The learning rate follows its schedule, and what gives no rate is named.
def test_schedules():
    cosine = fl.Cosine(0.3, 0.1, rounds=10)
    assert [cosine(t) for t in (0, 5, 10, 99)] == pytest.approx([0.3, 0.2, 0.1, 0.1])
    assert fl.Plan(alpha=fl.Staircase(0.1)).alpha_at(5000) > 0
    with pytest.raises(ValueError, match=r"alpha\(1100\) is inf"):
        fl.Plan(alpha=fl.Staircase(0.1, factor=2)).alpha_at(1100)
    with pytest.raises(ValueError, match=r"alpha\(2\) is 0"):
        fl.Plan(alpha=lambda t: 2 - t).alpha_at(2)


# A schedule is asked about a round when that begins, so that a list of rates may end with the run.
@pytest.mark.parametrize("algorithm", [fl.FedAvg(), fl.FedProx(0.1), fl.Scaffold()])
def test_schedules_are_not_asked_ahead(algorithm):
    rates = [0.3, 0.2, 0.1]
    plan = fl.Plan(algorithm, alpha=rates.__getitem__)
    runs = [go(plan, 0, engine=engine) for engine in ("fast", "reference")]
    for run in runs:
        assert [run.step() for _ in rates] == [True] * 3
        with pytest.raises(IndexError):
            run.step()
    assert_same(*runs)


X, Y = [[1.0], [2.0]], [0, 1]


# A federation that cannot be is refused, and the words say why.
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((X, Y, []), ValueError, "parts is empty"),
        ((X, Y, [[0], []]), ValueError, "participant 1 has no example"),
        ((X, Y, [[0], [2]]), ValueError, "participant 1 has the row 2; there are 2"),
        ((X, Y, [[0.5]]), TypeError, "part of participant 0"),
        (([1.0], Y, [[0]]), ValueError, r"x has shape \(1,\)"),
        ((X, [0], [[0]]), ValueError, r"y has shape \(1,\), x has 2 examples"),
        ((X, [0.0, 1.0], [[0]]), TypeError, "y has dtype float64"),
        ((X, [0, -1], [[0]]), ValueError, "the label -1"),
        ((X, Y, [[0]], X), ValueError, "x_test and y_test go together"),
        ((X, Y, [[0]], [[1.0, 2.0]], [0]), ValueError, "x_test has 2 inputs, x has 1"),
    ],
)
def test_wrong_federation(arguments, error, words):
    with pytest.raises(error, match=words):
        fl.Federation(*arguments)


# A plan that cannot be is refused, and the words say why.
@pytest.mark.parametrize(
    ("make_it", "error", "words"),
    [
        (lambda: fl.Plan("FedAvg"), TypeError, "algorithm is 'FedAvg'"),
        (lambda: fl.Plan(alpha=0), ValueError, "alpha is 0"),
        (lambda: fl.Plan(epochs=0), ValueError, "epochs is 0"),
        (lambda: fl.Plan(batch=0), ValueError, "batch is 0"),
        (lambda: fl.Plan(momentum=1.0), ValueError, "momentum is 1.0"),
        (lambda: fl.Plan(fraction=0.0), ValueError, "fraction is 0.0"),
        (lambda: fl.Plan(fraction=1.5), ValueError, "fraction is 1.5"),
        (lambda: fl.Plan(dropout=2), ValueError, "dropout is 2"),
        (lambda: fl.Plan(stragglers=0.5), TypeError, "stragglers is 0.5"),
        (lambda: fl.Plan(weights="none"), ValueError, "weights is 'none'"),
        (lambda: fl.Plan(weights=(1, -1)), ValueError, r"weights\[1\] is -1.0"),
        (lambda: fl.Plan(convention="all"), ValueError, "convention is 'all'"),
        (lambda: fl.Plan(up="int8"), TypeError, "up is 'int8'"),
        (lambda: fl.Plan(fl.FedSGD(), batch=8), ValueError, "batch is 8; with FedSGD"),
        (lambda: fl.Plan(fl.Centralised(), fraction=0.5), ValueError, "fraction is 0.5"),
        (lambda: fl.Plan(ALGORITHMS["Gossip"], weights="equal"), ValueError, "with Gossip"),
        (lambda: fl.FedProx(-1), ValueError, "mu is -1"),
        (lambda: fl.FedAdam(rate=0), ValueError, "rate is 0"),
        (lambda: fl.FedAdam(beta2=1), ValueError, "beta2 is 1"),
        (lambda: fl.Stragglers(2), ValueError, "share is 2"),
        (lambda: fl.Stragglers(0.5, partial=1), TypeError, "partial is 1"),
        (lambda: fl.Gossip([1.0]), ValueError, r"mixing has shape \(1,\)"),
        (lambda: fl.Gossip([[0.5]]), ValueError, "row 0 of mixing sums to 0.5"),
        (lambda: fl.Gossip([[0, 1], [0, 1]]), ValueError, r"\[0, 1\] is 1 and mixing\[1, 0\] is 0"),
        (lambda: fl.Gossip([[2, -1], [-1, 2]]), ValueError, r"mixing\[0, 1\] is -1"),
        (lambda: fl.Gossip([["1"]]), TypeError, "mixing has dtype"),
        (
            lambda: fl.Plan(ALGORITHMS["Gossip"], convention="sum"),
            ValueError,
            "convention is 'sum'",
        ),
        (lambda: fl.Plan(ALGORITHMS["Gossip"], unscale=True), ValueError, "unscale is True"),
        (
            lambda: fl.Plan(fl.FedSGD(), stragglers=fl.Stragglers(0.5, partial=True)),
            ValueError,
            "partial is True; with FedSGD",
        ),
        (lambda: fl.Plan(up=fl.Cast), TypeError, "up is <class"),
        (lambda: fl.Plan(weights=[[1, 2], [3, 4]]), ValueError, r"weights has shape \(2, 2\)"),
        (lambda: fl.graphs.mixing([(0, 0)], 2), ValueError, r"edge \(0, 0\)"),
        (lambda: fl.graphs.random(3, 2, np.random.default_rng(0)), ValueError, "probability is 2"),
        (lambda: fl.graphs.random(3, 1, 7), TypeError, "rng is 7"),
    ],
)
def test_wrong_plan(make_it, error, words):
    with pytest.raises(error, match=words):
        make_it()


# A run whose parts do not fit together is refused, and the words say why.
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"federation": 7}, TypeError, "federation is int"),
        ({"plan": "FedAvg"}, TypeError, "plan is str"),
        ({"engine": "slow"}, ValueError, "engine is 'slow'"),
        ({"keep": ("all",)}, ValueError, "keep is"),
        ({"keep": "locals"}, ValueError, "keep is 'locals'"),
        ({"every": -1}, ValueError, "every is -1"),
        ({"rng": 7}, TypeError, "rng is 7"),
        ({"rounds": 1.5}, TypeError, "rounds is 1.5"),
        ({"theta": start((4, 3))}, ValueError, "theta takes 4 inputs, the examples have 5"),
        ({"theta": start((5, 2))}, ValueError, "theta knows 2 classes"),
        ({"plan": fl.Plan(fl.Gossip(fl.graphs.ring(3)))}, ValueError, "graph joins 3"),
        ({"plan": fl.Plan(weights=(1, 2))}, ValueError, "has 7 participants"),
    ],
)
def test_wrong_run(change, error, words):
    arguments = {"federation": RAGGED, "plan": fl.Plan(), "theta": start(), "rounds": 1,
                 "rng": np.random.default_rng(0), **change}  # fmt: skip
    with pytest.raises(error, match=words):
        fl.train(**arguments)


# A state of another run is refused.
def test_wrong_state():
    slow = fl.Plan(stragglers=fl.Stragglers(1.0, delay=2))
    under_way = go(slow, 2).state
    with pytest.raises(ValueError, match="14 updates on their way"):
        fl.Run.resume(RAGGED, fl.Plan(), start(), under_way)
    assert fl.Run.resume(RAGGED, slow, start(), under_way).advance(1).round == 3
    state = go(fl.Plan(), 1).state
    with pytest.raises(TypeError, match="state is dict"):
        fl.Run.resume(RAGGED, fl.Plan(), start(), {})
    with pytest.raises(ValueError, match="state has 39 parameters"):
        fl.Run.resume(RAGGED, fl.Plan(), start((5, 3)), state)
    with pytest.raises(ValueError, match=r"remembers \{\}"):
        fl.Run.resume(RAGGED, fl.Plan(fl.Scaffold()), start(), state)


# Plans are values: equal if they say the same, hashable, and changed by `replace`.
def test_plans_are_values():
    plan = fl.Plan(fl.FedProx(0.1), weights=[1, 2])
    assert plan == fl.Plan(fl.FedProx(0.1), weights=(1, 2))
    assert hash(plan) == hash(replace(plan))
    assert replace(plan, epochs=5).epochs == 5


# A hundred participants learn real digits: 0.9 of the test images after 60 rounds.
def test_digits():
    data, rng = fl.data.digits(), np.random.default_rng(0)
    federation = fl.Federation.from_data(data, fl.data.dirichlet(data.y_train, 100, 0.5, rng))
    theta = models.init((64, 64, 10), rng)
    run = fl.train(federation, fl.Plan(batch=8), theta, 60, rng, every=60)
    assert run.history.accuracy[-1] > 0.9
