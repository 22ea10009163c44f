"""Dropping old events: by age and by size, whole segments, and never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from app.settings import Settings
from app.store.catalogue import Catalogue, Segment
from app.sysmon.events import microseconds

_GIGABYTE: Final = 1_000_000_000


def retain(catalogue: Catalogue, settings: Settings, now: datetime) -> list[Segment]:
    """Drop what the settings no longer keep; return the segments that were dropped.

    A segment goes when its newest event is too old, so events stay a month longer at
    most. The ledger ``drops`` says what went, and why.
    """
    if not settings.retention_days and not settings.retention_gb:
        return []
    dropped = []
    for segment, reason in overdue(catalogue.live(), settings, now):
        with catalogue.change() as change:
            if change.still_live([segment]):
                change.drop(segment, reason)
                dropped.append(segment)
    return dropped


def overdue(segments: Sequence[Segment], settings: Settings, now: datetime) -> list[tuple[Segment, str]]:
    """Return the segments to drop, oldest first, each with the reason."""
    found = []
    kept = sorted(segments, key=lambda segment: segment.last_time)
    if settings.retention_days:
        oldest = microseconds(now - timedelta(days=settings.retention_days))
        reason = f"older than {settings.retention_days} days"
        found = [(segment, reason) for segment in kept if segment.last_time < oldest]
        kept = kept[len(found) :]
    if settings.retention_gb:
        size = sum(segment.size for segment in kept)
        for segment in kept:
            if size <= settings.retention_gb * _GIGABYTE:
                break
            size -= segment.size
            found.append((segment, f"more than {settings.retention_gb} GB of events"))
    return found
