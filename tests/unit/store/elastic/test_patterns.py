"""Texts and patterns as expressions of Lucene: the same as the evaluator says, or more where it may be."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.elastic.decimals import decimals_between
from app.store.elastic.expressions import (
    ANYTHING,
    LAST,
    Node,
    can_match,
    chars,
    is_small,
    longest_run,
    others,
    sequence,
    written,
)
from app.store.elastic.networks import addresses_in
from app.store.elastic.patterns import MAX_LENGTH, alike, choice_of, compared, expression_of, one_of
from app.store.elastic.regexes import expression_of_regex
from app.sysmon.condition import Match, Operator
from app.sysmon.evaluate import holds
from app.sysmon.text import fold
from app.sysmon.values import regex
from tests.builders import event
from tests.contract.cases import Case
from tests.contract.cases_of_fields import NETWORKS_CASES
from tests.contract.cases_of_texts import PARTS_CASES, REGEXES_CASES, WILDCARDS_CASES
from tests.contract.strategies import NETWORKS, PATTERNS, TEXTS, WILDCARDS

PLAIN = [
    Operator.EQUALS,
    Operator.CONTAINS,
    Operator.STARTS_WITH,
    Operator.ENDS_WITH,
]
LETTERS = 'abkKsSiIİıſ\u212aßẞσςΣåÅ\u212bǆǅ.\\*?[]-^(){}|"#@&<>~ \n\0é🦊𐐀'
texts = st.one_of(st.sampled_from(TEXTS), st.text(alphabet=LETTERS, max_size=6))


@cache
def as_python(expression: str) -> re.Pattern[str]:
    """Return a Lucene expression as Python's: a point is any character, a backslash makes plain."""
    return re.compile(expression, re.DOTALL)


def matches(node: Node, text: str) -> bool:
    return as_python(written(node)).fullmatch(text) is not None


def is_true(match: Match, text: str) -> bool:
    return holds(match, event(1, command_line=text))


@given(st.sampled_from(PLAIN), texts, st.booleans(), texts)
def test_a_plain_text_is_compared_as_the_evaluator_does(
    operator: Operator, value: str, cased: bool, text: str
) -> None:
    match = Match("CommandLine", operator, value, cased)

    assert matches(expression_of(match), text) is is_true(match, text)


@given(st.one_of(st.sampled_from(WILDCARDS), texts), st.booleans(), texts)
def test_a_wildcard_is_compared_as_the_evaluator_does(value: str, cased: bool, text: str) -> None:
    match = Match("CommandLine", Operator.WILDCARD, value, cased)

    assert matches(expression_of(match), text) is is_true(match, text)


@pytest.mark.parametrize("case", [*PARTS_CASES, *WILDCARDS_CASES], ids=lambda case: case.why)
def test_the_table_of_cases_holds_for_texts(case: Case) -> None:
    match = case.condition
    assert isinstance(match, Match)
    text = case.event.text_of("command_line")
    if match.field == "CommandLine" and text is not None and len(text) < 1000:
        assert matches(expression_of(match), text) is case.expected


def test_a_class_has_all_that_folds_alike() -> None:
    for code in [*range(0xD800), *range(0xE000, LAST + 1, 7)]:
        character = chr(code)
        folded = fold(character)
        if folded != character:
            assert matches(alike(folded), character)
            assert alike(character) == alike(folded)


ATOMS = [
    *[
        "a",
        "B",
        "k",
        "s",
        "ß",
        "σ",
        ".",
        "\\.",
        "\\\\",
        "[a-c]",
        "[^a]",
        "[^\\W]",
        "\\d",
        "\\W",
        "\\s",
        "[[:alpha:]]",
    ],
    *[
        "(?i:k)",
        "(?-i:K)",
        "\\x41",
        "\\x{df}",
        "\\pL",
        "[\\pN]",
        "\\Qa.\\E",
        "^",
        "$",
        "\\b",
        "(?m)^",
        "(?s).",
        "\\n",
    ],
    *[
        "[]a]",
        "[a\\]-]",
        "\\101",
        "(?P<name>b)",
        "[K]",
        "{",
        "x{",
        "[^\\pL]",
        "\\B",
        "\\A",
        "\\z",
        "-",
    ],
]


