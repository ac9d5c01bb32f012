"""The real server as a subprocess, and a client that speaks the kernel protocol without a browser.

Tests and benchmarks share it.  Nothing here sleeps for a fixed time: `wait_until` polls a condition
up to a deadline.
"""

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import weakref
from pathlib import Path

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = "v1.kernel.websocket.jupyter.org"
START_SECONDS = 30


def wait_until(condition, seconds=40, what="the condition"):
    """Return the first true value of ``condition()``; fail after ``seconds``.

    That is less than the minute after which a server frees every kernel whose page is gone.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)  # between polls


class Server:
    """A running server: ``with Server("--pool", "1") as server: server.get("/")``.

    Parameters
    ----------
    *options : str
        Options of ``fedlearn_edu app``; a free port is taken unless one is given.
    env : dict
        Environment variables on top of this process's.
    code : str
        Python that runs first in the server's process; tests use it to switch a guard off.
    """

    def __init__(self, *options, env=None, code=""):
        options = ["app", "--no-browser", *options]
        if "--port" not in options:
            options += ["--port", "0"]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._env = {**os.environ, "PYTHONPATH": path, **(env or {})}
        run = f"import sys; from fedlearn_edu.cli import main; sys.exit(main({options!r}))"
        self.command = [sys.executable, "-c", f"{code}\n{run}"]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- open while the server runs
        weakref.finalize(self, self.log.close)
        self.process = None

    def __enter__(self):
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            env=self._env,
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://([^/\s]+):(\d+)(\S*)", line)
        if not found:
            self.stop()
            raise AssertionError(f"the server did not start: {line}{self.errors()}")
        self.announced = line
        self.seconds = time.monotonic() - self.started
        self.host, self.port, self.base = found[1].strip("[]"), int(found[2]), found[3]
        self.url = f"http://{found[1]}:{self.port}{self.base}"
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, number=signal.SIGTERM, seconds=60):
        """End the server with a signal and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for process in self.descendants():
                process.kill()
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end within {seconds} s") from None
        finally:
            self.process.stdout.close()

    def errors(self):
        """Return what the server has written to standard error."""
        self.log.seek(0)
        return self.log.read()

    def request(self, method, path, headers=None, body=None):
        """Return ``(status, headers, body)`` of one request; ``path`` is below the base URL."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        with contextlib.closing(connection):
            path = path if path.startswith(self.base) else self.base + path.lstrip("/")
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path="", **headers):
        """Return ``(status, headers, text)`` of a page."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        status, found, body = self.request("GET", path, headers)
        return status, found, body.decode()

    def health(self):
        """Return the server's counts."""
        return json.loads(self.get("healthz")[2])

    def descendants(self):
        """Return all processes that the server has started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def kernels(self):
        """Return the processes that are kernels."""
        return [process for process in self.descendants() if is_kernel(process)]

    def wait_warm(self, count, seconds=120):
        """Wait until so many kernels are warm."""
        return wait_until(lambda: self.health()["warm"] >= count, seconds, f"{count} warm kernels")


def is_kernel(process):
    """Return True for a live kernel process."""
    try:
        command = process.cmdline()
        alive = process.status() != psutil.STATUS_ZOMBIE
        if "ipykernel_launcher" in command:
            return alive
        forked = "fedlearn_edu.serve.forks" in command
        return alive and forked and "fedlearn_edu.serve.forks" in process.parent().cmdline()
    except (psutil.NoSuchProcess, AttributeError):
        return False


def pack(channel, kind, content, session, metadata=None):
    """Return a message of the kernel protocol as one websocket frame."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": kind,
        "session": session,
        "username": "",
        "date": "",
        "version": "5.3",
    }
    parts = [
        channel.encode(),
        *(json.dumps(part).encode() for part in (header, {}, metadata or {}, content)),
    ]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in numbers), *parts])


