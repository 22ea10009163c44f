"""Debian's Firefox, driven over WebDriver BiDi: the browser itself listens, no driver stands between.

https://www.w3.org/TR/webdriver-bidi/ describes the commands and events.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

SECONDS: Final = 30
#: A link of a drawing has no place of its own in Firefox; what is drawn in it has.
SHOW: Final = "e => (e.querySelector('.box') ?? e).scrollIntoView({block: 'center', inline: 'center'})"
_ENTER: Final = "\ue007"


class Firefox:
    """One tab of Firefox; what its pages do wrong is gathered in ``faults``."""

    def __init__(self, connection: ClientConnection, address: str) -> None:
        self._connection = connection
        self._number = 0
        self.address = address
        self.faults: list[str] = []
        self.version: str = self._call("session.new", capabilities={})["capabilities"]["browserVersion"]
        events = ["log.entryAdded", "network.beforeRequestSent", "browsingContext.userPromptOpened"]
        self._call("session.subscribe", events=events)
        self._tab = self._call("browsingContext.getTree")["contexts"][0]["context"]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._connection.recv(timeout=SECONDS))
            if answer.get("id") == self._number:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer["method"], answer["params"])

    def _note(self, event: str, about: dict[str, Any]) -> None:
        if event == "log.entryAdded" and about["level"] in {"error", "warn"}:
            self.faults.append(f"console: {about['text']}")
        elif event == "browsingContext.userPromptOpened":
            self.faults.append(f"dialog: {about['message']}")
        elif event == "network.beforeRequestSent":
            self._note_request(about["request"]["url"])

    def _note_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" != self.address:
            self.faults.append(f"request to another place: {url[:200]}")

    def open(self, path: str) -> None:
        """Go to a path of the server, and wait until the page is loaded."""
        self._call("browsingContext.navigate", context=self._tab, url=self.address + path, wait="complete")

    @property
    def path(self) -> str:
        """Where the tab is now: path and query."""
        tree = self._call("browsingContext.getTree", root=self._tab, maxDepth=0)
        return str(tree["contexts"][0]["url"]).removeprefix(self.address)

    def find(self, selector: str, text: str = "") -> list[dict[str, Any]]:
        """Return the elements that a CSS selector matches and whose text holds ``text``."""
        nodes = self._call(
            "browsingContext.locateNodes",
            context=self._tab,
            locator={"type": "css", "value": selector},
            serializationOptions={"maxDomDepth": 12},
        )["nodes"]
        return [node for node in nodes if text in text_of(node)]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that a CSS selector matches."""
        return [text_of(node) for node in self.find(selector)]

    def wait_for(self, selector: str, text: str = "") -> dict[str, Any]:
        """Return the first such element, when there is one."""
        end = time.monotonic() + SECONDS
        while not (found := self.find(selector, text)):
            assert time.monotonic() < end, f"no {selector} with {text!r} at {self.path}"
            time.sleep(0.05)
        return found[0]

    def click(self, selector: str, text: str = "") -> None:
        """Click the first such element, brought into sight as a reader would."""
        node = {"sharedId": self.wait_for(selector, text)["sharedId"]}
        self._call(
            "script.callFunction",
            functionDeclaration=SHOW,
            arguments=[node],
            target={"context": self._tab},
            awaitPromise=False,
        )
        target = {"type": "element", "element": node}
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": target}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._act({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    def write(self, text: str, *, enter: bool = False) -> None:
        """Type into what has the focus."""
        keys = [
            {"type": kind, "value": key}
            for key in text + (_ENTER if enter else "")
            for kind in ("keyDown", "keyUp")
        ]
        self._act({"type": "key", "id": "keyboard", "actions": keys})

    def _act(self, actions: dict[str, Any]) -> None:
        self._call("input.performActions", context=self._tab, actions=[actions])


def text_of(node: dict[str, Any]) -> str:
    """Return the text of an element, all its descendants together."""
    value = node.get("value", {})
    own = value.get("nodeValue") or ""
    return own + "".join(text_of(child) for child in value.get("children") or ())


@contextmanager
def firefox(program: str, profile: Path, address: str, *, scripts: bool) -> Iterator[Firefox]:
    """Start Firefox with a new profile, with or without scripts, and end it."""
    settings = {
        "javascript.enabled": scripts,
        "browser.shell.checkDefaultBrowser": False,
        "intl.accept_languages": "en-GB, en",
    }
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    command = [
        program,
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            with connect(_listening(process) + "/session", max_size=None) as connection:
                yield Firefox(connection, address)
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)


def _listening(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", line)
        if found:
            return found.group(1)
    raise AssertionError(f"Firefox ended: {''.join(said)}")
