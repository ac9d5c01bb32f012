"""The little markup of quizzes and verdicts as HTML: $formula$, `code`, *stress*, line breaks.

Formulas become MathML, which browsers draw by themselves: no script, no font, no outside host.
"""

import html
import re

_PARTS = re.compile(r"\$([^$]+)\$|`([^`]+)`|\*([^*\s](?:[^*]*[^*\s])?)\*")


def formula(tex, block=False):
    r"""Return a TeX formula as MathML.

    Examples
    --------
    >>> "<mfrac>" in formula(r"\frac{1}{N}")
    True
    """
    from latex2mathml.converter import convert

    return convert(tex, display="block" if block else "inline")


def to_html(text):
    """Return a text as HTML.

    Examples
    --------
    >>> to_html("use `a < b`, *always*")
    'use <code>a &lt; b</code>, <em>always</em>'
    """
    done, pieces = 0, []
    for match in _PARTS.finditer(text):
        pieces.append(html.escape(text[done : match.start()], quote=False))
        tex, code, stress = match.groups()
        if tex is not None:
            pieces.append(formula(tex))
        elif code is not None:
            pieces.append(f"<code>{html.escape(code, quote=False)}</code>")
        else:
            tag = (
                "strong" if re.search("[\u4e00-\u9fff]", stress) else "em"
            )  # Chinese has no italics
            pieces.append(f"<{tag}>{to_html(stress)}</{tag}>")
        done = match.end()
    pieces.append(html.escape(text[done:], quote=False))
    return "".join(pieces).replace("\n", "<br>")


_GREEK = {"alpha": "α", "lambda": "λ", "theta": "θ", "sum": "Σ", "cdot": "·", "nabla": "∇"}


def to_text(text):
    r"""Return a text without its marks, formulas in one line.

    Examples
    --------
    >>> to_text(r"so $g = \frac{1}{N} \sum_i g_i$, by `mean`")
    'so g = 1/N Σ_i g_i, by mean'
    """

    def plain(match):
        tex, code, stress = match.groups()
        return _plain_formula(tex) if tex is not None else code or to_text(stress)

    return _PARTS.sub(plain, text)


def _plain_formula(tex):
    tex = re.sub(r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", tex)
    tex = re.sub(r"\\(?:text|mathrm|mathbf)\{([^{}]*)\}", r"\1", tex)
    tex = re.sub(r"\\([a-zA-Z]+)", lambda match: _GREEK.get(match[1], match[1]), tex)
    return re.sub(r"\\[,;: ]", " ", tex).replace("{", "").replace("}", "")
