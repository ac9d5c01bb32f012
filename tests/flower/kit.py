"""What the tests of real processes share."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil

from fedlearn_edu.paths import SOURCE

# A shell's background job ignores Ctrl-C, and so does all that it starts; here it is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)


def until(condition, seconds, what):
    """Wait for a condition, and fail when the time is up."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return found


def left(folder):
    """The processes whose temporary folder this is: all that a federation has started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TMPDIR") == str(folder) and process.pid != os.getpid():
                found.append(process)
    return found


def none_left(folder, seconds=60):
    """Wait until no process of a federation is left, nor a file."""
    until(lambda: not left(folder), seconds, f"processes of {folder} are left: {left(folder)}")
    until(lambda: not list(folder.glob("federation-*/*.log")), seconds, "files are left")


class Command:
    """``fedlearn-edu federation`` with these arguments, in a folder of its own."""

    def __init__(self, folder, *arguments):
        folder.mkdir()
        self.folder, self.output = folder, folder / "output"
        with open(self.output, "w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "fedlearn_edu", "federation", "--lang", "en", *arguments],
                cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(SOURCE)},
            )  # fmt: skip

    def text(self):
        """What it has printed."""
        return self.output.read_text()

    def until_printed(self, words, seconds=180):
        """Wait until it has printed some words; fail at once if it ends without them."""
        until(lambda: words in self.text() or self.process.poll() is not None, seconds, self.text())
        assert words in self.text(), self.text()

    def end(self, seconds=120):
        """Wait for its end; return its exit code."""
        return self.process.wait(seconds)

    def part(self, words):
        """The process among those that it started whose command line has these words."""
        for process in left(self.folder):
            with contextlib.suppress(psutil.Error):
                if words in " ".join(process.cmdline()):
                    return process
        return None
