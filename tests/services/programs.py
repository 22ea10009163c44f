"""Programs of the machine that some tests need: found, or the test skips and says why."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import playwright
import pytest


def find_chromium() -> str | None:
    """Return the path of Chromium; the variable CHROMIUM may name another."""
    return _first(os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")


def find_firefox() -> str | None:
    """Return the path of Firefox; the variable FIREFOX may name another."""
    return _first(os.environ.get("FIREFOX"), "firefox-esr", "firefox")


def find_node() -> str | None:
    """Return the path of Node.js: the machine's, or else the one that Playwright brings along."""
    return _first("node", str(Path(playwright.__file__).parent / "driver" / "node"))


def _first(*names: str | None) -> str | None:
    found = (shutil.which(name) for name in names if name)
    return next((path for path in found if path), None)


def needed(path: str | None, name: str) -> str:
    """Return the path of a program; where it is not installed, the test skips and says so.

    With ``REQUIRE_SERVICES=1``, as in CI, it fails.
    """
    return path or absent(f"{name} is not installed")


def absent(reason: str) -> NoReturn:
    """Skip, or fail where nothing may be absent."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, and {reason}")
    pytest.skip(reason)
