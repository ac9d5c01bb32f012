"""The stage's bundle is what its sources build."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAGE, LABS = ROOT / "stage", ROOT / "fedlearn_edu" / "labs"


@pytest.fixture(scope="module")
def npm():
    """Return npm's path, with the stage's packages installed."""
    found = shutil.which("npm")
    if not found:
        if os.environ.get("CI"):
            pytest.fail("npm is missing: CI must have Node")
        pytest.skip("npm is missing: the bundle cannot be rebuilt here")
    assert (STAGE / "node_modules").exists(), "run `npm ci` in stage/"
    return found


# Built again from the sources, with the versions in the lock file, the bundle is the same bytes.
@pytest.mark.parametrize("name", ["stage.js", "stage.css"])
def test_bundle_is_what_the_sources_build(npm, tmp_path, name):
    shutil.copytree(STAGE / "src", tmp_path / "stage" / "src")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(STAGE / file, tmp_path / "stage" / file)
    (tmp_path / "stage" / "node_modules").symlink_to(STAGE / "node_modules")
    (tmp_path / "fedlearn_edu" / "labs").mkdir(parents=True)
    subprocess.run([npm, "run", "build", "--silent"], cwd=tmp_path / "stage", check=True)
    built = (tmp_path / "fedlearn_edu" / "labs" / name).read_bytes()
    assert built == (LABS / name).read_bytes(), "run `make stage` and commit the bundle"
