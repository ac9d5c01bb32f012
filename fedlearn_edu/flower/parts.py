"""Processes that are started together and end together.

Flower's parts run under the Python that has flwr, this one or that of ``.venv-flower``; nothing
here imports it.  Every part has a process group of its own, so that its children go with it, and
one small keeper, which ends all groups and removes what they wrote, keys included, when this
process ends, in whatever way.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..i18n import Translator
from ..paths import SOURCE
from ..strings.federation import STRINGS

QUIET = {  # one thread a process, no word to anybody outside, and the settings named above
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
GRACE_SECONDS = 3  # for parts to end by themselves
KEEPER = """
import os, shutil, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
groups = [int(line) for line in iter(sys.stdin.readline, "")]
for group in groups:
    try: os.killpg(group, signal.SIGKILL)
    except OSError: pass
for _ in range(50):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]): break
    time.sleep(0.1)
"""


class Stopped(Exception):
    """The federation cannot begin or go on; the argument says why, in one sentence."""

    def __init__(self, key, **values):
        super().__init__(key, values)
        self.key, self.values = key, values

    def __str__(self):
        return self.says("en")

    def says(self, lang):
        """Return why, as a sentence in a language."""
        return Translator(lang, STRINGS)(self.key, **self.values)


def _memory(process):
    """Return the bytes of a process; pages that several share count once, where that is known."""
    with contextlib.suppress(psutil.AccessDenied):
        return getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
    return process.memory_info().rss


def flower_python():
    """Return the Python that has Flower.

    Returns
    -------
    str
        $FEDLEARN_FLOWER, this Python, or that of ``.venv-flower``, the first that has flwr.

    Raises
    ------
    Stopped
        If none of them has.
    """
    own = SOURCE / ".venv-flower/bin/python"
    for python in filter(None, (os.environ.get("FEDLEARN_FLOWER"), sys.executable, str(own))):
        if (Path(python).parent / "flower-superlink").is_file():
            return python
    raise Stopped("no_flower")


def free_port():
    """Return a port of this machine that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def check_port(host, port):
    """Refuse a port that is taken, or an address that is not this machine's."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        key = "port_taken" if error.errno in (48, 98) else "bad_address"
        raise Stopped(key, host=host, port=port) from None


@dataclass
class Part:
    """A process that was started, with its children.

    Attributes
    ----------
    name : str
        "SuperLink", "SuperExec" or "participant 0".
    process : subprocess.Popen
    log : Path
        What it printed.
    stopped : bool
        Whether it was ended on purpose.
    """

    name: str
    process: subprocess.Popen
    log: Path
    stopped: bool = False

    @property
    def alive(self):
        """Whether it runs."""
        return self.process.poll() is None

    def end(self, number=signal.SIGKILL):
        """Send a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def last_words(self):
        """Return the last line that it printed."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        lines = COLOURS.sub("", text).split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


class Parts:
    """Parts that end together: a context manager.

    Attributes
    ----------
    folder : Path
        Where they write; removed at the end.
    parts : dict of str to Part
        By name; one that was started again stands for the one before.
    python : str
        The Python that has Flower.

    Raises
    ------
    Stopped
        If Flower is not installed, or there are no process groups (Windows).
    """

    def __init__(self):
        self.folder = self.keeper = None
        self.parts = {}

    def __enter__(self):
        if not hasattr(os, "killpg"):
            raise Stopped("no_groups")
        self.python = flower_python()
        self.folder = Path(tempfile.mkdtemp(prefix="federation-"))
        self.keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(self.folder)],
            stdin=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        try:
            self.begin()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def begin(self):
        """Start what has to run from the beginning."""

    def launch(self, name, command, *arguments):
        """Start a part, and tell the keeper.

        Parameters
        ----------
        name : str
            The part's.
        command, *arguments : str
            One of Flower's commands.

        Returns
        -------
        Part
        """
        home = self.folder / name.replace(" ", "-")
        home.mkdir(exist_ok=True)
        log = home.with_suffix(".log")
        with open(log, "ab") as out:
            process = subprocess.Popen(
                [command_path(self.python, command), *arguments],
                env=environment(self.python, home) | self.variables(),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, process_group=0, cwd=home,
            )  # fmt: skip
        self.keeper.stdin.write(f"{process.pid}\n")
        self.keeper.stdin.flush()
        self.parts[name] = Part(name, process, log)
        return self.parts[name]

    def variables(self):
        """Return what else the parts have in their environment."""
        return {}

    def stop(self):
        """End every part and remove what they wrote; can be called twice."""
        for part in self.parts.values():
            part.stopped = True
            part.end(signal.SIGTERM)
        end = time.monotonic() + GRACE_SECONDS
        while any(part.alive for part in self.parts.values()) and time.monotonic() < end:
            time.sleep(0.05)
        for part in self.parts.values():
            part.end()
            part.process.wait()
        if self.keeper:
            self.keeper.communicate()
            self.keeper = None

    def processes(self):
        """Return what runs: a list of (part, command, process id, MiB of memory)."""
        found = []
        for part in self.parts.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(part.process.pid)
                for process in (root, *root.children(recursive=True)):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        words = [Path(word).name for word in process.cmdline()]
                        command = next((w for w in words if w.startswith("fl")), part.name)
                        mib = round(_memory(process) / 2**20)
                        found.append((part.name, command, process.pid, mib))
        return found


def command_path(python, command):
    """Return the path of one of Flower's commands."""
    return str(Path(python).parent / command)


def environment(python, home):
    """Return the environment of Flower's processes.

    Parameters
    ----------
    python : str
        The Python that has Flower.
    home : path
        Where Flower may write.

    Returns
    -------
    dict
    """
    path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", "")])
    places = {"FLWR_HOME": str(home), "PYTHONPATH": str(SOURCE), "PATH": path}
    return {**os.environ, **QUIET, **places}
