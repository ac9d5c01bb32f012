"""Chapters that run in the app: what they show, what a page may ask for, and when they end."""

import contextlib
import json
import re

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fedlearn_edu import course, labs
from fedlearn_edu.course.markup import to_html
from fedlearn_edu.serve import chapters
from fedlearn_edu.strings.course import STRINGS as COURSE
from fedlearn_edu.strings.home import STRINGS

from .serverkit import Page, Server, wait_until

NUMBER = 3
WIDGET = "application/vnd.jupyter.widget-view+json"
LANGUAGES = pytest.mark.parametrize("lang", ["en", "zh"])
EVERY = pytest.mark.parametrize("number", course.numbers())
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def server():
    """One server for the tests that need no options of their own."""
    with Server("--pool", "0") as running:
        yield running


def words(key, lang, **values):
    """Return a text of the pages."""
    return STRINGS[key][["en", "zh"].index(lang)].format(**values)


def changed(key, source):
    """Return Python that gives a cell of every chapter another source, in the server."""
    return f"""
from fedlearn_edu.serve import chapters
real = chapters.notebook
def changed(name, lang):
    book = real(name, lang)
    next(cell for cell in book.cells if cell.id == {key!r}).source = {source!r}
    return book
chapters.notebook = changed
"""


def places(number, lang="en"):
    """Return the shown code cells of a chapter by their place."""
    cells = chapters.notebook(str(number), lang).cells
    by_id = {cell.id: cell for cell in cells}
    return {place: by_id[key] for key, place in chapters.numbers(cells).items()}


def threads(server):
    """Return how many threads the server has."""
    return psutil.Process(server.process.pid).num_threads()


def told_all(socket):
    """Wait until the server closes a socket, whatever it tells before."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=60)


# -- what runs -----------------------------------------------------------------------------------


# All code cells run but the progress, each once: first the one that all need, then those that can
# be touched, then the others in the chapter's order.
@EVERY
@LANGUAGES
def test_order(number, lang):
    cells = chapters.notebook(str(number), lang).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    first, rest = chapters.parts(cells)
    assert first[0].source.startswith("from fedlearn_edu import course")
    touched = {cell.source.partition("(")[0] for cell in first[1:]}
    assert touched == {"c.lab", "c.quiz"}
    left = [cell for cell in code if cell not in first and "c.progress()" not in cell.source]
    assert [cell for cell in left if "nbval-skip" not in cell.metadata.get("tags", ())] == rest
    assert sorted(chapters.numbers(cells).values()) == list(range(len(first) - 1 + len(rest)))


# A live page is in its language, shows the code and what was stored, has a place for each cell's
# own output, and leads back to the page for reading and on to live neighbours.
@LANGUAGES
def test_page(server, lang):
    with Page(server, chapter=NUMBER, query=f"lang={lang}") as page:
        assert page.status == 200
        assert page.headers["Cache-Control"] == "no-store"
        html_lang = {"en": "en", "zh": "zh-CN"}[lang]
        assert f'<html lang="{html_lang}"' in page.text
        assert to_html(words("live_note", lang)) in page.text
        found = [int(place) - 1 for place in re.findall(r'cell-index="(\d+)"', page.text)]
        assert sorted(found) == sorted(places(NUMBER, lang))
        assert f'max="{len(found)}"' in page.text
        assert page.text.count("data:image/png") == 2  # the figure and the lab, as stored
        assert "contributions" in page.text
        for address in ("chapters/3", "chapters/2/live", "chapters/4/live", "labs/aggregation"):
            assert f'href="/{address}"' in page.text, address
        page.goodbye()


# Every cell displays what the notebook has stored, in the page's language; labs and quiz are
# widgets that the page can open before anything else has run; a stub is not answered yet.
@LANGUAGES
def test_cells_display_what_is_stored(server, lang):
    with Page(server, chapter=NUMBER, query=f"lang={lang}").connect() as page:
        models = page.states()
        found = page.results()
        for place, cell in places(NUMBER, lang).items():
            texts = [output.get("data", {}).get("text/html", "") for output in found[place]]
            if any(WIDGET in output.get("data", {}) for output in found[place]):
                assert found[place][0]["data"][WIDGET]["model_id"] in models
                assert place < 2
            elif "c.exercise" in cell.source:
                assert COURSE["untouched"][["en", "zh"].index(lang)] in texts[0]
                assert texts[0] == cell.outputs[0].data["text/html"]
            else:
                for mine, stored in zip(found[place], cell.outputs, strict=True):
                    assert mine.get("text") == stored.get("text")
                    data, old = mine.get("data", {}), stored.get("data", {})
                    assert data.keys() == old.keys()
                    assert data.get("text/plain") == old.get("text/plain")
        assert list(found)[-1] == len(found) - 1  # by this Voilà's front end knows the end
        page.goodbye()


# Whoever asks again is told everything again, and nothing runs twice.
def test_told_again(server):
    with Page(server, chapter=2).connect() as page:
        page.states()
        assert page.results() == page.results()
        page.goodbye()


# A cell that raises says so in the page's language, without the traceback; what comes after it
# stays as it was stored.
def test_a_cell_that_raises():
    code = changed("contributions", "raise RuntimeError('a secret of the inside')")
    with Server("--pool", "0", code=code) as server:
        for lang in ("en", "zh"):
            with Page(server, chapter=NUMBER, query=f"lang={lang}").connect() as page:
                page.states()
                found = page.results()
                assert words("cell_failed", lang) in found[max(found)][0]["data"]["text/html"]
                assert places(NUMBER)[max(found)].id == "contributions"
                assert "secret" not in json.dumps(found)
                page.goodbye()
        assert "a secret of the inside" in server.errors()


# If what comes first raises, there is an error page and no kernel, however often it is asked for;
# nor does the server keep a thread for it.
def test_a_chapter_that_does_not_begin():
    code = changed("quiz-questions", "raise RuntimeError('a secret'), c.quiz()")
    with Server("--pool", "0", code=code.replace("raise", "1 / 0 and")) as server:
        status, _, text = server.get("chapters/3/live?lang=zh")
        assert status == 500
        assert words("error_500", "zh") in text
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)
        before = threads(server)
        for _ in range(3):
            assert server.get("chapters/3/live")[0] == 500
        wait_until(lambda: not server.kernels() and threads(server) <= before)


# -- where something is missing ------------------------------------------------------------------


# Where PyTorch is missing, chapter 6 says so in a sentence wherever it would be run, and can be
# read; no kernel is started for it.
def test_without_torch():
    code = """
