"""Laws of the widget, without a browser: every message is answered, and none can break a lab."""

import asyncio
import base64
import csv
import dataclasses
import io
import json
import logging
import math
import struct
import sys
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedlearn_edu import labs
from fedlearn_edu.labs import shell
from fedlearn_edu.labs.controls import Paint, Series, from_query
from fedlearn_edu.labs.shell import LabWidget
from fedlearn_edu.scene import Axis, Chart, Scene, pack

from .labkit import JUNK, NAMES, Browser, allowed

every_lab = pytest.mark.parametrize("name", NAMES)
KINDS = ["set", "preset", "reset", "link", "lang", "keep", "forget", "code", "file"]


@pytest.fixture
def client():
    return Browser("convergence")


def sendable(widget):
    """What a browser was sent can be written as JSON, bytes apart."""
    scene = {key: value for key, value in widget.scene.items() if key != "data"}
    assert isinstance(widget.scene["data"], bytes)
    return json.dumps([scene, widget.page], allow_nan=False).encode()


# A new lab holds its default state, says so to the browser, and can be sent.
@every_lab
def test_opens(name):
    widget = LabWidget(labs.load(name))
    assert widget.state == widget.lab.state()
    assert (widget.scene["query"], widget.scene["kept"], widget.scene["say"]) == ("", [], [])
    assert widget.page["lang"] == widget.page["html_lang"] == "en"
    assert widget.scene["data"] == pack(widget.drawn())[1]
    assert sendable(widget)


# The page names every control once, in the lab's order, with all that the browser needs of it.
@every_lab
def test_page_describes_the_controls(name):
    widget = LabWidget(labs.load(name), lang="zh")
    controls = [c for group in widget.page["groups"] for c in group["controls"]]
    assert [c["key"] for c in controls] == list(widget.lab.by_key)
    assert all(c["label"] for c in controls)
    for spec, control in zip(controls, widget.lab.by_key.values(), strict=True):
        assert spec["kind"] == type(control).__name__
        assert [option for option, _ in spec.get("options", [])] == list(
            getattr(control, "options", ())
        )
    assert widget.page["html_lang"] == "zh-CN"


# What is shown of a table is filled to its full size.
@every_lab
def test_tables_are_shown_full(name):
    widget = LabWidget(labs.load(name))
    for key, control in widget.lab.by_key.items():
        if isinstance(control, Series):
            rows, columns = control.shape(widget.state)
            assert [len(row) for row in widget.scene["values"][key]] == [columns] * rows
        elif isinstance(control, Paint):
            assert widget.scene["values"][key] == len(getattr(widget.state, key))
        else:
            assert widget.scene["values"][key] == getattr(widget.state, key)


# Python may open a lab on any state, with controls hidden; a value that is not allowed is refused
# by name, and so is a language.
def test_values_given_in_python():
    widget = labs.show("convergence", alpha=0.3, weighting="hand", participants=3)
    assert (widget.state.alpha, widget.state.weighting, widget.state.participants) == (
        0.3,
        "hand",
        3,
    )
    lab = labs.load("convergence")
    assert LabWidget(lab, hide=("seed",)).scene["hidden"] == ["seed"]
    for wrong in ({"alpha": 99}, {"weighting": "best"}, {"participants": "?"}, {"sigma": 1}):
        with pytest.raises(
            ValueError, match=f"'convergence' cannot take {next(iter(wrong))} as given"
        ):
            LabWidget(lab, values=wrong)
    with pytest.raises(ValueError, match="cannot take nothing"):
        LabWidget(lab, hide=("nothing",))
    with pytest.raises(ValueError, match="lang is 'fr'"):
        LabWidget(lab, lang="fr")


# A control that is moved changes the state, the picture and the link.
def test_set(client):
    before = client.widget.scene["data"]
    scene = client.ask("set", values={"alpha": 0.3, "participants": 4})
    assert (client.widget.state.alpha, client.widget.state.participants) == (0.3, 4)
    assert scene["query"] == "participants=4&alpha=0.3"
    assert scene["data"] != before
    assert (scene["draft"], scene["fresh"], scene["say"]) == (False, False, [])


# While the hand moves, the answer is a draft of the one frame shown; then the whole comes.
def test_drafts(client):
    draft = client.ask("set", values={"alpha": 0.3}, draft=True, frame=5)
    assert draft["draft"] is True
    whole = client.ask("set", values={}, draft=False, frame=5)
    assert whole["draft"] is False
    assert len(draft["data"]) < len(whole["data"]) / 2
    for frame in (None, "x", float("nan"), [1], True):
        assert client.ask("set", values={}, draft=True, frame=frame)["draft"] is False
    assert client.ask("set", values={}, draft=True, frame=1e300)["draft"] is True


