"""Laws of the chapters' notebooks: whole, short, clean, and what they link to is there."""

import ast
import re
import statistics
import subprocess
import sys
import warnings
from urllib.parse import unquote, urlparse

import pytest

from fedlearn_edu import course, labs
from fedlearn_edu.course.plan import CONTENTS, SECTION_NAMES, SECTIONS
from fedlearn_edu.i18n import LANGUAGES
from tools.chapter import GENERATED, TITLE, TOP, generated, path_of
from tools.run_notebook import WIDGET

from .coursekit import NUMBERS, PAIRED, ROOT, cells, links, notebook, prose

every_notebook = pytest.mark.parametrize(
    "number, lang",
    [(number, lang) for number in PAIRED for lang in LANGUAGES],
    ids=[f"{lang}-{number:02d}" for number in PAIRED for lang in LANGUAGES],
)
LARGEST, LONGEST_CELL, MEDIAN_CELL = 300_000, 25, 4
# Cells that may have these tags, each with its reason.
TAGS = {
    "nbval-ignore-output": "the output is the learner's own, or differs between machines",
    "nbval-skip": "needs a package that is not among the course's",
}
ABBREVIATIONS = r"(?:e\.g|i\.e|al|cf|vs|etc|Fig|Eq|No|[A-Z])"


# A chapter that has notebooks has its file of exercises and quiz, and the other way round.
def test_chapters_are_whole():
    assert tuple(PAIRED) == NUMBERS
    for number in PAIRED:
        for lang in LANGUAGES:
            assert path_of(CONTENTS[number], lang).is_file()


# A chapter has every section, in order, under its heading; chapter 0 has its own.
@every_notebook
def test_sections(number, lang):
    found = [cell.id for cell in notebook(number, lang).cells]
    assert found[:3] == list(GENERATED[:3])
    assert found[-1] == GENERATED[-1]
    if number == 0:
        return
    assert [key for key in found if key in SECTIONS] == list(SECTIONS)
    texts = cells(number, lang, "markdown")
    for key, names in SECTION_NAMES.items():
        heading = texts[key].source.splitlines()[0]
        assert heading.startswith(f"## {names[LANGUAGES.index(lang)]}"), heading


# The first cells and the last are what the tool makes of the table of contents.
@every_notebook
def test_generated_cells(number, lang):
    for cell in notebook(number, lang).cells:
        if cell.id in GENERATED:
            assert cell.source == generated(CONTENTS[number], cell.id, lang)


# A narrow page breaks the row of links between two links, never within one.
@every_notebook
def test_links_stay_whole(number, lang):
    for words in re.findall(r"\[(.+?)\]\(", generated(CONTENTS[number], TOP, lang)):
        assert not re.search("[ ]|[一-鿿：，、][一-鿿：，、]", words), words


# The goals name the minutes that the chapter takes; each section with minutes is there.
@every_notebook
def test_minutes(number, lang):
    chapter = course.load(number)
    assert set(chapter.minutes) <= set(SECTIONS)
    if number:
        assert re.search(
            rf"\b{chapter.length} (minutes|分钟)", cells(number, lang, "markdown")["goals"].source
        )


# A chapter uses each of its exercises, shows its labs and its quiz, and ends with the progress.
@every_notebook
def test_uses_what_it_has(number, lang):
    chapter = course.load(number)
    calls = calls_of(number, lang)
    assert [args[0] for name, args in calls if name == "exercise"] == [
        e.key for e in chapter.exercises
    ]
    assert {args[0] for name, args in calls if name == "lab"} == set(chapter.labs)
    assert set(chapter.labs) <= set(labs.NAMES)
    names = [name for name, _ in calls]
    assert names.count("quiz") == (1 if chapter.quiz else 0)
    assert names.count("progress") == 1
    used = {args[0] for name, args in calls if name == "t"}
    assert used == set(chapter.strings)


