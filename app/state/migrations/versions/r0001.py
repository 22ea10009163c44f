"""The first tables: segments, batches, what was dropped, and imports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "segments",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("month", sa.String(8), nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in (
                "rows",
                "bytes",
                "summary_bytes",
                "first_time",
                "last_time",
                "min_batch",
                "max_batch",
                "level",
            )
        ),
        sa.Column("checksum", sa.String(64), nullable=False),
        sa.Column("summary_checksum", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("event_ids", sa.JSON, nullable=False),
        sa.Column("dead_since", sa.BigInteger),
        sqlite_autoincrement=True,  # A number is never given out twice.
    )
    op.create_index("segments_dead_since", "segments", ["dead_since"])
    op.create_table(
        "segment_computers",
        sa.Column("segment_id", sa.BigInteger, sa.ForeignKey("segments.id"), primary_key=True),
        sa.Column("computer", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("rows", "first_time", "last_time", "first_utc", "last_utc")
        ),
        sa.Column("first_record", sa.BigInteger),
        sa.Column("last_record", sa.BigInteger),
        sa.Column("hashed", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "drops",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("dropped_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("segment", sa.String(64), nullable=False),
        sa.Column("month", sa.String(8), nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("rows", "bytes", "first_time", "last_time", "min_batch", "max_batch")
        ),
    )
    op.create_table(
        "imports",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("paths", sa.JSON, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("error", sa.Text),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("imports", "drops", "batches", "segment_computers", "segments"):
        op.drop_table(table)
