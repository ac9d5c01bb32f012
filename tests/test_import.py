"""What importing the package does, and above all what it does not do."""

import json
import subprocess
import sys
from pathlib import Path

PROBE = """
import json, os, sys, warnings
import numpy as np
def state():
    return repr((np.geterr(), np.get_printoptions(), np.random.get_state(), warnings.filters,
                 dict(os.environ), os.getcwd(), sorted(os.listdir("."))))
before, modules = state(), set(sys.modules)
import fedlearn_edu
print(json.dumps({"same": state() == before, "new": sorted(set(sys.modules) - modules),
                  "missing": [n for n in fedlearn_edu.__all__ if not hasattr(fedlearn_edu, n)]}))
"""


def probe(tmp_path):
    root = str(Path(__file__).resolve().parents[1])
    code = f"import sys; sys.path.insert(0, {root!r})\n{PROBE}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert run.stderr == ""
    return json.loads(run.stdout)


# Importing the package loads NumPy, a little of the standard library, and nothing else.
def test_import_is_light(tmp_path):
    new = {name.split(".")[0] for name in probe(tmp_path)["new"]}
    assert new <= {"fedlearn_edu", "copy", "dataclasses", "itertools", "struct", "_struct"}


# Importing the package changes no error state, print option, random state, warning filter,
# environment variable, working directory or file.
def test_import_changes_nothing(tmp_path):
    assert probe(tmp_path)["same"]


# Every public name exists.
def test_public_names_exist(tmp_path):
    assert probe(tmp_path)["missing"] == []
