"""PyTorch and NumPy compute the same, from the same weights and the same order of the data."""

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu import data, models
from fedlearn_edu import federation as fed

torch = pytest.importorskip("torch")
from fedlearn_edu.torch_models import TorchModel, TorchRun, perceptron, transposed  # noqa: E402

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("error:::fedlearn_edu")
SHAPES = [(64, 10), (64, 32, 10), (64, 16, 12, 10)]


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def pair(sizes, dtype="float64", seed=0):
    """θ for `models`, the same model in PyTorch, and its θ."""
    theta = models.init(sizes, np.random.default_rng(seed), dtype)
    model = TorchModel(perceptron(theta))
    return theta, model, model.theta()


def convolutional(dtype=torch.float64, seed=0):
    """A small convolutional network, whose gradients `models` does not know."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 3, dtype=dtype),
        nn.GroupNorm(2, 4, dtype=dtype),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(144, 10, dtype=dtype),
    )


# Autograd's gradient is `models.gradient`: two derivations of one formula, to float64's rounding.
@pytest.mark.parametrize("sizes", SHAPES)
def test_gradients_are_those_of_the_numpy_model(digits, sizes):
    theta, model, own = pair(sizes)
    x, y = digits.x_train[:50], digits.y_train[:50]
    ours, theirs = models.gradient(theta, x, y), transposed(model.gradient(own, x, y))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-14)


# Scores, losses, probabilities, predictions and accuracy are those of the NumPy model.
@pytest.mark.parametrize("sizes", SHAPES)
def test_outputs_are_those_of_the_numpy_model(digits, sizes):
    theta, model, own = pair(sizes)
    x, y = digits.x_test, digits.y_test
    for name in ("logits", "probabilities"):
        ours, theirs = getattr(models, name)(theta, x), getattr(model, name)(own, x)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        models.losses(theta, x, y), model.losses(own, x, y), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(models.predict(theta, x), model.predict(own, x))
    assert models.loss(theta, x, y) == pytest.approx(model.loss(own, x, y), abs=1e-12)
    assert models.accuracy(theta, x, y) == model.accuracy(own, x, y)


# After 60 steps of SGD the two are within 1e-5 of one another, in float32 too.
@pytest.mark.parametrize("sizes", SHAPES)
def test_sgd_stays_together(digits, sizes):
    theta, model, own = pair(sizes, "float32")
    for step in range(60):
        rows = slice(8 * step, 8 * step + 8)
        x, y = digits.x_train[rows], digits.y_train[rows]
        theta = fl.gradient_step(theta, models.gradient(theta, x, y), 0.1)
        own = fl.gradient_step(own, model.gradient(own, x, y), 0.1)
    for a, b in zip(theta, transposed(own), strict=True):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)


# A module that NumPy has no formula for: its gradient agrees with finite differences.
def test_gradient_of_a_convolutional_network(digits):
    model, r = TorchModel(convolutional()), np.random.default_rng(0)
    theta = model.theta()
    x, y = digits.x_train[:20], digits.y_train[:20]
    direction = [r.normal(size=layer.shape) for layer in theta]
    slope = sum((g * d).sum() for g, d in zip(model.gradient(theta, x, y), direction, strict=True))
    there, back = (
        model.loss([a + h * d for a, d in zip(theta, direction, strict=True)], x, y)
        for h in (1e-5, -1e-5)
    )
    assert slope == pytest.approx((there - back) / 2e-5, rel=1e-7)


# All participants at once, by vmap or in a loop, give each participant's own mean gradient,
# whatever stands in the padding.
@pytest.mark.parametrize("make", [convolutional, lambda: perceptron(pair(SHAPES[1])[0])])
@pytest.mark.parametrize("vectorised", [True, False])
def test_gradients_of_many_participants(digits, make, vectorised):
    model, r = TorchModel(make(), vectorised=vectorised), np.random.default_rng(0)
    counts = [5, 1, 3]
    theta = [r.normal(0, 0.3, (3, *layer.shape)) for layer in model.theta()]
    x = r.normal(0, 9, (3, 5, 64))
    y, weights = np.zeros((3, 5), dtype=int), np.zeros((3, 5))
    for i, n in enumerate(counts):
        x[i, :n], y[i, :n] = (
            digits.x_train[10 * i : 10 * i + n],
            digits.y_train[10 * i : 10 * i + n],
        )
        weights[i, :n] = 1 / n
    together = model.gradients(theta, x, y, weights)
    for i, n in enumerate(counts):
        alone = model.gradient([layer[i] for layer in theta], x[i, :n], y[i, :n])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=0, atol=1e-12)


# θ goes in and out unchanged, and neither the caller's module nor the model's own is touched.
def test_theta_goes_round():
    given = convolutional()
    before = [p.detach().clone() for p in given.parameters()]
    model = TorchModel(given)
    other = [layer + 1 for layer in model.theta()]
    loaded = model.load(other)
    for a, b in zip(other, loaded.parameters(), strict=True):
        np.testing.assert_array_equal(a, b.detach().numpy())
    for a, b, c in zip(before, given.parameters(), model.theta(), strict=True):
        assert torch.equal(a, b)
        np.testing.assert_array_equal(a.numpy(), c)


# Read-only arrays, as data sets hold them, go in without a warning.
@pytest.mark.filterwarnings("error")
def test_read_only_input(digits):
    theta, model, own = pair(SHAPES[0])
    assert not digits.x_test.flags.writeable
    for layer in own:
        layer.flags.writeable = False
    assert np.isfinite(model.loss(own, digits.x_test, digits.y_test))
    assert len(model.gradient(own, digits.x_test, digits.y_test)) == len(theta)


# A frozen layer is no part of θ, and keeps its numbers.
def test_frozen_parameters_stay():
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    module[0].weight.requires_grad_(False)
    model = TorchModel(module)
    assert model.names == ("0.bias", "1.weight", "1.bias")
    loaded = model.load([np.ones(layer.shape) for layer in model.theta()])
    assert torch.equal(loaded[0].weight, module[0].weight)
    assert (loaded[0].bias == 1).all()


# Losses and predictions are made without Dropout's noise, gradients with it.
def test_dropout_is_for_training_only():
    model = TorchModel(nn.Sequential(nn.Linear(4, 50), nn.Dropout(0.5), nn.Linear(50, 3)))
    theta, x, y = model.theta(), np.ones((2, 4)), [0, 1]
    assert model.loss(theta, x, y) == model.loss(theta, x, y)
    one, two = (model.gradient(theta, x, y)[0] for _ in range(2))
    assert (one != two).any()


# What cannot be federated is refused, and says why.
@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.Sequential(nn.BatchNorm1d(3)), ValueError, "0 is BatchNorm1d, which keeps run"),
        (lambda: nn.BatchNorm1d(3), ValueError, "module is BatchNorm1d"),
        (nn.ReLU, ValueError, "no parameter to train"),
        (lambda: nn.Linear(2, 2).half(), TypeError, "torch.float16; expected torch.float32"),
        (
            lambda: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).double()),
            TypeError,
            "torch.float32, torch.float64",
        ),
        (lambda: "Linear", TypeError, "module is str; expected a torch.nn.Module"),
    ],
)
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        TorchModel(make())


# BatchNorm without running statistics has nothing but parameters, and passes.
def test_batch_norm_without_statistics_passes():
    assert len(TorchModel(nn.BatchNorm1d(3, track_running_stats=False)).names) == 2


# θ of another model is refused with both shapes.
def test_wrong_shapes_are_refused():
    model = TorchModel(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"theta has the shapes \[\(3, 2\), \(2,\)\], the module"):
        model.loss([np.zeros((3, 2)), np.zeros(2)], np.zeros((1, 3)), [0])


# It tells what it holds.
def test_repr():
    assert repr(TorchModel(nn.Linear(64, 10))) == "TorchModel(Linear, 650 parameters)"


# --- Federations ---

PLANS = {
    "FedAvg": fed.Plan(epochs=2, batch=4),
    "FedAvg, whole batch, C, dropout": fed.Plan(fraction=0.6, dropout=0.3),
    "momentum": fed.Plan(batch=4, momentum=0.8, weights="equal"),
    "late": fed.Plan(batch=4, stragglers=fed.Stragglers(0.5, delay=1)),
    "partial": fed.Plan(batch=4, epochs=3, stragglers=fed.Stragglers(0.5, partial=True)),
    "compressed": fed.Plan(batch=4, up=fl.Cast("float16"), down=fl.Cast("float16")),
    "FedSGD": fed.Plan(fed.FedSGD(), factor=0.5),
    "Centralised": fed.Plan(fed.Centralised(), batch=16),
    "FedProx": fed.Plan(fed.FedProx(mu=0.3), batch=4, epochs=2),
    "Scaffold": fed.Plan(fed.Scaffold(), batch=4, fraction=0.6),
    "FedNova": fed.Plan(fed.FedNova(), batch=4, momentum=0.5),
    "FedAdam": fed.Plan(fed.FedAdam(rate=0.03), batch=4),
    "FedYogi": fed.Plan(fed.FedYogi(rate=0.03), batch=4),
    "Gossip": fed.Plan(fed.Gossip(fed.graphs.ring(8)), batch=4, dropout=0.2),
}


@pytest.fixture(scope="module")
def federation(digits):
    rows = np.arange(60)
    parts = data.dirichlet(digits.y_train[rows], 8, 0.5, np.random.default_rng(1))
    return fed.Federation(
        digits.x_train[rows], digits.y_train[rows], parts, digits.x_test, digits.y_test
    )


# From the same weights, the same order of the data and the same options, four rounds in PyTorch
# and in NumPy end within 1e-5 of one another in float32, with every algorithm, by vmap and in
# a loop; the bits are the same.
@pytest.mark.parametrize("vectorised", [True, False])
@pytest.mark.parametrize("name", PLANS)
def test_federations_agree(federation, name, vectorised):
    theta = models.init((64, 12, 10), np.random.default_rng(0))
    ours = fed.train(
        federation, PLANS[name], theta, 4, np.random.default_rng(7), engine="reference"
    )
    model = TorchModel(perceptron(theta), vectorised=vectorised)
    theirs = TorchRun(federation, PLANS[name], model, np.random.default_rng(7)).advance(4)
    assert theirs.round == 4
    for a, b in zip(ours.theta, transposed(theirs.theta), strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.history.loss, theirs.history.loss, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(ours.history.bits_up, theirs.history.bits_up)
    np.testing.assert_array_equal(ours.history.bits_down, theirs.history.bits_down)


# The same in float64 leaves nothing but float64's roundings.
@pytest.mark.parametrize("name", ["FedAvg", "FedProx", "Scaffold", "Gossip"])
def test_federations_agree_in_float64(federation, name):
    theta = models.init((64, 12, 10), np.random.default_rng(0), "float64")
    ours = fed.train(
        federation, PLANS[name], theta, 4, np.random.default_rng(7), engine="reference"
    )
    theirs = TorchRun(federation, PLANS[name], perceptron(theta), np.random.default_rng(7))
    for a, b in zip(ours.theta, transposed(theirs.advance(4).theta), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    if name == "Gossip":
        assert theirs.models[0].shape == (8, 12, 64)


# The plain loop written with torch.optim.SGD, as a tutorial has it, gives the same weights.
def test_fedavg_is_the_tutorial_loop(federation):
    plan = fed.Plan(alpha=0.2, momentum=0.5)
    run = TorchRun(federation, plan, convolutional(), np.random.default_rng(0)).advance(2)
    server = convolutional()
    share = federation.counts / federation.counts.sum()
    for _ in range(2):
        total = [torch.zeros_like(p) for p in server.parameters()]
        for i, w in enumerate(share):
            client = convolutional()
            client.load_state_dict(server.state_dict())
            optimiser = torch.optim.SGD(client.parameters(), lr=0.2, momentum=0.5)
            x, y = federation.of(i)
            nn.functional.cross_entropy(
                client(torch.tensor(x).double()), torch.tensor(y)
            ).backward()
            optimiser.step()
            total = [t + w * p.detach() for t, p in zip(total, client.parameters(), strict=True)]
        with torch.no_grad():
            for p, t in zip(server.parameters(), total, strict=True):
                p.copy_(t)
    for a, b in zip(run.theta, server.parameters(), strict=True):
        np.testing.assert_allclose(a, b.detach().numpy(), rtol=0, atol=1e-12)


# A run that is stopped and resumed from its state goes on as if it had not been.
@pytest.mark.parametrize("name", ["FedAvg", "Scaffold"])
def test_resume(federation, name):
    whole = TorchRun(federation, PLANS[name], convolutional(), np.random.default_rng(3)).advance(4)
    first = TorchRun(federation, PLANS[name], convolutional(), np.random.default_rng(3)).advance(2)
    rest = TorchRun.resume(federation, PLANS[name], convolutional(seed=9), first.state).advance(2)
    for a, b in zip(whole.theta, rest.theta, strict=True):
        np.testing.assert_array_equal(a, b)


# A federation in which everybody dropped out stays where it is.
def test_nobody_takes_part(federation):
    run = TorchRun(federation, fed.Plan(dropout=1.0), nn.Linear(64, 10), np.random.default_rng(0))
    start = run.theta
    for a, b in zip(start, run.advance(1).theta, strict=True):
        np.testing.assert_array_equal(a, b)


# A module with too few outputs, or for other inputs, is refused.
@pytest.mark.parametrize(("inputs", "outputs", "error"), [(64, 5, ValueError), (7, 10, Exception)])
def test_modules_that_do_not_fit(federation, inputs, outputs, error):
    with pytest.raises(error):
        TorchRun(federation, fed.Plan(), nn.Linear(inputs, outputs), np.random.default_rng(0))


# What a history keeps on demand agrees with that of the NumPy model; without evaluation it is
# empty.
@pytest.mark.parametrize("name", ["FedAvg", "Gossip"])
def test_histories_agree(federation, name):
    theta = models.init((64, 10), np.random.default_rng(0), "float64")
    keep = ("locals", "weights", "participation")
    ours = fed.train(
        federation, PLANS[name], theta, 2, np.random.default_rng(7), keep=keep, engine="reference"
    ).history
    run = TorchRun(federation, PLANS[name], perceptron(theta), np.random.default_rng(7), keep=keep)
    theirs = run.advance(2).history
    for column in ("rounds", "loss", "accuracy", "local_loss", "local_accuracy", "took_part"):
        a, b = getattr(ours, column), getattr(theirs, column)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12, err_msg=column)
    assert len(theirs.weights) == 3
    np.testing.assert_allclose(ours.weights[2][0], theirs.weights[2][0].T, rtol=0, atol=1e-12)
    silent = TorchRun(federation, PLANS[name], perceptron(theta), np.random.default_rng(7), every=0)
    assert len(silent.advance(1).history.loss) == 0


# Something else than a federation is named.
def test_no_federation():
    with pytest.raises(TypeError, match="federation is list; expected Federation"):
        TorchRun([], fed.Plan(), nn.Linear(1, 2), np.random.default_rng(0))
