"""A quiz in Chromium: by keyboard, with a screen reader's names, in both languages and themes."""

import base64
import json

import pytest

from fedlearn_edu import course
from fedlearn_edu.course.progress import Progress
from fedlearn_edu.course.widgets import HERE, Quiz
from tests.browser.conftest import violations

CHAPTER = course.load(3)
SOURCE = base64.b64encode((HERE / "quiz.js").read_bytes()).decode()
OPEN = """async ([module, page]) => {
  const sent = window.sent = [];
  const model = { get: () => page, send: (message) => sent.push(message) };
  const quiz = (await import(`data:text/javascript;base64,${module}`)).default;
  quiz.render({ model, el: document.querySelector("main") });
}"""


@pytest.fixture
def open_quiz(chrome):
    """Return a function that opens chapter 3's quiz on a page of its own."""
    contexts = []

    def open_one(lang="en", dark=False, width=800, progress=None):
        context = chrome.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        css = (HERE / "quiz.css").read_text(encoding="utf-8")
        ink = "color:#e8ebee;background:#12161a" if dark else "color:#1b1f24;background:#fff"
        page.set_content(
            f'<html lang="{lang}"><title>Quiz</title><style>{css}</style>'
            f'<body style="{ink}"><main></main></body></html>'
        )
        quiz = Quiz(CHAPTER, lang, progress or Progress())
        page.evaluate(OPEN, [SOURCE, json.loads(json.dumps(quiz.page))])
        page.wait_for_selector(f".fl-quiz{'.fl-dark' if dark else ':not(.fl-dark)'}")
        return page

    yield open_one
    for context in contexts:
        context.close()


# With the keyboard alone: choose, hear why it is wrong, choose again, hear why it is right; only
# the right answer is sent.
def test_by_keyboard(open_quiz):
    page = open_quiz()
    right = [option.right for option in CHAPTER.quiz[0].options].index(True)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    form = page.locator("form").first
    assert form.locator(".fl-why:visible").count() == 1
    assert form.get_by_role("status").inner_text().startswith("Not quite.")
    assert page.evaluate("window.sent") == []
    for _ in range(right):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert form.get_by_role("status").inner_text().startswith("Right.")
    assert form.locator(".fl-why:visible").count() == len(CHAPTER.quiz[0].options)
    assert page.evaluate("window.sent") == [{"kind": "answered", "question": 0, "option": right}]
    assert page.locator(".fl-score").inner_text() == f"1 of {len(CHAPTER.quiz)} answered rightly"


# Checking before choosing says so and reveals nothing.
def test_nothing_chosen(open_quiz):
    page = open_quiz("zh")
    form = page.locator("form").first
    form.get_by_role("button", name="检查").click()
    assert form.get_by_role("status").inner_text() == "请先选一个答案。"
    assert form.locator(".fl-why:visible").count() == 0


# What was answered in an earlier session is open again.
def test_remembers(open_quiz):
    progress = Progress()
    progress.record(3, "quiz", CHAPTER.quiz[1].key)
    page = open_quiz(progress=progress)
    assert page.locator("form").nth(1).locator("input:checked").count() == 1
    assert page.locator("form").nth(0).locator("input:checked").count() == 0


# No serious fault of accessibility, answered or not; formulas are drawn; nothing is cut off.
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 800])
def test_accessible(open_quiz, lang, dark, width):
    page = open_quiz(lang, dark, width)
    assert page.locator("math").count() > 5
    for name in ("asks", "unanswered"):
        if name == "unanswered":
            page.locator("form").first.get_by_role("radio").first.check()
            page.locator("form").first.get_by_role("button").click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert violations(page) == []
