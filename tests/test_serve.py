"""The server's promises, kept against the real server in a process of its own."""

import asyncio
import contextlib
import gzip
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fedlearn_edu.serve import forks
from fedlearn_edu.serve.kernels import Full, LabKernels, Ready, Seat
from fedlearn_edu.serve.pages import is_visit
from tests.serverkit import Page, Server, pack, uss, wait_until

EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def server():
    """One server for the tests that need no options of their own."""
    with Server("--pool", "1") as running:
        running.wait_warm(1)
        yield running


def labs_of(server):
    """Return the names of the labs that the home page links."""
    return re.findall(r'<h3><a href="[^"]*labs/(\w+)"', server.get()[2])


def gone(server, page):
    """Wait until a page's kernel has been freed."""
    wait_until(
        lambda: server.request("GET", f"api/kernels/{page.kernel}")[0] == 404,
        what="the end of the kernel",
    )


# -- pages ---------------------------------------------------------------------------------------


def test_home_links_every_lab_in_both_languages(server):
    from fedlearn_edu import labs

    for lang, code in (("en", "en"), ("zh", "zh-CN")):
        status, _, text = server.get(f"?lang={lang}")
        assert status == 200
        assert f'<html lang="{code}"' in text
        for name in labs.NAMES:
            assert f"labs/{name}" in text
            assert labs.load(name).title(lang) in text
            assert labs.load(name).summary(lang) in text
    assert labs_of(server) == list(labs.NAMES)


# The home page lists every chapter that is written, with its title and minutes; each can be read
# in both languages, with its formulas drawn, its pictures inside, and every link leading somewhere.
def test_chapters_can_be_read(server):
    from fedlearn_edu import course

    linked = set()
    for lang in ("en", "zh"):
        home = server.get(f"?lang={lang}")[2]
        for number in course.numbers():
            title = course.CONTENTS[number].title(lang)
            assert f"chapters/{number}" in home
            assert title in home
            status, _, text = server.get(f"chapters/{number}?lang={lang}")
            assert status == 200
            assert title in text
            assert "$$" not in text
            assert "<script" not in text.partition("<main")[2]
            assert not re.search(r'(?:src|href)="http:', text)
            linked |= set(re.findall(r'href="/?(chapters/[^"]+)"', text))
    for address in linked:
        if not address.endswith("/live"):  # would start a kernel
            assert server.get(address)[0] == 200, address


# What is no chapter is not found, whatever its name.
def test_no_such_chapter(server):
    names = ("99", "-1", "x", "..", "%2e%2e%2fen", "03_aggregation", "03", "9" * 5000)
    for name in names:
        assert server.get(f"chapters/{name}")[0] == 404


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("", {}, "en"),
        ("", {"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.8"}, "zh-CN"),
        ("", {"Accept-Language": "fr;q=0.9, en;q=0.3, zh;q=0.7"}, "zh-CN"),
        ("", {"Accept-Language": "en;q=nonsense, ;;, zh"}, "zh-CN"),
        ("", {"Accept-Language": "zh", "Cookie": "fedlearn-lang=en"}, "en"),
        ("?lang=zh", {"Accept-Language": "en", "Cookie": "fedlearn-lang=en"}, "zh-CN"),
        ("?lang=%3Cscript%3E", {}, "en"),
    ],
)
def test_page_language(server, query, headers, expected):
    # The address decides, else the cookie, else the browser, else English.
    for path in ("", "labs/nothing", "nowhere"):
        _, _, body = server.request("GET", path + query, headers)
        assert f'<html lang="{expected}"'.encode() in body


