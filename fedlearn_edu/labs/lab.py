"""What a lab is: a state, a computation, a picture, and the words for them.  No widget here."""

from collections import deque
from dataclasses import dataclass, field, replace

from fedlearn_edu.i18n import Translator
from fedlearn_edu.labs.controls import every
from fedlearn_edu.strings.shell import STRINGS as SHELL_STRINGS


def last(results):
    """Return the last of some results.

    Examples
    --------
    >>> last(x * x for x in range(4))
    9
    """
    return deque(results, maxlen=1).pop()


@dataclass(frozen=True)
class Lab:
    """A lab.

    Parameters
    ----------
    name : str
        Its name in links and files.
    order, minutes : int
        Where it stands on the home page, and how long it takes.
    state : type
        A frozen dataclass: all that a control can change, with defaults.
    compute : callable
        ``compute(state) -> result``: pure NumPy, the whole history.
    draw : callable
        ``draw(result, t, kept) -> Scene``; ``kept`` is a tuple of (label, result).
    controls : tuple of Group
    presets : dict of str to dict
        Named states: what differs from the default.  Texts: ``preset_<name>``.
    code : callable
        ``code(state) -> str``: a snippet that prints the same numbers with the package.
    table : callable
        ``table(result) -> (header, rows)``: the numbers for a CSV file.
    strings : dict
        The lab's texts, ``{"key": ("English", "中文")}``; at least ``title`` and ``summary``.
    keeps : int
        How many runs may be kept and overlaid.
    grow : callable, optional
        ``grow(state)`` yields results while a long computation goes on, each whole enough to
        draw; ``compute`` returns its last (:func:`last`).  The learner sees them as they come.
    """

    name: str
    order: int
    minutes: int
    state: type
    compute: object
    draw: object
    controls: tuple
    presets: dict
    code: object
    table: object
    strings: dict
    keeps: int = 0
    grow: object = None
    by_key: dict = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "by_key", every(self.controls))

    def translator(self, lang):
        """Return a translator that knows this lab's texts and the shell's."""
        return Translator(lang, SHELL_STRINGS, self.strings)

    def title(self, lang):
        """Return the lab's title."""
        return self.translator(lang)("title")

    def summary(self, lang):
        """Return the one line that says what the lab is about."""
        return self.translator(lang)("summary")

    def preset(self, name):
        """Return the state of a named preset."""
        if name not in self.presets:
            raise ValueError(f"no preset {name!r}; there are {', '.join(self.presets)}")
        return replace(self.state(), **self.presets[name])
