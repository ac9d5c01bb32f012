"""The lab "Three ways to learn together", against the plain engine and what can be counted."""

import contextlib
import io
import re
from dataclasses import replace

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu.labs import three_ways
from fedlearn_edu.labs.controls import clean, from_query, to_query
from fedlearn_edu.labs.three_ways import (
    LAB,
    PAIRS,
    ROUNDS,
    WAYS,
    State,
    compute,
    edges,
    grow,
    leaving,
    parts_of,
    seen,
    wanted,
)
from fedlearn_edu.scene import OUT, RETURN, SWAP, Boxes, Links

from .labkit import random_state

MODEL = 4 * 650 + 16  # bytes on the way: 64·10 + 10 float32, and a header for each of two layers


def cell(i, j, on):
    """The links' table with one cell touched."""
    return ((),) * PAIRS.index((i, j)) + ((float(on),),)


STATES = (
    State(),
    State(server_down=True, after=7),
    State(server_down=True, after=0, look="centralised"),
    State(gone=((), (1.0,), (1.0,)), after=12),
    State(gone=((1.0,),), after=0, graph="complete", participants=5),
    State(gone=((1.0,),) * 3, participants=3, graph="line"),
    State(gone=((1.0,),) * 3, participants=3, after=0),
    State(links=cell(0, 4, 1), graph="star", data="tumours", alpha=0.1, epochs=2),
    State(links=cell(3, 4, 0), graph="barbell", look="gossip", beta=0.3),
)


def gossip_edges(state):
    return [edges(joined) for joined in wanted(state)]


def moved(result, way):
    return np.diff(result.moved[WAYS.index(way)])


def problem(state):
    """The state's data, its participants' rows and its start, put together anew."""
    data = {"digits": fl.data.digits, "tumours": fl.data.breast_cancer}[state.data]()
    rng, n = np.random.default_rng(state.seed), state.participants
    sizes = fl.data.equal_sizes(len(data.y_train), n)
    parts = fl.data.dirichlet(data.y_train, n, state.beta, rng, sizes=sizes).indices
    return data, parts, fl.models.init((data.features, data.classes), rng)


def by_the_paper(state, algorithm, rounds, members=None):
    """A run by the readable reference."""
    data, parts, theta = problem(state)
    members = range(state.participants) if members is None else members
    federation = fl.Federation.from_data(data, [parts[i] for i in members])
    plan = fl.Plan(algorithm, alpha=state.alpha, epochs=state.epochs, batch=32)
    rng = np.random.default_rng(state.seed)
    return data, fl.train(federation, plan, theta, rounds, rng, every=0, engine="reference")


# Undisturbed, each way is the algorithm of its paper: centralised SGD, SGD alone, FedAvg, gossip.
@pytest.mark.parametrize("state", [State(participants=5), STATES[7]], ids=["digits", "tumours"])
def test_ways_are_the_algorithms(state):
    result, n, rounds = compute(state), state.participants, 6
    graph = fl.graphs.mixing(gossip_edges(state)[0], n)
    ways = fl.Centralised(), fl.Gossip(np.eye(n)), fl.FedAvg(), fl.Gossip(graph)
    for k, algorithm in enumerate(ways):
        data, run = by_the_paper(state, algorithm, rounds)
        own = run.models or [np.repeat(layer[None], n, axis=0) for layer in run.theta]
        good = [
            fl.models.accuracy([layer[i] for layer in own], data.x_test, data.y_test)
            for i in range(n)
        ]
        flat = np.concatenate([layer.reshape(n, -1) for layer in own], axis=1)
        apart = np.sqrt(flat.var(axis=0).sum())
        np.testing.assert_allclose(result.accuracy[k, rounds], good, atol=1.01 / len(data.y_test))
        np.testing.assert_allclose(result.spread[k, rounds], apart, rtol=1e-3, atol=1e-5)


# With equal shares, gossip on the complete graph is FedAvg: after each round all have its model.
def test_gossip_with_all_is_federated():
    state = State(data="tumours", graph="complete", alpha=0.1)
    assert set(compute(state).problem.parts.sizes) == {57}
    result = compute(state)
    np.testing.assert_allclose(result.accuracy[3], result.accuracy[2], atol=1.01 / 113)
    np.testing.assert_allclose(result.spread[3], 0, atol=1e-5)


# What travels: all examples once; nothing; each model up and down; each model to each neighbour.
@pytest.mark.parametrize(
    "graph, links", [("ring", 8), ("complete", 28), ("line", 7), ("torus", 12)]
)
def test_bytes(graph, links):
    result = compute(State(graph=graph))
    examples = 1438 * (64 * 4 + 1)
    np.testing.assert_array_equal(moved(result, "centralised"), [examples] + [0] * (ROUNDS - 1))
    assert not moved(result, "alone").any()
    np.testing.assert_array_equal(moved(result, "federated"), 2 * 8 * MODEL)
    np.testing.assert_array_equal(moved(result, "gossip"), 2 * links * MODEL)


