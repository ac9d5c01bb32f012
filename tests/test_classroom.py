"""Laws of what authors and teachers use: drafts, teacher's copies, slides."""

import copy
import re

import pytest

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbconvert")

from fedlearn_edu import course, labs  # noqa: E402
from fedlearn_edu.course import reading  # noqa: E402
from fedlearn_edu.course.checking import check  # noqa: E402
from fedlearn_edu.course.plan import CONTENTS  # noqa: E402
from fedlearn_edu.i18n import LANGUAGES  # noqa: E402
from fedlearn_edu.labs.controls import clean, from_query  # noqa: E402
from fedlearn_edu.serve.options import Options  # noqa: E402
from tools import chapter as authoring  # noqa: E402
from tools import classroom  # noqa: E402

from .coursekit import NUMBERS, ROOT, notebook  # noqa: E402

every_chapter = pytest.mark.parametrize("number", NUMBERS)


class Listener:
    """Stands for ``c`` and remembers what was handed in."""

    def exercise(self, key, answer):
        self.heard = key, answer


# A teacher's copy has no stub left; each solution stands under the name that the check asks for,
# and everything else is as in the learner's notebook.
@every_chapter
def test_teachers_copy(number):
    book = copy.deepcopy(notebook(number, "en"))
    chapter = course.load(number)
    made = classroom.teachers_copy(book, chapter, "en")
    for before, after in zip(notebook(number, "en").cells, made.cells, strict=True):
        assert before.id == after.id
        if "c.exercise(" not in before.source:
            plain = after.source.replace("<details open>", "<details>")
            assert plain.removesuffix(f"\n\n{classroom.BANNER['en']}") == before.source
            continue
        assert "..." not in after.source
        call = reading.calls(before.source, "exercise")[0]
        namespace = {"np": __import__("numpy"), "fl": __import__("fedlearn_edu")}
        namespace["c"] = desk = Listener()
        exec(after.source, namespace)
        key, answer = desk.heard
        assert key == call.args[0].value
        assert check(chapter.find(key), answer).right


# Where a chapter's package is missing, its teacher's copy is written all the same, is not run, and
# this is said.
def test_teachers_copy_that_cannot_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(classroom, "DIST", tmp_path)
    monkeypatch.setattr(classroom.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(classroom, "run", lambda path: pytest.fail("it was run"))
    path = classroom.make_teacher(CONTENTS[6], "en")
    assert not any(
        "..." in c.source for c in nbformat.read(path, 4).cells if "c.exercise(" in c.source
    )
    assert "06_project.ipynb needs torch" in capsys.readouterr().out


# Slides load nothing from another host: what they load lies beside them; formulas are MathML.
@pytest.mark.parametrize("lang", LANGUAGES)
@every_chapter
def test_slides_load_nothing_from_afar(number, lang, monkeypatch, tmp_path):
    monkeypatch.setattr(classroom, "DIST", tmp_path)
    page = classroom.make_slides(CONTENTS[number], lang).read_text(encoding="utf-8")
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]+)"', page)
    assert loaded
    assert all(url.startswith(("../reveal.js/", "data:")) for url in loaded), loaded
    assert "@import" not in page
    assert "MathJax" not in page
    assert not re.search(
        r"\$[^$\n<]{1,80}\$", re.sub(r"<style.*?</style>|<pre.*?</pre>", "", page, flags=re.S)
    )
    assert "No description" not in page  # a picture's alternative text is what it prints
    assert 'class="notes"' in page
    assert page.count("<section") >= len(course.load(number).quiz)


# A heading, a formula, a list stand on the slide; prose is said; folded answers are neither.
def test_split_prose():
    text = "## A\n\nOne.\nTwo.\n\n$$x$$\n\n<details><summary>S</summary>\n\nhidden\n\n</details>\n"
    assert classroom.split_prose(text) == ("## A\n\n$$x$$", "One.\nTwo.")
    assert classroom.split_prose("## A\n\nOne.\nTwo.") == ("## A\n\nOne.", "Two.")


# A command stands on the slide whole, below the sentence that says what it does.
def test_commands_are_shown():
    text = "### A\n\nOne.\nTwo.\n\n```sh\nfirst\n\nsecond\n```\n\nThree."
    shown, said = classroom.split_prose(text)
    assert shown == "### A\n\nOne.\n\n```sh\nfirst\n\nsecond\n```"
    assert said == "Two.\n\nThree."


