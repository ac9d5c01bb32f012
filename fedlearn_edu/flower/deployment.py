"""A federation of processes: one server, and participants that only talk to it.

Where the seconds of a round go, with Flower 1.41 and two participants on two idle cores:

* Flower's own FedAvg has the participants train, then evaluate: two exchanges a round.
  Here the server has examples for testing, and a round is one exchange: 6.2 s.
* The server's own loop looks for answers every 3 s (`strategy.Prompt` asks Flower's grid every
  0.25 s), and the SuperExec, which starts tasks, looks for them every second (0.2 s by
  `FLWR_SUPEREXEC_TASK_POLL_INTERVAL`): 5.4 s.
* 3 s of that are a pause that no setting changes: a SuperNode that was told that there is nothing
  to do asks again after 3 s, and as it asks at once after its answer, it is always told so.
* The rest is the start of a process that imports Flower, for every task: 2 CPU-seconds.
"""

import contextlib
import json
import socket
import subprocess
import time
from dataclasses import dataclass, field
from os import urandom
from pathlib import Path

import numpy as np
import psutil

from .parts import Parts, Stopped, check_port, command_path, environment, free_port
from .relay import Relays

PROJECT = Path(__file__).parent / "project"
START_SECONDS = 180  # in which a part has to be up
EACH_SECONDS = 5  # more for each participant that starts beside the ServerApp


@dataclass(frozen=True)
class Round:
    """What happened in a round.

    Attributes
    ----------
    round : int
        From 1.
    loss, accuracy : float or None
        Of θ on the test examples.
    seconds : float
        From the server's asking to its step.
    participants, examples : list of int
        Whose updates are in θ, and their n_i.
    refused : list of dict
        Answers that were left out: "participant" and "reason".
    silent : list of int or None
        Who was asked and did not answer in time; None for one that never said who it is.
    up, down : dict
        Bytes that each participant of this machine sent to the server, and got from it, since the
        round before ended; those of other machines together under "others".
    """

    round: int
    loss: float
    accuracy: float | None
    seconds: float
    participants: list
    examples: list
    refused: list
    silent: list
    up: dict = field(default_factory=dict)
    down: dict = field(default_factory=dict)


