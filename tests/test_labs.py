"""Laws that every lab obeys; a new lab is tested by being there."""

import ast
import contextlib
import csv
import dataclasses
import inspect
import io
import json
import math
import re
import string
import sys
import warnings
from functools import cache

import numpy as np
import pytest

from fedlearn_edu import labs
from fedlearn_edu.i18n import LANGUAGES
from fedlearn_edu.labs.controls import clean
from fedlearn_edu.labs.shell import LabWidget
from fedlearn_edu.scene import PARTICIPANT_COLORS, Headline, Scene, pack
from fedlearn_edu.strings import shell

from .labkit import NAMES, corner_states, largest_state, random_state

RUNS = 200
LONG_RUNS = 15  # of a lab whose computations are long
DRAFT_BYTES = 20_000
every_lab = pytest.mark.parametrize("name", NAMES)


class Recorder:
    """A translator that remembers what it was asked."""

    def __init__(self, translator):
        self.translator, self.keys = translator, set()

    def __call__(self, key, **values):
        self.keys.add(key)
        return self.translator(key, **values)

    def __contains__(self, key):
        return key in self.translator


@cache
def runs(name):
    """Draw the presets, the corners and many random states; every warning is an error."""
    lab = labs.load(name)
    states = [lab.preset(preset) for preset in lab.presets]
    states += [
        lab.state(),
        largest_state(lab),
        *corner_states(lab),
        *(random_state(lab, k) for k in range(LONG_RUNS if lab.grow else RUNS)),
    ]
    recorders = [Recorder(lab.translator(lang)) for lang in LANGUAGES]
    done, kept = [], ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k, state in enumerate(states):
            result = lab.compute(state)
            scene = lab.draw(result, recorders[k % 2], kept if k % 5 == 0 else ())
            done.append((state, result, scene, LANGUAGES[k % 2]))
            kept = (("kept", result),) if lab.keeps else ()
    return done, recorders[0].keys | recorders[1].keys


