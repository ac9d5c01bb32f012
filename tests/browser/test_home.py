"""The home page, and the page around a lab, in a real Chromium."""

import json
import re

import pytest
from playwright.sync_api import expect

from fedlearn_edu import labs, paths
from tests.browser.conftest import violations
from tests.serverkit import Server, wait_until

READY = "body[data-state=ready]"
FRAMES = """async () => {
  for (let n = 0; n < 12; n++) await new Promise(requestAnimationFrame);
}"""
WORDS = {
    "en": {"h1": "The data stays.", "trouble": "The lab did not open", "reload": "Reload"},
    "zh": {"h1": "数据不动，模型动。", "trouble": "实验没有打开", "reload": "重新加载"},
}


@pytest.fixture
def visit(chrome, server):
    """Return a function that opens an address: ``visit("?lang=zh", width=390, dark=True)``."""
    contexts = []

    def open_one(path="?lang=en", width=1440, height=900, dark=False, motion="reduce", at=server):
        context = chrome.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion=motion,
            has_touch=width < 500,
        )
        contexts.append(context)
        page = context.new_page()
        page.problems, page.outside, page.asked = [], [], []
        page.on("console", lambda m: m.type == "error" and page.problems.append(m.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"{at.url}{path}")
        return page

    yield open_one
    for context in contexts:
        context.close()


def outside(page, server):
    """Return the requests that went anywhere but to the server."""
    own = (server.url, "blob:", "data:")
    return [url for url in page.asked if not url.startswith(own)]


def positions(page):
    """Return where the five participants stand, in parts of the picture."""
    return page.locator(".who").evaluate_all(
        "all => all.map(one => [parseFloat(one.style.left), parseFloat(one.style.top)])"
    )


def optimum(page):
    """Return where the cross stands, in percent of the picture, like `positions`."""
    moved = page.locator(".best").get_attribute("transform")
    x, y = map(float, re.findall(r"[\d.]+", moved))
    return 100 * x / 500, 100 * y / 340


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_home_fits_speaks_and_is_accessible(visit, server, lang, dark, width):
    page = visit(f"?lang={lang}", width=width, dark=dark)
    expect(page.locator("h1")).to_contain_text(WORDS[lang]["h1"])
    expect(page.locator("html")).to_have_attribute("data-theme", "dark" if dark else "light")
    expect(page.locator(".card")).to_have_count(len(labs.NAMES))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page) == []
    assert page.problems == []
    assert outside(page, server) == []


def test_language_and_theme_are_remembered(visit):
    page = visit("?lang=en")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.locator("[data-theme-switch]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(page.url.split("?")[0])
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("[data-theme-switch]")).to_have_attribute("aria-label", "切换到浅色")


def test_home_can_be_used_from_the_keyboard(visit):
    page = visit("?lang=en")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#labs")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".card a").first).to_be_focused()


# -- the living picture ----------------------------------------------------------------------------


def test_the_model_converges_to_the_optimum(visit):
    page = visit("?lang=en", motion="no-preference")
    distance = page.locator("[data-distance]")
    expect(page.locator("[data-round]")).not_to_have_text(re.compile("^[012]$"))
    expect(distance).to_have_text(re.compile(r"^0\.0"))


def test_the_optimum_is_the_mean_of_the_participants_wherever_they_are(visit):
    page = visit("?lang=en")
    for key in ("ArrowLeft", "ArrowDown"):
        page.locator(".who").nth(1).press(key)
        places = positions(page)
        mean = [sum(values) / len(values) for values in zip(*places, strict=True)]
        assert optimum(page) == pytest.approx(mean, abs=0.05)


def test_a_participant_can_be_dragged(visit):
    page = visit("?lang=en")
    before, cross = positions(page), optimum(page)
    box = page.locator(".who").nth(2).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y + 20, steps=5)
    page.mouse.up()
    page.mouse.move(x, y)  # released: nothing follows any more
    after = positions(page)
    field = page.locator(".field").bounding_box()
    assert after[2][0] == pytest.approx(before[2][0] - 100 * 100 / field["width"], abs=0.5)
    assert after[:2] + after[3:] == before[:2] + before[3:]
    assert optimum(page)[0] < cross[0]


def test_a_participant_stays_in_the_picture(visit):
    page = visit("?lang=en")
    for _ in range(30):
        page.locator(".who").first.press("Shift+ArrowLeft")
    assert 0 < positions(page)[0][0] < 10


def test_nothing_moves_when_motion_is_not_wanted(visit):
    page = visit("?lang=en", motion="reduce")
    expect(page.locator("[data-run]")).to_have_attribute("aria-label", "Play")
    expect(page.locator("[data-distance]")).to_have_text(re.compile(r"^0\.0[0-2]$"))
    before = page.locator(".field svg").inner_html()
    page.evaluate(FRAMES)
    assert page.locator(".field svg").inner_html() == before


