"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for folder in ("app", "tests") for path in (ROOT / folder).rglob("*.py"))
APP = [path for path in MODULES if path.is_relative_to(ROOT / "app")]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_MODULE_LINES


@pytest.mark.parametrize("path", [path for path in MODULES if "migrations" not in path.parts], ids=name_of)
def test_a_function_has_at_most_50_lines(path: Path) -> None:
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in functions(path)
        if node.end_lineno and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert not long


@pytest.mark.parametrize("path", [path for path in APP if path.name != "__init__.py"], ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_packages_are_empty(path: Path) -> None:
    assert not path.read_text("utf-8").strip()


def test_no_except_swallows_an_error_in_silence() -> None:
    """An ``except`` whose body is only ``pass`` names the errors that it expects."""
    silent = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) for line in node.body)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]
    assert not silent


def test_the_names_of_sysmon_are_the_only_names() -> None:
    """No synonym of a Sysmon field is used as an identifier."""
    synonyms = {"cmdline", "exe_path", "pid_guid", "hostname_of", "parent_guid", "process_uuid"}
    used = {
        f"{name_of(path)}: {node.id}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Name) and node.id in synonyms
    }
    assert not used


def test_tests_are_sentences() -> None:
    short = [
        f"{name_of(path)}: {node.name}"
        for path in MODULES
        if path.name.startswith("test_")
        for node in functions(path)
        if node.name.startswith("test_") and len(re.findall("_", node.name)) < 3
    ]
    assert not short


def test_a_left_over_marker_is_nowhere() -> None:
    """Work that is not done is an issue, not a comment."""
    marker = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    found = [name_of(path) for path in MODULES if marker.search(path.read_text("utf-8"))]
    assert not found