def texts(value):
    """All strings in a scene."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from texts(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in (
                "colors",
                "color",
                "tones",
                "tone",
                "key",
                "reveal",
                "shape",
                "scale",
                "align",
                "press",
                "rim",
            ):
                yield from texts(getattr(value, field.name))


# Any state that a learner can reach is computed and drawn without a warning, and can be sent.
@every_lab
def test_draws_any_state(name):
    for _, _, scene, _ in runs(name)[0]:
        assert isinstance(scene, Scene)
        spec, data = pack(scene)
        json.dumps(spec, allow_nan=False)
        assert len(data) % 4 == 0


# No text that is shown says nan, inf or None, or is left with a placeholder.
@every_lab
def test_no_raw_values_in_texts(name):
    for state, _, scene, _ in runs(name)[0]:
        for text in texts(scene):
            assert not re.search(r"\b(nan|inf|None)\b", text), (state, text)
            assert not re.search(r"\{(?!frame\})", text), (state, text)


# The picture has a headline, and a notice that says what to see and what to try.
@every_lab
def test_parts_of_a_scene(name):
    for state, _, scene, _ in runs(name)[0]:
        assert any(isinstance(card, Headline) for card in scene.cards), state
        assert 1 <= len(scene.notice) <= 3, state
        assert all(scene.notice), state
        assert scene.frames >= 1
        assert -1 <= scene.start < scene.frames
        assert len(scene.names) in (0, scene.frames), state


# Colours are names that the theme knows; no lab uses a colour's value.
@every_lab
def test_colors_are_names(name):
    figures = pytest.importorskip("fedlearn_edu.figures")
    used = set()

    def walk(value):
        if isinstance(value, (tuple, list)):
            for item in value:
                walk(item)
        elif dataclasses.is_dataclass(value):
            used.update(getattr(value, "colors", ()))
            used.add(getattr(value, "color", ""))
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name))

    for _, _, scene, _ in runs(name)[0]:
        walk(scene)
    assert used - {""} <= set(figures.LIGHT)


# What grows can be drawn at every stage, and ends as what is computed at once.
@pytest.mark.parametrize("name", [name for name in NAMES if labs.load(name).grow])
def test_growth_ends_as_compute(name):
    lab, frames = labs.load(name), []
    for result in lab.grow(lab.state()):
        scene = lab.draw(result, lab.translator("en"), ())
        pack(scene)
        frames.append(scene.frames)
    assert frames == sorted(frames)
    assert scene.expected in (0, frames[-1])
    assert lab.table(result) == lab.table(lab.compute(lab.state()))


# The same state gives the same picture and the same numbers, whatever was computed in between.
@every_lab
def test_deterministic(name):
    lab = labs.load(name)
    t = lab.translator("en")
    for state, result, _, _ in runs(name)[0][::20]:
        np.random.default_rng().random()
        again = lab.compute(dataclasses.replace(state))
        assert pack(lab.draw(again, t, ())) == pack(lab.draw(result, t, ()))
        assert repr(lab.table(again)) == repr(lab.table(result))


# While a hand moves a control, the answer stays small enough to follow it, at the largest state.
@every_lab
def test_drafts_are_small(name):
    lab = labs.load(name)
    for lang in LANGUAGES:
        scene = lab.draw(lab.compute(largest_state(lab)), lab.translator(lang), ())
        spec, data = pack(scene, frame=0)
        words = len(json.dumps(spec, ensure_ascii=False).encode())
        assert words + len(data) <= DRAFT_BYTES, (lang, words, len(data))


# States can be hashed, compared and frozen, and the default is one that the controls can have.
@every_lab
def test_states(name):
    lab = labs.load(name)
    assert hash(lab.state()) == hash(lab.state())
    assert clean(lab.by_key, lab.state(), {}) == (lab.state(), [], [])
    assert {field.name for field in dataclasses.fields(lab.state)} == set(lab.by_key)
    with pytest.raises(dataclasses.FrozenInstanceError):
        lab.state().anything = 1


# A preset is a state that the controls can have: cleaning leaves it as it is.
@every_lab
def test_presets(name):
    lab = labs.load(name)
    assert 3 <= len(lab.presets) <= 6
    states = [lab.preset(preset) for preset in lab.presets]
    assert len(set(states)) == len(states)
    for state in states:
        raw = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
        assert clean(lab.by_key, lab.state(), raw) == (state, [], [])
    with pytest.raises(ValueError, match="no preset 'nowhere'; there are"):
        lab.preset("nowhere")


def run_code(code):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, "snippet", "exec"), {"__name__": "snippet"})
    return printed.getvalue()


NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\binf\b|\bnan\b)")


# The code for a state runs as it stands and prints numbers: finite ones wherever the lab's are.
@every_lab
def test_code_runs(name):
    lab = labs.load(name)
    for state, result, _, _ in runs(name)[0][:12]:
        code = lab.code(state)
        assert "import fedlearn_edu as fl" in code
        numbers = [float(text) for text in NUMBER.findall(run_code(code))]
        assert numbers
        cells = [c for row in lab.table(result)[1] for c in row if not isinstance(c, str)]
        if np.isfinite(np.array(cells, dtype=float)).all():
            assert all(map(math.isfinite, numbers))


# The numbers file can be read back, row by row, as the numbers that the lab holds.
@every_lab
def test_csv(name):
    lab = labs.load(name)
    for preset in lab.presets:
        widget = LabWidget(lab, values=lab.presets[preset])
        header, *rows = csv.reader(io.StringIO(widget.csv(), newline=""))
        names, expected = lab.table(widget.result(widget.state))
        assert tuple(header) == tuple(names)
        assert len(set(header)) == len(header)
        assert len(rows) == len(expected)
        for row, values in zip(rows, expected, strict=True):
            assert len(row) == len(header)
            for cell, value in zip(row, values, strict=True):
                same = cell == value if isinstance(value, str) else float(cell) == value
                assert same or math.isnan(value)


# A file of the default state's numbers holds finite numbers only.
@every_lab
def test_csv_is_finite(name):
    lab = labs.load(name)
    _, rows = lab.table(lab.compute(lab.state()))
    cells = [cell for row in rows for cell in row if not isinstance(cell, str)]
    assert cells
    assert np.isfinite(np.array(cells, dtype=float)).all()


# Names and order: a lab is found under its file's name, and no two stand in the same place.
def test_names():
    loaded = [labs.load(name) for name in NAMES]
    assert [lab.name for lab in loaded] == list(NAMES)
    assert [lab.order for lab in loaded] == sorted({lab.order for lab in loaded})
    assert all(1 <= lab.minutes <= 60 for lab in loaded)
    with pytest.raises(ValueError, match=r"no lab 'nowhere'; there are .*convergence"):
        labs.load("nowhere")
    with pytest.raises(ValueError, match="no lab 'shell'"):
        labs.load("shell")
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        labs.nowhere  # noqa: B018


# A lab's thin page is a notebook that shows it, and `show` takes a state.
@every_lab
def test_thin_page(name):
    page = labs.notebook(name)
    (cell,) = page["cells"]
    space = {}
    exec(cell["source"].replace(f'show("{name}")', f'widget = show("{name}", lang="zh")'), space)
    assert space["widget"].lab is labs.load(name)
    assert space["widget"].page["lang"] == "zh"
    assert re.fullmatch(r"[a-z0-9-]{1,64}", cell["id"])
    assert (page["nbformat"], page["nbformat_minor"]) == (4, 5)


# Words.


def placeholders(text):
    return sorted(part for _, part, _, _ in string.Formatter().parse(text) if part is not None)


# Every text stands in both languages, with the same placeholders; no Chinese in the English.
@every_lab
def test_both_languages(name):
    for key, (english, chinese) in labs.load(name).strings.items():
        assert english or chinese, key
        assert set(placeholders(english)) == set(placeholders(chinese)), key
        assert not re.search("[一-鿿，。：；！？（）]", english), key


# The Chinese uses Chinese punctuation between Chinese characters.
@every_lab
def test_chinese_punctuation(name):
    for key, (_, chinese) in labs.load(name).strings.items():
        assert not re.search(r"[一-鿿][,;:!?()]|[,;:!?()][一-鿿]", chinese), (key, chinese)


# A lab's own text never redefines one of the shell's.
@every_lab
def test_own_keys(name):
    assert not set(labs.load(name).strings) & set(shell.STRINGS)


def static_keys(lab):
    """The keys that the shell asks for, and the hints, which may be missing."""
    keys = {"title", "summary", *(f"preset_{preset}" for preset in lab.presets)}
    keys |= {f"g_{group.key}" for group in lab.controls}
    for key, control in lab.by_key.items():
        keys |= {f"c_{key}", *(f"{key}_{option}" for option in getattr(control, "options", ()))}
    return keys


# Every text that a lab's page asks for is there.
@every_lab
def test_no_missing_key(name):
    lab = labs.load(name)
    t = lab.translator("en")
    assert [key for key in sorted(static_keys(lab)) if key not in t] == []


# Every text is used: asked for by the page or a drawing, or named in the lab's code.
@every_lab
def test_no_unused_key(name):
    lab = labs.load(name)
    used = static_keys(lab) | {f"h_{key}" for key in lab.by_key} | runs(name)[1]
    used |= {node.value for node in literals(name)}
    built = [pattern for pattern in patterns(name) if pattern != ".+"]
    unused = set(lab.strings) - used
    assert sorted(key for key in unused if not any(re.fullmatch(p, key) for p in built)) == []


def patterns(name):
    """The keys that a lab's file puts together from parts, as regular expressions."""
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.JoinedStr):
            parts = (
                re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in node.values
            )
            yield "".join(parts)
        if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
            yield re.escape(str(node.left.value)) + ".+"