def calls_of(number, lang):
    """The calls of ``c`` in a notebook: name and literal arguments."""
    found = []
    for cell in cells(number, lang, "code").values():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(cell.source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "c":
                    literal = [a.value for a in node.args if isinstance(a, ast.Constant)]
                    found.append((node.func.attr, literal))
    return found


# A chapter says what its cells import that the app does not bring along, and nothing else.
@every_notebook
def test_needs_what_it_imports(number, lang):
    found = set()
    for cell in cells(number, lang, "code").values():
        if "nbval-skip" in cell.metadata.get("tags", ()):
            continue
        for node in ast.parse(cell.source).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            found |= {name.partition(".")[0] for name in names}
    with open(ROOT / "requirements.txt", encoding="utf-8") as file:
        brought = {line.partition("==")[0].lower() for line in file if "==" in line}
    own = {"fedlearn_edu", *sys.stdlib_module_names}
    assert {name for name in found - own if name.lower() not in brought} == set(
        course.load(number).needs
    )


# A chapter whose cells start programs says so, so that the app does not run it for every visitor.
@every_notebook
def test_says_that_it_starts_programs(number, lang):
    code = "\n".join(cell.source for cell in cells(number, lang, "code").values())
    starts = re.search(r"\b(Deployment|simulate\(recipe|subprocess|os\.system)\b|^[!%]", code, re.M)
    assert bool(starts) == course.load(number).starts_processes


# Code cells are short: half of them four lines or fewer, none over 25.
@every_notebook
def test_code_cells_are_short(number, lang):
    lengths = [len(cell.source.splitlines()) for cell in cells(number, lang, "code").values()]
    assert max(lengths) <= LONGEST_CELL
    assert statistics.median(lengths) <= MEDIAN_CELL


# Comments in code are few and English; no line is wider than a notebook's cell.
@every_notebook
def test_code_is_english(number, lang):
    for cell in cells(number, lang, "code").values():
        assert not re.search("[一-鿿]", cell.source), cell.id
        assert max(map(len, cell.source.splitlines())) <= 96, cell.id


# A notebook has run from top to bottom without an error, and is small.
@every_notebook
def test_has_run(number, lang):
    path = path_of(CONTENTS[number], lang)
    assert path.stat().st_size <= LARGEST
    code = list(cells(number, lang, "code").values())
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error", cell.id
            assert output.get("name") != "stderr", (cell.id, output.get("text"))


# Metadata hold what a reader needs, and nothing of whoever wrote it.
@every_notebook
def test_metadata_are_clean(number, lang):
    book = notebook(number, lang)
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert book.metadata.kernelspec.name == "python3"
    assert dict(book.metadata.language_info) == {"name": "python"}
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    for cell in book.cells:
        allowed = {"tags"} | ({"source_hash"} if lang == "zh" else set())
        assert set(cell.metadata) <= (allowed if cell.cell_type == "markdown" else {"tags"})
        assert set(cell.metadata.get("tags", ())) <= set(TAGS)
        for output in cell.get("outputs", ()):
            assert WIDGET not in output.get("data", {})
            assert output.get("metadata", {}) == {}


# Links inside the repository lead to a file; a chapter that is planned and not yet written is one.
@every_notebook
def test_links(number, lang):
    path = path_of(CONTENTS[number], lang)
    planned = {path_of(entry, code) for entry in CONTENTS for code in LANGUAGES}
    for cell in cells(number, lang, "markdown").values():
        for link in links(cell.source):
            parts = urlparse(link)
            if parts.scheme:
                assert parts.scheme == "https" or parts.hostname == "127.0.0.1", link
            elif parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                assert target.exists() or target in planned, (cell.id, link)


# Markdown has one sentence a line, so that a change of one sentence is a change of one line.
@every_notebook
def test_one_sentence_a_line(number, lang):
    for cell in cells(number, lang, "markdown").values():
        for line in prose(cell.source).splitlines():
            if line.lstrip().startswith(("|", "-", "1.", "2.", "3.")) or "**" in line:
                continue
            text = re.sub(rf"\b{ABBREVIATIONS}\.", "", re.sub(r"\d\.\d|\.\.\.", "", line))
            pattern = r"[.!?][\"”)*]? +[A-Z]" if lang == "en" else r"[。！？][”）]?[^\s”）*。！？]"
            assert not re.search(pattern, text), (cell.id, line)


# Folded answers can be unfolded: an empty line stands before their text, and all tags are closed.
@every_notebook
def test_folded_answers(number, lang):
    for cell in cells(number, lang, "markdown").values():
        for name in ("details", "summary"):
            assert cell.source.count(f"<{name}>") == cell.source.count(f"</{name}>"), cell.id
        assert len(re.findall(r"</summary>\n\n", cell.source)) == cell.source.count("<details>")
        assert not re.search(r"<(?!/?(details|summary|br|sub|sup|kbd)\b)[a-zA-Z/]", cell.source)


# Formulas are such as the slides and the app can draw without a script.
@every_notebook
def test_formulas_can_be_drawn(number, lang):
    from fedlearn_edu.course.markup import formula

    from .coursekit import formulas

    for cell in cells(number, lang, "markdown").values():
        for tex in formulas(cell.source):
            drawn = formula(tex.strip("$"))
            unknown = re.search(r"<m[ion]>\\\w+|&</mi>", drawn)
            assert not unknown, (cell.id, tex)


# English is spelled right, in notebooks and in the chapters' files.
def test_spelling(tmp_path):
    pytest.importorskip("codespell_lib")
    for number in PAIRED:
        text = "\n".join(cell.source for cell in cells(number, "en", "markdown").values())
        (tmp_path / CONTENTS[number].file.replace("ipynb", "md")).write_text(text, encoding="utf-8")
    words = ROOT / "tools" / "words.txt"
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words", str(words)]
    places = [
        tmp_path,
        ROOT / "fedlearn_edu",
        ROOT / "teaching",
        ROOT / "CONTRIBUTING.md",
        ROOT / "README.md",
    ]
    skip = ["--skip", "*.js,*.css"]
    done = subprocess.run(
        [*command, *skip, *(str(place) for place in places if place.exists())],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == ""
    assert done.returncode == 0


# The title of a chapter is the one in the table of contents.
@every_notebook
def test_title(number, lang):
    assert cells(number, lang, "markdown")[TITLE].source.startswith(f"# {number} · ")


# No line ends in a semicolon: what it silences depends on who runs the notebook. A figure ends
# with plt.show().
@every_notebook
def test_no_semicolons(number, lang):
    for cell in cells(number, lang, "code").values():
        assert not re.search(r";\s*$", cell.source, re.MULTILINE), cell.id
        if "c.pyplot()" in cell.source:
            assert cell.source.endswith("plt.show()"), cell.id


# Whoever cannot see a picture gets words for it: a lab's name, or what is written on the figure.
@every_notebook
def test_pictures_have_words(number, lang):
    for cell in cells(number, lang, "code").values():
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                words = data["text/plain"]
                assert "<Figure" not in words, cell.id
                if "c.lab(" not in cell.source:
                    assert re.match("Figure[.] .+[.]$" if lang == "en" else "图。.+。$", words)
