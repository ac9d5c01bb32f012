"""A live chapter in Chromium: labs, quiz and verdicts, in both languages."""

import re

import pytest
from playwright.sync_api import expect

from fedlearn_edu import course
from fedlearn_edu.strings.course import STRINGS as COURSE
from fedlearn_edu.strings.home import STRINGS as PAGES
from tests.browser.conftest import violations
from tests.coursekit import notebook
from tests.serverkit import Server, wait_until
from tests.test_live import changed

CHAPTER = course.load(3)


class Reading:
    """A live chapter in a page of its own, and what went wrong in it."""

    def __init__(self, context, server, query, number=3):
        self.server, self.errors, self.outside = server, [], []
        self.page = context.new_page()
        self.page.on("console", lambda m: m.type == "error" and self.errors.append(m.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(f"{server.url}chapters/{number}/live?{query}")

    def _asked(self, request):
        own = self.server.url
        if not request.url.startswith((own, own.replace("http", "ws"), "blob:", "data:")):
            self.outside.append(request.url)

    def state(self, name):
        """Wait until the page says that its run is in this state."""
        expect(self.page.locator("#run")).to_have_attribute("data-state", name)


@pytest.fixture
def read(chrome, server):
    """Return a function that opens a live chapter: ``read("lang=zh", width=390, dark=True)``."""
    contexts = []

    def open_one(query="lang=en", width=1440, dark=False, at=server, number=3):
        context = chrome.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        return Reading(context, at, query, number)

    yield open_one
    for context in contexts:
        context.close()


def said(key, lang):
    """Return a text of the pages or of the course."""
    return (PAGES if key in PAGES else COURSE)[key][["en", "zh"].index(lang)]


# In each language a chapter runs to its end: its lab answers the hand, its quiz the answer, its
# stubs say that nothing is answered yet; nothing comes from another host and nothing goes wrong.
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_live(read, lang):
    reading = read(f"lang={lang}")
    page = reading.page
    reading.state("done")
    expect(page.locator("html")).to_have_attribute("lang", {"en": "en", "zh": "zh-CN"}[lang])
    expect(page.locator(".run [role=status]")).to_have_text(said("run_done", lang))
    assert page.locator(".stored:visible").count() == 0
    lab = page.locator(".fl-lab")
    assert lab.evaluate("(lab) => lab.app.values.participants") == 2
    lab.locator('.fl-control[data-key="participants"] input[type=range]').press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.fl-lab').app.values.participants === 3")
    page.wait_for_function("() => document.querySelector('.fl-lab[data-idle]')")
    assert "participants" not in page.url  # the address is the chapter's
    form = page.locator(".fl-quiz form").first
    answer = [option.right for option in CHAPTER.quiz[0].options].index(True)
    form.get_by_role("radio").nth(answer).check()
    form.get_by_role("button", name=said("check", lang)).click()
    expect(form.get_by_role("status")).to_contain_text(said("right", lang))
    expect(page.locator(".live").get_by_text(said("untouched", lang))).to_have_count(2)
    assert reading.errors == []
    assert reading.outside == []


# A slider of a lab within the chapter follows the mouse.
def test_drag(read):
    page = read().page
    expect(page.locator(".fl-lab[data-ready]")).to_be_visible()
    slider = page.locator('.fl-control[data-key="participants"] input[type=range]')
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 12, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=6)
    page.mouse.up()
    page.wait_for_function(
        "(n) => document.querySelector('.fl-lab').app.values.participants === n",
        arg=int(slider.input_value()),
    )
    assert int(slider.input_value()) > 2


# Live and finished, a chapter fits the window and has no serious fault of accessibility.
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1440, False)])
def test_fits_and_is_accessible(read, width, dark):
    reading = read("lang=zh", width=width, dark=dark)
    reading.state("done")
    page = reading.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []


# The page for reading leads to the live one and back; who leaves frees the kernel; the language
# is changed in place.
def test_ways(read):
    with Server("--pool", "0") as server:
        page = read(at=server).page
        page.get_by_role("link", name=said("make_still", "en")).click()
        expect(page).to_have_url(re.compile(r"chapters/3$"))
        wait_until(lambda: server.health()["in_use"] == 0)
        page.get_by_role("link", name=said("make_live", "en")).click()
        expect(page).to_have_url(re.compile(r"chapters/3/live$"))
        page.get_by_role("link", name="中文").first.click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.locator("#run")).to_be_visible()
        page.close(run_before_unload=True)
        wait_until(lambda: server.health()["in_use"] == 0)


# While a long cell runs, a lab's answer waits; the page says so, in its language, as long as it
# does, and does not take the silence for the end of the kernel.
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_lab_waits_for_a_long_cell(chrome, lang, tmp_path):
    begun, gate = tmp_path / "begun", tmp_path / "open"
    wait = (
        "import os, time\n"
        f"open({str(begun)!r}, 'w').close()\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.05)\n"
    )
    (source,) = (cell.source for cell in notebook(3, lang).cells if cell.id == "mean")
    with Server("--pool", "0", code=changed("mean", wait + source)) as server:
        context = chrome.new_context(reduced_motion="reduce")
        context.clock.install()
        page = Reading(context, server, f"lang={lang}").page
        lab = page.locator(".fl-lab[data-ready]")
        expect(page.locator(".run [role=status]")).to_have_text(re.compile(r"\d"))
        wait_until(begun.exists, what="the long cell")
        lab.locator('.fl-control[data-key="participants"] input[type=range]').press("ArrowRight")
        expect(page.locator(".run .waits")).to_have_text(said("run_waits", lang))
        page.clock.fast_forward(40_000)
        expect(page.locator("#run")).to_have_attribute("data-state", "running")
        gate.touch()
        expect(page.locator("#run")).to_have_attribute("data-state", "done")
        expect(page.locator(".run .waits")).to_have_text("")
        assert lab.evaluate("(lab) => lab.app.values.participants") == 3
        context.close()


# When the kernel dies the page says so once, for all its labs, and can be loaded again.
def test_a_dead_kernel(read):
    with Server("--pool", "0") as server:
        reading = read(at=server, number=5)
        reading.state("done")
        (kernel,) = server.kernels()
        kernel.kill()
        reading.state("gone")
        page = reading.page
        expect(page.locator(".run [role=status]")).to_have_text(said("run_gone", "en"))
        assert page.locator(".fl-banner:visible").count() == 0
        page.locator(".run .reload").click()
        reading.state("done")


# What cannot load is said, and can be loaded again.
def test_what_cannot_load(read):
    reading = read()
    page = reading.page
    page.route("**/voila/voila.js", lambda route: route.abort())
    page.clock.install()
    page.reload()
    expect(page.locator("#run")).to_have_attribute("data-state", "running")
    page.clock.fast_forward(45_000)
    reading.state("gone")
    page.unroute("**/voila/voila.js")
    page.locator(".run .reload").click()
    reading.state("done")
