"""Texts that fit: cut in the middle, before they are measured."""

from __future__ import annotations

from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from app.graph.measure import fit, in_one_line, shorten, text_width


@given(st.text(max_size=600), st.integers(20, 300))
def test_what_is_returned_fits(text: str, width: int) -> None:
    assert text_width(fit(text, width, 12), 12) <= width


def test_a_text_that_fits_is_kept_whole() -> None:
    assert fit("powershell.exe", 120, 12) == "powershell.exe"


def test_of_a_long_text_beginning_and_end_are_kept() -> None:
    shown = fit("PowerShell_transcript.IT001.LaixrFJZ.20190518173934.txt", 120, 11.5)

    assert shown.startswith("P")
    assert shown.endswith("34.txt")
    assert "…" in shown


def test_a_name_of_a_million_characters_is_cut_first() -> None:
    began = perf_counter()

    fit("W" * 1_000_000, 100, 12)

    assert perf_counter() - began < 0.5


def test_marks_of_direction_and_controls_are_shown() -> None:
    assert in_one_line("a\u202eb\x00c\nd") == "a‹202E›b␀c␊d"


def test_a_text_that_is_short_enough_is_not_shortened() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcdefgh", 5) == "ab…gh"