def test_the_picture_can_be_paused_and_started_again(visit):
    page = visit("?lang=en", motion="no-preference")
    run = page.locator("[data-run]")
    expect(page.locator("[data-round]")).not_to_have_text("0")
    run.click()
    expect(run).to_have_attribute("aria-label", "Play")
    before = page.locator(".field svg").inner_html()
    page.evaluate(FRAMES)
    assert page.locator(".field svg").inner_html() == before
    page.locator("[data-again]").click()
    expect(page.locator("[data-round]")).to_have_text("0")
    run.click()
    expect(page.locator("[data-round]")).not_to_have_text("0")


# -- the page around a lab -------------------------------------------------------------------------


def test_a_lab_opens_from_its_card_and_leaves_no_kernel(visit):
    with Server("--pool", "0") as server:
        page = visit("?lang=zh", dark=True, at=server)
        page.locator(".card a").first.click()
        page.wait_for_selector(READY, state="attached")
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.locator("#loading")).to_be_hidden()
        expect(page.locator("#trouble")).to_be_hidden()
        assert page.problems == []
        assert outside(page, server) == []
        assert server.health()["in_use"] == 1
        page.close(run_before_unload=True)
        wait_until(lambda: server.health()["in_use"] == 0)


# Until Voilà's own script is there, nobody but the page itself can free the kernel.
@pytest.mark.parametrize("path", ["labs/convergence", "chapters/3/live"])
def test_a_page_that_is_left_before_it_has_loaded_leaves_no_kernel(visit, path):
    with Server("--pool", "0") as server:
        page = visit("?lang=en", at=server)
        page.route("**/voila/voila.js", lambda route: route.abort())
        page.goto(f"{server.url}{path}")
        assert server.health()["in_use"] == 1
        page.goto(server.url)
        wait_until(lambda: server.health()["in_use"] == 0)


def test_a_lab_opens_and_closes_behind_a_proxys_path(visit):
    with Server("--pool", "0", "--base-url", "/course/") as server:
        page = visit("labs/convergence?lang=en", at=server)
        page.wait_for_selector(READY, state="attached")
        assert outside(page, server) == []
        page.get_by_role("link", name="Labs").click()
        expect(page.locator(".card").first).to_be_visible()
        wait_until(lambda: server.health()["in_use"] == 0)


def test_the_files_that_a_lab_loads_are_asked_for_at_once(visit):
    # If this fails after an update: put the list that it prints into web/preload.json.
    page = visit("labs/convergence?lang=en")
    page.wait_for_selector(READY, state="attached")
    loaded = {re.sub(r".*/static/\w{10}/", "", url) for url in page.asked if "/static/" in url}
    loaded = {name for name in loaded if name.startswith(("voila/", "extensions/"))}
    listed = json.loads((paths.WEB / "preload.json").read_text(encoding="utf-8"))
    assert loaded <= set(listed), json.dumps(sorted(loaded), indent=0)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_lab_that_cannot_load_says_so_and_can_be_loaded_again(visit, server, lang):
    page = visit(f"?lang={lang}")
    page.route("**/voila/voila.js", lambda route: route.abort())
    page.goto(f"{server.url}labs/convergence?lang={lang}")
    expect(page.get_by_role("alert")).to_contain_text(WORDS[lang]["trouble"])
    expect(page.locator("#loading")).to_be_hidden()
    assert violations(page) == []
    page.unroute("**/voila/voila.js")
    page.get_by_role("alert").get_by_role("button", name=WORDS[lang]["reload"]).click()
    page.wait_for_selector(READY, state="attached")


def test_the_page_may_ask_no_other_host(visit):
    page = visit("labs/convergence?lang=en")
    blocked = page.evaluate(
        """async () => {
          const seen = [];
          document.addEventListener("securitypolicyviolation", (e) => seen.push(e.blockedURI));
          await fetch("https://outside.example/x").catch(() => {});
          const image = new Image();
          const tried = new Promise((done) => { image.onerror = done; });
          image.src = "//outside.example/i.png";
          await tried;
          return seen;
        }"""
    )
    assert len(blocked) == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_full_page_counts_down_and_lets_in_when_there_is_room(visit, lang):
    with Server("--pool", "0", "--max-learners", "1") as server:
        first = visit("labs/convergence?lang=en", at=server)
        first.wait_for_selector(READY, state="attached")
        second = visit(f"labs/scaling?lang={lang}", at=server)
        expect(second.locator("h1")).to_have_text(
            {"en": "Every seat is taken", "zh": "座位满了"}[lang]
        )
        assert violations(second) == []
        line = second.locator("[data-retry]")
        expect(line).not_to_contain_text(line.get_attribute("data-retry"))
        first.close(run_before_unload=True)
        wait_until(lambda: server.health()["in_use"] == 0)
        second.locator(".button").click()
        second.wait_for_selector(READY, state="attached")
