"""Checks an answer and names the mistake.

The right answer and each known mistake are run on the same cases as the learner's: whatever a
learner wrote, if it gives in every case what a known mistake gives, it is that mistake.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

ATOL = 1e-9
LONGEST = 200  # characters of a value that is quoted


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Parameters
    ----------
    kind : str
        "right"; "untouched"; the key of a mistake; or what was seen when no mistake is known:
        "nothing", "raised", "changed", "shape", "differs".
    says : (str, str) or None
        The mistake's own words.
    values : dict
        What to fill into the general words.
    """

    kind: str
    says: tuple | None = None
    values: dict = field(default_factory=dict)

    @property
    def right(self):
        """Whether the answer is right."""
        return self.kind == "right"


@dataclass(frozen=True)
class _Raised:
    """An answer that raised instead of returning."""

    error: Exception


def check(exercise, answer):
    """Return the verdict on an answer.

    Parameters
    ----------
    exercise : Exercise
    answer : callable or value

    Returns
    -------
    Verdict
    """
    got, spoiled = [], False
    for arguments, _ in exercise.cases:
        given = deepcopy(arguments)
        got.append(_produce(exercise, answer, given))
        spoiled |= not same(given, arguments, 0)
    if got[0] is ...:
        return Verdict("untouched")
    expected = [value for _, value in exercise.cases]
    if _all_same(got, expected, exercise.rtol):
        return Verdict("changed") if spoiled else Verdict("right")
    for key, mistake in exercise.mistakes.items():
        if _all_same(got, _outcomes(exercise, mistake.answer), exercise.rtol):
            return Verdict(key, mistake.says)
    return _describe(exercise, got)


def _outcomes(exercise, answer):
    return [_produce(exercise, answer, deepcopy(arguments)) for arguments, _ in exercise.cases]


def _produce(exercise, answer, arguments):
    try:
        if answer is ...:
            return answer
        if exercise.run:
            return exercise.run(answer, *arguments)
        return answer(*arguments) if callable(answer) else answer
    except Exception as error:
        return _Raised(error)


def _all_same(got, expected, rtol):
    return all(same(a, b, rtol) for a, b in zip(got, expected, strict=True))


def same(a, b, rtol):
    """Return True if two values are the same, numbers within a tolerance.

    Examples
    --------
    >>> same([0.1 + 0.2, 1], np.array([0.3, 1.0]), 1e-6)
    True
    >>> same("a", "b", 1e-6), same([1, 2], [1, 2, 3], 1e-6)
    (False, False)
    """
    if isinstance(a, _Raised) or isinstance(b, _Raised):
        return type(a) is type(b) and type(a.error) is type(b.error)
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(
            same(a[key], b[key], rtol) for key in b
        )  # fmt: skip
    x, y = numbers_in(a), numbers_in(b)
    if x is None or y is None:
        if isinstance(b, (list, tuple)) and isinstance(a, (list, tuple)):
            return len(a) == len(b) and all(map(same, a, b, [rtol] * len(b)))
        return isinstance(a, type(b)) and a == b
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=rtol, atol=ATOL, equal_nan=True))


def numbers_in(value):
    """Return a value as an array of floats or complex numbers, or None if it is none."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return array.astype(float)
        return array if array.dtype.kind == "c" else None
    except (TypeError, ValueError, RuntimeError):
        return None


def quoted(value):
    """Return a value as a learner reads it: numbers rounded, nothing long.

    Examples
    --------
    >>> quoted([0.1 + 0.2, np.float64(2)]), quoted(np.eye(2, dtype=int))
    ('[0.3, 2.0]', '[[1, 0], [0, 1]]')
    """
    array = numbers_in(value)
    if array is not None and not isinstance(value, (bool, np.bool_)):
        whole = np.asarray(value).dtype.kind in "iu"
        value = np.round(array, 6).real.tolist() if not whole else np.asarray(value).tolist()
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _describe(exercise, got):
    """Return what is to be said of an answer that is wrong in no known way."""
    for (arguments, expected), value in zip(exercise.cases, got, strict=True):
        if same(value, expected, exercise.rtol):
            continue
        case = {"case": ", ".join(map(quoted, arguments))}
        if isinstance(value, _Raised):
            error = value.error
            words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return Verdict("raised", None, case | {"error": words[:LONGEST]})
        if value is None:
            return Verdict("nothing", None, case)
        x, y = numbers_in(value), numbers_in(expected)
        case |= {"got": quoted(value), "expected": quoted(expected)}
        if x is not None and y is not None and x.shape != y.shape:
            return Verdict("shape", None, case | {"shape": x.shape, "wanted": y.shape})
        return Verdict("differs", None, case)
    return Verdict("changed")
