"""The two halves of a round are the engine's round, and the aggregation is Flower's own."""

import tomllib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords
from hypothesis import given
from hypothesis import strategies as st

from fedlearn_edu import Plan, Run
from fedlearn_edu.federation.wire import decode, encode
from fedlearn_edu.flower.deployment import PROJECT
from fedlearn_edu.flower.faults import FAULTS
from fedlearn_edu.flower.recipe import Recipe
from fedlearn_edu.flower.rounds import Answer, ParticipantHalf, ServerHalf
from fedlearn_edu.flower.strategy import (
    Believed,
    Disbelieved,
    from_record,
    judge,
    to_record,
)
from tests.flower.recipes import FOR_TORCH, FULL, RECIPES, SMALL, TOLERANCE, as_torch, needs_torch


def apart(a, b):
    """The largest difference between two models."""
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def in_halves(recipe):
    """θ after all rounds, each made in two halves with payloads in between, without Flower."""
    strategy = Believed(recipe, lambda event: None)
    theta, memory = strategy.theta, strategy.memory
    for t in range(recipe.rounds):
        theta = ServerHalf(recipe.plan, t, theta, memory, answers(recipe, t, theta)).run().theta
    return theta


def answers(recipe, t, theta):
    """What arrives from all participants in round t."""
    plan, found = recipe.plan, []
    received = decode(plan.down, encode(plan.down, theta), theta)
    for i, n in enumerate(recipe.federation.counts.tolist()):
        batches = recipe.batches(i, t)
        half = ParticipantHalf(plan, t, received, batches, recipe.model).run()
        found.append(Answer(i, n, len(batches), decode(plan.up, half.payloads, theta)))
    return found


# Ten rounds in two halves are ten rounds of the engine, whatever the algorithm, the weights, λ,
# its convention and the casts; where float32 is cast, of the engine that adds in the same order.
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_halves_are_the_engine(recipe):
    assert apart(in_halves(recipe), recipe.engine()) < TOLERANCE[recipe.dtype]


def step(dtype, layer):
    """How far the next value lies that the cast can send, for each value that arrived."""
    size = np.abs(layer.astype(np.float64))
    if dtype == "float16":
        return np.spacing(size.astype(np.float16)).astype(np.float64)
    if dtype == "bfloat16":  # 16 bits shorter than float32
        return np.spacing(size.astype(np.float32)).astype(np.float64) * 2**16
    return np.full_like(size, size.max() / {"int8:max": 127, "int4:max": 7}[dtype])


# The fast engine adds in another order than the halves, so that a value may lie on the other side
# of the middle between two that a cast can send.  From the same θ its round is then, for each
# parameter, no farther away than Σ w_i times the step of the cast at participant i's value, beside
# float32's own rounding; and that happens to fewer than one value in a hundred (2 · 10⁻⁷ of the
# rounding over a step that is seldom below 10⁻⁵).  Softmax regression: without ReLU a last bit
# stays a last bit until it is cast.
@pytest.mark.parametrize("up", ["float16", "bfloat16", "int8:max", "int4:max"])
@pytest.mark.parametrize("options", [{}, FULL | {"dtype": "float32"}], ids=["FedAvg", "FedSGD"])
def test_the_fast_engine_is_within_a_step_of_the_cast(up, options):
    recipe = Recipe(up=up, down="bfloat16", **options, **SMALL | {"hidden": ""})
    federation, plan, rounding = recipe.federation, recipe.plan, 2e-6
    run = Run(federation, plan, recipe.theta, np.random.default_rng(recipe.seed), every=0)
    differ = []
    for t in range(recipe.rounds):
        theta, arrived = run.theta, answers(recipe, t, run.theta)
        halves = ServerHalf(plan, t, theta, {}, arrived).run().theta
        steps = [replace(a, update=[step(up, layer) for layer in a.update]) for a in arrived]
        nothing = [np.zeros(layer.shape) for layer in theta]
        bounds = ServerHalf(plan, t, nothing, {}, steps).run().theta
        run.advance(1)
        for here, there, bound in zip(halves, run.theta, bounds, strict=True):
            apart = np.abs(here - there)
            assert (apart <= np.abs(bound) + rounding).all()
            differ += (apart > rounding).ravel().tolist()
    assert np.mean(differ) < 0.01


