"""DuckDB as this program uses it: one database in memory per process, a cursor per query.

It reads the files of the store and nothing else, takes the memory and threads that the
settings allow, stops when a budget says so, and speaks in this program's errors only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Event as Flag
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from app.errors import BadQuery, QueryCancelled, QueryTooSlow, StoreDamaged, StoreUnavailable
from app.settings import Settings
from app.store.embedded_match import IN_NETWORK
from app.store.port import Budget
from app.sysmon.values import address_of, network_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GLANCE_SECONDS: Final = 0.05
_PLACEHOLDER: Final = re.compile(r"\$(p[0-9]+)")


class FileGone(StoreUnavailable):
    """A file of the store was replaced while it was to be read."""


class Engine:
    """One DuckDB in memory; safe to use from several threads.

    It starts with the first query, for DuckDB takes a moment to load.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._lock = Lock()
        self._connection: DuckDBPyConnection | None = None

    def rows(
        self,
        sql: str,
        parameters: Mapping[str, object],
        budget: Budget,
        tables: Mapping[str, pa.Table] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query; ``tables`` are in memory, by the names that it has for them."""
        budget.check()
        bound = {name: parameters[name] for name in _PLACEHOLDER.findall(sql)}
        with self._errors(sql, budget):
            cursor = self._connected().cursor()
            with _watched(cursor, budget):
                try:
                    for name, table in (tables or {}).items():
                        cursor.register(name, table)
                    rows: list[tuple[Any, ...]] = cursor.execute(sql, bound).fetchall()
                finally:
                    cursor.close()
        budget.check()
        return rows

    def close(self) -> None:
        """Give the memory back; a later query starts anew."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connected(self) -> DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                self._connection = _connect(self._settings, self._folder)
            return self._connection

    @contextmanager
    def _errors(self, sql: str, budget: Budget) -> Iterator[None]:
        """Say in this program's errors what DuckDB says in its own."""
        import duckdb

        try:
            yield
        except duckdb.InterruptException as error:
            budget.check()
            raise QueryCancelled("The query was stopped.") from error
        except duckdb.OutOfMemoryException as error:
            raise QueryTooSlow(
                f"The query needs more than the {self._settings.query_memory_mb} MB of memory that"
                " queries may take. Narrow it, or raise SYSMONSEARCH_QUERY_MEMORY_MB."
            ) from error
        except duckdb.IOException as error:
            if any(said in str(error) for said in _GONE):
                raise FileGone(_NOT_READ.format(_first_line(error))) from error
            raise StoreUnavailable(_NOT_READ.format(_first_line(error))) from error
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
            raise  # A mistake in this program is no damage.
        except duckdb.Error as error:
            if isinstance(error, duckdb.InvalidInputException) and "regexp_matches" in sql:
                # RE2 as it is built into DuckDB is older than the one that has approved the pattern.
                raise BadQuery(
                    f"A regular expression of the query cannot be used: {_first_line(error)}."
                ) from error
            raise StoreDamaged(
                f"Stored events cannot be read: {_first_line(error)}. `sysmonsearch store verify`"
                " names the files that are damaged."
            ) from error


_GONE: Final = ("No files found", "No such file")
_NOT_READ: Final = "The store's files cannot be read: {}. `sysmonsearch store verify` says which, and why."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0].rstrip(".")


def _connect(settings: Settings, folder: Path) -> DuckDBPyConnection:
    import duckdb
    from duckdb.func import PythonUDFType

    # Closing and reopening must not share an instance, hence no name.
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": max(1, settings.query_threads),
            "memory_limit": f"{settings.query_memory_mb}MB",
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.create_function(
        IN_NETWORK, _in_network, ["VARCHAR", "VARCHAR"], "BOOLEAN", type=PythonUDFType.ARROW
    )
    for setting in (
        "GLOBAL TimeZone = 'UTC'",
        "GLOBAL parquet_metadata_cache = true",
        f"allowed_directories = [{_quoted(str(folder.absolute()))}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _in_network(addresses: pa.Array, networks: pa.Array) -> pa.Array:
    """Tell for each address whether it is in its network; each distinct text is read once."""
    if not len(addresses):  # DuckDB asks about no rows too, where a filter has left none.
        return pa.array([], pa.bool_())
    network = networks[0].as_py()
    encoded = pc.dictionary_encode(addresses)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    held = [_is_inside(text, network) for text in encoded.dictionary.to_pylist()]
    return pa.array(held, pa.bool_()).take(encoded.indices)


@lru_cache(maxsize=65_536)
def _is_inside(text: str, network_text: str) -> bool:
    address, network = address_of(text), network_of(network_text)
    return address is not None and network is not None and address in network


@contextmanager
def _watched(cursor: DuckDBPyConnection, budget: Budget) -> Iterator[None]:
    """Interrupt the cursor's query when the budget is spent or cancelled."""
    done = Flag()
    watcher = Thread(target=_watch, args=(cursor, budget, done), name="query watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(cursor: DuckDBPyConnection, budget: Budget, done: Flag) -> None:
    while not done.wait(min(_GLANCE_SECONDS, budget.left + 0.001)):
        if budget.cancelled or budget.left == 0:
            # Again and again: an interrupt that comes before the query begins is lost.
            cursor.interrupt()
