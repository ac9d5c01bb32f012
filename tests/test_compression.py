"""Laws of compression: what crosses the wire, and what comes back."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import fedlearn_edu as fl
from fedlearn_edu.compression import WIDTHS, round_trip_rows

pytestmark = pytest.mark.filterwarnings("error")
CODECS = [
    fl.Cast(),
    *[fl.Cast(dtype) for dtype in WIDTHS],
    fl.Cast("int8", step=0.25),
    fl.Cast("int4", step=1e-3),
    fl.Cast("int8", scale="max"),
    fl.Cast("int4", scale="max"),
    fl.Scaling(0.1),
    fl.Scaling(1000, then=fl.Cast("float16")),
    fl.Scaling(0.5, then=fl.Scaling(3.0, then=fl.Cast("int8")), unscale=False),
]
codecs = st.sampled_from(CODECS)
updates = arrays(float, array_shapes(max_dims=3, max_side=4), elements=st.floats(-1e6, 1e6))


class Foreign:
    """A codec from elsewhere: signs only, with nothing but encode, decode and bits."""

    def encode(self, update):
        return fl.Payload(np.asarray(update > 0).tobytes())

    def decode(self, payload):
        return np.where(np.frombuffer(payload.data, bool), 1.0, -1.0)

    def bits(self, shape, dtype="float64"):
        return 8 * int(np.prod(shape))


def expected_bits(width, scaled, shape):
    size = int(np.prod(shape))
    return 8 + 8 + 32 * len(shape) + 32 * scaled + 8 * ((size * width + 7) // 8)


# The bits reported are the bits sent, and are known before anything is encoded.
@given(codecs, updates)
def test_bits_are_exact(codec, update):
    payload = codec.encode(update)
    assert payload.bits == 8 * len(payload.data) == codec.bits(update.shape)


# An update costs its width for each value, and a header of 16 + 32·ndim (+ 32 for a scale).
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", WIDTHS)
def test_bits_by_hand(dtype, shape):
    assert fl.Cast(dtype).bits(shape) == expected_bits(WIDTHS[dtype], False, shape)
    if dtype.startswith("int"):
        scaled = fl.Cast(dtype, scale="max")
        assert scaled.bits(shape) == expected_bits(WIDTHS[dtype], True, shape)


# The bytes on the wire are the ones that the module's docstring promises.
@pytest.mark.parametrize(
    ("codec", "update", "wire"),
    [
        (fl.Cast(), [1.0], "00 01 01000000 000000000000f03f"),
        (fl.Cast("float32"), [1.0], "01 01 01000000 0000803f"),
        (fl.Cast("float16"), [[1.0, -2.0]], "02 02 01000000 02000000 003c 00c0"),
        (fl.Cast("bfloat16"), 1.0, "03 00 803f"),
        (fl.Cast("int8"), [1, -1], "04 01 02000000 01 ff"),
        (fl.Cast("int4"), [1, -1, 7], "05 01 03000000 f1 07"),
        (fl.Cast("int8", scale="max"), [-127.0, 1], "84 01 02000000 0000803f 81 01"),
        (fl.Cast("int4", scale="max"), [14.0, -2], "85 01 02000000 00000040 f7"),
        (fl.Scaling(10, then=fl.Cast("int8")), [0.1], "04 01 01000000 01"),
    ],
)
def test_bytes_by_hand(codec, update, wire):
    assert codec.encode(update).data == bytes.fromhex(wire)
    np.testing.assert_allclose(codec.decode(codec.encode(update)), update, rtol=1e-15)


# Scaling saves no bit, whatever λ and whatever the type.
@given(updates, st.sampled_from([None, *WIDTHS]), st.floats(1e-3, 1e3))
def test_scaling_saves_nothing(update, dtype, factor):
    plain = fl.Cast(dtype)
    scaled = fl.Scaling(factor, then=plain)
    assert scaled.encode(update).bits == plain.encode(update).bits == scaled.bits(update.shape)


# Without a cast float32 travels as float32, everything else as float64, and all arrives as it was.
@given(updates)
def test_no_cast_is_identity(update):
    np.testing.assert_array_equal(fl.round_trip(fl.Cast(), update), update)
    np.testing.assert_array_equal(fl.round_trip(fl.Cast("float64"), update), update)
    narrow = np.where(abs(update) < 1e-30, 0, update).astype(np.float32)  # normal numbers
    payload = fl.Scaling(0.125).encode(narrow)
    assert payload.bits == expected_bits(32, False, update.shape)
    assert payload.bits == fl.Scaling(0.125).bits(update.shape, "float32")
    assert payload.bits == fl.Cast("float32").bits(update.shape)
    np.testing.assert_array_equal(fl.round_trip(fl.Scaling(0.125), narrow), narrow)


# Scaling by a power of two and back is exact (where λ g stays a normal number); by any other λ
# it costs two roundings at most.
@given(
    updates.map(lambda x: np.where(abs(x) < 1e-290, 0, x)),
    st.integers(-20, 20),
    st.floats(1e-3, 1e3),
)
def test_scaling_is_undone(update, power, factor):
    np.testing.assert_array_equal(fl.round_trip(fl.Scaling(2.0**power), update), update)
    back = fl.round_trip(fl.Scaling(factor), update)
    np.testing.assert_allclose(back, update, rtol=2**-52, atol=1e-300)


# With unscale=False the receiver sees λ g.
def test_without_unscaling():
    np.testing.assert_array_equal(
        fl.round_trip(fl.Scaling(0.5, unscale=False), [2.0, -6.0]), [1.0, -3.0]
    )


# float16 agrees with the interpreter's own half-precision packing.
@given(st.floats(-65504, 65504))
def test_float16_is_ieee(x):
    assert fl.round_trip(fl.Cast("float16"), [x])[0] == struct.unpack("e", struct.pack("e", x))[0]


# float32 agrees with the interpreter's own single-precision packing.
@given(st.floats(-3e38, 3e38))
def test_float32_is_ieee(x):
    assert fl.round_trip(fl.Cast("float32"), [x])[0] == struct.unpack("f", struct.pack("f", x))[0]


def nearest_bfloat16(x):
    """Of the two float32 with the low 16 bits zero around x, the nearer; on a tie the even one."""
    (bits,) = struct.unpack("<I", struct.pack("<f", x))
    below = bits & 0xFFFF0000
    low, high = (struct.unpack("<f", struct.pack("<I", b))[0] for b in (below, below + 0x10000))
    to_low, to_high = (abs(Fraction(x) - Fraction(end)) for end in (low, high))
    if to_low == to_high:
        return high if (below >> 16) & 1 else low
    return low if to_low < to_high else high


# bfloat16 is the nearest float32 whose low 16 bits are zero, ties to even.
@given(st.floats(-(2.0**127), 2.0**127, width=32))
def test_bfloat16_is_nearest(x):
    assert fl.round_trip(fl.Cast("bfloat16"), [x])[0] == nearest_bfloat16(x)


# Between 1 and 2 bfloat16 has steps of 2⁻⁷: hand cases of ties, and overflow.
@pytest.mark.parametrize(
    ("x", "rounded"),
    [
        (1 + 2**-8, 1),
        (1 + 2**-8 + 2**-20, 1 + 2**-7),
        (1 + 3 * 2**-8, 1 + 2**-6),
        (-(1 + 3 * 2**-8), -(1 + 2**-6)),
        (3.14159265, 3.140625),
        (255 * 2.0**120, 255 * 2.0**120),
        (np.finfo(np.float32).max, np.inf),
        (1e300, np.inf),
        (-1e300, -np.inf),
        (0.0, 0.0),
    ],
)
def test_bfloat16_by_hand(x, rounded):
    assert fl.round_trip(fl.Cast("bfloat16"), [float(x)])[0] == rounded


# float16 overflows to infinity above 65520 and underflows to zero below 2⁻²⁵, as IEEE casts do.
def test_float16_range():
    arrived = fl.round_trip(fl.Cast("float16"), [65519.9, 65520, -1e9, 2**-25, 2**-24])
    np.testing.assert_array_equal(arrived, [65504, np.inf, -np.inf, 0, 2**-24])


# Integers are the nearest multiple of the step, ties to even, saturated symmetrically.
@given(
    st.sampled_from([("int8", 127), ("int4", 7)]),
    st.lists(st.floats(-300, 300), min_size=1, max_size=9),
    st.sampled_from([0.25, 1.0, 2.0]),
)
def test_integers_are_nearest(kind, xs, step):
    dtype, top = kind
    expected = [max(-top, min(top, round(x / step))) * step for x in xs]
    np.testing.assert_array_equal(fl.round_trip(fl.Cast(dtype, step=step), xs), expected)


# The step is 1 if none is given: small values vanish, large ones saturate.
def test_plain_integers():
    arrived = fl.round_trip(fl.Cast("int8"), [0.5, 1.5, -0.4, 1e300, -128])
    np.testing.assert_array_equal(arrived, [0, 2, 0, 127, -127])
    np.testing.assert_array_equal(fl.round_trip(fl.Cast("int4"), [8, -8, 3.5]), [7, -7, 4])


# With a scale for each tensor, step = max|x| over 127 or 7, the error is half a step at most.
@given(
    st.sampled_from([("int8", 127), ("int4", 7)]),
    arrays(float, st.integers(1, 9), elements=st.floats(-1e30, 1e30).map(lambda x: x or 1.0)),
)
def test_scaled_integers_err_by_half_a_step(kind, update):
    dtype, top = kind
    step = np.abs(update).max() / top
    error = np.abs(fl.round_trip(fl.Cast(dtype, scale="max"), update) - update)
    assert (error <= step / 2 * (1 + 1e-5) + 1e-44).all()


# A tensor of zeros has the scale zero and arrives as zeros.
def test_scaled_zeros():
    np.testing.assert_array_equal(fl.round_trip(fl.Cast("int8", scale="max"), [0.0, 0.0]), [0, 0])


# A scale beyond float32 is the largest float32: what is larger saturates, as with a fixed step.
def test_scale_beyond_float32():
    largest = float(np.finfo(np.float32).max)
    arrived = fl.round_trip(fl.Cast("int8", scale="max"), [1e300, -1e300, 1.0])
    np.testing.assert_array_equal(arrived, [127 * largest, -127 * largest, 0])


# What λ is for: the right one saves an update from under- and overflow, the wrong one destroys it.
def test_scale_before_a_cast():
    small, half = np.array([1e-8, -2e-8]), fl.Cast("float16")
    assert not fl.round_trip(half, small).any()
    np.testing.assert_allclose(fl.round_trip(fl.Scaling(1e6, half), small), small, rtol=1e-3)
    large = np.array([1e6, -3e5])
    assert np.isinf(fl.round_trip(half, large)).all()
    np.testing.assert_allclose(fl.round_trip(fl.Scaling(0.01, half), large), large, rtol=1e-3)
    assert np.isinf(fl.round_trip(fl.Scaling(1e6, half), [1.0])).all()
    np.testing.assert_array_equal(
        fl.round_trip(fl.Scaling(100, fl.Cast("int8")), [0.3, 0.004, 5.0]), [0.3, 0, 1.27]
    )


# λ g beyond float64 is sent as infinity.
def test_scaling_overflow():
    assert fl.round_trip(fl.Scaling(1e10), [1e300])[0] == np.inf
    assert fl.round_trip(fl.Scaling(1e10, fl.Cast("int8")), [1e300])[0] == 127e-10
    largest = float(np.finfo(np.float32).max)
    codec = fl.Scaling(1e10, fl.Cast("int8", scale="max"))
    np.testing.assert_allclose(fl.round_trip(codec, [1e300]), [127e-10 * largest])


# λ and the step count as the numbers that they are, whatever the type of the update.
def test_factors_beyond_the_type_of_the_update():
    update = np.array([1e-30, 0], np.float32)
    np.testing.assert_allclose(fl.round_trip(fl.Scaling(1e39), update), update, rtol=1e-6)
    np.testing.assert_array_equal(fl.round_trip(fl.Cast("int8", step=1e-50), np.float32([0])), [0])
    grid = np.float32(0.05) * np.arange(-128, 128, dtype=np.float32)
    codec = fl.Cast("int8", step=0.1)
    np.testing.assert_array_equal(
        fl.round_trip(codec, grid), fl.round_trip(codec, grid.astype(float))
    )


# Sent twice, a cast changes nothing the second time.
@given(st.sampled_from(CODECS[:9]), updates)
def test_casts_are_idempotent(codec, update):
    once = fl.round_trip(codec, np.clip(update, -6e4, 6e4))
    np.testing.assert_array_equal(fl.round_trip(codec, once), once)


# Many rows at once arrive as each row alone would.
@given(codecs, updates)
def test_rows_at_once(codec, rows):
    alone = [fl.round_trip(codec, row) for row in rows]
    for at_once in (codec.round_trip_rows(rows), round_trip_rows(codec, rows)):
        np.testing.assert_array_equal(at_once, alone)


# A codec from elsewhere works too, alone and after a scaling.
def test_foreign_codec():
    rows = np.array([[0.5, -3.0], [-1.0, 2.0]])
    signs = [[1, -1], [-1, 1]]
    np.testing.assert_array_equal(round_trip_rows(Foreign(), rows), signs)
    np.testing.assert_array_equal(
        fl.Scaling(2, then=Foreign()).round_trip_rows(rows), np.array(signs) / 2
    )
    assert fl.Scaling(2, then=Foreign()).encode(rows[0]).bits == 16


# A model's layers are sent one by one.
def test_layers():
    w, b = np.array([[0.4, 1.6]]), np.array([-3.0])
    arrived = fl.round_trip(fl.Cast("int8"), [w, b])
    assert [layer.tolist() for layer in arrived] == [[[0.0, 2.0]], [-3.0]]


# A codec can stand in a lab's state: equal options make equal, hashable codecs.
def test_codecs_are_values():
    assert fl.Scaling(2, fl.Cast("int8")) == fl.Scaling(2, fl.Cast("int8"))
    assert len({fl.Cast("int8"), fl.Cast("int8"), fl.Cast("int4")}) == 2
    assert fl.Scaling(2, None) == fl.Scaling(2)
    assert repr(fl.Cast("int8").encode([1])) == "Payload(56 bits)"


def all_values(dtype):
    """Every finite value of a float type of 16 bits, from all its bit patterns."""
    patterns = np.arange(2**16, dtype=np.uint32)
    if dtype == "float16":
        every = patterns.astype(np.uint16).view(np.float16).astype(float)
    else:
        with np.errstate(invalid="ignore"):
            every = (patterns << 16).view(np.float32).astype(float)
    return np.unique(every[np.isfinite(every)])


# The grid is all representable values in the interval, and no other; its size is their number.
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("low", "high"),
    [(-1, 1), (0.1, 0.2), (-1e-7, 1e-7), (1.0001, 1.0002), (-1e9, 1e9), (1e39, 1e40), (2, 2)],
)
def test_grid_of_16_bits(dtype, low, high):
    every = all_values(dtype)
    inside = every[(every >= low) & (every <= high)]
    np.testing.assert_array_equal(fl.grid(dtype, low, high, limit=10**5), inside)
    assert fl.grid_size(dtype, low, high) == inside.size


# Between neighbours of the grid there is nothing: each is the next float after the other.
@pytest.mark.parametrize(("dtype", "kind"), [("float32", np.float32), ("float64", np.float64)])
@pytest.mark.parametrize("start", [-1.0, -1e-310, 0.1, 1.0, 1e30])
def test_grid_of_wide_floats(dtype, kind, start):
    walk = [kind(start)]
    for _ in range(6):
        walk.append(np.nextafter(walk[-1], kind(np.inf)))
    grid = fl.grid(dtype, float(walk[0]), float(walk[-1]))
    np.testing.assert_array_equal(grid, np.array(walk, dtype=float))


# The whole range of float64 has as many values as bit patterns that are finite, zero once.
def test_grid_size_of_float64():
    top = np.finfo(float).max
    assert fl.grid_size("float64", -top, top) == 2 * (2047 * 2**52 - 1) + 1


# Integers are multiples of the step between their limits.
def test_grid_of_integers():
    np.testing.assert_array_equal(fl.grid("int4", -99, 0.9), np.arange(-7, 1))
    np.testing.assert_array_equal(fl.grid("int8", 0.3, 1, step=0.25), [0.5, 0.75, 1])
    assert fl.grid_size("int8", -1e9, 1e9) == 255
    assert fl.grid("int8", 200, 300).size == 0


# Too many values are thinned to the limit, both ends kept, all of them still representable.
@given(st.sampled_from(sorted(WIDTHS)), st.integers(2, 50))
def test_grid_is_thinned(dtype, limit):
    thin = fl.grid(dtype, -100, 100, limit=limit)
    size = fl.grid_size(dtype, -100, 100)
    assert thin.size == min(limit, size)
    assert (np.diff(thin) > 0).all()
    np.testing.assert_array_equal(fl.round_trip(fl.Cast(dtype), thin), thin)
    assert abs(thin[[0, -1]]).tolist() == [min(100, 7 if dtype == "int4" else 100)] * 2


# Wrong input is refused in words that say what was given.
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fl.Cast("int3"), ValueError, "dtype is 'int3'; expected one of float64, float32"),
        (lambda: fl.Cast(8), ValueError, "dtype is 8; expected one of"),
        (
            lambda: fl.Cast("float16", step=1.0),
            ValueError,
            "step and scale go with int8 and int4; dtype is 'float16'",
        ),
        (lambda: fl.Cast(scale="max"), ValueError, "step and scale go with int8 and int4"),
        (lambda: fl.Cast("int8", scale="std"), ValueError, "scale is 'std'; expected None or"),
        (
            lambda: fl.Cast("int8", scale="max", step=1),
            ValueError,
            "step is 1 and scale is 'max'; give one of them",
        ),
        (lambda: fl.Cast("int8", step=0), ValueError, "step is 0; expected a number > 0"),
        (lambda: fl.Scaling(0), ValueError, "factor is 0; expected a number > 0"),
        (lambda: fl.Scaling(1, then="float16"), TypeError, "then is 'float16'; expected a codec"),
        (lambda: fl.Cast("int8").encode([]), ValueError, "update is empty: shape (0,)"),
        (lambda: fl.Cast("int8").encode([np.nan]), ValueError, "update holds nan at index (0,)"),
        (lambda: fl.Scaling(2).encode(np.inf), ValueError, "update holds inf; expected finite"),
        (lambda: fl.Cast().encode([True]), TypeError, "update has dtype bool"),
        (lambda: fl.Cast().bits((2, 0)), ValueError, "a dimension of shape is 0; expected an"),
        (lambda: fl.Cast().decode(b"123"), TypeError, "payload is bytes; expected Payload"),
        (lambda: fl.Payload([1, 2]), TypeError, "data is list; expected bytes"),
        (
            lambda: fl.Cast("float16").decode(fl.Cast("int8").encode([1])),
            ValueError,
            "the payload holds int8; this codec is Cast(dtype='float16'",
        ),
        (
            lambda: fl.Cast("int8").decode(fl.Cast("int8", scale="max").encode([1])),
            ValueError,
            "the payload holds int8 with a scale; this codec is Cast(dtype='int8'",
        ),
        (
            lambda: fl.Cast().decode(fl.Cast("int8").encode([1])),
            ValueError,
            "the payload holds int8; this codec is Cast(dtype=None",
        ),
        (
            lambda: fl.Cast("int8").decode(fl.Payload(fl.Cast("int8").encode([1, 2]).data[:-1])),
            ValueError,
            "the payload has 1 bytes after its header, expected 2",
        ),
        (
            lambda: fl.Cast("int8").decode(fl.Payload(b"\x04\x02\x00")),
            ValueError,
            "a payload of 3 bytes holds no valid header",
        ),
        (
            lambda: fl.Cast("int8").decode(fl.Payload(b"\x09\x00")),
            ValueError,
            "a payload of 2 bytes holds no valid header",
        ),
        (lambda: fl.grid("int3", 0, 1), ValueError, "dtype is 'int3'"),
        (lambda: fl.grid("int8", 1, 0), ValueError, "low is 1.0, high is 0.0; expected low <="),
        (lambda: fl.grid("int8", 0, np.inf), ValueError, "high is inf; expected a finite number"),
        (lambda: fl.grid("int8", 0, 1, limit=1), ValueError, "limit is 1; expected an integer"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)
