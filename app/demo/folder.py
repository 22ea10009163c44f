"""Where the demo's files are, and whether there is a need for them: known without anything heavy."""

from __future__ import annotations

from typing import Final

from app.settings import Settings

FOLDER: Final = "demo"
"""Below the data folder: the demo's files."""

UNFINISHED: Final = "unfinished"
"""In that folder while the demo is being made."""


def needs_demo(settings: Settings) -> bool:
    """Tell whether nothing is kept yet, or only a demo that was stopped halfway."""
    if not settings.data.is_dir() or not any(settings.data.iterdir()):
        return True
    return (settings.data / FOLDER / UNFINISHED).exists()
