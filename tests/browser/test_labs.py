"""Every lab, seen in a real browser in both languages.

What the browser shows is held against the lab's own `compute` and `draw`, run here.
"""

import csv
import io
import json
import re

import pytest

from fedlearn_edu.i18n import HTML_LANG, LANGUAGES
from fedlearn_edu.labs import NAMES, load
from fedlearn_edu.labs.controls import (
    Choice,
    Paint,
    Seed,
    Series,
    Slider,
    Toggle,
    clean,
    from_query,
)
from fedlearn_edu.scene import pack
from tests.browser.conftest import LabPage, new_lab, violations
from tests.serverkit import wait_until

WIDTHS = (390, 768, 1440)


def state_of(lab, query):
    """Return the state that a query string stands for."""
    raw, _ = from_query(query, lab.by_key)
    return clean(lab.by_key, lab.state(), raw)[0]


def expected(lab, state, lang):
    """Return (spec, data) as they must cross the wire."""
    spec, data = pack(lab.draw(lab.compute(state), lab.translator(lang), ()))
    return json.loads(json.dumps(spec)), data


def holds(page, lab, lang="en"):
    """Hold what the browser was sent against what the lab computes for the same state."""
    scene = page.scene()
    spec, data = expected(lab, state_of(lab, scene["query"]), lang)
    assert scene["spec"] == spec
    assert scene["data"] == data
    return scene


# To open a page takes longer than most tests, so two kinds of pages serve several: a lab in each
# language that is only looked at, and one in English that is reset for whoever does something.


@pytest.fixture(scope="module", params=[(name, lang) for name in NAMES for lang in LANGUAGES])
def seen(request, chrome, server):
    """Return a lab, its page in its first state, which nobody changes, and the language."""
    name, lang = request.param
    page = new_lab(chrome, server, name, f"lang={lang}")
    yield load(name), page, lang
    page.close()
    assert page.errors == []


@pytest.fixture(scope="module", params=NAMES)
def used(request, chrome, server):
    """Return a lab and its page in English, in whatever state it was left."""
    page = new_lab(chrome, server, request.param, "lang=en")
    yield load(request.param), page
    page.close()
    assert page.errors == []


@pytest.fixture
def begun(used):
    """Return a lab and its page in English, in its first state."""
    lab, page = used
    if page.page.locator("html").get_attribute("lang") != "en":
        page.act(page.page.locator('[data-lang="en"]').click)
    if page.scene()["query"]:
        page.act(page.page.locator('[data-do="reset"]').click)
    return lab, page


# A lab opens in each language without an error, asks no outside host, and shows its default state.
def test_opens(seen):
    lab, page, lang = seen
    scene = holds(page, lab, lang)
    assert scene["query"] == ""
    assert page.page.locator("html").get_attribute("lang") == HTML_LANG[lang]
    assert page.page.locator(".fl-lab h1").inner_text() == lab.title(lang)
    assert lab.title(lang) in page.page.title()
    assert page.errors == []
    assert page.outside == []


def nudge(page, control, value):
    """Give a control another value by its own means, as a hand or a keyboard would."""
    place = page.control(control.key)
    if isinstance(control, Slider):
        slider = place.locator("input[type=range]")
        at_end = slider.evaluate("(r) => Number(r.value) >= Number(r.max)")
        return lambda: slider.press("ArrowLeft" if at_end else "ArrowRight")
    if isinstance(control, Choice):
        other = next(option for option in control.options if option != value)
        return lambda: place.locator(f'input[value="{other}"]').check(force=True)
    if isinstance(control, Toggle):
        return lambda: place.locator("label").click()
    if isinstance(control, Seed):
        return lambda: (
            place.locator("input").fill(str(value + 1)),
            page.page.keyboard.press("Tab"),
        )
    if isinstance(control, Paint):
        return lambda: (page.page.locator(".fl-brush").focus(), page.page.keyboard.press("Enter"))
    place.evaluate("(details) => { details.open = true }")
    if control.shown == "choices":
        other = place.locator(f'input[value="{1 if value[0][0] == 0 else 0}"]').first
        return lambda: other.check(force=True)
    if control.shown == "grid":
        cell = place.locator("input").first
        new = control.low if value[0][0] > (control.low + control.high) / 2 else control.high
        return lambda: (cell.fill(f"{new:g}"), page.page.keyboard.press("Tab"))
    slider = place.locator("input[type=range]").first
    at_end = slider.evaluate("(r) => Number(r.value) >= Number(r.max)")
    return lambda: slider.press("ArrowLeft" if at_end else "ArrowRight")


