"""The command line: its options, and its refusals in one sentence."""

import http.server
import os
import socket
import subprocess
import sys
import threading

import pytest

from fedlearn_edu import __version__
from fedlearn_edu.cli import make_parser, options_from
from fedlearn_edu.serve.options import Options, Refused, normal_base_url
from tests.serverkit import ROOT, Server


def run(*arguments, code=None):
    """Run the command line and return ``(exit code, output, errors)``."""
    command = ["-c", code] if code else ["-m", "fedlearn_edu", *arguments]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def refused(*arguments, **keywords):
    """Return the one sentence with which the command line gives up."""
    status, _, errors = run(*arguments, **keywords)
    assert status != 0
    assert errors.count("\n") == 1
    assert "Traceback" not in errors
    return errors


def test_version():
    assert run("--version")[:2] == (0, f"fedlearn_edu {__version__}\n")


def test_help_names_every_option():
    status, text, _ = run("app", "--help")
    assert status == 0
    for option in (
        *("--host", "--port", "--max-learners", "--pool", "--grace"),
        *("--base-url", "--allow-host", "--no-browser", "--verbose"),
    ):
        assert option in text


def test_help_does_not_import_the_server():
    code = (
        "import sys; from fedlearn_edu.cli import make_parser; make_parser().format_help(); "
        ""
        "sys.exit('voila' in sys.modules)"
    )
    assert run(code=code)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["app", "--port", "99999"], "'99999' is not a port"),
        (["app", "--port", "-1"], "--port"),
        (["app", "--port", "eight"], "'eight' is not a port"),
        (["app", "--max-learners", "many"], "'many' is not a number"),
        (["app", "--pool", "-2"], "--pool"),
        (["app", "--allow-host", "http://x.example/"], "is not a host name"),
        (["app", "--base-url", "/a b/"], "is not a path such as /course/"),
        (["app", "--base-url", "https://x.example/"], "is not a path such as /course/"),
        (["app", "--host", "no.such.host.invalid", "--port", "0"], "is not an address"),
        (["app", "--host", "203.0.113.7", "--port", "0"], "is not an address"),
        (["app", "--nonsense"], "nonsense"),
        (["federation", "--participants", "1"], "'1' is not a whole number from 2 to 100"),
        (["federation", "--remote", "1"], "--remote needs --host"),
        (["nonsense"], "nonsense"),
        ([], "required"),
    ],
)
def test_bad_values_are_one_sentence(arguments, words):
    assert words in refused(*arguments)


def test_a_port_in_use_is_named_and_no_other_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refused("app", "--no-browser", "--port", str(port))
    assert f"Port {port} is in use" in sentence
    assert "--port" in sentence


def test_a_second_start_says_that_the_app_is_already_running():
    with Server("--pool", "0") as server:
        sentence = refused("app", "--no-browser", "--port", str(server.port))
    assert f"this app runs there already: {server.url}" in sentence


def test_another_web_server_on_the_port_is_not_taken_for_the_app():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        sentence = refused("app", "--no-browser", "--port", str(server.server_port))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "another program has it" in sentence


def test_a_missing_package_is_named_with_the_way_to_get_it():
    code = (
        "import importlib.util, sys; real = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name: None if name == 'voila' else real(name); "
        "from fedlearn_edu.cli import main; sys.exit(main(['app', '--port', '0']))"
    )
    sentence = refused(code=code)
    assert "needs voila" in sentence
    assert f"-m pip install -r '{ROOT / 'requirements.txt'}'" in sentence


def test_an_old_python_is_refused():
    code = (
        "import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); "
        "runpy.run_module('fedlearn_edu', run_name='__main__')"
    )
    assert refused(code=code) == "fedlearn-edu needs Python 3.11 or newer; this is Python 3.10.\n"


def test_options_arrive():
    given = (
        "app --host 0.0.0.0 --port 81 --max-learners 30 --pool 3 --grace 9 --base-url a/b "
        "--allow-host x.example --allow-host y.example --no-browser --verbose"
    )
    arguments = make_parser().parse_args(given.split())
    assert options_from(arguments) == Options(
        host="0.0.0.0",
        port=81,
        base_url="/a/b/",
        max_learners=30,
        pool=3,
        browser=False,
        verbose=True,
        allow_hosts=("x.example", "y.example"),
        grace=9,
    )
    assert options_from(make_parser().parse_args(["app"])) == Options()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        *(("/", "/"), ("", "/"), ("course", "/course/"), ("//a//b", "/a/b/")),
        *(("/user/a@b.c/", "/user/a@b.c/"), ("/user/a%40b.c", "/user/a%40b.c/")),
    ],
)
def test_base_url_is_made_regular(given, kept):
    assert normal_base_url(given) == kept


@pytest.mark.parametrize("given", ["a/../b", "/a?b", "/.", "/中", "/a%4"])
def test_base_url_that_is_no_path_is_refused(given):
    with pytest.raises(Refused, match="is not a path"):
        normal_base_url(given)


def test_a_browser_is_opened_only_where_there_is_one(monkeypatch):
    from fedlearn_edu.serve import app

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not app.has_browser()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(app.webbrowser, "get", lambda: None)
    assert app.has_browser()


def test_addresses_for_a_classroom_name_this_computer_first():
    first, *others = Options(host="0.0.0.0", base_url="/c/").addresses(8866)
    assert first == "http://127.0.0.1:8866/c/"
    assert all(address.endswith(":8866/c/") for address in others)
    assert Options(host="::1").addresses(1) == ["http://[::1]:1/"]
