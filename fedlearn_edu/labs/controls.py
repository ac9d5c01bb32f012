"""Controls as plain data, and the one place where what a browser sends becomes a State.

Every control knows how to ``clean`` a raw value: it returns the nearest value that is allowed,
and whether that is what was asked for.  Nothing here knows widgets.
"""

import math
from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qsl, quote, urlencode

MOST_RAW_ITEMS = 1000  # a browser's list longer than this is not even read


def number(raw):
    """Return ``raw`` as a finite float, or None.

    Examples
    --------
    >>> number("0.5"), number(float("nan")), number(True), number([1])
    (0.5, None, None, None)
    """
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    try:
        value = float(raw)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _is_whole(state, key):
    default = type(state).__dataclass_fields__[key].default
    return isinstance(default, int)


def _near(a, b):
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


@dataclass(frozen=True)
class Slider:
    """One number.  ``scale="log"`` moves in equal ratios; ``step`` is then per decade.

    ``when`` names another control and the values of it for which this one matters; ``limit``
    another slider, above whose value this one cannot be.
    """

    key: str
    low: float
    high: float
    step: float = 1
    symbol: str = ""
    scale: str = "linear"
    digits: int = 0
    unit: str = ""
    when: tuple = ()
    limit: str = ""

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        value = number(raw)
        if value is None:
            return current, False
        high = min(self.high, getattr(state, self.limit)) if self.limit else self.high
        kept = float(min(max(value, self.low), high))
        kept = round(kept) if _is_whole(state, self.key) else kept
        return kept, _near(kept, value)


@dataclass(frozen=True)
class Choice:
    """One of a few named options."""

    key: str
    options: tuple
    symbol: str = ""
    when: tuple = ()

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        return (raw, True) if raw in self.options else (current, False)


@dataclass(frozen=True)
class Toggle:
    """On or off."""

    key: str
    symbol: str = ""
    when: tuple = ()

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        words = {"1": True, "true": True, "0": False, "false": False}
        value = words.get(raw.lower()) if isinstance(raw, str) else raw
        return (value, True) if isinstance(value, bool) else (current, False)


@dataclass(frozen=True)
class Seed:
    """The random seed: a whole number, and a die to roll a new one."""

    key: str = "seed"
    high: int = 9999
    symbol: str = ""
    when: tuple = ()

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        return Slider(self.key, 0, self.high).clean(raw, current, state)


