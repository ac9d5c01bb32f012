"""What every function asks of its input, and the words of the errors."""

import math

import numpy as np


def real_array(value, name, row=None):
    """Return `value` as an array of finite real numbers.

    Parameters
    ----------
    value : array_like
        What the caller gave.
    name : str
        How an error names it.
    row : str, optional
        What the first axis counts ("participant"), so that an error can name the culprit.

    Returns
    -------
    ndarray
        float32 if `value` is float32, else float64; not a copy where none is needed.

    Raises
    ------
    TypeError
        For anything but real numbers (booleans, strings, complex numbers, objects).
    ValueError
        For empty or ragged input, and for NaN or infinity.

    Examples
    --------
    >>> real_array([1, 2], "theta")
    array([1., 2.])
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} is ragged: its rows differ in length or shape") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
    if not array.size:
        raise ValueError(f"{name} is empty: shape {array.shape}")
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    _refuse_non_finite(array, name, row)
    return array


def _refuse_non_finite(array, name, row):
    finite = np.isfinite(array)
    if finite.all():
        return
    index = tuple(int(i) for i in np.argwhere(~finite)[0])
    where = f" at index {index}" if index else ""
    culprit = f" ({row} {index[0]})" if row else ""
    raise ValueError(f"{name} holds {array[index]}{where}{culprit}; expected finite numbers")


def real_number(value, name, *, above=None, least=None):
    """Return `value` as a finite float, at least `least` and greater than `above`.

    Parameters
    ----------
    value : int or float
        What the caller gave; booleans are refused.
    name : str
        How an error names it.
    above, least : float, optional
        Open and closed lower bound.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If `value` is no real number.
    ValueError
        If it is NaN, infinite or below its bound.

    Examples
    --------
    >>> real_number(3, "alpha", above=0)
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); expected a real number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}; expected a finite number")
    if above is not None and not number > above:
        raise ValueError(f"{name} is {value}; expected a number > {above}")
    if least is not None and not number >= least:
        raise ValueError(f"{name} is {value}; expected a number >= {least}")
    return number


def whole_number(value, name, least):
    """Return `value` as an int that is at least `least`.

    Parameters
    ----------
    value : int
        What the caller gave; booleans and floats are refused.
    name : str
        How an error names it.
    least : int
        Lower bound.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `value` is no integer.
    ValueError
        If it is below `least`.

    Examples
    --------
    >>> whole_number(20, "rounds", 0)
    20
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); expected an integer")
    if value < least:
        raise ValueError(f"{name} is {value}; expected an integer >= {least}")
    return int(value)
