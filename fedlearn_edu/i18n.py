"""Texts in both languages: one table holds a key's English and Chinese side by side.

A table is a plain dictionary, ``{"key": ("English", "中文")}``.  A :class:`Translator` reads from
one or more of them and never falls back to the other language: a missing key is an error.
"""

LANGUAGES = ("en", "zh")
HTML_LANG = {"en": "en", "zh": "zh-CN"}


class Translator:
    """Look texts up in one language.

    Parameters
    ----------
    lang : {"en", "zh"}
    *tables : dict of str to (str, str)
        Tables of texts; a key may stand in only one of them.

    Raises
    ------
    ValueError
        For an unknown language, or a key that stands in two tables with different texts.

    Examples
    --------
    >>> t = Translator("zh", {"round": ("round {n}", "第 {n} 轮")})
    >>> t("round", n=3)
    '第 3 轮'
    """

    def __init__(self, lang, *tables):
        if lang not in LANGUAGES:
            raise ValueError(f"lang is {lang!r}; the languages are {', '.join(LANGUAGES)}")
        self.lang = lang
        self._texts = {}
        for table in tables:
            for key, pair in table.items():
                if self._texts.setdefault(key, pair) != pair:
                    raise ValueError(f"the text {key!r} stands in two tables")

    def __call__(self, key, **values):
        """Return the text of ``key``, with ``{name}`` replaced by ``values["name"]``."""
        if key not in self._texts:
            raise KeyError(f"no text {key!r}")
        text = self._texts[key][LANGUAGES.index(self.lang)]
        return text.format(**values) if values else text

    def __contains__(self, key):
        return key in self._texts
