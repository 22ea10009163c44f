"""Opening the store that the settings name."""

from __future__ import annotations

from pathlib import Path

from app.errors import BadSetting, StoreUnavailable
from app.settings import Settings
from app.state.database import Database
from app.store.embedded import EmbeddedStore


def open_store(settings: Settings) -> EmbeddedStore:
    """Open the store, and make it where there is none; close it after use."""
    if settings.store != "embedded:":
        raise BadSetting(f"SYSMONSEARCH_STORE is {settings.store!r}; the only store so far is 'embedded:'.")
    return EmbeddedStore(open_database(settings), settings)


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
