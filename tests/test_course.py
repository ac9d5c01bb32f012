"""Laws of exercises, quizzes and progress; a new chapter is tested by being there."""

import inspect
import json
import os
import re
import stat
import subprocess
import sys

import numpy as np
import pytest

from fedlearn_edu import course
from fedlearn_edu.course import markup
from fedlearn_edu.course.checking import check, quoted
from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong
from fedlearn_edu.course.keras import absent
from fedlearn_edu.course.progress import Progress, default_path
from fedlearn_edu.course.widgets import Desk, source_of
from fedlearn_edu.i18n import LANGUAGES
from fedlearn_edu.strings.course import STRINGS

from .coursekit import NUMBERS, ROOT, codes, formulas
from .test_i18n import placeholders

every_chapter = pytest.mark.parametrize("number", NUMBERS)
EXERCISES = [(n, e) for n in NUMBERS for e in course.load(n).exercises]
every_exercise = pytest.mark.parametrize(
    "exercise", [e for _, e in EXERCISES], ids=[f"{n}-{e.key}" for n, e in EXERCISES]
)
QUESTIONS = [(n, q) for n in NUMBERS for q in course.load(n).quiz]
every_question = pytest.mark.parametrize(
    "question", [q for _, q in QUESTIONS], ids=[f"{n}-{q.key}" for n, q in QUESTIONS]
)
CHINESE = re.compile("[一-鿿]")
HALF_WIDTH = re.compile(r"[一-鿿][,;:?!]|[,;?!][一-鿿]")


def double(x):
    return [2 * value for value in x]


TOY = Exercise(
    key="double",
    title=("Double", "加倍"),
    solution=double,
    cases=((([1.0, 2.0],), [2.0, 4.0]), (([0.0],), [0.0])),
    mistakes={"same": Mistake(lambda x: x, ("You left it.", "你没有改。"))},
    hint=("Twice.", "两倍。"),
)
TOY_QUESTION = Question(
    "q",
    ("$1 + 1$?", "$1 + 1$？"),
    (wrong("1", "1", "No.", "不。"), right("2", "2", "Yes.", "对。")),
)
TOY_CHAPTER = Chapter(number=3, minutes={}, exercises=(TOY,), quiz=(TOY_QUESTION,))


def desk(lang="en", progress=None):
    return Desk(TOY_CHAPTER, lang, progress or Progress())


# --- Every chapter's exercises ---


# The solution passes the cases, whose values were found another way.
@every_exercise
def test_solutions(exercise):
    assert check(exercise, exercise.solution).kind == "right"


# Each listed wrong answer is wrong, and is called by its own name and no other.
@every_exercise
def test_mistakes_are_named(exercise):
    assert len(exercise.mistakes) >= 2
    for key, mistake in exercise.mistakes.items():
        verdict = check(exercise, mistake.answer)
        assert (verdict.kind, verdict.says) == (key, mistake.says)


# A stub that nobody has touched is no mistake.
@every_exercise
def test_stubs(exercise):
    stub = (lambda *arguments: ...) if callable(exercise.solution) else ...
    assert check(exercise, stub).kind == "untouched"


# An exercise speaks both languages, with the same formulas and code, and never tells its solution
# before the learner asks.
@every_exercise
def test_exercise_texts(exercise):
    says = [exercise.title, exercise.hint, *(m.says for m in exercise.mistakes.values())]
    for pair in [*says, *([exercise.why] if any(exercise.why) else [])]:
        check_pair(pair)
    if callable(exercise.solution):
        body = inspect.getsource(exercise.solution).partition("return ")[2].strip()
        assert not any(body in text for pair in says for text in pair)


def check_pair(pair):
    english, chinese = pair
    assert english
    assert chinese
    assert not CHINESE.search(english)
    assert sorted(formulas(english)) == sorted(formulas(chinese)), pair
    assert sorted(codes(english)) == sorted(codes(chinese)), pair
    assert not HALF_WIDTH.search(re.sub(r"\$[^$]+\$|`[^`]+`", "", chinese)), chinese
    for text in pair:
        assert "$" not in markup.to_html(text)
        assert "$" not in markup.to_text(text)


