"""The rules for templates and style sheets: no text past the translators, nothing the policy forbids."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from jinja2 import Environment, meta, nodes

from app.settings import Settings
from app.sysmon.fields import FIELDS
from app.sysmon.kinds import KINDS
from app.web.app import create_app

ROOT: Final = Path(__file__).parents[1]
TEMPLATES: Final = sorted((ROOT / "templates").rglob("*.html"))
WHOLE: Final = [path for path in TEMPLATES if not path.name.startswith("_") and path.parent.name != "macros"]
PAGES: Final = [path for path in WHOLE if path.name != "base.html"]
SHEETS: Final = sorted((ROOT / "static" / "css").rglob("*.css"))
#: Where an expression or a translated text stood.
HOLE: Final = "\x00"
#: Words that are the same in every language.
NAMES: Final = (
    {"SysmonSearch", "UTC", "JSON", "CSV", "NDJSON", "SVG", "GraphML", "SHA", "MD", "AND", "OR", "NOT"}
    | {"Esc", "Enter", "Space"}
    | {*FIELDS, *(kind.name for kind in KINDS.values())}
)
READ_ATTRIBUTES: Final = r"title|aria-label|aria-description|placeholder|alt|label"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The environment that pages are made with."""
    return create_app(Settings(data=tmp_path_factory.mktemp("var"))).jinja_env


def written(environment: Environment, path: Path) -> str:
    """Return a template's own markup and words, with holes for expressions and translated texts."""
    parts: list[str] = []
    in_translation = False
    tokens = iter(environment.lex(path.read_text("utf-8")))
    for _line, kind, value in tokens:
        if kind == "data" and not in_translation:
            parts.append(value)
        elif kind == "variable_begin":
            parts.append(HOLE)
        elif kind == "block_begin":
            words = list(_names_of_block(tokens))
            in_translation = words[0] == "trans" or (in_translation and words[0] != "endtrans")
            parts.append(HOLE if words[0] == "trans" else "")
    return "".join(parts)


def _names_of_block(tokens: Iterator[tuple[int, str, str]]) -> Iterator[str]:
    for _line, kind, value in tokens:
        if kind == "block_end":
            return
        if kind == "name":
            yield value


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_every_text_goes_through_gettext(environment: Environment, path: Path) -> None:
    markup = re.sub(r"<!--.*?-->", "", written(environment, path), flags=re.DOTALL)
    markup = re.sub(r"<(code|kbd|script)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    attributes = re.findall(rf"""\b(?:{READ_ATTRIBUTES})=("[^"]*"|'[^']*')""", markup)
    texts = re.sub(r"<[^>]*>", " ", markup)
    words = re.findall(r"[^\W\d_]{2,}", html.unescape(" ".join([texts, *attributes])))
    assert not [word for word in words if word not in NAMES]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_placeholders_of_texts_have_names(environment: Environment, path: Path) -> None:
    """A translator must be able to change their order."""
    texts = [
        text
        for _line, _function, message in environment.extract_translations(path.read_text("utf-8"))  # type: ignore[attr-defined]
        for text in ([message] if isinstance(message, str) else message or ())
        if text
    ]
    assert not [text for text in texts if re.search(r"%(?!\()", text.replace("%%", ""))]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_nothing_is_written_inline_that_the_content_policy_forbids(
    environment: Environment, path: Path
) -> None:
    markup = written(environment, path)
    forbidden = [
        r"\sstyle\s*=",
        r"<style\b",
        r"<script(?![^>]*\b(?:src=|type=\"application/json\"))",
        r"\son\w+\s*=",
        r"javascript:",
        r"(?:src|href|action)=[\"'](?:https?:)?//",
        r"<(?:iframe|object|embed|base)\b",
    ]
    assert not [pattern for pattern in forbidden if re.search(pattern, markup, re.IGNORECASE)]


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_no_value_is_taken_for_markup(path: Path) -> None:
    source = path.read_text("utf-8")
    assert not re.search(r"\|\s*safe\b|\bMarkup\b|autoescape\s+false", source)


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_values_in_attributes_stand_between_quotes(environment: Environment, path: Path) -> None:
    """A value without quotes would end at its first space."""
    assert not re.findall(r"\s[\w-]+=" + HOLE, written(environment, path))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_compiles(environment: Environment, path: Path) -> None:
    environment.get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_has_a_title_of_its_own(environment: Environment, path: Path) -> None:
    template = environment.get_template(str(path.relative_to(ROOT / "templates")))
    assert "title" in template.blocks


@pytest.mark.parametrize("path", WHOLE, ids=name_of)
def test_a_page_uses_its_dataclass_and_the_frame_and_nothing_else(
    environment: Environment, path: Path
) -> None:
    template = environment.parse(path.read_text("utf-8"))
    names = meta.find_undeclared_variables(template)
    own = {name.name for name in template.find_all(nodes.Name) if name.ctx == "store"}
    # The base gives every page the macros as ``m``.
    given = {"page", "frame", "self", "m", *environment.globals}
    assert not names - given - own


@pytest.mark.parametrize("path", SHEETS, ids=name_of)
def test_colours_are_written_in_one_sheet_only(path: Path) -> None:
    if path.name == "tokens.css":
        return
    sheet = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    values = re.findall(r":\s*([^;{}]+)[;}]", sheet)
    colour = (
        r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(|light-dark\("
        r"|(?<![\w-])(?:white|black|red|green|blue|gr[ae]y|silver|yellow|orange|pink|purple)(?![\w-])"
    )
    assert not [value for value in values if re.search(colour, value, re.IGNORECASE)]


@pytest.mark.parametrize("path", SHEETS, ids=name_of)
def test_a_sheet_loads_nothing_else(path: Path) -> None:
    assert not re.search(r"@import|url\(\s*[\"']?(?!data:|#)", path.read_text("utf-8"))


def test_every_token_that_a_sheet_uses_exists() -> None:
    sheets = "\n".join(path.read_text("utf-8") for path in SHEETS)
    defined = set(re.findall(r"(--[\w-]+)\s*:", sheets))
    used = set(re.findall(r"var\((--[\w-]+)\s*\)", sheets))
    assert not used - defined