def test_a_lab_page_says_its_language_and_where_home_is(server):
    with Page(server, query="lang=zh&a=1") as page:
        assert page.status == 200
        assert 'lang="zh-CN" data-fedlearn-home="/" data-fedlearn-lang="zh"' in page.text
        assert "fedlearn-lang=zh" in page.headers["Set-Cookie"]
        assert page.headers["Cache-Control"] == "no-store"
        page.goodbye()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_unknown_lab_is_a_friendly_page(server, lang):
    status, _, text = server.get(f"labs/nothing?lang={lang}")
    assert status == 404
    assert 'href="/"' in text
    assert {"en": "nothing at this address", "zh": "没有内容"}[lang] in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "voila/render/convergence.ipynb"),
        ("GET", "voila/tree"),
        ("GET", "voila/files/convergence.ipynb"),
        ("GET", "voila/api/contents/"),
        ("GET", "voila/templates/base/static/voila.js"),
        ("GET", "voila/static/voila.js"),
        ("GET", "api/contents"),
        ("GET", "api/kernels"),
        ("POST", "api/kernels"),
        ("GET", "api/sessions"),
        ("GET", "api/terminals"),
        ("GET", "login"),
        ("GET", "static/x/web/../../serve/app.py"),
        ("GET", "static/x/web/%2e%2e/%2e%2e/serve/app.py"),
        ("GET", "static/x/web//etc/passwd"),
        ("GET", "static/x/web/%00.js"),
        ("GET", f"static/x/web/{'a' * 5000}.js"),
        ("GET", "static/x/extensions/@jupyter-notebook/lab-extension/static/remoteEntry.js"),
        ("GET", "static/x/extensions/jupyterlab_pygments/static/style.js"),
        ("DELETE", "labs/convergence"),
    ],
)
def test_nothing_else_is_served(server, method, path):
    status, _, body = server.request(method, path)
    assert status in (403, 404, 405)
    assert b"Traceback" not in body
    assert b"import " not in body


def test_only_the_extensions_that_a_lab_needs_are_loaded(server):
    with Page(server) as page:
        names = {found["name"] for found in page.config["federated_extensions"]}
        page.goodbye()
    assert names <= {
        "anywidget",
        "@jupyter-widgets/jupyterlab-manager",
        "@voila-dashboards/widgets-manager8",
    }
    assert "anywidget" in names


def test_pages_and_scripts_are_compressed_and_kept(server):
    headers = {"Accept-Encoding": "gzip"}
    _, found, body = server.request("GET", "", headers)
    assert found["Content-Encoding"] == "gzip"
    script = re.search(rb'src="([^"]+theme\.js)"', gzip.decompress(body))[1].decode()
    with Page(server) as page:
        front_end = re.search(r'src="([^"]+voila\.js)"', page.text)[1]
        page.goodbye()
    for address in (script, front_end):
        _, found, packed = server.request("GET", address, headers)
        _, _, plain = server.request("GET", address)
        assert found["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed) == plain
        assert "immutable" in found["Cache-Control"]


def test_security_headers(server):
    for path in ("", "labs/nothing", "healthz", "static/x/web/theme.js"):
        headers = server.request("GET", path)[1]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "script-src 'self' blob:;" in policy
        hosts = re.findall(r"[\w.+-]+://([^\s;]+)", policy)
        assert set(hosts) == {f"{server.host}:{server.port}"}


def test_pages_link_no_outside_host(server):
    with Page(server) as page:
        pages = [page.text, *(server.get(path)[2] for path in ("", "labs/nothing"))]
        page.goodbye()
    for text in pages:
        found = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'<]*", text)
        assert [link for link in found if "www.w3.org" not in link] == []


def test_template_and_theme_cannot_be_chosen_by_the_address(server):
    with Page(server, query="template=reveal&voila-template=classic&theme=dark&lang=en") as page:
        assert page.config["jupyterLabTheme"] == "light"
        assert "reveal" not in page.text
        assert 'id="loading"' in page.text
        page.goodbye()


def test_a_lab_page_shows_no_source(server):
    with Page(server) as page:
        assert page.model
        assert "import" not in re.sub(r"<script.*?</script>", "", page.text, flags=re.DOTALL)
        assert "labs.show" not in page.text
        page.goodbye()


def test_head_answers_without_a_kernel(server):
    before = server.health()["in_use"]
    assert server.request("HEAD", "labs/convergence")[0] == 200
    assert server.health()["in_use"] == before


# A page elsewhere can link to what starts a kernel, but cannot load it out of sight, nor can a
# browser that only guesses where its reader will go.
@pytest.mark.parametrize("path", ["labs/convergence", "chapters/2/live"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"},
    ],
    ids=lambda headers: headers["Sec-Fetch-Dest"],
)
def test_out_of_sight_nothing_starts(server, path, headers):
    before = server.health()["in_use"]
    assert server.request("GET", path, headers)[0] == 403
    assert server.health()["in_use"] == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
def test_a_visit_is_one(headers):
    assert is_visit(headers)


# The ways to the other language lead to the same server, whatever was asked of it.
def test_no_link_to_elsewhere_in_an_error_page(server):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "//evil.example/x")
        answer = connection.getresponse()
        assert answer.status == 404
        assert b"evil.example" not in answer.read()