# --- Every chapter's quiz ---


# A question has three or four options, one of them right; each is explained in both languages.
@every_question
def test_questions(question):
    assert 3 <= len(question.options) <= 4
    assert [option.right for option in question.options].count(True) == 1
    check_pair(question.asks)
    for option in question.options:
        check_pair(option.why)
        english, chinese = option.says
        assert english
        assert chinese
        assert sorted(formulas(english)) == sorted(formulas(chinese))
    assert len({option.says for option in question.options}) == len(question.options)
    assert len({option.why for option in question.options}) == len(question.options)


# There are four questions or more, and the right answers do not stand in one place; from chapter 2
# on there are two exercises or more.
@every_chapter
def test_enough(number):
    chapter = course.load(number)
    assert len(chapter.quiz) >= 4
    places = {[o.right for o in q.options].index(True) for q in chapter.quiz}
    assert len(places) > 1
    if number >= 2:
        assert len(chapter.exercises) >= 2


# Names are unique, a chapter's file has its number and slug, and its texts exist twice.
@every_chapter
def test_chapter(number):
    chapter = course.load(number)
    assert chapter.number == number
    file = ROOT / "fedlearn_edu/course/chapters" / f"ch{number:02d}_{chapter.entry.slug}.py"
    assert file.is_file()
    for items in (chapter.exercises, chapter.quiz):
        keys = [item.key for item in items]
        assert len(keys) == len(set(keys))
    for english, chinese in chapter.strings.values():
        assert english
        assert chinese
        assert placeholders(english) == placeholders(chinese)
        assert not CHINESE.search(english)
    for lang in LANGUAGES:
        assert repr(course.chapter(number, lang)).endswith(chapter.entry.title(lang))


# What is not there is named, with what there is.
def test_unknown_names():
    with pytest.raises(ValueError, match="no chapter 99; there are"):
        course.load(99)
    with pytest.raises(ValueError, match="chapter 3 has no exercise 'x'; there are: double"):
        desk().exercise("x", ...)
    with pytest.raises(ValueError, match="lang is 'fr'"):
        course.chapter(3, "fr")
    with pytest.raises(ValueError, match="no preset 'nowhere'"):
        desk().lab("aggregation", preset="nowhere")


# --- The checker ---


# What is seen of an answer that makes no known mistake is said, with the case.
@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (lambda x: None, "nothing", "For [1.0, 2.0] your function returned nothing"),
        (lambda x: x[5], "raised", "stopped with IndexError: list index out of range"),
        (lambda x: [[2.0, 4.0]], "shape", "has shape (1, 2); expected (2,)"),
        (lambda x: [2.0, 5.0], "differs", "you get [2.0, 5.0]; expected [2.0, 4.0]"),
        (lambda x: "2, 4", "differs", "you get '2, 4'; expected [2.0, 4.0]"),
        (lambda x: x, "same", "Not yet. You left it."),
    ],
)
def test_verdicts(answer, kind, says):
    assert check(TOY, answer).kind == kind
    assert says in repr(desk().exercise("double", answer))


# A right answer that spoils what it was given is told so, and does not count.
def test_spoiled_input():
    def spoiling(x):
        x[:] = [2 * value for value in x]
        return list(x)

    assert check(TOY, spoiling).kind == "changed"
    progress = Progress()
    desk(progress=progress).exercise("double", spoiling)
    assert progress.done(3, "exercises") == set()


# Arrays, tuples, integers and rounding do not make a right answer wrong.
@pytest.mark.parametrize(
    "answer",
    [
        lambda x: 2 * np.array(x),
        lambda x: tuple(int(2 * v) for v in x),
        lambda x: [2 * v * (1 + 1e-9) for v in x],
    ],
)
def test_tolerance(answer):
    assert check(TOY, answer).right