# Participants whose gradients are PyTorch's end where the engine ends with NumPy's, from the same
# start, and where `TorchRun` ends.
@needs_torch
@pytest.mark.parametrize("recipe", FOR_TORCH.values(), ids=FOR_TORCH)
def test_torch_participants_are_the_engine(recipe):
    with_torch = recipe.but(backend="torch")
    theta = in_halves(with_torch)
    assert apart(theta, as_torch(recipe.engine())) < TOLERANCE[recipe.dtype]
    assert apart(theta, with_torch.engine()) < TOLERANCE[recipe.dtype]


# Ten rounds do move θ by more than what counts as equal.
def test_rounds_move_theta():
    recipe = RECIPES["FedAvg"]
    assert apart(recipe.engine(), recipe.theta) > 1000 * TOLERANCE[recipe.dtype]


# What the server adds to θ is Flower's own weighted mean of the updates, on any input.
@given(
    counts=st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
    seed=st.integers(0, 2**32 - 1),
    equal=st.booleans(),
)
def test_aggregation_is_flowers(counts, seed, equal):
    rng = np.random.default_rng(seed)
    updates = [[rng.normal(size=(3, 2)), rng.normal(size=2)] for _ in counts]
    theta = [np.zeros((3, 2)), np.zeros(2)]
    answers = [Answer(i, n, 1, u) for i, (n, u) in enumerate(zip(counts, updates, strict=True))]
    plan = Plan(weights="equal" if equal else "size")
    ours = ServerHalf(plan, 0, theta, {}, answers).run().theta
    contents = [
        RecordDict({"a": ArrayRecord(u), "m": MetricRecord({"n": 1 if equal else n})})
        for n, u in zip(counts, updates, strict=True)
    ]
    assert apart(ours, aggregate_arrayrecords(contents, "n").to_numpy_ndarrays()) < 1e-12


def answer(recipe, participant=0, **facts):
    """An answer in which every parameter moves by 1."""
    update = to_record(encode(recipe.plan.up, [np.ones_like(layer) for layer in recipe.theta]))
    facts = {"participant": participant, "examples": 5, "steps": 2, **facts}
    return RecordDict({"update": update, "facts": MetricRecord(facts)})


# An honest answer is believed as it is.
def test_an_honest_answer():
    recipe = RECIPES["FedAvg"]
    found = judge(answer(recipe), recipe, recipe.theta)
    assert (found.participant, found.examples, found.steps) == (0, 5, 2)
    assert all((layer == 1).all() for layer in found.update)


# Nonsense is told from sense, and the reason is named.
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"examples": 0}, "examples is 0, expected 1 to"),
        ({"examples": -3}, "examples is -3, expected 1 to"),
        ({"examples": 10**11}, "examples is 100000000000, expected 1 to 1000000"),
        ({"examples": 2.5}, "examples is 2.5, expected a whole number"),
        ({"examples": float("nan")}, "examples is nan, expected a whole number"),
        ({"examples": [5]}, "examples is .5., expected a whole number"),
        ({"participant": 99}, "participant is 99, expected 0 to 2"),
        ({"steps": 0}, "steps is 0, expected 1 to"),
    ],
)
def test_nonsense_in_the_facts(changes, words):
    recipe = RECIPES["FedAvg"]
    with pytest.raises(Disbelieved, match=words):
        judge(answer(recipe, **changes), recipe, recipe.theta)


# An answer without a record, or with an update of another model or codec, is left out.
def test_nonsense_in_the_update():
    recipe, other = RECIPES["FedAvg"], RECIPES["FedAvg, float16"]
    for content, words in (
        (RecordDict({"update": answer(recipe)["update"]}), "no 'facts'"),
        (RecordDict({"facts": answer(recipe)["facts"]}), "no 'update'"),
        (answer(other), "this codec is"),
        (RecordDict({**answer(recipe), "update": MetricRecord({"0": 1})}), "in a MetricRecord"),
        (RecordDict({**answer(recipe), "update": ConfigRecord({"0": b"1"})}), "in a ConfigRecord"),
        (FAULTS["shape"](answer(recipe), recipe), "layer 0 has shape .7,., expected"),
        (FAULTS["nan"](answer(recipe), recipe), "not finite"),
        (FAULTS["examples"](answer(recipe), recipe), "expected 1 to"),
    ):
        with pytest.raises(Disbelieved, match=words):
            judge(content, recipe, recipe.theta)