@dataclass(frozen=True)
class Series:
    """A small table of numbers: a row a participant, one or more columns.

    A cell that the learner has not touched is None and is filled by ``fill(state, row, column)``.
    ``rows`` and ``columns`` are numbers, or the names of the controls that set them.
    ``shown`` is "sliders", "grid", "choices" (each row one of ``options``, by number), or "" for
    one that is only dragged in the picture.  With ``optional``, cells may stay empty: ``fill``
    may return None, and a row is filled only as long as none of its cells is touched.
    Cells with options, and those that are shown without digits after the point, are whole
    numbers.  A change of one of the controls in ``until`` empties the table.
    """

    key: str
    low: float
    high: float
    fill: object
    rows: str | int = "participants"
    columns: str | int = 1
    step: float = 1
    digits: int = 0
    symbol: str = ""
    shown: str = "sliders"
    open: bool = False
    when: tuple = ()
    options: tuple = ()
    optional: bool = False
    until: tuple = ()

    def shape(self, state):
        """Return (rows, columns) of the table for this state."""
        sizes = (self.rows, self.columns)
        return tuple(n if isinstance(n, int) else getattr(state, n) for n in sizes)

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        rows, columns = self.shape(state)
        if not isinstance(raw, (list, tuple)) or len(raw) > MOST_RAW_ITEMS:
            return self.trim(current, rows, columns), False
        table, exact = [], len(raw) <= rows
        for row in raw[:rows]:
            cells = row if isinstance(row, (list, tuple)) else [row]
            exact = exact and len(cells) <= columns
            cleaned = [self.cell(cell) for cell in cells[:columns]]
            exact = exact and all(fine for _, fine in cleaned)
            table.append(tuple(value for value, _ in cleaned))
        if self.options:  # the option chosen at the start is no choice of the learner's
            table = [
                [None if value == self.fill(state, i, j) else value for j, value in enumerate(row)]
                for i, row in enumerate(table)
            ]
        return self.trim(table, rows, columns), exact

    def cell(self, raw):
        """Return the nearest allowed value of one cell, and whether it is the same."""
        if raw is None or raw == "":
            return None, True
        value = number(raw)
        if value is None:
            return None, False
        kept = float(min(max(value, self.low), self.high))
        whole = self.options or (self.shown and self.digits == 0)
        kept = float(round(kept)) if whole else kept
        return kept, _near(kept, value)

    @staticmethod
    def trim(table, rows, columns):
        """Return the table cut to its shape, without trailing empty cells and rows."""
        kept = []
        for row in table[:rows]:
            cells = list(row[:columns])
            while cells and cells[-1] is None:
                cells.pop()
            kept.append(tuple(cells))
        while kept and not kept[-1]:
            kept.pop()
        return tuple(kept)

    def full(self, state):
        """Return the whole table, untouched cells filled: a tuple of row tuples."""
        rows, columns = self.shape(state)
        table = getattr(state, self.key)

        def cell(i, j):
            row = table[i] if i < len(table) else ()
            value = row[j] if j < len(row) else None
            keep = value is not None or (self.optional and any(v is not None for v in row))
            return value if keep else self.fill(state, i, j)

        return tuple(tuple(cell(i, j) for j in range(columns)) for i in range(rows))

    def patch(self, state, raw):
        """Return the raw table changed by ``{"row": i, "set": {column: value}}``, or None."""
        cells = raw.get("set")
        if not isinstance(cells, dict) or len(cells) > 20:
            return None
        try:
            cells = {int(j): value for j, value in cells.items()}
        except (ValueError, TypeError):
            return None
        return self.patched(state, raw.get("row"), cells)

    def patched(self, state, index, values):
        """Return the raw table in which row ``index`` is replaced by ``values``."""
        table = [list(row) for row in getattr(state, self.key)]
        rows, columns = self.shape(state)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < rows:
            return None
        table += [[] for _ in range(index + 1 - len(table))]
        if self.optional:
            table[index] = list(self.full(state)[index])
        row = table[index] + [None] * (columns - len(table[index]))
        for j, value in values.items():
            if not 0 <= j < columns:
                return None
            row[j] = value
        table[index] = row
        return table


@dataclass(frozen=True)
class Paint:
    """Points that the learner sets on the main chart by pressing it, the newest last.

    A point is (x, y, …): after its place come the values that the controls in ``tags`` had when
    it was painted, sliders of whole numbers and choices (by number).
    """

    key: str
    x: tuple  # (low, high)
    y: tuple
    tags: tuple = ()
    most: int = 150
    digits: int = 2
    symbol: str = ""
    when: tuple = ()

    def clean(self, raw, current, state):
        """Return the nearest allowed value to ``raw``, and whether it is the same."""
        if not isinstance(raw, (list, tuple)) or len(raw) > MOST_RAW_ITEMS:
            return current, False
        points = [self.point(row) for row in raw[: self.most]]
        exact = len(raw) <= self.most and all(fine for _, fine in points)
        return tuple(point for point, _ in points if point), exact

    def point(self, row):
        """Return one point as it is allowed, or None, and whether it is the same."""
        if not isinstance(row, (list, tuple)) or len(row) != 2 + len(self.tags):
            return None, False
        numbers = [number(cell) for cell in row]
        if None in numbers:
            return None, False
        bounds = (self.x, self.y, *map(self.range, self.tags))
        kept = [min(max(v, low), high) for v, (low, high) in zip(numbers, bounds, strict=True)]
        kept = [round(v, self.digits) + 0.0 for v in kept[:2]] + [round(v) for v in kept[2:]]
        return tuple(kept), all(map(_near, kept, numbers))

    def patch(self, state, raw):
        """Return the raw points with those of ``{"add": [[x, y], …]}`` at the end, or None."""
        new = raw.get("add")
        if not isinstance(new, list) or not all(isinstance(p, list) and len(p) == 2 for p in new):
            return None
        tags = [self.tag(state, control) for control in self.tags]
        return [*getattr(state, self.key), *((*point, *tags) for point in new)]

    @staticmethod
    def range(control):
        """Return the least and the highest number that a tag can be."""
        chosen = isinstance(control, Choice)
        return (0, len(control.options) - 1) if chosen else (control.low, control.high)

    @staticmethod
    def tag(state, control):
        """Return the value of another control as a number."""
        value = getattr(state, control.key)
        return control.options.index(value) if isinstance(control, Choice) else value