# What leads to the code below begins a slide; a remark on the code above stays with it, unless it
# is long; a heading always begins one.
def test_remarks_stand_with_their_code():
    def kinds(text, before_code):
        made = classroom.prose_slides(text, before_code)
        return [cell.metadata["slideshow"]["slide_type"] for cell in made]

    assert kinds("So it is.", before_code=True) == ["subslide"]
    assert kinds("So it is.", before_code=False) == ["-"]
    assert kinds("So it is.\n\n### B\n\nNow.", before_code=True) == ["-", "subslide"]
    assert kinds("| a |\n|---|\n| b |", before_code=False) == ["subslide"]
    assert kinds("Long " * 100, before_code=False) == ["subslide"]


# A picture shares the slide of a short remark, and has one of its own after anything else.
def test_pictures_share_a_slide_with_a_remark():
    heading = classroom.prose_slides("### A\n\nLook.\nMore.", before_code=True)
    assert classroom.has_room(heading)
    assert not classroom.has_room(classroom.prose_slides("## A\n\n$$x$$", before_code=True))
    assert not classroom.has_room([*heading, classroom.slide("again", "-")])


# A long table goes on on the next slides: each row once, in order.
def test_long_tables_are_divided():
    rows = [f"<tr><td>{k}</td></tr>" for k in range(2 * classroom.MOST_ROWS + 1)]
    table = nbformat.v4.new_output(
        "display_data", data={"text/html": f"<table>{''.join(rows)}</table>"}
    )
    (first,), more = classroom.divided([table])
    tables = [first["data"]["text/html"], *more]
    found = [re.findall(r"<tr>.*?</tr>", one) for one in tables]
    assert [row for some in found for row in some] == rows
    assert max(map(len, found)) == classroom.MOST_ROWS
    assert table["data"]["text/html"].count("<tr>") == len(rows)


# A lab's address opens it in its state, with what is hidden, in the page's language.
def test_lab_addresses():
    source = 'c.lab("aggregation", preset="loud", hide=["reach", "up"], across=2)'
    address = reading.lab_address(source, "zh")
    assert address.startswith("labs/aggregation?")
    assert {"weighting=equal", "across=2", "hide=reach,up", "lang=zh"} <= set(
        address.partition("?")[2].split("&")
    )
    assert reading.lab_address("c.quiz()", "en") is None


# --- The authoring tool ---


