"""Logs are uploaded, their progress and report are read, and then they are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.unit.ingest.logs import gzip_bytes, lines

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
MANY = 60_000


def upload(page: Page, *paths: Path) -> None:
    """Choose files in the form and send them."""
    page.get_by_label("Choose files").set_input_files(list(paths))
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", name="Import 1", exact=True)).to_be_visible()


def await_end(page: Page, *, scripts: bool) -> None:
    """Wait until the import is over; without scripts the reader loads the page again."""
    reload = page.locator("[data-reload]")
    if scripts:
        expect(reload).to_have_count(0, timeout=90_000)
        return
    for _ in range(200):
        if not reload.count():
            return
        page.wait_for_timeout(300)
        reload.click()
        page.wait_for_load_state()
    pytest.fail("the import does not end")


@BOTH
def test_uploaded_logs_are_imported_and_found(
    visit: Visit, own_server: str, tmp_path: Path, scripts: bool
) -> None:
    good, bad = tmp_path / "desk.json.gz", tmp_path / "<b>notes.txt"
    good.write_bytes(gzip_bytes(lines(range(1, 41)) + b'{"EventID": 1, \n'))
    bad.write_text("nothing that anybody logged\n")
    reader = visit(address=own_server, scripts=scripts)
    page = reader.open("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Import").click()
    upload(page, good, bad)
    await_end(page, scripts=scripts)
    report = page.get_by_role("region", name="Import 1")
    expect(report.locator(".tally")).to_contain_text("40 Sysmon events added", use_inner_text=True)
    expect(report.get_by_role("row", name="desk.json.gz").first).to_contain_text("40")
    expect(report.get_by_role("row", name="<b>notes.txt").first).to_be_visible()
    with page.expect_download() as download:
        report.get_by_role("link", name="Rejected records").click()
    rejects = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert rejects
    assert any("desk.json.gz" in reject["file"] for reject in rejects)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("40 events on 1 computer")


def test_the_progress_of_an_import_is_seen_while_it_runs(
    visit: Visit, own_server: str, tmp_path: Path
) -> None:
    paths = [tmp_path / f"part-{number}.json" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(lines(range(number * MANY + 1, (number + 1) * MANY + 1)))
    reader = visit(address=own_server)
    page = reader.open("/imports")
    upload(page, *paths)
    # Somewhere between the beginning and the end, without anybody's loading the page again.
    expect(page.locator(".import-progress progress")).to_be_visible()
    assert not reader.barriers()
    await_end(page, scripts=True)
    expect(page.locator(".tally")).to_contain_text(f"{3 * MANY:,}")
    assert not reader.barriers()


def test_an_import_is_stopped_and_says_so(visit: Visit, own_server: str, tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    path.write_bytes(lines(range(1, 4 * MANY)))
    reader = visit(address=own_server)
    page = reader.open("/imports")
    upload(page, path)
    page.get_by_role("button", name="Stop").click()
    await_end(page, scripts=True)
    expect(page.get_by_role("region", name="Import 1")).to_contain_text("stopped")
