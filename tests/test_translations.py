"""The two languages of a chapter hold together, cell by cell."""

import re

import pytest

from fedlearn_edu import course
from fedlearn_edu.course.plan import CONTENTS
from tools.chapter import LANGUAGE, TODO, difference, source_hash, stale_cells, unbroken

from .coursekit import PAIRED, ROOT, cells, codes, formulas, headings, links, notebook, prose

every_chapter = pytest.mark.parametrize("number", PAIRED)
CHINESE = "一-鿿"
HALF_WIDTH = re.compile(rf"[{CHINESE}][,;:?!]|[,;?!][{CHINESE}]|[{CHINESE}]\.(\s|$)")
GLOSSARY = course.glossary()


def pairs(number):
    """Names and texts of a chapter's Markdown cells, in both languages."""
    english, chinese = (cells(number, lang, "markdown") for lang in ("en", "zh"))
    return [(key, english[key].source, chinese[key].source) for key in english if key in chinese]


# Paired notebooks have the same cells in the same order: none missing, none of another kind.
@every_chapter
def test_cells_are_paired(number):
    english, chinese = (
        [
            (cell.id, cell.cell_type, cell.metadata.get("tags", []))
            for cell in notebook(number, lang).cells
        ]
        for lang in ("en", "zh")
    )
    assert english == chinese


# Code is identical, but for the one cell that sets the language.
@every_chapter
def test_code_is_identical(number):
    english, chinese = (cells(number, lang, "code") for lang in ("en", "zh"))
    differing = [key for key in english if english[key].source != chinese[key].source]
    assert differing == [LANGUAGE]


# No Chinese cell is older than the English that it translates; what has changed is printed.
@every_chapter
def test_no_prose_is_stale(number):
    stale = stale_cells(CONTENTS[number])
    words = [f"\ncell {key}:\n{difference(now, before)}" for key, now, before in stale]
    assert not stale, "".join(words)
    assert not any(TODO in chinese for _, _, chinese in pairs(number))


# A cell and its translation have the same formulas, code, links, headings, tables and folds.
@every_chapter
def test_same_bones(number):
    for key, english, chinese in pairs(number):
        assert sorted(formulas(english)) == sorted(formulas(chinese)), key
        assert sorted(codes(english)) == sorted(codes(chinese)), key
        assert headings(english) == headings(chinese), key
        for mark in (r"^\|", r"^ *[-*] ", r"^ *\d+\. ", r"<details>", r"^\$\$"):
            counts = [len(re.findall(mark, text, re.MULTILINE)) for text in (english, chinese)]
            assert counts[0] == counts[1], (key, mark)
        if key != "nav-top" and key != "nav-bottom":
            assert sorted(links(english)) == sorted(links(chinese)), key


# The Chinese is Chinese, with full-width punctuation and no Chinese inside formulas or code.
@every_chapter
def test_chinese(number):
    for key, english, chinese in pairs(number):
        assert not re.search(f"[{CHINESE}]", english.replace(unbroken("中文"), "")), key
        assert re.search(f"[{CHINESE}]", chinese) or not re.search("[a-z]{4}", prose(english)), key
        assert not HALF_WIDTH.search(prose(chinese)), (key, HALF_WIDTH.search(prose(chinese)))
        for part in formulas(chinese):
            assert not re.search(f"[{CHINESE}]", part), (key, part)


# Stars make Chinese bold, never slanted, and stand so that Markdown sees them: outside of
# punctuation.
@every_chapter
def test_chinese_stress(number):
    for key, _, chinese in pairs(number):
        text = prose(chinese)
        assert not re.search(rf"(?<!\*)\*(?!\*)[^*\n]*[{CHINESE}][^*\n]*(?<!\*)\*(?!\*)", text), key
        for stressed in re.finditer(r"\*\*([^*\n]+)\*\*", text):
            assert not re.search(r"^[“（《\s]|[，。：；！？”）》\s]$", stressed[1]), (
                key,
                stressed[0],
            )


# Where the English says a term of the glossary, the Chinese says its Chinese.
@every_chapter
def test_glossary_is_used(number):
    for key, english, chinese in pairs(number):
        if key in ("sources", "title", "nav-top", "nav-bottom"):
            continue
        text = prose(english).lower()
        for row in GLOSSARY:
            if re.search(rf"\b{re.escape(row['en'])}s?\b", text):
                accepted = [row["zh"], *filter(None, row["accept"].split("|"))]
                assert any(word in chinese for word in accepted), (key, row["en"], accepted)


# The glossary has each term once, in both languages, with its meaning in both.
def test_glossary():
    assert len({row["en"] for row in GLOSSARY}) == len(GLOSSARY) > 20
    for row in GLOSSARY:
        assert all(row[key].strip() for key in ("en", "zh", "means_en", "means_zh")), row
        assert re.search(f"[{CHINESE}]", row["zh"])
        assert re.search(f"[{CHINESE}]", row["means_zh"])
        assert not re.search(f"[{CHINESE}]", row["en"] + row["means_en"])
        assert not HALF_WIDTH.search(row["means_zh"]), row


# A cell whose English has changed is found; the same cell with its old English is not.
def test_hashes():
    assert source_hash("a\n") == source_hash("a")
    assert source_hash("a") != source_hash("b")
    assert difference("one\ntwo", "one\n2") == "--- translated\n+++ now\n@@ -2 +2 @@\n-2\n+two"


# The lesson plans are the same in both languages: headings, tables, links and minutes.
def test_lesson_plans():
    english, chinese = (
        (ROOT / "notebooks" / lang / "lesson_plans.md").read_text(encoding="utf-8")
        for lang in ("en", "zh")
    )
    assert headings(english) == headings(chinese)
    assert sorted(formulas(english)) == sorted(formulas(chinese))
    assert sorted(codes(english)) == sorted(codes(chinese))
    in_chinese = [link.replace("lang=en", "lang=zh") for link in links(english)]
    assert in_chinese[1:] == links(chinese)[1:]
    first_columns = [re.findall(r"^\| (\d+)", text, re.MULTILINE) for text in (english, chinese)]
    assert first_columns[0] == first_columns[1]
    assert not HALF_WIDTH.search(prose(chinese))


# The minutes of each plan add up to its title.
def test_lesson_plans_add_up():
    text = (ROOT / "notebooks" / "en" / "lesson_plans.md").read_text(encoding="utf-8")
    plans = re.findall(r"^## (\d+) minutes.*?\n(.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)
    assert [int(total) for total, _ in plans] == [45, 90, 180]
    for total, plan in plans:
        assert sum(map(int, re.findall(r"^\| (\d+) \|", plan, re.MULTILINE))) == int(total)
