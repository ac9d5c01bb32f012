"""What the tests of the course share: its chapters, and their notebooks in pairs."""

import re
from functools import cache
from pathlib import Path

import nbformat

from fedlearn_edu import course
from fedlearn_edu.course.plan import CONTENTS
from tools.chapter import path_of

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = course.numbers()
WRITTEN = [entry for entry in CONTENTS if path_of(entry, "en").exists()]
PAIRED = [entry.number for entry in WRITTEN]

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_MATH = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def notebook(number, lang):
    """A chapter's notebook."""
    return nbformat.read(path_of(CONTENTS[number], lang), 4)


def cells(number, lang, kind):
    """The cells of a kind, by name."""
    return {cell.id: cell for cell in notebook(number, lang).cells if cell.cell_type == kind}


def formulas(text):
    """The formulas in a text."""
    return [match[0] for match in _MATH.finditer(_CODE.sub("", text))]


def links(text):
    """Where the links of a text lead."""
    return _LINK.findall(_CODE.sub("", text))


def headings(text):
    """The levels of the headings of a text."""
    return [len(match[1]) for match in re.finditer(r"^(#+) ", _CODE.sub("", text), re.MULTILINE)]


def codes(text):
    """The pieces of code in a text."""
    return _CODE.findall(text)


def prose(text):
    """A text without code, formulas, addresses and HTML tags."""
    text = re.sub(r"<[^>]+>", " ", _MATH.sub(" ", _CODE.sub(" ", text)))
    return re.sub(r"\]\([^)]*\)", "]", text)
