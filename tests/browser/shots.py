"""``python -m tests.browser.shots``: photograph every page over the demo, in each theme and width.

The pictures lie in build/shots: ``NAME-THEME-WIDTH.png`` is what a reader sees at first, and
``NAME-whole.png``, ``-plain`` (without scripts) and ``-print`` the whole page.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser.addresses import NAMES, address_of
from tests.browser.server import ROOT, make_demo, serve
from tests.services.programs import find_chromium

FOLDER: Final = ROOT / "build" / "shots"
SIZES: Final = {1440: 900, 1920: 1080}
NARROW: Final = 600


def main() -> None:
    """Take all pictures, or those of the pages that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shots", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"pages: {', '.join(NAMES)}")
    parser.add_argument("--address", help="a server that runs already, such as http://127.0.0.1:8000")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _server(arguments.address) as server, sync_playwright() as playwright:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=sandbox)
        for name in arguments.names or NAMES:
            for path in photograph(browser, server + address_of(name, server), name):
                print(path, file=sys.stderr)  # noqa: T201
        browser.close()


@contextmanager
def _server(address: str | None) -> Iterator[str]:
    if address is not None:
        yield address.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder, serve(make_demo(Path(folder))) as own:
        yield own


def photograph(browser: Browser, address: str, name: str) -> Iterator[Path]:
    """Photograph one page in all ways."""
    for theme in ("light", "dark"):
        for width, height in SIZES.items():
            with _page(browser, address, width, height, color_scheme=theme) as page:
                yield _picture(page, f"{name}-{theme}-{width}")
    with _page(browser, address, 1440, 900) as page:
        yield _picture(page, f"{name}-whole", full_page=True)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 1090, "height": 770})  # A4 landscape, without its margins.
        yield _picture(page, f"{name}-print", full_page=True)
    with _page(browser, address, NARROW, 900) as page:
        yield _picture(page, f"{name}-narrow", full_page=True)
    with _page(browser, address, 1440, 900, java_script_enabled=False) as page:
        yield _picture(page, f"{name}-plain", full_page=True)


@contextmanager
def _page(browser: Browser, address: str, width: int, height: int, **options: Any) -> Iterator[Page]:
    size = ViewportSize(width=width, height=height)
    with browser.new_context(viewport=size, locale="en-GB", reduced_motion="reduce", **options) as context:
        page = context.new_page()
        answer = page.goto(address)
        assert answer is not None
        assert answer.status < 500, f"{answer.status}: {address}"
        yield page


def _picture(page: Page, name: str, *, full_page: bool = False) -> Path:
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, full_page=full_page)
    return path


if __name__ == "__main__":
    main()
