"""Laws of the digits lab: what is shown is what the model is and does, by other means."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest

import fedlearn_edu as fl
from fedlearn_edu import models
from fedlearn_edu.labs.digits import (
    CODECS,
    LAB,
    SIZES,
    State,
    compute,
    draw,
    grow,
    recalls,
    samples,
    templates,
)
from fedlearn_edu.scene import Lines, Raster, Texts

from .labkit import Browser

T = LAB.translator("en")
DATA = fl.data.digits()
SHORT = State(participants=12, rounds=10)
STATES = [
    SHORT,
    replace(SHORT, split="iid", skew=1.3, algorithm="FedProx", mu=0.3, batch="all", epochs=3),
    replace(SHORT, split="shards", shards=2, algorithm="SCAFFOLD", fraction=0.4, wire="int8"),
    replace(SHORT, model="mlp", algorithm="FedAdam", rate=0.02, weighting="equal", seed=7),
    replace(SHORT, algorithm="FedSGD", wire="float16", batch="8"),
    replace(SHORT, algorithm="FedNova", wire="int4", beta=0.01),
]
each_state = pytest.mark.parametrize("state", STATES, ids=lambda s: f"{s.algorithm}-{s.wire}")


def printed(code):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "snippet", "exec"), {})
    return {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
        for line in out.getvalue().splitlines()
    }


# The snippet, pasted into Python, prints the very numbers of the lab.
@each_state
def test_code_prints_the_numbers(state):
    header, rows = LAB.table(compute(state))
    end = dict(zip(header, rows[-1], strict=True))
    bits = sum(row[header.index("bits_up")] + row[header.index("bits_down")] for row in rows)
    assert printed(LAB.code(state)) == {
        "accuracy": end["accuracy"],
        "loss": end["loss"],
        "worst participant": end["worst_participant"],
        "bytes": bits / 8,
    }


# Softmax regression's templates are all that it knows: laid over an image they predict what θ does.
def test_templates_predict():
    result = compute(SHORT)
    for theta, predicted in zip(result.history.weights, result.history.predictions, strict=True):
        ink = templates(theta, DATA.x_test, DATA.y_test)
        scores = np.einsum("nrc,krc->nk", DATA.x_test.reshape(-1, 8, 8), ink) + theta[1]
        np.testing.assert_array_equal(scores.argmax(axis=1), predicted)
        np.testing.assert_allclose(ink.sum(axis=0), 0, atol=1e-5)


# With hidden units a template is how a digit's score rises with ink, by finite differences, less
# the mean of the ten scores; on average over the test images of that digit.
def test_templates_of_a_network():
    theta = models.init((64, 64, 10), np.random.default_rng(3), "float64")
    x, y = DATA.x_test.astype(float), DATA.y_test
    ink = templates(theta, x, y)
    digit, pixel, step = 4, 27, 1e-6
    nudge = step * np.eye(64)[pixel]
    scores = [models.logits(theta, x[y == digit] + sign * nudge) for sign in (1, -1)]
    slope = (scores[0] - scores[1]) / (2 * step)
    wanted = (slope[:, digit] - slope.mean(axis=1)).mean()
    assert ink[digit].ravel()[pixel] == pytest.approx(wanted, abs=1e-6)
    stacked = [np.stack([layer, 2 * layer]) for layer in theta]
    np.testing.assert_allclose(templates(stacked, x, y)[0], ink, atol=1e-12)


# Weighed by how often each digit occurs, the shares of digits read are the accuracy.
def test_recalls_add_up():
    result = compute(SHORT)
    often = np.bincount(DATA.y_test) / len(DATA.y_test)
    accuracy = recalls(result) @ often / 100
    np.testing.assert_allclose(accuracy, result.history.accuracy, atol=0.005)


# Under each of twenty test digits, two of each, stands in each round what θ takes it for, with
# the sign ✓ if that is right and ✕ if not.
def test_readings():
    result = compute(SHORT)
    right, wrong = [m for m in draw(result, T).main.marks if isinstance(m, Texts)][-2:]
    chosen = samples(SHORT.seed)
    truth = DATA.y_test[chosen]
    assert truth.tolist() == [*range(10), *range(10)]
    assert len(set(chosen)) == 20
    for k, theta in enumerate(result.history.weights):
        for j, digit in enumerate(models.predict(theta, DATA.x_test[chosen])):
            said = right.texts[right.shown[k, j]] + wrong.texts[wrong.shown[k, j]]
            assert said == f"{'✓' if digit == truth[j] else '✕'} {digit}"


# The best and the worst participant are those of θ on their own images.
def test_best_and_worst():
    result = compute(SHORT)
    lines = next(m for m in draw(result, T).cards[1].marks if isinstance(m, Lines))
    for k in (0, 4, 10):
        theta = result.history.weights[k]
        own = [models.accuracy(theta, *result.federation.of(i)) for i in range(12)]
        assert lines.points[0, k].tolist() == [k, max(own)]
        assert lines.points[1, k].tolist() == [k, min(own)]


# What has been sent is, round by round, one model down and one update up for each that takes part.
@each_state
def test_bytes(state):
    layers = models.init(SIZES[state.model], np.random.default_rng(0))
    up, down = (
        sum((codec or fl.Cast()).encode(layer).bits for layer in layers)
        for codec in (CODECS[state.wire], None)
    )
    twice = 2 if state.algorithm == "SCAFFOLD" else 1  # the control variate travels too
    asked = max(1, round(state.fraction * state.participants))
    by_bytes = draw(compute(replace(state, against="bytes")), T).cards[1]
    x = by_bytes.marks[-1].points[:, 0, 0]
    np.testing.assert_allclose(x, np.arange(11) * asked * twice * (up + down) / 8e6, rtol=1e-12)
    assert x[-1] < by_bytes.x.high < 1.05 * x[-1]


# The picture of who holds what shows every training image once.
@each_state
def test_holdings(state):
    result = compute(state)
    np.testing.assert_array_equal(result.holdings.sum(axis=0), np.bincount(DATA.y_train))
    picture = next(m for m in draw(result, T).cards[3].marks if isinstance(m, Raster))
    counts = picture.values[0] ** 2 * result.holdings.max()
    for i in range(state.participants):
        own = np.bincount(result.federation.of(i)[1], minlength=10)
        np.testing.assert_allclose(counts[:, i], own, atol=1e-9)


# A run that grows shows the first rounds of what it will have been, one more each time.
def test_growth_is_the_beginning():
    whole = compute(SHORT)
    for rounds, result in enumerate(grow(SHORT), start=1):
        rounds = min(rounds, 10)
        assert result.rounds == rounds
        assert result.part("accuracy").tolist() == whole.part("accuracy")[: rounds + 1].tolist()
        assert len(result.part("took_part")) == len(result.part("bits_up")) == rounds


# Each preset is what its name says.
def test_presets_behave():
    runs = {name: compute(LAB.preset(name)) for name in LAB.presets}
    hands = runs["hundred_hands"]
    assert hands.state.participants == 100
    assert hands.history.accuracy[0] < 0.3 < 0.9 < hands.history.accuracy[-1]
    held = (runs["one_label_each"].holdings > 0).sum(axis=1)
    assert np.median(held) == 1
    few = runs["one_in_ten"]
    assert (few.history.took_part.sum(axis=1) == few.state.participants / 10).all()
    bits = runs["four_bits"]
    assert hands.history.bits_up[0] / bits.history.bits_up[0] > 7
    assert abs(hands.history.accuracy[-1] - bits.history.accuracy[-1]) < 0.03


# A pull αμ > 2 throws participants further out at every step: the run ends, and says why.
def test_divergence_is_named():
    state = replace(SHORT, algorithm="FedProx", mu=10.0, alpha=2.0, epochs=5, batch="8")
    result = compute(state)
    assert result.cause is not None
    assert result.rounds < state.rounds
    scene = draw(result, T)
    assert scene.frames == len(scene.warning) == result.rounds + 1
    assert scene.warning[-1] == T(f"warning_{result.cause}", n=result.rounds + 1)
    assert set(scene.warning[:-1]) <= {""}


# A kept run is named by what sets it apart and counts in it: not by a hidden control.
def test_names_of_kept_runs():
    browser = Browser("digits", values={"participants": 5, "rounds": 10, "batch": "32"})
    browser.ask("keep")
    browser.ask("set", values={"algorithm": "FedSGD", "batch": "8"})
    assert browser.ask("keep")["kept"] == ["B = 32, FedAvg", "FedSGD"]


# Kept runs lie dashed over the curves, in their own colours, as long as they are.
def test_kept_runs_are_drawn():
    other = compute(replace(SHORT, rounds=20, epochs=2))
    scene = draw(compute(SHORT), T, (("E = 2", other),))
    for card, name in ((scene.cards[1], "accuracy"), (scene.cards[2], "loss")):
        (line,) = (m for m in card.marks if isinstance(m, Lines) and m.colors == ("k0",))
        assert line.dash
        np.testing.assert_array_equal(line.points[0, :, 1], getattr(other.history, name))
        assert card.x.ticks[-1] == (20, "20")