import importlib.util
real = importlib.util.find_spec
def find(name, *rest):
    return None if name == "torch" else real(name, *rest)
importlib.util.find_spec = find
"""
    with Server("--pool", "0", code=code) as server:
        for lang in ("en", "zh"):
            for path in ("chapters/6", "chapters/6/live"):
                status, _, text = server.get(f"{path}?lang={lang}")
                assert status == 200
                assert words("read_only_needs", lang, what="PyTorch") in text
                assert 'href="/chapters/6/live"' not in text
            home = server.get(f"?lang={lang}")[2]
            assert words("reading_only_needs", lang, what="PyTorch") in home
            assert "chapters/6/live" not in home
            assert "chapters/5/live" in home
        assert server.health()["in_use"] == 0


# A chapter that starts programs can be read, and no address of the app runs it.
@LANGUAGES
def test_a_chapter_that_starts_programs(server, lang):
    [number] = [n for n in course.numbers() if course.load(n).starts_processes]
    for path in (f"chapters/{number}", f"chapters/{number}/live"):
        status, _, text = server.get(f"{path}?lang={lang}")
        assert status == 200
        assert to_html(words("read_only_starts", lang)) in text
        assert f'href="/chapters/{number}/live"' not in text
    home = server.get(f"?lang={lang}")[2]
    assert words("reading_only_starts", lang) in home
    assert f"chapters/{number}/live" not in home
    assert server.health()["in_use"] == 0


# The home page leads to each chapter, to read and live, and each page leads to the other.
def test_ways(server):
    home = server.get("?lang=en")[2]
    for number in course.numbers():
        runs = chapters.still(number) is None
        assert (f'href="/chapters/{number}/live"' in home) == runs
        text = server.get(f"chapters/{number}")[2]
        assert (f'href="/chapters/{number}/live"' in text) == runs
        for name in course.load(number).labs:
            assert f'href="/labs/{name}"' in text


# What is no chapter does not run, whatever its name.
def test_no_such_chapter(server):
    for name in ("99", "-1", "x", "..", "lesson_plans", "03_aggregation", "%2e%2e%2fen"):
        assert server.get(f"chapters/{name}/live")[0] == 404
    assert server.health()["in_use"] == 0


# A link between notebooks leads to the page of the same thing, in prose and in what cells show.
@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("04_scaling.ipynb", "/c/chapters/4/live"),
        ("../zh/00_start.ipynb#ways", "/c/chapters/0/live?lang=zh#ways"),
        ("lesson_plans.md", "/c/chapters/lesson_plans"),
        ("../en/lesson_plans.md", "/c/chapters/lesson_plans?lang=en"),
        ("../labs/one_round.ipynb", "/c/labs/one_round"),
        ("https://example.org/03_x.ipynb", "https://example.org/03_x.ipynb"),
        ("own.ipynb", "own.ipynb"),
    ],
)
def test_links(link, address):
    markup = f'<a href="{link}">'
    assert chapters.readdressed(markup, "/c/", live=True) == f'<a href="{address}">'
    still = address.replace("/live", "")
    assert chapters.readdressed(markup, "/c/") == f'<a href="{still}">'


# -- seats and the end ---------------------------------------------------------------------------


# A live chapter takes a seat like a lab, and gives it back when its page is closed.
def test_seats():
    with Server("--pool", "0", "--max-learners", "1") as server:
        with Page(server, chapter=NUMBER).connect() as page:
            page.states()
            for path in ("chapters/2/live", "labs/scaling"):
                status, headers, text = server.get(f"{path}?lang=zh")
                assert status == 503
                assert int(headers["Retry-After"]) > 0
                assert words("full_title", "zh") in text
            assert server.get("chapters/2")[0] == 200
            assert page.goodbye() == 204
        wait_until(lambda: not server.kernels() and server.health()["in_use"] == 0)
        with Page(server, chapter=2) as page:
            assert page.status == 200


# A page that is closed while a cell runs ends it; a kernel that dies then is announced, as a lab's
# is, and nothing replaces it; and what runs when the server ends, ends with it.
def test_ends_while_it_runs():
    with Server("--pool", "0", code=changed("mean", "while True: pass")) as server:
        pages = []
        for _ in range(3):
            before = set(server.kernels())
            page = Page(server, chapter=NUMBER).connect()
            (page.process,) = set(server.kernels()) - before
            page.states()
            page.begin().recv(timeout=60)
            pages.append(page)
        closed, dying, last = pages
        assert closed.goodbye() == 204
        wait_until(lambda: not closed.process.is_running() and server.health()["in_use"] == 2)
        dying.process.kill()
        dying.wait_for("status", execution_state="dead")
        wait_until(lambda: server.health()["in_use"] == 1)
        assert server.kernels() == [last.process]
        started = server.descendants()
        assert server.stop() == 0
        _, alive = psutil.wait_procs(started, timeout=60)
        assert alive == []
        for page in pages:
            page.close()
        assert "Traceback" not in server.errors()


# A page that is closed early, before it has asked for its widgets or to begin, ends its run: its
# socket closes, begins nothing any more, and the server keeps no thread for it.
@pytest.mark.parametrize("begun", [True, False])
def test_closed_early(begun):
    with Server("--pool", "0") as server:
        kept = []
        for _ in range(3):
            with Page(server, chapter=2) as page:
                socket = page.begin() if begun else page.listen()
                assert page.goodbye() == 204
                if not begun:
                    socket.send(page.BEGIN)
                told_all(socket)
            wait_until(lambda: not server.kernels())
            kept.append(threads(server))
        assert kept[2] <= kept[0]
        server.stop()
        assert "Traceback" not in server.errors()


# -- what a page may ask for ---------------------------------------------------------------------


# The socket takes one message, that the run begins, and closes on any other; nothing that a page
# adds to it counts, and the chapter's kernel takes no code, as a lab's does not.
@pytest.mark.parametrize(
    "message",
    ["", "{}", "[]", '"execute"', '{"action": "run"}', b'{"action": "execute"}', "x" * 5000,
     '{"action": ["execute"]}', "[" * 900],
    ids=lambda message: str(message)[:24],
)  # fmt: skip
def test_a_page_can_only_begin(server, message):
    with Page(server, chapter=2).connect() as page:
        with pytest.raises(ConnectionClosed):
            page.begin(message).recv(timeout=60)
        assert page.states()
        page.goodbye()


def test_what_a_page_adds_does_not_count(server, tmp_path):
    mark = tmp_path / "mark"
    code = f"open({str(mark)!r}, 'w')"
    evil = {"kernel_id": "x", "nb": {"cells": [{"cell_type": "code", "source": code}]}}
    with Page(server, chapter=2).connect() as page:
        page.states()
        socket = page.begin(json.dumps({"action": "execute", "payload": evil, "code": code}))
        assert len(list(socket)) == len(places(2))
        page.send("execute_request", {"code": code, "silent": False, "store_history": False})
        assert page.states()
        assert not mark.exists()
        page.goodbye()


# Only the page that holds a chapter's seat gets a socket: none for a lab's kernel, an unknown
# kernel, or from a page of another origin.
def test_sockets_are_refused(server):
    with Page(server, chapter=2) as page, Page(server) as lab:
        with pytest.raises(InvalidStatus) as refusal:
            page.begin(origin=EVIL)
        assert refusal.value.response.status_code == 403
        for kernel in (lab.kernel, "0" * 8 + "-0000-0000-0000-" + "0" * 12):
            held, page.kernel = page.kernel, kernel
            with pytest.raises(InvalidStatus) as refusal:
                page.begin()
            assert refusal.value.response.status_code == 404
            page.kernel = held
        lab.goodbye()
        page.goodbye()


# Labs and quiz of a live chapter hold nothing that a learner's page could not have: the shown
# names are those of the chapter's own labs.
def test_labs_are_the_chapters(server):
    with Page(server, chapter=NUMBER, query="lang=en").connect() as page:
        shown = [state["state"].get("page", {}) for state in page.states().values()]
        titles = {found["title"] for found in shown if "lab" in found}
        assert titles == {labs.load(name).title("en") for name in course.load(NUMBER).labs}
        page.goodbye()