def allow(page, lab, control):
    """Set the control on which another depends, so that it is on the screen."""
    if control.when and not page.control(control.key).is_visible():
        key, *values = control.when
        other = page.control(key)
        if isinstance(lab.by_key[key], Toggle):
            page.act(lambda: other.locator("label").click())
        else:
            page.act(lambda: other.locator(f'input[value="{values[0]}"]').check(force=True))


# Every control changes the state it names, and the picture is then that state's picture.
def test_every_control(begun):
    lab, page = begun
    for control in lab.by_key.values():
        if isinstance(control, Series) and not control.shown:
            continue
        allow(page, lab, control)
        before = page.scene()
        page.act(nudge(page, control, before["values"][control.key]))
        after = holds(page, lab)
        assert after["values"][control.key] != before["values"][control.key], control.key
        assert after["say"] == [], control.key
    assert page.errors == []


# A preset shows its state, and its chip is pressed.
def test_presets(begun):
    lab, page = begun
    for preset in reversed(lab.presets):
        chip = page.page.locator(f'[data-preset="{preset}"]')
        page.act(chip.click)
        scene = holds(page, lab)
        assert state_of(lab, scene["query"]) == lab.preset(preset)
        assert chip.get_attribute("aria-pressed") == "true"


def grips(page):
    return page.page.locator(".fl-grip:not(.fl-box)")


# A point dragged with the mouse, or moved with the arrow keys, moves in the state.
def test_drag(begun):
    lab, page = begun
    if not grips(page).count():
        pytest.skip("nothing to drag in this lab")
    before = page.scene()["query"]
    box = grips(page).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = page.page.mouse
    mouse.move(x, y)
    mouse.down()
    for k in range(1, 9):
        mouse.move(x + 6 * k, y + 5 * k)
    page.act(mouse.up)
    dragged = holds(page, lab)["query"]
    assert dragged != before
    now = grips(page).first.bounding_box()
    assert abs(now["x"] + now["width"] / 2 - (x + 48)) < 3
    assert abs(now["y"] + now["height"] / 2 - (y + 40)) < 3
    grips(page).first.focus()
    page.act(lambda: page.page.keyboard.press("ArrowLeft"))
    assert holds(page, lab)["query"] != dragged


# The address holds the whole state: opened again, in the other language, it shows the same.
def test_link(begun, open_lab):
    lab, page = begun
    page.act(page.page.locator(f'[data-preset="{list(lab.presets)[-1]}"]').click)
    for control in list(lab.by_key.values())[:3]:
        if page.control(control.key).count() and page.control(control.key).is_visible():
            page.act(nudge(page, control, page.scene()["values"][control.key]))
    state = state_of(lab, page.scene()["query"])
    address = page.address()
    other = open_lab(lab.name, address.split("?")[1].replace("lang=en", "lang=zh"))
    assert state_of(lab, holds(other, lab, "zh")["query"]) == state != lab.state()


# Another language changes the words and nothing else; the address follows.
def test_language_switch(begun):
    lab, page = begun
    page.act(page.page.locator(f'[data-preset="{list(lab.presets)[-1]}"]').click)
    before = page.scene()
    page.act(page.page.locator('[data-lang="zh"]').click)
    after = holds(page, lab, "zh")
    assert (after["query"], after["data"]) == (before["query"], before["data"])
    assert page.page.locator("html").get_attribute("lang") == "zh-CN"
    assert "lang=zh" in page.address()


def look(page, width=WIDTHS[-1], dark=False):
    """Show a page in a window and a theme."""
    theme = "dark" if dark else "light"
    page.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.page.wait_for_selector(f".fl-lab[data-theme={theme}]")
    page.page.set_viewport_size({"width": width, "height": 900})


UNFOLD = "(on) => document.querySelectorAll('.fl-series').forEach((e) => { e.open = on; })"


# axe-core finds nothing serious or critical, with dialogs and details open too.
def test_accessible(seen):
    _, page, lang = seen
    look(page, dark=lang == "zh")
    page.page.evaluate(UNFOLD, True)
    assert violations(page.page) == []
    page.page.locator('[data-do="link"]').click()
    page.page.wait_for_selector("dialog[open]")
    assert violations(page.page) == []
    page.page.keyboard.press("Escape")
    page.page.evaluate(UNFOLD, False)


