"""One journey in Firefox, with scripts and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.firefox import firefox
from tests.services import find_firefox, needed


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_the_first_pages_work_in_firefox(demo: str, tmp_path: Path, scripts: bool) -> None:
    with firefox(needed(find_firefox(), "Firefox"), tmp_path, demo, scripts=scripts) as tab:
        tab.open("/")
        assert tab.texts("h1")
        tab.click("a[href='/keys']")
        assert tab.wait_for(".keys-dialog[open]" if scripts else "h1", "Key")
        assert tab.faults == []
