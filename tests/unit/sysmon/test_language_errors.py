"""Queries that cannot be understood: where the error points, and what it says."""

from __future__ import annotations

import pytest

from app.errors import BadQuery
from app.sysmon.language import MAX_DEPTH, MAX_LENGTH, parse

#: The query, with ``§`` before the character that is to blame; and a part of the sentence.
FAULTS = {
    "a and§": "Something is missing behind 'and'",
    "not§": "Something is missing behind 'not'",
    "§and a": "Before 'and' something is missing",
    "a or §or b": "Before 'or' something is missing",
    "§(a or b": "never closed",
    "a and §(b or (c d)": "never closed",
    "a§)": "closes none",
    "(§)": "Before this parenthesis something is missing",
    "(a and §)": "Before this parenthesis something is missing",
    "§foo(bar)": "Put 'foo…' in quotes",
    '§foo"bar"': "Put 'foo…' in quotes",
    '§"abc': "never closed",
    'Image:§"a \\"b\\" c': "A backslash makes the quote behind it part of the text",
    '§"a"b': "Behind a closing quote comes a blank",
    '§""': "stands nothing",
    "Image:C:\\Program Files (x86§)\\a.exe": "comes a blank",
    # Fields
    "§Imge:cmd": "There is no field 'Imge'. Did you mean Image?",
    "a and §destinatonport:80": "Did you mean DestinationPort?",
    "§ProcessName:a": "in a query write Process or TargetImage or ImageLoaded",
    "§localhost:8080": "put it in quotes",
    "§ユーザー:bob": "There is no field 'ユーザー'",
    "Image:field(§Imag)": "Did you mean Image?",
    "§EventId=1": "write EventId:…",
    "a §DestinationPort>=1024": "write DestinationPort:>=…",
    "§User!=bob": "write not User:…",
    "Image:§User:bob": "write User:…",
    # Values
    "Image:§": "A value is missing behind 'Image:'",
    "Image: §and b": "Before 'and' something is missing",
    "Image:(a or §)": "Before this parenthesis something is missing",
    "EventId:(1 §3)": "Between the values of a list stands or (or and), not '3'",
    "Image:§(a or b": "never closed",
    "Image:field(§": "The name of a field is missing",
    "DestinationIp:cidr(§10.0.0.0/33)": "not a network",
    "EventId:§abc": "EventId is a number, and 'abc' is none",
    'EventId:§"abc"': "EventId is a number",
    "DestinationPort:(80 or §http)": "DestinationPort is a number",
    "ProcessId:§0x10": "ProcessId is a number",
    "DestinationPort:>§abc": "is not a number",
    "DestinationPort:>§": "A value is missing",
    "Image:=§>5": "comes a number or a time",
    "Category:§registri": "create_process, file_create_time",
    "Kind:§Process": "ProcessCreate, FileCreateTime",
    "UtcTime:§yesterday": "is not a time",
    "UtcTime:>=§2019-02-30": "is not a time",
    "DestinationIp:§10.0.0.0/33": "neither an address nor a network",
    # Regular expressions
    "CommandLine:§/abc": "ends with / and then a blank",
    "CommandLine:§/a/b/": "Write \\/ for a slash",
    "CommandLine:/§a(b/": "missing )",
    "CommandLine:/a§(?=b)/": "no look-ahead",
    "CommandLine:/(a)§\\1/": "no look-ahead",
    "CommandLine:/[§z-a]/": "invalid character class",
}


@pytest.mark.parametrize("marked", FAULTS)
def test_the_error_points_at_the_character_and_says_what_to_do(marked: str) -> None:
    at, query = marked.index("§"), marked.replace("§", "", 1)

    with pytest.raises(BadQuery) as caught:
        parse(query)

    assert FAULTS[marked] in str(caught.value)
    assert caught.value.position == at
    assert caught.value.text == query
    assert str(caught.value).endswith(".")


def test_half_a_character_is_pointed_at() -> None:
    with pytest.raises(BadQuery, match="half a character") as caught:
        parse("Image:a\ud800")

    assert caught.value.position == 7


def test_a_query_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadQuery, match="100,000 are the limit"):
        parse("a" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    "query",
    [
        "(" * 1000 + "a" + ")" * 1000,
        "not " * 1000 + "a",
        "Image:" + "(" * 1000 + "a" + ")" * 1000,
        "a or b and (" * 1000 + "c" + ")" * 1000,
        "Image:(" + "not " * 101 + "a)",
    ],
)
def test_a_query_that_is_too_deep_is_refused(query: str) -> None:
    with pytest.raises(BadQuery, match=f"more than {MAX_DEPTH} levels"):
        parse(query)


@pytest.mark.parametrize(
    "query", ["(" * 90_000, "not " * 24_000, '"' + "a" * 90_000, "a(" * 40_000, "/" + "a" * 90_000 + " ("]
)
def test_a_long_broken_query_is_refused_and_not_a_crash(query: str) -> None:
    with pytest.raises(BadQuery):
        parse(query)
