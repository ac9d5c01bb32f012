"""Compression: what an update becomes on the wire, counted in bits.

A codec has `encode(update)`, which gives a `Payload`, and `decode(payload)`, which gives the
update as the server sees it.  `Payload.data` is every byte that crosses the wire:

    8 bits   type of the values
    8 bits   number of dimensions
    32 bits  for each dimension, its length
    32 bits  the scale, only with scale="max"
    then the values, little-endian; two int4 values to a byte, the first in the low half.

What both sides agree on beforehand (λ, a fixed step) is not sent.
"""

import struct
from dataclasses import dataclass, field

import numpy as np

from .checks import real_array, real_number, whole_number

WIDTHS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "int8": 8, "int4": 4}

_WIRE = {"float64": "<f8", "float32": "<f4", "float16": "<f2", "bfloat16": "<u2", "int8": "<i1"}
_TOP = {"int8": 127, "int4": 7}
_CODES = {name: code for code, name in enumerate(WIDTHS)}
_NAMES = tuple(WIDTHS)
_SCALED = 128


@dataclass(frozen=True)
class Payload:
    """What one participant sends: the bytes, header included.

    Parameters
    ----------
    data : bytes
        Header and values.

    Attributes
    ----------
    bits : int
        Eight times the number of bytes.

    Examples
    --------
    >>> Cast("int4").encode([1, 2, 3])
    Payload(64 bits)
    """

    data: bytes

    def __post_init__(self):
        if not isinstance(self.data, bytes):
            raise TypeError(f"data is {type(self.data).__name__}; expected bytes")

    @property
    def bits(self):
        """Eight times the number of bytes."""
        return 8 * len(self.data)

    def __repr__(self):
        return f"Payload({self.bits} bits)"


