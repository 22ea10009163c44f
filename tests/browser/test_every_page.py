"""What holds on every page: readable by all, in each theme and width, on paper, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.addresses import NAMES, STATUSES, address_of
from tests.browser.conftest import Visit
from tests.browser.reader import Reader

#: What was asked for may stand on paper as it was typed; there is nothing to press or to choose from.
CONTROLS = (
    "button, select, nav.tabs, .actions, .toolbar, .btn, input[type=checkbox], input[type=radio],"
    " input[type=file], input:placeholder-shown, input[value='']:not([type=hidden])"
)
WIDTHS = (1100, 1440, 1920, 2560)


def open_named(reader: Reader, name: str) -> None:
    if name in STATUSES:
        reader.expected.add(STATUSES[name])
    reader.open(address_of(name, reader.address))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_fit_for_every_reader_window_and_sheet(visit: Visit, name: str) -> None:
    """All of it in one visit: a browser test costs most for opening its page."""
    reader = visit()
    open_named(reader, name)
    wrong = reader.barriers()
    # The dark theme has other colours, and nothing else that is other.
    reader.page.emulate_media(color_scheme="dark")
    wrong += [f"dark: {barrier}" for barrier in reader.barriers("color-contrast")]
    for width in WIDTHS:
        reader.page.set_viewport_size({"width": width, "height": 900})
        if sideways := reader.scrolls_sideways():
            wrong.append(f"{sideways} pixels wider than a window of {width}")
    reader.page.emulate_media(media="print")
    wrong += wrong_on_paper(reader)
    assert not wrong, "\n".join(wrong)


def wrong_on_paper(reader: Reader) -> list[str]:
    """Return what stands on paper though there is nothing to press on it, and whether it is dark."""
    shown = reader.page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
          .filter(e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length)
          .map(e => e.outerHTML.slice(0, 120))""",
        CONTROLS,
    )
    wrong = [f"on paper: {control}" for control in shown]
    if not reader.page.locator(".print-only").first.is_visible():
        wrong.append("on paper: no line says what it is")
    background = reader.page.evaluate("getComputedStyle(document.body).backgroundColor")
    if background not in {"rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"}:
        wrong.append(f"on paper: the ground is {background}")
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_without_scripts(visit: Visit, name: str) -> None:
    reader = visit(scripts=False)
    open_named(reader, name)
    page = reader.page
    assert page.locator("h1").count() == 1
    assert page.locator("h1").inner_text().strip()
    # What only scripts can do is not offered.
    shown = [control for control in page.locator(".js-only").all() if control.is_visible()]
    assert not shown


def test_the_chosen_theme_stays_on_the_next_page(visit: Visit) -> None:
    reader = visit(theme="light")
    page = reader.open("/")
    page.get_by_role("link", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    reader.open("/search")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("link", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_theme_changes_without_scripts_too(visit: Visit) -> None:
    reader = visit(scripts=False)
    page = reader.open("/keys")
    page.get_by_role("link", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.locator("h1").is_visible()


def test_a_breach_of_the_content_policy_does_not_go_unnoticed(visit: Visit) -> None:
    """The other tests rest on this: what a page must not do is seen."""
    reader = visit()
    page = reader.open("/")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'inline'";
          document.body.append(script);
          document.body.setAttribute("style", "color: red");
          const image = new Image();
          image.src = "http://elsewhere.invalid/x.png";
          document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    said = "\n".join(reader.faults)
    assert page.title() != "inline"
    assert "script-src" in said
    assert "style-src" in said
    assert "img-src" in said
    reader.faults.clear()
