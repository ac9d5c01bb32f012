"""Laws of the one place where what a browser sends becomes a state."""

import math
from dataclasses import dataclass, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedlearn_edu import labs
from fedlearn_edu.labs.controls import (
    MOST_RAW_ITEMS,
    Choice,
    Group,
    Paint,
    Seed,
    Series,
    Slider,
    Toggle,
    clean,
    every,
    from_query,
    to_query,
)

from .labkit import JUNK, NAMES, SEEDS, allowed, random_state


@dataclass(frozen=True)
class State:
    participants: int = 3
    alpha: float = 0.5
    mode: str = "a"
    on: bool = False
    seed: int = 1
    table: tuple = ()
    marks: tuple = ()


TABLE = Series("table", 0, 10, lambda s, i, j: float(i + j), columns=2, digits=1)
MARKS = Series("marks", 0, 2, lambda s, i, j: 1.0, rows=2, shown="choices", options=("x", "y", "z"))
CONTROLS = every(
    (
        Group("one", (Slider("participants", 1, 5), Slider("alpha", 0.1, 2, scale="log"))),
        Group("two", (Choice("mode", ("a", "b")), Toggle("on"), Seed(), TABLE, MARKS)),
    )
)


def cleaned(raw, state=None):
    return clean(CONTROLS, state or State(), raw)


# A value that is allowed is taken as it is, and nobody is told.
@pytest.mark.parametrize(
    "raw",
    [
        {"participants": 5, "alpha": 0.1},
        {"mode": "b", "on": True, "seed": 9999},
        {"table": [[1, 2], [3, 4], [5, 6]]},
        {"alpha": "1.25", "on": "1", "participants": "2", "table": [["", "3"]]},
    ],
)
def test_allowed_values_are_taken(raw):
    state, unknown, changed = cleaned(raw)
    assert (unknown, changed) == ([], [])
    assert state != State()
    assert allowed_types(state)


def allowed_types(state):
    return all(type(getattr(state, f.name)) is type(f.default) for f in fields(state))


# A number beyond the range becomes the end of the range, of the default's type, and that is said.
@pytest.mark.parametrize(
    "key, raw, kept",
    [
        ("participants", 99, 5),
        ("participants", -1e300, 1),
        ("participants", 2.6, 3),
        ("alpha", 50, 2.0),
        ("alpha", "0.0001", 0.1),
        ("seed", 1e9, 9999),
        ("seed", -1, 0),
    ],
)
def test_numbers_are_clamped(key, raw, kept):
    state, _, changed = cleaned({key: raw})
    assert getattr(state, key) == kept
    assert changed == [key]
    assert allowed_types(state)


# After a clamp to a whole end of the range, a fraction is still a fraction.
def test_a_clamped_number_keeps_its_type():
    state, _, _ = cleaned({"alpha": 50})
    state, _, changed = cleaned({"alpha": 0.25}, state)
    assert (state.alpha, changed) == (0.25, [])


# What is no number, option, switch or table leaves the value as it was, and that is said.
@pytest.mark.parametrize("key", CONTROLS)
@pytest.mark.parametrize(
    "raw",
    [
        None,
        math.nan,
        math.inf,
        -math.inf,
        "nan",
        "1e999",
        "?",
        b"1",
        {},
        10**400,
        0.5j,
    ],
    ids=repr,
)
def test_nonsense_is_refused(key, raw):
    start, _, _ = cleaned({"table": [[1, 2]], "marks": [2]})
    state, unknown, changed = cleaned({key: raw}, start)
    assert state == start
    assert (unknown, changed) == ([], [key])
    assert allowed(Holder, state)


class Holder:
    by_key, state = CONTROLS, State


# A key that no control has is named, shortened, in characters that can be sent; five at the most.
def test_unknown_keys():
    state, unknown, _ = cleaned({"x" * 99: 1, "\ud800": 2, 3: 4})
    assert state == State()
    assert unknown == ["x" * 40, "?", "3"]
    assert len(cleaned({str(k): 0 for k in range(50)})[1]) == 5


# A huge table is not even read; one that is only too large is cut, and both are said.
def test_huge_tables():
    huge = [[1]] * (MOST_RAW_ITEMS + 1)
    assert cleaned({"table": huge}) == (State(), [], ["table"])
    state, _, changed = cleaned({"table": [[1, 2, 3]] * 9})
    assert state.table == ((1, 2),) * 3
    assert changed == ["table"]


# Cells beyond the range are clamped; empty cells and rows at the end are not kept.
def test_cells():
    state, _, changed = cleaned({"table": [[-5, 99], [None, None], [""]]})
    assert state.table == ((0, 10),)
    assert changed == ["table"]
    assert cleaned({"table": [[math.nan, 3], ["?"]]}) == (State(table=((None, 3),)), [], ["table"])
    state, _, changed = cleaned({"table": [[], [None, 4], [None]]})
    assert state.table == ((), (None, 4))
    assert changed == []


