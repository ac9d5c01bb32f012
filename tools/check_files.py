"""Check files before a commit: final newline, conflict marks, size. Mends what it can.

Standard library only. `python tools/check_files.py FILE…`; exit status 1 if something was wrong.
"""

import re
import sys
from pathlib import Path

ENDING = "does not end with one newline (mended by the hook)"
LARGEST = 1_000_000
CONFLICT = re.compile(rb"^(<{7} |>{7} |={7}$)", re.MULTILINE)
NOT_TEXT = {".otf", ".png", ".npz", ".woff2", ".ico", ".jpg", ".pdf"}
BUILT = {"stage.js", "stage.css", "package-lock.json"}


def problems(path, data):
    """Return what is wrong with a file of these bytes, in a few words each."""
    wrong = []
    if len(data) > LARGEST:
        wrong.append(f"{len(data):,} bytes; at most {LARGEST:,} are kept here")
    if path.suffix in NOT_TEXT or path.name in BUILT or b"\0" in data:
        return wrong
    if CONFLICT.search(data):
        wrong.append("has the marks of a merge conflict")
    if data and tidy(data) != data:
        wrong.append(ENDING)
    return wrong


def tidy(data):
    """Return these bytes with one newline at the end."""
    return data.rstrip(b"\n") + b"\n"


def check(path):
    """Return what is wrong with a file; mend how it ends."""
    data = path.read_bytes()
    wrong = problems(path, data)
    if ENDING in wrong:
        path.write_bytes(tidy(data))
    return wrong


def main(names):
    """Check files; return the exit status."""
    lines = [f"{name}: {words}" for name in names for words in check(Path(name))]
    print("\n".join(lines), end="\n" if lines else "")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
