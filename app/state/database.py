"""The state database: one connection pool, one way to read and one way to write.

All that differs between databases is here; the rest of the program writes SQL that any
of them understands.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, exc, inspect, text

from app.errors import BadSetting, StoreUnavailable
from app.settings import Settings
from app.state.models import Base

HEAD: Final = "0002"
"""The newest revision in ``migrations/versions``."""

BUSY_SECONDS: Final = 60.0
"""How long a writer waits for the one before it."""

_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Database:
    """The state database in one SQLite file, brought up to date when it is opened.

    Open it after a fork, not before: connections do not survive one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _sqlite(path)
        try:
            with self._errors():
                self._upgrade()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the database until it is given back."""
        with self._errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection that alone may write; commit at the end, roll back on an error.

        What it reads was committed before and stays so: nobody else writes meanwhile. Keep
        it short, for all other writers wait.
        """
        with self._errors(), self._engine.connect() as connection:
            connection = connection.execution_options(**_WRITING)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _upgrade(self) -> None:
        with self._engine.connect() as connection:
            if _revision(connection) == HEAD:
                return
        with self.write() as connection:
            revision = _revision(connection)  # Another process may have been quicker.
            if revision == HEAD:
                return
            if revision is None:
                _create(connection)
            elif not (_MIGRATIONS / "versions" / f"r{revision}.py").exists():
                raise StoreUnavailable(
                    f"The state database {self.path} was written by a newer version of this program"
                    f" (revision {revision}). Use that version, or another data folder."
                )
            else:
                migrate(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in a sentence what keeps the database from answering."""
        try:
            yield
        except exc.DBAPIError as error:
            raise StoreUnavailable(_sentence(self.path, str(error.orig))) from error


def open_database(settings: Settings) -> Database:
    """Open the state database below the data folder, and make both where they are not there."""
    _make_folder(settings.data)
    return Database(settings.data / "state.sqlite")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadSetting(
            f"The data folder {folder} is not a folder. Set SYSMONSEARCH_DATA to one, or move the file away."
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {folder} cannot be made: {error.strerror}. Set SYSMONSEARCH_DATA to a"
            " folder that you may write to."
        ) from error


def _sentence(path: Path, reason: str) -> str:
    if "is locked" in reason:
        return f"The state database {path} is busy: another process holds it. Try again."
    if "is full" in reason:
        return f"The disk is full: the state database {path} cannot be written. Make room and try again."
    if "readonly" in reason or "unable to open" in reason:
        return (
            f"The state database {path} cannot be opened for writing. Check that the data folder"
            " exists, that it is yours and that its disk is not read-only."
        )
    if "not a database" in reason or "malformed" in reason:
        return f"The state database {path} is damaged ({reason}). Restore it from a backup."
    return f"The state database {path} does not answer: {reason}."


def _revision(connection: Connection) -> str | None:
    """Return the revision of the database; None where it is new."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _create(connection: Connection) -> None:
    """Make all tables as they are now: the same that all migrations make, and quicker."""
    Base.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the tables from whatever revision they have to the newest, or to another later one."""
    # Imported here because a start with nothing to do must not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


_WRITING: Final[dict[str, Any]] = {"sysmonsearch_writing": True}


def _sqlite(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # Transactions begin where we say so, below.
    # What a commit has made visible must survive a power cut, for the files it replaces do not.
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        _switch_to_wal(connection)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers go on while one writes; SQLite does not wait here for others that do the same."""
    patience = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() > patience:
                raise
            sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once when another
    # has written in between; so writers say from the start that they are.
    writing = connection.get_execution_options().keys() & _WRITING.keys()
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
