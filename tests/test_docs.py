"""The documentation says what the program does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.cli.main import COMMANDS, cli
from app.settings import PREFIX, Settings
from app.sysmon.condition import Operator
from app.sysmon.fields import FIELDS
from app.sysmon.kinds import KINDS
from tests.generate_docs import PAGES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_pages_are_fresh(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run `make docs`"


def test_every_setting_is_documented() -> None:
    page = (DOCS / "settings.md").read_text("utf-8")
    assert all(f"`{PREFIX}{setting.name.upper()}`" in page for setting in fields(Settings))


def test_every_field_and_event_is_documented() -> None:
    page = (DOCS / "fields.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in FIELDS)
    assert all(f"| {kind.event_id} | `{kind.name}`" in page for kind in KINDS.values())


def test_every_operator_is_documented() -> None:
    page = (DOCS / "query-language.md").read_text("utf-8").lower()
    missing = [operator for operator in Operator if operator.value.replace("_", " ") not in page]
    assert not missing


def test_every_command_is_documented_and_loads() -> None:
    page = (DOCS / "command-line.md").read_text("utf-8")
    context = cli.make_context("sysmonsearch", [], resilient_parsing=True)
    for name in COMMANDS:
        assert f"## sysmonsearch {name}" in page
        assert cli.get_command(context, name) is not None


def test_every_template_compiles_and_has_a_title() -> None:
    folder = ROOT / "templates"
    environment = Environment(loader=FileSystemLoader(folder), undefined=StrictUndefined, autoescape=True)
    for path in folder.rglob("*.html"):
        environment.filters.setdefault("thousands", str)
        environment.get_template(str(path.relative_to(folder)))
        if not path.name.startswith("_"):
            assert "{% block title" in path.read_text("utf-8"), path


def test_every_target_of_the_makefile_that_the_docs_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text("utf-8"))}
    assert named <= targets


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
