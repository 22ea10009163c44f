"""The tables of the state database.

Times of events are whole microseconds since 1970, as the segments have them; times of
ours are datetimes in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A datetime in UTC, kept as microseconds since 1970: exact and the same on any database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Base(DeclarativeBase):
    """The root of all tables."""

    type_annotation_map = {datetime: Moment, int: BigInteger}  # noqa: RUF012 - SQLAlchemy's own way


class SegmentRow(Base):
    """A Parquet file of events with its value summary."""

    __tablename__ = "segments"
    __table_args__ = (Index("segments_dead_since", "dead_since"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    name: Mapped[str] = mapped_column(String(64), unique=True)
    month: Mapped[str] = mapped_column(String(8))
    rows: Mapped[int]
    bytes: Mapped[int]
    summary_bytes: Mapped[int]
    first_time: Mapped[int]
    last_time: Mapped[int]
    min_batch: Mapped[int]
    max_batch: Mapped[int]
    level: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(64))
    summary_checksum: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    event_ids: Mapped[dict[str, int]] = mapped_column(JSON)
    dead_since: Mapped[datetime | None]


class SegmentComputerRow(Base):
    """What a segment holds of one computer: by this a search or a duplicate is looked for.

    ``first_record`` is null where no event has a record number; ``hashed`` counts the
    events that have none. An event without UtcTime makes ``first_utc`` very early.
    """

    __tablename__ = "segment_computers"

    segment_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("segments.id"), primary_key=True)
    computer: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    rows: Mapped[int]
    first_time: Mapped[int]
    last_time: Mapped[int]
    first_utc: Mapped[int]
    last_utc: Mapped[int]
    first_record: Mapped[int | None]
    last_record: Mapped[int | None]
    hashed: Mapped[int]


class BatchRow(Base):
    """A batch of events that was stored: numbers ascend in the order they became visible."""

    __tablename__ = "batches"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(Text)
    rows: Mapped[int]
    stored_at: Mapped[datetime]


class DropRow(Base):
    """What retention dropped: one row for each segment."""

    __tablename__ = "drops"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    dropped_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    segment: Mapped[str] = mapped_column(String(64))
    month: Mapped[str] = mapped_column(String(8))
    rows: Mapped[int]
    bytes: Mapped[int]
    first_time: Mapped[int]
    last_time: Mapped[int]
    min_batch: Mapped[int]
    max_batch: Mapped[int]


class ImportRow(Base):
    """One import; ``state`` is queued, running, partial, complete, failed or cancelled."""

    __tablename__ = "imports"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    started: Mapped[datetime]
    finished: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(16))
    paths: Mapped[list[str]] = mapped_column(JSON)
    counts: Mapped[dict[str, int]] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(Text)


class JobRow(Base):
    """Work for a worker; ``state`` is queued, running, done, failed or cancelled.

    ``claims`` counts how often a worker took it, ``claims_advanced`` which of these was the
    last that got further: what ends its worker each time is given up some day.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_state", "state"),
        Index("jobs_subject", "subject"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    name: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16))
    claims: Mapped[int]
    claims_advanced: Mapped[int]
    cancel_asked: Mapped[bool]
    progress: Mapped[dict[str, Any]] = mapped_column(JSON)
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime]
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