# -- kernels -------------------------------------------------------------------------------------


# A seat that is being freed for one who waits is given once, however many wait.
def test_a_freed_seat_is_given_once():
    async def play():
        kernels = LabKernels((), fork=False, max_learners=1)
        freed = asyncio.Event()
        kernels.seats["left"] = Seat(left=-math.inf)
        kernels._end = lambda kernel_id: freed.wait()

        async def take(name):
            return await kernels._seat(lambda: asyncio.sleep(0, Ready(name, [])))

        first = asyncio.create_task(take("first"))
        while kernels.seats:
            await asyncio.sleep(0)
        await take("second")
        freed.set()
        with pytest.raises(Full):
            await first
        return list(kernels.seats)

    assert asyncio.run(play()) == ["second"]


# What a chapter's run holds is let go when its kernel is culled.
def test_a_culled_chapter_lets_go(monkeypatch):
    async def nothing(self, kernel_id):
        """The kernel is gone already."""

    async def play():
        monkeypatch.setattr(AsyncMappingKernelManager, "cull_kernel_if_idle", nothing)
        kernels, stopped = LabKernels((), fork=False), []
        run = SimpleNamespace(stop=lambda: asyncio.sleep(0, stopped.append("run")))
        kernels.seats["culled"] = Seat(run=run)
        await kernels.cull_kernel_if_idle("culled")
        assert not kernels.seats
        return stopped

    assert asyncio.run(play()) == ["run"]


def test_home_does_not_wait_for_the_pools():
    with Server("--pool", "1") as server:
        assert server.get()[0] == 200
        assert server.health()["warm"] < len(labs_of(server))


def test_each_lab_has_a_warm_kernel_that_is_replaced_when_taken():
    with Server("--pool", "1") as server:
        count = len(labs_of(server))
        server.wait_warm(count)
        before = {process.pid for process in server.kernels()}
        assert len(before) == count
        with Page(server).connect() as page:
            assert page.live()
            wait_until(lambda: len(server.kernels()) == count + 1, 30)
            assert before <= {process.pid for process in server.kernels()}
            assert server.health()["in_use"] == 1


def test_without_a_pool_kernels_start_on_demand():
    with Server("--pool", "0") as server, Page(server).connect() as page:
        assert page.live()
        assert len(server.kernels()) == 1


def test_a_kernel_has_one_thread_the_package_and_the_right_python(tmp_path):
    # A kernel spec of the same name that the user once installed must not be picked up.
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    wrong = {
        "argv": ["/nowhere/python", "{connection_file}"],
        "display_name": "",
        "language": "python",
    }
    (spec / "kernel.json").write_text(json.dumps(wrong))
    env = {"JUPYTER_PATH": str(tmp_path), "OMP_NUM_THREADS": "8"}
    with Server("--pool", "0", env=env) as server, Page(server).connect() as page:
        assert page.live()
        (kernel,) = server.kernels()
        found = kernel.environ()
        assert {found["OPENBLAS_NUM_THREADS"], found["OMP_NUM_THREADS"]} == {"1"}
        assert Path(found["PYTHONPATH"].split(":")[0], "fedlearn_edu").is_dir()
        assert Path(kernel.exe()).samefile(Path(sys.executable).resolve())


@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's maps")
def test_a_kernel_is_small(server):
    for process in server.kernels():
        assert not [found for found in process.memory_maps() if "matplotlib" in found.path]
        assert uss(process) < 50


def test_a_closed_page_frees_its_kernel(server):
    page = Page(server).connect()
    assert page.live()
    assert page.goodbye() == 204
    page.close()
    gone(server, page)


def test_goodbye_is_refused_from_elsewhere_and_frees_nothing_unknown(server):
    with Page(server).connect() as page:
        assert page.goodbye(Origin=EVIL) in (403, 404)
        assert server.request("POST", "voila/api/shutdown/a-b-c-d-e")[0] == 204
        assert page.live()
        page.goodbye()


def test_a_page_that_vanishes_frees_its_kernel_after_the_grace_time():
    with Server("--pool", "0", "--grace", "1") as server:
        page = Page(server).connect()
        assert page.live()
        page.close()
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)


