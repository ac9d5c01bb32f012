"""What a chapter's notebook shows: labs, verdicts, quizzes, progress.

Of the course only this module knows widgets.  A verdict and the progress are plain HTML, which any
reader of notebooks shows; a quiz is a widget, with plain HTML for where no widget runs.
"""

import functools
import html
import inspect
import sys
from importlib import metadata
from pathlib import Path

import anywidget
import traitlets

from fedlearn_edu import __version__, labs
from fedlearn_edu.course.checking import check, quoted
from fedlearn_edu.course.described import describe
from fedlearn_edu.course.markup import to_html, to_text
from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.course.progress import Progress, default_path
from fedlearn_edu.i18n import HTML_LANG, LANGUAGES

HERE = Path(__file__).parent
CARD = "border-left:4px solid {color};padding:2px 0 2px 14px;margin:8px 0;max-width:46em"
GOOD, BAD, PLAIN = "#16877f", "#c2410c", "#8b939b"
KINDS = ("exercises", "quiz")
NEEDED = {
    "numpy": "core",
    "anywidget": "core",
    "matplotlib": "core",
    "torch": "torch",
    "keras": "keras",
}


@functools.cache
def own_progress():
    """Return the progress of whoever runs this Python."""
    return Progress(default_path())


class Shown:
    """HTML, with a text for where HTML is not shown."""

    def __init__(self, markup, text):
        self._markup, self._text = markup, text

    def _repr_html_(self):
        return self._markup

    def __repr__(self):
        return self._text