def tree_of(name):
    return ast.parse(inspect.getsource(sys.modules[f"fedlearn_edu.labs.{name}"]))


def literals(name):
    """The string constants of a lab's file, but for STRINGS, docstrings, code() and table()."""
    tree = tree_of(name)
    skipped = set()
    for node in ast.walk(tree):
        documented = isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
        if documented and ast.get_docstring(node) is not None:
            skipped.add(node.body[0])
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "STRINGS" for t in node.targets
        ):
            skipped.add(node)
        if isinstance(node, ast.FunctionDef) and {"code", "table"} & set(node.name.split("_")):
            skipped.add(node)

    def walk(node):
        if node in skipped:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return list(walk(tree))


# No text for a reader stands outside STRINGS: no Chinese, and no two words in a row.
@every_lab
def test_no_raw_text(name):
    def is_text(value):
        return re.search("[一-鿿]", value) or re.search(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}", value)

    allowed = {"one step"}  # what regime() returns
    found = [(n.lineno, n.value) for n in literals(name) if is_text(n.value)]
    assert [(line, value) for line, value in found if value not in allowed] == []


# A Chinese picture holds no English word but those that its Chinese texts use.
@every_lab
def test_chinese_pictures_are_chinese(name):
    lab = labs.load(name)
    chinese = " ".join(pair[1] for pair in (*lab.strings.values(), *shell.STRINGS.values()))
    known = set(re.findall(r"[A-Za-z]{3,}", chinese)) | {"kept"}
    for _, _, scene, lang in runs(name)[0]:
        if lang == "zh":
            words = {w for text in texts(scene) for w in re.findall(r"[A-Za-z]{3,}", text)}
            assert words <= known


# Beyond the palette, participants are told apart by their numbers: every one is named, unless the
# lab gives participants no colours at all.
@every_lab
def test_participants_have_numbers(name):
    lab = labs.load(name)
    if "participants" not in lab.by_key:
        pytest.skip("this lab's participants are fixed")
    state = largest_state(lab)
    assert state.participants == lab.by_key["participants"].high
    scene = lab.draw(lab.compute(state), lab.translator("en"), ())
    if '"many"' not in json.dumps(pack(scene)[0]):
        pytest.skip("this lab's participants have no colours of their own")
    shown = set(texts(scene))
    for number in range(1, min(state.participants, PARTICIPANT_COLORS + 4) + 1):
        assert any(re.search(rf"(?<!\d){number}(?!\d)", text) for text in shown)