# An answer can be a value; a wrong one is quoted without the right one.
def test_values():
    inverse = Mistake(4, ("Inverse.", "反了。"))
    exercise = Exercise(
        "v", ("V", "值"), 0.25, (((), 0.25),), {"inverse": inverse}, ("Hint", "提示")
    )  # fmt: skip
    chapter = Chapter(number=3, minutes={}, exercises=(exercise,))
    said = {
        value: repr(Desk(chapter, "en", Progress()).exercise("v", value))
        for value in (0.25, 4, 3, ..., "x")
    }
    assert said[0.25].startswith("✓")
    assert "Inverse." in said[4]
    assert "3 is not it" in said[3]
    assert "0.25" not in said[3]
    assert said[...].startswith("…")
    assert "not it" in said["x"]
    assert source_of(0.25) == "0.25"


# A verdict shows the hint and the solution folded, in its language, and no hint once it is right.
def test_verdict_markup():
    for lang, hint, solution in (("en", "Hint", "Solution"), ("zh", "提示", "答案")):
        wrong_one = desk(lang).exercise("double", lambda x: x)._repr_html_()
        assert f"<summary>{hint}</summary>" in wrong_one
        assert f"<summary>{solution}</summary>" in wrong_one
        assert "return [2 * value for value in x]" in wrong_one
        assert "<details open" not in wrong_one
        assert (
            f"<summary>{hint}</summary>" not in desk(lang).exercise("double", double)._repr_html_()
        )


# What a learner's code prints or is called cannot become markup.
def test_nothing_of_the_learner_becomes_markup():
    def evil(x):
        raise ValueError("<script>alert(1)</script>")

    assert "<script" not in desk().exercise("double", evil)._repr_html_()
    assert "<script" not in desk().exercise("double", lambda x: "<script>")._repr_html_()


# A long value is cut, numbers are rounded.
def test_quoted():
    assert len(quoted(list(range(1000)))) <= 200
    assert quoted(np.array([1 / 3])) == "[0.333333]"
    assert quoted(True) == "True"


# --- Progress ---


# A right answer is noted in the file and found again by the next session; a wrong one is not.
def test_progress_is_kept(tmp_path):
    path = tmp_path / "deep" / "progress.json"
    session = desk(progress=Progress(path))
    session.exercise("double", lambda x: x)
    assert not path.exists()
    session.exercise("double", double)
    assert Progress(path).done(3, "exercises") == {"double"}
    assert json.loads(path.read_text(encoding="utf-8"))["format"] == 1
    assert [file.name for file in path.parent.iterdir()] == ["progress.json"]
    assert "✓" in desk(progress=Progress(path)).progress()._repr_html_()


# Two notebooks that are open at the same time do not forget each other's progress.
def test_two_notebooks(tmp_path):
    path = tmp_path / "p.json"
    one, two = Progress(path), Progress(path)
    one.record(3, "exercises", "a")
    two.record(4, "quiz", "b")
    one.record(3, "quiz", "c")
    last = Progress(path)
    assert last.done(3, "exercises") == {"a"}
    assert last.done(4, "quiz") == {"b"}
    assert last.done(3, "quiz") == {"c"}


# What another version of the course has noted is kept, though this one does not know it.
def test_unknown_entries_survive(tmp_path):
    path = tmp_path / "p.json"
    old = {"format": 1, "name": "x", "chapters": {"77": {"exercises": {"gone": "d"}, "films": [1]}}}
    path.write_text(json.dumps(old), encoding="utf-8")
    Progress(path).record(3, "quiz", "q")
    new = json.loads(path.read_text(encoding="utf-8"))
    assert new["chapters"].pop("3")["quiz"].keys() == {"q"}
    assert new == old


# A file that is broken or newer is named and left as it is, and the session goes on in memory.
@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("{", "broken"),
        ("[]", "broken"),
        ('{"format": "1"}', "broken"),
        ('{"format": 1, "chapters": {"3": []}}', "broken"),
        ('{"format": 1}', "broken"),
        ('{"format": 2, "chapters": {}}', "newer"),
    ],
)
def test_strange_files_are_left_alone(tmp_path, text, trouble):
    path = tmp_path / "p.json"
    path.write_text(text, encoding="utf-8")
    progress = Progress(path)
    assert progress.trouble == trouble
    progress.record(3, "exercises", "double")
    assert path.read_text(encoding="utf-8") == text
    assert progress.done(3, "exercises") == {"double"}
    for lang in LANGUAGES:
        assert str(path) in desk(lang, progress).progress()._repr_html_()


