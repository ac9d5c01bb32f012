"""What a learner has done: in one small file on this computer, and sent nowhere.

``{"format": 1, "chapters": {"3": {"exercises": {"weights": "2026-03-01"}, "quiz": {…}}}}``.
Keys that this version does not know are kept.  ``FEDLEARN_PROGRESS`` names another file; set to
nothing it keeps progress in memory only, and so does Voilà, where one server has many learners.
"""

import contextlib
import json
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

VARIABLE = "FEDLEARN_PROGRESS"
FORMAT = 1
KINDS = ("exercises", "quiz")


class Unreadable(ValueError):
    """A progress file that must be left as it is; ``kind`` is "broken" or "newer"."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


def default_path(environment=os.environ, platform=sys.platform):
    """Return where progress is kept, or None for memory only.

    Parameters
    ----------
    environment : mapping
    platform : str
        As `sys.platform`.

    Returns
    -------
    pathlib.Path or None

    Examples
    --------
    >>> default_path({"XDG_DATA_HOME": "/data"}, "linux").as_posix()
    '/data/fedlearn_edu/progress.json'
    >>> default_path({"FEDLEARN_PROGRESS": ""}, "linux") is None
    True
    """
    if "voila" in environment.get("SERVER_SOFTWARE", "").lower():
        return None
    if VARIABLE in environment:
        return Path(environment[VARIABLE]).expanduser() if environment[VARIABLE] else None
    home = Path(environment["HOME"]) if "HOME" in environment else Path.home()
    if platform == "win32":
        folder = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        folder = home / "Library" / "Application Support"
    else:
        folder = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    return folder / "fedlearn_edu" / "progress.json"


class Progress:
    """A learner's progress.

    Parameters
    ----------
    path : path or None
        The file; None keeps everything in memory.

    Attributes
    ----------
    trouble : str
        "" or why the file is left alone: "broken", "newer", or "unwritable".
    """

    def __init__(self, path=None):
        self.path = path
        self.trouble = ""
        self._data = self._empty()
        self.refresh()

    @staticmethod
    def _empty():
        return {"format": FORMAT, "chapters": {}}

    def refresh(self):
        """Take up what other notebooks have written meanwhile; return self."""
        if self.path and self.trouble in ("", "unwritable"):
            try:
                self._data = _merged(_read(self.path), self._data)
            except Unreadable as error:
                self.trouble = error.kind
        return self

    def done(self, chapter, kind):
        """Return the keys of what is done in a chapter.

        Parameters
        ----------
        chapter : int
        kind : {"exercises", "quiz"}

        Returns
        -------
        set of str
        """
        return set(self._data["chapters"].get(str(chapter), {}).get(kind, {}))

    def record(self, chapter, kind, key):
        """Note that an exercise or a question has been answered rightly.

        Parameters
        ----------
        chapter : int
        kind : {"exercises", "quiz"}
        key : str

        Raises
        ------
        ValueError
            For another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
        self.refresh()
        entries = self._data["chapters"].setdefault(str(chapter), {}).setdefault(kind, {})
        if key not in entries:
            entries[key] = date.today().isoformat()
            self._write()

    def _write(self):
        if not self.path or self.trouble in ("broken", "newer"):
            return
        try:
            _write_whole(self.path, json.dumps(self._data, indent=1, sort_keys=True) + "\n")
            self.trouble = ""
        except OSError:
            self.trouble = "unwritable"


def _read(path):
    """Return what a file holds; nothing if there is none.  Raise `Unreadable` if it is not ours."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Progress._empty()
    except (OSError, ValueError) as error:
        raise Unreadable("broken") from error
    if not isinstance(data, dict) or type(data.get("format")) is not int:
        raise Unreadable("broken")
    if data["format"] > FORMAT:
        raise Unreadable("newer")
    chapters = data.get("chapters")
    if not isinstance(chapters, dict) or not all(map(_is_chapter, chapters.values())):
        raise Unreadable("broken")
    return data


def _is_chapter(value):
    return isinstance(value, dict) and all(isinstance(value.get(k, {}), dict) for k in KINDS)


def _merged(ours, theirs):
    """Return two files' contents joined; where both have a key, the first one's value."""
    joined = {**theirs, **ours}
    for key in ours.keys() & theirs.keys():
        if isinstance(ours[key], dict) and isinstance(theirs[key], dict):
            joined[key] = _merged(ours[key], theirs[key])
    return joined


def _write_whole(path, text):
    """Write a file so that a reader finds the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".progress-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
