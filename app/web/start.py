"""The start page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from flask import Blueprint

from app.demo.scenario import INFECTED, Infected
from app.store.port import StoreInfo
from app.web.pages import Page
from app.web.stores import get_store

bp = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPage(Page):
    """All that start/index.html may use."""

    template: ClassVar[str] = "start/index.html"
    tab: ClassVar[str] = "start"

    info: StoreInfo
    demo: tuple[Infected, ...]


@bp.get("/")
def start() -> str:
    """Show what is in the store."""
    info = get_store().info()
    demo = tuple(process for process in INFECTED if process.computer in info.computers)
    return StartPage(info=info, demo=demo).render()
