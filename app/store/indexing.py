"""Indexes of GUIDs for segments that have none: those that older versions wrote."""

from __future__ import annotations

from app.store.catalogue import Catalogue, Segment
from app.store.files import drafting
from app.store.guids import GUID_COLUMNS, LEAST_ROWS, GuidRows
from app.store.segments import open_segment, write_guids


def write_missing(catalogue: Catalogue) -> int:
    """Write the indexes that are missing; return how many. The events are not touched."""
    missing = [
        segment
        for segment in catalogue.live()
        if segment.rows >= LEAST_ROWS and not segment.guids_path.exists()
    ]
    return sum(_write(catalogue, segment) for segment in missing)


def _write(catalogue: Catalogue, segment: Segment) -> bool:
    """Write the index of one segment; False where the segment went away meanwhile."""
    rows = GuidRows()
    try:
        with open_segment(segment.path) as file:
            for number in range(file.num_row_groups):
                rows.see(file.read_row_group(number, columns=list(GUID_COLUMNS), use_threads=False))
    except FileNotFoundError:
        return False
    with drafting(catalogue) as drafts:
        write_guids(drafts, segment.name, rows)
        with catalogue.change() as change:
            if not change.still_live([segment]):
                return False
            drafts.place()
    return True
