"""What travels between participants and server: values after the codec, and bits."""

from itertools import pairwise

import numpy as np

from ..compression import Cast, round_trip_rows

AS_IT_IS = Cast()


class Diverged(Exception):
    """A round that cannot be finished; the argument is the cause."""


def send(codec, layers):
    """Return what arrives of one model or update, and the bits that it took.

    Parameters
    ----------
    codec : codec or None
        `Cast`, `Scaling` or another; None sends the layers as they are.
    layers : list of ndarray
        What is sent, layer by layer.

    Returns
    -------
    tuple of list of ndarray, int
        Layers as they arrive, in the type that they had; bits, headers included.

    Raises
    ------
    Diverged
        "local" if a value is not finite before the codec, "codec" if only after it.

    Examples
    --------
    >>> send(Cast("int8"), [np.array([0.4, 1.6])])
    ([array([0., 2.])], 64)
    """
    _check(layers, "local")
    payloads = encode(codec, layers)
    arrived = layers if codec is None else decode(codec, payloads, layers)
    return arrived, sum(payload.bits for payload in payloads)


def encode(codec, layers):
    """Return what crosses the wire for these layers, one payload each.

    Parameters
    ----------
    codec : codec or None
        As in `send`.
    layers : list of ndarray
        A model or an update.

    Returns
    -------
    list of Payload

    Examples
    --------
    >>> encode(None, [np.zeros(3)])
    [Payload(240 bits)]
    """
    return [(codec or AS_IT_IS).encode(layer) for layer in layers]


def decode(codec, payloads, like):
    """Return the layers that a model's or update's payloads stand for.

    Parameters
    ----------
    codec : codec or None
        The one that encoded them.
    payloads : list of Payload
        One a layer.
    like : list of ndarray
        Layers of the shapes and the type that are expected.

    Returns
    -------
    list of ndarray

    Raises
    ------
    ValueError
        If the number of layers, a shape or the codec differs.
    Diverged
        "codec" if a value is not finite.

    Examples
    --------
    >>> decode(Cast("int8"), encode(Cast("int8"), [np.array([0.4, 1.6])]), [np.zeros(2)])
    [array([0., 2.])]
    """
    if len(payloads) != len(like):
        raise ValueError(f"{len(payloads)} layers arrived, expected {len(like)}")
    layers = []
    with np.errstate(over="ignore"):
        for k, (payload, expected) in enumerate(zip(payloads, like, strict=True)):
            layer = np.asarray((codec or AS_IT_IS).decode(payload)).astype(expected.dtype)
            if layer.shape != expected.shape:
                raise ValueError(f"layer {k} has shape {layer.shape}, expected {expected.shape}")
            layers.append(layer)
    _check(layers, "codec")
    return layers


def send_rows(codec, rows, packing):
    """Return what arrives of N packed models or updates, and the bits that each took.

    Parameters
    ----------
    codec : codec or None
        As in `send`.
    rows : ndarray, shape (N, d)
        What is sent, a row a participant.
    packing : Packing
        How a row holds its layers.

    Returns
    -------
    tuple of ndarray, shape (N, d), and ndarray of int, shape (N,)

    Raises
    ------
    Diverged
        As `send`.

    Examples
    --------
    >>> from .packing import Packing
    >>> send_rows(Cast("int8"), np.array([[0.4, 1.6, 3.0, 0.0]]), Packing((1, 2)))
    (array([[0., 2., 3., 0.]]), array([160]))
    """
    _check([rows], "local")
    if codec is None or not len(rows):
        return rows, np.full(len(rows), bits(None, packing, rows.dtype))
    layers = packing.unpack(rows)
    if hasattr(codec, "bits"):
        taken = np.full(len(rows), bits(codec, packing, rows.dtype))
    else:
        taken = sum(np.array([codec.encode(one).bits for one in layer]) for layer in layers)
    with np.errstate(over="ignore"):
        arrived = [np.asarray(round_trip_rows(codec, a)).astype(rows.dtype) for a in layers]
    _check(arrived, "codec")
    return packing.pack(arrived), taken


def bits(codec, packing, dtype):
    """Return the bits of one model: every layer with its header.

    Parameters
    ----------
    codec : codec or None
        With a method `bits`, as `Cast` and `Scaling` have it.
    packing : Packing
        Sizes of the model.
    dtype : dtype
        Type of the parameters.

    Returns
    -------
    int

    Examples
    --------
    >>> from .packing import Packing
    >>> bits(None, Packing((1, 2)), np.float32)
    256
    """
    codec = codec or AS_IT_IS
    return sum(
        codec.bits((i, o), dtype) + codec.bits((o,), dtype) for i, o in pairwise(packing.sizes)
    )


def _check(layers, cause):
    if not all(np.isfinite(layer).all() for layer in layers):
        raise Diverged(cause)