CELLS = """%% about
## English

Text.

%% zh
## 中文

正文。

%% code one nbval-ignore-output
1 + 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("FOLDER", "DRAFTS"):
        monkeypatch.setattr(authoring, name, tmp_path / name.lower())
    monkeypatch.setattr(authoring, "ROOT", tmp_path)
    return tmp_path


# A draft becomes two notebooks and comes back as the same draft.
def test_drafts_come_back(folder):
    entry = CONTENTS[7]
    assert authoring.write(entry, authoring.from_text(CELLS)) == []
    assert authoring.to_text(authoring.read(entry)) == CELLS
    assert authoring.stale_cells(entry) == []
    english, chinese = (nbformat.read(authoring.path_of(entry, lang), 4) for lang in LANGUAGES)
    assert [c.id for c in english.cells] == [c.id for c in chinese.cells]
    assert english.cells[4].metadata == {"tags": ["nbval-ignore-output"]}


# English that changes alone makes its Chinese stale, with both Englishes to compare, until the
# Chinese changes too or somebody says that it still holds.
def test_stale_prose(folder):
    entry = CONTENTS[7]
    authoring.write(entry, authoring.from_text(CELLS))
    changed = CELLS.replace("Text.", "Other text.")
    assert authoring.write(entry, authoring.from_text(changed)) == ["about"]
    assert authoring.stale_cells(entry)[0][:2] == ("about", "## English\n\nOther text.")
    assert authoring.write(entry, authoring.from_text(changed)) == ["about"]
    assert authoring.write(entry, authoring.from_text(changed), fresh=["about"]) == []
    again = changed.replace("Other", "Third")
    assert authoring.write(entry, authoring.from_text(again)) == ["about"]
    assert authoring.write(entry, authoring.from_text(again.replace("正文", "新的正文"))) == []


# A notebook that was edited by hand comes into step: code is copied, a new cell asks for its
# translation, an order that differs becomes the English one.
def test_sync(folder):
    entry = CONTENTS[7]
    authoring.write(entry, authoring.from_text(CELLS))
    path = authoring.path_of(entry, "en")
    book = nbformat.read(path, 4)
    book.cells[4].source = "2 + 2"
    book.cells.insert(3, nbformat.v4.new_markdown_cell("New.", id="new"))
    nbformat.write(book, path)
    assert authoring.write(entry, authoring.read(entry)) == ["new"]
    chinese = nbformat.read(authoring.path_of(entry, "zh"), 4)
    assert [cell.id for cell in chinese.cells] == [cell.id for cell in book.cells]
    assert chinese.cells[3].source == authoring.TODO + "New."
    assert chinese.cells[5].source == "2 + 2"


# What makes no sense in a draft is named by its line.
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "line 1: text before the first mark"),
        ("%% zh\n你好", "line 1: Chinese of no Markdown cell"),
        ("%% code a\n1\n%% zh\n你", "line 3: Chinese of no Markdown cell"),
        ("%% a b/c&\n%% ?", "line 2: '%% \\?' is no mark"),
        ("%% a\n%% zh\n%% a\n", "used twice as a cell's name: a"),
    ],
)
def test_nonsense_is_named(text, says):
    with pytest.raises(ValueError, match=says):
        authoring.from_text(text)


# A chapter that nobody has begun opens as its sections' headings, in both languages.
def test_skeleton(folder):
    cells = authoring.skeleton(CONTENTS[7])
    assert [cell.key for cell in cells] == list(course.plan.SECTIONS)
    assert ROOT.is_dir()


# A list too long for a slide is divided, whole items on each, under the same heading; what fits
# stays as it is.
def test_long_lists_are_divided():
    items = [f"- item {k} {'x' * 200}" for k in range(20)]
    text = "## Sources\n\n" + "\n".join(items)
    made = classroom.pages(text)
    assert len(made) > 2
    assert [line for page in made for line in page.splitlines() if line.startswith("- ")] == items
    assert [page.splitlines()[0] for page in made] == [
        f"## Sources ({k}/{len(made)})" for k in range(1, len(made) + 1)
    ]
    assert all(len(page) < classroom.LONGEST_LIST + 300 for page in made)
    for short in ("## A\n\n- one\n- two", "## A", "| a |\n|---|\n| b |", "## A\n\n$$x$$"):
        assert classroom.pages(short) == [short]


# --- Links into the app ---


def links_into_the_app(lang):
    """Every link into the app that a lesson plan or a chapter has."""
    texts = [(ROOT / "notebooks" / lang / "lesson_plans.md").read_text(encoding="utf-8")]
    texts += [cell.source for number in NUMBERS for cell in notebook(number, lang).cells]
    return [link for text in texts for link in re.findall(rf"\({reading.APP}([^)]*)\)", text)]


# A link into the app opens a lab that there is, in a state that it takes as given, with controls
# put away that it has, in the language of the text; the address is the one that `make app` has.
@pytest.mark.parametrize("lang", LANGUAGES)
def test_links_into_the_app(lang):
    found = links_into_the_app(lang)
    assert len(found) > 20
    for link in found:
        place, _, query = link.partition("?")
        assert re.fullmatch(r"/labs/\w+", place), link
        lab = labs.load(place.removeprefix("/labs/"))
        raw, others = from_query(query, lab.by_key)
        _, unknown, changed = clean(lab.by_key, lab.state(), raw)
        assert not unknown, link
        assert not changed, link
        others = dict(others)
        assert others.pop("lang") == lang, link
        assert set(others.pop("hide", "").split(",")) <= {"", *lab.by_key}, link
        assert not others, link
    assert f"http://{Options.host}:{Options.port}" == reading.APP


# Both lesson plans have the same lessons, minutes, chapters and links.
def test_lesson_plans_are_equals():
    bones = []
    for lang in LANGUAGES:
        text = (ROOT / "notebooks" / lang / "lesson_plans.md").read_text(encoding="utf-8")
        found = re.findall(r"^#+|^\| \d+|\]\([^)]+\)|`make[^`]*`", text, re.MULTILINE)
        bones.append(
            [part.replace("lang=zh", "lang=en").replace("../en/", "../zh/") for part in found]
        )
        for link in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (ROOT / "notebooks" / lang / link).is_file(), link
        lessons = re.findall(r"^## (\d+)[^\n]*\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
        assert [int(minutes) for minutes, _ in lessons] == [45, 90, 180]
        for minutes, plan in lessons:
            rows = [int(row) for row in re.findall(r"^\| (\d+) \|", plan, re.MULTILINE)]
            assert sum(rows) == int(minutes)
    assert bones[0] == bones[1]
