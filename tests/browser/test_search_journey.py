"""The first search of who hunts: the payload's name in the classic form, and what led to it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from app.demo.infection import DOMAIN_NAME, PAYLOAD
from tests.browser.conftest import Visit

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])


def search_classic(page: Page, label: str, value: str) -> None:
    """Fill one field of the classic form and press its button."""
    page.get_by_text("Classic form", exact=True).click()
    page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Find Now").click()


@BOTH
def test_the_name_of_the_payload_leads_to_both_computers(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    # In the case that the reader happens to type.
    search_classic(page, "Process Name", PAYLOAD.lower())
    expect(page.get_by_role("heading", level=1)).to_contain_text("on 2 computers")
    expect(page.locator("table.results")).to_contain_text(PAYLOAD)
    # What was typed is still there, and the query is said in words.
    expect(page.get_by_label("Process Name")).to_have_value(PAYLOAD.lower())
    expect(page.locator("#reads")).to_contain_text(f"contains '{PAYLOAD.lower()}'")


@BOTH
def test_a_picked_row_shows_all_of_its_event_beside_the_table(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(f"/search?q={DOMAIN_NAME}")
    row = page.locator("table.results tbody tr", has_text="powershell.exe").filter(has_text="Win7").first
    row.locator("a.rowlink").click()
    pane = page.get_by_role("complementary", name="event")
    expect(pane).to_contain_text("CommandLine")
    expect(pane).to_contain_text(f"http://{DOMAIN_NAME}/docs/flash.php")
    expect(page.locator("tr.is-picked")).to_have_count(1)
    # The address brings a colleague to the same picture.
    expect(page).to_have_url(re.compile(r"[?&]sel="))
    address = reader.path
    other = visit(scripts=not scripts)
    expect(other.open(address).locator("tr.is-picked")).to_have_count(1)


@BOTH
def test_a_value_of_the_pane_narrows_the_search(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(f"/search?q={DOMAIN_NAME}")
    page.locator("table.results a.rowlink").first.click()
    pane = page.get_by_role("complementary", name="event")
    field = pane.locator("tr", has=page.get_by_role("rowheader", name="Computer", exact=True))
    field.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("on 1 computer")
    expect(page.locator("#q")).to_have_value(re.compile("Computer:"))


@BOTH
def test_rows_lead_to_the_hour_around_them_and_back(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(f"/search?q={DOMAIN_NAME}")
    page.locator("table.results tbody a[data-go=table]").first.click()
    expect(page).to_have_url(re.compile(r"/events/[^/]+/around"))
    expect(page.locator("tr.is-picked")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("7 events on 2 computers")


def test_a_facet_and_a_heading_are_links_that_change_the_search(visit: Visit) -> None:
    reader = visit(scripts=False)
    page = reader.open(f"/search?ProcessName={PAYLOAD}")
    page.get_by_role("complementary", name="Narrow").get_by_role("link", name="Win7_64JP_01").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("on 1 computer")
    page.locator("table.results thead").get_by_role("link", name="Id").click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Id")
    expect(page).to_have_url(re.compile("computer=Win7_64JP_01"))


def test_a_query_with_a_mistake_is_kept_and_the_mistake_is_said(visit: Visit) -> None:
    reader = visit()
    reader.expected.add(400)
    page = reader.open("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    page.locator("#q").fill("Imge:cmd.exe")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Imge")
    expect(page.locator("#q")).to_have_value("Imge:cmd.exe")


def test_the_whole_search_is_saved_as_a_file(visit: Visit) -> None:
    reader = visit()
    page = reader.open(f"/search?ProcessName={PAYLOAD}")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"sysmonsearch-\d{8}T\d{6}Z\.csv", download.value.suggested_filename)
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 65


def test_the_search_is_used_by_keys_alone(visit: Visit) -> None:
    reader = visit()
    page = reader.open("/search")
    page.keyboard.press("/")
    page.keyboard.type(DOMAIN_NAME)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("7 events on 2 computers")
    page.wait_for_load_state()  # The words are there before the scripts that listen to keys.
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="event")).to_contain_text("CommandLine")
    page.keyboard.press("Escape")
    expect(page.locator("tr.is-picked")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
