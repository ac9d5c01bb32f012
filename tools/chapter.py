"""Write a chapter as one text file, both languages side by side; keep its notebooks in step.

`python tools/chapter.py open 3` writes drafts/03_aggregation.txt from the two notebooks (or from
the skeleton); edit that; `… save 3` writes the notebooks back, and runs them.  `… run` runs
chapters and stores what they print; `… sync` brings notebooks that were edited in JupyterLab into
step; `… stale` shows what has to be translated again.  Without numbers: all chapters.

In the text file a line `%% NAME` begins a Markdown cell, its English; `%% zh` its Chinese; and
`%% code NAME` a code cell, the same in both languages.  NAME is the cell's id.
"""

import argparse
import difflib
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import nbformat

from fedlearn_edu import course, labs
from fedlearn_edu.course.plan import CONTENTS, SECTION_NAMES
from fedlearn_edu.i18n import LANGUAGES
from tools.run_notebook import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
DRAFTS = ROOT / "drafts"
LANGUAGE, TITLE, TOP, BOTTOM = "language", "title", "nav-top", "nav-bottom"
GENERATED = (TITLE, TOP, LANGUAGE, BOTTOM)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
MARK = re.compile(r"^%% (?:(code) )?([A-Za-z0-9_-]{1,64})(?: (.+))?$")
LAB = {"en": "Lab: ", "zh": "实验："}
NO_BREAK, JOINER = "\N{NO-BREAK SPACE}", "\N{WORD JOINER}"
SEAM = re.compile("(?<=.)(?=[\u3000-\uffef])|(?<=[\u3000-\uffef])(?=.)")  # beside Chinese
TODO = "**TODO: translate.** "


def source_hash(text):
    """Return the hash that a Chinese cell carries of the English cell that it translates."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:12]


def path_of(entry, lang):
    """Return a chapter's notebook."""
    return FOLDER / lang / entry.file


def draft_of(entry):
    """Return a chapter's text file."""
    return DRAFTS / f"{Path(entry.file).stem}.txt"


# What every chapter has, written from the table of contents.


def language_cell(number, lang):
    """Return the one cell that differs between the languages."""
    return f'from fedlearn_edu import course\n\nc = course.chapter({number}, lang="{lang}")'


def title_cell(entry, lang):
    """Return a chapter's first line."""
    return f"# {entry.number} · {entry.title(lang)}"


def navigation(entry, lang):
    """Return the line that leads to the chapters before and after, the other language, the labs.

    A lab's page in the repository is the link that works in JupyterLab and on a code host; in the
    app the same link leads to the lab there.  A narrow page breaks the line between links only.
    """
    other = next(code for code in LANGUAGES if code != lang)
    links = []
    if entry.number > 0:
        before = CONTENTS[entry.number - 1]
        links.append((f"← {before.number} · {before.title(lang)}", before.file))
    if entry.number + 1 < len(CONTENTS):
        after = CONTENTS[entry.number + 1]
        links.append((f"{after.number} · {after.title(lang)} →", after.file))
    links.append(("中文" if other == "zh" else "English", f"../{other}/{entry.file}"))
    for name in course.load(entry.number).labs if entry.number in course.numbers() else ():
        links.append((f"{LAB[lang]}{labs.load(name).title(lang)}", f"../labs/{name}.ipynb"))
    return " &nbsp;|&nbsp; ".join(f"[{unbroken(words)}]({place})" for words, place in links)


def unbroken(words):
    """Return words between which no line can be broken."""
    return SEAM.sub(JOINER, words.replace(" ", NO_BREAK))


def generated(entry, key, lang):
    """Return the source of a cell that is written by this tool."""
    if key == LANGUAGE:
        return language_cell(entry.number, lang)
    return title_cell(entry, lang) if key == TITLE else navigation(entry, lang)


# Cells as (id, kind, {language: source}, metadata).


class Cell:
    """A cell in both languages."""

    def __init__(self, key, kind, texts, tags=()):
        self.key, self.kind, self.texts, self.tags = key, kind, texts, tuple(tags)


def framed(entry, cells):
    """Return cells between those that every chapter has."""

    def own(key, kind="markdown"):
        return Cell(key, kind, {lang: generated(entry, key, lang) for lang in LANGUAGES})

    body = [cell for cell in cells if cell.key not in GENERATED]
    return [own(TITLE), own(TOP), own(LANGUAGE, "code"), *body, own(BOTTOM)]