class Desk:
    """A chapter as its notebook uses it; see `fedlearn_edu.course.chapter`.

    Parameters
    ----------
    chapter : Chapter
    lang : {"en", "zh"}
    progress : Progress, optional
        The learner's own if left out.

    Attributes
    ----------
    t : Translator
        ``c.t("key")`` is a text of the chapter's ``STRINGS``.
    """

    def __init__(self, chapter, lang, progress=None):
        self.t = chapter.translator(lang)
        self.lang = lang
        self._chapter = chapter
        self._progress = own_progress() if progress is None else progress

    def __repr__(self):
        return f"{self.t('chapter_n', n=self._chapter.number)} · {self._title(self._chapter)}"

    def _title(self, chapter):
        return chapter.entry.title(self.lang)

    def _say(self, pair):
        return pair[LANGUAGES.index(self.lang)]

    def lab(self, name, preset=None, hide=(), **state):
        """Return a lab, ready to be displayed.

        Parameters
        ----------
        name : str
        preset : str, optional
            One of the lab's named states, to start from.
        hide : iterable of str
            Keys of controls that are not shown.
        **state
            Values of controls that differ from there.

        Raises
        ------
        ValueError
            For an unknown lab, preset, control or value.
        """
        from fedlearn_edu.labs.shell import LabWidget

        lab = labs.load(name)
        if preset is not None:
            lab.preset(preset)
            state = {**lab.presets[preset], **state}
        return LabWidget(lab, lang=self.lang, values=state, hide=hide)

    def pyplot(self):
        """Return ``matplotlib.pyplot`` in the course's style, with a font for Chinese.

        A figure's plain text, which screen readers get, then says what is written on it.
        """
        from IPython import get_ipython

        from fedlearn_edu.figures import pyplot

        plt = pyplot()
        plt.switch_backend(plt.get_backend())  # one that is loaded later drops the printer
        if shell := get_ipython():
            shell.display_formatter.formatters["text/plain"].for_type_by_name(
                "matplotlib.figure",
                "Figure",
                lambda figure, printer, _: printer.text(to_text(describe(figure, self.t))),
            )
        return plt

    def keras(self, backend="torch"):
        """Return Keras 3 on a backend; say it and return None where one of the two is missing.

        Parameters
        ----------
        backend : {"torch", "tensorflow", "jax"}

        Raises
        ------
        RuntimeError
            If Keras already runs on another backend in this kernel.
        """
        from fedlearn_edu.course.keras import absent, load

        if names := absent(backend):
            print(self.t("no_keras", names=", ".join(names)))
            return None
        return load(backend)

    def exercise(self, key, answer):
        """Check an answer; return what is to be said of it, with hint and solution folded.

        Parameters
        ----------
        key : str
        answer : callable or value
            ``...`` where nothing has been answered yet.
        """
        exercise = self._chapter.find(key)
        verdict = check(exercise, answer)
        if verdict.right:
            self._progress.record(self._chapter.number, "exercises", key)
        sign, color, words = self._words(verdict, callable(answer))
        folds = "" if verdict.right else self._fold("hint", to_html(self._say(exercise.hint)))
        folds += self._fold("solution", self._solution(exercise))
        style = CARD.format(color=color)
        title = html.escape(self._say(exercise.title))
        markup = (
            f'<div style="{style}" lang="{HTML_LANG[self.lang]}"><div role="status">'
            f"<strong>{title}</strong><br>{sign} {to_html(words)}</div>{folds}</div>"
        )
        return Shown(markup, f"{sign} {to_text(words)}")

    def _words(self, verdict, is_function):
        if verdict.right:
            return "✓", GOOD, self.t("right")
        if verdict.kind == "untouched":
            return "…", PLAIN, self.t("untouched")
        if verdict.says:
            said = self._say(verdict.says)
        else:
            kind = verdict.kind
            if not is_function and kind in ("differs", "shape", "nothing"):
                kind, verdict.values["got"] = "value", verdict.values.get("got", "None")
            said = self.t(kind, **verdict.values) if verdict.values else self.t(kind)
        gap = " " if self.lang == "en" else ""
        return "✗", BAD, f"{self.t('not_yet')}{gap}{said}"

    def _fold(self, key, inside):
        return f"<details><summary>{self.t(key)}</summary>{inside}</details>"

    def _solution(self, exercise):
        why = self._say(exercise.why)
        source = html.escape(source_of(exercise.solution), quote=False)
        return f"<pre>{source}</pre>" + (f"<p>{to_html(why)}</p>" if why else "")

    def quiz(self):
        """Return the chapter's quiz, ready to be displayed."""
        return Quiz(self._chapter, self.lang, self._progress)

    def progress(self):
        """Return what the learner has done: in this chapter, and in chapter 0 in all of them."""
        progress = self._progress.refresh()
        number = self._chapter.number
        rows = self._table(progress) if number == 0 else self._chapter_rows(progress)
        style = CARD.format(color=GOOD)
        markup = (
            f'<div style="{style}" lang="{HTML_LANG[self.lang]}">'
            f"<strong>{self.t('your_progress')}</strong>{rows}"
            f"<p><small>{html.escape(self._where(progress))}</small></p></div>"
        )
        text = self.t("of", name=self.t("your_progress"), words=repr(self))
        return Shown(markup, text)

    def installation(self):
        """Return what of the course's needs is installed here, and in which version."""
        python = ".".join(map(str, sys.version_info[:3]))
        lines = [f"✓ Python {python}", f"✓ fedlearn_edu {__version__}"]
        for name, use in NEEDED.items():
            try:
                lines.append(f"✓ {name} {metadata.version(name)}")
            except metadata.PackageNotFoundError:
                words = self.t("of", name=name, words=self.t(f"missing_{use}"))
                lines.append(f"○ {words}")
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        style = CARD.format(color=GOOD if all(line[0] == "✓" for line in lines) else PLAIN)
        markup = f'<ul style="{style};list-style:none" lang="{HTML_LANG[self.lang]}">{items}</ul>'
        return Shown(markup, "\n".join(lines))

    def _where(self, progress):
        if progress.trouble:
            return self.t(f"trouble_{progress.trouble}", path=progress.path)
        if progress.path is None:
            return self.t("kept_in_memory")
        return self.t("kept_in", path=progress.path)

    def _chapter_rows(self, progress):
        chapter = self._chapter
        done = progress.done(chapter.number, "exercises")
        lines = [
            f"{self._tick(exercise.key in done)} {html.escape(self._say(exercise.title))}"
            for exercise in chapter.exercises
        ]
        n, total = count_done(progress, chapter, "quiz"), len(chapter.quiz)
        if total:
            done = self.t("questions_done", n=n, all=total)
            words = self.t("of", name=self.t("quiz"), words=done)
            lines.append(f"{self._tick(n == total)} {words}")
        items = "".join(f"<li>{line}</li>" for line in lines)
        return f'<ul style="list-style:none;padding-left:0">{items}</ul>'

    def _tick(self, done):
        word = self.t("done" if done else "open")
        return f'<span role="img" aria-label="{word}">{"✓" if done else "○"}</span>'

    def _table(self, progress):
        from fedlearn_edu import course

        names = ("chapter", "minutes", "exercises", "quiz")
        head = "".join(f'<th scope="col">{self.t(name)}</th>' for name in names)
        written = course.numbers()
        body = ""
        for entry in CONTENTS[1:]:
            title = f"{entry.number} · {html.escape(entry.title(self.lang))}"
            if entry.number in written:
                chapter = course.load(entry.number)
                title = f'<a href="{entry.file}">{title}</a>'
                cells = [chapter.length, *(self._share(progress, chapter, k) for k in KINDS)]
            else:
                cells = [self.t("soon"), "", ""]
            body += (
                f'<tr><td style="text-align:left">{title}</td>'
                + "".join(f"<td>{c}</td>" for c in cells)
                + "</tr>"
            )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _share(self, progress, chapter, kind):
        total = len(getattr(chapter, kind))
        n = count_done(progress, chapter, kind)
        return f"{self._tick(n == total)} {n}/{total}" if total else "–"


