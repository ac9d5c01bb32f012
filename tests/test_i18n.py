"""Laws of the texts: two languages, side by side, and never one in place of the other."""

import re
import string

import pytest

from fedlearn_edu.i18n import HTML_LANG, LANGUAGES, Translator
from fedlearn_edu.strings import course, federation, home, shell

TABLES = {
    "course": course.STRINGS, "federation": federation.STRINGS, "home": home.STRINGS,
    "shell": shell.STRINGS,
}  # fmt: skip
PAIRS = [(f"{name}.{key}", pair) for name, table in TABLES.items() for key, pair in table.items()]


def placeholders(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


# Every text exists in both languages, with the same placeholders, and the Chinese is Chinese.
@pytest.mark.parametrize("pair", [pair for _, pair in PAIRS], ids=[key for key, _ in PAIRS])
def test_both_languages(pair):
    english, chinese = pair
    assert english.strip() or chinese.strip()  # one language may need no word after a number
    assert placeholders(english) == placeholders(chinese)
    assert not re.search("[一-鿿]", english)


# A translator reads its own language, and fills in what it is given.
def test_translates():
    table = {"round": ("round {n} of {all}", "第 {n} 轮，共 {all} 轮"), "raw": ("{x}", "{x}")}
    assert Translator("en", table)("round", n=1, all=2) == "round 1 of 2"
    assert Translator("zh", table)("round", n=1, all=2) == "第 1 轮，共 2 轮"
    assert Translator("zh", table)("raw") == "{x}"


# A missing key, or a missing value, is an error and never falls back to anything.
def test_missing_is_an_error():
    t = Translator("zh", {"round": ("round {n}", "第 {n} 轮")})
    with pytest.raises(KeyError, match="no text 'step'"):
        t("step")
    with pytest.raises(KeyError):
        t("round", m=1)
    assert "round" in t
    assert "step" not in t


# There are two languages, each with the name that a page gives it; another is refused.
def test_languages():
    assert set(HTML_LANG) == set(LANGUAGES) == {"en", "zh"}
    with pytest.raises(ValueError, match="lang is 'fr'; the languages are en, zh"):
        Translator("fr")


# One key with two meanings is refused; the same text in two tables is not.
def test_tables_agree():
    same = {"a": ("A", "甲")}
    assert Translator("en", same, dict(same))("a") == "A"
    with pytest.raises(ValueError, match="'a' stands in two tables"):
        Translator("en", same, {"a": ("B", "乙")})
