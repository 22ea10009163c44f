"""The silhouette of each kind of node, so that kinds differ without their colours too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.graph.places import Box
from app.sysmon.kinds import Category

KEYS: Final[dict[Category, str]] = {
    Category.CREATE_PROCESS: "process",
    Category.FILE_CREATE_TIME: "filetime",
    Category.NET_ACCESS: "network",
    Category.IMAGE_LOADED: "image",
    Category.REMOTE_THREAD: "thread",
    Category.CREATE_FILE: "file",
    Category.REGISTRY: "registry",
    Category.WMI: "wmi",
    Category.DNS: "dns",
    Category.PROCESS_ACCESS: "access",
    Category.PIPE: "pipe",
    Category.OTHER: "other",
}
"""Category -> its key in classes, sprites and addresses."""


def outline(kind: str, box: Box) -> str:
    """Return the path data of the silhouette of a kind, filling its box."""
    return _OUTLINES.get(kind, _plain)(box.x, box.y, box.w, box.h)


def _plain(x: int, y: int, w: int, h: int) -> str:
    return f"M{x} {y}h{w}v{h}h-{w}z"


def _sheet(x: int, y: int, w: int, h: int) -> str:
    return f"M{x} {y}h{w - 6}l6 6v{h - 6}h-{w}z"


def _blocks(x: int, y: int, w: int, h: int) -> str:
    return f"M{x} {y + 4}h6v-4h{w - 6}v{h}h-{w}z"


def _capsule(x: int, y: int, w: int, h: int) -> str:
    r = h // 2
    return f"M{x + r} {y}h{w - 2 * r}a{r} {r} 0 0 1 0 {h}h-{w - 2 * r}a{r} {r} 0 0 1 0-{h}z"


def _label(x: int, y: int, w: int, h: int) -> str:
    return f"M{x} {y}h{w - 8}l8 {h // 2}l-8 {h - h // 2}h-{w - 8}z"


def _slanted(x: int, y: int, w: int, h: int) -> str:
    return f"M{x + 6} {y}h{w - 6}l-6 {h}h-{w - 6}z"


def _hexagon(x: int, y: int, w: int, h: int) -> str:
    r, s = h // 2, h - h // 2
    return f"M{x + 7} {y}h{w - 14}l7 {r}l-7 {s}h-{w - 14}l-7-{s}z"


def _tube(x: int, y: int, w: int, h: int) -> str:
    r = h // 2
    return (
        f"M{x + 4} {y}h{w - 8}a4 {r} 0 0 1 0 {h}h-{w - 8}a4 {r} 0 0 1 0-{h}z"
        f"M{x + w - 4} {y}a4 {r} 0 0 0 0 {h}"
    )


def _cut(x: int, y: int, w: int, h: int) -> str:
    return f"M{x + 5} {y}h{w - 10}l5 5v{h - 10}l-5 5h-{w - 10}l-5-5v-{h - 10}z"


def _notched(x: int, y: int, w: int, h: int) -> str:
    return f"M{x} {y}h{w}v{h}h-{w}l6-{h - h // 2}z"


_OUTLINES: Final[dict[str, Callable[[int, int, int, int], str]]] = {
    "file": _sheet,
    "filetime": _sheet,
    "registry": _blocks,
    "network": _capsule,
    "dns": _label,
    "image": _slanted,
    "thread": _hexagon,
    "pipe": _tube,
    "wmi": _cut,
    "access": _notched,
}
INSET: Final[dict[str, int]] = {"thread": 6, "dns": 6, "image": 5, "pipe": 9, "network": 4, "wmi": 4}
"""Kind -> how far its right end keeps text away from the box's edge."""
