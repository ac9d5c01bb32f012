"""Rebuild assets/data/*.npz from the copies that scikit-learn ships.

The same arrays give the same file, byte for byte, on every machine: members are stored without
compression (zlib's output differs between its versions) and without the time of day.
`python tools/build_data.py` writes the files; `--check` only says which differ.
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "data"
EPOCH = (1980, 1, 1, 0, 0, 0)


def digits():
    """Return the arrays of digits.npz: grey levels 0 … 16 as bytes, and the digits."""
    source = load_digits()
    x = source.data.astype(np.uint8)
    if not np.array_equal(x, source.data):
        raise ValueError("the digits' grey levels are no longer whole numbers from 0 to 255")
    return {
        "x": x,
        "y": source.target.astype(np.uint8),
        "feature_names": np.array(source.feature_names),
        "label_names": np.array([str(name) for name in source.target_names]),
    }


def breast_cancer():
    """Return the arrays of breast_cancer.npz: the measurements as float64, and the diagnoses."""
    source = load_breast_cancer()
    return {
        "x": source.data.astype("<f8"),
        "y": source.target.astype(np.uint8),
        "feature_names": np.array([str(name) for name in source.feature_names]),
        "label_names": np.array([str(name) for name in source.target_names]),
    }


BUILDERS = {"digits.npz": digits, "breast_cancer.npz": breast_cancer}


def npz(arrays):
    """Return the bytes of an .npz file that depend on nothing but the arrays."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            member.create_system = 3
            member.external_attr = 0o644 << 16
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array), (1, 0), allow_pickle=False)
            archive.writestr(member, data.getvalue())
    return packed.getvalue()


def main(arguments=None):
    """Write or check every file; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args(arguments).check
    different = 0
    for name, build in BUILDERS.items():
        path, data = FOLDER / name, npz(build())
        same = path.is_file() and path.read_bytes() == data
        different += not same
        print(f"{name}: {len(data) / 1000:.0f} kB, {'as it was' if same else 'differs'}")
        if not same and not check:
            path.write_bytes(data)
    return int(check and different > 0)


if __name__ == "__main__":
    sys.exit(main())
