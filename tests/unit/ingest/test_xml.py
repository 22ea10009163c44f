"""Event XML, as Windows and its tools write it, and as a forger might."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ingest.logs import imported, xml_event

NAMESPACE = b'xmlns="http://schemas.microsoft.com/win/2004/08/events/event"'
BARE = xml_event(1) + xml_event(2)
ROOTED = b"<Events>" + BARE + b"</Events>"


@pytest.mark.parametrize(
    "data",
    [
        BARE,
        ROOTED,
        b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n' + ROOTED,
        b"\xef\xbb\xbf" + ROOTED,
        ROOTED.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-16"?>' + ROOTED,
        b'<?xml version="1.0" encoding="windows-1252"?>' + ROOTED,
        b"<!-- exported -->\n" + ROOTED + b"\n<!-- end -->",
        ROOTED.replace(b"<Event>", b"<Event " + NAMESPACE + b">"),
        ROOTED.replace(b"<Events>", b"<Events " + NAMESPACE + b">"),
        BARE.replace(b"<Event>", b"\n<Event\n>"),
        b'<e:Events xmlns:e="x">'
        + BARE.replace(b"Event>", b"Event>\n")
        .replace(b"<Event>", b"<e:Event>")
        .replace(b"</Event>", b"</e:Event>")
        + b"</e:Events>",
        ROOTED + ROOTED.replace(b">1<", b">3<").replace(b">2<", b">4<"),
    ],
    ids=range(13),
)
def test_event_xml_is_read_with_and_without_a_root(tmp_path: Path, data: bytes) -> None:
    result = imported(tmp_path, data)

    assert result.numbers[:2] == [1, 2]
    assert result.report.rejected == 0


def test_a_declared_code_page_is_believed(tmp_path: Path) -> None:
    text = ROOTED.decode().replace("cmd.exe", "größe.exe")
    data = b'<?xml version="1.0" encoding="windows-1252"?>' + text.encode("cp1252")

    images = [
        image
        for chunk in imported(tmp_path, data).store.batches(0, ["image"])
        for image in chunk.table["image"].to_pylist()
    ]

    assert images == ["C:\\Windows\\System32\\größe.exe"] * 2


def test_a_code_page_that_is_not_read_is_named(tmp_path: Path) -> None:
    result = imported(tmp_path, b'<?xml version="1.0" encoding="utf-7"?>' + ROOTED)

    assert result.report.files == 0
    assert "utf-7" in result.reasons[0][1]


@pytest.mark.parametrize(
    "dtd",
    [
        b'<!DOCTYPE Events [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        b'<!DOCTYPE Events SYSTEM "file:///etc/passwd">',
        b"<!doctype Events>",
    ],
)
def test_a_document_type_is_refused_in_a_clear_sentence(tmp_path: Path, dtd: bytes) -> None:
    result = imported(tmp_path, b'<?xml version="1.0"?>' + dtd + ROOTED)

    assert result.numbers == []
    assert "DTD" in result.reasons[0][1]


def test_entities_that_nothing_declares_cost_their_event_only(tmp_path: Path) -> None:
    result = imported(tmp_path, BARE.replace(b"cmd.exe", b"&xxe;", 1) + xml_event(3))

    assert result.numbers == [2, 3]
    assert result.reasons[0][0] == "event 1"


def test_a_document_type_further_down_declares_nothing(tmp_path: Path) -> None:
    result = imported(tmp_path, xml_event(1) + b'<!DOCTYPE a [<!ENTITY x "y">]>' + xml_event(2))

    assert result.numbers == [1, 2]


def test_a_broken_event_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    broken = xml_event(2).replace(b"</System>", b"")

    result = imported(tmp_path, xml_event(1) + broken + xml_event(3))

    assert result.numbers == [1, 3]
    assert result.reasons[0][0] == "event 2"


@pytest.mark.parametrize("forbidden", [b"\x01", b"\0", b"&#x1;", b"&#0;", b"\xff", b"&#27;"])
def test_characters_that_xml_forbids_do_not_lose_the_event(tmp_path: Path, forbidden: bytes) -> None:
    result = imported(tmp_path, BARE.replace(b"cmd", b"c" + forbidden + b"md"))

    assert result.numbers == [1, 2]


def test_xml_that_is_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    result = imported(tmp_path, b"<Events>" + BARE + xml_event(3)[:100])

    assert result.numbers == [1, 2]
    assert result.reasons == [("event 3", "It is cut off: the file ends within it.")]


def test_xml_of_another_kind_is_no_log(tmp_path: Path) -> None:
    result = imported(tmp_path, b"<html><body>Event</body></html>")

    assert result.report.files == 0
    assert "no <Event>" in result.reasons[0][1]


def test_an_event_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    huge = xml_event(2).replace(b"cmd.exe", b"x" * 5_000_000)

    result = imported(tmp_path, xml_event(1) + huge + xml_event(3))

    assert result.numbers == [1, 3]
    assert result.reasons[0][0] == "event 2"


def test_many_events_are_read_in_slices(tmp_path: Path) -> None:
    data = b"<Events>" + b"\r\n".join(map(xml_event, range(1, 2001))) + b"</Events>"

    assert imported(tmp_path, data).numbers == list(range(1, 2001))