# A value that is not allowed is changed to one that is, and the learner is told, in words.
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_says_what_it_changed(lang):
    client = Browser("convergence", lang=lang)
    t = client.widget.t
    values = {"alpha": 99, "weighting": "?", "optima": "x", "unscale": 3, "sigma": 1}
    said = client.ask("set", values=values)["say"]
    assert t("unknown", name="sigma") in said
    assert t("changed", name=t("c_alpha"), value="2.5") in said
    assert len(said) == 4
    said = client.ask("set", values={"unscale": 3})["say"]
    assert said == [t("changed", name=t("c_unscale"), value=t("off"))]
    assert client.ask("set", values={})["say"] == []


# A preset sets its state and opens it afresh; the preset shown is the one whose state stands.
@every_lab
def test_presets(name):
    client = Browser(name)
    for preset in client.lab.presets:
        scene = client.ask("preset", name=preset)
        assert client.widget.state == client.lab.preset(preset)
        assert (scene["preset"], scene["fresh"]) == (preset, True)
    key = next(k for k, c in client.lab.by_key.items() if hasattr(c, "scale"))
    control = client.lab.by_key[key]
    now = getattr(client.widget.state, key)
    scene = client.ask("set", values={key: control.low if now != control.low else control.high})
    assert scene["preset"] != preset


# Reset brings back the default and forgets the kept runs.
def test_reset(client):
    client.ask("set", values={"alpha": 0.3})
    client.ask("keep")
    scene = client.ask("reset")
    assert client.widget.state == client.lab.state()
    assert (scene["query"], scene["kept"], scene["fresh"]) == ("", [], True)


# What a teacher hides keeps its value, whatever preset is chosen, and when the lab is reset.
def test_hidden_controls_survive(client):
    client.ask("link", query="seed=5&alpha=0.3&hide=seed,participants,nothing")
    assert client.widget.scene["hidden"] == ["participants", "seed"]
    for ask in (lambda: client.ask("preset", name="one_step"), lambda: client.ask("reset")):
        ask()
        assert client.widget.state.seed == 5
        assert client.widget.state.alpha != 0.3
        assert client.widget.scene["hidden"] == ["participants", "seed"]


# Undo: the link of an earlier state brings back that state, its kept runs and nothing else.
@every_lab
def test_undo_by_link(name):
    client = Browser(name)
    first, second = list(client.lab.presets)[-2:]
    client.ask("preset", name=first)
    if client.lab.keeps:
        client.ask("keep")
    before = client.widget.state, list(client.widget.kept), client.widget.scene["query"]
    client.ask("preset", name=second)
    assert client.widget.state != before[0]
    client.ask("link", query=before[2] + "&round=2")
    assert (client.widget.state, client.widget.kept, client.widget.scene["query"]) == before
    assert (client.widget.scene["start"], client.widget.scene["fresh"]) == (2, True)


# A whole link: state, kept runs, hidden controls, round and language come back together.
def test_link(client):
    query = "alpha=0.3&optima=;1,-2.5&keep=alpha%3D0.2%26seed%3D3&keep=&hide=wire&round=7&lang=zh"
    scene = client.ask("link", query=query, lang="zh")
    assert client.widget.state.optima == ((), (1, -2.5))
    assert [(s.alpha, s.seed) for s in client.widget.kept] == [(0.2, 3), (0.1, 47)]
    assert (scene["hidden"], scene["start"], client.widget.page["lang"]) == (["wire"], 7, "zh")
    assert scene["query"] == "optima=;1,-2.5&alpha=0.3&keep=alpha%3D0.2%26seed%3D3&keep="
    assert from_query(scene["query"], client.lab.by_key)[0]["alpha"] == "0.3"


# A link's unknown parameters are named, its nonsense is not taken, its kept runs are limited.
def test_wild_links(client):
    scene = client.ask(
        "link", query="sigma=1&alpha=nan&round=x&hide=&keep=q" + "&keep=seed%3D1" * 9
    )
    assert client.widget.state == client.lab.state()
    assert len(client.widget.kept) == client.lab.keeps
    assert scene["start"] is None
    assert len(scene["say"]) == 2
    assert client.ask("link", query="&".join(["a=1"] * 300))["kind"] == "error"
    assert client.widget.kept
    assert client.ask("link", query="%ff%00;;==&&" * 9)["fresh"] is True


