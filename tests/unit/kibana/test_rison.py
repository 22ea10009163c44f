"""Rison as Kibana reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.kibana.rison import Value, rison

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("!'():,@$*&=#% \\\"-0a"), st.characters(codec="utf-8")))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


def test_what_kibana_writes_is_written_alike() -> None:
    state: Value = {
        "time": {"from": "now-15m", "to": "now"},
        "columns": ["a.b"],
        "all": True,
        "no": False,
        "none": None,
        "page": 3,
    }

    assert rison(state) == "(time:(from:now-15m,to:now),columns:!(a.b),all:!t,no:!f,none:!n,page:3)"


def test_quotes_and_marks_of_exclamation_are_made_plain() -> None:
    assert rison("it's!") == "'it!'s!!'"
    assert rison("") == "''"
    assert rison("-1") == "'-1'"
    assert rison("7") == "'7'"


@given(VALUES)
def test_reading_gives_back_what_was_written(value: Value) -> None:
    read, rest = read_rison(rison(value))

    assert read == value
    assert rest == ""


def read_rison(text: str) -> tuple[Value, str]:
    """Read one value as the grammar of Rison says, and return what stands behind it."""
    for sign, value in (("!n", None), ("!t", True), ("!f", False)):
        if text.startswith(sign):
            return value, text[2:]
    if text.startswith("!("):
        return _items(text[2:])
    if text.startswith("("):
        return _members(text[1:])
    if text.startswith("'"):
        return _quoted(text[1:])
    end = next((place for place, sign in enumerate(text) if sign in " '!:(),*@$"), len(text))
    word = text[:end]
    return (int(word) if word[0] in "-0123456789" else word), text[end:]


def _quoted(text: str) -> tuple[str, str]:
    read = []
    place = 0
    while text[place] != "'":
        place += text[place] == "!"
        read.append(text[place])
        place += 1
    return "".join(read), text[place + 1 :]


def _items(text: str) -> tuple[list[Value], str]:
    items: list[Value] = []
    while not text.startswith(")"):
        item, text = read_rison(text.removeprefix(",") if items else text)
        items.append(item)
    return items, text[1:]


def _members(text: str) -> tuple[dict[str, Value], str]:
    members: dict[str, Value] = {}
    while not text.startswith(")"):
        key, text = read_rison(text.removeprefix(",") if members else text)
        assert isinstance(key, str)
        members[key], text = read_rison(text[1:])
    return members, text[1:]
