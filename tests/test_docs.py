"""The documentation says what the program does."""

from __future__ import annotations

import ast
import html
import re
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from app.cli.main import COMMANDS, cli
from app.settings import PREFIX, Settings
from app.sysmon.condition import Operator
from app.sysmon.fields import FIELDS
from app.sysmon.kinds import KINDS
from app.web.app import create_app
from app.web.filters import KNOWN
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


def application(folder: Path) -> Flask:
    return create_app(Settings(data=folder))


def test_every_page_has_its_address_in_the_documentation(tmp_path: Path) -> None:
    page = (DOCS / "pages.md").read_text("utf-8")
    addresses = {
        re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"<\1>", rule.rule)
        for rule in application(tmp_path).url_map.iter_rules()
        if rule.endpoint != "static" and not rule.rule.startswith("/favicon")
    }
    missing = [address for address in addresses if f"`{address}`" not in page]
    assert not missing


def test_every_address_in_the_documentation_exists(tmp_path: Path) -> None:
    """Headings of the page are addresses."""
    known = {
        re.sub(r"<(?:[^<>:]*:)?\w+>", "<>", rule.rule) for rule in application(tmp_path).url_map.iter_rules()
    }
    page = (DOCS / "pages.md").read_text("utf-8")
    headings = re.findall(r"^#+ .*$", page, re.MULTILINE)
    named = [address for heading in headings for address in re.findall(r"`(/[^`]*)`", heading)]
    assert named
    assert not [address for address in named if re.sub(r"<\w+>", "<>", address) not in known]


def test_every_argument_of_an_address_is_documented() -> None:
    page = (DOCS / "pages.md").read_text("utf-8")
    missing = [name for name in sorted(arguments()) if f"`{name}`" not in page and f"`{name}=" not in page]
    assert not missing


def arguments() -> set[str]:
    """Return the names that views look for in an address."""
    names = set(KNOWN)
    for path in (ROOT / "app" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"get", "getlist"}
                and ast.unparse(node.func.value).endswith(("args", "arguments"))
                and isinstance(node.args[0], ast.Constant)
            ):
                names.add(str(node.args[0].value))
    return names


def test_every_key_is_documented() -> None:
    listed = (ROOT / "templates" / "keys" / "_list.html").read_text("utf-8")
    page = (DOCS / "pages.md").read_text("utf-8")
    keys = {html.unescape(key) for key in re.findall(r"<kbd>(.*?)</kbd>", listed)}
    assert not [key for key in sorted(keys) if f"`{key}`" not in page]


def test_every_target_of_the_makefile_that_the_docs_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = [ROOT / "README.md", *DOCS.glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text("utf-8"))}
    assert named <= targets


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