# A run is kept once, up to the lab's number, and then the learner is told; it can be forgotten.
def test_keep_and_forget(client):
    for seed in range(1, 6):
        client.ask("set", values={"seed": seed})
        client.ask("keep")
        again = client.ask("keep")
    assert [state.seed for state in client.widget.kept] == [1, 2, 3, 4]
    assert again["say"] == [client.widget.t("keep_full")]
    assert client.ask("forget", index=1)["kept"] == client.widget._kept_labels()
    assert [state.seed for state in client.widget.kept] == [1, 3, 4]
    assert len(client.widget._results) <= 6


# Kept runs are named by what sets them apart: with the symbol, the option's or the switch's word.
def test_kept_labels(client):
    t = client.widget.t
    client.ask("set", values={"alpha": 0.3})
    assert client.ask("keep")["kept"] == [t("same_run")]
    assert client.ask("set", values={"alpha": 0.5})["kept"] == ["α = 0.3"]
    client.ask("reset")
    client.ask("keep")
    scene = client.ask("set", values={"unscale": True})
    assert scene["kept"] == [f"{t('c_unscale')}: {t('off')}"]
    scene = client.ask("set", values={"unscale": False, "wire": "int8"})
    assert scene["kept"] == [t("wire_float64")]
    scene = client.ask("set", values={"wire": "float64", "counts": [[3]]})
    assert scene["kept"] == ["nᵢ *"]


# The language changes every text and nothing of the state.
@every_lab
def test_language(name):
    client = Browser(name)
    client.ask("preset", name=list(client.lab.presets)[-1])
    before = client.widget.state, client.widget.scene["query"], client.widget.page["title"]
    scene = client.ask("lang", lang="zh")
    assert (client.widget.state, scene["query"]) == before[:2]
    assert client.widget.page["title"] == client.lab.title("zh") != before[2]
    client.ask("lang", lang="en")
    assert client.widget.page["title"] == before[2]


# The code that is sent is the code for the state that stands.
def test_code(client):
    client.ask("set", values={"seed": 11})
    assert client.ask("code")["text"] == client.lab.code(client.widget.state)


# Files: numbers that a spreadsheet reads as UTF-8, and pictures of the frame and theme shown.
@every_lab
def test_files(name):
    client = Browser(name)
    answer = client.ask("file", format="csv")
    (data,) = answer["buffers"]
    assert (answer["name"], answer["media"]) == (f"{name}.csv", "text/csv")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(client.lab.table(client.widget.result(client.widget.state))[1])
    png = client.ask("file", format="png", frame=0, dark=True)
    assert png["media"] == "image/png"
    assert png["buffers"][0][:8] == b"\x89PNG\r\n\x1a\n"


# Pictures show the frame that is asked for, and the first view where none is.
def test_pictures(client):
    first, last, none = (
        client.ask("file", format="svg", frame=frame)["buffers"][0] for frame in (0, 60, None)
    )
    assert first != last == none
    assert first.startswith(b"<?xml")


# A cell that holds a comma, a quote or a new line is quoted, and quotes in it are doubled.
def test_csv_quotes():
    widget = LabWidget(labs.load("convergence"))
    table = (('a"b', "c,d"), [("x\ny", 1.5)])
    widget.lab = dataclasses.replace(widget.lab, table=lambda result: table)
    text = widget.csv()
    assert text.endswith("\r\n")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [['a"b', "c,d"], ["x\ny", "1.5"]]


# What makes no sense is answered with an error in words, and changes nothing.
@pytest.mark.parametrize(
    "kind, payload",
    [
        ("nothing", {}),
        (None, {}),
        (["set"], {}),
        ({}, {}),
        ("set", {}),
        ("set", {"values": [1]}),
        ("preset", {"name": "nowhere"}),
        ("preset", {"name": ["unequal"]}),
        ("link", {"query": None}),
        ("link", {"query": b"alpha=1"}),
        ("lang", {"lang": "fr"}),
        ("lang", {"lang": ["zh"]}),
        ("forget", {"index": 1}),
        ("forget", {"index": -1}),
        ("forget", {"index": True}),
        ("forget", {"index": 0.0}),
        ("file", {"format": "exe"}),
        ("file", {"format": ["csv"]}),
        ("file", {}),
    ],
)
def test_nonsense(client, kind, payload):
    client.ask("set", values={"alpha": 0.3})
    client.ask("keep")
    before = client.widget.state, list(client.widget.kept), dict(client.widget.scene)
    answer = client.ask(kind, **payload)
    assert answer["kind"] == "error"
    assert answer["text"] == client.widget.t(
        "bad_message", reason=answer["text"].split(": ")[-1].rstrip(".")
    )
    assert (client.widget.state, client.widget.kept, client.widget.scene) == before