def regexes() -> st.SearchStrategy[str]:
    """Draw patterns that RE2 takes."""
    atoms = st.sampled_from(ATOMS)
    return st.recursive(
        atoms,
        lambda parts: st.one_of(
            st.lists(parts, min_size=1, max_size=4).map("".join),
            st.lists(parts, min_size=1, max_size=3).map("|".join),
            parts.map(lambda part: f"({part})"),
            st.tuples(parts, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{3,40}"])).map(
                lambda part: f"(?:{part[0]}){part[1]}"
            ),
        ),
        max_leaves=6,
    )


@given(st.one_of(st.sampled_from(PATTERNS), regexes()), st.booleans(), texts)
def test_a_pattern_matches_at_least_what_re2_finds(pattern: str, cased: bool, text: str) -> None:
    if regex(pattern, cased).search(text):
        assert matches(expression_of_regex(pattern, cased), text)


@pytest.mark.parametrize("case", REGEXES_CASES, ids=lambda case: case.why)
def test_the_table_of_cases_holds_for_patterns(case: Case) -> None:
    match = case.condition
    assert isinstance(match, Match)
    text = case.event.text_of("command_line")
    if case.expected and match.field == "CommandLine" and text is not None:
        assert matches(expression_of_regex(match.value, match.case_sensitive), text)


def test_a_pattern_is_any_letter_that_re2_takes_for_the_same() -> None:
    for code in [*range(0x600), *range(0x1E00, 0x2200), *range(0x2C00, 0x2E00), *range(0x10400, 0x10450)]:
        character = chr(code)
        if character.lower() != character or character.upper() != character:
            node = expression_of_regex(f"^[{re.escape(character)}]$", False)
            for other in {character, character.lower()[0], character.upper()[0]}:
                if regex(f"^[{re.escape(character)}]$", False).search(other):
                    assert matches(node, other), (character, other)


@pytest.mark.parametrize(
    ("pattern", "expression"),
    [
        ("^cmd\\.exe$", "[Cc][Mm][Dd]\\.[Ee][Xx][Ee]"),
        ("a|^b", "(.*[Aa].*|[Bb].*)"),
        ("(?-i)a{2,3}", ".*a{2,3}.*"),
        ("(?-i)a.b", ".*a[^\\\n]b.*"),
        ("\\C", ".*"),
        ("(?-i)\\ba+?\\b", ".*a+.*"),
        ("(?-i)[^ab]", ".*[^ab].*"),
    ],
)
def test_a_pattern_is_written_so(pattern: str, expression: str) -> None:
    assert written(expression_of_regex(pattern, False)) == expression


@pytest.mark.parametrize("case", NETWORKS_CASES, ids=lambda case: case.why)
def test_networks_have_their_addresses(case: Case) -> None:
    match = case.condition
    text = case.event.text_of("source_ip")
    if isinstance(match, Match) and match.field == "SourceIp" and text is not None:
        sure, maybe = addresses_in(match.value)
        assert matches(maybe, text) or not case.expected
        assert case.expected or sure is None or not matches(sure, text)


