"""The table of events and fields."""

from __future__ import annotations

import pytest

from app.sysmon.fields import (
    COLUMN_TYPES,
    FIELDS,
    KEYWORD_COLUMNS,
    FieldType,
    find_field,
    name_in,
    snake_case,
)
from app.sysmon.kinds import KINDS, Category, category_of, kind_name


def test_sysmons_event_ids_are_1_to_29_and_255() -> None:
    assert sorted(KINDS) == [*range(1, 30), 255]


def test_every_field_of_every_event_has_a_column() -> None:
    assert {name for kind in KINDS.values() for name in kind.fields} <= FIELDS.keys()


def test_no_two_kinds_have_one_name() -> None:
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("ParentProcessGuid", "parent_process_guid"),
        ("ID", "id"),
        ("Image", "image"),
        ("SourceIsIpv6", "source_is_ipv6"),
    ],
)
def test_columns_are_the_names_in_snake_case(name: str, column: str) -> None:
    assert snake_case(name) == column


def test_names_are_found_in_any_case_and_spelling() -> None:
    assert find_field("processguid") is FIELDS["ProcessGuid"]
    assert find_field("SourceProcessGUID") is FIELDS["SourceProcessGuid"]
    assert find_field("EventID") is FIELDS["EventId"]
    assert find_field("Imge") is None


def test_a_column_bears_sysmons_name_in_each_event() -> None:
    for event_id, kind in KINDS.items():
        for name in kind.fields:
            assert name_in(FIELDS[name].column, event_id) == name


def test_scopes_say_in_which_events_a_name_holds() -> None:
    assert not FIELDS["Image"].scope.holds_for(10)
    assert FIELDS["SourceImage"].scope.holds_for(10)
    assert not FIELDS["SourceImage"].scope.holds_for(1)
    assert all(FIELDS["Process"].scope.holds_for(event_id) for event_id in KINDS)


def test_process_numbers_and_ports_are_integers_and_guids_are_guids() -> None:
    assert COLUMN_TYPES["parent_process_id"] is FieldType.INTEGER
    assert COLUMN_TYPES["destination_port"] is FieldType.INTEGER
    assert COLUMN_TYPES["logon_guid"] is FieldType.GUID
    assert COLUMN_TYPES["utc_time"] is FieldType.TIME


def test_keywords_look_in_what_an_event_says_and_not_in_how_it_travelled() -> None:
    assert {"image", "command_line", "process_guid", "destination_port", "hashes"} <= set(KEYWORD_COLUMNS)
    assert not {"time", "channel", "level", "record_id", "event_id", "md5"} & set(KEYWORD_COLUMNS)


def test_an_unknown_event_id_has_a_name_and_a_category() -> None:
    assert kind_name(30) == "Event30"
    assert category_of(30) is Category.OTHER
