"""The benchmarks' own arithmetic: what is counted, and that a missing peer stops nothing."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import engine, federation, peers

# The measuring process starts a child; that works a little, starts a grandchild, and ends.
# The grandchild leaves the session, works, says by its own clock how much, and waits to be read.
FAMILY = """
import json, os, resource, time
from benchmarks import peers

def work(seconds):
    while time.process_time() < seconds:
        sum(range(1000))

def own(who):
    use = resource.getrusage(who)
    return use.ru_utime + use.ru_stime

peers.adopt_orphans()
peers.tree_seconds()
report, release = os.pipe(), os.pipe()
if not (child := os.fork()):
    work(0.1 + time.process_time())
    if os.fork():
        os._exit(0)
    os.setsid()
    work(0.3)
    os.write(report[1], str(time.process_time()).encode())
    os.read(release[0], 1)
    os._exit(0)
os.waitpid(child, 0)
grandchild = float(os.read(report[0], 100))
start, tree, end = own(resource.RUSAGE_SELF), peers.tree_seconds(), own(resource.RUSAGE_SELF)
waited = own(resource.RUSAGE_CHILDREN)
os.write(release[1], b"x")
print(json.dumps([start, end, waited, grandchild, tree]))
"""


# The seconds of a process tree are its own, those of children that ended, and those of a live
# grandchild that has lost its parent and left the session, by their own clocks; RUSAGE_CHILDREN
# alone has nothing of the last.  The tree is read in ticks of 10 ms, four of which are cut off.
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps orphans in the tree")
def test_seconds_of_a_process_tree():
    found = subprocess.check_output([sys.executable, "-c", FAMILY], cwd=peers.ROOT)
    start, end, waited, grandchild, tree = json.loads(found)
    assert grandchild >= 0.3
    assert 0.1 <= waited < 0.3
    assert start + waited + grandchild - 0.06 <= tree <= end + waited + grandchild + 0.02


# Half a second a round after a start of seven seconds is found as such, also where a few of the
# rounds were disturbed.
def test_cost_a_round_and_to_start(monkeypatch):
    seconds = [7.0 + 0.5 * done + 3 * (done >= 15) for done in peers.MARKS["flower"]]
    found = {"seconds": seconds, "accuracy": 0.9, "version": "1"}
    done = subprocess.CompletedProcess([], 0, stdout="Ray says\n\n" + json.dumps(found))
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: done)
    measured = peers.measure("flower")
    assert measured["round"] == pytest.approx(0.5)
    assert measured["start"] == pytest.approx(7.0)


# The meter reads the seconds at the marks and nowhere else, and the accuracy after ROUNDS rounds.
def test_meter(monkeypatch):
    federation, theta, _ = engine.workload()
    monkeypatch.setattr(peers, "tree_seconds", iter([1.0, 2.0]).__next__)
    meter = peers.Meter((2, peers.ROUNDS), federation)
    for done in range(peers.ROUNDS + 3):
        layers = [layer + (done - peers.ROUNDS) for layer in theta]
        meter(done, lambda layers=layers: layers)
    assert meter.seconds == [1.0, 2.0]
    hits = federation.y_test == engine.fl.models.predict(theta, federation.x_test)
    assert meter.accuracy == pytest.approx(hits.mean())


# A Python serves a peer only if it has every module that the peer needs.
def test_python_with(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    assert peers.python_with(("json", "numpy")) == sys.executable
    assert peers.python_with(("json", "no_such_module")) is None


# Where no peer is installed the benchmark says in one line how to install them, and runs nothing.
def test_without_peers(monkeypatch, capsys):
    monkeypatch.setattr(peers, "python_with", lambda modules: None)
    monkeypatch.setattr(peers, "measure", pytest.fail)
    peers.main()
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "pip install -r requirements-peers.txt" in said


# A peer that stops is told in its row, with its own last words, and the others go on.
def test_a_peer_that_stops(monkeypatch, capsys):
    good = {"round": 0.5, "start": 1.0, "accuracy": 0.9, "version": "1"}

    def measure(system, python=None):
        if system == "pfl":
            raise RuntimeError("pfl stopped: ImportError: no")
        return good

    monkeypatch.setattr(peers, "python_with", lambda modules: "python")
    monkeypatch.setattr(peers, "measure", measure)
    peers.main()
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[1:5]] == ["our", "plain", "pfl-research", "Flower"]
    assert "pfl stopped: ImportError: no" in said[3]
    assert "1×" in said[4]


# A process that fails is named with the last line that it wrote.
def test_a_failure_is_named():
    with pytest.raises(RuntimeError, match=r"^nobody stopped: KeyError: 'nobody'$"):
        peers.measure("nobody")


# PyTorch's loop begins with the same parameters as the engine, in PyTorch's shapes.
def test_the_loop_begins_with_the_same_parameters():
    pytest.importorskip("torch")
    federation, theta, _ = engine.workload()
    layers = engine.as_theta(engine.PlainLoop(federation, theta).server.values())
    assert all((a == b).all() for a, b in zip(layers, theta, strict=True))


# On paper a million phones take a million times what one takes, and a thousand a thousandth of it.
def test_a_million_phones():
    found = {"nodes": 8, "server": 4.0, "up": 40e3, "down": 20e3, "poll": 0.005}
    lines = federation.on_paper(found, gigabits=10.0, cores=50)
    cells = {line[:34].strip(): line[34:].split() for line in lines if line.endswith((" s", "GB"))}
    assert cells["up, with Flower's messages"] == ["40", "GB", "0.04", "GB"]
    assert cells["line of 10 Gbit/s, up"] == ["32", "s", "0.032", "s"]
    assert cells["server, CPU"] == ["5e+05", "s", "500", "s"]
    assert cells["server, on 50 cores"] == ["1e+04", "s", "10", "s"]
    assert "333,333 questions a second, 1,667 cores" in lines[-3]


# Every example of the participants is learnt from or held back, and none is both.
def test_examples_held_back():
    federation, *_ = engine.workload(participants=20)
    held = engine.without_tests(federation)
    both = np.vstack([held.x, held.x_test])
    assert sorted(map(bytes, both)) == sorted(map(bytes, federation.x))
    assert (federation.counts - held.counts == federation.counts // 5).all()