# A message that is no request at all is answered, too.
@pytest.mark.parametrize("content", [None, 3, "set", [], [1], {}, {"seq": "x", "kind": "x"}])
def test_no_request_at_all(client, content):
    client.raw(content)
    ((answer, _),) = client.sent
    assert (answer["kind"], answer["seq"]) == ("error", 0)


# Where a state cannot be computed, the learner is told, and the state before it stands.
def test_failures_are_told(client):
    client.ask("set", values={"alpha": 0.3})

    def fail(state):
        raise ZeroDivisionError("by nothing")

    before, whole = client.widget.state, client.widget.lab
    client.widget.lab = dataclasses.replace(whole, compute=fail)
    answer = client.ask("set", values={"alpha": 0.7, "sigma": 1})
    client.widget.lab = whole
    assert answer["kind"] == "error"
    assert answer["text"] == client.widget.t("failed", reason="ZeroDivisionError: by nothing")
    assert client.widget.state == before
    assert client.ask("set", values={"alpha": 0.5})["say"] == []


# Widget state that a browser sends is ignored: only messages change a lab.
def test_widget_state_is_ignored(client):
    before = client.widget.page, client.widget.scene, client.widget._esm
    update = {"state": {"page": {}, "scene": {"x": 1}, "_esm": "alert()"}, "buffer_paths": []}
    message = {"content": {"data": {"method": "update", **update}}, "buffers": []}
    client.widget._handle_msg(message)
    assert (client.widget.page, client.widget.scene, client.widget._esm) == before


MESSAGES = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS) | JUNK},
    optional={
        "seq": JUNK,
        "values": st.dictionaries(
            st.sampled_from(["alpha", "optima", "weights", "participants", "seed", "unscale", "x"]),
            JUNK | st.fixed_dictionaries({"row": st.integers(-1, 5), "set": JUNK}),
            max_size=3,
        )
        | JUNK,
        "draft": st.booleans() | JUNK,
        "frame": st.integers(-2, 70) | JUNK,
        "name": st.sampled_from(["unequal", "one_step"]) | JUNK,
        "query": st.text("abkeps=&;,.%20-9", max_size=40) | JUNK,
        "lang": st.sampled_from(["en", "zh"]) | JUNK,
        "index": st.integers(-1, 4) | JUNK,
        "format": st.just("csv") | JUNK,
    },
)
SHARED = {}


# Whatever is sent, in whatever order: one answer each, a valid state, and a lab that lives.
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MESSAGES | JUNK, min_size=1, max_size=4))
def test_fuzz(messages):
    client = SHARED.setdefault("client", Browser("convergence"))
    logging.disable(logging.ERROR)
    try:
        for content in messages:
            del client.sent[:]
            before = client.widget.scene
            client.raw(content)
            assert len(client.sent) + (client.widget.scene is not before) == 1
            assert all(isinstance(c["text"], str) for c, _ in client.sent if c["kind"] == "error")
            assert allowed(client.lab, client.widget.state)
            assert all(allowed(client.lab, state) for state in client.widget.kept)
        assert client.ask("reset")["query"].split("&keep")[0] == client.widget.query()
        assert sendable(client.widget)
    finally:
        logging.disable(logging.NOTSET)


# In Jupyter a lab carries a picture of itself, small, for readers where no widget runs.
@every_lab
def test_still_picture(name, monkeypatch):
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    data, _ = LabWidget(labs.load(name), lang="zh")._repr_mimebundle_()
    picture = base64.b64decode(data["image/png"])
    assert struct.unpack(">I", picture[16:20]) == (shell.STILL_WIDTH,)
    assert len(picture) < 120_000
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == f"<{labs.load(name).title('zh')}>"


# Under Voilà, where widgets run, there is no picture; nor without matplotlib.
def test_no_still_picture(client, monkeypatch):
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.11")
    assert "image/png" not in client.widget._repr_mimebundle_()[0]
    monkeypatch.setenv("SERVER_SOFTWARE", "jupyter")
    assert "image/png" in client.widget._repr_mimebundle_()[0]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    data, _ = client.widget._repr_mimebundle_()
    assert list(data) == ["text/plain", "application/vnd.jupyter.widget-view+json"]