def read(entry):
    """Return the cells of a chapter's notebooks; those of the English one, with their Chinese."""
    chinese = {key: cell.source for key, cell in stored(entry, "zh").items()}
    cells = []
    for key, cell in stored(entry, "en").items():
        translated = cell.source if cell.cell_type == "code" else chinese.get(key, "")
        texts = {"en": cell.source, "zh": translated}
        cells.append(Cell(key, cell.cell_type, texts, cell.metadata.get("tags", ())))
    return cells


def to_text(cells):
    """Return cells as the text file that an author edits."""
    blocks = []
    for cell in cells:
        if cell.key in GENERATED:
            continue
        tags = f" {' '.join(cell.tags)}" if cell.tags else ""
        if cell.kind == "code":
            blocks.append(f"%% code {cell.key}{tags}\n{cell.texts['en']}\n")
        else:
            english, chinese = (cell.texts[lang] for lang in LANGUAGES)
            blocks.append(f"%% {cell.key}{tags}\n{english}\n\n%% zh\n{chinese}\n")
    return "\n".join(blocks)


def from_text(text):
    """Return the cells of a text file; raise ``ValueError`` where it makes no sense."""
    cells, lang = [], None
    for number, line in enumerate(text.splitlines(), 1):
        mark = MARK.match(line)
        if line.startswith("%% ") and not mark:
            raise ValueError(f"line {number}: {line!r} is no mark")
        if not mark:
            if cells:
                cells[-1].texts[lang] += line + "\n"
            elif line.strip():
                raise ValueError(f"line {number}: text before the first mark")
        elif mark[2] == "zh" and not mark[1]:
            if not cells or cells[-1].kind == "code":
                raise ValueError(f"line {number}: Chinese of no Markdown cell")
            lang, cells[-1].texts["zh"] = "zh", ""
        else:
            lang = "en"
            tags = (mark[3] or "").split()
            kind = "code" if mark[1] else "markdown"
            cells.append(Cell(mark[2], kind, {"en": "", "zh": ""}, tags))
    for cell in cells:
        english, chinese = (cell.texts[lang].strip() for lang in LANGUAGES)
        cell.texts = {"en": english, "zh": english if cell.kind == "code" else chinese}
    keys = [cell.key for cell in cells]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"used twice as a cell's name: {', '.join(repeated)}")
    return cells


def write(entry, cells, fresh=()):
    """Write a chapter's two notebooks; return the names of the cells whose Chinese is stale.

    A Chinese cell is stale if its English has changed and it has not, unless ``fresh`` names it.
    """
    old = {lang: stored(entry, lang) for lang in LANGUAGES}
    stale, made = [], {lang: [] for lang in LANGUAGES}
    for cell in framed(entry, cells):
        for lang in LANGUAGES:
            metadata = {"tags": list(cell.tags)} if cell.tags else {}
            text = cell.texts[lang]
            if cell.kind == "code":
                node = nbformat.v4.new_code_cell(text, id=cell.key, metadata=metadata)
                before = old[lang].get(cell.key)
                if before and before.cell_type == "code" and before.source == text:
                    node.outputs, node.execution_count = before.outputs, before.execution_count
            else:
                if lang == "zh":
                    metadata["source_hash"] = hash_for(cell, old, fresh)
                    if metadata["source_hash"] != source_hash(cell.texts["en"]):
                        stale.append(cell.key)
                    text = text or TODO + cell.texts["en"]
                node = nbformat.v4.new_markdown_cell(text, id=cell.key, metadata=metadata)
            made[lang].append(node)
    for lang in LANGUAGES:
        save(path_of(entry, lang), made[lang])
    return stale


def hash_for(cell, old, fresh):
    """Return the hash of the English that a cell's Chinese translates."""
    english, chinese = (cell.texts[lang] for lang in LANGUAGES)
    before = old["zh"].get(cell.key)
    if not chinese or chinese.startswith(TODO):
        return ""
    changed = before is None or before.source != chinese
    if changed or cell.key in fresh or cell.key in GENERATED:
        return source_hash(english)
    return before.metadata.get("source_hash", "")


