"""``fold`` is what the engines do."""

from __future__ import annotations

import duckdb
import hypothesis
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import strategies as st

from app.sysmon.text import fold

#: Up to here the engines' tables of letters are of one age: later letters are as young as 2024.
OLD_LETTERS = range(1, 0x1C80)


@pytest.mark.parametrize(
    "text", ["İSTANBUL", "ΣΊΣΥΦΟΣ", "STRAẞE", "ﬁ", "ſ", "\u212a", "ǅ", "𐐀", "Ὀδυσσεύς", "a\0B"]
)
def test_fold_is_the_lower_case_of_arrow_and_duckdb(text: str) -> None:
    assert fold(text) == pc.utf8_lower(pa.scalar(text)).as_py()
    assert duckdb.execute("SELECT lower(?)", [text]).fetchall() == [(fold(text),)]


def test_fold_is_that_for_all_old_letters() -> None:
    letters = [chr(code) for code in OLD_LETTERS]
    folded = [fold(letter) for letter in letters]

    assert folded == pc.utf8_lower(pa.array(letters)).to_pylist()
    table = pa.table({"letter": letters})
    assert [row[0] for row in duckdb.from_arrow(table).project("lower(letter)").fetchall()] == folded


@hypothesis.given(st.text())
def test_fold_keeps_the_length_and_is_done_at_once(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)
