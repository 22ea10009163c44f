"""The state database: made, brought up to date, written by one at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select, text

from app.errors import StoreUnavailable
from app.state.database import HEAD, Database, migrate
from app.state.models import BatchRow

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def _batch(number: int) -> dict[str, object]:
    return {"number": number, "source": "test", "rows": 1, "stored_at": MOMENT}


def _schema(path: Path) -> set[str]:
    """Return what the tables are made of, however their SQL is set."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = {str(row) for row in connection.execute(text("SELECT type, name FROM sqlite_master"))}
        names = [
            str(row[0])
            for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        ]
        for name in names:
            for pragma in ("table_info", "foreign_key_list", "index_list"):
                columns = connection.execute(text(f"SELECT * FROM pragma_{pragma}('{name}')"))
                found |= {f"{name} {pragma} {tuple(row)[1:]}" for row in columns}
    engine.dispose()
    return found


def test_the_migrations_make_the_tables_that_the_models_say(tmp_path: Path) -> None:
    Database(tmp_path / "made.sqlite").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with engine.begin() as connection:
        migrate(connection)
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    engine.dispose()

    assert _schema(tmp_path / "made.sqlite") == _schema(tmp_path / "migrated.sqlite")


def test_what_is_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite")
    with database.write() as connection:
        connection.execute(insert(BatchRow), _batch(1))
    database.close()

    again = Database(tmp_path / "state.sqlite")
    with again.read() as connection:
        assert connection.execute(select(BatchRow.number, BatchRow.stored_at)).all() == [(1, MOMENT)]
    again.close()


def test_an_error_in_the_middle_leaves_nothing_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite")

    def fail() -> None:
        with database.write() as connection:
            connection.execute(insert(BatchRow), _batch(1))
            connection.execute(insert(BatchRow), _batch(1))

    with pytest.raises(StoreUnavailable, match="UNIQUE"):
        fail()

    with database.read() as connection:
        assert connection.execute(select(BatchRow.number)).all() == []
    database.close()


def test_writers_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    databases = [Database(tmp_path / "state.sqlite") for _ in range(3)]

    def count_on(database: Database) -> None:
        for _ in range(10):
            with database.write() as connection:
                newest = connection.scalars(select(BatchRow.number).order_by(-BatchRow.number)).first()
                connection.execute(insert(BatchRow), _batch((newest or 0) + 1))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(count_on, databases))

    with databases[0].read() as connection:
        assert connection.scalars(select(BatchRow.number)).all() == list(range(1, 31))
    for database in databases:
        database.close()


def test_several_may_open_a_new_one_at_once(tmp_path: Path) -> None:
    for number in range(8):
        path = tmp_path / f"{number}.sqlite"
        with ThreadPoolExecutor(4) as pool:
            databases = list(pool.map(lambda _, path=path: Database(path), range(4)))
        for database in databases:
            database.close()


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(tmp_path: Path) -> None:
    database = Database(tmp_path / "state.sqlite")
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    with pytest.raises(StoreUnavailable, match=r"newer version of this program \(revision 9999\)"):
        Database(tmp_path / "state.sqlite")


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text(
        "no database, but long enough to be read as the header of one " * 9
    )

    with pytest.raises(StoreUnavailable, match="damaged"):
        Database(tmp_path / "state.sqlite")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Database(tmp_path / "none" / "state.sqlite")


def test_a_database_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection, "0001")
        connection.execute(insert(BatchRow), _batch(7))
    engine.dispose()

    database = Database(path)

    with database.read() as connection:
        assert connection.execute(select(BatchRow.number)).all() == [(7,)]
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar() == 0
    database.close()
    Database(tmp_path / "made.sqlite").close()
    assert _schema(path) == _schema(tmp_path / "made.sqlite")
