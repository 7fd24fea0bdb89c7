"""What the documents say of the code is so."""

import ast
import re
from pathlib import Path

import pytest

from relay.settings import table
from relay.wire.closing import Reason

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "relay"

FILES = sorted(PACKAGE.rglob("*.py"))


def test_close_codes_are_written_in_the_catalogue_only() -> None:
    """And nowhere else in the relay."""
    codes = {reason.code for reason in Reason}
    for path in FILES:
        if path.name == "closing.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, int):
                assert node.value not in codes or node.value in (1000, 1024), (path, node.lineno)


def test_every_close_reason_is_documented() -> None:
    """`docs/protocol.md` shows code and text of each, and whether to come back."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    for reason in Reason:
        again = "yes" if reason.reconnect else "no"
        assert f"| {reason.code} | {reason.template} | {again} |" in text, reason


def test_readme_shows_the_table_of_settings() -> None:
    """The same one as `--help`."""
    readme = (ROOT / "README.md").read_text()
    for name, default, meaning in table():
        assert f"| `{name}` | {default} | {meaning} |" in readme, name


def test_every_promise_of_security_names_a_test_that_exists() -> None:
    """`docs/security.md` says what covers each threat."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text())
    assert len(named) > 20
    for path, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name


def test_every_promise_of_security_is_covered() -> None:
    """No line of the table goes without its test."""
    text = (ROOT / "docs" / "security.md").read_text()
    table = text[text.index("| against |") : text.index("## What is not")]
    for line in table.splitlines()[2:]:
        assert not line or "::test_" in line, line


DOCUMENTS = [
    "README.md",
    "SECURITY.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link names a file of the repository."""
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        if "://" in target:
            continue
        assert (path.parent / target).exists(), target