class Deployment(Parts):
    """A federation of processes on this machine; a context manager that stops them all.

    Parameters
    ----------
    recipe : Recipe
        What is trained and how.
    secure : bool
        TLS with an authority made for the run, and only participants whose keys the server knows;
        a key is good for its own participant's number alone.
    host : str, optional
        Address on which participants of other machines reach the server; none if left out.
    port : int
        The server's; 0 takes a free one.
    remote : sequence of int
        Participants that are not started here, since they join from other machines.
    faults : dict of int to str
        What participants do wrong, as in `faults.FAULTS`: "nan", "slow", …; "nan+shape" in turns.

    Attributes
    ----------
    rounds : list of Round
        So far.
    notes : list of (str, dict)
        What else happened, as keys and values of `strings.federation`.
    theta : list of ndarray or None
        θ after the last round.
    peak : int
        Most memory of all processes at the end of a round, MiB.

    Raises
    ------
    Stopped
        If a part cannot start, or ends while it is needed.

    Examples
    --------
    A cell of a notebook, which shows a line a round and kills a participant in the third:

    >>> from fedlearn_edu.flower import Deployment, Recipe
    >>> with Deployment(Recipe(participants=3, rounds=5, deadline=15)) as d:  # doctest: +SKIP
    ...     for r in d:
    ...         print(r.round, r.participants, r.accuracy, sum(r.up.values()))
    ...         if r.round == 2:
    ...             d.kill(1)
    ...     theta = d.theta
    """

    def __init__(self, recipe, *, secure=False, host=None, port=0, remote=(), faults=None):
        super().__init__()
        self.recipe, self.secure, self.host, self.port = recipe, secure, host, port
        self.remote, self.faults = tuple(remote), dict(faults or {})
        self.rounds, self.notes, self.relays = [], [], None
        self.nodes = []  # by participant: the node that has its key
        self.counters, self.before, self.peak = {}, {}, 0
        self.journal = self.server = self.theta = None
        self.done = self.server_gone = False
        self.begun = None
        self.line = ""

    # --- Start and stop ---

    def begin(self):
        """Start the server, then the participants, then the run."""
        check_port(self.host or "127.0.0.1", self.port)
        inner = free_port() if self.host or not self.port else self.port
        self.address, self.relays = f"127.0.0.1:{inner}", Relays(inner)
        self._write_connection()
        if self.secure:
            self._make_keys()
        self._start_server(inner)
        if self.host:
            self._open_gate()
        for i in range(self.recipe.participants):
            if i not in self.remote:
                self.counters[i] = self.relays.open()
                self.before[i] = (0, 0)
                self.start(i)
        self._submit()
        self.begun = time.monotonic()

    def _start_server(self, port):
        (self.folder / "secret").touch(mode=0o600)
        (self.folder / "secret").write_bytes(urandom(32))
        secret = ["--superexec-auth-secret-file", self._path("secret")]
        tls = ["--insecure"]
        if self.secure:
            tls = ["--ssl-ca-certfile", self._path("ca.crt"), "--ssl-certfile",
                   self._path("server.crt"), "--ssl-keyfile", self._path("server.key"),
                   "--enable-supernode-auth"]  # fmt: skip
        self.launch("SuperLink", "flower-superlink", *tls, "--isolation", "process",
                     "--host", "127.0.0.1", "--port", str(port), *secret)  # fmt: skip
        self._await_port(port)
        if self.secure:
            self._register()
        self.launch("SuperExec", "flower-superexec", *self._trust(), *secret,
                     "--runtime-api-address", self.address)  # fmt: skip

    def _open_gate(self):
        names = ("ca.crt", "server.crt", "server.key") if self.secure else ()
        certificate = tuple(map(self._path, names))
        self.counters["others"] = self.relays.gate(self.host, self.port, certificate)
        self.before["others"] = (0, 0)
        self.port = self.counters["others"].port

    def stop(self):
        """End every part and remove what they wrote; can be called twice."""
        super().stop()
        if self.relays:
            self.relays.close()
            self.relays = None
        if self.journal:
            self.journal.close()

    def variables(self):
        """Tell the server where to write what happens, and whose key is whose."""
        return {"FEDLEARN_JOURNAL": self._path("journal"), "FEDLEARN_NODES": json.dumps(self.nodes)}

    def start(self, i):
        """Start participant i, also again after it has ended."""
        name = f"participant {i}"
        node = [f"partition-id={i}", f"num-partitions={self.recipe.participants}"]
        if i in self.faults:
            node.append(f'fault="{self.faults[i]}"')
        address = f"127.0.0.1:{self.counters[i].port}"
        key = self._path(f"participant-{i}.key") if self.secure else None
        self.launch(name, *supernode(address, node, self._trust(), key))

    def credentials(self, i, folder):
        """Write what participant i needs on another machine: ca.crt and participant.key."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, copy in (("ca.crt", "ca.crt"), (f"participant-{i}.key", "participant.key")):
            (folder / copy).touch(mode=0o600)
            (folder / copy).write_bytes((self.folder / name).read_bytes())

    def kill(self, i):
        """Kill participant i, and all that it has started, in the middle of whatever it does."""
        self.parts[f"participant {i}"].end()
        self.parts[f"participant {i}"].process.wait()

    # --- What happens ---

    def __iter__(self):
        """Yield each `Round` when it is over."""
        while not self.done:
            yield from self._news()
            if not self.done:
                self._watch()
                time.sleep(0.05)

    def _news(self):
        """Yield the rounds that the server has written down since the last look."""
        while text := self.journal.readline():
            self.line += text
            if not text.endswith("\n"):
                break  # the rest is still being written
            event, self.line = json.loads(self.line), ""
            if "server" in event:
                self.server, self.server_gone = event["server"], False
            elif "error" in event:
                raise Stopped("server_error", reason=event["error"])
            elif "done" in event:
                with np.load(self._path("journal.npz")) as stored:
                    self.theta = [stored[name] for name in stored.files]
                self.done = True
            else:
                yield self._add(event)

    def _add(self, event):
        """Return the round that ended, with the bytes that have passed since the one before."""
        up, down = {}, {}
        for i, counter in self.counters.items():
            before, self.before[i] = self.before[i], (counter.up, counter.down)
            up[i], down[i] = counter.up - before[0], counter.down - before[1]
        self.peak = max(self.peak, sum(mib for *_, mib in self.processes()))
        self.rounds.append(Round(**event, up=up, down=down))
        return self.rounds[-1]

    def _watch(self):
        """Notice who has ended; stop if it is somebody without whom nothing goes on."""
        t = len(self.rounds) + 1
        for part in self.parts.values():
            if part.stopped or part.alive:
                continue
            part.stopped = True
            if part.name in ("SuperLink", "SuperExec"):
                raise Stopped("part_ended", part=part.name, round=t, words=part.last_words())
            self.notes.append(("participant_ended", {"part": part.name, "round": t}))
        alive = any(part.alive and part.name.startswith("p") for part in self.parts.values())
        if not alive and not self.remote:
            raise Stopped("nobody_left", round=t)
        patience = START_SECONDS + EACH_SECONDS * self.recipe.participants
        if not self.server and time.monotonic() > self.begun + patience:
            words = self.parts["SuperExec"].last_words()
            raise Stopped("no_start", part="ServerApp", words=words)
        if self.server and not _runs(self.server):
            if self.server_gone:  # what it wrote before it ended has been read
                raise Stopped("part_ended", part="ServerApp", round=t, words="")
            self.server_gone = True

    # --- How it is started ---

    def _path(self, name):
        return str(self.folder / name)

    def _await_port(self, port):
        """Wait until the SuperLink listens."""
        part, end = self.parts["SuperLink"], time.monotonic() + START_SECONDS
        while time.monotonic() < end and part.alive:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.05)
        raise Stopped("no_start", part=part.name, words=part.last_words())

    def _trust(self):
        """Return how a part trusts the server."""
        return ["--root-certificates", self._path("ca.crt")] if self.secure else ["--insecure"]

    def _run(self, *command):
        """Return what a command prints; what goes wrong is told with its last line."""
        try:
            done = subprocess.run(
                command, env=environment(self.python, self.folder), cwd=self.folder,
                capture_output=True, text=True, errors="replace", timeout=START_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            words = f"{START_SECONDS} s"
            raise Stopped("no_start", part=Path(command[0]).name, words=words) from None
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines() or [""]
            raise Stopped("no_start", part=Path(command[0]).name, words=lines[-1])
        return done.stdout

    def _make_keys(self):
        names = ["127.0.0.1", "localhost", socket.gethostname(), *addresses()]
        n = str(self.recipe.participants)
        self._run(self.python, "-m", "fedlearn_edu.flower.keys", self._path(""), n, *names)

    def _write_connection(self):
        """Tell Flower's command line where the server is."""
        trust = f"root-certificates = {json.dumps(self._path('ca.crt'))}"
        (self.folder / "config.toml").write_text(
            '[superlink]\ndefault = "federation"\n[superlink.federation]\n'
            f'address = "{self.address}"\n{trust if self.secure else "insecure = true"}\n',
            encoding="utf-8",
        )

    def _register(self):
        """Let the server know the participants' public keys; it gives each a node of its own."""
        flwr = command_path(self.python, "flwr")
        for i in range(self.recipe.participants):
            key = self._path(f"participant-{i}.pub")
            said = self._run(flwr, "supernode", "register", key, "federation", "--format", "json")
            self.nodes.append(json.loads(said)["node-id"])

    def _submit(self):
        """Give Flower the app and the recipe."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in self.recipe.config().items()]
        recipe = self.folder / "recipe.toml"
        recipe.write_text("\n".join(lines), encoding="utf-8")
        journal = self.folder / "journal"
        journal.touch()
        self.journal = open(journal, encoding="utf-8")  # noqa: SIM115 -- until stop
        flwr = command_path(self.python, "flwr")
        self._run(flwr, "run", str(PROJECT), "federation", "--run-config", str(recipe))


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def supernode(address, node_config, trust, key=None):
    """Return the command that starts a participant.

    Parameters
    ----------
    address : str
        The server's, as host:port.
    node_config : list of str
        What only this participant knows, as "name=value".
    trust : list of str
        "--insecure", or "--root-certificates" and a path.
    key : str, optional
        Path of its private key.

    Returns
    -------
    list of str

    Examples
    --------
    >>> supernode("127.0.0.1:8000", ["partition-id=0"], ["--insecure"])[:3]
    ['flower-supernode', '--superlink', '127.0.0.1:8000']
    """
    own = ["--auth-supernode-private-key", key] if key else []
    return [
        "flower-supernode", "--superlink", address, "--port", str(free_port()), *trust, *own,
        "--node-config", " ".join(node_config),
    ]  # fmt: skip


def addresses():
    """Return the addresses of this machine on its networks."""
    with contextlib.suppress(OSError):
        found = socket.getaddrinfo(socket.gethostname(), None)
        return sorted({entry[4][0].split("%")[0] for entry in found})
    return []
