"""A matplotlib figure in words, for whoever cannot see it: what is written on it."""


def describe(figure, t):
    """Return what is written on a matplotlib figure, for whoever cannot see it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    t : Translator
        With the texts of `fedlearn_edu.strings.course`.

    Returns
    -------
    str
        Each panel's title, axes and legend.

    Examples
    --------
    >>> from fedlearn_edu.i18n import Translator
    >>> from fedlearn_edu.strings.course import STRINGS
    >>> from matplotlib.figure import Figure
    >>> picture = Figure()
    >>> axes = picture.subplots()
    >>> _ = axes.plot([3, 2, 1], label="α = 0.1")
    >>> _ = axes.set(title="Alone", xlabel="round", ylabel="loss")
    >>> _ = axes.legend()
    >>> describe(picture, Translator("en", STRINGS))
    'Figure. Alone. Horizontal: round. Vertical: loss. Legend: α = 0.1.'
    """
    parts = (part for axes in figure.axes for part in _parts(axes, t))
    return t("figure", parts=t("next_part").join(parts))


def _parts(axes, t):
    if title := axes.get_title():
        yield title
    if axes.get_label() == "<colorbar>":
        says = {"color": [axes.get_ylabel()]}
    elif axes.axison:
        says = {"horizontal": _axis_words(axes.xaxis), "vertical": _axis_words(axes.yaxis)}
    else:
        says = {}
    if legend := axes.get_legend():
        says["legend"] = [text.get_text() for text in legend.get_texts()]
    for key, words in says.items():
        if words:
            yield t(key, words=t("next_word").join(words))


def _axis_words(axis):
    """Return an axis's label; without one the names at its ticks, if they are no numbers."""
    if label := axis.get_label_text():
        return [label]
    names = [tick.get_text() for tick in axis.get_ticklabels()]
    return [] if any(char.isdigit() for name in names for char in name) else names