# What others have seen accounts for every byte that travelled.
@pytest.mark.parametrize("state", STATES)
def test_seen_is_what_travelled(state):
    result, given = compute(state), seen(compute(state))
    size = three_ways.model_bytes(result.problem)
    per_example = result.problem.data.features * 4 + 1
    np.testing.assert_array_equal(result.moved[0], given["examples"] * per_example)
    np.testing.assert_allclose(result.moved[2], 2 * given["models"] * size)
    degrees = three_ways.neighbours(state)
    begun = np.minimum(np.arange(ROUNDS + 1), state.after)
    received = begun * degrees[0].sum() + (np.arange(ROUNDS + 1) - begun) * degrees[1].sum()
    np.testing.assert_allclose(result.moved[3], received * size)
    assert (given["most"] * state.participants * size >= result.moved[3]).all()


# Without its server a federation keeps what it had in round r; gossip and each alone go on.
@pytest.mark.parametrize("r", [0, 7, ROUNDS - 1])
def test_server_down(r):
    whole, broken = compute(State()), compute(State(server_down=True, after=r))
    for k in (0, 2):
        np.testing.assert_array_equal(broken.accuracy[k, : r + 1], whole.accuracy[k, : r + 1])
        assert (broken.accuracy[k, r:] == whole.accuracy[k, r]).all()
        assert not np.diff(broken.moved[k])[r:].any()
    for k in (1, 3):
        np.testing.assert_array_equal(broken.accuracy[k], whole.accuracy[k])


# Who leaves keeps the model of round r and counts no more; the server's data stay where they are.
def test_leaving():
    state = State(gone=((), (1.0,)), after=9)
    result, whole = compute(state), compute(State())
    for k in (1, 2, 3):
        assert (result.accuracy[k, 9:, 1] == whole.accuracy[k, 9, 1]).all()
    np.testing.assert_array_equal(result.here.all(axis=1), np.arange(ROUNDS + 1) <= 9)
    np.testing.assert_array_equal(result.accuracy[0], whole.accuracy[0])
    rest = np.delete(result.accuracy[1], 1, axis=1)
    np.testing.assert_array_equal(rest, np.delete(whole.accuracy[1], 1, axis=1))
    np.testing.assert_allclose(result.over(np.nanmean, "alone")[10:], rest[10:].mean(axis=1))
    np.testing.assert_array_equal(moved(result, "federated")[[8, 9]], [16 * MODEL, 14 * MODEL])


# Who leaves before the first round might as well never have been there.
def test_leaving_at_once():
    state = State(gone=((), (1.0,)), after=0)
    others = [i for i in range(8) if i != 1]
    for k, algorithm in ((0, fl.Centralised()), (2, fl.FedAvg())):
        data, run = by_the_paper(state, algorithm, 4, others)
        good = fl.models.accuracy(run.theta, data.x_test, data.y_test)
        np.testing.assert_allclose(compute(state).accuracy[k, 4, 0], good, atol=1.01 / 359)


# Where nobody is left, everybody's last model is shown, and nothing happens any more.
@pytest.mark.parametrize("after", [0, 5])
def test_nobody_left(after):
    result = compute(State(participants=3, gone=((1.0,),) * 3, after=after))
    assert (result.accuracy[1:, after:] == result.accuracy[1:, after : after + 1]).all()
    assert not np.diff(result.moved[2:], axis=1)[:, after:].any()
    assert np.isfinite([result.over(np.nanmean, way) for way in WAYS]).all()


def components(pairs, members):
    """The number of components, by union and find."""
    root = {i: i for i in members}

    def find(i):
        return i if root[i] == i else find(root[i])

    for i, j in pairs:
        root[find(i)] = find(j)
    return len({find(i) for i in members})


# The components are those that union and find gives; the gap is 0 just where there are several.
@pytest.mark.parametrize("seed", range(40))
def test_components(seed):
    state = random_state(LAB, seed)
    here = np.flatnonzero(~leaving(state)).tolist()
    parts, gap = parts_of(state)
    assert parts == components(gossip_edges(state)[1], here)
    if here:
        assert (gap > 1e-9) == (parts == 1)
    before, _ = parts_of(state, before=True)
    assert before == components(gossip_edges(state)[0], range(state.participants))


# Cut after round r, a bridge leaves two groups: alike within, ever further from each other.
def test_cut_bridge():
    state = LAB.preset("bridge")
    assert gossip_edges(state)[0] == edges(wanted(replace(state, links=()))[0])
    assert set(gossip_edges(state)[0]) - set(gossip_edges(state)[1]) == {(3, 4)}
    assert (parts_of(state, before=True)[0], parts_of(state)[0]) == (1, 2)
    cut, whole = compute(state), compute(replace(state, links=()))
    r = state.after
    np.testing.assert_array_equal(cut.accuracy[3, : r + 1], whole.accuracy[3, : r + 1])
    assert cut.spread[3, -1] > 1.3 * whole.spread[3, -1]
    assert len(np.unique(cut.accuracy[3, -1, :4])) == len(np.unique(cut.accuracy[3, -1, 4:])) == 1