# Where the file cannot be written the session goes on in memory and says so.
@pytest.mark.skipif(os.name == "nt", reason="folders' modes are POSIX")
def test_unwritable_folder(tmp_path):
    folder = tmp_path / "file-in-the-way"
    folder.write_text("", encoding="utf-8")
    progress = Progress(folder / "p.json")
    progress.record(3, "exercises", "double")
    assert progress.done(3, "exercises") == {"double"}
    assert progress.trouble in ("unwritable", "broken")
    assert stat.S_ISREG(folder.stat().st_mode)


# The file lies where the platform keeps such things; Voilà, or an empty variable, keeps none.
@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"HOME": "/h"}, "linux", "/h/.local/share/fedlearn_edu/progress.json"),
        ({"HOME": "/h", "XDG_DATA_HOME": "/d"}, "linux", "/d/fedlearn_edu/progress.json"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Application Support/fedlearn_edu/progress.json"),
        ({"HOME": "/h", "LOCALAPPDATA": "/l"}, "win32", "/l/fedlearn_edu/progress.json"),
        ({"HOME": "/h", "FEDLEARN_PROGRESS": "/p.json"}, "linux", "/p.json"),
        ({"FEDLEARN_PROGRESS": ""}, "linux", None),
        ({"FEDLEARN_PROGRESS": "/p.json", "SERVER_SOFTWARE": "voila/0.5"}, "linux", None),
    ],
)
def test_where_progress_is_kept(environment, platform, expected):
    path = default_path(environment, platform)
    assert (None if path is None else path.as_posix()) == expected


# Only exercises and quizzes are counted.
def test_kinds():
    with pytest.raises(ValueError, match="kind is 'films'"):
        Progress().record(3, "films", "x")


# --- The quiz ---


# A right answer that a browser reports is noted; anything else that it sends is not heard.
def test_quiz_messages():
    progress = Progress()
    quiz = desk(progress=progress).quiz()
    nonsense = [None, [], {}, {"kind": "answered"}, {"kind": "answered", "question": True},
                {"kind": "answered", "question": 0, "option": 0},
                {"kind": "answered", "question": 0, "option": 9},
                {"kind": "answered", "question": -1, "option": 1},
                {"kind": "answered", "question": 0, "option": "1"},
                {"kind": "nonsense", "question": 0, "option": 1}]  # fmt: skip
    for content in nonsense:
        quiz._receive(quiz, content, [])
    assert progress.done(3, "quiz") == set()
    quiz._receive(quiz, {"kind": "answered", "question": 0, "option": 1}, [])
    assert progress.done(3, "quiz") == {"q"}
    before = quiz.page
    quiz.set_state({"page": {}})
    assert quiz.page == before
    assert desk(progress=progress).quiz().page["questions"][0]["done"]


# Where no widget runs, a quiz is its questions in words, and folded answers; the same each time.
def test_quiz_without_widgets():
    for lang, word in (("en", "right"), ("zh", "正确")):
        data, _ = desk(lang).quiz()._repr_mimebundle_()
        again, _ = desk(lang).quiz()._repr_mimebundle_()
        assert data["text/html"] == again["text/html"]
        assert data["text/plain"] == "1. 1 + 1?\n   ( ) 1\n   ( ) 2".replace(
            "?", "？" if lang == "zh" else "?"
        )
        assert data["text/html"].count("<details>") == 2
        assert "<math" in data["text/html"]
        assert desk(lang).quiz().page["text"]["is_right"] == word


# --- The little markup ---


# Formulas become MathML, marks become tags, and everything else is text.
def test_markup():
    assert markup.to_html("a\nb <i> & `x<y`") == "a<br>b &lt;i&gt; &amp; <code>x&lt;y</code>"
    assert "<mi>N</mi>" in markup.to_html("$N$ of *them*")
    assert "<em>them</em>" in markup.to_html("$N$ of *them*")
    assert markup.to_html("2 * 3 * 4") == "2 * 3 * 4"


