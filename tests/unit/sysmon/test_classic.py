"""The eight classic criteria: what each finds, and how they join."""

from __future__ import annotations

import pytest

from app.errors import BadQuery
from app.sysmon.classic import CRITERIA, condition_of
from app.sysmon.condition import EVERYTHING
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import FIELDS
from app.sysmon.language import normal_form, parse, to_text
from tests.builders import event

CREATED = event(1, image="C:\\a\\Cmd.exe", hashes="SHA1=AB12", command_line="cmd.exe /c x.txt")
CONNECTED = event(
    3,
    image="C:\\a\\Cmd.exe",
    destination_ip="10.0.0.11",
    destination_port=8080,
    destination_hostname="proxy.example",
    source_ip="10.9.9.9",
    source_port=5050,
)
LOADED = event(7, image="C:\\a\\host.exe", image_loaded="C:\\a\\evil.dll", hashes="MD5=CD34")
INJECTED = event(8, image="C:\\a\\cmd.exe", target_image="C:\\a\\explorer.exe")
WRITTEN = event(11, image="C:\\a\\cmd.exe", target_filename="C:\\b\\x.txt")
VALUE_SET = event(13, image="C:\\a\\reg.exe", target_object="HKU\\Run\\x", details="C:\\b\\x.exe")
RENAMED = event(14, target_object="HKLM\\old", new_name="HKLM\\new")
STREAM = event(15, target_filename="C:\\b\\x.txt:Zone", hash="MD5=EF56")
RESOLVED = event(22, image="C:\\a\\cmd.exe", query_name="evil.example", query_results="10.0.0.11;")
DELETED = event(23, target_filename="C:\\b\\x.txt", hashes="MD5=0078")
ALL = (CREATED, CONNECTED, LOADED, INJECTED, WRITTEN, VALUE_SET, RENAMED, STREAM, RESOLVED, DELETED)


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("IpAddress", "10.0.0.11", [CONNECTED]),
        ("IpAddress", "10.0.0.1", [CONNECTED]),
        ("IpAddress", "10.0.0.0/24", [CONNECTED]),
        ("IpAddress", "10.9.9.9", []),
        ("Port", "8080", [CONNECTED]),
        ("Port", "80", [CONNECTED]),
        ("Port", "5050", []),
        ("HostName", "EXAMPLE", [CONNECTED, RESOLVED]),
        ("ProcessName", "cmd.exe", [CREATED, CONNECTED, INJECTED, WRITTEN, RESOLVED]),
        ("ProcessName", "explorer", [INJECTED]),
        ("ProcessName", "evil.dll", [LOADED]),
        ("FileName", "x.txt", [WRITTEN, STREAM, DELETED]),
        ("RegistryKey", "\\run\\", [VALUE_SET]),
        ("RegistryKey", "hklm\\new", [RENAMED]),
        ("RegistryValue", "x.exe", [VALUE_SET]),
        ("Hash", "ab12", [CREATED]),
        ("Hash", "md5=", [LOADED, STREAM, DELETED]),
        # Wildcards, and a backslash that is itself
        ("ProcessName", "a\\c*.exe", [CREATED, CONNECTED, INJECTED, WRITTEN, RESOLVED]),
        ("ProcessName", "c?d", [CREATED, CONNECTED, INJECTED, WRITTEN, RESOLVED]),
        ("FileName", "C:\\b\\*", [WRITTEN, STREAM, DELETED]),
        ("HostName", "", [CONNECTED, RESOLVED]),
        ("hostname", "evil", [RESOLVED]),
    ],
)
def test_a_criterion_finds_what_contains_the_text(key: str, text: str, found: list[Event]) -> None:
    condition = condition_of([(key, text)])

    assert [one for one in ALL if holds(condition, one)] == found


def found_by(criteria: list[tuple[str, str]], match: str) -> list[Event]:
    condition = condition_of(criteria, "all" if match == "all" else "any")
    return [one for one in ALL if holds(condition, one)]


def test_all_criteria_must_hold_in_one_event() -> None:
    assert found_by([("ProcessName", "cmd.exe"), ("Hash", "AB12")], "all") == [CREATED]
    assert found_by([("ProcessName", "cmd.exe"), ("Port", "8080")], "all") == [CONNECTED]
    assert found_by([("IpAddress", "10.0.0.11"), ("Hash", "AB12")], "all") == []


def test_any_criterion_is_enough() -> None:
    assert found_by([("IpAddress", "10.0.0.11"), ("Hash", "AB12")], "any") == [CREATED, CONNECTED]


@pytest.mark.parametrize("match", ["all", "any"])
@pytest.mark.parametrize("key", ["not ProcessName", "NOT processname", "not-ProcessName", "not+ProcessName"])
def test_a_negated_criterion_excludes_whatever_joins_the_others(match: str, key: str) -> None:
    assert found_by([("FileName", "x.txt"), (key, "cmd.exe")], match) == [STREAM, DELETED]
    assert CREATED not in found_by([(key, "cmd.exe")], match)
    assert RENAMED in found_by([(key, "cmd.exe")], match)


@pytest.mark.parametrize("match", ["all", "any"])
def test_no_criterion_at_all_is_every_event(match: str) -> None:
    assert found_by([], match) == list(ALL)
    assert condition_of([]) == EVERYTHING


@pytest.mark.parametrize("key", ["Process", "", "notProcess", "nothing", "User", "ProcessName "[::-1]])
def test_an_unknown_criterion_is_answered_with_the_eight(key: str) -> None:
    with pytest.raises(BadQuery, match="IpAddress, Port, HostName, ProcessName, FileName, RegistryKey"):
        condition_of([(key, "x")])


def test_the_eight_have_the_old_names_and_fields_of_the_table() -> None:
    assert len(CRITERIA) == 8
    assert all(field in FIELDS for fields in CRITERIA.values() for field in fields)


def test_a_classic_form_can_be_said_as_a_query() -> None:
    condition = condition_of(
        [("ProcessName", "a\\*.exe"), ("Hash", "ab"), ("Port", "4?3"), ("not FileName", "C:\\b c")], "all"
    )

    assert parse(to_text(condition)) == condition == normal_form(condition)
