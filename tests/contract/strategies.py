"""Random events and conditions over few values, so that they meet."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.events import Event
from app.sysmon.fields import ANY_FIELD
from tests.builders import NOON, Said, event

#: Texts that look alike to engines that fold, escape or count in another way.
TEXTS = [
    *["", "a", "A", "ab", "aB", "b%", "b_", "B*", "a?b", "a\\b", "\\", "a\nb", "a\0b", "'", '"', " a", "a "],
    *["ä", "Ä", "İ", "i", "ß", "ẞ", "ss", "Σ", "σ", "ς", "🦊", "\u00e9", "e\u0301", "привет", "ПРИВЕТ"],
    *["443", "44", "-1", "0443", "1.5", "0x10", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "cmd.exe"],
    *["C:\\Windows\\System32\\cmd.exe", "c:\\windows\\SYSTEM32\\CMD.EXE", "create_process", "Event30"],
]
TEXT_COLUMNS = ("image", "command_line", "target_image", "destination_ip", "query_status", "user")
INTEGER_COLUMNS = ("process_id", "destination_port")
FIELD_NAMES = [
    *[
        "Image",
        "SourceImage",
        "Process",
        "CommandLine",
        "TargetImage",
        "DestinationIp",
        "QueryStatus",
        "User",
    ],
    *["ProcessId", "SubjectProcessId", "DestinationPort", "EventId", "Category", "Kind", "Computer"],
    ANY_FIELD,
]
PATTERNS = [
    "a",
    "^a",
    "b$",
    "a.b",
    "^.$",
    "(?s)a.b",
    "A|B",
    "\\d+",
    "^$",
    "[^a]",
    "ß",
    "σ",
    "привет",
    "\\\\",
    "%",
    "",
]
WILDCARDS = [
    "*",
    "?",
    "a*",
    "*b",
    "*a*",
    "a?b",
    "\\*",
    "\\\\*",
    "*\\cmd.exe",
    "b\\?",
    "??",
    "",
    "*%",
    "İ",
    "*É*",
]
NETWORKS = ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fe80::/10", "10.0.0.1"]
NUMBERS = ["0", "1", "-1", "443", "443.0", "442.5", "99999999999999999999"]
TIMES = ["2019-01-08 12:00:00.000", "2019-01-08", "2019-01-08T12:00:00.000001Z", "1601-01-01"]

MICROSECOND = timedelta(microseconds=1)

_texts = st.sampled_from(TEXTS)
_integers = st.sampled_from([-1, 0, 1, 44, 443, 2**40])


@st.composite
def events(draw: st.DrawFn, computers: tuple[str, ...] = ("ws-01", "WS-02")) -> Event:
    """Draw an event: few keys, so that duplicates are common."""
    columns: dict[str, st.SearchStrategy[Said]] = {
        **dict.fromkeys(TEXT_COLUMNS, _texts),
        **dict.fromkeys(INTEGER_COLUMNS, _integers),
    }
    said: dict[str, Said] = draw(st.fixed_dictionaries({}, optional=columns))
    time = NOON + draw(st.sampled_from([0, 0, 1, 1000, 3_600_000_000, -86_400_000_000 * 40])) * MICROSECOND
    return event(
        draw(st.sampled_from([1, 1, 3, 8, 10, 22, 30])),
        time=time,
        computer=draw(st.sampled_from(computers)),
        record_id=draw(st.sampled_from([None, *range(6)])),
        utc_time=draw(st.sampled_from([None, NOON, NOON + timedelta(milliseconds=1)])),
        other=draw(st.dictionaries(st.sampled_from(["X", "Y"]), _texts, max_size=2)),
        **said,
    )


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Draw a comparison that its operator can use."""
    operator = draw(st.sampled_from(list(Operator)))
    field = draw(st.sampled_from(FIELD_NAMES))
    match operator:
        case Operator.REGEX:
            value = draw(st.sampled_from(PATTERNS))
        case Operator.WILDCARD:
            value = draw(st.sampled_from(WILDCARDS))
        case Operator.CIDR:
            value = draw(st.sampled_from(NETWORKS))
        case Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
            field = draw(st.sampled_from([*FIELD_NAMES, "Time", "UtcTime"]))
            value = draw(st.sampled_from(TIMES if field.endswith("Time") else NUMBERS))
        case Operator.EXISTS:
            value = ""
        case Operator.FIELD_EQUALS_FIELD:
            value = draw(st.sampled_from([name for name in FIELD_NAMES if name != ANY_FIELD]))
        case _:
            value = draw(_texts)
    return Match(field, operator, value, draw(st.booleans()))


def conditions() -> st.SearchStrategy[Condition]:
    """Draw a tree of comparisons."""
    return st.recursive(
        matches(),
        lambda parts: st.one_of(
            st.lists(parts, max_size=3).map(lambda some: And(tuple(some))),
            st.lists(parts, max_size=3).map(lambda some: Or(tuple(some))),
            parts.map(Not),
        ),
        max_leaves=5,
    )