# --- Texts ---


# Every text of the course's own is used, and there is no other.
def test_no_text_is_unused():
    used = set()
    for name in ("widgets", "described"):
        source = (ROOT / f"fedlearn_edu/course/{name}.py").read_text(encoding="utf-8")
        used |= set(re.findall(r"[\"'](\w+)[\"']", source))
    checking = (ROOT / "fedlearn_edu/course/checking.py").read_text(encoding="utf-8")
    used |= set(re.findall(r'Verdict\("(\w+)"', checking))
    used |= {"missing_core", "missing_torch", "missing_keras"}
    used |= {f"trouble_{kind}" for kind in ("broken", "newer", "unwritable")}
    assert set(STRINGS) <= used


# The quiz wears the colours of the labs.
def test_quiz_colors():
    figures = pytest.importorskip("fedlearn_edu.figures")
    css = (ROOT / "fedlearn_edu/course/quiz.css").read_text(encoding="utf-8")
    for selector, palette in ((".fl-quiz", figures.LIGHT), (".fl-quiz.fl-dark", figures.DARK)):
        block = re.search(re.escape(selector) + r" {(.*?)}", css, re.DOTALL)[1]
        colors = dict(re.findall(r"--fl-([\w-]+): (#\w+);", block))
        assert len(colors) > 5
        assert colors.items() <= palette.items()


# A lab in a chapter opens on its preset, with what differs from it, and speaks its language.
def test_labs():
    lab = desk("zh").lab("aggregation", preset="loud", hide=["participants"], reach=20)
    assert (lab.state.weighting, lab.state.participants, lab.state.reach) == ("equal", 4, 20)
    assert lab.lang == "zh"
    assert lab.hidden == {"participants"}


# A table of results comes as rows with its own columns; for another name, those that there are.
def test_results():
    assert set(course.results("stragglers")[0]) >= {"stragglers", "algorithm", "accuracy"}
    with pytest.raises(ValueError, match="no table 'nothing'; there are drift, fraction"):
        course.results("nothing")


# The check of the installation names what is there with its version, and what is not.
def test_installation(monkeypatch):
    from fedlearn_edu.course import widgets

    monkeypatch.setattr(widgets, "NEEDED", {"numpy": "core", "no-such-thing": "torch"})
    assert f"✓ numpy {np.__version__}" in repr(desk().installation())
    assert "○ no-such-thing: not installed; only chapter 6" in repr(desk().installation())
    assert "只有第 6 章需要它" in desk("zh").installation()._repr_html_()


# Where Keras or its backend is missing, a chapter says so in one sentence and goes on.
@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_keras(lang, capsys):
    assert desk(lang).keras("no_such_backend") is None
    said = capsys.readouterr().out
    assert "no_such_backend" in said
    assert said.count("\n") == 1
    assert ("没有安装" if lang == "zh" else "Not installed") in said


# Keras comes on the backend that was asked for, leaves no file in the learner's home and no
# variable in the environment; a second backend in the same kernel is refused.
def test_keras(tmp_path):
    if absent():
        pytest.skip(f"not installed: {absent()}")
    code = """
import os
before = dict(os.environ)
from fedlearn_edu.course.keras import load
keras = load()
assert keras.backend.backend() == "torch" and load() is keras
assert dict(os.environ) == before
try:
    load("jax")
except RuntimeError as error:
    print(error)
"""
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    for name in ("KERAS_BACKEND", "KERAS_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "runs on torch in this kernel already" in done.stdout
    assert not (tmp_path / ".keras").exists()


# Chapter 0 shows all chapters; the others show what of themselves is done.
def test_progress_views(tmp_path):
    progress = Progress(tmp_path / "p.json")
    for lang in LANGUAGES:
        start = Desk(Chapter(number=0, minutes={}), lang, progress).progress()
        for entry in course.CONTENTS[1:]:
            assert entry.title(lang) in start._repr_html_()
        assert desk(lang, progress).progress()._repr_html_().count("○") == 2
        assert repr(start) == repr(start)
