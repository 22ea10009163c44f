"""From the payload's row to its process graph, to what it did, and back to what led to it."""

from __future__ import annotations

import re
from urllib.parse import quote
from xml.etree.ElementTree import fromstring

import pytest
from playwright.sync_api import Locator, Page, expect

from app.demo.infection import PAYLOAD
from app.demo.scenario import INFECTED
from tests.browser.addresses import PROCESS
from tests.browser.conftest import Visit

BOTH = pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
FIRST = INFECTED[0]


def node(page: Page, label: str) -> Locator:
    """Return the first node of the drawing with this label."""
    words = page.locator("text, tspan").get_by_text(label, exact=True)
    return page.locator("[data-canvas] a[data-node]").filter(has=words).first


def pane(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Picked node")


@BOTH
def test_a_row_leads_to_the_graph_and_a_node_to_its_details(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(f"/search?ProcessName={PAYLOAD}&computer={FIRST.computer}")
    page.locator("table.results a[data-go=graph]", has_text=PAYLOAD).first.click()
    expect(page).to_have_url(re.compile(f"/processes/{FIRST.computer}/{FIRST.process_guid}"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(PAYLOAD)
    # What the old article shows: its parent, its child, the files that it made.
    for title in ("cmd.exe", "rundll32.exe", "apidsvc.dll", "explorer.exe (164)", "Run\\apidsvc"):
        expect(node(page, title)).to_have_count(1)
    expect(pane(page)).to_contain_text("AppData\\Local\\TempNcF88.eXe")
    node(page, "apidsvc.dll").click()
    expect(page).to_have_url(re.compile(r"[?&]sel=file~"))
    expect(pane(page)).to_contain_text("AppData\\Roaming\\Microsoft\\apidsvc\\apidsvc.dll")
    expect(page.locator(".node--picked")).to_have_count(1)
    page.go_back()
    expect(pane(page)).to_contain_text("AppData\\Local\\TempNcF88.eXe")


@BOTH
def test_the_search_for_the_file_leads_to_who_made_it_and_up_to_the_script(
    visit: Visit, scripts: bool
) -> None:
    """The second search of the old article: who wrote the payload?"""
    reader = visit(scripts=scripts)
    page = reader.open(f"/search?computer={FIRST.computer}")
    page.get_by_text("Classic form", exact=True).click()
    page.get_by_label("File Name").fill(PAYLOAD)
    page.get_by_role("button", name="Find Now").click()
    row = page.locator("table.results tbody tr", has_text="creates").filter(has_text=PAYLOAD).last
    row.locator("a[data-go=graph]", has_text="powershell.exe").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("powershell.exe")
    node(page, "wscript.exe").click()
    expect(pane(page)).to_contain_text("Delivery_20190108_7731.js")
    pane(page).get_by_role("link", name="Table of the computer").click()
    expect(page).to_have_url(re.compile(r"/events/[^/]+/around"))
    expect(page.locator("tr.is-picked")).to_contain_text("wscript.exe")


@BOTH
def test_a_folded_group_opens_and_a_kind_goes_away(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(PROCESS)
    node(page, "signed images").click()
    pane(page).get_by_role("link", name="Unfold", exact=True).click()
    expect(node(page, "signed images")).to_have_count(0)
    expect(node(page, "rasapi32.dll")).to_have_count(1)
    page.get_by_role("button", name="Image load").click()
    expect(page).to_have_url(re.compile("hide=image"))
    expect(node(page, "rasapi32.dll")).to_have_count(0)
    expect(page.get_by_role("button", name="Image load")).to_have_attribute("aria-pressed", "false")


@BOTH
def test_a_word_is_highlighted_and_a_range_is_kept(visit: Visit, scripts: bool) -> None:
    reader = visit(scripts=scripts)
    page = reader.open(PROCESS)
    page.get_by_label("Highlight").fill("apidsvc")
    page.get_by_label("to", exact=True).fill("2019-01-08 01:34:30")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("mark=apidsvc"))
    expect(page.locator("[data-canvas] .node--marked").first).to_be_visible()
    expect(page.get_by_label("Highlight")).to_have_value("apidsvc")
    page.get_by_role("link", name="Whole range").click()
    expect(page).not_to_have_url(re.compile("to=2019"))


def test_the_list_below_says_what_the_drawing_shows(visit: Visit) -> None:
    reader = visit(scripts=False)
    page = reader.open(PROCESS)
    listed = page.locator("#list")
    drawn = page.locator("[data-canvas] a[data-node^='p~']")
    expect(listed.locator("li")).to_have_count(drawn.count())
    listed.get_by_role("link", name="rundll32.exe").first.click()
    expect(pane(page)).to_contain_text("DllRegisterServer")


def test_the_graph_is_walked_by_keys_alone(visit: Visit) -> None:
    reader = visit()
    page = reader.open(PROCESS)
    page.locator("[data-canvas]").focus()
    page.keyboard.press("ArrowRight")  # Onto the target.
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.textContent")
    assert "cmd.exe" in focused or "rundll32.exe" in focused
    page.keyboard.press("Enter")
    expect(pane(page)).to_contain_text(re.compile("systeminfo|DllRegisterServer"))
    page.keyboard.press("ArrowLeft")
    assert PAYLOAD in page.evaluate("document.activeElement.textContent")
    before = page.locator("[data-canvas] > svg").bounding_box()
    page.keyboard.press("+")
    after = page.locator("[data-canvas] > svg").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > before["width"]
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile("/events$|/around"))


def test_a_second_click_opens_the_graph_of_another_process(visit: Visit) -> None:
    reader = visit()
    page = reader.open(PROCESS)
    node(page, "powershell.exe").dblclick()
    expect(page.get_by_role("heading", level=1)).to_contain_text("powershell.exe")


def test_picking_nodes_keeps_nobody_out(visit: Visit) -> None:
    reader = visit()
    page = reader.open(PROCESS)
    for title in ("apidsvc.dll", "explorer.exe (164)", "signed images"):
        node(page, title).click()
        expect(page.locator(".node--picked")).to_have_count(1)
        barriers = reader.barriers()
        assert not barriers, "\n".join(barriers)


def test_the_graph_is_saved_as_a_drawing_that_stands_alone(visit: Visit) -> None:
    reader = visit()
    page = reader.open(PROCESS)
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="SVG").click()
    drawing = download.value.path().read_bytes()
    assert fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<style" in drawing
    assert b"<script" not in drawing


def test_the_hour_around_an_event_is_a_graph_too(visit: Visit) -> None:
    reader = visit()
    page = reader.open(f"/search?q={quote('EventId:8')}")
    page.locator("table.results tbody tr").nth(1).get_by_role("link", name="").nth(2).click()
    expect(page).to_have_url(re.compile("/correlation"))
    expect(page.locator("[data-canvas] a[data-node]").first).to_be_visible()
