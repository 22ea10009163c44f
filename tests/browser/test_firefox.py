"""The way from the payload's name to its graph and its details, in Firefox, with scripts and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.demo.infection import PAYLOAD
from app.demo.scenario import INFECTED
from tests.browser.firefox import firefox
from tests.services.programs import find_firefox, needed


@pytest.mark.xdist_group("firefox")
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_the_payload_is_found_and_its_graph_read_in_firefox(demo: str, tmp_path: Path, scripts: bool) -> None:
    first = INFECTED[0]
    with firefox(needed(find_firefox(), "Firefox"), tmp_path, demo, scripts=scripts) as tab:
        tab.open("/")
        tab.click("nav.tabs a[href='/search']")
        tab.wait_for("table.results")
        tab.click("#q")
        tab.write(f"Image:*\\{PAYLOAD}", enter=True)
        tab.wait_for("h1", "56 events on 2 computers")
        tab.click("table.results a.rowlink")
        tab.wait_for("tr.is-picked", PAYLOAD)
        tab.wait_for("aside", "ProcessGuid")
        tab.open(f"/search?ProcessName={PAYLOAD}&computer={first.computer}")
        tab.click("table.results a[data-go=graph]", PAYLOAD)
        tab.wait_for("h1", f"Process graph of {PAYLOAD}")
        assert tab.path == f"/processes/{first.computer}/{first.process_guid}"
        assert tab.find("[data-canvas] a[data-node]", "rundll32.exe")
        tab.click("[data-canvas] a[data-node^='registry~']")
        tab.wait_for("[data-pane]", "CurrentVersion\\Run\\apidsvc")
        assert "sel=registry~" in tab.path
        assert tab.faults == []
