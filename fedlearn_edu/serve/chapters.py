"""The chapters as pages to read: text, formulas, code, and what it printed; no kernel runs."""

import functools
import html
import re

import nbformat
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from fedlearn_edu import course, paths
from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.course.reading import calls, joined, lab_address, with_formulas
from fedlearn_edu.i18n import LANGUAGES

HIDDEN = ("title", "nav-top", "nav-bottom", "language")
PLANS = "lesson_plans"
_LINK = re.compile(r'href="(?:\.\./(en|zh)/)?(?:(\d\d)_\w+\.ipynb|(lesson_plans)\.md)(#[^"]*)?"')


def listed(base, lang):
    """Return the chapters that are written, ``{"number", "title", "minutes", "url"}`` each."""
    return [
        {
            "number": number,
            "title": CONTENTS[number].title(lang),
            "minutes": course.load(number).length,
            "url": f"{base}chapters/{number}",
        }
        for number in course.numbers()
    ]


def read(name, lang, base, lab_words):
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
    """
    folder = paths.notebooks() / lang
    if name == PLANS:
        path = folder / f"{PLANS}.md"
    elif name.isdecimal() and int(name) in course.numbers():
        path = folder / CONTENTS[int(name)].file
    else:
        return None
    return _page(path, path.stat().st_mtime_ns, lang, base, lab_words)


@functools.lru_cache(maxsize=64)
def _page(path, changed, lang, base, lab_words):
    if path.suffix == ".md":
        body = markdown(path.read_text(encoding="utf-8"))
    else:
        cells = [cell for cell in nbformat.read(path, 4).cells if cell.id not in HIDDEN]
        body = "\n".join(_cell(cell, lang, base, lab_words) for cell in cells)
    return _LINK.sub(lambda match: _address(match, base), body)


def _address(match, base):
    lang, number, plans, anchor = match.groups()
    name = PLANS if plans else int(number)
    query = f"?lang={lang}" if lang in LANGUAGES else ""
    return f'href="{base}chapters/{name}{query}{anchor or ""}"'


def markdown(text):
    """Return Markdown as HTML, formulas as MathML."""
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(with_formulas(joined(text)))


def _cell(cell, lang, base, lab_words):
    if cell.cell_type == "markdown":
        return f'<div class="prose">{markdown(cell.source)}</div>'
    if calls(cell.source, "progress"):
        return ""
    code = Highlight2HTML()(cell.source, language="python")
    outputs = "".join(map(_output, cell.outputs))
    if address := lab_address(cell.source, lang):
        outputs += f'<p><a class="button" href="{base}{html.escape(address)}">{lab_words}</a></p>'
    return f'<div class="code">{code}</div><div class="output">{outputs}</div>'


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
