"""The repository as a whole: versions agree, licences are there, nothing of a workplace leaks."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fedlearn_edu.cli import make_parser, options_from
from tools import binder, check_files, install

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Put together here, so that this file does not hold them.
REGISTRIES = [".".join(name) for name in (
    ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"),
    ("deb", "debian", "org"), ("security", "debian", "org"), ("snapshot", "debian", "org"),
)]  # fmt: skip
WORKPLACE = ["/".join(("", *name)) for name in (
    ("work", "main"), ("work", "shared"), ("work", ".library"), ("opt", "wheels"), ("opt", "pypi"),
    ("tmp", "dev"),
)]  # fmt: skip


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def files():
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / name for name in done.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def pinned(name):
    """The pins of a requirements file and of those that it includes: name to version."""
    return {
        canonicalize_name(pin.name): str(next(iter(pin.specifier)).version)
        for pin in map(Requirement, install.pins(name))
    }


def asked(*extras):
    """What pyproject.toml asks for with these extras, those that they name included."""
    found = [Requirement(text) for text in PROJECT["dependencies"]]
    for extra in extras:
        for requirement in map(Requirement, EXTRAS[extra]):
            if requirement.name == PROJECT["name"]:
                found += asked(*requirement.extras)
            else:
                found.append(requirement)
    return found


# Each version in a requirements file lies in the range that pyproject.toml allows.
@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("requirements.txt", "app"),
        ("requirements-course.txt", "course"),
        ("requirements-test.txt", "test"),
        ("requirements-flower.txt", "flower"),
        ("requirements-flower-test.txt", "torch"),
        ("requirements-test.txt", "keras"),
        ("requirements-peers.txt", "peers"),
    ],
)
def test_pins_lie_in_the_ranges(name, extra):
    pins = pinned(name)
    for requirement in asked(extra):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {name} pins {version}"


# A requirements file pins exactly, and each package once.
@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_pins_are_exact_and_unique(name):
    pins = [Requirement(text) for text in install.pins(name)]
    assert all([s.operator for s in pin.specifier] == ["=="] for pin in pins)
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))


# What is installed here is what the files pin.
def test_installed_versions_are_the_pinned_ones():
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        pytest.skip("not the environment that make made")
    assert install.missing(ROOT / ".venv", install.pins("requirements-test.txt")) == []


# Whoever only opens labs gets no torch and no JupyterLab, and a federation gets no torch.
def test_the_app_needs_no_torch():
    assert not {"torch", "keras", "flwr", "pandas", "jupyterlab"} & set(pinned("requirements.txt"))
    assert not {"torch", "keras", "jupyterlab"} & set(pinned("requirements-flower.txt"))


# The two environments for tests have the same tools and the same torch.
def test_flower_is_tested_with_the_same_tools():
    here, there = pinned("requirements-flower-test.txt"), pinned("requirements-test.txt")
    both = set(here) & set(there) - set(pinned("requirements-flower.txt"))
    assert {"torch", "pytest"} <= both
    assert {name: here[name] for name in both} == {name: there[name] for name in both}


# Binder installs what the course does, and pins beside that only what nothing else here asks for.
def test_binder_points_at_the_requirements():
    first, *own = [
        line.split("#")[0].strip() for line in read("binder/requirements.txt").split("\n")
    ]
    assert first == "-r ../requirements-course.txt"
    names = [re.fullmatch(r"([\w-]+)==[\d.]+", line)[1] for line in own if line]
    assert "jupyter-server-proxy" in names
    assert not set(names) & set(pinned("requirements-test.txt"))
    assert read("binder/runtime.txt").strip() == "python-3.11"
    assert "CPython 3.11" in read("requirements.txt").splitlines()[0]


# In a fresh environment, postBuild asks for one package more, PyTorch for the CPU, and holds it
# and all that it needs to the tested versions.
@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_binder_gets_torch_for_the_cpu(tmp_path):
    assert os.access(ROOT / "binder/postBuild", os.X_OK)
    venv.create(tmp_path / "env", with_pip=False)
    heard = tmp_path / "heard"
    pip = tmp_path / "env" / "bin" / "pip"
    pip.write_text(
        "#!/bin/bash\n"
        f'printf "%s\\n" "$@" > {heard}\n'
        f'while [ "$1" != --constraint ]; do shift; done; cp "$2" {tmp_path}/constraints\n'
    )
    pip.chmod(0o755)
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    environment["PATH"] = f"{pip.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["binder/postBuild"], cwd=ROOT, env=environment, check=True, timeout=120)
    said = heard.read_text().split()
    assert said[0] == "install"
    assert said[-1] == f"torch=={pinned('requirements-test.txt')['torch']}+cpu"
    assert said[said.index("--extra-index-url") + 1] == "https://download.pytorch.org/whl/cpu"
    held = (tmp_path / "constraints").read_text().splitlines()
    names = [re.match(r"[\w.-]+", line)[0].lower() for line in held]
    assert sorted(names) == sorted(pinned("requirements-test.txt"))
    assert f"torch=={pinned('requirements-test.txt')['torch']}" in held


# What jupyter-server-proxy is told to run is a command line that there is, under the name that
# Binder's links have; on a hub, and only there, any host name passes.
def test_the_app_beside_jupyter(monkeypatch):
    (name,) = PROJECT["entry-points"]["jupyter_serverproxy_servers"]
    module, _, function = PROJECT["entry-points"]["jupyter_serverproxy_servers"][name].partition(
        ":"
    )
    for hub in (False, True):
        monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
        if hub:
            monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/x/")
        entry = getattr(importlib.import_module(module), function)()
        command = [part.format(port=1234, base_url="/user/x/") for part in entry["command"]]
        assert command[:3] == [sys.executable, "-m", "fedlearn_edu"]
        options = options_from(make_parser().parse_args(command[3:]))
        assert (options.port, options.base_url) == (1234, f"/user/x/{name}/")
        assert options.on_loopback
        assert bool(re.fullmatch(options.host_pattern(), "hub.example")) == hub
        assert Path(entry["launcher_entry"]["icon_path"]).is_file()
        assert entry["launcher_entry"]["path_info"] == f"{name}/"
    for (what, _), place in binder.PLACES.items():
        found = place.removeprefix("lab/tree/")
        assert (ROOT / found).is_file() if what == "course" else found.startswith(f"{name}/?lang=")


# A link for Binder names the repository as Binder does, and the place where it opens.
@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("git@github.com:somebody/course.git", "gh/somebody/course"),
        ("https://github.com/somebody/course", "gh/somebody/course"),
        ("https://token@gitlab.com/a/b/c.git", "gl/a%2Fb%2Fc"),
        ("ssh://git@github.com/somebody/course.git/", "gh/somebody/course"),
    ],
)
def test_binder_links(address, part, capsys):
    assert binder.main([address]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == (
        f"course en: https://mybinder.org/v2/{part}/HEAD"
        "?urlpath=lab%2Ftree%2Fnotebooks%2Fen%2F00_start.ipynb"
    )
    assert printed[3].endswith("?urlpath=fedlearn%2F%3Flang%3Dzh")
    assert len(printed) == 4


@pytest.mark.parametrize("address", ["", "/some/folder", "https://example.org/a/b", "github.com/a"])
def test_binder_needs_a_public_repository(address):
    assert "no repository" in binder.main([address])


# JupyterLab, as `make course` opens it, asks no outside host for news or a newer version.
def test_the_course_stays_at_home(monkeypatch):
    config = pytest.importorskip("jupyterlab_server.config")
    assert 'JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter"' in read("Makefile")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "tools" / "jupyter"))
    disabled = config.get_page_config([])["disabledExtensions"]
    assert "@jupyterlab/apputils-extension:announcements" in disabled


# The release number is the same wherever it stands.
def test_release_number():
    package = re.search(r'^__version__ = "(.+)"$', read("fedlearn_edu/__init__.py"), re.MULTILINE)
    citation = re.search(r"^version: (.+)$", read("CITATION.cff"), re.MULTILINE)
    assert package[1] == citation[1] == PROJECT["version"]


# The licences are there, and each README names them.
def test_licences():
    assert read("LICENSE").startswith("MIT License")
    assert "Creative Commons Attribution 4.0 International Public License" in read("LICENSE-course")
    assert "SIL OPEN FONT LICENSE" in read("assets/fonts/OFL.txt")
    assert all((ROOT / name).is_file() for name in PROJECT["license-files"])
    for name in ("README.md", "README.zh-CN.md"):
        assert "(LICENSE)" in read(name)
        assert "(LICENSE-course)" in read(name)


# Both READMEs have the same sections, commands, code and links.
def test_readmes_are_equals():
    for pattern in (r"^#+", r"^```\w*$", r"^(?:make|pip|python)\b[^#\n]*", r"`[\w./-]+/`"):
        english, chinese = (
            [match.strip() for match in re.findall(pattern, read(name), re.MULTILINE)]
            for name in ("README.md", "README.zh-CN.md")
        )
        assert english == chinese, pattern


# Each file that a README links to is there.
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"])
def test_links(name):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", read(name))
    assert [target for target in targets if not (ROOT / target).exists()] == []


# CI does what anybody can do: it calls `make test`, and that alone.
def test_ci_calls_make_test_only():
    lines = [line for line in read(".ci/run").splitlines() if line and not line.startswith("#")]
    assert lines == [
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        "export CI=true",
        "exec make test",
    ]
    assert os.access(ROOT / ".ci/run", os.X_OK)


# `make` alone lists every target that has a description, `app` and `test` among them.
@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_make_lists_its_targets():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = set(re.findall(r"^\.PHONY: ([\w-]+)$", read("Makefile"), re.MULTILINE))
    assert {"app", "test", "lint", "unit", "browser", "bench", "course", "notebooks"} <= phony
    assert phony == set(re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE))


# No committed file names a registry's host or a path of somebody's workplace.
def test_no_host_or_workplace_in_files():
    pattern = re.compile("|".join(map(re.escape, REGISTRIES + WORKPLACE)).encode())
    found = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in files()
        for match in pattern.finditer(path.read_bytes())
    ]
    assert found == []


# No committed file is large, unfinished by a merge, or without its last newline.
def test_files_are_tidy():
    wrong = {}
    for path in files():
        if words := check_files.problems(path, path.read_bytes()):
            wrong[str(path.relative_to(ROOT))] = words
    assert wrong == {}


# Below the widgets the package imports NumPy and the standard library, and nothing else.
# The names are the modules that may import more, each with what.
ALLOWED = {
    "cli": set(),
    "course": {"IPython", "anywidget", "keras", "latex2mathml", "traitlets"},
    "figures": {"PIL", "contourpy", "matplotlib"},
    "flower": {"cryptography", "flwr", "psutil"},
    "labs": {"anywidget", "ipywidgets", "IPython", "traitlets"},
    "serve": {"ipykernel", "jinja2", "jupyter_client", "jupyter_core", "jupyter_server",
              "markupsafe", "nbclient", "nbconvert", "nbformat", "tornado", "traitlets", "voila",
              "zmq"},
    "torch_models": {"torch"},
    "federation": {"threadpoolctl", "tqdm"},
}  # fmt: skip


def imported(path):
    """The top-level names of all absolute imports in a file, lazy ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_who_imports_what():
    package = ROOT / "fedlearn_edu"
    own = set(sys.stdlib_module_names) | {"numpy", "fedlearn_edu"}
    found = {}
    for path in package.rglob("*.py"):
        part = path.relative_to(package).with_suffix("").parts[0]
        if foreign := set(imported(path)) - own - ALLOWED.get(part, set()):
            found[str(path.relative_to(ROOT))] = foreign
    assert found == {}


# The wheel holds the package with everything that it reads, assets inside, and no tests.
def test_wheel(tmp_path):
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "fedlearn_edu"
    data = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert data <= names
    assert "fedlearn_edu/assets/fonts/NotoSansSC-subset.otf" in names
    assert {name.split("/")[0] for name in names} == {
        "fedlearn_edu",
        f"fedlearn_edu-{PROJECT['version']}.dist-info",
    }


# An old Python, a missing venv module, no network and a full disk are told in one sentence.
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x NewConnectionError: Failed to establish a new connection", "there is no network"),
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: No matching distribution found for a==1", "pip stopped: No matching distribution"),
        ("", "pip stopped: no reason given"),
    ],
)
def test_failures_are_one_sentence(said, told):
    sentence = install.explain(said)
    assert told in sentence
    assert "\n" not in sentence


# A Debian without python3-venv is told which package to install.
def test_without_venv_module(monkeypatch, tmp_path):
    monkeypatch.setattr(install.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(install.Stop, match=r"^Python 3\.\d+ is here, but its venv module is not\."):
        install.make_venv(tmp_path / "new")
