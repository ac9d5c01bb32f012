"""The course: what a chapter's notebook calls.

A notebook says in one cell which chapter it is and in which language; what follows is the same
in both: ``c.lab(…)``, ``c.exercise(…)``, ``c.quiz()``, ``c.progress()``.
"""

import csv
import importlib
import pkgutil

from fedlearn_edu import paths
from fedlearn_edu.course.plan import CONTENTS


def load(number):
    """Return a chapter's exercises, quiz and texts.

    Parameters
    ----------
    number : int

    Returns
    -------
    Chapter

    Raises
    ------
    ValueError
        If no chapter of this number has been written.

    Examples
    --------
    >>> load(3).entry.title("en")
    'Aggregation: mean and weights'
    """
    if number not in numbers():
        written = ", ".join(map(str, numbers()))
        raise ValueError(f"no chapter {number!r}; there are {written}")
    return importlib.import_module(f"{__name__}.chapters.{_modules()[number]}").CHAPTER


def numbers():
    """Return the numbers of the chapters that are written, in order.

    Examples
    --------
    >>> 3 in numbers()
    True
    """
    return tuple(sorted(_modules()))


def _modules():
    from fedlearn_edu.course import chapters

    names = (info.name for info in pkgutil.iter_modules(chapters.__path__))
    return {int(name[2:4]): name for name in names if name.startswith("ch")}


def chapter(number, lang="en"):
    """Return a chapter as its notebook uses it.

    Parameters
    ----------
    number : int
    lang : {"en", "zh"}

    Returns
    -------
    Desk
        With `lab`, `exercise`, `quiz`, `progress`, and `t` for the texts of its code cells.

    Raises
    ------
    ValueError
        For an unknown chapter or language.
    """
    from fedlearn_edu.course.widgets import Desk

    return Desk(load(number), lang)


def glossary():
    """Return the course's terms as rows (English, Chinese, what it is in both).

    Returns
    -------
    list of dict
        Keys: en, zh, means_en, means_zh; and accept, other Chinese forms parted by "|".

    Examples
    --------
    >>> next(row["zh"] for row in glossary() if row["en"] == "aggregation")
    '聚合'
    """
    return _table(paths.notebooks() / "glossary.csv")


def results(name):
    """Return one of the tables that `benchmarks.results` has measured, as rows of text.

    Parameters
    ----------
    name : {"drift", "fraction", "stragglers", "work"}
        assets/results/README.md says what they are.

    Returns
    -------
    list of dict

    Raises
    ------
    ValueError
        For another name.

    Examples
    --------
    >>> results("fraction")[0]["rounds"]
    '107.0'
    """
    folder = paths.assets() / "results"
    names = sorted(file.stem for file in folder.glob("*.csv"))
    if name not in names:
        raise ValueError(f"no table {name!r}; there are {', '.join(names)}")
    return _table(folder / f"{name}.csv")


def _table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


__all__ = ["CONTENTS", "chapter", "glossary", "load", "numbers", "results"]