OVERFLOWING = """() => {
  const clipped = (e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0;
  const words = '.fl-lab :is(button, label, legend, summary, h1, h2, p, li, .fl-round, .fl-value)';
  const found = [...document.querySelectorAll(words)].filter(clipped);
  return found.map((e) => e.outerHTML.slice(0, 120));
}"""


NARROW = "() => document.documentElement.scrollWidth <= window.innerWidth"


# At each width, in each language and theme, nothing is wider than the page and no word is cut off.
def test_fits(seen):
    _, page, _ = seen
    for dark in (False, True):
        for width in WIDTHS:
            look(page, width, dark)
            page.page.wait_for_function(NARROW)
            assert page.page.evaluate(OVERFLOWING) == [], (dark, width)
    # At 1440 × 900 nothing needs scrolling.
    page.page.wait_for_function("() => document.documentElement.scrollHeight <= 900")


# Rounds are played, stepped and scrubbed from the keyboard, without a word to the kernel.
def test_player(begun):
    _, page = begun
    frames = page.page.evaluate("document.querySelector('.fl-lab').app.player.frames")
    if frames < 2:
        pytest.skip("nothing to play in this lab")
    root = page.page.locator(".fl-lab")
    page.page.evaluate(
        """() => { const { model } = document.querySelector('.fl-lab').app;
        window.sent = 0; const send = model.send.bind(model);
        model.send = (...a) => { window.sent += 1; return send(...a); }; }"""
    )
    page.page.locator(".fl-stage").focus()

    def reached(frame):
        page.page.wait_for_selector(f'.fl-lab[data-frame="{frame}"]')

    for key, frame in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", frames - 1),
    ):
        page.page.keyboard.press(key)
        reached(frame)
    page.page.keyboard.press("Home")
    reached(0)
    page.page.evaluate("() => { document.querySelector('.fl-lab').app.player.speed = 4; }")
    page.page.keyboard.press("Space")
    page.page.wait_for_function(
        "() => Number(document.querySelector('.fl-lab').dataset.frame) >= 2"
    )
    page.page.keyboard.press("Space")
    assert not page.page.evaluate("document.querySelector('.fl-lab').app.player.playing")
    page.page.locator(".fl-player input[type=range]").press("End")
    reached(frames - 1)
    assert page.page.evaluate("window.sent") == 0
    assert root.get_attribute("data-gone") is None


# Undo and redo walk through the states; reset returns to the first.
def test_undo(begun):
    lab, page = begun
    names = list(lab.presets)[1:3]
    for preset in names:
        page.act(page.page.locator(f'[data-preset="{preset}"]').click)
    page.act(page.page.locator('[data-do="undo"]').click)
    assert state_of(lab, page.scene()["query"]) == lab.preset(names[0])
    page.act(page.page.locator('[data-do="redo"]').click)
    assert state_of(lab, page.scene()["query"]) == lab.preset(names[1])
    page.act(page.page.locator('[data-do="reset"]').click)
    assert holds(page, lab)["query"] == ""


# The code dialog shows the lab's own snippet; files come down with the numbers and a picture.
def test_code_and_files(begun):
    lab, page = begun
    page.page.locator('[data-do="code"]').click()
    shown = page.page.locator("dialog textarea").input_value()
    assert shown == lab.code(lab.state())
    page.page.keyboard.press("Escape")

    def save(kind):
        page.page.locator(".fl-menu summary").click()
        with page.page.expect_download() as download:
            page.page.locator(f'[data-save="{kind}"]').click()
        assert download.value.suggested_filename == f"{lab.name}.{kind}"
        return download.value.path().read_bytes()

    header, rows = lab.table(lab.compute(lab.state()))
    table = list(csv.reader(io.StringIO(save("csv").decode("utf-8-sig"))))
    assert table[0] == list(header)
    assert len(table) == len(rows) + 1
    assert save("png").startswith(b"\x89PNG")
    assert b"<svg" in save("svg")[:1000]
    assert page.errors == []


# A link with nonsense opens the nearest allowed state, says so briefly, and the lab lives.
@pytest.mark.parametrize("name", NAMES)
def test_nonsense_link(open_lab, name):
    lab = load(name)
    slider = next(c for c in lab.by_key.values() if isinstance(c, Slider))
    query = f"lang=en&{slider.key}=1e300&colour=blue&hide=nothing,{slider.key}"
    page = open_lab(name, query)
    scene = holds(page, lab)
    assert scene["values"][slider.key] == slider.high
    assert scene["hidden"] == [slider.key]
    assert not page.control(slider.key).is_visible()
    said = page.page.locator(".fl-toast").inner_text()
    assert "colour" in said
    assert lab.translator("en")(f"c_{slider.key}") in said
    page.act(page.page.locator('[data-do="reset"]').click)
    assert not page.control(slider.key).is_visible()


