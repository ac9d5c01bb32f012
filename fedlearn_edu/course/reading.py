"""Reads a chapter's notebook where no kernel runs: for the app's pages and for slides."""

import ast
import re
from urllib.parse import urlencode

from fedlearn_edu import labs
from fedlearn_edu.course.markup import formula
from fedlearn_edu.labs.controls import to_query

APP = "http://127.0.0.1:8866"
"""Where `make app` serves the labs, for links out of notebooks, slides and lesson plans."""

_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\$([^$\n]+)\$")
_CHINESE_BREAK = re.compile(r"(?<=[。？！；：，、”）》])\n(?=[\u4e00-\u9fff“（《])")


def with_formulas(text):
    r"""Return Markdown with its formulas as MathML, which needs no script.

    Examples
    --------
    >>> with_formulas("`$x$` is $x$")[:12]
    '`$x$` is <ma'
    """
    parts = _CODE.split(text)
    for k in range(0, len(parts), 2):
        block = _BLOCK.sub(lambda match: formula(match[1], block=True), parts[k])
        parts[k] = _INLINE.sub(lambda match: formula(match[1]), block)
    return "".join(parts)


def joined(text):
    r"""Return Chinese Markdown without the line ends between sentences, which would be spaces.

    Examples
    --------
    >>> joined("一句。\n又一句。\n\n- 另起")
    '一句。又一句。\n\n- 另起'
    """
    return _CHINESE_BREAK.sub("", text)


def calls(source, name):
    """Return the calls ``c.name(…)`` of a code cell, as syntax trees."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "c"
    ]


def lab_address(source, lang):
    """Return where in the app the lab of a code cell is, in its state; None if it shows none.

    Examples
    --------
    >>> lab_address('c.lab("aggregation", preset="loud", reach=9)', "zh")
    'labs/aggregation?participants=4&...&lang=zh'
    """
    found = calls(source, "lab")
    if not found:
        return None
    lab = labs.load(found[0].args[0].value)
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in found[0].keywords}
    preset = given.pop("preset", None)
    hidden = given.pop("hide", ())
    parts = [to_query(lab.preset(preset)) if preset else "", urlencode(given)]
    parts += [f"hide={','.join(hidden)}" if hidden else "", f"lang={lang}"]
    return f"labs/{lab.name}?" + "&".join(filter(None, parts))