@dataclass(frozen=True)
class Group:
    """Controls under one heading; ``key`` is the heading's text.

    ``place``: "" among the controls, or "stage" as a tray of tools over the picture.
    """

    key: str
    controls: tuple
    place: str = ""


def every(groups):
    """Return the controls of all groups, in order, as a dictionary by key."""
    return {c.key: c for group in groups for c in group.controls}


def clean(controls, state, raw):
    """Apply a browser's values to a state.

    Parameters
    ----------
    controls : dict of str to control
    state : State
    raw : dict
        Values by key, of any kind.  A Series may also come as ``{"row": i, "set": {column: v}}``,
        a Paint as ``{"add": [[x, y], …]}``.

    Returns
    -------
    state : State
        The nearest allowed state.
    unknown : list of str
        Keys that no control has.
    changed : list of str
        Keys whose value had to be changed to be allowed.
    """
    unknown = [_printable(key) for key in raw if key not in controls]
    changed, before = [], state
    for key, control in controls.items():
        value = raw.get(key, getattr(state, key))
        if key not in raw and any(
            getattr(state, other) != getattr(before, other)
            for other in getattr(control, "until", ())
        ):
            value = ()
        if isinstance(control, (Series, Paint)) and isinstance(value, dict):
            value = control.patch(state, value)
        kept, exact = control.clean(value, getattr(state, key), state)
        state = replace(state, **{key: kept})
        if key in raw and not exact:
            changed.append(key)
    return state, unknown[:5], changed


def _printable(key):
    return str(key)[:40].encode("utf-8", "replace").decode()


def _text(value):
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value + 0.0).removesuffix(".0")
    return str(value)


def to_query(state):
    """Return what differs from the default state, as a query string.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class State:
    ...     alpha: float = 0.1
    ...     optima: tuple = ()
    >>> to_query(State(alpha=0.3, optima=((), (1.0, -2.5))))
    'alpha=0.3&optima=;1,-2.5'
    """
    default = type(state)()
    pairs = []
    for field in fields(state):
        value = getattr(state, field.name)
        if value == getattr(default, field.name):
            continue
        if isinstance(value, tuple):
            cells = [",".join("" if c is None else _text(c) for c in row) for row in value]
            value = ";".join(cells)
        pairs.append((field.name, _text(value)))
    return urlencode(pairs, safe=",;", quote_via=quote)


def from_query(query, controls):
    """Return a query string as raw values for :func:`clean`, and its other parameters apart.

    Returns
    -------
    raw : dict
    others : list of (str, str)
    """
    raw, others = {}, []
    for key, value in parse_qsl(query[:20000], keep_blank_values=True, max_num_fields=200):
        control = controls.get(key)
        if control is None:
            others.append((key, value))
        elif isinstance(control, (Series, Paint)):
            raw[key] = [row.split(",") for row in value.split(";")]
        else:
            raw[key] = value
    return raw, others
