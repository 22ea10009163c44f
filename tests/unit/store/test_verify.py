"""Verifying: every file is read again, and what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.settings import Settings
from app.store.catalogue import Segment
from app.store.open import open_embedded
from app.store.verify import Fault
from tests.unit.store.writers import numbered


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x40
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _of_events(segment: Segment) -> Path:
    return segment.path


def _of_values(segment: Segment) -> Path:
    return segment.summary_path


@pytest.mark.parametrize("which", [_of_events, _of_values])
@pytest.mark.parametrize(
    ("harm", "fault"), [(_flip, Fault.CHANGED), (_cut, Fault.CHANGED), (Path.unlink, Fault.MISSING)]
)
def test_what_was_done_to_a_file_is_found(
    settings: Settings, which: Callable[[Segment], Path], harm: Callable[[Path], None], fault: Fault
) -> None:
    with open_embedded(settings) as store:
        store.add(numbered(0), "test")
        assert list(store.verify()) == []
        harmed = which(store.catalogue.live()[0])
        harm(harmed)
        (finding,) = store.verify()

    assert (finding.fault, finding.file) == (fault, harmed)
    assert str(harmed) in finding.message
    assert finding.message.endswith(".")


def test_a_file_that_no_segment_names_is_an_orphan(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(numbered(0), "test")
        orphan = settings.data / "store" / "segments" / "00000042-cafecafe.parquet"
        orphan.write_bytes(b"?")
        (finding,) = store.verify()

    assert (finding.fault, finding.file) == (Fault.ORPHAN, orphan)