# A dead kernel is announced, and reloading brings the same state back.
def test_dead_kernel(open_lab, server):
    lab, page = load("convergence"), open_lab("convergence")
    page.act(page.page.locator('[data-preset="one_step"]').click)
    for process in server.kernels():
        process.kill()
    page.page.wait_for_selector(".fl-banner:visible")
    with page.page.expect_navigation():
        page.page.locator(".fl-banner button").click()
    page.settle()
    assert state_of(lab, holds(page, lab)["query"]) == lab.preset("one_step")


# A slider that was held and let go is one step back, however often it rested on the way.
def test_undo_of_a_held_slider(open_lab):
    page = open_lab("convergence")
    box = page.control("alpha").locator("input[type=range]").bounding_box()
    page.page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.page.mouse.down()
    for k in range(1, 4):
        page.act(lambda k=k: page.page.mouse.move(box["x"] + 8 + 30 * k, box["y"] + 8))
    page.page.mouse.up()
    page.settle()
    assert "alpha" in page.scene()["query"]
    page.act(page.page.locator('[data-do="undo"]').click)
    assert page.scene()["query"] == ""
    assert page.page.locator('[data-do="undo"]').is_disabled()


# A press on the plane paints a point there for the chosen participant and class; a stroke paints
# several, and each is undone by itself; the keyboard paints at its cross.
def test_paint(open_lab):
    lab, page = load("playground"), open_lab("playground")
    page.act(lambda: page.control("who").locator("input[type=range]").press("ArrowRight"))
    page.act(lambda: page.control("label").locator('input[value="triangle"]').check(force=True))
    box = page.page.locator(".fl-stage > .fl-chart > canvas").last.bounding_box()
    mouse = page.page.mouse

    def painted():
        return state_of(lab, holds(page, lab)["query"]).paint

    def place(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    mouse.move(*place(0.25, 0.25))
    mouse.down()
    page.act(mouse.up)
    ((x, y, *tags),) = painted()
    assert (x, y) == pytest.approx((-1.8, 1.2), abs=0.02)
    assert tags == [2, 1]
    mouse.move(*place(0.1, 0.9))
    mouse.down()
    for k in range(1, 9):
        mouse.move(*place(0.1 + 0.05 * k, 0.9))
    page.act(mouse.up)
    stroke = painted()
    assert len(stroke) >= 4
    assert [point[0] for point in stroke[1:]] == sorted({point[0] for point in stroke[1:]})
    for n in reversed(range(len(stroke))):
        page.act(page.page.locator('[data-do="undo"]').click)
        assert painted() == stroke[:n]
    for _ in stroke:
        page.act(page.page.locator('[data-do="redo"]').click)
    assert painted() == stroke
    page.page.locator(".fl-brush").focus()
    page.page.keyboard.press("ArrowRight")
    page.act(lambda: page.page.keyboard.press("Enter"))
    assert painted()[-1] == (pytest.approx(0.18), pytest.approx(0), 2, 1)
    page.act(page.control("paint").locator("button").click)
    assert painted() == ()
    assert page.errors == []


# A finger that scrolls the page paints nothing; one that taps does.
def test_paint_by_touch(chrome, server):
    context = chrome.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = LabPage(context, server, "playground", "lang=en")
    canvas = page.page.locator(".fl-stage > .fl-chart > canvas").last
    box, hand = canvas.bounding_box(), context.new_cdp_session(page.page)
    point = {"x": box["x"] + 60, "y": box["y"] + 60}
    for kind, points in (("touchStart", [point]), ("touchCancel", [])):
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.act(lambda: canvas.tap(position={"x": 90, "y": 60}))
    assert page.scene()["values"]["paint"] == 1
    width = box["width"]
    ((x, *_),) = state_of(load("playground"), page.scene()["query"]).paint
    assert x == pytest.approx(7.2 * 90 / width - 3.6, abs=0.03)
    page.close()


# What a teacher has hidden cannot be changed in the picture either: nothing there can be held.
@pytest.mark.parametrize(
    ("name", "keys", "held", "left"),
    [
        ("convergence", "optima", 7, 1),
        ("one_round", "presence", 4, 0),
        ("three_ways", "gone", 9, 1),
    ],
)
def test_hidden_in_the_picture(open_lab, name, keys, held, left):
    grips = ".fl-main .fl-grip"
    assert open_lab(name).page.locator(grips).count() == held
    assert open_lab(name, f"lang=en&hide={keys}").page.locator(grips).count() == left


# A link is added where it is pressed; Tab stops at one link, arrow keys go from one to the next.
def test_links(open_lab):
    lab, page = load("three_ways"), open_lab("three_ways", "lang=en&look=gossip&participants=4")
    links = page.page.locator(".fl-grip.fl-link")
    assert links.count() == 6
    assert page.page.locator('.fl-grip.fl-link[tabindex="0"]').count() == 1
    box = page.page.locator('.fl-grip[aria-label="1–3: not linked"]').bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.35  # from 1, on top, to 3
    page.act(lambda: page.page.mouse.click(x, y))
    assert state_of(lab, holds(page, lab)["query"]).links == ((), (1.0,))
    links.first.focus()
    page.page.keyboard.press("ArrowRight")
    focused = "() => document.activeElement.getAttribute('aria-label')"
    assert page.page.evaluate(focused) == "1–3: linked"
    page.act(lambda: page.page.keyboard.press("Enter"))
    assert state_of(lab, holds(page, lab)["query"]).links == ()
    assert page.page.evaluate(focused) == "1–3: not linked"


# A press on a box in the picture turns a switch, as the switch itself does.
def test_box_is_a_switch(open_lab):
    lab, page = load("three_ways"), open_lab("three_ways")
    for down in (True, False):
        page.act(page.page.locator('.fl-grip[aria-label^="server:"]').click)
        assert state_of(lab, holds(page, lab)["query"]).server_down is down


# Kept runs are drawn over the current one, say what sets them apart, and can be removed.
def test_kept_runs(open_lab):
    page = open_lab("convergence", "lang=en&local_steps=1")
    page.act(page.page.locator('[data-do="keep"]').click)
    page.act(lambda: page.control("local_steps").locator("input[type=range]").press("End"))
    assert page.page.locator(".fl-keep").inner_text().startswith("E = 1")
    assert "keep=local_steps%3D1" in page.address()
    address = page.page.url.split("?")[1]
    again = open_lab("convergence", address)
    assert again.scene()["spec"] == page.scene()["spec"]
    page.act(page.page.locator(".fl-keep button").click)
    assert page.page.locator(".fl-keep").count() == 0


# The table on the screen is the arithmetic: with a real minus sign its parts add up to its foot.
def test_table_adds_up(open_lab):
    page = open_lab("convergence")
    page.page.evaluate("document.querySelector('.fl-lab').app.player.go(3)")
    rows = page.page.locator(".fl-table tbody tr").all_inner_texts()
    foot = page.page.locator(".fl-table tfoot tr").inner_text()

    def parts(line):
        return [float(x.replace("−", "-")) for x in re.findall(r"[+−]?\d+\.\d{3}", line)]

    total = [sum(column) for column in zip(*map(parts, rows), strict=True)]
    assert len(rows) == 6
    assert total == pytest.approx(parts(foot), abs=1e-9)


# Held by a hand, a slider sends small drafts; at rest the whole picture follows.
def test_drafts(open_lab):
    lab, page = (
        load("convergence"),
        open_lab("convergence", "lang=en&participants=20&local_steps=20"),
    )
    page.page.evaluate(
        """() => { const { app } = document.querySelector('.fl-lab'); window.sizes = [];
        app.model.on('change:scene', () => { const s = app.model.get('scene');
          window.sizes.push([s.draft, JSON.stringify(s.spec).length + s.data.byteLength]); }); }"""
    )
    slider = page.control("alpha").locator("input[type=range]")
    box = slider.bounding_box()
    page.page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.page.mouse.down()
    for k in range(20):
        page.page.mouse.move(box["x"] + 20 + 4 * k, box["y"] + box["height"] / 2)
    wait_until(lambda: page.page.evaluate("window.sizes.filter(([d]) => d).length"), what="a draft")
    page.act(page.page.mouse.up)
    holds(page, lab)
    drafts = [size for draft, size in page.page.evaluate("window.sizes") if draft]
    assert max(drafts) <= 20_000
