"""Conditions read back in words."""

from __future__ import annotations

import pytest

from app.sysmon.condition import Operator
from app.sysmon.language import parse
from app.sysmon.words import PHRASES, in_words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "every event"),
        ("not *", "no event"),
        ("mimikatz", "any field contains 'mimikatz'"),
        ("not mimikatz", "not that any field contains 'mimikatz'"),
        (
            "Image:*\\powershell.exe and not User:*SYSTEM",
            "Image ends with '\\powershell.exe' and User does not end with 'SYSTEM'",
        ),
        (
            "Image:a or User:b and not (x or y)",
            "Image is 'a' or (User is 'b' and not (any field contains 'x' or any field contains 'y'))",
        ),
        ("EventId:(1 or 3)", "EventId is one of 1, 3"),
        ("not EventId:(1 or 3)", "not (EventId is one of 1, 3)"),
        ("EventId:1", "EventId is 1"),
        ("CommandLine:a*b", "CommandLine is like 'a*b'"),
        ("CommandLine:=*Enc*", "CommandLine contains 'Enc' (case counts)"),
        ("CommandLine:/a+/", "CommandLine matches /a+/"),
        ("Image:*", "Image has a value"),
        ("not Image:*", "Image has no value"),
        ("DestinationIp:10.0.0.0/8", "DestinationIp is in the network 10.0.0.0/8"),
        ("DestinationPort:(>=1 and <5)", "DestinationPort is at least 1 and DestinationPort is less than 5"),
        ("UtcTime:>=2019-05-18", "UtcTime is 2019-05-18 00:00:00.000 or after"),
        ("ParentUser:field(User)", "ParentUser is the same as User"),
        ("Image:*{0}*", "Image contains '{0}'"),
    ],
)
def test_a_query_is_read_back_in_words(query: str, words: str) -> None:
    assert in_words(parse(query)) == words


def test_every_operator_has_its_phrases() -> None:
    assert set(PHRASES) == set(Operator)


def test_each_phrase_is_translated_before_it_is_filled_in() -> None:
    japanese = {"{field} ends with {value}": "{field} 末尾一致 {value}", " and ": " かつ "}

    words = in_words(parse("Image:*\\a.exe and User:b"), lambda phrase: japanese.get(phrase, phrase))

    assert words == "Image 末尾一致 '\\a.exe' かつ User is 'b'"
