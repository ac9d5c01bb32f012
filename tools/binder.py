"""The links that open the course and the app on mybinder.org: `python -m tools.binder [ADDRESS]`.

ADDRESS is where the repository can be cloned from, on GitHub or GitLab; left out, it is the one
that this clone came from (git's remote "origin").  With `--markdown` the links are badges.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
HOSTS = {"github.com": "gh", "gitlab.com": "gl"}
PLACES = {
    ("course", "en"): "lab/tree/notebooks/en/00_start.ipynb",
    ("course", "zh"): "lab/tree/notebooks/zh/00_start.ipynb",
    ("app", "en"): "fedlearn/?lang=en",
    ("app", "zh"): "fedlearn/?lang=zh",
}
WORDS = {
    ("course", "en"): "The course",
    ("course", "zh"): "课程",
    ("app", "en"): "The app",
    ("app", "zh"): "应用",
}


def origin():
    """Return the address that this clone came from; "" if it came from none."""
    command = ["git", "remote", "get-url", "origin"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def repository(address):
    """Return the part of Binder's addresses that names a repository.

    Examples
    --------
    >>> repository("git@github.com:somebody/course.git")
    'gh/somebody/course'
    >>> repository("https://gitlab.com/a-school/courses/federated")
    'gl/a-school%2Fcourses%2Ffederated'
    """
    found = re.match(r"(?:\w+://)?(?:[^@/]+@)?([^/:]+)[/:](.+?)(?:\.git)?/?$", address)
    if not found or found[1] not in HOSTS or "/" not in found[2]:
        known = " or ".join(HOSTS)
        raise ValueError(f"{address!r} is no repository on {known}, where Binder could find it")
    kind = HOSTS[found[1]]
    return f"{kind}/{found[2] if kind == 'gh' else quote(found[2], safe='')}"


def link(address, what, lang):
    """Return the link that opens the course or the app, in a language."""
    place = quote(PLACES[what, lang], safe="")
    return f"https://mybinder.org/v2/{repository(address)}/HEAD?urlpath={place}"


def main(argv=None):
    """Print the four links."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default=origin())
    parser.add_argument("--markdown", action="store_true", help="as badges for a README")
    options = parser.parse_args(argv)
    try:
        for what, lang in PLACES:
            url = link(options.address, what, lang)
            badge = f"[![{WORDS[what, lang]}](https://mybinder.org/badge_logo.svg)]({url})"
            print(badge if options.markdown else f"{what} {lang}: {url}")
    except ValueError as error:
        return str(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