def unpack(frame):
    """Return ``(channel, header, content)`` of a frame."""
    count = int.from_bytes(frame[:8], "little")
    ends = [int.from_bytes(frame[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
    parts = [frame[i:j] for i, j in itertools.pairwise(ends)]
    return parts[0].decode(), json.loads(parts[1]), json.loads(parts[4])


class Page:
    """A lab's or a live chapter's page without a browser: fetches it and opens its sockets.

    Parameters
    ----------
    server : Server
    lab : str
    query : str
        What follows the ``?`` of the address.
    chapter : int, optional
        Open this chapter instead of a lab.
    """

    def __init__(self, server, lab="convergence", query="", chapter=None):
        self.server = server
        self.session = uuid.uuid4().hex
        place = f"labs/{lab}" if chapter is None else f"chapters/{chapter}/live"
        self.status, self.headers, self.text = server.get(f"{place}?{query}")
        self.socket = None
        self._open = contextlib.ExitStack()
        found = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', self.text)
        self.config = json.loads(found[1]) if found else None
        self.kernel = self.config and self.config["kernelId"]
        output = re.search(r'cell-output\+json">(.*?)</script>', self.text)
        data = json.loads(output[1])["data"] if output else {}
        self.model = data.get("application/vnd.jupyter.widget-view+json", {}).get("model_id")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def connect(self, protocol=PROTOCOL, **options):
        """Open the socket."""
        address = f"ws://{self.server.host}:{self.server.port}{self.server.base}"
        self.socket = self._open.enter_context(
            connect(
                f"{address}api/kernels/{self.kernel}/channels?session_id={self.session}",
                subprotocols=[protocol] if protocol else None,
                max_size=None,
                open_timeout=30,
                **options,
            )
        )
        return self

    def send(self, kind, content, channel="shell", metadata=None):
        """Send a message."""
        self.socket.send(pack(channel, kind, content, self.session, metadata))

    def messages(self, seconds=60):
        """Yield ``(channel, header, content)`` until the deadline."""
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"no such message within {seconds} s")
            try:
                yield unpack(self.socket.recv(timeout=left))
            except TimeoutError:
                continue

    def wait_for(self, kind, seconds=60, **content):
        """Return the content of the next message of a kind whose content has these values."""
        for _, header, found in self.messages(seconds):
            if header["msg_type"] == kind and content.items() <= found.items():
                return found
        return None

    def live(self, seconds=60):
        """Ask for the widgets' state, as a page does when it opens; True once it is there."""
        return self.model in self.states(seconds)

    def states(self, seconds=60):
        """Ask for the widgets' state and return it by model."""
        comm = uuid.uuid4().hex
        target = {"comm_id": comm, "target_name": "jupyter.widget.control", "data": {}}
        self.send("comm_open", target, metadata={"version": "1.0.0"})
        self.send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        answer = self.wait_for("comm_msg", seconds, comm_id=comm)
        return answer["data"]["states"]

    BEGIN = '{"action": "execute"}'

    def listen(self, **options):
        """Open a live chapter's other socket; return it."""
        address = f"ws://{self.server.host}:{self.server.port}{self.server.base}"
        address += f"voila/execution/{self.kernel}"
        return self._open.enter_context(connect(address, open_timeout=30, **options))

    def begin(self, message=BEGIN, **options):
        """Open a live chapter's other socket, and ask it to begin; return it."""
        socket = self.listen(**options)
        socket.send(message)
        return socket

    def results(self, seconds=60):
        """Return what a live chapter's cells displayed, by their place, in order."""
        socket, found = self.begin(), {}
        with contextlib.suppress(ConnectionClosed):
            while True:
                told = json.loads(socket.recv(timeout=seconds))["payload"]
                assert told["cell_index"] not in found
                found[told["cell_index"]] = told["output_cell"]["outputs"]
        return found

    def goodbye(self, **headers):
        """Send what a browser sends when the page is closed; return the status."""
        headers = headers or {"Origin": self.server.url.split("/", 3)[0] + "//" + self._host()}
        return self.server.request("POST", f"voila/api/shutdown/{self.kernel}", headers)[0]

    def _host(self):
        return f"{self.server.host}:{self.server.port}"

    def close(self):
        """Close the socket, if it is open."""
        self._open.close()


def uss(process):
    """Return the memory that a process has for itself alone, in MiB."""
    return process.memory_full_info().uss / 2**20