# A table shows what the learner set, and elsewhere what the lab fills in.
def test_full_table():
    state, _, _ = cleaned({"table": [[], [None, 7]]})
    assert TABLE.full(state) == ((0, 1), (1, 7), (2, 3))


# An optional table's row is filled only as long as none of its cells is touched.
def test_optional_rows():
    table = Series(
        "table", 0, 10, lambda s, i, j: 5.0 if j == 0 else None, columns=2, optional=True
    )
    state, _, _ = clean({"table": table}, State(), {"table": [[None, 7]]})
    assert table.full(state) == ((None, 7), (5.0, None), (5.0, None))
    patched, _, changed = clean({"table": table}, state, {"table": {"row": 1, "set": {"1": 3}}})
    assert table.full(patched) == ((None, 7), (5.0, 3.0), (5.0, None))
    assert changed == []


# A table of choices holds whole numbers, and the choice that stands there anyway is not kept.
def test_tables_of_choices():
    assert cleaned({"marks": [2, 1]})[0].marks == ((2.0,),)
    assert cleaned({"marks": [0.4]})[0].marks == ((0.0,),)


# A table that shows whole numbers holds whole numbers, unless it is only dragged.
def test_tables_of_whole_numbers():
    for shown, kept in (("sliders", 3.0), ("", 2.6)):
        control = Series("table", 0, 10, lambda s, i, j: 0.0, shown=shown)
        state, _, changed = clean({"table": control}, State(), {"table": [2.6]})
        assert state.table == ((kept,),)
        assert changed == (["table"] if shown else [])


# A patch changes the cells it names and no other.
def test_patches():
    state, _, _ = cleaned({"table": [[1, 2], [3, 4]]})
    state, _, changed = cleaned({"table": {"row": 2, "set": {"1": 9}}}, state)
    assert state.table == ((1, 2), (3, 4), (None, 9))
    assert changed == []


# A patch that names no row or column of the table changes nothing, and that is said.
@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"row": 0},
        {"set": {"0": 1}},
        {"row": 3, "set": {"0": 1}},
        {"row": -1, "set": {"0": 1}},
        {"row": True, "set": {"0": 1}},
        {"row": 0.0, "set": {"0": 1}},
        {"row": "0", "set": {"0": 1}},
        {"row": 0, "set": {"2": 1}},
        {"row": 0, "set": {"-1": 1}},
        {"row": 0, "set": {"x": 1}},
        {"row": 0, "set": [1]},
        {"row": 0, "set": {str(k): 1 for k in range(21)}},
        {"row": 0, "set": {"9" * 5000: 1}},
        {"row": 0, "set": {None: 1}},
    ],
)
def test_bad_patches(patch):
    start, _, _ = cleaned({"table": [[1, 2]]})
    assert cleaned({"table": patch}, start) == (start, [], ["table"])


# Fewer participants cut the tables; the control's own value need not be sent again.
def test_tables_follow_their_size():
    start, _, _ = cleaned({"table": [[1, 2], [3, 4], [5, 6]]})
    assert cleaned({"participants": 2}, start)[0].table == ((1, 2), (3, 4))


@dataclass(frozen=True)
class Canvas:
    people: int = 3
    who: int = 1
    kind: str = "dot"
    spots: tuple = ()


WHO, KIND = Slider("who", 1, 9, limit="people"), Choice("kind", ("dot", "ring"))
SPOTS = Paint("spots", (-2, 2), (0, 1), (WHO, KIND), most=4)
PAINTING = every((Group("all", (Slider("people", 1, 9), WHO, KIND, SPOTS)),))


def painted(raw, state=None):
    return clean(PAINTING, state or Canvas(), raw)


# A slider with a limit cannot pass the slider that limits it, and follows it down, unasked.
def test_limits():
    assert painted({"who": 3})[0].who == 3
    state, _, changed = painted({"who": 4})
    assert (state.who, changed) == (3, ["who"])
    state, _, changed = painted({"people": 2}, Canvas(people=5, who=5))
    assert (state.who, changed) == (2, [])
    assert painted({"people": 9, "who": 9})[0].who == 9


# A painted point carries what the controls say at that time; the earlier ones keep theirs.
def test_painting():
    state, _, changed = painted({"spots": {"add": [[0.5, 0.25]]}, "who": 2})
    assert (state.spots, changed) == (((0.5, 0.25, 2, 0),), [])
    state, _, changed = painted({"kind": "ring", "spots": {"add": [[-1, 1], [1, 0]]}}, state)
    assert state.spots == ((0.5, 0.25, 2, 0), (-1, 1, 2, 1), (1, 0, 2, 1))
    assert changed == []
    assert painted({"spots": {"add": []}}, state)[0] == state
    assert painted({"people": 1}, state)[0].spots == state.spots
    assert painted({"spots": []}, state)[0].spots == ()


