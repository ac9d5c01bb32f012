"""Real federations: the same mathematics, keys, failures, and nothing left behind.

Few federations are started, and each shows many things.
"""

import io
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest

from fedlearn_edu.flower.deployment import Deployment, supernode
from fedlearn_edu.flower.parts import Part, Parts, Stopped
from fedlearn_edu.flower.recipe import Recipe
from fedlearn_edu.flower.report import counted
from fedlearn_edu.flower.simulation import simulate
from fedlearn_edu.paths import SOURCE
from tests.flower.kit import Command, none_left, until
from tests.flower.recipes import FOR_TORCH, IN_FLOWER, RECIPES, TOLERANCE, as_torch, needs_torch

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups are POSIX's")
ARTICLE = ("--data", "article", "--rounds", "50", "--deadline", "120")


def apart(theta, recipe):
    """The largest difference between θ and the engine's."""
    pairs = zip(theta, recipe.engine(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The temporary folder of all that this process starts."""
    place, before = tmp_path_factory.mktemp("own"), os.environ.get("TMPDIR")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(place))
        patch.setattr("tempfile.tempdir", str(place))
        yield place
    assert os.environ.get("TMPDIR") == before


@pytest.fixture
def start(tmp_path):
    """A function that starts the command in a folder of its own; what still runs then is ended."""
    started = []

    def command(name, *arguments):
        started.append(Command(tmp_path / name, *arguments))
        return started[-1]

    yield command
    for one in started:
        one.process.terminate()
        one.process.wait(60)


# --- The same mathematics ---


# Ten rounds in Flower's simulation give the engine's θ.
@pytest.mark.parametrize("name", IN_FLOWER)
def test_simulation_is_the_engine(name, folder):
    recipe = RECIPES[name]
    rounds, theta = simulate(recipe)
    assert [r["participants"] for r in rounds] == [[0, 1, 2]] * recipe.rounds
    assert apart(theta, recipe) < TOLERANCE[recipe.dtype]


# Ten rounds with participants of PyTorch in Flower's simulation give the θ that the engine gives
# with NumPy, and so do two on separate processes, each of which loads PyTorch for each task.
@needs_torch
def test_torch_participants_are_the_engine(folder):
    recipe = FOR_TORCH["FedAvg, float64"]
    _, theta = simulate(recipe.but(backend="torch"))
    assert apart(as_torch(theta), recipe) < TOLERANCE[recipe.dtype]
    few = recipe.but(participants=2, rounds=2)
    with Deployment(few.but(backend="torch")) as federation:
        assert [r.participants for r in federation] == [[0, 1]] * few.rounds
    assert apart(as_torch(federation.theta), few) < TOLERANCE[few.dtype]
    none_left(folder)


class InBackground(threading.Thread):
    """A federation that runs to its end beside the test."""

    def __init__(self, federation):
        super().__init__(daemon=True)
        self.federation, self.error = federation, None
        self.start()

    def run(self):
        try:
            list(self.federation)
        except Exception as error:
            self.error = error

    def finish(self):
        self.join(600)
        assert not self.is_alive(), "the federation does not end"
        if self.error:
            raise self.error


# Ten rounds on separate processes give the engine's θ; the bytes on the connection are at least
# those of the payloads, for each participant in each round; and nothing is left behind.
# So do four rounds with keys, where one participant joins by the command line from elsewhere, and
# nobody joins without a key that the server knows, or a certificate that the key holder knows.
def test_deployment_is_the_engine(folder, tmp_path, start):
    plain, secure = (RECIPES[name].but(participants=2) for name in IN_FLOWER)
    secure = secure.but(rounds=4)
    options = {"secure": True, "host": "127.0.0.1", "remote": [1]}
    with Deployment(plain) as open_one, Deployment(secure, **options) as closed:
        running = InBackground(open_one), InBackground(closed)
        refused = strangers(closed)
        closed.credentials(1, tmp_path / "keys")
        address = f"127.0.0.1:{closed.port}"
        words = ["--join", address, "--participant", "1", "--credentials", str(tmp_path / "keys")]
        joined = start("joined", *words)
        for one in running:
            one.finish()
        for name in sorted(os.listdir(closed.folder)):
            if name.endswith((".key", "secret")):
                assert (closed.folder / name).stat().st_mode & 0o077 == 0, name
    assert refused == [True, True]
    for federation in (open_one, closed):
        recipe = federation.recipe
        assert [r.participants for r in federation.rounds] == [[0, 1]] * recipe.rounds
        assert apart(federation.theta, recipe) < TOLERANCE[recipe.dtype]
        up, down = counted(recipe)
        for r in federation.rounds:
            assert all(r.up[i] > up and r.down[i] > down for i in r.up)
        assert federation.peak > 0
    assert joined.end(120) == 0, joined.text()
    none_left(folder)
    none_left(joined.folder)


def strangers(federation):
    """Whether those were refused who try to take part without a key, and without TLS."""
    address, found = f"127.0.0.1:{federation.port}", []
    with Parts() as parts:
        for number, trust in enumerate((federation._trust(), ["--insecure"])):
            command = supernode(address, ["partition-id=1"], trust)
            part = parts.launch(f"stranger {number}", *command, "--max-wait-time", "3")
            code = part.process.wait(120)
            found.append(code != 0 and "SuperNode ID" not in part.log.read_text())
    return found


# --- It survives ---


# A participant killed in the middle of a round is left out and the others go on; started again it
# takes part again.  One that answers NaN, another shape or an absurd number of examples is named
# with the reason and left out.  One that is slower than the deadline is named and left out, and
# not waited for again.  The rounds say who is in θ.
def test_failures_of_participants(folder):
    recipe = Recipe(participants=4, rounds=40, hidden="", deadline=20.0, batch=64, dtype="float64")
    with Deployment(recipe, faults={2: "nan+shape+examples", 3: "slow"}) as federation:
        rounds = iter(federation)
        first = next(rounds)
        while 0 not in first.participants or 1 not in first.participants:
            first = next(rounds)
        task = until(lambda: busy(federation, "participant 1"), 120, "no task for participant 1")
        federation.kill(1)
        assert not psutil.pid_exists(task) or psutil.Process(task).status() == "zombie"
        without = follow(rounds, lambda r: r.participants == [0])
        assert ("participant_ended", "participant 1") in [
            (key, values["part"]) for key, values in federation.notes
        ]
        federation.start(1)
        again = follow(rounds, lambda r: r.participants == [0, 1])
        wanted = {"not finite", "has shape", "examples is"}
        follow(rounds, lambda r: wanted <= kinds(federation.rounds, wanted))
    seen = federation.rounds
    assert first.round < without.round < again.round
    assert all(r.participants in ([0], [1], [0, 1], []) for r in seen)
    assert all(one["participant"] == 2 for r in seen for one in r.refused)
    assert any(1 in r.silent for r in seen)
    assert any(None in r.silent or 3 in r.silent for r in seen)
    none_left(folder)


# A participant whose key the server knows cannot take another's place with it: what it sends as
# another is left out, and it is named by its key.
def test_a_key_is_good_for_one_number(folder):
    recipe = Recipe.article(rounds=1, deadline=120.0)
    with Deployment(recipe, secure=True, faults={1: "name"}) as federation:
        [only] = federation
    assert only.participants == [0]
    assert only.refused == [{"participant": 1, "reason": "it says that it is participant 0"}]
    none_left(folder)


def busy(federation, name):
    """The process in which a participant works on a task."""
    for part, command, pid, _ in federation.processes():
        if part == name and command == "flwr-clientapp":
            return pid
    return None


def follow(rounds, wanted):
    """The first round that is as wanted, of those to come."""
    for r in rounds:
        if wanted(r):
            return r
    raise AssertionError("the rounds are over")


def kinds(rounds, wanted):
    """Which of these words stand in the reasons for leaving an answer out."""
    reasons = [one["reason"] for r in rounds for one in r.refused]
    return {words for words in wanted if any(words in reason for reason in reasons)}


# The command ends everything that it has started: on Ctrl-C, on SIGTERM, when it is killed itself
# and can do nothing any more, and when the server is killed, which it says in one sentence.
def test_no_process_is_left(start):
    names = ("interrupted", "terminated", "killed", "no-server")
    commands = {name: start(name, *ARTICLE) for name in names}
    for command in commands.values():
        command.until_printed("Ctrl-C stops them all")
    commands["interrupted"].process.send_signal(signal.SIGINT)
    commands["terminated"].process.send_signal(signal.SIGTERM)
    commands["killed"].process.kill()
    commands["no-server"].part("flower-superlink").kill()
    codes = [command.end() for command in commands.values()]
    assert codes == [130, 128 + signal.SIGTERM, -signal.SIGKILL, 1]
    last = commands["no-server"].text().splitlines()[-1]
    assert last.startswith("fedlearn-edu: SuperLink has ended in round 1")
    for command in commands.values():
        none_left(command.folder)
        assert "Traceback" not in command.text()
    place = commands["no-server"].folder / "federation-report"
    report = json.loads((place / "report.json").read_text())
    assert "SuperLink has ended" in report["end"]


# The command runs to its end, says round by round how far it is, and writes the report.
def test_command_and_report(start):
    command = start("done", *ARTICLE[:2], "--rounds", "2", "--deadline", "120")
    assert command.end(300) == 0, command.text()
    said = command.text()
    assert "round 1/2" in said
    assert "round 2/2" in said
    assert "The engine computes the same" in said
    place = command.folder / "federation-report"
    report = json.loads((place / "report.json").read_text())
    assert report["end"] == "done"
    assert report["difference from the engine"] < 1e-12
    assert [r["examples"] for r in report["rounds"]] == [[6, 4]] * 2
    assert "round 2/2" in (place / "report.txt").read_text()
    with np.load(place / "theta.npz") as stored:
        # α = 1/2 halves the distance to the article's weighted mean twice
        assert np.allclose(stored["arr_0"], 0.75 * np.array([2.2, 3.2, 4.2]))
    none_left(command.folder)


# A server that never begins is given up, with the last that is known of it.
def test_a_server_that_never_begins(tmp_path):
    federation, log = Deployment(Recipe()), tmp_path / "log"
    log.write_text("out of memory\n")
    waiting = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE) as process:
        for name in ("SuperExec", "participant 0"):
            federation.parts[name] = Part(name, process, log)
        federation.journal, federation.begun = io.StringIO(), -math.inf
        with pytest.raises(Stopped, match=r"ServerApp.*out of memory"):
            next(iter(federation))


# --- Refusals ---


# What cannot be is refused in one sentence, without a traceback, before anything is started.
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--participants", "1"], "'1' is not a whole number from 2 to 100"),
        (["--rounds", "0"], "'0' is not a whole number from 1"),
        (["--rounds", "many"], "'many' is not a whole number"),
        (["--deadline", "-1"], "'-1' is not a number of seconds"),
        (["--data", "faces"], "invalid choice: 'faces'"),
        (["--data", "article", "--participants", "3"], "the article's example has 2 participants"),
        (["--cast", "float8"], "up is 'float8'"),
        (["--fault", "1=hunger"], "'1=hunger' is not like 1=nan"),
        (["--fault", "7=nan"], "--fault names participant 7"),
        (["--remote", "1"], "--remote needs --host"),
        (["--join", "nowhere"], "'nowhere' is not like 192.0.2.7:8000"),
        (["--join", "127.0.0.1:1"], "--join needs --participant"),
        (["--host", "203.0.113.7"], "203.0.113.7 is not an address of this machine"),
    ],
)
def test_refusals(arguments, words, start):
    command = start("refused", *arguments)
    assert command.end() in (1, 2)
    [sentence] = [line for line in command.text().splitlines() if "fedlearn-edu" in line]
    assert words in sentence
    assert "Traceback" not in command.text()


# A port that somebody has is named, and nothing is started.
def test_a_port_taken(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = start("refused", "--port", str(port))
        assert command.end() == 1
    assert f"Port {port} of 127.0.0.1 is in use" in command.text()
    none_left(command.folder)


# Without Flower the command says how to get it.
def test_without_flower():
    command = [sys.executable, "-c", WITHOUT_FLOWER]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Flower is not installed. In the course's folder: make federation" in done.stderr
    assert done.stderr.count("\n") == 1


WITHOUT_FLOWER = """
import sys
from fedlearn_edu.flower import parts
parts.Path.is_file = lambda path: False
from fedlearn_edu.cli import main
sys.exit(main(["federation", "--lang", "en"]))
"""