def test_a_page_that_comes_back_keeps_its_kernel(server):
    with Page(server).connect() as page:
        assert page.live()
        page.close()
        page.connect()
        assert page.live()
        page.goodbye()


def test_a_page_that_never_connects_frees_its_kernel():
    with Server("--pool", "0", "--grace", "1") as server:
        assert Page(server).status == 200
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)


# Whoever reloads before the page is there leaves no seat taken behind.
@pytest.mark.parametrize("path", ["labs/convergence", "chapters/2/live"])
def test_a_page_that_nobody_waits_for_frees_its_kernel(path):
    with Server("--pool", "0") as server:
        with socket.create_connection((server.host, server.port), timeout=60) as connection:
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            wait_until(server.kernels)
            assert server.health()["in_use"] == 1
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)


def test_abandoned_kernels_are_culled_and_warm_ones_are_not():
    code = """
from fedlearn_edu.serve import app
real = app.voila_config
def soon(options):
    config = real(options)
    assert config.LabKernels.cull_idle_timeout >= 600
    config.LabKernels.cull_idle_timeout = config.LabKernels.cull_interval = 1
    return config
app.voila_config = soon
"""
    with Server("--pool", "1", code=code) as server:
        server.wait_warm(len(labs_of(server)))
        warm = {process.pid for process in server.kernels()}
        gone(server, Page(server))
        left = {process.pid for process in server.kernels()}
        assert len(warm & left) == len(warm) - 1


@pytest.mark.skipif(os.name != "posix", reason="sockets with a path are a POSIX thing")
def test_kernels_speak_through_private_sockets():
    """A kernel's channels lie in the server's own folder: no port to lose to another program."""
    with Server("--pool", "0") as server, Page(server).connect() as page:
        assert page.live()
        (kernel,) = server.kernels()
        paths = {Path(c.laddr) for c in kernel.net_connections("unix") if "-ipc-" in c.laddr}
        assert paths
        assert {path.parent.stat().st_mode & 0o777 for path in paths} == {0o700}


def test_a_dead_kernel_is_announced_and_not_replaced():
    with Server("--pool", "0") as server, Page(server).connect() as page:
        assert page.live()
        (kernel,) = server.kernels()
        kernel.kill()
        page.wait_for("status", execution_state="dead")
        assert server.kernels() == []
        assert server.health()["in_use"] == 0
        gone(server, page)


def test_a_kernel_that_died_while_it_waited_is_replaced():
    with Server("--pool", "1") as server:
        count = len(labs_of(server))
        server.wait_warm(count)
        dead = server.kernels()
        for process in dead:
            process.kill()
        wait_until(lambda: not {p.pid for p in dead} & {p.pid for p in server.kernels()})
        wait_until(lambda: len(server.kernels()) == count, 30, "new kernels")
        with Page(server).connect() as page:
            assert page.live()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_lab_that_raises_says_so_without_a_traceback(lang):
    code = """
from fedlearn_edu import labs
real = labs.notebook
def broken(name):
    notebook = real(name)
    notebook["cells"][0]["source"] = "raise RuntimeError('a secret of the inside')"
    return notebook
labs.notebook = broken
"""
    with Server("--pool", "0", code=code) as server:
        status, _, text = server.get(f"labs/convergence?lang={lang}")
        assert status == 500
        assert {"en": "The lab did not open", "zh": "实验没有打开"}[lang] in text
        assert "secret" not in text
        assert "Traceback" not in text
        assert 'class="reload"' in text
        assert "a secret of the inside" in server.errors()
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)


def test_beyond_the_last_seat_there_is_a_polite_page():
    with Server("--pool", "1", "--max-learners", "1") as server:
        server.wait_warm(1)  # warm kernels take no seat
        with Page(server).connect() as first:
            assert first.live()
            for lang, words in (("en", "Every seat is taken"), ("zh", "座位满了")):
                status, headers, text = server.get(f"labs/scaling?lang={lang}")
                assert status == 503
                assert int(headers["Retry-After"]) > 0
                assert words in text
            assert server.get()[0] == 200
            first.goodbye()
        wait_until(lambda: server.health()["in_use"] == 0)
        with Page(server).connect() as second:
            assert second.live()


