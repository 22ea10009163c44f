"""The dashboard: the visualisations, and below them what an analyst looks for first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.kibana.hunts import HUNTS
from app.kibana.panels import EVENT_DATA, PANELS
from app.kibana.saved import DATA_VIEW, Reference, SavedObject, dumps

ID: Final = "sysmonsearch-dashboard"

#: Key of a panel or saved search -> where it stands: left, top, width, height. The sheet is 48 wide.
_PLACES: Final = {
    "stats": (0, 0, 32, 14),
    "summary": (32, 0, 16, 14),
    "hosts": (0, 14, 16, 16),
    "images": (16, 14, 16, 16),
    "computers": (32, 14, 16, 16),
    "rare-images": (0, 30, 24, 14),
    "rare-dns": (24, 30, 24, 14),
    "destinations": (0, 44, 16, 16),
    "dns": (16, 44, 16, 16),
    "registry": (32, 44, 16, 16),
    "encoded": (0, 60, 24, 14),
    "office-children": (24, 60, 24, 14),
    "run-keys": (0, 74, 24, 14),
    "services": (24, 74, 24, 14),
    "lsass": (0, 88, 24, 14),
    "remote-threads": (24, 88, 24, 14),
}

#: What the lists above the panels filter by: the classic dashboard's three, and the computer.
_CONTROLS: Final = (
    ("computer", "winlog.computer_name", "Computer"),
    ("image", f"{EVENT_DATA}.Image", "Image"),
    ("hashes", f"{EVENT_DATA}.Hashes", "Hashes"),
    ("name", f"{EVENT_DATA}.QueryName", "DNS name"),
)


def dashboard() -> SavedObject:
    """Return the dashboard; it needs the data view, all panels, and some of the saved searches."""
    kinds = {panel.key: ("visualization", panel.id) for panel in PANELS}
    kinds |= {hunt.key: ("search", hunt.id) for hunt in HUNTS if hunt.key in _PLACES}
    panels, references = [], []
    for key, place in _PLACES.items():
        type_, id_ = kinds[key]
        panels.append(_panel(key, type_, place))
        references.append(Reference(f"{key}:panel_{key}", type_, id_))
    return SavedObject("dashboard", ID, _attributes(panels), (*references, *_control_references()))


def _panel(key: str, type_: str, place: tuple[int, int, int, int]) -> dict[str, Any]:
    left, top, width, height = place
    return {
        "embeddableConfig": {"enhancements": {}},
        "gridData": {"h": height, "i": key, "w": width, "x": left, "y": top},
        "panelIndex": key,
        "panelRefName": f"panel_{key}",
        "type": type_,
        "version": "8.9.0",
    }


def _attributes(panels: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "controlGroupInput": _controls(),
        "description": "What Sysmon logged: by category, computer and program, and what is seldom."
        " GUIDs and the column SysmonSearch lead to SysmonSearch.",
        "kibanaSavedObjectMeta": {
            "searchSourceJSON": dumps({"filter": [], "query": {"language": "kuery", "query": ""}})
        },
        "optionsJSON": dumps(
            {
                "hidePanelTitles": False,
                "syncColors": False,
                "syncCursor": True,
                "syncTooltips": False,
                "useMargins": True,
            }
        ),
        "panelsJSON": dumps(panels),
        "refreshInterval": {"pause": True, "value": 60_000},
        "timeFrom": "now-7d",
        "timeRestore": True,
        "timeTo": "now",
        "title": "SysmonSearch",
        "version": 1,
    }


def _controls() -> dict[str, str]:
    panels = {
        key: {
            "explicitInput": {
                "enhancements": {},
                "fieldName": field,
                "id": key,
                "selectedOptions": [],
                "title": title,
            },
            "grow": True,
            "order": order,
            "type": "optionsListControl",
            "width": "medium",
        }
        for order, (key, field, title) in enumerate(_CONTROLS)
    }
    ignored = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
    return {
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": dumps(ignored),
        "panelsJSON": dumps(panels),
    }


def _control_references() -> Iterator[Reference]:
    for key, _field, _title in _CONTROLS:
        yield Reference(f"controlGroup_{key}:optionsListDataView", "index-pattern", DATA_VIEW)