# A link that is added is there from the start; it counts once, and a newcomer moves no other.
def test_added_link():
    state = State(links=cell(0, 4, 1))
    assert set(gossip_edges(state)[0]) == set(gossip_edges(State())[0]) | {(0, 4)}
    np.testing.assert_array_equal(moved(compute(state), "gossip"), 2 * 9 * MODEL)
    for n in range(3, 12):
        few, many = (edges(wanted(State(participants=m, graph="complete"))[0]) for m in (n, n + 1))
        assert few == many[: len(few)]


# An edited graph is in the link and comes back from it; another graph begins unedited.
def test_edits():
    state, unknown, changed = clean(LAB.by_key, State(), {"links": {"row": 3, "set": {0: 1}}})
    assert (unknown, changed) == ([], [])
    assert set(gossip_edges(state)[0]) - set(gossip_edges(State())[0]) == {PAIRS[3]}
    raw, _ = from_query(to_query(state), LAB.by_key)
    assert clean(LAB.by_key, State(), raw)[0] == state
    assert clean(LAB.by_key, state, {"graph": "star"})[0] == State(graph="star")
    undone, _, _ = clean(LAB.by_key, state, {"links": {"row": 3, "set": {0: 0}}})
    assert undone == State()


# Results on the way are the last one's beginning, and a state that is known is whole at once.
def test_grow():
    state = State(seed=77, epochs=3)
    *begun, whole = grow(state)
    assert len(begun) > 5
    for result in begun:
        k = result.rounds + 1
        np.testing.assert_array_equal(result.accuracy, whole.accuracy[:, :k])
        np.testing.assert_array_equal(result.moved, whole.moved[:, :k])
        LAB.draw(result, LAB.translator("en"), ())
    assert [result.rounds for result in grow(replace(state, look="gossip"))] == [ROUNDS]


# The picture's links carry just the models that travel in the round, and the boxes say who is left.
@pytest.mark.parametrize("look, way, kind", [("gossip", 3, SWAP), ("federated", 2, RETURN)])
@pytest.mark.parametrize("state", STATES[:-2])
def test_picture_shows_what_travels(state, look, way, kind):
    result = compute(replace(state, look=look))
    marks = LAB.draw(result, LAB.translator("en"), ()).main.marks
    (links,) = (mark for mark in marks if isinstance(mark, Links))
    used = (np.abs(links.flow) == kind).sum(axis=1)
    size = three_ways.model_bytes(result.problem)
    np.testing.assert_allclose(2 * used[1:] * size, np.diff(result.moved[way]))
    boxes = next(mark for mark in marks if isinstance(mark, Boxes))
    off = np.array([tone == "off" for tone in boxes.tones[-1]])
    np.testing.assert_array_equal(off, leaving(state))


# In the first round, examples move to the server along the links of those who have not left.
def test_picture_of_centralised():
    state = State(look="centralised", gone=((1.0,),), after=0)
    marks = LAB.draw(compute(state), LAB.translator("en"), ()).main.marks
    (links,) = (mark for mark in marks if isinstance(mark, Links))
    assert (links.flow == OUT).sum(axis=1).tolist() == [0, 7] + [0] * (ROUNDS - 1)


# The code for a state, run as it stands, prints the numbers that the lab shows.
@pytest.mark.parametrize("state", STATES)
def test_code(state):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(LAB.code(state), "snippet", "exec"), {"__name__": "snippet"})
    result = compute(state)
    shown = [
        [float(x) for x in re.findall(r"[\d.]+", line)] for line in printed.getvalue().splitlines()
    ]
    for k, (way, line) in enumerate(zip(WAYS, shown, strict=True)):
        mean, worst = (result.over(how, way)[-1] for how in (np.nanmean, np.nanmin))
        np.testing.assert_allclose(line, [mean, worst, result.moved[k, -1]], rtol=1e-9)


# Presets do what their names say.
def test_presets():
    results = {name: compute(LAB.preset(name)) for name in LAB.presets}
    ends = {name: r.accuracy[:, -1].mean(axis=1) for name, r in results.items()}
    central, alone, federated, gossip = ends["same"]
    assert central > federated > gossip > alone + 0.3
    assert gossip_edges(LAB.preset("ring"))[1] == (
        (0, 1),
        (1, 2),
        (2, 3),
        (3, 4),
        (4, 5),
        (5, 6),
        (0, 7),
        (6, 7),
    )
    assert abs(ends["complete"][3] - federated) < 0.01
    assert ends["server_gone"][2] < federated - 0.03
    assert ends["server_gone"][3] == gossip


# The numbers file has a row a round, and says what the cards say.
def test_table():
    result = compute(State(server_down=True))
    header, rows = LAB.table(result)
    assert [row[0] for row in rows] == list(range(ROUNDS + 1))
    last = dict(zip(header, rows[-1], strict=True))
    assert last["gossip_mean"] == pytest.approx(
        np.mean([last[f"gossip_{i + 1}"] for i in range(8)])
    )
    assert last["federated_bytes"] == 10 * 16 * MODEL
    assert (last["server_given_examples"], last["server_given_models"]) == (1438, 80)