def test_whoever_waits_gets_the_seat_of_a_page_that_is_gone():
    code = "from fedlearn_edu.serve import kernels; kernels.AWAY = 0.5"
    with Server("--pool", "0", "--max-learners", "1", code=code) as server:
        first = Page(server).connect()
        assert first.live()
        assert server.get("labs/scaling")[0] == 503  # not while its page is there
        first.close()  # without a goodbye
        wait_until(lambda: server.get("labs/scaling")[0] == 200)


# -- sockets -------------------------------------------------------------------------------------


def test_small_messages_are_sent_at_once():
    code = """
import socket, sys
from fedlearn_edu.serve import sockets
real = sockets.LabSocket.open
async def reporting(self, kernel_id):
    await real(self, kernel_id)
    found = self.ws_connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    print("nodelay", bool(found), file=sys.stderr, flush=True)
sockets.LabSocket.open = reporting
"""
    with Server("--pool", "0", code=code) as server, Page(server).connect() as page:
        assert page.live()
        assert "nodelay True" in server.errors()


@pytest.mark.parametrize("protocol", [None, "v0.kernel.websocket.jupyter.org"])
def test_a_socket_without_the_safe_protocol_is_refused(server, protocol):
    with Page(server) as page:
        with pytest.raises(InvalidStatus) as refusal:
            page.connect(protocol=protocol)
        assert refusal.value.response.status_code == 400
        page.goodbye()


def test_a_socket_from_a_foreign_origin_is_refused(server):
    with Page(server) as page:
        with pytest.raises(InvalidStatus) as refusal:
            page.connect(origin=EVIL)
        assert refusal.value.response.status_code == 403
        page.connect(origin=server.url.rstrip("/"))
        assert page.live()
        page.goodbye()


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff" * 8,
        b"\xff" * 4096,
        (10**6).to_bytes(8, "little") * 8,
        b"",
        "{}",
        pack("shell", "comm_msg", {}, "s")[:40],
        pack("stdin", "comm_msg", {"comm_id": "x", "data": {}}, "s"),
        pack("shell", "comm_open", {"comm_id": "x", "target_name": "jupyter.widget"}, "s"),
        pack("shell", "comm_open", {"comm_id": "x"}, "s"),
        pack("shell", ["a"], {}, "s"),
    ],
    ids=lambda frame: f"{len(frame)}-{str(frame)[-24:]}",
)
def test_a_malformed_message_closes_its_socket_and_harms_nobody(server, frame):
    with Page(server) as page:
        page.connect()
        page.socket.send(frame)
        with contextlib.suppress(AssertionError), pytest.raises(ConnectionClosed):
            for _ in page.messages(5):
                pass
        assert server.get("healthz")[0] == 200
        page.connect()
        assert page.live()
        page.goodbye()


def test_a_huge_message_is_refused(server):
    with Page(server).connect() as page:
        page.socket.send(pack("shell", "comm_msg", {"data": "x" * 1_000_100}, "s"))
        with pytest.raises(ConnectionClosed):
            for _ in page.messages():
                pass
        page.connect()
        assert page.live()
        page.goodbye()


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_a_page_cannot_run_code_or_look_inside(server, channel, tmp_path):
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w')"
    requests = {
        "execute_request": {"code": code, "silent": False, "store_history": False},
        "inspect_request": {"code": "int", "cursor_pos": 2, "detail_level": 1},
        "complete_request": {"code": "in", "cursor_pos": 2},
        "history_request": {"hist_access_type": "tail", "n": 5, "output": True, "raw": True},
        "is_complete_request": {"code": "1"},
        "debug_request": {"type": "request", "command": "initialize", "seq": 1, "arguments": {}},
        "shutdown_request": {"restart": False},
        "interrupt_request": {},
        "usage_request": {},
        "create_subshell_request": {},
    }
    with Page(server).connect() as page:
        for kind, content in requests.items():
            page.send(kind, content, channel)
        page.send("kernel_info_request", {})
        heard = set()
        for _, header, _ in page.messages():
            heard.add(header["msg_type"])
            if header["msg_type"] == "kernel_info_reply":
                break
        assert heard <= {"status", "kernel_info_reply"}
        assert page.live()
        assert not mark.exists()
        page.goodbye()


def test_what_a_kernel_prints_stays_on_the_server(server):
    with Page(server).connect() as page:
        # Without the version that it expects, the kernel prints a traceback and closes the comm.
        page.send("comm_open", {"comm_id": "x", "target_name": "jupyter.widget.control"})
        closed = False
        for _, header, content in page.messages():
            assert header["msg_type"] not in ("stream", "error")
            closed = closed or header["msg_type"] == "comm_close"
            if closed and content.get("execution_state") == "idle":
                break  # what was printed has been sent by then
        page.goodbye()
    wait_until(lambda: "A kernel printed" in server.errors())


