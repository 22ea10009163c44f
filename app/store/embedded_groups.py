"""Counting events that are alike, as DuckDB's SQL: the question, and what its rows become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from app.store.embedded_match import Operand, Parameters
from app.store.embedded_rows import time_at
from app.store.embedded_sql import value_of
from app.store.port import Group, Groups
from app.sysmon.fields import FIELDS


def start_of(step: str) -> str:
    """Return the expression of the start of an event's step; steps are so many microseconds long."""
    # The remainder of a time before 1970 is negative, hence twice.
    return f"epoch_us(time) - (epoch_us(time) % {step} + {step}) % {step}"


def groups_sql(
    names: Sequence[str], step: int | None, limit: int, source: str, where: str, parameters: Parameters
) -> str:
    """Return the question for one group more than ``limit``: values, start, count, first, last."""
    fields = [FIELDS[name] for name in names]
    start = "NULL" if step is None else start_of(parameters.bind(step))
    values = [f"{value_of(field)} AS v{number}" for number, field in enumerate(fields)]
    keys = [*(f"v{number}" for number in range(len(fields))), *([] if step is None else ["start"])]
    texts = [Operand(f"v{number}", field.type).text() for number, field in enumerate(fields)]
    counted = f"{', '.join([*values, f'{start} AS start'])}, epoch_us(time) AS us"
    sql = (
        f"WITH counted AS (SELECT {', '.join([*keys, ''])}count(*) AS n, min(us) AS early, max(us) AS late"
        f" FROM (SELECT {counted} FROM {source} WHERE {where}) GROUP BY {', '.join(keys) or '()'})"
        f" SELECT {', '.join([*texts, 'start' if step is not None else 'NULL'])}, n, early, late"
        " FROM counted WHERE n > 0"
    )
    order = ", ".join(f"{key} NULLS FIRST" for key in keys)
    return f"{sql} {f'ORDER BY {order}' if order else ''} LIMIT {parameters.bind(limit + 1)}"


def groups_of(rows: Iterable[tuple[Any, ...]], limit: int) -> Groups:
    """Return the groups that such rows are."""
    groups = [
        Group(tuple(values), None if start is None else time_at(start), count, time_at(first), time_at(last))
        for *values, start, count, first, last in rows
    ]
    return Groups(tuple(groups[:limit]), len(groups) <= limit)