@given(
    st.sampled_from(
        [*NETWORKS, "192.168.4.0/22", "172.16.0.0/12", "8.8.8.8/31", "2001:db8::/32", "fe80::/65", "::1"]
    ),
    st.one_of(
        st.ip_addresses().map(str),
        st.ip_addresses(network="192.168.0.0/20").map(str),
        st.ip_addresses(network="fe80::/9").map(lambda address: address.exploded.upper()),
        st.ip_addresses(network="10.0.0.0/7").map(lambda address: f"::ffff:{address}"),
        st.ip_addresses(network="0.0.0.0/0").map(
            lambda address: f"0:0:0:0:0:FFFF:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"
        ),
        st.text(alphabet="0123456789.:f%", max_size=15),
    ),
)
def test_a_network_has_its_addresses(network: str, text: str) -> None:
    is_inside = holds(Match("SourceIp", Operator.CIDR, network), event(3, source_ip=text))
    sure, maybe = addresses_in(network)

    assert matches(maybe, text) or not is_inside
    assert is_inside or sure is None or not matches(sure, text)


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 10**19), st.integers(0, 10**19))
def test_a_range_of_integers_is_their_digits(low: int, high: int, start: int, end: int) -> None:
    node = decimals_between(low, high)

    assert (node is None) is (low > high)
    if node is not None:
        assert [number for number in range(2100) if matches(node, str(number))] == [*range(low, high + 1)]
    large = decimals_between(*sorted([start, end]))
    assert large is not None
    assert len(written(large)) < MAX_LENGTH
    assert matches(large, str((start + end) // 2))
    assert not matches(large, str(max(start, end) + 1))


@given(st.sets(texts, min_size=1, max_size=8), texts)
def test_a_list_of_texts_is_each_of_them(values: set[str], text: str) -> None:
    node = choice_of(sorted({fold(value) for value in values}))

    assert matches(node, text) is (fold(text) in {fold(value) for value in values})


def test_a_long_list_is_a_few_expressions_none_of_them_too_long() -> None:
    images = [f"C:\\Windows\\System32\\tool-{number}.exe" for number in range(3000)]

    found = one_of("path", images).sure.to_dict()["bool"]["should"]

    assert all(len(query["regexp"]["path"]["value"]) <= MAX_LENGTH + 50 for query in found)
    assert len(found) < 300
    whole = [as_python(query["regexp"]["path"]["value"]) for query in found]
    assert all(any(one.fullmatch(image.upper()) for one in whole) for image in images[::50])


@pytest.mark.parametrize("operator", [Operator.EQUALS, Operator.STARTS_WITH])
def test_a_text_that_is_too_long_for_one_expression_is_asked_for_in_pieces(operator: Operator) -> None:
    value = "Kilroy was here; " * 40

    bounds = compared("path", Match("CommandLine", operator, value))

    pieces = [query["regexp"]["path"]["value"] for query in bounds.sure.to_dict()["bool"]["filter"]]
    assert bounds.exact
    assert all(len(piece) <= MAX_LENGTH for piece in pieces)
    assert all(as_python(piece).fullmatch(value.upper()) for piece in pieces)
    changed = value[:500] + "x" + value[501:]
    assert not all(as_python(piece).fullmatch(changed) for piece in pieces)


@pytest.mark.parametrize(
    "match",
    [
        Match("CommandLine", Operator.CONTAINS, "Kilroy was here; " * 40),
        Match("CommandLine", Operator.ENDS_WITH, "Kilroy was here; " * 40),
        Match("CommandLine", Operator.WILDCARD, "*a" + "?" * 30 + "b-needle*"),
        Match("CommandLine", Operator.WILDCARD, "*a" + "?" * 30 + "b-needle*", case_sensitive=True),
    ],
)
def test_what_lucene_would_not_take_is_asked_for_by_its_longest_piece(match: Match) -> None:
    bounds = compared("path", match)

    assert bounds.sure.to_dict() == {"match_none": {}}
    assert "needle" in str(bounds.maybe.to_dict()).lower().replace("[nn][ee][ee][dd][ll][ee]", "needle") or (
        "[Kk" in str(bounds.maybe.to_dict())
    )


def test_the_size_of_an_automaton_is_foretold() -> None:
    assert is_small(expression_of(Match("Image", Operator.WILDCARD, "*a???b*")))
    assert not is_small(expression_of(Match("Image", Operator.WILDCARD, "*a" + "?" * 12 + "b*")))
    assert is_small(expression_of(Match("Image", Operator.WILDCARD, "a" + "?" * 12 + "b*")))


def test_what_an_expression_can_match_is_told_by_its_characters() -> None:
    digits = chars("0123456789").ranges

    assert can_match(expression_of(Match("Image", Operator.CONTAINS, "4")), digits)
    assert not can_match(expression_of(Match("Image", Operator.CONTAINS, "4a")), digits)
    assert can_match(expression_of_regex("4a|5", True), digits)
    assert not can_match(expression_of_regex("(4|5)x", True), digits)


def test_the_longest_piece_is_found() -> None:
    node = sequence([ANYTHING, *map(chars, "ab"), ANYTHING, *map(chars, "cde"), ANYTHING])

    assert longest_run(node) == tuple(map(chars, "cde"))


def test_all_other_code_points_are_the_rest() -> None:
    ranges = chars("ac").ranges

    assert others(others(ranges)) == ranges
    assert written(sequence([])) == "()"