@pytest.fixture
def clock(monkeypatch):
    """The labs' clock: time passes when a test says so."""
    made = SimpleNamespace(now=0.0)
    monkeypatch.setattr(shell, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def growing(client, clock, pace=0.0):
    """The convergence lab, computed in three results of 3, 30 and 60 rounds; each takes `pace`."""
    whole = client.lab
    started = []

    def grow(state):
        started.append(state)
        for rounds in (3, 30, 60):
            clock.now += pace
            result = whole.compute(state)
            short = dataclasses.replace(result.history, theta=result.history.theta[: rounds + 1])
            yield dataclasses.replace(result, history=short)

    def draw(result, t, kept):
        frames = len(result.history.theta)
        return Scene(Chart((), Axis(0, 1), Axis(0, 1)), frames=frames, expected=61)

    client.widget.lab = dataclasses.replace(whole, grow=grow, draw=draw)
    return started


async def until_done(widget):
    """Every scene that the widget sends until its computation is done."""
    seen, done = [], asyncio.Event()

    def look(change):
        seen.append(change.new)
        if not change.new["more"]:
            done.set()

    widget.observe(look, "scene")
    await asyncio.wait_for(done.wait(), 30)
    return seen


# A long computation is shown as it comes, at last whole, under the number of its request.
def test_growth(client, clock):
    growing(client, clock, pace=0.8 * shell.NEXT)

    async def talk():
        first = client.ask("set", values={"alpha": 0.3})
        assert (first["more"], first["spec"]["frames"]) == (True, 4)
        return first, await until_done(client.widget)

    first, later = asyncio.run(talk())
    assert [scene["spec"]["frames"] for scene in later] == [61, 61]
    assert {scene["seq"] for scene in later} == {first["seq"]}


# A newer request ends an older one's computation; a short one is shown whole at once; a file
# asked for on the way is that of the whole.
def test_growth_is_dropped_or_finished(client, clock, monkeypatch):
    started = growing(client, clock, pace=0.8 * shell.NEXT)

    async def talk():
        assert client.ask("set", values={"alpha": 0.3})["more"]
        assert client.ask("set", values={"alpha": 0.4})["more"]
        table = client.ask("file", format="csv")
        await until_done(client.widget)
        return table

    table = asyncio.run(talk())
    assert [state.alpha for state in started] == [0.3, 0.4]
    assert client.widget.scene["spec"]["frames"] == 61
    assert table["buffers"][0].decode("utf-8-sig") == client.widget.csv()
    growing(client, clock)
    monkeypatch.setattr(shell, "FIRST", math.inf)

    async def short():
        return client.ask("set", values={"alpha": 0.5})

    assert not asyncio.run(short())["more"]


# A computation that fails on its way is named, and the lab goes on.
def test_growth_that_fails(client, clock):
    whole = client.lab

    def grow(state):
        yield whole.compute(state)
        clock.now += 2 * shell.FIRST
        yield whole.compute(state)
        raise ArithmeticError("too far")

    client.widget.lab = dataclasses.replace(whole, grow=grow)

    async def talk():
        assert client.ask("set", values={"alpha": 0.3})["more"]
        del client.sent[:]
        while not client.sent:
            await asyncio.sleep(0)

    asyncio.run(talk())
    assert "too far" in client.sent[0][0]["text"]
    client.widget.lab = whole
    assert not client.ask("set", values={"alpha": 0.2})["more"]


# A state whose computation fails leaves nothing behind: what is asked for next is the state's own.
def test_growth_that_fails_at_once(client, clock, monkeypatch):
    whole, first = client.lab, shell.FIRST

    def grow(state):
        yield whole.compute(state)
        if state.alpha == 0.4:
            raise ArithmeticError("too far")
        clock.now += 2 * first
        yield whole.compute(state)

    client.widget.lab = dataclasses.replace(whole, grow=grow)

    async def talk():
        assert client.ask("set", values={"alpha": 0.3})["more"]
        monkeypatch.setattr(shell, "FIRST", math.inf)
        assert "too far" in client.ask("set", values={"alpha": 0.4})["text"]
        return client.ask("file", format="csv")["buffers"][0].decode("utf-8-sig")

    table = asyncio.run(talk())
    wanted = Browser("convergence")
    wanted.ask("set", values={"alpha": 0.3})
    assert client.widget.state.alpha == 0.3
    assert table == wanted.widget.csv()


# A picture that cannot be drawn does not keep the lab from being shown.
def test_still_picture_that_fails(client, monkeypatch, caplog):
    monkeypatch.delenv("SERVER_SOFTWARE", raising=False)
    monkeypatch.setattr(client.widget, "drawn", lambda: 1 / 0)
    data, _ = client.widget._repr_mimebundle_()
    assert "ZeroDivisionError" in caplog.text
    assert list(data) == ["text/plain", "application/vnd.jupyter.widget-view+json"]