@dataclass(frozen=True)
class Cast:
    """Send every value as a narrower type.

    Floats are rounded to the nearest representable value, ties to even, and overflow to
    infinity as IEEE 754 casts do; too small a value becomes zero.  bfloat16 is rounded from
    float32, as deep-learning frameworks do.

    Integers are symmetric uniform quantisation: a value x is sent as the integer nearest to
    x/step, ties to even, saturated at ±127 (int8) or ±7 (int4).

    Parameters
    ----------
    dtype : {"float64", "float32", "float16", "bfloat16", "int8", "int4"}, optional
        Type on the wire.  None is no cast: float32 updates travel as float32, others as float64.
    step : float, optional
        Integers only: distance between neighbouring values, known to both sides; 1 if left
        out, so that the scale of the update decides what under- and overflows.
    scale : {"max"}, optional
        Integers only: instead of a fixed step, step = max|x| / 127 (or 7), sent as a float32.

    Raises
    ------
    ValueError
        For an unknown type, or an option that does not go with it.

    Notes
    -----
    Symmetric uniform quantisation: Gholami et al. 2021, arXiv 2103.13630, sections III-B and III-C.

    Examples
    --------
    >>> round_trip(Cast("int8"), [0.4, 1.6, 1000.0])
    array([  0.,   2., 127.])
    >>> round_trip(Cast("float16"), [1e-8, 0.1, 1e5])
    array([0.        , 0.09997559,        inf])
    >>> Cast("float16").bits((3,))
    96
    """

    dtype: str | None = None
    step: float | None = field(default=None, kw_only=True)
    scale: str | None = field(default=None, kw_only=True)

    def __post_init__(self):
        if self.dtype is not None:
            _check_type(self.dtype)
        if self.dtype not in _TOP and (self.step, self.scale) != (None, None):
            raise ValueError(f"step and scale go with int8 and int4; dtype is {self.dtype!r}")
        if self.scale not in (None, "max"):
            raise ValueError(f'scale is {self.scale!r}; expected None or "max"')
        if self.scale and self.step is not None:
            raise ValueError(f"step is {self.step} and scale is {self.scale!r}; give one of them")
        if self.step is not None:
            real_number(self.step, "step", above=0)

    def encode(self, update):
        """Return what crosses the wire for `update`.

        Parameters
        ----------
        update : array_like, any shape
            g_i, finite.

        Returns
        -------
        Payload

        Raises
        ------
        ValueError, TypeError
            If the update is empty, ragged, NaN, infinite or not real.

        Examples
        --------
        >>> Cast("int8").encode([1, -1]).data.hex()
        '04010200000001ff'
        """
        return self._encode(real_array(update, "update"))

    def _encode(self, values):
        dtype = self.dtype or values.dtype.name
        wire, step = self._to_wire(values, dtype, axis=None)
        code = _CODES[dtype] + (_SCALED if self.scale else 0)
        header = struct.pack(f"<BB{values.ndim}I", code, values.ndim, *values.shape)
        scale = np.asarray(step, "<f4").tobytes() if self.scale else b""
        return Payload(header + scale + (_pack(wire) if dtype == "int4" else wire.tobytes()))

    def decode(self, payload):
        """Return the update that the payload stands for.

        Parameters
        ----------
        payload : Payload
            From `encode` of a codec with the same options.

        Returns
        -------
        ndarray
            float64, which holds every wire type exactly; infinite where the cast overflowed.

        Raises
        ------
        ValueError
            If the payload is cut short or was made by another codec.

        Examples
        --------
        >>> Cast("int8").decode(Cast("int8").encode([1.2, -1.2]))
        array([ 1., -1.])
        """
        code, shape, body = _parse(payload)
        dtype = _NAMES[code % _SCALED]
        self._check_sent(dtype, code)
        step = self.step or 1.0
        if self.scale:
            step, body = np.frombuffer(body[:4], "<f4")[0], body[4:]
        wire = _unpack(body, shape) if dtype == "int4" else np.frombuffer(body, _WIRE[dtype])
        return _from_wire(wire, dtype, step).reshape(shape)

    def bits(self, shape, dtype="float64"):
        """Return the exact number of bits that an update of this shape takes.

        Parameters
        ----------
        shape : tuple of int
            Shape of the update.
        dtype : str, optional
            Type of the update; matters only where there is no cast.

        Returns
        -------
        int
            Header included, as in `Payload.bits`.

        Raises
        ------
        ValueError, TypeError
            If a dimension is no positive integer.

        Examples
        --------
        >>> Cast("int4").bits((2, 3)), Cast("int4", scale="max").bits((2, 3))
        (104, 136)
        """
        shape = tuple(whole_number(length, "a dimension of shape", 1) for length in shape)
        wire = self.dtype or ("float32" if np.dtype(dtype) == np.float32 else "float64")
        size = 1
        for length in shape:
            size *= length
        values = 8 * -(-size * WIDTHS[wire] // 8)
        return 16 + 32 * len(shape) + (32 if self.scale else 0) + values

    def round_trip_rows(self, updates):
        """Return what arrives of N updates at once, each sent on its own.

        Parameters
        ----------
        updates : array_like, shape (N, d) or (N, ...)
            g_i, finite.

        Returns
        -------
        ndarray, same shape
            Row i equals `decode(encode(updates[i]))`; computed without packing bytes.

        Raises
        ------
        ValueError, TypeError
            As `encode`.

        Examples
        --------
        >>> Cast("int8").round_trip_rows([[0.4, 1.6], [200, -2.5]])
        array([[  0.,   2.],
               [127.,  -2.]])
        """
        return self._rows(real_array(updates, "updates", "participant"))

    def _rows(self, values):
        dtype = self.dtype or values.dtype.name
        wire, step = self._to_wire(values, dtype, axis=tuple(range(1, values.ndim)))
        return _from_wire(wire, dtype, step)

    def _to_wire(self, values, dtype, axis):
        if dtype in _TOP:
            step = _max_step(values, _TOP[dtype], axis) if self.scale else self.step or 1.0
            return _quantise(values, step, _TOP[dtype]), step
        with np.errstate(over="ignore"):
            return (_to_bfloat16(values) if dtype == "bfloat16" else values.astype(_WIRE[dtype])), 1

    def _check_sent(self, dtype, code):
        expected = (self.dtype,) if self.dtype else ("float64", "float32")
        if dtype not in expected or (code >= _SCALED) != bool(self.scale):
            scaled = " with a scale" if code >= _SCALED else ""
            raise ValueError(f"the payload holds {dtype}{scaled}; this codec is {self}")


@dataclass(frozen=True)
class Scaling:
    """Multiply the update by λ before it is sent, and divide by λ when it arrives.

    It saves no bit: λ is a matter of range, not of size.  What it is for is the cast that
    follows: the right λ keeps the values inside the range of a narrow type.  Where λ g_i
    overflows, infinity is sent, as a cast would.

    Parameters
    ----------
    factor : float
        λ > 0, known to both sides.
    then : codec, optional
        What happens after the scaling; nothing if left out (the values are sent as they are).
    unscale : bool
        Whether `decode` divides by λ; without it the receiver sees λ g_i.

    Raises
    ------
    ValueError, TypeError
        If λ is not positive and finite, or `then` is no codec.

    Examples
    --------
    >>> round_trip(Cast("float16"), [1e-8, 2e-8])
    array([0., 0.])
    >>> round_trip(Scaling(1e6, then=Cast("float16")), [1e-8, 2e-8]).round(11)
    array([1.e-08, 2.e-08])
    >>> Scaling(0.1).bits((3,)) == Cast().bits((3,))
    True
    """

    factor: float
    then: object = field(default_factory=Cast)
    unscale: bool = field(default=True, kw_only=True)

    def __post_init__(self):
        real_number(self.factor, "factor", above=0)
        if self.then is None:
            object.__setattr__(self, "then", Cast())
        if not all(hasattr(self.then, name) for name in ("encode", "decode", "bits")):
            raise TypeError(f"then is {self.then!r}; expected a codec, such as Cast('float16')")

    def encode(self, update):
        """Return what crosses the wire for λ times `update`.

        Parameters
        ----------
        update : array_like, any shape
            g_i, finite.

        Returns
        -------
        Payload

        Raises
        ------
        ValueError, TypeError
            As `Cast.encode`.

        Examples
        --------
        >>> Scaling(10, then=Cast("int8")).encode([0.1]).data[-1]
        1
        """
        return self._encode(real_array(update, "update"))

    def _encode(self, values):
        encode = getattr(self.then, "_encode", self.then.encode)
        return encode(self._scaled(values))

    def decode(self, payload):
        """Return the update that the payload stands for, divided by λ if `unscale`.

        Parameters
        ----------
        payload : Payload
            From `encode` of a codec with the same options.

        Returns
        -------
        ndarray
            float64.

        Raises
        ------
        ValueError
            As `Cast.decode`.

        Examples
        --------
        >>> codec = Scaling(10, then=Cast("int8"))
        >>> codec.decode(codec.encode([0.1, 0.22]))
        array([0.1, 0.2])
        """
        return self._unscaled(self.then.decode(payload))

    def bits(self, shape, dtype="float64"):
        """Return the exact number of bits of an update of this shape: those of `then`.

        Parameters
        ----------
        shape : tuple of int
            Shape of the update.
        dtype : str, optional
            Type of the update; matters only where there is no cast.

        Returns
        -------
        int

        Raises
        ------
        ValueError, TypeError
            As `Cast.bits`.

        Examples
        --------
        >>> Scaling(0.001).bits((3,)), Scaling(1000).bits((3,))
        (240, 240)
        """
        return self.then.bits(shape, dtype)

    def round_trip_rows(self, updates):
        """Return what arrives of N updates at once, each sent on its own.

        Parameters
        ----------
        updates : array_like, shape (N, d) or (N, ...)
            g_i, finite.

        Returns
        -------
        ndarray, same shape
            Row i equals `decode(encode(updates[i]))`.

        Raises
        ------
        ValueError, TypeError
            As `encode`.

        Examples
        --------
        >>> Scaling(10, then=Cast("int8")).round_trip_rows([[0.1, 0.22]])
        array([[0.1, 0.2]])
        """
        return self._rows(real_array(updates, "updates", "participant"))

    def _rows(self, values):
        scaled = self._scaled(values)
        rows = getattr(self.then, "_rows", None)
        return self._unscaled(rows(scaled) if rows else round_trip_rows(self.then, scaled))

    def _scaled(self, values):
        with np.errstate(over="ignore"):
            return (float(self.factor) * values.astype(np.float64)).astype(values.dtype)

    def _unscaled(self, values):
        with np.errstate(over="ignore"):
            return values / self.factor if self.unscale else values


def round_trip(codec, update):
    """Return what arrives of an update: decode(encode(update)).

    Parameters
    ----------
    codec : codec
        `Cast`, `Scaling`, or any object with `encode` and `decode`.
    update : array_like, or list of layer arrays
        g_i; layers are sent one by one, each with its header.

    Returns
    -------
    ndarray, or list of ndarray
        float64.

    Raises
    ------
    ValueError, TypeError
        As the codec's `encode`.

    Examples
    --------
    >>> round_trip(Cast("bfloat16"), [1.0, 1.001, 3.14159])
    array([1.      , 1.      , 3.140625])
    """
    if isinstance(update, (list, tuple)) and any(isinstance(x, np.ndarray) for x in update):
        return [codec.decode(codec.encode(layer)) for layer in update]
    return codec.decode(codec.encode(update))


def round_trip_rows(codec, updates):
    """Return what arrives of N updates, each sent on its own, by any codec.

    Parameters
    ----------
    codec : codec
        `Cast`, `Scaling`, or any object with `encode` and `decode`.
    updates : array_like, shape (N, d) or (N, ...)
        g_i, finite.

    Returns
    -------
    ndarray, same shape
        Row i is `round_trip(codec, updates[i])`.

    Raises
    ------
    ValueError, TypeError
        As the codec's `encode`.

    Examples
    --------
    >>> round_trip_rows(Cast("int4"), [[1.2], [9.0]])
    array([[1.],
           [7.]])
    """
    at_once = getattr(codec, "round_trip_rows", None)
    if at_once is not None:
        return at_once(updates)
    return np.stack([codec.decode(codec.encode(update)) for update in updates])


def grid(dtype, low, high, *, step=1.0, limit=1000):
    """Return the values that a wire type can represent in [low, high].

    Parameters
    ----------
    dtype : str
        As in `Cast`.
    low, high : float
        Interval, low ≤ high.
    step : float
        Distance between neighbours, for int8 and int4.
    limit : int
        At least 2.  If there are more values, `limit` of them are returned: every k-th or
        so, the first and the last among them.  `grid_size` tells how many there are.

    Returns
    -------
    ndarray, shape (n,), n ≤ limit
        float64, ascending; -0 and 0 are one value; empty if the interval holds none.

    Raises
    ------
    ValueError, TypeError
        For an unknown type, an empty interval, or numbers that are not finite.

    Examples
    --------
    >>> grid("int4", -2, 100)
    array([-2., -1.,  0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.])
    >>> grid("bfloat16", 1, 1.03)
    array([1.       , 1.0078125, 1.015625 , 1.0234375])
    """
    limit = whole_number(limit, "limit", 2)
    first, last = _grid_ends(dtype, low, high, step)
    size = last - first + 1
    if size > limit:
        indices = [first + (last - first) * i // (limit - 1) for i in range(limit)]
    else:
        indices = range(first, last + 1)
    return _from_index(np.array(indices, dtype=np.int64), dtype, step)


def grid_size(dtype, low, high, *, step=1.0):
    """Return how many values a wire type can represent in [low, high].

    Parameters
    ----------
    dtype, low, high, step
        As in `grid`.

    Returns
    -------
    int

    Raises
    ------
    ValueError, TypeError
        As `grid`.

    Examples
    --------
    >>> grid_size("float16", 1, 2), grid_size("bfloat16", 1, 2)
    (1025, 129)
    """
    first, last = _grid_ends(dtype, low, high, step)
    return last - first + 1


def _check_type(dtype):
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        raise ValueError(f"dtype is {dtype!r}; expected one of {', '.join(WIDTHS)}")


def _max_step(values, top, axis):
    """Return max|x| / top as the float32 that the header carries, at most the largest of them."""
    largest = np.abs(values).max(axis=axis, keepdims=axis is not None).astype(np.float64)
    return np.minimum(largest / top, np.finfo(np.float32).max).astype(np.float32).astype(np.float64)


def _quantise(values, step, top):
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        quotient = np.where(step > 0, values.astype(np.float64) / step, 0)
    return np.clip(np.rint(quotient), -top, top).astype(np.int8)


def _from_wire(wire, dtype, step):
    if dtype == "bfloat16":
        return (wire.astype("<u4") << 16).view("<f4").astype(np.float64)
    if dtype not in _TOP:
        return wire.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return wire * np.float64(step) if np.ndim(step) == 0 else wire * step


def _to_bfloat16(values):
    """Return the upper 16 bits of float32, rounded to nearest, ties to even."""
    bits = values.astype("<f4").view("<u4")
    return ((bits + (0x7FFF + ((bits >> 16) & 1)).astype("<u4")) >> 16).astype("<u2")


def _pack(integers):
    nibbles = (integers.ravel() & 0xF).astype(np.uint8)
    nibbles = np.append(nibbles, np.zeros(nibbles.size % 2, np.uint8))
    return (nibbles[0::2] | nibbles[1::2] << 4).tobytes()


def _unpack(body, shape):
    packed = np.frombuffer(body, np.uint8)
    nibbles = np.stack([packed & 0xF, packed >> 4], axis=1).ravel()[: int(np.prod(shape))]
    return (nibbles.astype(np.int8) ^ 8) - 8


def _parse(payload):
    """Split a payload into code, shape, and the bytes after the dimensions."""
    if not isinstance(payload, Payload):
        raise TypeError(f"payload is {type(payload).__name__}; expected Payload")
    data = payload.data
    if len(data) < 2 or len(data) < 2 + 4 * data[1] or data[0] % _SCALED >= len(_NAMES):
        raise ValueError(f"a payload of {len(data)} bytes holds no valid header")
    shape = struct.unpack_from(f"<{data[1]}I", data, 2)
    body = data[2 + 4 * data[1] :]
    width = WIDTHS[_NAMES[data[0] % _SCALED]]
    size = 1
    for length in shape:
        size *= length
    promised = -(-size * width // 8) + (4 if data[0] >= _SCALED else 0)
    if len(body) != promised:
        raise ValueError(f"the payload has {len(body)} bytes after its header, expected {promised}")
    return data[0], shape, body


def _grid_ends(dtype, low, high, step):
    """Return the indices of the first and last representable value in [low, high]."""
    _check_type(dtype)
    low, high = real_number(low, "low"), real_number(high, "high")
    step = real_number(step, "step", above=0)
    if low > high:
        raise ValueError(f"low is {low}, high is {high}; expected low <= high")
    first, last = _index(low, dtype, step), _index(high, dtype, step)
    first += int(_from_index(np.array([first]), dtype, step)[0] < low)
    last -= int(_from_index(np.array([last]), dtype, step)[0] > high)
    return first, last


def _index(value, dtype, step):
    """Return the rank of the representable value nearest to `value`; zero has rank 0."""
    if dtype in _TOP:
        return int(_quantise(np.array(value), step, _TOP[dtype]))
    with np.errstate(over="ignore"):
        wire = (
            _to_bfloat16(np.array(value)) if dtype == "bfloat16" else np.array(value, _WIRE[dtype])
        )
    unsigned = int(wire.view(f"<u{WIDTHS[dtype] // 8}"))
    sign = 1 << (WIDTHS[dtype] - 1)
    rank = min(unsigned % sign, _LARGEST[dtype])
    return rank if unsigned < sign else -rank


_LARGEST = {
    "float64": 0x7FEFFFFFFFFFFFFF,
    "float32": 0x7F7FFFFF,
    "float16": 0x7BFF,
    "bfloat16": 0x7F7F,
}


def _from_index(indices, dtype, step):
    if dtype in _TOP:
        return indices * step
    unsigned = np.abs(indices).astype(f"<u{WIDTHS[dtype] // 8}")
    if dtype != "bfloat16":
        unsigned = unsigned.view(_WIRE[dtype])
    return np.where(indices < 0, -1.0, 1.0) * _from_wire(unsigned, dtype, 1)
