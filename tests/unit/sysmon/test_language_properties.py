"""Texts and conditions are inverses of each other, and any text is a query or an error."""

from __future__ import annotations

from datetime import UTC

import hypothesis
from hypothesis import strategies as st

from app.errors import BadQuery
from app.sysmon.condition import And, Condition, Match, Not, Operator, Or
from app.sysmon.evaluate import holds
from app.sysmon.events import Event, time_text
from app.sysmon.fields import ANY_FIELD, FIELDS, FieldType
from app.sysmon.language import MAX_DEPTH, MAX_LENGTH, normal_form, parse, to_text
from tests.contract.strategies import conditions as few_conditions
from tests.contract.strategies import events

TEXTS = st.text(
    st.one_of(
        st.sampled_from(
            list('\\\\\\**??""\'()/:<>=!ab .C\t\n\0{}\u3000\uff08\uff1a\uff1e\uff02\u201c\u201dあÄ🦊')
        ),
        st.characters(codec="utf-8"),
    ),
    max_size=12,
)
ODD_TEXTS = st.sampled_from(
    [
        *[
            "and",
            "OR",
            "not",
            "and ",
            "*",
            "**",
            "/a/",
            ">5",
            "=",
            "field(User)",
            "cidr(::/0)",
            "User:bob",
            "EventId=1",
        ],
        *[
            "C:\\Users\\*",
            "\\\\server\\x",
            "\\\\?\\C:\\a",
            "C:\\a\\",
            "10.0.0.0/8",
            "fe80::1",
            "01",
            "1",
            "-1",
            "２",
        ],
        *[
            "http://a",
            "a::b",
            "\\",
            "\\\\",
            '\\"',
            "registry",
            "PROCESSCREATE",
            "Event30",
            "2019-05-18",
            "((",
            "))",
        ],
        *["{5C3485A0-0001-0000-0010-00000000000A}", "2019-05-18 18:20:46.031", "2019-05-18 18:20:46.031001"],
    ]
)
PATTERNS = st.one_of(
    st.sampled_from(
        ["a", "/", "\\/", "a\\\\/b", "[/]", "\\\\", "(?i)x", "a b", "", "^$", " ", '"', "\n", "\\x2f"]
    ),
    st.text("ab/ .*", max_size=6).filter(lambda text: not text.startswith("*") and "**" not in text),
)
NUMBERS = st.one_of(st.integers(-(10**19), 10**19).map(str), st.sampled_from(["+1", "007", "1.50", "-0.5"]))
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(time_text),
    st.sampled_from(
        ["2019-05-18", "2019-05-18T18:20Z", "9999-12-31", "0001-01-01", "2019-05-18 18:20:46.1234567"]
    ),
)


@st.composite
def any_matches(draw: st.DrawFn) -> Match:
    """Draw any comparison that there can be, of values that are hard to write."""
    field = draw(
        st.sampled_from([*FIELDS, ANY_FIELD, ANY_FIELD, "DestinationIp", "Image", "EventId", "UtcTime"])
    )
    operator = draw(st.sampled_from(Operator))
    match operator:
        case Operator.EXISTS:
            value = draw(st.sampled_from(["", "ignored"]))
        case Operator.REGEX:
            value = draw(PATTERNS)
        case Operator.CIDR:
            value = str(draw(st.ip_addresses())) + draw(st.sampled_from(["", "/0", "/8", "/32"]))
        case Operator.FIELD_EQUALS_FIELD:
            value = draw(st.sampled_from(list(FIELDS)))
        case Operator.LESS | Operator.LESS_EQUAL | Operator.GREATER | Operator.GREATER_EQUAL:
            is_time = field != ANY_FIELD and FIELDS[field].type is FieldType.TIME
            value = draw(TIMES if is_time else NUMBERS)
        case _:
            value = draw(st.one_of(TEXTS, ODD_TEXTS))
    return Match(field, operator, value, draw(st.booleans()))


def conditions() -> st.SearchStrategy[Condition]:
    return st.recursive(
        any_matches(),
        lambda parts: st.one_of(
            st.lists(parts, max_size=4).map(lambda some: And(tuple(some))),
            st.lists(parts, max_size=4).map(lambda some: Or(tuple(some))),
            parts.map(Not),
        ),
        max_leaves=8,
    )


@hypothesis.settings(max_examples=400)
@hypothesis.given(any_matches())
def test_text_and_comparison_are_inverses(match: Match) -> None:
    assert parse(to_text(match)) == normal_form(match)


@hypothesis.settings(max_examples=150)
@hypothesis.given(conditions())
def test_text_and_condition_are_inverses(condition: Condition) -> None:
    text = to_text(condition)

    assert parse(text) == normal_form(condition) == normal_form(normal_form(condition))
    assert to_text(parse(text)) == text


@hypothesis.settings(max_examples=100)
@hypothesis.given(few_conditions(), st.lists(events(), min_size=1, max_size=5))
def test_the_normal_form_and_the_text_mean_what_the_condition_means(
    condition: Condition, some: list[Event]
) -> None:
    spelled = parse(to_text(condition))

    for one in some:
        assert holds(normal_form(condition), one) == holds(condition, one) == holds(spelled, one)


@hypothesis.settings(max_examples=300)
@hypothesis.given(
    st.text(
        st.sampled_from(list('ab *?\\"():/<>=1.\u3000\uff1a\u201c\ud800\0')) | st.characters(), max_size=30
    )
)
def test_any_text_is_a_query_or_an_error_that_points_into_it(text: str) -> None:
    condition = fault = None
    try:
        condition = parse(text)
    except BadQuery as error:
        fault = error

    if condition is not None:
        assert parse(to_text(condition)) == condition
    elif fault is not None:
        assert fault.text == text
        assert fault.position in range(len(text) + 1)
        assert str(fault).endswith(".")


def test_a_query_as_deep_as_allowed_can_be_written_and_read_again() -> None:
    condition: Condition = Match(ANY_FIELD, Operator.CONTAINS, "a")
    for level in range(MAX_DEPTH):
        condition = Not(condition) if level % 3 else Or((Match(ANY_FIELD, Operator.CONTAINS, "b"), condition))

    assert parse(to_text(condition)) == condition


def test_a_query_as_long_as_allowed_is_read() -> None:
    text = " or ".join(["abcdef"] * (MAX_LENGTH // 10))
    condition = parse(text)

    assert isinstance(condition, Or)
    assert len(condition.parts) == MAX_LENGTH // 10