# A point beyond the plane is put on its border, one too many is left away, and both are said.
@pytest.mark.parametrize(
    "raw, kept",
    [
        ({"add": [[9, -9]]}, ((2, 0, 1, 0),)),
        ({"add": [["1.234", 0.5]]}, ((1.23, 0.5, 1, 0),)),
        ([[0, 0, 99, 5]], ((0, 0, 9, 1),)),
        ([[0, 0, 1.6, 0]], ((0, 0, 2, 0),)),
        ({"add": [[0, k / 10] for k in range(9)]}, tuple((0, k / 10, 1, 0) for k in range(4))),
    ],
)
def test_painting_is_clamped(raw, kept):
    state, _, changed = painted({"spots": raw})
    assert (state.spots, changed) == (kept, ["spots"])


# What is no point is not taken, and what is no list of points changes nothing.
@pytest.mark.parametrize(
    "raw, kept",
    [
        ([[0, 0]], ()),
        ([[0, 0, 1, 0, 0]], ()),
        ([[0, float("nan"), 1, 0], [1, 1, 1, 1]], ((1, 1, 1, 1),)),
        (["0011", None, {}], ()),
        ({"add": [[None, 1]]}, ((0.5, 0.5, 1, 0),)),
        ({"add": [0, 1]}, ((0.5, 0.5, 1, 0),)),
        ({"add": [[0, 1, 2]]}, ((0.5, 0.5, 1, 0),)),
        ({"add": {}}, ((0.5, 0.5, 1, 0),)),
        ({}, ((0.5, 0.5, 1, 0),)),
        ([[0, 0, 1, 0]] * (MOST_RAW_ITEMS + 1), ((0.5, 0.5, 1, 0),)),
    ],
)
def test_bad_painting(raw, kept):
    start = Canvas(spots=((0.5, 0.5, 1, 0),))
    state, _, changed = painted({"spots": raw}, start)
    assert (state.spots, changed) == (kept, ["spots"])


# Painted points stand in the link and come back from it.
def test_painting_in_a_link():
    state = Canvas(spots=((-0.52, 0.25, 2, 1), (1.0, 0.0, 1, 0)))
    query = to_query(state)
    assert query == "spots=-0.52,0.25,2,1;1,0,1,0"
    assert painted(from_query(query, PAINTING)[0]) == (state, [], [])


# Whatever is sent to any lab, its state stays one that its controls can have.
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(st.data(), SEEDS)
def test_any_junk_leaves_a_valid_state(name, data, seed):
    lab = labs.load(name)
    start = random_state(lab, seed)
    keys = st.sampled_from([*lab.by_key, "unknown", "row"])
    raw = data.draw(st.dictionaries(keys, JUNK, max_size=4))
    state, _, _ = clean(lab.by_key, start, raw)
    assert allowed(lab, state)
    hash(state)


# A state's query string gives back the state, exactly.
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_query_round_trip(name, seed):
    lab = labs.load(name)
    state = random_state(lab, seed)
    raw, others = from_query(to_query(state), lab.by_key)
    assert others == []
    assert clean(lab.by_key, lab.state(), raw) == (state, [], [])


# The default state's query string is empty: a link holds only what differs.
@pytest.mark.parametrize("name", NAMES)
def test_default_query_is_empty(name):
    assert to_query(labs.load(name).state()) == ""


# A query string holds switches as 1 and 0, empty cells as nothing, and needs little escaping.
def test_query_text():
    state, _, _ = cleaned({"on": True, "alpha": 1.5, "table": [[], [None, 2.5]]})
    assert to_query(state) == "alpha=1.5&on=1&table=;,2.5"


# Parameters that are no control's stand apart, in their order.
def test_other_parameters():
    raw, others = from_query("lang=zh&alpha=1&x=&table=1,2;3", CONTROLS)
    assert raw == {"alpha": "1", "table": [["1", "2"], ["3"]]}
    assert others == [("lang", "zh"), ("x", "")]


# A table that depends on another control is emptied when that one changes, but not when a link,
# an undo or a hand gives both; its options are whole numbers, shown or not.
def test_tables_until():
    links = Series(
        "table", 0, 1, lambda s, i, j: 1.0, shown="", options=("x", "y"), until=("mode",)
    )
    controls = every((Group("one", (Choice("mode", ("a", "b")), links)),))
    edited, _, _ = clean(controls, State(), {"table": [[0.2], [0.7]]})
    assert edited.table == ((0.0,),)
    assert clean(controls, edited, {})[0] == edited
    assert clean(controls, edited, {"mode": "a"})[0] == edited
    assert clean(controls, edited, {"mode": "b"}) == (State(mode="b"), [], [])
    both, _, _ = clean(controls, edited, {"mode": "b", "table": [[0]]})
    assert (both.mode, both.table) == ("b", ((0.0,),))
