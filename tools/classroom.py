"""Make what a class needs from the chapters: `python -m tools.classroom slides | teacher`.

`slides` writes dist/slides: a chapter as a reveal.js presentation in each language, with the prose
as the speaker's notes (press S), labs as pictures with links to the app, and nothing from another
host.  `teacher` writes dist/teacher: the notebooks with every solution in place and every folded
answer open, run, so that each verdict says "right"; what cannot run here is written all the same.
"""

import argparse
import ast
import copy
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter

from fedlearn_edu import course
from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.course.reading import APP, calls, joined, lab_address, with_formulas
from fedlearn_edu.course.widgets import question_still, source_of
from fedlearn_edu.flower.parts import Stopped, flower_python
from fedlearn_edu.i18n import LANGUAGES
from tools.chapter import BOTTOM, LANGUAGE, TOP, path_of
from tools.run_notebook import run

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
PACKAGE = "sphinx-revealjs==3.2.1"  # carries reveal.js (MIT) with its licence
LONGEST_LIST = 1300  # characters of a list on one slide
LONGEST_REMARK = 300  # characters that stand beside a picture, or below what they speak of
MOST_ROWS = 9  # of a table that code has made
INSIDE = "sphinx_revealjs/_static/revealjs/"
WANTED = re.compile(r"LICENSE|dist/(reveal\.(css|js)|reset\.css|theme/white\.css)|plugin/notes/.+")
BANNER = {
    "en": "*Teacher's copy: solutions in place, folded answers open.*",
    "zh": "*教师版：练习已填好答案，折叠的答案已展开。*",
}
OPEN_LAB = {"en": "Open this lab in the app", "zh": "在应用里打开这个实验"}


# The teacher's copy.


def solved(source, chapter):
    """Return a cell with its stub replaced by the solution; other cells as they are."""
    found = calls(source, "exercise")
    if not found:
        return source
    call = found[0]
    exercise = chapter.find(call.args[0].value)
    answer = source_of(exercise.solution)
    if not callable(exercise.solution):
        answer = f"{ast.unparse(call.args[1])} = {answer}"
    return f"{answer}\n\n{ast.get_source_segment(source, call)}"


def teachers_copy(book, chapter, lang):
    """Return a notebook with every solution in place and every folded answer open."""
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.source = solved(cell.source, chapter)
        else:
            cell.source = cell.source.replace("<details>", "<details open>")
            cell.metadata.pop("source_hash", None)
    book.cells[0].source += f"\n\n{BANNER[lang]}"
    return book


def missing(chapter):
    """Return the packages that a chapter runs with and this computer lacks."""
    absent = [name for name in chapter.needs if importlib.util.find_spec(name) is None]
    if chapter.starts_processes:
        try:
            flower_python()
        except Stopped:
            absent.append("flwr")
    return absent


def make_teacher(entry, lang):
    """Write and run a chapter's teacher's copy; return its path.

    A chapter that cannot run here is written, solutions in place, and said not to have run.
    """
    path = DIST / "teacher" / lang / entry.file
    path.parent.mkdir(parents=True, exist_ok=True)
    book = nbformat.read(path_of(entry, lang), 4)
    chapter = course.load(entry.number)
    nbformat.write(teachers_copy(book, chapter, lang), path)
    if absent := missing(chapter):
        print(f"{entry.file} needs {', '.join(absent)} (see README.md): written, but not run")
    else:
        run(path)
    return path


# Slides.


def split_prose(text):
    """Return what of a Markdown cell stands on the slide, and what the speaker says.

    Headings, formulas, tables, lists, commands and lines that begin in bold are shown, folded
    answers and the rest are said; a cell of prose alone shows its first sentence.
    """
    text = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    shown, said = [], []
    for block in re.findall(r"```.*?```|\S.*?(?=\n\s*\n|\s*\Z)", text, flags=re.DOTALL):
        is_shown = re.match(r"(#|```|\$\$|\||[-*] |\d+\. |\*\*|>)", block)
        (shown if is_shown else said).append(block)
    if said and all(block.startswith(("#", "```")) for block in shown):
        first, *rest = said[0].splitlines()
        shown.insert(1 if text.startswith("#") else 0, first)
        said[0] = "\n".join(rest)
    return "\n\n".join(shown), "\n\n".join(said)


def slides_of(book, chapter, lang):
    """Return a notebook whose cells are slides: a new one at each heading, notes below."""
    cells = [
        cell
        for cell in book.cells
        if cell.id not in (TOP, BOTTOM, LANGUAGE, "imports")
        and not (cell.cell_type == "code" and calls(cell.source, "progress"))
    ]
    made = []
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if cell.cell_type == "markdown":
            made += prose_slides(cell.source, bool(following) and following.cell_type == "code")
        elif calls(cell.source, "quiz"):
            made += [
                slide(question_still(question, n, lang), "subslide")
                for n, question in enumerate(chapter.quiz, 1)
            ]
        else:
            made += code_slides(cell, lang, alone=not has_room(made))
    book.cells = made
    return book


def has_room(made):
    """Return whether a picture finds room on the last slide: it holds a short remark at most."""
    on_it = [cell for cell in made if cell.metadata["slideshow"]["slide_type"] != "notes"]
    last = on_it[-1]
    begins = last.metadata["slideshow"]["slide_type"] != "-"
    return begins and last.cell_type == "markdown" and is_remark(last.source)


