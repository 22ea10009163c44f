"""The start page: what is in the store, and where to begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from flask import Blueprint, Response

from app.demo.infection import DOMAIN_NAME, PAYLOAD
from app.demo.scenario import INFECTED, Infected
from app.store.answers import info_document
from app.store.port import StoreInfo
from app.sysmon.text import fold
from app.web.days import DayTable, day_table
from app.web.import_view import ImportView, read_imports
from app.web.json import json_response
from app.web.pages import Page
from app.web.state import get_database
from app.web.stores import get_settings, get_store, info_of

bp = Blueprint("start", __name__)

_SHOWN_IMPORTS: Final = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A search to begin with; ``text`` is translated where it is shown."""

    text: str
    query: str


EXAMPLES: Final = (
    Example("Programs started by PowerShell", "EventId:1 and ParentImage:*\\powershell.exe"),
    Example("PowerShell with an encoded command", "Image:*\\powershell.exe and CommandLine:*-enc*"),
    Example("What starts at logon", "EventId:13 and TargetObject:*\\CurrentVersion\\Run\\*"),
    Example("Threads created in other processes", "EventId:8"),
    Example("Connections of script hosts", "EventId:3 and (Image:*script.exe or Image:*\\powershell.exe)"),
)
"""First questions to any log."""

DEMO_EXAMPLES: Final = (
    Example("The payload", f"Image:*\\{PAYLOAD}"),
    Example("The command line that fetched it", f"CommandLine:*{DOMAIN_NAME}*"),
    Example("How it stays", "EventId:13 and TargetObject:*\\CurrentVersion\\Run\\*"),
    Example("Threads created in other processes", "EventId:8"),
    Example("PowerShell's way out", "DestinationIp:192.168.1.200 and Image:*\\powershell.exe"),
)
"""The searches of the demo's story, in its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPage(Page):
    """All that start/index.html may use; ``days`` is None where counting would take too long."""

    template: ClassVar[str] = "start/index.html"
    tab: ClassVar[str] = "start"

    info: StoreInfo
    days: DayTable | None
    demo: Sequence[Infected]
    examples: Sequence[Example]
    imports: Sequence[ImportView]


@bp.get("/")
def start() -> str:
    """Show what is in the store."""
    store = get_store()
    info = info_of(store)
    known = {fold(name) for name in info.computers}
    demo = [process for process in INFECTED if fold(process.computer) in known]
    return StartPage(
        info=info,
        days=day_table(store, info) if info.events else None,
        demo=demo,
        examples=DEMO_EXAMPLES if demo else EXAMPLES,
        imports=read_imports(get_settings(), get_database(), _SHOWN_IMPORTS),
    ).render()


@bp.get("/.json")
def start_json() -> Response:
    """Return what is in the store as JSON, as ``store info --json`` does."""
    return json_response(info_document(get_store().info()))
