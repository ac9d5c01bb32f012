"""Install what the app, the course or the tests need into .venv: `python tools/install.py app`.

Called by the Makefile when something is missing or a list of versions has changed.
Standard library only: it runs before anything is installed. What goes wrong is told in a sentence;
all that pip and apt-get said stands in .venv/install.log.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("fedlearn_edu needs Python 3.11 or newer; this one is %d.%d." % sys.version_info[:2])

import hashlib
import importlib.util
import os
import re
import subprocess
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import machine
from machine import say

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {
    "app": "requirements.txt",
    "course": "requirements-course.txt",
    "test": "requirements-test.txt",
}
APART = {  # in an environment of its own: $VENV
    "flower": "requirements-flower.txt",
    "flower-test": "requirements-flower-test.txt",
}
FILES = LEVELS | APART
SIZES = {
    "app": "about 370 MB, a minute",
    "course": "about 450 MB, a minute",
    "test": "about 1.6 GB with PyTorch, three minutes",
    "flower": "about 540 MB, a minute",
    "flower-test": "about 1.4 GB with PyTorch, two minutes",
}
NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|Failed to establish|Temporary failure in name"
    r"|ConnectTimeout|ReadTimeout|Connection(Reset|Refused|Aborted)|Connection (refused|reset)"
    r"|Network is unreachable|ProxyError|SSLError|Max retries exceeded",
    re.IGNORECASE,
)
# Run by the Python in .venv: prints each pinned package that is not there in that version.
MISSING = """
import importlib.metadata as metadata, sys
from pip._vendor.packaging.requirements import Requirement
for line in sys.stdin.read().splitlines():
    pin = Requirement(line)
    if pin.marker and not pin.marker.evaluate():
        continue
    try:
        if pin.specifier.contains(metadata.version(pin.name), prereleases=True):
            continue
    except metadata.PackageNotFoundError:
        pass
    print(line)
"""


class Stop(Exception):
    """Ends the installation with one sentence."""


def pins(name):
    """The pinned packages of a requirements file, with those of the files that it includes."""
    lines = []
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text.startswith("-r "):
            lines += pins(text[3:].strip())
        elif text and not text.startswith("-"):
            lines.append(text)
    return lines


def venv_python(venv):
    """The Python of a virtual environment."""
    return str(venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def make_venv(venv):
    """Create the environment, unless a working one is there."""
    check = "import pip, sys; print(sys.version_info >= (3, 11))"
    if machine.answer(venv_python(venv), "-c", check) == "True":
        return
    version = "%d.%d" % sys.version_info[:2]
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise Stop(
            f"Python {version} is here, but its venv module is not. "
            f"On Debian and Ubuntu: apt install python{version}-venv"
        )
    say(f"Making {venv.name} with Python {version} …")
    done = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True
    )
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise Stop(f"The environment {venv} cannot be made: {' '.join(last) or 'venv failed'}")


class Progress:
    """One line that counts on a terminal; nothing in between on a pipe."""

    def __init__(self, total):
        self.total, self.count, self.last = total, 0, ""
        self.terminal = sys.stdout.isatty()

    def see(self, line):
        """Read one line of pip's."""
        words = line.split()
        if words[:1] == ["Collecting"]:
            self.count += 1
            self.show(f"  {self.count} of {self.total}  {re.split('[=<>!;]', words[1])[0]}")
        elif words[:1] == ["Obtaining"]:
            self.show("  preparing fedlearn_edu itself …")
        elif words[:2] == ["Installing", "collected"]:
            self.show("  unpacking …")
        elif "Retrying (" in line and "waiting" not in self.last:
            self.show("  waiting for the network …")

    def show(self, text):
        """Replace the line."""
        self.last = text
        if self.terminal:
            print(f"\r\033[K{text[:78]}", end="", flush=True)

    def close(self):
        """Leave an empty line behind."""
        if self.terminal:
            print("\r\033[K", end="", flush=True)


def pip_install(venv, arguments, total):
    """Run pip install; return its exit status and what it said."""
    command = [
        venv_python(venv), "-m", "pip", "install", "--disable-pip-version-check",
        "--no-input", "--progress-bar", "off", "--root-user-action", "ignore", *arguments,
    ]  # fmt: skip
    # In the environment, so that the pip that pip starts to build the package obeys as well.
    patience = {"PIP_RETRIES": "1", "PIP_DEFAULT_TIMEOUT": "30"}
    environment = {**os.environ, **patience, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    progress, said = Progress(total), []
    pip = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, encoding="utf-8", errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    with pip, open(venv / "install.log", "a", encoding="utf-8") as log:
        for line in pip.stdout:
            log.write(line)
            said.append(line)
            progress.see(line)
    progress.close()
    return pip.returncode, "".join(said)


def explain(said):
    """One sentence for what stopped pip."""
    if "No space left on device" in said:
        return "The disk is full: the installation stopped. Make room and start again."
    if NETWORK.search(said):
        return (
            "The packages cannot be fetched: there is no network, or it does not reach "
            "Python's package index. Connect and start again; what is here already is kept."
        )
    errors = re.findall(r"^ *(?:ERROR:|\w+Error:) *(.+)$", said, re.MULTILINE)
    return f"pip stopped: {(errors or ['no reason given'])[-1]} (all of it: .venv/install.log)"


def missing(venv, lines):
    """The pinned packages that the environment does not have."""
    done = subprocess.run(
        [venv_python(venv), "-c", MISSING], input="\n".join(lines), capture_output=True, text=True
    )
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else lines


def project():
    """What the package's own installation depends on: this folder and pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode()
    return hashlib.sha256(text).hexdigest()


def install(venv, level):
    """Bring the environment to a level."""
    wanted = pins(FILES[level])
    absent = missing(venv, wanted)
    if absent:
        say(f"Installing {len(absent)} packages into {venv.name} ({SIZES[level]}) …")
    elif (venv / ".project").is_file() and (venv / ".project").read_text() == project():
        return
    else:
        say(f"Installing fedlearn_edu itself into {venv.name} …")
    torch = [line for line in absent if line.startswith("torch==")]
    for arguments in ([torch] if torch else []) + [["-r", FILES[level]]]:
        status, said = pip_install(venv, arguments, len(absent))
        if status == 0:
            continue
        if NETWORK.search(said) and not missing(venv, [*wanted, "fedlearn-edu"]):
            say("No network: going on with what was installed before.")
            continue
        raise Stop(explain(said))


def stamp(venv, level):
    """Note that this level and those that it includes are installed, from this folder."""
    for name in APART if level in APART else LEVELS:
        (venv / f".{name}").touch()
        if name == level:
            break
    (venv / ".project").write_text(project(), encoding="utf-8")
    (venv / ".folder").write_text(f"{ROOT}\n", encoding="utf-8")


def main(level):
    """Install a level; the exit status."""
    venv = ROOT / os.environ.get("VENV", ".venv")
    start = time.monotonic()
    try:
        make_venv(venv)
        install(venv, level)
        if level == "test":
            lacks = machine.prepare(venv_python(venv), venv / "install.log")
            if lacks and os.environ.get("CI"):
                raise Stop(" ".join(lacks))
            for sentence in lacks:
                say(sentence)
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Start again to go on; what is here already is kept.", file=sys.stderr)
        return 130
    stamp(venv, level)
    say(f"Installed in {time.monotonic() - start:.0f} s.")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] not in [[name] for name in FILES]:
        sys.exit(f"usage: python tools/install.py {'|'.join(FILES)}")
    sys.exit(main(sys.argv[1]))
