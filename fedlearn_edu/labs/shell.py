"""The lab as a widget: the only module that knows ipywidgets.

One widget holds the controls, the stage and the cards; the browser draws them (``stage.js``).
A browser speaks to it in custom messages only, each answered once; whatever it sends as widget
state is ignored, so that nothing but :func:`fedlearn_edu.labs.controls.clean` can change a lab.
"""

import asyncio
import base64
import importlib.util
import logging
import math
import os
import re
import time
from pathlib import Path
from urllib.parse import quote

import anywidget
import traitlets

from fedlearn_edu.i18n import HTML_LANG, LANGUAGES
from fedlearn_edu.labs.controls import Paint, Series, clean, from_query, number, to_query
from fedlearn_edu.scene import pack

HERE = Path(__file__).parent
SHELL_KEYS = ("lang", "hide", "round", "keep")
_CONTROL_FIELDS = (
    "key", "low", "high", "step", "symbol", "scale", "digits", "unit", "limit", "most",
)  # fmt: skip

STILL_WIDTH = 900
# Seconds of a long computation until its first picture, from one to the next, and between slices.
# While a hand is on a control a picture waits longer, for the whole run if that is short enough.
FIRST, HELD, NEXT, PAUSE = 0.01, 0.2, 0.1, 0.001

log = logging.getLogger(__name__)


def _under_voila():
    return "voila" in os.environ.get("SERVER_SOFTWARE", "").lower()


class Nonsense(ValueError):
    """A browser's request that makes no sense; named by its part that does not."""


class _Growth:
    """A state's computation under way, whose results are taken one by one."""

    def __init__(self, state, results):
        self.state, self._results, self.result, self.done = state, results, None, False

    def run(self, seconds=math.inf):
        """Go on for so long; return whether it is done."""
        end = time.perf_counter() + seconds
        for result in self._results:
            self.result = result
            if time.perf_counter() >= end:
                return False
        self.done = True
        return True


def _matters(control, state):
    """Whether a control counts in this state: whether the one it depends on allows it."""
    key, *allowed = control.when or ("",)
    return not key or getattr(state, key) in allowed