def is_remark(text):
    """Return whether a text is short, and neither formula nor table: a remark beside something."""
    return len(re.sub(r"<[^>]*>", "", text)) <= LONGEST_REMARK and not re.search(
        r"^(\||```|\$\$|<math[^>]*block)", text, flags=re.MULTILINE
    )


def pages(shown):
    """Return what a slide shows as the Markdown of one slide or more: a long list is divided."""
    heading, _, body = shown.partition("\n\n")
    parts = re.split(r"((?<!\*\*)\n\s*\n|\n(?=[-*] |\d+\. ))", body)
    made = [parts[0]]
    for gap, part in zip(parts[1::2], parts[2::2], strict=True):
        if len(made[-1]) + len(part) > LONGEST_LIST and re.match(r"[-*] |\d+\. |\*\*|```", part):
            made.append(part)
        else:
            made[-1] += gap + part
    marks = [f" ({k}/{len(made)})" if len(made) > 1 else "" for k in range(1, len(made) + 1)]
    return [f"{heading}{mark}\n\n{part}".strip() for mark, part in zip(marks, made, strict=True)]


def prose_slides(text, before_code=False):
    """Return the slides of a Markdown cell: one for each heading, with the speaker's notes.

    What stands before a heading speaks of the code above, unless it leads to the code below.
    """
    split = re.split(r"^(?=#{1,3} )", text, flags=re.MULTILINE)
    parts = [part for part in split if part.strip()]
    made = []
    for k, part in enumerate(parts, 1):
        shown, said = split_prose(part)
        kind = "slide" if re.match("##? ", part) else "subslide"
        leads_on = part.startswith("#") or (before_code and k == len(parts))
        first, *others = (with_formulas(joined(page)) for page in pages(shown))
        made.append(slide(first, kind if leads_on or not is_remark(shown) else "-"))
        made += [slide(page, "subslide") for page in others]
        if said:
            made.append(slide(with_formulas(joined(said)), "notes"))
    return made


def code_slides(cell, lang, alone=True):
    """Return the slides of a code cell, a picture without the code; a long table goes on."""
    made = []
    if address := lab_address(cell.source, lang):
        made.append(slide(f"[{OPEN_LAB[lang]}]({APP}/{address})", "-"))
    outputs = [] if calls(cell.source, "exercise") else cell.outputs
    outputs, more = divided(outputs)
    node = nbformat.v4.new_code_cell(cell.source, outputs=outputs, id=cell.id)
    is_picture = any("image/png" in output.get("data", {}) for output in outputs)
    node.metadata["hide_source"] = is_picture
    own = is_picture and alone and not made
    node.metadata["slideshow"] = {"slide_type": "subslide" if own else "-"}
    return [*made, node, *(slide(table, "subslide") for table in more)]


def divided(outputs):
    """Return a cell's outputs with the first rows of a long table, and tables of the others."""
    kept, more = copy.deepcopy(outputs), []
    start, end = "<table>", "</table>"
    for output in kept:
        table = output.get("data", {}).get("text/html", "")
        rows = re.findall(r"<tr>.*?</tr>", table, flags=re.DOTALL)
        if table.startswith(start) and len(rows) > MOST_ROWS:
            groups = [rows[k : k + MOST_ROWS] for k in range(0, len(rows), MOST_ROWS)]
            first, *rest = (start + "".join(group) + end for group in groups)
            output["data"]["text/html"] = first
            more += rest
    return kept, more


def slide(text, kind):
    """Return a Markdown cell of a kind of slide."""
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})


def make_slides(entry, lang):
    """Write a chapter's slides; return their path."""
    book = nbformat.read(path_of(entry, lang), 4)
    book = slides_of(book, course.load(entry.number), lang)
    exporter = SlidesExporter(
        extra_template_basedirs=[str(Path(__file__).parent)],
        template_name="slides_template",
        reveal_url_prefix="../reveal.js",
        reveal_theme="white",
    )
    resources = {"language_code": {"en": "en", "zh": "zh-CN"}[lang]}
    resources["metadata"] = {"name": entry.title(lang)}
    page, _ = exporter.from_notebook_node(book, resources=resources)
    path = DIST / "slides" / lang / entry.file.replace(".ipynb", ".html")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def fetch_reveal(folder):
    """Put reveal.js, out of a package of Python's package index, into a folder."""
    if (folder / "dist" / "reveal.js").is_file():
        return
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--disable-pip-version-check", "--dest", temporary, PACKAGE],
            capture_output=True,
            text=True,
        )
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            sys.exit(f"reveal.js cannot be fetched ({PACKAGE}). Is there a network?")
        unpack_reveal(wheels[0], folder)


def unpack_reveal(wheel, folder):
    """Unpack the few files that the slides need."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inner = name.removeprefix(INSIDE)
            if inner != name and WANTED.fullmatch(inner):
                target = folder / inner
                target.parent.mkdir(parents=True, exist_ok=True)
                text = archive.read(name)
                if inner.endswith("white.css"):  # its font would come from beside it: ours is used
                    text = re.sub(rb"@import url\([^)]*\);", b"", text)
                target.write_bytes(text)


def main(argv=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("slides", "teacher"))
    parser.add_argument("numbers", nargs="*", type=int, metavar="N")
    options = parser.parse_args(argv)
    shutil.rmtree(DIST / options.what, ignore_errors=True)
    if options.what == "slides":
        fetch_reveal(DIST / "slides" / "reveal.js")
    for number in options.numbers or course.numbers():
        for lang in LANGUAGES:
            make = make_slides if options.what == "slides" else make_teacher
            print(make(CONTENTS[number], lang).relative_to(ROOT))


if __name__ == "__main__":
    main()
