"""THE table of cases: what each operator means, by example.

The evaluator and every adapter are run through it (``test_conditions.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or
from app.sysmon.evaluate import holds
from app.sysmon.events import Event, EventKey
from app.sysmon.fields import ANY_FIELD
from tests.builders import NOON, event

EQUALS, CONTAINS, WILDCARD = Operator.EQUALS, Operator.CONTAINS, Operator.WILDCARD
STARTS_WITH, ENDS_WITH = Operator.STARTS_WITH, Operator.ENDS_WITH
REGEX, CIDR, EXISTS, SAME = Operator.REGEX, Operator.CIDR, Operator.EXISTS, Operator.FIELD_EQUALS_FIELD
LESS, LESS_EQUAL = Operator.LESS, Operator.LESS_EQUAL
GREATER, GREATER_EQUAL = Operator.GREATER, Operator.GREATER_EQUAL


@dataclass(frozen=True)
class Case:
    """One comparison of one event, and why it comes out so."""

    condition: Condition
    event: Event
    expected: bool
    why: str

    @cached_property
    def keys(self) -> frozenset[EventKey]:
        """The keys of all events of the table that the evaluator finds."""
        return frozenset(event.key for event in EVENTS if holds(self.condition, event))


CMD = event(1, image="C:\\Windows\\System32\\cmd.exe")
LINES = event(1, command_line="first\nsecond\n")
BARE = event(1, utc_time=None)
EMPTY = event(1, description="")
MICROSECOND = event(5, time=NOON + timedelta(microseconds=123456), utc_time=NOON)
EARLY = event(5, time=datetime(1601, 1, 1, tzinfo=UTC))
LATE = event(5, time=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
PORT = event(3, destination_port=443, source_port=49213)
BIG = event(1, process_id=2**53 + 1, parent_process_id=2**63 - 1, terminal_session_id=-1)
ACCESS = event(
    10,
    image="C:\\a.exe",
    target_image="C:\\A.EXE",
    process_guid="5c3485a0-0000-0000-0010-0000000000aa",
    process_id=10,
    target_process_id=11,
    user="EXAMPLE\\alice",
)
GUID = event(1, process_guid="5c3485a0-1111-2222-3333-0123456789ab")
HASHES = event(1, hashes="MD5=0A0B,SHA256=FF", md5="0A0B", sha256="FF")
UNKNOWN = event(30, other={"Novelty": "Ωmega value", "Count": "7"})
ENVELOPE = event(4, channel="Odd-Channel", level="Odd-Level", event_version=77, record_id=987654321)


def _text(text: str) -> Event:
    return event(1, command_line=text)


def _case(
    expected: bool,
    why: str,
    event_: Event,
    field: str,
    operator: Operator,
    value: str = "",
    *,
    cased: bool = False,
) -> Case:
    return Case(Match(field, operator, value, cased), event_, expected, why)


def _line(
    expected: bool, why: str, text: str, operator: Operator, value: str, *, cased: bool = False
) -> Case:
    """Compare a command line."""
    return _case(expected, why, _text(text), "CommandLine", operator, value, cased=cased)


_EQUALS = [
    _case(True, "case is ignored", CMD, "Image", EQUALS, "c:\\WINDOWS\\system32\\CMD.exe"),
    _case(False, "unless asked for", CMD, "Image", EQUALS, "c:\\windows\\system32\\cmd.exe", cased=True),
    _case(True, "the same case", CMD, "Image", EQUALS, "C:\\Windows\\System32\\cmd.exe", cased=True),
    _case(False, "a part is not the whole", CMD, "Image", EQUALS, "cmd.exe"),
    _case(False, "another field", CMD, "ParentImage", EQUALS, "C:\\Windows\\System32\\cmd.exe"),
    _line(False, "spaces count", "cmd ", EQUALS, "cmd"),
    _line(True, "Greek case is ignored", "ΣΊΣΥΦΟΣ", EQUALS, "σίσυφοσ"),
    _line(False, "final sigma is another letter", "ΣΊΣΥΦΟΣ", EQUALS, "σίσυφος"),
    _line(True, "Cyrillic case is ignored", "ПРИВЕТ", EQUALS, "привет"),
    _line(True, "a dotted capital I is an i", "İSTANBUL", EQUALS, "istanbul"),
    _line(False, "a dotless i is no i", "ISTANBUL", EQUALS, "ıstanbul"),
    _line(True, "the capital sharp s is a sharp s", "STRAẞE", EQUALS, "straße"),
    _line(False, "a sharp s is not two", "STRASSE", EQUALS, "straße"),
    _line(False, "a ligature is not its letters", "ﬁle", EQUALS, "file"),
    _line(True, "the Kelvin sign is a k", "\u212a", EQUALS, "k"),
    _line(False, "the long s is no s", "ſ", EQUALS, "s"),
    _line(True, "title case is a case", "ǅ", EQUALS, "ǆ"),
    _line(True, "case beyond 16 bits", "𐐀", EQUALS, "𐐨"),
    _line(False, "composed and decomposed are two", "\u00e9", EQUALS, "e\u0301"),
    _line(False, "case of Cyrillic when asked for", "ПРИВЕТ", EQUALS, "привет", cased=True),
    _line(True, "an emoji", "echo 🦊", EQUALS, "ECHO 🦊"),
    _line(True, "NUL is a character", "a\0B", EQUALS, "A\0b"),
    _line(False, "NUL does not end a text", "a\0b", EQUALS, "a"),
    _line(False, "a mark that turns writing counts", "a\u202eb", EQUALS, "ab"),
    _line(True, "quotes", 'it\'s "x"', EQUALS, 'IT\'S "X"'),
    _case(False, "a missing field is not empty", BARE, "CommandLine", EQUALS, ""),
    _case(True, "an empty text is", EMPTY, "Description", EQUALS, ""),
    _case(True, "an integer is its digits", PORT, "DestinationPort", EQUALS, "443"),
    _case(False, "no zeros before", PORT, "DestinationPort", EQUALS, "0443"),
    _case(False, "no fraction", PORT, "DestinationPort", EQUALS, "443.0"),
    _case(False, "no sign", PORT, "DestinationPort", EQUALS, "+443"),
    _case(False, "no space", PORT, "DestinationPort", EQUALS, " 443"),
    _case(False, "a text is no integer", PORT, "DestinationPort", EQUALS, "https"),
    _case(False, "an integer beyond 64 bits", PORT, "DestinationPort", EQUALS, "99999999999999999999"),
    _case(True, "a large integer exactly", BIG, "ProcessId", EQUALS, "9007199254740993"),
    _case(False, "and not its neighbour", BIG, "ProcessId", EQUALS, "9007199254740992"),
    _case(True, "the largest", BIG, "ParentProcessId", EQUALS, "9223372036854775807"),
    _case(True, "a negative one", BIG, "TerminalSessionId", EQUALS, "-1"),
    _case(True, "the event ID", CMD, "EventId", EQUALS, "1"),
    _case(False, "the event ID as text", CMD, "EventId", EQUALS, "01"),
    _case(True, "a GUID in capitals", GUID, "ProcessGuid", EQUALS, "5C3485A0-1111-2222-3333-0123456789AB"),
    _case(
        False,
        "and as it is written",
        GUID,
        "ProcessGuid",
        EQUALS,
        "5C3485A0-1111-2222-3333-0123456789AB",
        cased=True,
    ),
    _case(True, "a hash in lower case", HASHES, "MD5", EQUALS, "0a0b"),
    _case(True, "a computer's name", CMD, "Computer", EQUALS, "WS-01.Example"),
    _case(True, "a time in milliseconds", MICROSECOND, "UtcTime", EQUALS, "2019-01-08 12:00:00.000"),
    _case(True, "and in microseconds", MICROSECOND, "Time", EQUALS, "2019-01-08 12:00:00.123456"),
    _case(False, "a time is compared as text", MICROSECOND, "UtcTime", EQUALS, "2019-01-08 12:00:00"),
    _case(False, "a missing time", BARE, "UtcTime", EQUALS, "2019-01-08 12:00:00.000"),
    _case(True, "the first year", EARLY, "UtcTime", EQUALS, "1601-01-01 00:00:00.000"),
    _case(True, "the last moment", LATE, "Time", EQUALS, "9999-12-31 23:59:59.999999"),
]

_PARTS = [
    _case(True, "contains", CMD, "Image", CONTAINS, "SYSTEM"),
    _case(False, "does not contain", CMD, "Image", CONTAINS, "syswow"),
    _case(False, "contains, by case", CMD, "Image", CONTAINS, "SYSTEM", cased=True),
    _case(True, "contains the whole", CMD, "Image", CONTAINS, "c:\\windows\\system32\\cmd.exe"),
    _case(True, "contains the empty text", CMD, "Image", CONTAINS, ""),
    _case(False, "a missing field contains nothing", CMD, "CommandLine", CONTAINS, ""),
    _case(True, "an empty text contains the empty one", EMPTY, "Description", CONTAINS, ""),
    _case(True, "starts with", CMD, "Image", STARTS_WITH, "c:\\WIN"),
    _case(False, "does not start with", CMD, "Image", STARTS_WITH, "Windows"),
    _case(False, "starts with, by case", CMD, "Image", STARTS_WITH, "c:\\WIN", cased=True),
    _case(True, "starts with the empty text", CMD, "Image", STARTS_WITH, ""),
    _case(False, "a missing field starts with nothing", CMD, "CommandLine", STARTS_WITH, ""),
    _case(True, "ends with", CMD, "Image", ENDS_WITH, "\\CMD.EXE"),
    _case(False, "does not end with", CMD, "Image", ENDS_WITH, "cmd"),
    _case(False, "ends with, by case", CMD, "Image", ENDS_WITH, "\\CMD.EXE", cased=True),
    _case(True, "ends with the empty text", CMD, "Image", ENDS_WITH, ""),
    _case(False, "a missing field ends with nothing", CMD, "CommandLine", ENDS_WITH, ""),
    _line(False, "longer than the value", "cmd", ENDS_WITH, "cmd.cmd"),
    _line(True, "a percent sign", "100% sure", CONTAINS, "0% S"),
    _line(False, "a percent sign is no wildcard", "100 sure", CONTAINS, "0%s"),
    _line(False, "an underscore is no wildcard", "abc", CONTAINS, "a_c"),
    _line(False, "a star is no wildcard", "abc", CONTAINS, "a*c"),
    _line(False, "a question mark is no wildcard", "abc", STARTS_WITH, "?b"),
    _line(True, "a backslash is itself", "a\\%b", CONTAINS, "\\%"),
    _line(True, "two backslashes", "\\\\host\\c$", STARTS_WITH, "\\\\HOST"),
    _line(True, "a quote", "echo it's", ENDS_WITH, "'S"),
    _line(True, "a line feed", "first\nsecond", CONTAINS, "T\nS"),
    _line(True, "NUL", "a\0b", CONTAINS, "\0B"),
    _line(True, "NUL in front", "\0b", STARTS_WITH, "\0"),
    _line(True, "NUL behind", "b\0", ENDS_WITH, "\0"),
    _line(True, "Greek parts", "cmd ΑΒΓ", ENDS_WITH, "αβγ"),
    _line(True, "Cyrillic parts", "C:\\ПРИВЕТ\\x", CONTAINS, "\\привет\\"),
    _line(True, "behind a dotted capital I", "İ.exe", ENDS_WITH, "i.EXE"),
    _line(True, "a dotted capital I in the search", "i.exe", STARTS_WITH, "İ."),
    _line(False, "half an emoji's neighbour", "🦊", CONTAINS, "🦋"),
    _case(True, "digits of an integer", PORT, "DestinationPort", CONTAINS, "4"),
    _case(True, "the first digits of an integer", PORT, "SourcePort", STARTS_WITH, "492"),
    _case(True, "the last digits of an integer", PORT, "SourcePort", ENDS_WITH, "13"),
    _case(False, "other digits", PORT, "DestinationPort", CONTAINS, "5"),
    _case(True, "a day of a time", MICROSECOND, "Time", STARTS_WITH, "2019-01-08 "),
    _case(True, "a day of the year 1601", EARLY, "Time", STARTS_WITH, "1601-01-01 00:"),
    _case(True, "a time ends in milliseconds", MICROSECOND, "UtcTime", ENDS_WITH, ":00.000"),
    _case(False, "and not in microseconds", MICROSECOND, "UtcTime", ENDS_WITH, "000000"),
    _case(True, "a GUID's part", GUID, "ProcessGuid", CONTAINS, "-3333-0123456789AB"),
]

_WILDCARDS = [
    _case(True, "any text in front", CMD, "Image", WILDCARD, "*\\CMD.exe"),
    _case(False, "the whole value", CMD, "Image", WILDCARD, "*\\cmd"),
    _case(False, "no part of it", CMD, "Image", WILDCARD, "cmd.exe"),
    _case(True, "in the middle", CMD, "Image", WILDCARD, "c:\\win*\\cmd.???"),
    _case(True, "a doubled backslash is one", CMD, "Image", WILDCARD, "c:\\\\windows\\\\*"),
    _case(False, "a backslash makes a star plain", CMD, "Image", WILDCARD, "C:\\*"),
    _case(True, "doubled it does not", CMD, "Image", WILDCARD, "C:\\\\*"),
    _case(False, "by case", CMD, "Image", WILDCARD, "*\\CMD.exe", cased=True),
    _case(True, "the right case", CMD, "Image", WILDCARD, "*\\cmd.exe", cased=True),
    _case(True, "a star is any value", CMD, "Image", WILDCARD, "*"),
    _case(False, "not a missing one", CMD, "CommandLine", WILDCARD, "*"),
    _case(True, "an empty one", EMPTY, "Description", WILDCARD, "*"),
    _case(True, "no pattern is the empty text", EMPTY, "Description", WILDCARD, ""),
    _case(False, "and no other", CMD, "Image", WILDCARD, ""),
    _line(True, "a plain star", "C:*", WILDCARD, "c:\\*"),
    _line(True, "a plain question mark", "what?", WILDCARD, "what\\?"),
    _line(False, "is no other character", "whatx", WILDCARD, "what\\?"),
    _line(True, "backslash and any text", "a\\b", WILDCARD, "a\\\\*"),
    _line(True, "backslash and plain star", "a\\*", WILDCARD, "a\\\\\\*"),
    _line(False, "which is no text", "a\\b", WILDCARD, "a\\\\\\*"),
    _line(True, "a backslash at the end", "a\\", WILDCARD, "a\\"),
    _line(True, "a backslash before a letter", "a\\n", WILDCARD, "?\\n"),
    _line(False, "a question mark is not nothing", "cmd", WILDCARD, "cmd?"),
    _line(False, "nor two", "cmd12", WILDCARD, "cmd?"),
    _line(True, "it is one emoji", "🦊", WILDCARD, "?"),
    _line(False, "which is not two", "🦊", WILDCARD, "??"),
    _line(False, "two code points are two", "e\u0301", WILDCARD, "?"),
    _line(True, "a star is nothing, too", "cmd", WILDCARD, "c*m*d*"),
    _line(True, "two stars are one", "cmd", WILDCARD, "c**d"),
    _line(True, "a star goes over lines", "first\nsecond", WILDCARD, "first*second"),
    _line(True, "a question mark is a line feed", "first\nsecond", WILDCARD, "first?second"),
    _line(False, "a line feed at the end counts", "cmd\n", WILDCARD, "cmd"),
    _line(True, "NUL", "a\0b", WILDCARD, "A?B"),
    _line(False, "a dot is plain", "abc", WILDCARD, "a.c"),
    _line(False, "a percent sign is plain", "abc", WILDCARD, "a%"),
    _line(False, "an underscore is plain", "abc", WILDCARD, "?_c"),
    _line(True, "brackets are plain", "a[b]", WILDCARD, "*[b]"),
    _line(False, "and no class", "ab", WILDCARD, "a[b]"),
    _line(True, "Cyrillic", "C:\\ПРИВЕТ.exe", WILDCARD, "*\\привет.*"),
    _line(True, "a dotted capital I", "İx", WILDCARD, "i?"),
    _line(False, "no sharp s for two", "STRASSE", WILDCARD, "stra?e"),
    _line(False, "many stars end soon", "a" * 5000, WILDCARD, "*a" * 20 + "b"),
    _case(True, "an integer's digits", PORT, "DestinationPort", WILDCARD, "4?3"),
    _case(True, "a time's", MICROSECOND, "Time", WILDCARD, "2019-*.123456"),
]

_REGEXES = [
    _case(True, "found anywhere", CMD, "Image", REGEX, "system\\d+"),
    _case(False, "not found", CMD, "Image", REGEX, "system\\d{3}"),
    _case(False, "by case", CMD, "Image", REGEX, "SYSTEM", cased=True),
    _case(True, "case as the pattern says", CMD, "Image", REGEX, "(?i)SYSTEM", cased=True),
    _case(False, "the pattern may ask for case", CMD, "Image", REGEX, "(?-i)SYSTEM"),
    _case(True, "from the start", CMD, "Image", REGEX, "^c:\\\\win"),
    _case(False, "only from the start", CMD, "Image", REGEX, "^windows"),
    _case(True, "to the end", CMD, "Image", REGEX, "\\\\CMD\\.exe$"),
    _case(False, "only to the end", CMD, "Image", REGEX, "cmd$"),
    _case(True, "alternatives", CMD, "Image", REGEX, "powershell|cmd"),
    _case(True, "the empty pattern", CMD, "Image", REGEX, ""),
    _case(False, "which a missing field does not match", CMD, "CommandLine", REGEX, ""),
    _case(True, "an empty text", EMPTY, "Description", REGEX, "^$"),
    _case(False, "a full one is not empty", CMD, "Image", REGEX, "^$"),
    _case(False, "a line is no value", LINES, "CommandLine", REGEX, "^second"),
    _case(True, "unless the pattern says so", LINES, "CommandLine", REGEX, "(?m)^second$"),
    _case(False, "the end is behind the last line feed", LINES, "CommandLine", REGEX, "second$"),
    _case(True, "there", LINES, "CommandLine", REGEX, "second\\n$"),
    _case(False, "a dot is no line feed", LINES, "CommandLine", REGEX, "first.second"),
    _case(True, "unless the pattern asks for it", LINES, "CommandLine", REGEX, "(?s)first.second"),
    _case(False, "many dots are none either", LINES, "CommandLine", REGEX, "^.*second"),
    _case(True, "a class may be a line feed", LINES, "CommandLine", REGEX, "first[^x]second"),
    _case(True, "A and z", LINES, "CommandLine", REGEX, "\\Afirst\\nsecond\\n\\z"),
    _line(True, "Cyrillic case", "ПРИВЕТ", REGEX, "^привет$"),
    _line(True, "Cyrillic without anchors", "ПРИВЕТ", REGEX, "привет"),
    _line(False, "Cyrillic by case", "ПРИВЕТ", REGEX, "привет", cased=True),
    _line(True, "a script", "cmd привет", REGEX, "\\p{Cyrillic}"),
    _line(False, "letters of \\w are ASCII", "é", REGEX, "\\w"),
    _line(True, "a dot is one code point", "🦊", REGEX, "^.$"),
    _line(True, "the Kelvin sign is a k", "\u212a", REGEX, "^k$"),
    _line(True, "RE2 has more cases than we: the long s", "ſ", REGEX, "^S$"),
    _line(True, "words", "net user", REGEX, "\\buser\\b"),
    _line(False, "parts of words", "net users", REGEX, "\\buser\\b"),
    _line(True, "counted", "aaa", REGEX, "^a{3}$"),
    _line(True, "NUL", "a\0b", REGEX, "a\\x00b"),
    _line(False, "a percent sign is plain", "100 sure", REGEX, "0%s"),
    _line(False, "an underscore is plain", "abc", REGEX, "a_c"),
    _line(True, "a quote", "it's", REGEX, "t's"),
    _line(True, "an escaped dot", "a.c", REGEX, "^a\\.c$"),
    _line(False, "is a dot", "abc", REGEX, "^a\\.c$"),
    _line(True, "any text between", "start of the end", REGEX, "^start.*end$"),
    _line(False, "but no line feed", "start\nend", REGEX, "^start.*end$"),
    _line(False, "slow elsewhere", "a" * 5000 + "!", REGEX, "(a+)+$"),
    _case(True, "an integer's digits", PORT, "DestinationPort", REGEX, "^4+3$"),
    _case(True, "a time's", MICROSECOND, "Time", REGEX, "^2019.*\\.123456$"),
    _case(True, "of a GUID", GUID, "ProcessGuid", REGEX, "^5C3485A0-"),
]


def _from(address: str) -> Event:
    return event(3, source_ip=address)


_NETWORKS = [
    _case(True, "inside", _from("192.168.1.11"), "SourceIp", CIDR, "192.168.0.0/16"),
    _case(False, "outside", _from("192.169.1.11"), "SourceIp", CIDR, "192.168.0.0/16"),
    _case(True, "a prefix within a byte", _from("172.31.255.255"), "SourceIp", CIDR, "172.16.0.0/12"),
    _case(False, "behind it", _from("172.32.0.0"), "SourceIp", CIDR, "172.16.0.0/12"),
    _case(True, "the first address", _from("10.0.0.0"), "SourceIp", CIDR, "10.0.0.0/30"),
    _case(True, "the last address", _from("10.0.0.3"), "SourceIp", CIDR, "10.0.0.0/30"),
    _case(False, "the next", _from("10.0.0.4"), "SourceIp", CIDR, "10.0.0.0/30"),
    _case(True, "one address", _from("10.0.0.1"), "SourceIp", CIDR, "10.0.0.1"),
    _case(False, "not its longer sister", _from("10.0.0.11"), "SourceIp", CIDR, "10.0.0.1"),
    _case(True, "bits behind the prefix", _from("10.1.2.3"), "SourceIp", CIDR, "10.9.9.9/8"),
    _case(True, "a mask", _from("10.1.2.3"), "SourceIp", CIDR, "10.0.0.0/255.0.0.0"),
    _case(True, "all of IPv4", _from("203.0.113.9"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "IPv6 is not in it", _from("2001:db8::1"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "IPv4 is not in IPv6", _from("203.0.113.9"), "SourceIp", CIDR, "::/0"),
    _case(True, "IPv6", _from("2001:db8:0:1::9"), "SourceIp", CIDR, "2001:db8::/32"),
    _case(True, "IPv6 as Sysmon writes it", _from("fe80:0:0:0:1:2:3:4"), "SourceIp", CIDR, "fe80::/10"),
    _case(True, "IPv6 in capitals", _from("FE80::1"), "SourceIp", CIDR, "fe80::/10"),
    _case(True, "IPv6 with a zone", _from("fe80::1%4"), "SourceIp", CIDR, "fe80::/10"),
    _case(False, "IPv6 outside", _from("2001:db9::1"), "SourceIp", CIDR, "2001:db8::/32"),
    _case(True, "one IPv6 address", _from("0:0:0:0:0:0:0:1"), "SourceIp", CIDR, "::1"),
    _case(True, "IPv4 written in IPv6", _from("::ffff:10.1.2.3"), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(True, "and in hexadecimal", _from("::ffff:a01:203"), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(True, "a network written so", _from("10.1.2.3"), "SourceIp", CIDR, "::ffff:10.0.0.0/104"),
    _case(False, "which is IPv4 then", _from("::ffff:10.1.2.3"), "SourceIp", CIDR, "::/0"),
    _case(False, "a broken address", _from("10.0.0.256"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "three parts", _from("10.0.0"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "five parts", _from("10.0.0.1.2"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "a port behind", _from("10.0.0.1:80"), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(False, "a space behind", _from("10.0.0.1 "), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(False, "a zero before", _from("10.0.0.01"), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(False, "a network is no address", _from("10.0.0.0/8"), "SourceIp", CIDR, "10.0.0.0/8"),
    _case(False, "a name", _from("ws-01"), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "the empty text", _from(""), "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "a missing address", CMD, "SourceIp", CIDR, "0.0.0.0/0"),
    _case(False, "an integer", PORT, "SourcePort", CIDR, "0.0.0.0/0"),
    _case(True, "in any text", event(22, query_results="10.1.2.3"), "QueryResults", CIDR, "10.0.0.0/8"),
]


def _status(text: str) -> Event:
    return event(22, query_status=text)


_NUMBERS = [
    _case(True, "as numbers, not as texts", PORT, "DestinationPort", LESS, "1000"),
    _case(False, "equal is not less", PORT, "DestinationPort", LESS, "443"),
    _case(True, "equal is less or equal", PORT, "DestinationPort", LESS_EQUAL, "443"),
    _case(False, "more is not", PORT, "DestinationPort", LESS_EQUAL, "442"),
    _case(True, "greater", PORT, "SourcePort", GREATER, "443"),
    _case(False, "equal is not greater", PORT, "DestinationPort", GREATER, "443"),
    _case(True, "equal is greater or equal", PORT, "DestinationPort", GREATER_EQUAL, "443"),
    _case(False, "less is not", PORT, "DestinationPort", GREATER_EQUAL, "444"),
    _case(True, "zeros before, in the limit", PORT, "DestinationPort", LESS_EQUAL, "0443"),
    _case(True, "a fraction above an integer", PORT, "DestinationPort", LESS, "443.5"),
    _case(False, "or not below it", PORT, "DestinationPort", GREATER_EQUAL, "443.000000000000000001"),
    _case(True, "a fraction of nothing", PORT, "DestinationPort", GREATER_EQUAL, "443.0"),
    _case(False, "nor less", PORT, "DestinationPort", LESS, "443.0"),
    _case(True, "a fraction below", PORT, "DestinationPort", GREATER, "442.9"),
    _case(True, "exact beyond 53 bits", BIG, "ProcessId", GREATER, "9007199254740992"),
    _case(False, "on both sides", BIG, "ProcessId", GREATER, "9007199254740993"),
    _case(True, "a limit beyond 64 bits", BIG, "ParentProcessId", LESS, "9223372036854775808"),
    _case(True, "far beyond", BIG, "ParentProcessId", LESS, "99999999999999999999"),
    _case(False, "on that side", BIG, "ParentProcessId", GREATER, "9223372036854775808"),
    _case(True, "far below", BIG, "TerminalSessionId", GREATER, "-99999999999999999999"),
    _case(True, "a negative number", BIG, "TerminalSessionId", LESS, "-0"),
    _case(True, "a negative fraction", BIG, "TerminalSessionId", LESS, "-0.5"),
    _case(True, "a sign in the limit", PORT, "DestinationPort", LESS, "+500"),
    _case(False, "a missing number is not less", CMD, "ProcessId", LESS, "1"),
    _case(False, "nor greater", CMD, "ProcessId", GREATER_EQUAL, "0"),
    _case(True, "the event ID", PORT, "EventId", LESS_EQUAL, "3"),
    _case(True, "digits in a text", _status("9003"), "QueryStatus", GREATER, "10"),
    _case(True, "a fraction in a text", _status("1.50"), "QueryStatus", LESS_EQUAL, "1.5"),
    _case(False, "which is equal", _status("1.50"), "QueryStatus", GREATER, "1.5"),
    _case(True, "small fractions", _status("0.100000000000000001"), "QueryStatus", GREATER, "0.1"),
    _case(True, "a sign in a text", _status("-5"), "QueryStatus", LESS, "-4"),
    _case(True, "plus in a text", _status("+5"), "QueryStatus", GREATER_EQUAL, "5"),
    _case(True, "zeros before, in a text", _status("0009"), "QueryStatus", LESS, "10"),
    _case(True, "20 digits", _status("99999999999999999999"), "QueryStatus", GREATER, "1"),
    _case(False, "more digits are a text", _status("1" * 21), "QueryStatus", GREATER, "0"),
    _case(False, "a longer fraction is a text", _status("0." + "1" * 19), "QueryStatus", GREATER, "0"),
    _case(False, "a word", _status("OK"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "hexadecimal", _status("0x10"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "an exponent", _status("1e5"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "infinity", _status("inf"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "not a number", _status("nan"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "a space in front", _status(" 5"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "a line feed behind", _status("5\n"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "a point in front", _status(".5"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "a point behind", _status("5."), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "commas", _status("1,000"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "underscores", _status("1_000"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "other digits than ASCII", _status("٥"), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "the empty text", _status(""), "QueryStatus", GREATER_EQUAL, "0"),
    _case(False, "a version", event(4, version="15.15.1"), "Version", GREATER, "1"),
    _case(False, "a GUID", GUID, "ProcessGuid", GREATER_EQUAL, "0"),
    _case(False, "a category", CMD, "Category", GREATER_EQUAL, "0"),
]

_TIMES = [
    _case(True, "before", MICROSECOND, "UtcTime", LESS, "2019-01-08 12:00:00.001"),
    _case(False, "equal is not before", MICROSECOND, "UtcTime", LESS, "2019-01-08 12:00:00"),
    _case(True, "equal, however it is written", MICROSECOND, "UtcTime", LESS_EQUAL, "2019-01-08T12:00Z"),
    _case(True, "an offset", MICROSECOND, "UtcTime", GREATER_EQUAL, "2019-01-08T21:00:00+09:00"),
    _case(False, "which moves the time", MICROSECOND, "UtcTime", GREATER_EQUAL, "2019-01-08T12:00:00-01:00"),
    _case(True, "a day is its first moment", MICROSECOND, "UtcTime", GREATER, "2019-01-08"),
    _case(True, "microseconds", MICROSECOND, "Time", GREATER, "2019-01-08 12:00:00.123455"),
    _case(False, "exactly", MICROSECOND, "Time", GREATER, "2019-01-08 12:00:00.123456"),
    _case(
        True,
        "below the microsecond is cut",
        MICROSECOND,
        "Time",
        GREATER_EQUAL,
        "2019-01-08 12:00:00.1234569",
    ),
    _case(True, "the year 1601", EARLY, "Time", LESS, "1601-01-01 00:00:00.000001"),
    _case(True, "the year 9999", LATE, "Time", GREATER, "9999-12-31 23:59:59"),
    _case(True, "the first year of all", EARLY, "Time", GREATER, "0001-01-01"),
    _case(False, "a missing time is not before", BARE, "UtcTime", LESS, "9999-12-31"),
    _case(False, "nor after", BARE, "UtcTime", GREATER, "0001-01-01"),
]

_EXISTENCE = [
    _case(True, "there", CMD, "Image", EXISTS),
    _case(False, "missing", CMD, "CommandLine", EXISTS),
    _case(True, "an empty text is there", EMPTY, "Description", EXISTS),
    _case(True, "an integer", PORT, "SourcePort", EXISTS),
    _case(False, "a missing integer", CMD, "SourcePort", EXISTS),
    _case(True, "the time", BARE, "Time", EXISTS),
    _case(False, "a missing time", BARE, "UtcTime", EXISTS),
    _case(True, "a category", UNKNOWN, "Category", EXISTS),
    _case(False, "no event has it", CMD, "ConfigurationFileHash", EXISTS),
    _case(True, "some field", BARE, ANY_FIELD, EXISTS),
    Case(Not(Match("CommandLine", EXISTS)), CMD, True, "not there"),
]

_SCOPES = [
    _case(True, "the source has its own name", ACCESS, "SourceImage", EQUALS, "C:\\a.exe"),
    _case(False, "and not that of other events", ACCESS, "Image", EQUALS, "C:\\a.exe"),
    _case(True, "Process spans both", ACCESS, "Process", EQUALS, "C:\\a.exe"),
    _case(True, "elsewhere it is Image", CMD, "Image", ENDS_WITH, "cmd.exe"),
    _case(False, "and not SourceImage", CMD, "SourceImage", ENDS_WITH, "cmd.exe"),
    _case(True, "Process is Image there", CMD, "Process", ENDS_WITH, "cmd.exe"),
    _case(True, "the target is no source", ACCESS, "TargetImage", EQUALS, "C:\\a.exe"),
    _case(False, "Image is missing in event 10", ACCESS, "Image", EXISTS),
    _case(False, "SourceImage is missing in event 1", CMD, "SourceImage", EXISTS),
    _case(True, "SourceProcessId", ACCESS, "SourceProcessId", EQUALS, "10"),
    _case(False, "is no ProcessId", ACCESS, "ProcessId", EQUALS, "10"),
    _case(False, "compared neither", ACCESS, "ProcessId", LESS, "100"),
    _case(True, "but a SubjectProcessId", ACCESS, "SubjectProcessId", LESS, "11"),
    _case(True, "SourceProcessGuid", ACCESS, "SourceProcessGuid", ENDS_WITH, "AA"),
    _case(False, "is no ProcessGuid", ACCESS, "ProcessGuid", ENDS_WITH, "AA"),
    _case(True, "but a SubjectProcessGuid", ACCESS, "SubjectProcessGuid", ENDS_WITH, "AA"),
    _case(True, "SourceUser", ACCESS, "SourceUser", REGEX, "alice"),
    _case(False, "is no User", ACCESS, "User", REGEX, "alice"),
    _case(True, "but a SubjectUser", ACCESS, "SubjectUser", WILDCARD, "*\\alice"),
    _case(True, "in event 8 too", event(8, image="C:\\b.exe"), "SourceImage", CONTAINS, "b.exe"),
    _case(False, "Image is missing in event 8", event(8, image="C:\\b.exe"), "Image", CONTAINS, "b.exe"),
    Case(Not(Match("Image", EQUALS, "C:\\a.exe")), ACCESS, True, "Not of a name that is missing there"),
    Case(Not(Match("Process", EQUALS, "C:\\a.exe")), ACCESS, False, "Not of the spanning name"),
    Case(Not(Match("SourceImage", EXISTS)), CMD, True, "Not of a source that is missing"),
]

_DERIVED = [
    _case(True, "a category", ACCESS, "Category", EQUALS, "Process_Access"),
    _case(False, "by case", ACCESS, "Category", EQUALS, "Process_Access", cased=True),
    _case(False, "another category", ACCESS, "Category", EQUALS, "create_process"),
    _case(True, "a category of several IDs", event(23), "Category", STARTS_WITH, "create_file"),
    _case(True, "a part of it", PORT, "Category", CONTAINS, "NET"),
    _case(True, "a kind", PORT, "Kind", EQUALS, "networkconnect"),
    _case(True, "kinds by wildcard", event(14), "Kind", WILDCARD, "registry*"),
    _case(True, "kinds by pattern", event(12), "Kind", REGEX, "^Registry(Object|Rename)$"),
    _case(False, "an ID has one kind", event(13), "Kind", REGEX, "^Registry(Object|Rename)$"),
    _case(True, "an unknown ID has a kind", UNKNOWN, "Kind", EQUALS, "Event30"),
    _case(True, "and the category other", UNKNOWN, "Category", EQUALS, "other"),
    _case(False, "another unknown ID", UNKNOWN, "Kind", EQUALS, "Event31"),
    _case(True, "unknown kinds by wildcard", UNKNOWN, "Kind", WILDCARD, "event3?"),
    _case(True, "unknown kinds by pattern", UNKNOWN, "Kind", REGEX, "^Event\\d+$"),
    _case(True, "which known ones are not", CMD, "Kind", CONTAINS, "create"),
    Case(Not(Match("Category", EQUALS, "other")), CMD, True, "Not of a category"),
    Case(Not(Match("Kind", EQUALS, "Event30")), UNKNOWN, False, "Not of a kind"),
]

_KEYWORDS = [
    _case(True, "in a text", CMD, ANY_FIELD, CONTAINS, "SYSTEM32"),
    _case(False, "by case", CMD, ANY_FIELD, CONTAINS, "SYSTEM32", cased=True),
    _case(False, "nowhere", CMD, ANY_FIELD, CONTAINS, "syswow64"),
    _case(True, "in other, beyond ASCII", UNKNOWN, ANY_FIELD, CONTAINS, "ωMEGA"),
    _case(True, "a value of other", UNKNOWN, ANY_FIELD, EQUALS, "7"),
    _case(False, "no name in other", UNKNOWN, ANY_FIELD, CONTAINS, "novelty"),
    _case(True, "in a GUID", GUID, ANY_FIELD, CONTAINS, "1111-2222-3333"),
    _case(True, "a whole GUID", GUID, ANY_FIELD, EQUALS, "5C3485A0-1111-2222-3333-0123456789AB"),
    _case(True, "in an integer", PORT, ANY_FIELD, EQUALS, "443"),
    _case(True, "digits of an integer", PORT, ANY_FIELD, CONTAINS, "921"),
    _case(True, "in the computer's name", BARE, ANY_FIELD, CONTAINS, "WS-01"),
    _case(False, "not in a time", CMD, ANY_FIELD, CONTAINS, "2019-01-08 12"),
    _case(False, "not in a time read as number", CMD, ANY_FIELD, CONTAINS, "1546948800"),
    _case(True, "in Hashes", HASHES, ANY_FIELD, CONTAINS, "md5=0a0b"),
    _case(False, "not in the split hashes", HASHES, ANY_FIELD, EQUALS, "0a0b"),
    _case(False, "not in the channel", ENVELOPE, ANY_FIELD, CONTAINS, "odd-channel"),
    _case(False, "not in the level", ENVELOPE, ANY_FIELD, CONTAINS, "odd-level"),
    _case(False, "not in the version", ENVELOPE, ANY_FIELD, EQUALS, "77"),
    _case(False, "not in the record number", ENVELOPE, ANY_FIELD, CONTAINS, "987654321"),
    _case(False, "not in the event ID", ENVELOPE, ANY_FIELD, EQUALS, "4"),
    _case(False, "not in the kind", ENVELOPE, ANY_FIELD, CONTAINS, "ServiceState"),
    _case(True, "in a source's field", ACCESS, ANY_FIELD, CONTAINS, "alice"),
    _case(True, "one whole value", CMD, ANY_FIELD, WILDCARD, "*\\cmd.exe"),
    _case(False, "one value, not two", ACCESS, ANY_FIELD, WILDCARD, "C:\\\\a.exe*alice"),
    _case(True, "by pattern", UNKNOWN, ANY_FIELD, REGEX, "^ωmega.value$"),
    _case(True, "starts one value", ACCESS, ANY_FIELD, STARTS_WITH, "example\\"),
    _case(True, "ends one value", UNKNOWN, ANY_FIELD, ENDS_WITH, " VALUE"),
    _case(True, "an address", _from("10.7.7.7"), ANY_FIELD, CIDR, "10.7.0.0/16"),
    _case(True, "an address in other", event(3, other={"Ip": "10.8.0.1"}), ANY_FIELD, CIDR, "10.8.0.0/16"),
    _case(True, "a number", PORT, ANY_FIELD, GREATER, "49000"),
    _case(True, "a number in other", UNKNOWN, ANY_FIELD, GREATER_EQUAL, "7"),
    _case(False, "no number", CMD, ANY_FIELD, GREATER_EQUAL, "0"),
    _case(True, "the empty text is in all", BARE, ANY_FIELD, CONTAINS, ""),
    _case(True, "a percent sign", _text("50%_off"), ANY_FIELD, CONTAINS, "%_O"),
    _case(True, "some field is like another", ACCESS, ANY_FIELD, SAME, "TargetImage"),
    Case(Not(Match(ANY_FIELD, CONTAINS, "cmd.exe")), CMD, False, "Not of a keyword that is there"),
    Case(Not(Match(ANY_FIELD, CONTAINS, "cmd.exe")), BARE, True, "Not of a keyword that is not"),
    Case(Not(Match(ANY_FIELD, CONTAINS, "ωmega")), UNKNOWN, False, "Not of a keyword in other"),
]

_SAME_TEXT = [
    _case(True, "the same but for case", ACCESS, "SourceImage", SAME, "TargetImage"),
    _case(False, "by case", ACCESS, "SourceImage", SAME, "TargetImage", cased=True),
    _case(False, "the scope counts", ACCESS, "Image", SAME, "TargetImage"),
    _case(False, "on both sides", ACCESS, "TargetImage", SAME, "Image"),
    _case(False, "different", ACCESS, "SourceProcessId", SAME, "TargetProcessId"),
    _case(
        True,
        "integers",
        event(3, source_port=445, destination_port=445),
        "SourcePort",
        SAME,
        "DestinationPort",
    ),
    _case(
        True,
        "integer and text",
        event(1, terminal_session_id=0, company="0"),
        "TerminalSessionId",
        SAME,
        "Company",
    ),
    _case(
        False, "as texts", event(1, terminal_session_id=0, company="00"), "TerminalSessionId", SAME, "Company"
    ),
    _case(False, "both missing", CMD, "CommandLine", SAME, "ParentCommandLine"),
    _case(False, "the second missing", CMD, "Image", SAME, "ParentImage"),
    _case(False, "the first missing", CMD, "ParentImage", SAME, "Image"),
    _case(True, "itself", CMD, "Image", SAME, "Image"),
    _case(False, "itself when missing", CMD, "CommandLine", SAME, "CommandLine"),
    _case(True, "empty texts", event(1, description="", company=""), "Description", SAME, "Company"),
    _case(True, "times", CMD, "Time", SAME, "UtcTime"),
    _case(False, "times that differ", MICROSECOND, "Time", SAME, "UtcTime"),
    _case(True, "a kind", event(1, description="processCREATE"), "Kind", SAME, "Description"),
    _case(True, "Greek", event(1, description="ΑΒΓ", company="αβγ"), "Description", SAME, "Company"),
    Case(Not(Match("Image", SAME, "ParentImage")), CMD, True, "Not of a missing one"),
]

_MISSING = Match("CommandLine", CONTAINS, "x")
_TRUE = Match("Image", ENDS_WITH, "cmd.exe")
_FALSE = Match("Image", ENDS_WITH, "calc.exe")

_LOGIC = [
    Case(EVERYTHING, BARE, True, "And of nothing"),
    Case(NOTHING, CMD, False, "Or of nothing"),
    Case(Not(EVERYTHING), CMD, False, "Not of all"),
    Case(Not(NOTHING), BARE, True, "Not of none"),
    Case(And((_TRUE,)), CMD, True, "And of one"),
    Case(Or((_FALSE,)), CMD, False, "Or of one"),
    Case(And((_TRUE, _FALSE)), CMD, False, "And needs all"),
    Case(Or((_FALSE, _TRUE)), CMD, True, "Or needs one"),
    Case(_MISSING, CMD, False, "missing"),
    Case(Not(_MISSING), CMD, True, "Not of missing"),
    Case(Not(Not(_MISSING)), CMD, False, "Not of Not of missing"),
    Case(And((_TRUE, _MISSING)), CMD, False, "And with missing"),
    Case(And((_TRUE, Not(_MISSING))), CMD, True, "And with Not of missing"),
    Case(Or((_FALSE, _MISSING)), CMD, False, "Or with missing"),
    Case(Or((_MISSING, _TRUE)), CMD, True, "Or of missing and true"),
    Case(Not(And((_TRUE, _MISSING))), CMD, True, "Not of And with missing"),
    Case(Not(Or((_FALSE, _MISSING))), CMD, True, "Not of Or with missing"),
    Case(Not(Match("DestinationPort", LESS, "5")), CMD, True, "Not of a missing number"),
    Case(Not(Match("SourceIp", CIDR, "0.0.0.0/0")), CMD, True, "Not of a missing address"),
    Case(Not(Match("QueryStatus", LESS, "5")), _status("OK"), True, "Not of what is no number"),
    Case(Not(Match("CommandLine", REGEX, ".")), CMD, True, "Not of a missing text's pattern"),
    Case(Not(Match("CommandLine", WILDCARD, "*")), CMD, True, "Not of a missing text's wildcard"),
    Case(Not(Match("UtcTime", LESS, "9999-01-01")), BARE, True, "Not of a missing time"),
    Case(And((Or((_FALSE, Not(_FALSE))), Not(And((_FALSE, _TRUE))))), CMD, True, "a tree"),
]

GROUPS: dict[str, list[Case]] = {
    "equals": _EQUALS,
    "parts": _PARTS,
    "wildcard": _WILDCARDS,
    "regex": _REGEXES,
    "cidr": _NETWORKS,
    "numbers": _NUMBERS,
    "times": _TIMES,
    "exists": _EXISTENCE,
    "scopes": _SCOPES,
    "derived": _DERIVED,
    "keywords": _KEYWORDS,
    "field equals field": _SAME_TEXT,
    "logic": _LOGIC,
}
"""All cases by what they are about."""

EVENTS: tuple[Event, ...] = tuple(
    {case.event.key: case.event for group in GROUPS.values() for case in group}.values()
)
"""The events of all cases, each once."""