class OneRound:
    """A round without Flower: the grid that the strategy asks, and the replies of some nodes."""

    def __init__(self, strategy, contents, reason="it broke"):
        self.sent = dict(zip(contents, contents, strict=True))
        strategy.grid, strategy.begun = self, 0.0
        replies = []
        for node, content in contents.items():
            error = SimpleNamespace(code=content, reason=reason)
            broken = isinstance(content, int)
            replies.append(
                SimpleNamespace(
                    content=content, error=error, node=node,
                    has_error=lambda broken=broken: broken,
                    has_content=lambda broken=broken: not broken,
                )
            )  # fmt: skip
        strategy.aggregate_train(1, [reply for reply in replies if reply.content is not None])

    def node_of(self, reply):
        return reply.node


# Without keys: the strategy aggregates what it believes, each participant once and under the name
# that its node had before; it tells who was left out and why, and who was silent.
def test_what_the_strategy_tells():
    recipe, told = RECIPES["FedAvg"], []
    strategy = Believed(recipe, told.append)
    OneRound(strategy, {10: answer(recipe, 0), 11: answer(recipe, 1, examples=15)})
    assert all(np.allclose(a - b, 1) for a, b in zip(strategy.theta, recipe.theta, strict=True))
    OneRound(
        strategy,
        {10: answer(recipe, 2), 11: answer(recipe, 1), 12: answer(recipe, 1), 13: None,
         14: 5, 15: 2, 16: answer(recipe, 2, examples=-1)},
    )  # fmt: skip
    assert [event["participants"] for event in told] == [[0, 1], [1]]
    assert told[0]["examples"] == [5, 15]
    assert told[1]["refused"] == [
        {"participant": 0, "reason": "it says that it is participant 2"},
        {"participant": 1, "reason": "participant 1 answered twice"},
        {"participant": None, "reason": "it broke"},
        {"participant": 2, "reason": "examples is -1, expected 1 to 1000000"},
    ]
    assert told[1]["silent"] == [None, None]


# With keys: whoever has a participant's key is that participant; one that claims another's number,
# be it the first to answer, is named and left out, and the other is believed; and who has never
# answered is known all the same.
def test_a_key_is_one_participant():
    recipe, told = RECIPES["FedAvg"], []
    strategy = Believed(recipe, told.append, nodes=[12, 10, 11])
    claim = FAULTS["name"](answer(recipe, 2), recipe)
    OneRound(strategy, {11: claim, 12: answer(recipe, 0), 10: None})
    assert told[0]["participants"] == [0]
    assert told[0]["refused"] == [{"participant": 2, "reason": "it says that it is participant 0"}]
    assert told[0]["silent"] == [1]


# What a participant's error says cannot move the cursor of the terminal that shows it, nor fill it.
def test_a_reason_is_one_plain_line():
    recipe, told = RECIPES["FedAvg"], []
    OneRound(Believed(recipe, told.append), {10: 2}, reason="broken\n\x1b[2J" + "x" * 10_000)
    assert told[0]["refused"][0]["reason"].isprintable()
    assert len(told[0]["refused"][0]["reason"]) < 300


# Where nobody can be believed θ stays, and the round is told all the same.
def test_a_round_without_answers():
    recipe, told = RECIPES["FedAvg"], []
    strategy = Believed(recipe, told.append)
    OneRound(strategy, {10: answer(recipe, examples=0)})
    assert apart(strategy.theta, recipe.theta) == 0
    assert told[0]["participants"] == []


# Payloads survive Flower's records byte by byte.
def test_records():
    payloads = encode(RECIPES["FedAvg, int8"].plan.up, [np.arange(5.0), np.ones((2, 3))])
    assert from_record(to_record(payloads)) == payloads


# The app's configuration in the project has the recipe's defaults, each of them.
def test_project_has_the_defaults():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["flwr"]["app"]["config"] == Recipe().config()


# A recipe that cannot be is refused with what was given.
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"participants": 1}, "participants is 1"),
        ({"participants": 10_001}, "participants is 10001"),
        ({"data": "faces"}, "data is 'faces'"),
        ({"up": "float8"}, "up is 'float8'"),
        ({"up": "float16:max"}, "up is 'float16:max'"),
        ({"hidden": "a"}, "hidden is 'a'"),
        ({"algorithm": "Gossip"}, "algorithm is 'Gossip'"),
        ({"algorithm": "FedSGD"}, "batch is 8"),
        ({"deadline": 0.0}, "deadline is 0"),
        ({"data": "article"}, "2 participants"),
    ],
)
def test_recipes_that_cannot_be(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        Recipe(**options)