def count_done(progress, chapter, kind):
    """Return how many of a chapter's exercises or questions are done."""
    keys = {item.key for item in getattr(chapter, kind)}
    return len(keys & progress.done(chapter.number, kind))


def source_of(solution):
    """Return a solution as a learner would write it.

    Examples
    --------
    >>> source_of(0.25)
    '0.25'
    """
    return inspect.getsource(solution).rstrip() if callable(solution) else quoted(solution)


class Quiz(anywidget.AnyWidget):
    """A chapter's quiz.

    The browser has all questions and explanations, so that it answers at once and goes on working
    when Python does not; it sends what was answered rightly, and that is checked here.
    """

    _esm = (HERE / "quiz.js").read_text(encoding="utf-8")
    _css = (HERE / "quiz.css").read_text(encoding="utf-8")
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, chapter, lang, progress):
        super().__init__()
        self._chapter, self._lang, self._progress = chapter, lang, progress
        self._t = chapter.translator(lang)
        self.page = self._page()
        self.on_msg(self._receive)

    def set_state(self, sync_data):
        """Ignore widget state from a browser: only messages count."""

    def _say(self, pair):
        return pair[LANGUAGES.index(self._lang)]

    def _page(self):
        done = self._progress.refresh().done(self._chapter.number, "quiz")
        keys = ("quiz", "check", "choose", "right", "try_again", "score", "all_right",
                "is_right", "is_wrong")  # fmt: skip
        return {
            "lang": HTML_LANG[self._lang],
            "id": f"fl-quiz-{self.model_id[:8]}",
            "text": {key: self._t(key) for key in keys},
            "questions": [
                {
                    "asks": to_html(self._say(question.asks)),
                    "name": self._t("question_n", n=n),
                    "done": question.key in done,
                    "options": [
                        {
                            "says": to_html(self._say(option.says)),
                            "why": to_html(self._say(option.why)),
                            "right": option.right,
                        }
                        for option in question.options
                    ],
                }
                for n, question in enumerate(self._chapter.quiz, 1)
            ],
        }

    def _receive(self, _, content, buffers):
        """Note a right answer; whatever else a browser sends is not heard."""
        if not isinstance(content, dict) or content.get("kind") != "answered":
            return
        question, option = content.get("question"), content.get("option")
        quiz = self._chapter.quiz
        if type(question) is not int or not 0 <= question < len(quiz):
            return
        options = quiz[question].options
        if type(option) is int and 0 <= option < len(options) and options[option].right:
            self._progress.record(self._chapter.number, "quiz", quiz[question].key)

    def __repr__(self):
        if "_chapter" not in vars(self):
            return "<Quiz>"
        lines = []
        for n, question in enumerate(self._chapter.quiz, 1):
            lines.append(f"{n}. {to_text(self._say(question.asks))}")
            lines += [f"   ( ) {to_text(self._say(option.says))}" for option in question.options]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **kwargs):
        """Return the widget, and for readers where no widget runs its questions, folded."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        data["text/plain"] = repr(self)
        data["text/html"] = self._still()
        return data, metadata

    def _still(self):
        blocks = (
            question_still(question, n, self._lang)
            for n, question in enumerate(self._chapter.quiz, 1)
        )
        style = CARD.format(color=PLAIN)
        return (
            f'<div style="{style}" lang="{HTML_LANG[self._lang]}">'
            f"<p><small>{self._t('read_only')}</small></p>{''.join(blocks)}</div>"
        )


def question_still(question, number, lang):
    """Return a question as HTML that needs no widget: each option folds its explanation."""
    k = LANGUAGES.index(lang)
    folds = "".join(
        f"<details><summary>{to_html(option.says[k])}</summary>"
        f"{'✓' if option.right else '✗'} {to_html(option.why[k])}</details>"
        for option in question.options
    )
    return f"<p><strong>{number}.</strong> {to_html(question.asks[k])}</p>{folds}"
