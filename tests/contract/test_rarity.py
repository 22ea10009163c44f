"""``EventStore.rarity``."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.errors import BadQuery
from app.store.port import RARITY_FIELDS, EventStore, Rarity
from app.sysmon.fields import COLUMN_TYPES, FIELDS, FieldType
from tests.builders import NOON, batch_of, dns_query, event, image_load, process_access, process_create
from tests.contract.conftest import Adapter
from tests.contract.test_sort import HOSTILE

HOUR = timedelta(hours=1)
MD5 = "0123456789ABCDEF0123456789ABCDEF"
SHA256 = "AB" * 32


def test_a_value_is_seen_on_computers_in_events_between_times(store: EventStore) -> None:
    for n in range(4):
        store.add(batch_of(process_create(image="a.exe", computer=f"ws-{n % 2}", time=NOON + n * HOUR)), "x")
    store.add(batch_of(process_create(image="b.exe", time=NOON - HOUR)), "x")

    assert store.rarity([("Image", "a.exe"), ("Image", "b.exe"), ("Image", "c.exe")]) == (
        Rarity(2, 4, NOON, NOON + 3 * HOUR),
        Rarity(1, 1, NOON - HOUR, NOON - HOUR),
        None,
    )


def test_nothing_was_seen_in_an_empty_store(store: EventStore) -> None:
    assert store.rarity([]) == ()
    assert store.rarity([("Image", "a.exe"), ("MD5", MD5)]) == (None, None)


def test_values_and_computers_have_any_case(store: EventStore) -> None:
    names = ["Ä.exe", "ä.EXE", "ä.exe"]
    for name in names:
        store.add(batch_of(process_create(image=name, computer=f"{name[0]}-PC")), "x")

    seen = Rarity(1, 3, NOON, NOON)
    assert store.rarity([("Image", name) for name in [*names, "Ä.EXE"]]) == (seen,) * 4


def test_the_whole_value_counts(store: EventStore) -> None:
    store.add(batch_of(process_create(image="C:\\a.exe")), "x")

    assert store.rarity([("Image", v) for v in ("a.exe", "C:\\a", "C:\\a.exe ", "*", "")]) == (None,) * 5


def test_an_empty_text_is_a_value(store: EventStore) -> None:
    store.add(batch_of(process_create(image=""), process_create(image=None)), "x")

    assert store.rarity([("Image", "")]) == (Rarity(1, 1, NOON, NOON),)


def test_a_name_for_some_events_speaks_of_all(store: EventStore) -> None:
    store.add(batch_of(process_create(image="a", computer="x"), process_access(image="a", computer="y")), "x")

    seen = Rarity(2, 2, NOON, NOON)
    assert store.rarity([(name, "A") for name in ("Image", "SourceImage", "Process")]) == (seen,) * 3


def test_values_of_different_fields_are_apart_and_come_in_order(store: EventStore) -> None:
    store.add(batch_of(process_create(image="a", command_line="b"), dns_query(query_name="a")), "x")
    once = Rarity(1, 1, NOON, NOON)

    asked = [("CommandLine", "a"), ("QueryName", "a"), ("CommandLine", "b"), ("QueryName", "a")]

    assert store.rarity(asked) == (None, once, once, once)


def test_a_hash_is_one_that_hashes_or_hash_hold(adapter: Adapter) -> None:
    both = f"MD5={MD5},SHA256={SHA256}"
    some = [
        image_load(hashes=both, md5=MD5, sha256=SHA256, computer="ws-1"),
        process_create(hashes=f"MD5={MD5}", md5=MD5, computer="ws-2"),
        event(15, hash=both, md5=MD5, sha256=SHA256, computer="WS-1", time=NOON + HOUR),
    ]
    adapter.store.add(batch_of(*some), "x")

    for _ in range(2):
        assert adapter.store.rarity([("MD5", MD5.lower()), ("SHA256", SHA256), ("IMPHASH", MD5)]) == (
            Rarity(2, 3, NOON, NOON + HOUR),
            Rarity(1, 2, NOON, NOON + HOUR),
            None,
        )
        assert adapter.store.rarity([("Hashes", both), ("SHA1", "AB" * 20)])[1] is None
        adapter.rearrange()


@pytest.mark.parametrize("name", sorted(RARITY_FIELDS))
def test_each_field_can_be_asked_for(adapter: Adapter, name: str) -> None:
    column = FIELDS[name].column
    value = {"md5": MD5, "sha1": "AB" * 20, "sha256": SHA256, "imphash": MD5}.get(column, "Value")
    text = f"{column.upper()}={value}"
    said = {"hashes": text, column: value} if value != "Value" else {column: value}
    for number in range(3):
        one = event(10, computer=f"ws-{number}", time=NOON + number * HOUR, **said)
        adapter.store.add(batch_of(one), "x")
        if number == 1:
            adapter.rearrange()

    assert adapter.store.rarity([(name, value.lower())]) == (Rarity(3, 3, NOON, NOON + 2 * HOUR),)
    assert COLUMN_TYPES[column] is FieldType.TEXT


@pytest.mark.parametrize("name", ["User", "EventId", "ProcessGuid", "Nonsense", "*", ""])
def test_another_field_is_a_bad_query(store: EventStore, name: str) -> None:
    with pytest.raises(BadQuery):
        store.rarity([("Image", "a"), (name, "a")])


def test_what_is_stored_later_is_seen_by_a_store_that_has_answered(adapter: Adapter) -> None:
    other = adapter.again()
    for number in range(1, 4):
        adapter.store.add(batch_of(process_create(image="a", computer=f"ws-{number}")), "x")

        for store in (adapter.store, other):
            assert store.rarity([("Image", "A")]) == (Rarity(number, number, NOON, NOON),)
        adapter.rearrange()
        assert other.rarity([("Image", "A")]) == (Rarity(number, number, NOON, NOON),)


def test_hostile_values_are_told_apart(adapter: Adapter) -> None:
    folded = {value.lower(): value for value in HOSTILE if value.isascii()}
    some = [process_create(command_line=value, computer=f"ws-{n}") for n, value in enumerate(folded.values())]
    adapter.store.add(batch_of(*some[::2]), "x")
    adapter.rearrange()
    adapter.store.add(batch_of(*some[1::2]), "x")

    found = adapter.store.rarity([("CommandLine", value) for value in folded])

    assert found == (Rarity(1, 1, NOON, NOON),) * len(folded)


def test_a_value_that_no_event_can_have_was_never_seen(store: EventStore) -> None:
    store.add(batch_of(process_create()), "x")

    assert store.rarity([("Image", "\ud800"), ("Image", "x" * 1_000_000)]) == (None, None)


def test_hundreds_of_values_are_one_question(store: EventStore) -> None:
    some = [process_create(command_line=f"ping {n}", computer=f"ws-{n % 7}") for n in range(500)]
    store.add(batch_of(*some), "x")

    found = store.rarity([("CommandLine", f"PING {n}") for n in range(700)])

    assert [seen is not None for seen in found] == [True] * 500 + [False] * 200
