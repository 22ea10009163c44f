"""Somebody who reads pages in Chromium, and notes everything that a page does wrong."""

from __future__ import annotations

import importlib.resources
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Dialog, Error, Page, Request

#: Runs before any script of a page; a violation in it is then said on the console.
WATCH_POLICY: Final = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
#: What is behind the first few of many alike is made as those are; looking at each takes axe seconds.
ALIKE: Final = (
    "tbody tr:nth-child(n + 9)",
    "[data-canvas] a:nth-of-type(n + 20)",
    ".hist a:nth-of-type(n + 12)",
    ".ptree li:nth-of-type(n + 5)",
)
AXE: Final = importlib.resources.files("axe_playwright_python") / "axe.min.js"


@dataclass  # Without slots: Playwright keeps its own things on whose methods it calls.
class Reader:
    """A page of a browser, at one server."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    #: Statuses of pages that the test itself asks for; Chromium notes each on the console.
    expected: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error in a script: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("dialog", self._on_dialog)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        if any(f"status of {status}" in message.text for status in self.expected):
            return
        self.faults.append(f"console, at {self.page.url}: {message.text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.address and parts.scheme not in {"data", "blob"}:
            self.faults.append(f"request to another place: {request.url[:200]}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message[:200]}")
        dialog.dismiss()

    def open(self, path: str) -> Page:
        """Go to a path of the server; its answer must be no error, unless one is expected."""
        response = self.page.goto(self.address + path)
        assert response is not None
        assert response.status < 400 or response.status in self.expected, f"{response.status}: {path}"
        return self.page

    @property
    def path(self) -> str:
        """Where the reader is now: path and query."""
        return self.page.url.removeprefix(self.address)

    def scrolls_sideways(self) -> int:
        """Return by how many pixels the window can be scrolled to the right."""
        return int(self.page.evaluate("scrollTo(100000, 0), Math.ceil(scrollX)"))

    def barriers(self, *rules: str) -> list[str]:
        """Return what axe finds, by all rules or these, that keeps people out: each with where it is."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        where = {"include": [["html"]], "exclude": [[alike] for alike in ALIKE]}
        result: dict[str, Any] = self.page.evaluate("([where, how]) => axe.run(where, how)", [where, options])
        return [
            f"{found['impact']} {found['id']}: {found['help']}\n"
            + "\n".join(f"    {node['html'][:160]} {_why(node)}" for node in found["nodes"][:4])
            for found in result["violations"]
            if found["impact"] in {"serious", "critical"}
        ]

    def photograph(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # A picture that cannot be had must not hide why the test failed.
        with suppress(Error):
            self.page.screenshot(path=path, full_page=True)


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(check["message"] for check in checks)[:200]