def test_a_socket_to_a_kernel_that_no_page_holds_is_refused(server):
    with Page(server) as page:
        page.kernel = "0" * 8 + "-0000-0000-0000-" + "0" * 12
        with pytest.raises(InvalidStatus) as refusal:
            page.connect()
        assert refusal.value.response.status_code == 404


def test_a_page_can_ask_for_its_kernel_but_not_delete_it(server):
    with Page(server) as page:
        status, _, body = server.request("GET", f"api/kernels/{page.kernel}")
        assert status == 200
        assert json.loads(body)["id"] == page.kernel
        assert server.request("DELETE", f"api/kernels/{page.kernel}")[0] in (403, 405)
        page.connect()
        assert page.live()
        page.goodbye()


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "healthz", "labs/convergence", "static/x/web/theme.js"])
def test_a_foreign_host_name_is_refused_on_loopback(server, path):
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example"):
        assert server.request("GET", path, {"Host": host})[0] == 403
    assert server.request("GET", "healthz", {"Host": f"localhost:{server.port}"})[0] == 200


def test_a_proxy_and_its_base_url():
    host = {"Host": "labs.example.org"}
    with Server(
        "--pool", "0", "--base-url", "course", "--allow-host", "labs.example.org"
    ) as server:
        assert server.base == "/course/"
        assert server.request("GET", "/course/", host)[0] == 200
        with Page(server) as page:
            assert 'data-fedlearn-home="/course/"' in page.text
            assert page.config["baseUrl"] == "/course/"
            assert not re.search(r'(?:src|href)="/(?!course/)', page.text)
            page.connect()
            assert page.live()
            assert page.goodbye() == 204
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        connection.request("GET", "/")
        assert connection.getresponse().status == 404
        connection.close()


# -- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_ends_everything(number, busy, tmp_path):
    with Server("--pool", "1", env={"TMPDIR": str(tmp_path)}) as server:
        page = None
        if busy:
            page = Page(server).connect()
            assert page.live()
        wait_until(server.kernels, 30, "a first kernel")
        started = server.descendants()
        assert server.stop(number) == 0
        _, alive = psutil.wait_procs(started, timeout=60)
        assert alive == []
        assert list(tmp_path.glob("fedlearn-*")) == []
        assert "Traceback" not in server.errors()
        if page:
            page.close()


@pytest.mark.skipif(not forks.AVAILABLE, reason="kernels are not forked here")
@pytest.mark.parametrize("end", ["a signal", "the server is gone"])
def test_the_process_that_is_copied_ends_quietly_in_the_middle_of_work(end, tmp_path):
    """A signal may come inside anything, even inside a fork; an answer may find nobody."""
    kernels = [["-f", str(tmp_path / f"{i}.json"), "--log-level=ERROR"] for i in range(20)]
    request, *more = (json.dumps(arguments).encode() + b"\n" for arguments in kernels)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", forks.MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        with process, ours.makefile() as answers:
            ours.sendall(request)
            assert json.loads(answers.readline())[0] == "started"
            copies = psutil.Process(process.pid).children()
            ours.sendall(b"".join(more))
            if end == "a signal":
                process.terminate()
            else:
                ours.shutdown(socket.SHUT_RDWR)
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""
    assert psutil.wait_procs(copies, timeout=60)[1] == []


def test_kernels_end_with_a_server_that_is_killed(tmp_path):
    with Server("--pool", "1", env={"TMPDIR": str(tmp_path)}) as server:
        started = wait_until(server.descendants, 30, "a first kernel")
        server.process.kill()
        _, alive = psutil.wait_procs(started, timeout=60)
        assert alive == []


def test_the_log_is_one_line_unless_asked(server):
    assert server.announced.count("\n") == 1
    with Server("--pool", "0", "--verbose") as talkative:
        talkative.get("healthz")
        wait_until(lambda: "GET /healthz" in talkative.errors())
    with Server("--pool", "0") as quiet:
        for path in ("", "labs/nothing", "nowhere", "healthz"):
            quiet.get(path)
        assert quiet.errors() == ""
