"""The labs.  One file each; a module here that has a ``LAB`` is one."""

import importlib
import pkgutil

_MACHINERY = {"controls", "lab", "shell"}


def load(name):
    """Return a lab by name.

    Raises
    ------
    ValueError
        If there is no such lab.
    """
    found = {info.name for info in pkgutil.iter_modules(__path__)} - _MACHINERY
    if name not in found:
        raise ValueError(f"no lab {name!r}; there are {', '.join(sorted(found))}")
    return importlib.import_module(f"{__name__}.{name}").LAB


def show(name, lang="en", **state):
    """Return a lab as a widget, ready to be displayed.

    Parameters
    ----------
    name : str
    lang : {"en", "zh"}
    **state
        Values of controls that differ from the lab's default.
    """
    from fedlearn_edu.labs.shell import LabWidget

    return LabWidget(load(name), lang=lang, values=state)


def notebook(name):
    """Return a lab's thin page: an nbformat-4 notebook of one cell."""
    source = f'from fedlearn_edu.labs import show\n\nshow("{name}")'
    cell = {
        "cell_type": "code",
        "id": f"lab-{name}".replace("_", "-"),
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [cell],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def __getattr__(attribute):
    if attribute != "NAMES":
        raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
    found = {info.name for info in pkgutil.iter_modules(__path__)} - _MACHINERY
    return tuple(sorted(found, key=lambda name: load(name).order))
