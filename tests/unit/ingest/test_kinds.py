"""What a stream is, its content tells."""

from __future__ import annotations

import pytest

from app.ingest.kinds import Kind, kind_of
from tests.unit.ingest.evtx_file import evtx_bytes
from tests.unit.ingest.logs import gzip_bytes, line, lines, tar_bytes, xml_event, zip_bytes


def repr_of_kind(value: object) -> str:
    """Packed heads hold the time, which no test's name may."""
    return value.name if isinstance(value, Kind) else ""


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", Kind.EMPTY),
        (evtx_bytes([[1]]), Kind.EVTX),
        (gzip_bytes(b"x"), Kind.GZIP),
        (zip_bytes({"a": b"x"}), Kind.ZIP),
        (zip_bytes({}), Kind.ZIP),
        (tar_bytes({"a": b"x"}), Kind.TAR),
        (b"7z\xbc\xaf\x27\x1c\0\4", Kind.PACKED),
        (b"BZh91AY", Kind.PACKED),
        (xml_event(1), Kind.XML),
        (b"\xef\xbb\xbf\r\n <Events>", Kind.XML),
        (xml_event(1).decode().encode("utf-16"), Kind.XML),
        (lines([1, 2]), Kind.JSON_LINES),
        (b"\xef\xbb\xbf" + lines([1]), Kind.JSON_LINES),
        (lines([1]).decode().encode("utf-16-le"), Kind.JSON_LINES),
        (b"\n\n" + lines([1]), Kind.JSON_LINES),
        (b'{"a": broken}\n' + lines([1]), Kind.JSON_LINES),
        (b'rest of a line"}\n' + lines([1]), Kind.JSON_LINES),
        (line(1), Kind.JSON_LINES),
        (line(1)[:100], Kind.JSON_LINES),
        (b"[" + line(1), Kind.JSON),
        (b" [\n]", Kind.JSON),
        (b'{\n  "EventID": 1,\n  "Channel": "x"\n}\n', Kind.JSON),
        (b"time,host,image\n1,2,3\n", Kind.UNKNOWN),
        (b"\x89PNG\r\n\x1a\n\0\0", Kind.UNKNOWN),
        (bytes(5000), Kind.UNKNOWN),
    ],
    ids=repr_of_kind,
)
def test_a_kind_is_told_by_the_first_bytes(head: bytes, kind: Kind) -> None:
    assert kind_of(head) is kind
