"""The pages' scripts: their own tests, and the rules for them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.services.programs import find_node, needed

ROOT: Final = Path(__file__).parents[1]
SCRIPTS: Final = sorted((ROOT / "static" / "js").rglob("*.js"))
MAX_LINES: Final = 150


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def node() -> str:
    return needed(find_node(), "Node.js")


def test_the_scripts_pass_their_own_tests(node: str) -> None:
    tests = sorted(map(str, (ROOT / "tests" / "js").rglob("*.test.js")))
    if not tests:
        pytest.skip("there is no test in tests/js")
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_script_is_a_module_without_mistakes_of_syntax(node: str) -> None:
    """``--check`` reads what it is given on standard input as the module that pages load."""
    for path in SCRIPTS:
        done = subprocess.run(
            [node, "--input-type=module", "--check", "-"],
            input=path.read_text("utf-8"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name_of(path)}: {done.stderr}"


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_has_less_than_150_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < MAX_LINES


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_says_what_it_is_for(path: Path) -> None:
    assert path.read_text("utf-8").startswith(("//", "/*"))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_makes_no_markup_of_texts(path: Path) -> None:
    """Log data is hostile: texts go into a page as texts only."""
    ways = r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|setHTMLUnsafe)\b|new Function"
    assert not re.search(ways, path.read_text("utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_leaves_nothing_behind_in_the_window(path: Path) -> None:
    assert not re.search(r"\b(?:window|globalThis)\.\w+\s*=[^=]", path.read_text("utf-8"))


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_what_a_script_imports_is_ours_and_there(path: Path) -> None:
    for wanted in re.findall(r"""(?:from|import)\s*\(?["']([^"']+)["']""", path.read_text("utf-8")):
        assert wanted.startswith("."), wanted
        assert (path.parent / wanted).is_file(), wanted
