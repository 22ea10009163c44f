"""The query language: what each query means, and how a condition is written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or
from app.sysmon.evaluate import holds
from app.sysmon.events import time_text
from app.sysmon.fields import ANY_FIELD, FIELDS
from app.sysmon.kinds import KINDS, Category
from app.sysmon.language import normal_form, parse, to_text
from tests.builders import network_connect, process_create

EQUALS, CONTAINS, WILDCARD = Operator.EQUALS, Operator.CONTAINS, Operator.WILDCARD
STARTS_WITH, ENDS_WITH, EXISTS = Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.EXISTS
REGEX, CIDR, SAME = Operator.REGEX, Operator.CIDR, Operator.FIELD_EQUALS_FIELD
LESS, LESS_EQUAL = Operator.LESS, Operator.LESS_EQUAL
GREATER, GREATER_EQUAL = Operator.GREATER, Operator.GREATER_EQUAL

CMD, BOB = Match("Image", ENDS_WITH, "\\cmd.exe"), Match("User", EQUALS, "bob")


def word(text: str) -> Match:
    return Match(ANY_FIELD, CONTAINS, text)


def between(field: str, start: str, end: str) -> Condition:
    return And((Match(field, GREATER_EQUAL, start), Match(field, LESS, end)))


MEANINGS: dict[str, Condition] = {
    "": EVERYTHING,
    " \t\u3000": EVERYTHING,
    "*": EVERYTHING,
    "not *": NOTHING,
    "not not *": EVERYTHING,
    # Words and texts
    "powershell": word("powershell"),
    '"net user"': word("net user"),
    "/add": word("/add"),
    "-enc": word("-enc"),
    "pow*ll": Match(ANY_FIELD, WILDCARD, "*pow*ll*"),
    "*pow* ?shell": And((word("pow"), Match(ANY_FIELD, WILDCARD, "*?shell*"))),
    '"a \\"b\\" c"': word('a "b" c'),
    '"User:bob (or) not"': word("User:bob (or) not"),
    '"and"': word("and"),
    "android order nothing": And((word("android"), word("order"), word("nothing"))),
    "http://a.example/x?y": Match(ANY_FIELD, WILDCARD, "*http://a.example/x?y*"),
    "fe80::1": word("fe80::1"),
    "fe80:0:0:0:5c2:8d1e:47b0:63fa": word("fe80:0:0:0:5c2:8d1e:47b0:63fa"),
    "18:20:46": word("18:20:46"),
    "[Convert]::FromBase64String": word("[Convert]::FromBase64String"),
    "MD5=0A0B": word("MD5=0A0B"),
    # Whole values and wildcards
    "User:bob": BOB,
    "user:bob": BOB,
    'USER: "bob"': BOB,
    "Image:*\\cmd.exe": CMD,
    "Image:*\\\\cmd.exe": CMD,
    "CommandLine:*-enc*": Match("CommandLine", CONTAINS, "-enc"),
    'CommandLine:"*net  user*"': Match("CommandLine", CONTAINS, "net  user"),
    "CommandLine:powershell*": Match("CommandLine", STARTS_WITH, "powershell"),
    "Image:*\\c?d.exe": Match("Image", WILDCARD, "*\\c?d.exe"),
    "Image:**a**": Match("Image", CONTAINS, "a"),
    "Image:*": Match("Image", EXISTS),
    'Image:"*"': Match("Image", EXISTS),
    "Image:?": Match("Image", WILDCARD, "?"),
    'Image:""': Match("Image", EQUALS, ""),
    "*:cmd": Match(ANY_FIELD, EQUALS, "cmd"),
    "*:cmd*": Match(ANY_FIELD, STARTS_WITH, "cmd"),
    "*:*": Match(ANY_FIELD, EXISTS),
    # Backslashes
    "Image:C:\\Windows\\System32\\cmd.exe": Match("Image", EQUALS, "C:\\Windows\\System32\\cmd.exe"),
    "Image:C:\\\\Windows\\\\System32\\\\cmd.exe": Match("Image", EQUALS, "C:\\Windows\\System32\\cmd.exe"),
    "Image:C:\\Users\\*": Match("Image", STARTS_WITH, "C:\\Users\\"),
    "Image:C:\\Users\\\\*": Match("Image", STARTS_WITH, "C:\\Users\\"),
    "Image:C:\\\\Users\\*": Match("Image", EQUALS, "C:\\Users*"),
    "C:\\Users\\*": word("C:\\Users\\"),
    'Image:"C:\\Program Files\\*"': Match("Image", STARTS_WITH, "C:\\Program Files\\"),
    'CurrentDirectory:"C:\\Program Files\\\\"': Match("CurrentDirectory", EQUALS, "C:\\Program Files\\"),
    'CurrentDirectory:"C:\\Program Files\\" User:"bob"': And(
        (Match("CurrentDirectory", EQUALS, "C:\\Program Files\\"), BOB)
    ),
    "TargetFilename:*\\Temp\\*": Match("TargetFilename", CONTAINS, "\\Temp\\"),
    "TargetObject:HKLM\\Software\\*\\Run": Match("TargetObject", WILDCARD, "HKLM\\Software\\\\*\\Run"),
    "Image:\\\\server\\share\\*": Match("Image", STARTS_WITH, "\\\\server\\share\\"),
    "Image:\\\\\\\\server\\\\share": Match("Image", EQUALS, "\\\\server\\share"),
    "PipeName:\\lsass": Match("PipeName", EQUALS, "\\lsass"),
    "PipeName:\\\\lsass": Match("PipeName", EQUALS, "\\lsass"),
    "ParentCommandLine:\\??\\C:\\a.exe*": Match("ParentCommandLine", WILDCARD, "\\\\??\\C:\\a.exe*"),
    "CommandLine:*\\**": Match("CommandLine", CONTAINS, "*"),
    "CommandLine:a\\?b": Match("CommandLine", EQUALS, "a?b"),
    "CommandLine:a\\\\": Match("CommandLine", EQUALS, "a\\"),
    'CommandLine:*\\"a*': Match("CommandLine", CONTAINS, '"a'),
    # Joining
    "User:bob Image:*\\cmd.exe": And((BOB, CMD)),
    "User:bob and Image:*\\cmd.exe": And((BOB, CMD)),
    "User:bob OR Image:*\\cmd.exe": Or((BOB, CMD)),
    "a and b or c and not d": Or((And((word("a"), word("b"))), And((word("c"), Not(word("d")))))),
    "a b or c": Or((And((word("a"), word("b"))), word("c"))),
    "not a b": And((Not(word("a")), word("b"))),
    "NOT(a Or b)": Not(Or((word("a"), word("b")))),
    "(a and (b and c)) and d": And((word("a"), word("b"), word("c"), word("d"))),
    "((a))": word("a"),
    "a or *": Or((word("a"), EVERYTHING)),
    "a and *": word("a"),
    # Lists
    "EventId:(1 or 3)": Or((Match("EventId", EQUALS, "1"), Match("EventId", EQUALS, "3"))),
    "DestinationPort:(>=1024 and <2000)": between("DestinationPort", "1024", "2000"),
    'Image:(*\\cmd.exe and not "C:\\x")': And((CMD, Not(Match("Image", EQUALS, "C:\\x")))),
    # Comparisons
    "DestinationPort:>1024": Match("DestinationPort", GREATER, "1024"),
    "DestinationPort: <= 80": Match("DestinationPort", LESS_EQUAL, "80"),
    "Product:<-1.5": Match("Product", LESS, "-1.5"),
    "UtcTime:>=2019-05-18": Match("UtcTime", GREATER_EQUAL, "2019-05-18 00:00:00.000"),
    "UtcTime:>2019-05-18": Match("UtcTime", GREATER_EQUAL, "2019-05-19 00:00:00.000"),
    "Time:<=2019-05-18": Match("Time", LESS, "2019-05-19 00:00:00.000"),
    'Time:<"2019-05-18 18:20"': Match("Time", LESS, "2019-05-18 18:20:00.000"),
    "Time:<2019-05-18T18:20+09:00": Match("Time", LESS, "2019-05-18 09:20:00.000"),
    "UtcTime:2019-05-18": between("UtcTime", "2019-05-18 00:00:00.000", "2019-05-19 00:00:00.000"),
    'UtcTime:"2019-05-18 18:20"': between("UtcTime", "2019-05-18 18:20:00.000", "2019-05-18 18:21:00.000"),
    "UtcTime:2019-05-18T18:20:46.031Z": Match("UtcTime", EQUALS, "2019-05-18 18:20:46.031"),
    "UtcTime:2019-05-1*": Match("UtcTime", STARTS_WITH, "2019-05-1"),
    # Addresses
    "DestinationIp:10.0.0.0/8": Match("DestinationIp", CIDR, "10.0.0.0/8"),
    "SourceIp:10.1.2.3/8": Match("SourceIp", CIDR, "10.0.0.0/8"),
    "*:10.0.0.0/8": Match(ANY_FIELD, CIDR, "10.0.0.0/8"),
    "DestinationIp:fe80::0:1": Match("DestinationIp", CIDR, "fe80::1/128"),
    "DestinationIp:::1": Match("DestinationIp", CIDR, "::1/128"),
    "DestinationIp:10.0.0.1": Match("DestinationIp", EQUALS, "10.0.0.1"),
    'DestinationIp:"10.0.0.0/8"': Match("DestinationIp", EQUALS, "10.0.0.0/8"),
    "QueryName:cidr(10.0.0.0/8)": Match("QueryName", CIDR, "10.0.0.0/8"),
    "CommandLine:10.0.0.0/8": Match("CommandLine", EQUALS, "10.0.0.0/8"),
    # Regular expressions
    "CommandLine:/a b|c/": Match("CommandLine", REGEX, "a b|c"),
    "CommandLine:/a\\/b\\\\/": Match("CommandLine", REGEX, "a/b\\\\"),
    "/fgyt\\..*\\.example/": Match(ANY_FIELD, REGEX, "fgyt\\..*\\.example"),
    "*:/a b/": Match(ANY_FIELD, REGEX, "a b"),
    # Case, and two fields
    "Image:=*\\Cmd.exe": Match("Image", ENDS_WITH, "\\Cmd.exe", case_sensitive=True),
    "*:=*Cmd*": Match(ANY_FIELD, CONTAINS, "Cmd", case_sensitive=True),
    "Image:=/Cmd/": Match("Image", REGEX, "Cmd", case_sensitive=True),
    "ParentUser:field(user)": Match("ParentUser", SAME, "User"),
    "ParentUser:=field(User)": Match("ParentUser", SAME, "User", case_sensitive=True),
    # Values that are known
    "EventId:01": Match("EventId", EQUALS, "1"),
    "EventId:1*": Match("EventId", STARTS_WITH, "1"),
    "Category:Registry": Match("Category", EQUALS, "registry"),
    "Category:*create*": Match("Category", CONTAINS, "create"),
    "Kind:processcreate": Match("Kind", EQUALS, "ProcessCreate"),
    "Kind:event30": Match("Kind", EQUALS, "Event30"),
    "ProcessGuid:{5C3485A0-0001-0000-0010-000000000001}": Match(
        "ProcessGuid", EQUALS, "5c3485a0-0001-0000-0010-000000000001"
    ),
    # Japanese keyboards and word processors
    "Image\uff1a*\\ツール.exe\u3000and\u3000\uff08a or b\uff09": And(
        (Match("Image", ENDS_WITH, "\\ツール.exe"), Or((word("a"), word("b"))))
    ),
    "DestinationPort\uff1a\uff1e\uff1d\uff11\uff10\uff12\uff14": Match(
        "DestinationPort", GREATER_EQUAL, "1024"
    ),
    "EventId:\uff11": Match("EventId", EQUALS, "1"),
    "\u201cnet user\u201d or \u201ea b\u201c": Or((word("net user"), word("a b"))),
    "マルウェア": word("マルウェア"),
    # Odd characters
    "\0": word("\0"),
    '"a\nb"': word("a\nb"),
    "🦊": word("🦊"),
}


@pytest.mark.parametrize("query", MEANINGS)
def test_a_query_means_this_condition(query: str) -> None:
    assert parse(query) == MEANINGS[query]


@pytest.mark.parametrize("query", MEANINGS)
def test_what_a_query_means_is_written_as_a_query_of_the_same_meaning(query: str) -> None:
    condition = MEANINGS[query]

    assert normal_form(condition) == condition
    assert parse(to_text(condition)) == condition


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (EVERYTHING, "*"),
        (NOTHING, "not *"),
        (And((CMD, Not(BOB))), "Image:*\\cmd.exe and not User:bob"),
        (And((CMD, Or((BOB, word("a b"))))), 'Image:*\\cmd.exe and (User:bob or "a b")'),
        (Match("Image", STARTS_WITH, "C:\\Program Files\\"), 'Image:"C:\\Program Files\\*"'),
        (
            Match("CurrentDirectory", EQUALS, "C:\\Program Files\\"),
            'CurrentDirectory:"C:\\Program Files\\\\"',
        ),
        (Match("Image", EQUALS, "C:\\a*"), "Image:C:\\\\a\\*"),
        (Or((Match("EventId", EQUALS, "1"), Match("EventId", EQUALS, "3"))), "EventId:(1 or 3)"),
        (between("UtcTime", "2019-05-18", "2019-05-19"), "UtcTime:(>=2019-05-18 and <2019-05-19)"),
        (Match("Time", LESS_EQUAL, "2019-05-18"), 'Time:<="2019-05-18 00:00:00.000"'),
        (Match("User", EQUALS, "and"), 'User:"and"'),
        (Match("User", EQUALS, "=x"), 'User:"=x"'),
        (Match("CommandLine", REGEX, "^/c", case_sensitive=True), "CommandLine:=/^\\/c/"),
    ],
)
def test_a_condition_is_written_as_a_person_would_write_it(condition: Condition, text: str) -> None:
    assert to_text(condition) == text


@pytest.mark.parametrize("name", [*FIELDS, ANY_FIELD])
def test_every_field_can_be_asked_for_in_any_case(name: str) -> None:
    for spelling in (name, name.upper(), name.lower()):
        assert parse(f"{spelling}:*") == Match(name, EXISTS)


def test_every_category_and_kind_can_be_asked_for() -> None:
    for category in Category:
        assert parse(f"Category:{category}") == Match("Category", EQUALS, category)
    for kind in KINDS.values():
        assert parse(f"Kind:{kind.name}") == Match("Kind", EQUALS, kind.name)


def test_a_pasted_time_of_the_table_finds_its_event() -> None:
    made = process_create()
    assert made.utc_time is not None

    assert holds(parse(f'UtcTime:"{time_text(made.utc_time)}"'), made)
    assert holds(parse(f"UtcTime:{made.utc_time:%Y-%m-%d}"), made)
    assert not holds(parse(f"UtcTime:>{made.utc_time:%Y-%m-%d}"), made)


def test_the_last_day_of_the_calendar_can_be_asked_for() -> None:
    made = process_create(utc_time=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))

    assert holds(parse("UtcTime:9999-12-31"), made)


def test_an_ipv6_address_is_found_however_it_is_shortened() -> None:
    made = network_connect(destination_ip="fe80:0:0:0:0:0:0:1")

    assert holds(parse("DestinationIp:fe80::1"), made)
    assert holds(parse("DestinationIp:fe80::/10"), made)