def _loop():
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LabWidget(anywidget.AnyWidget):
    """A lab, ready to be displayed.

    Parameters
    ----------
    lab : Lab
    lang : {"en", "zh"}
    values : dict
        Values of controls that differ from the default; ``ValueError`` names a wrong one.
    hide : iterable of str
        Keys of controls that are not shown.
    """

    _esm = (HERE / "stage.js").read_text(encoding="utf-8")
    _css = (HERE / "stage.css").read_text(encoding="utf-8")
    page = traitlets.Dict().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)

    def __init__(self, lab, lang="en", values=None, hide=()):
        super().__init__()
        self.lab, self.lang, self.hidden = lab, lang, set()
        self.t = lab.translator(lang)
        self.kept = []
        self.round = None
        self._results = {}
        self._growth = None
        self._say = []
        self.state, unknown, changed = clean(lab.by_key, lab.state(), values or {})
        wrong = [*unknown, *changed, *(key for key in hide if key not in lab.by_key)]
        if wrong:
            raise ValueError(f"the lab {lab.name!r} cannot take {', '.join(wrong)} as given")
        self.hidden.update(hide)
        self.on_msg(self._receive)
        with self.hold_sync():
            self._send_page()
            self._show(0, self.result(self.state))

    def set_state(self, sync_data):
        """Ignore widget state from a browser: only messages change a lab."""

    def __repr__(self):
        return f"<{self.lab.title(self.lang)}>" if "lab" in vars(self) else "<LabWidget>"

    def _repr_mimebundle_(self, **kwargs):
        """Return the widget, and for readers where no widget runs a picture of it."""
        data, metadata = super()._repr_mimebundle_(**kwargs)
        if importlib.util.find_spec("matplotlib") and not _under_voila():
            try:
                data["image/png"] = base64.b64encode(self._still()).decode()
            except Exception:  # the lab itself can still be shown
                log.exception("a lab's picture failed")
        return data, metadata

    def _still(self):
        from fedlearn_edu.figures import render

        return render(self.drawn(), width=STILL_WIDTH, title=self.t("title"), small=True)

    # What a browser may ask for.

    def _receive(self, _, content, buffers):
        seq = content.get("seq", 0) if isinstance(content, dict) else 0
        seq = seq if isinstance(seq, int) else 0
        try:
            handler = self._HANDLERS[content["kind"]]
        except (TypeError, KeyError):
            self.send({"kind": "error", "seq": seq, "text": self.t("bad_message", reason="?")})
            return
        before = self.state, list(self.kept), set(self.hidden), self.round, self.lang
        try:
            handler(self, content, seq)
        except Exception as error:
            self.state, self.kept, self.hidden, self.round, lang = before
            if not isinstance(error, Nonsense):
                self._growth = None
            self._speak(lang)
            self._say = []
            self.send({"kind": "error", "seq": seq, "text": self._why(error)})

    def _why(self, error):
        if isinstance(error, Nonsense):
            return self.t("bad_message", reason=str(error))
        log.error("a lab's request failed", exc_info=error)
        return self.t("failed", reason=f"{type(error).__name__}: {error}"[:200])

    def _on_set(self, content, seq):
        values = content.get("values")
        if not isinstance(values, dict):
            raise Nonsense("values")
        draft = content.get("draft") is True
        self._apply(values)
        self._send_scene(seq, content.get("frame") if draft else None)

    def _on_preset(self, content, seq):
        name = content.get("name")
        if not isinstance(name, str) or name not in self.lab.presets:
            raise Nonsense("name")
        self._restore(self.lab.preset(name))
        self._send_scene(seq, start=True)

    def _on_reset(self, content, seq):
        self._restore(self.lab.state())
        self.kept = []
        self._send_scene(seq, start=True)

    def _on_link(self, content, seq):
        """Take the whole state from a query string: undo and redo, and the page's own link."""
        query = content.get("query")
        if not isinstance(query, str):
            raise Nonsense("query")
        self._open(query)
        if content.get("lang") in LANGUAGES:
            self._speak(content["lang"])
        with self.hold_sync():
            self._send_scene(seq, start=True)
            self._send_page()

    def _on_lang(self, content, seq):
        if content.get("lang") not in LANGUAGES:
            raise Nonsense("lang")
        self._speak(content["lang"])
        with self.hold_sync():
            self._send_scene(seq)
            self._send_page()

    def _on_keep(self, content, seq):
        if len(self.kept) >= self.lab.keeps:
            self._say.append(self.t("keep_full"))
        elif self.state not in self.kept:
            self.kept.append(self.state)
        self._send_scene(seq)

    def _on_forget(self, content, seq):
        index = content.get("index")
        if type(index) is not int or not 0 <= index < len(self.kept):
            raise Nonsense("index")
        del self.kept[index]
        self._send_scene(seq)

    def _on_code(self, content, seq):
        self.send({"kind": "code", "seq": seq, "text": self.lab.code(self.state)})

    def _on_file(self, content, seq):
        kind, frame = content.get("format"), number(content.get("frame"))
        if kind == "csv":
            data, media = self.csv().encode("utf-8-sig"), "text/csv"
        elif kind in ("png", "svg"):
            dark = content.get("dark") is True
            data, media = self.picture(kind, None if frame is None else int(frame), dark)
        else:
            raise Nonsense("format")
        name = f"{self.lab.name}.{kind}"
        self.send({"kind": "file", "seq": seq, "name": name, "media": media}, [data])

    _HANDLERS = {
        "set": _on_set,
        "preset": _on_preset,
        "reset": _on_reset,
        "link": _on_link,
        "lang": _on_lang,
        "keep": _on_keep,
        "forget": _on_forget,
        "code": _on_code,
        "file": _on_file,
    }

    # The state.

    def _apply(self, values):
        self.state, unknown, changed = clean(self.lab.by_key, self.state, values)
        self._say += [self.t("unknown", name=name) for name in unknown]
        self._say += [
            self.t("changed", name=self.t(f"c_{key}"), value=self._words(key)) for key in changed
        ]

    def _words(self, key):
        value = getattr(self.state, key)
        if isinstance(self.lab.by_key[key], Paint):
            return str(len(value))
        if isinstance(value, tuple):
            return "…"
        if isinstance(value, bool):
            return self.t("on" if value else "off")
        option = f"{key}_{value}"
        return self.t(option) if option in self.t else f"{value:g}" if value != "" else "–"

    def _restore(self, state):
        hidden = {key: getattr(self.state, key) for key in self.hidden}
        self.state, _, _ = clean(self.lab.by_key, state, hidden)

    def _open(self, query):
        self.state = self.lab.state()
        self.kept, self.round, self.hidden = [], None, set()
        raw, others = from_query(query, self.lab.by_key)
        for key, value in others:
            if key == "hide":
                self.hidden.update(k for k in value.split(",") if k in self.lab.by_key)
            elif key == "round":
                self.round = number(value)
            elif key == "keep" and len(self.kept) < self.lab.keeps:
                kept, _ = from_query(value, self.lab.by_key)
                self.kept.append(clean(self.lab.by_key, self.lab.state(), kept)[0])
            elif key not in SHELL_KEYS:
                raw[key] = value
        self._apply(raw)

    def _speak(self, lang):
        self.lang, self.t = lang, self.lab.translator(lang)

    def query(self):
        """Return the whole state as a query string (without language, round and hidden keys)."""
        parts = [to_query(self.state)]
        parts += [f"keep={quote(to_query(state), safe='')}" for state in self.kept]
        return "&".join(part for part in parts if part)

    # What a browser is sent.

    def result(self, state):
        """Return a state's result, computed once while it or a kept run needs it."""
        if state not in self._results:
            wanted = {*self.kept, state}
            self._results = {s: r for s, r in self._results.items() if s in wanted}
            self._results[state] = self._whole(state)
        return self._results[state]

    def _whole(self, state):
        if self._growth and self._growth.state == state:
            self._growth.run()
            return self._growth.result
        return self.lab.compute(state)

    def drawn(self, result=None):
        """Return the Scene of the current state, or of what there is of it, and of kept runs."""
        labels = self._kept_labels()
        kept = tuple((label, self.result(s)) for label, s in zip(labels, self.kept, strict=True))
        return self.lab.draw(result or self.result(self.state), self.t, kept)

    def _kept_labels(self):
        """Say of each kept run what sets it apart, in two words at the most."""
        states = [*self.kept, self.state]
        differ = [
            control
            for key, control in self.lab.by_key.items()
            if len({getattr(state, key) for state in states}) > 1
        ]
        differ.sort(key=lambda control: (isinstance(control, (Series, Paint)), not control.symbol))
        said = ([c for c in differ if _matters(c, state)][:2] for state in self.kept)
        return [
            ", ".join(self._said(control, state) for control in controls) or self.t("same_run")
            for state, controls in zip(self.kept, said, strict=True)
        ]

    def _said(self, control, state):
        value, option = getattr(state, control.key), f"{control.key}_{getattr(state, control.key)}"
        name = control.symbol or self.t(f"c_{control.key}")
        if isinstance(value, str):
            return f"{control.symbol} = {self.t(option)}" if control.symbol else self.t(option)
        if isinstance(control, Paint):
            return f"{name}: {len(value)}"
        if isinstance(value, bool):
            return f"{name}: {self.t('on' if value else 'off')}"
        return f"{name} *" if isinstance(value, tuple) else f"{name} = {value:g}"

    def _send_scene(self, seq, frame=None, start=False):
        """Send the state's picture; while a long computation goes on, what there is of it."""
        self._growth = None
        if self.lab.grow and self.state not in self._results and _loop():
            self._growth = _Growth(self.state, self.lab.grow(self.state))
            self._grow(FIRST if frame is None else HELD, seq, frame, start)
        else:
            self._show(seq, self.result(self.state), frame, start)

    def _grow(self, seconds, seq, frame, start=False):
        growth = self._growth
        if not growth.run(seconds):
            _loop().call_later(PAUSE, self._go_on, growth, seq, frame)
        result = self.result(self.state) if growth.done else growth.result
        self._show(seq, result, frame, start, more=not growth.done)

    def _go_on(self, growth, seq, frame):
        if growth is not self._growth:  # a newer request has come
            return
        try:
            self._grow(NEXT, seq, frame)
        except Exception as error:
            self._growth = None
            self.send({"kind": "error", "seq": seq, "text": self._why(error)})

    def _show(self, seq, result, frame=None, start=False, more=False):
        frame = number(frame)
        scene = self.drawn(result)
        spec, data = pack(scene, None if frame is None else min(max(frame, 0), 1e6))
        self.scene = {
            "seq": seq,
            "draft": frame is not None,
            "more": more,
            "start": self.round if start else None,
            "fresh": start,
            "spec": spec,
            "data": data,
            "values": {key: self._value(control) for key, control in self.lab.by_key.items()},
            "preset": self._preset_name(),
            "query": self.query(),
            "hidden": sorted(self.hidden),
            "kept": self._kept_labels(),
            "say": self._say[:4],
        }
        self._say = []

    def _value(self, control):
        """Return what a control shows: of a table all cells, of painted points how many."""
        if isinstance(control, Series):
            return control.full(self.state)
        value = getattr(self.state, control.key)
        return len(value) if isinstance(control, Paint) else value

    def _preset_name(self):
        matches = (n for n in self.lab.presets if self.lab.preset(n) == self.state)
        return next(matches, "")

    def _send_page(self):
        t = self.t
        self.page = {
            "lab": self.lab.name,
            "lang": self.lang,
            "html_lang": HTML_LANG[self.lang],
            "languages": list(LANGUAGES),
            "title": t("title"),
            "keeps": self.lab.keeps,
            "presets": [[name, t(f"preset_{name}")] for name in self.lab.presets],
            "groups": [
                {
                    "title": t(f"g_{group.key}"),
                    "place": group.place,
                    "controls": [self._control(c) for c in group.controls],
                }
                for group in self.lab.controls
            ],
            "text": {key: t(key) for key in self._shell_texts()},
        }

    @staticmethod
    def _shell_texts():
        from fedlearn_edu.strings.shell import STRINGS

        return STRINGS

    def _control(self, control):
        spec = {name: getattr(control, name) for name in _CONTROL_FIELDS if hasattr(control, name)}
        spec |= {"kind": type(control).__name__, "label": self.t(f"c_{control.key}")}
        spec["when"] = list(control.when)
        hint = f"h_{control.key}"
        spec["hint"] = self.t(hint) if hint in self.t else ""
        if hasattr(control, "options"):
            spec["options"] = [[o, self.t(f"{control.key}_{o}")] for o in control.options]
        if isinstance(control, Series):
            spec |= {"shown": control.shown, "open": control.open, "optional": control.optional}
        return spec

    # Files.

    def csv(self):
        """Return the lab's numbers as CSV text (RFC 4180)."""
        header, rows = self.lab.table(self.result(self.state))

        def cell(value):
            text = value if isinstance(value, str) else repr(float(value)).removesuffix(".0")
            return '"' + text.replace('"', '""') + '"' if re.search('[",\n]', text) else text

        return "".join(",".join(map(cell, row)) + "\r\n" for row in (header, *rows))

    def picture(self, kind="png", frame=None, dark=False):
        """Return the picture as (bytes, media type), drawn by matplotlib."""
        from fedlearn_edu.figures import render

        media = {"png": "image/png", "svg": "image/svg+xml"}[kind]
        return render(self.drawn(), kind, frame=frame, dark=dark, title=self.t("title")), media
