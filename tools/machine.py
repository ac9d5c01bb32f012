"""What this machine has beside Python: a Chromium, Node, a Chinese font. Finds them, or gets them.

Standard library only: it runs before anything is installed.
`python tools/machine.py chromium` prints the Chromium that the browser tests use.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_PATHS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
CHINESE_FONTS = "/usr/share/fonts/**/*"
CHINESE_FONT_NAMES = re.compile(r"(Noto.*(CJK|SC)|SourceHan|wqy|DroidSansFallback)", re.IGNORECASE)
OLDEST_NODE = 18
STAGE = Path(__file__).resolve().parent.parent / "stage"


def say(text):
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


def answer(*command, timeout=30):
    """What a command prints, or "" if it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=True, encoding="utf-8"
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def is_root():
    """Whether apt-get may be used without asking anybody."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages, log):
    """Install Debian packages; True if that worked. What apt-get says goes to the log."""
    say(f"Installing {', '.join(packages)} with apt-get (a minute or two) …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with open(log, "a", encoding="utf-8") as out:
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            command = ["apt-get", "--quiet", *arguments]
            status = subprocess.run(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment
            ).returncode
    return status == 0


def system_chromium():
    """The machine's own Chromium, if one starts; $CHROMIUM goes before all others."""
    named = (shutil.which(name) for name in CHROMIUM_NAMES)
    for path in (os.environ.get("CHROMIUM"), *named, *CHROMIUM_PATHS):
        if path and re.search(r"Chrom", answer(path, "--version")):
            return path
    return None


def playwright_chromium(python):
    """The Chromium that Playwright's own installer put on this machine, if it did."""
    code = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as p: print(p.chromium.executable_path)"
    )
    path = answer(python, "-c", code)
    return path if path and Path(path).is_file() else None


def playwright_starts(python):
    """Whether Playwright's own Node finds its libraries; a bare Debian lacks libatomic1."""
    return bool(answer(python, "-m", "playwright", "--version"))


def chromium(python=sys.executable):
    """The Chromium that the browser tests use: the machine's, else Playwright's, else None."""
    return system_chromium() or playwright_chromium(python)


def node():
    """The path of a Node that is new enough and has npm beside it, or None."""
    version = re.match(r"v(\d+)", answer("node", "--version"))
    if version and int(version[1]) >= OLDEST_NODE and shutil.which("npm"):
        return shutil.which("node")
    return None


def chinese_font():
    """Whether a page in Chinese can be drawn with this machine's fonts."""
    if not sys.platform.startswith("linux"):
        return True
    if shutil.which("fc-list"):
        return bool(answer("fc-list", ":lang=zh-cn", "family"))
    return any(CHINESE_FONT_NAMES.search(path) for path in glob.glob(CHINESE_FONTS, recursive=True))


def is_debian():
    """Debian's package "chromium" is a browser; Ubuntu's is a stub that asks for a snap."""
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"^ID=debian$", release, re.MULTILINE) is not None


def playwright_install(python, log):
    """Let Playwright fetch its own Chromium; True if that worked."""
    say("Fetching a Chromium with Playwright (about 150 MB) …")
    with open(log, "a", encoding="utf-8") as out:
        try:
            command = [python, "-m", "playwright", "install", "chromium"]
            subprocess.run(command, stdout=out, stderr=out, timeout=900, check=True)
        except (OSError, subprocess.SubprocessError):
            return False
    return playwright_chromium(python) is not None


def stage_packages(log):
    """Let npm install what the stage's tests need, unless it is there."""
    lock, there = STAGE / "package-lock.json", STAGE / "node_modules" / ".package-lock.json"
    if there.exists() and there.stat().st_mtime >= lock.stat().st_mtime:
        return
    say("Installing what the stage's tests need with npm …")
    with open(log, "a", encoding="utf-8") as out:
        command = [shutil.which("npm"), "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=STAGE, stdout=out, stderr=out, timeout=900)


def prepare(python, log):
    """Get what the tests need beside Python packages; return the sentences on what is missing."""
    wanted = {}
    if not chromium(python) and is_debian():
        wanted["chromium"] = ["chromium"]
    if not playwright_starts(python):
        wanted["playwright"] = ["libatomic1"]
    if not node():
        wanted["node"] = ["nodejs", "npm"]
    if not chinese_font():
        wanted["font"] = ["fonts-noto-cjk", "fontconfig"]
    if wanted and is_root():
        apt_install([package for packages in wanted.values() for package in packages], log)
    if not chromium(python) and not playwright_install(python, log) and is_root():
        apt_install(["chromium"], log)
    if node():
        stage_packages(log)

    if not chinese_font():
        say("No Chinese font here: Chinese text on the tests' screenshots shows as boxes.")
    missing = []
    if not playwright_starts(python):
        missing.append(
            "Playwright does not start, so the browser tests cannot run. "
            "On Debian and Ubuntu: apt install libatomic1"
        )
    if not chromium(python):
        missing.append(
            "There is no Chromium, and none could be installed: the browser tests cannot run. "
            "Install Chromium or Chrome, or name one: CHROMIUM=/path/to/chrome make test"
        )
    if not node():
        missing.append(
            f"There is no Node {OLDEST_NODE} or newer with npm: whether the committed stage.js "
            "is what stage/src builds cannot be checked. Install Node to check it."
        )
    return missing


if __name__ == "__main__":
    found = {"chromium": chromium, "node": node}[sys.argv[1]]()
    if not found:
        sys.exit(1)
    print(found)