def stored(entry, lang):
    """Return the cells of a notebook by name; none if there is no notebook yet."""
    path = path_of(entry, lang)
    return {cell.id: cell for cell in nbformat.read(path, 4).cells} if path.exists() else {}


def save(path, cells):
    """Write a notebook with clean metadata."""
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    book = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(book, path)


def skeleton(entry):
    """Return the cells of a chapter that nobody has written yet."""
    return [
        Cell(key, "markdown", {"en": f"## {english}", "zh": f"## {chinese}"})
        for key, (english, chinese) in SECTION_NAMES.items()
    ]


# Stale prose.


def stale_cells(entry):
    """Return (name, English now, the English that was translated or None) of stale cells."""
    english, chinese = (stored(entry, lang) for lang in LANGUAGES)
    found = []
    for key, cell in english.items():
        if cell.cell_type == "markdown":
            known = chinese[key].metadata.get("source_hash") if key in chinese else None
            if known != source_hash(cell.source):
                found.append((key, cell.source, translated_source(entry, key, known)))
    return found


def translated_source(entry, key, known):
    """Return the English of a hash, out of the repository's history; None if it is not there."""
    name = path_of(entry, "en").relative_to(ROOT).as_posix()
    log = git("log", "--format=%H", "--", name)
    for commit in log.split()[:50] if known else ():
        book = nbformat.reads(git("show", f"{commit}:{name}"), 4)
        for cell in book.cells:
            if cell.id == key and source_hash(cell.source) == known:
                return cell.source
    return None


def git(*arguments):
    """Return what git prints; nothing where there is no git."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def difference(now, before):
    """Return how a cell's English has changed since it was translated."""
    if before is None:
        return now
    lines = difflib.unified_diff(
        before.splitlines(), now.splitlines(), "translated", "now", lineterm="", n=0
    )
    return "\n".join(lines)


def report(entry):
    """Print what has to be translated again; return how many cells."""
    found = stale_cells(entry)
    for key, now, before in found:
        print(f"\n{entry.file}, cell {key}: the Chinese is stale\n{difference(now, before)}")
    return len(found)


# Commands.


def do_open(entry, options):
    """Write the text file."""
    path = draft_of(entry)
    DRAFTS.mkdir(exist_ok=True)
    cells = read(entry) if path_of(entry, "en").exists() else skeleton(entry)
    path.write_text(to_text(cells), encoding="utf-8")
    print(path.relative_to(ROOT))


def do_save(entry, options):
    """Write the notebooks from the text file, and run them."""
    cells = from_text(draft_of(entry).read_text(encoding="utf-8"))
    stale = write(entry, cells, options.fresh)
    if stale:
        print(
            f"{entry.file}: stale in Chinese: {', '.join(stale)} (--fresh NAME if it still holds)"
        )
    if not options.no_run:
        do_run(entry, options)


def do_sync(entry, options):
    """Bring the Chinese notebook into step with the English one: code copied, prose marked."""
    stale = write(entry, read(entry), options.fresh)
    print(f"{entry.file}: {len(stale)} stale")
    report(entry)


def do_run(entry, options):
    """Run a chapter in both languages and store what it prints."""
    for lang in LANGUAGES:
        path = path_of(entry, lang)
        seconds = run(path)
        print(f"{lang}/{path.name}: {path.stat().st_size / 1000:.0f} kB, {seconds:.1f} s")


def do_stale(entry, options):
    """Show stale prose."""
    report(entry)


COMMANDS = {"open": do_open, "save": do_save, "run": do_run, "sync": do_sync, "stale": do_stale}


def main(argv=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("numbers", nargs="*", type=int, metavar="N")
    parser.add_argument("--fresh", nargs="*", default=(), metavar="NAME",
        help="cells whose Chinese still holds although the English has changed")  # fmt: skip
    parser.add_argument("--no-run", action="store_true", help="save without running")
    options = parser.parse_args(argv)
    there = [n for n in range(len(CONTENTS)) if path_of(CONTENTS[n], "en").exists()]
    for number in options.numbers or there:
        try:
            COMMANDS[options.command](CONTENTS[number], options)
        except (OSError, ValueError, IndexError) as error:
            return f"chapter {number}: {error}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
