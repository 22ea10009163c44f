"""A server over the demo, Chromium, and readers in it who note what pages do wrong.

A worker has one server and one browser; a reader has a context of their own, as private as
a window without history. Pictures of failures are kept in build/browser.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Literal, Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.reader import WATCH_POLICY, Reader
from tests.browser.server import ROOT, make_demo, serve
from tests.services.programs import find_chromium, needed

PICTURES: Final = ROOT / "build" / "browser"
_FAILED: Final = pytest.StashKey[bool]()

Theme = Literal["light", "dark"]


class Visit(Protocol):
    """Makes a reader."""

    def __call__(
        self,
        *,
        scripts: bool = True,
        theme: Theme = "light",
        width: int = 1440,
        height: int = 900,
        address: str = "",
    ) -> Reader: ...


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the hook's result passes through
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed:
        item.stash[_FAILED] = True
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data folder, shared by all workers; nothing may be written to it."""
    folder = tmp_path_factory.getbasetemp()
    # Each worker's folder lies in that of the whole run.
    return make_demo(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session")
def demo(demo_data: Path) -> Iterator[str]:
    """The address of a server over the demo."""
    with serve(demo_data) as address:
        yield address


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[str]:
    """The address of a server over an empty store of the test's own."""
    data = tmp_path / "var"
    data.mkdir()
    with serve(data) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = needed(find_chromium(), "Chromium")
    # As root, which CI is, Chromium does not start in its sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def visit(
    chromium: Browser, request: pytest.FixtureRequest, closing: Callable[[Reader], None]
) -> Iterator[Visit]:
    """Make readers; at the end of the test each must have seen nothing wrong."""
    with ExitStack() as contexts:

        def make(
            *,
            scripts: bool = True,
            theme: Theme = "light",
            width: int = 1440,
            height: int = 900,
            address: str = "",
        ) -> Reader:
            context = chromium.new_context(
                java_script_enabled=scripts,
                color_scheme=theme,
                viewport={"width": width, "height": height},
                locale="en-GB",
                reduced_motion="reduce",
                accept_downloads=True,
            )
            contexts.callback(context.close)
            context.set_default_timeout(10_000)
            if scripts:
                context.add_init_script(WATCH_POLICY)
            reader = Reader(context.new_page(), address or request.getfixturevalue("demo"))
            contexts.callback(closing, reader)
            return reader

        yield make


@pytest.fixture
def closing(request: pytest.FixtureRequest) -> Callable[[Reader], None]:
    """Keep a picture where the test failed; fail where a page did wrong."""

    def close(reader: Reader) -> None:
        if request.node.stash.get(_FAILED, False) or reader.faults:
            name = re.sub(r"[^\w.-]+", "-", request.node.name)
            reader.photograph(PICTURES / f"{name}.png")
        assert not reader.faults, "\n".join(reader.faults)

    return close
