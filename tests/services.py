"""Programs of the machine that some tests need: found, or the test skips and says why."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def program(*names: str, setting: str = "") -> str:
    """Return the path of the first that is installed; the variable ``setting`` may name another.

    Where there is none, the test skips; with ``REQUIRE_SERVICES=1``, as in CI, it fails.
    """
    named = os.environ.get(setting, "") if setting else ""
    wanted = (named,) if named else names
    found = [path for name in wanted if (path := shutil.which(name))]
    return found[0] if found else absent(f"{' or '.join(wanted)} is not installed")


def absent(reason: str) -> NoReturn:
    """Skip, or fail where nothing may be absent."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, and {reason}")
    pytest.skip(reason)
