"""The chapters as HTML: text, formulas, code, and what it printed when the chapter was stored.

A live page shows the same until a kernel has run a cell, which then takes the stored output's
place; so each code cell that runs has a number, in the order in which they do.
"""

import ast
import functools
import html
import importlib.util
import re

import nbformat
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from fedlearn_edu import course, paths
from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.course.reading import APP, calls, joined, lab_address, with_formulas
from fedlearn_edu.i18n import LANGUAGES

NOT_RUN = "nbval-skip"
PACKAGE_NAMES = {"torch": "PyTorch", "keras": "Keras", "tensorflow": "TensorFlow"}
LANGUAGE = "language"
HIDDEN = ("title", "nav-top", "nav-bottom", LANGUAGE)
PLANS = "lesson_plans"
_LINK = re.compile(
    r'href="(?:\.\./(en|zh|labs)/)?(?:(\d\d)_\w+\.ipynb|(lesson_plans)\.md|(\w+)\.ipynb)(#[^"]*)?"'
)


def listed(base, lang):
    """Return the chapters that are written, and how to come to each.

    Returns
    -------
    list of dict
        Keys: number, title, minutes, url, live (its live page), and still (why there is none: the
        end of a text's key, and what to fill in; None if there is one).
    """
    return [
        {
            "number": number,
            "title": CONTENTS[number].title(lang),
            "minutes": course.load(number).length,
            "url": f"{base}chapters/{number}",
            "live": f"{base}chapters/{number}/live",
            "still": still(number),
        }
        for number in course.numbers()
    ]


def still(number):
    """Return why this server only shows a chapter, see `listed`; None if it runs it too."""
    chapter = course.load(number)
    if chapter.starts_processes:
        return "starts", ""
    absent = [name for name in chapter.needs if importlib.util.find_spec(name) is None]
    what = ", ".join(PACKAGE_NAMES.get(name, name) for name in absent)
    return ("needs", what) if absent else None


def path_of(name, lang):
    """Return the notebook of a chapter's number; None for what is no chapter's."""
    if name not in map(str, course.numbers()):
        return None
    return paths.notebooks() / lang / CONTENTS[int(name)].file


def notebook(name, lang):
    """Return a chapter's notebook, to run it."""
    return nbformat.read(path_of(name, lang), 4)


def read(name, lang, base, lab_words, live=False):
    """Return a chapter or the lesson plans as HTML; None if there is nothing of this name.

    Parameters
    ----------
    name : str
        A chapter's number, or "lesson_plans".
    lang : {"en", "zh"}
    base : str
        The beginning of every address of this server.
    lab_words : str
        What a link to a lab says.
    live : bool
        Leave a place for what each cell will display.
    """
    path = paths.notebooks() / lang / f"{PLANS}.md" if name == PLANS else path_of(name, lang)
    return path and _page(path, path.stat().st_mtime_ns, lang, base, lab_words, live)


@functools.lru_cache(maxsize=64)
def _page(path, changed, lang, base, lab_words, live):
    if path.suffix == ".md":
        body = markdown(path.read_text(encoding="utf-8"))
    else:
        cells = nbformat.read(path, 4).cells
        places = numbers(cells) if live else {}
        body = "\n".join(
            _cell(cell, lang, base, lab_words, places.get(cell.id))
            for cell in cells
            if _is_shown(cell)
        )
    return readdressed(body, base, live)


def readdressed(markup, base, live=False):
    """Return HTML in which links between notebooks lead to pages of this server."""

    def address(match):
        folder, number, plans, lab, anchor = match.groups()
        if lab and folder != "labs":
            return match[0]
        place = f"labs/{lab}" if lab else f"chapters/{PLANS if plans else int(number)}"
        place += "/live" if number and live else ""
        query = f"?lang={folder}" if folder in LANGUAGES else ""
        return f'href="{base}{place}{query}{anchor or ""}"'

    return _LINK.sub(address, markup).replace(f'href="{APP}/', f'href="{base}')


def parts(cells):
    """Return a notebook's code cells in two lists: what can be touched, and the rest.

    The first begins with the cell that all others need.  A cell that a test would skip, since it
    needs what the course does not bring along, is in neither.
    """
    code = [
        cell
        for cell in cells
        if cell.cell_type == "code"
        and (cell.id == LANGUAGE or _is_shown(cell))
        and NOT_RUN not in cell.metadata.get("tags", ())
    ]
    first = [cell for cell in code if cell.id == LANGUAGE or _can_be_touched(cell.source)]
    return first, [cell for cell in code if cell not in first]


def _is_shown(cell):
    """Return False for titles and links, which the page has already, and for the progress.

    On a server the progress is nobody's own, and stands at nothing.
    """
    return cell.id not in HIDDEN and not (
        cell.cell_type == "code" and calls(cell.source, "progress")
    )


def _can_be_touched(source):
    alone = len(ast.parse(source).body) == 1
    return alone and bool(calls(source, "lab") or calls(source, "quiz"))


def numbers(cells):
    """Return the place of each shown code cell in the order in which they run, from 0."""
    first, rest = parts(cells)
    shown = (cell.id for cell in [*first, *rest] if cell.id != LANGUAGE)
    return {key: place for place, key in enumerate(shown)}


def markdown(text):
    """Return Markdown as HTML, formulas as MathML."""
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(with_formulas(joined(text)))


def _cell(cell, lang, base, lab_words, place):
    if cell.cell_type == "markdown":
        return f'<div class="prose">{markdown(cell.source)}</div>'
    code = Highlight2HTML()(cell.source, language="python")
    outputs = "".join(map(_output, cell.outputs))
    if address := lab_address(cell.source, lang):
        outputs += f'<p><a class="button" href="{base}{html.escape(address)}">{lab_words}</a></p>'
    if place is not None:  # Voilà's front end counts from 1, and fills the last element in there
        wide = " wide" if address else ""
        outputs = f'<div class="stored">{outputs}</div><div class="live{wide}"></div>'
    mark = "" if place is None else f' cell-index="{place + 1}"'
    return f'<div class="code">{code}</div><div class="output"{mark}>{outputs}</div>'


def _output(output):
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>"
    data = output.get("data", {})
    if "text/html" in data:
        return data["text/html"]
    if "image/png" in data:
        words = html.escape(data.get("text/plain", ""))
        return f'<img src="data:image/png;base64,{data["image/png"].strip()}" alt="{words}">'
    return f"<pre>{html.escape(data.get('text/plain', ''))}</pre>"
