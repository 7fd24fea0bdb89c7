"""Tests use what others may use."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))
OFFERED = {"_asdict", "_replace", "_fields", "_exit"}  # by named tuples, and by `os`
FOREIGN = {"_writer"}  # of aiohttp's WebSocketResponse, for a server that breaks the protocol


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in OFFERED | FOREIGN


@pytest.mark.parametrize("name", FILES)
def test_no_test_reaches_into_private_attributes(name: str) -> None:
    """But for those of its own classes: what is private may change without a test."""
    tree = ast.parse((ROOT / name).read_text())
    found: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own.add(node.name)
        elif isinstance(node, ast.Attribute):
            is_self = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            (own if is_self else found).add(node.attr)
    assert not {attribute for attribute in found - own if _is_private(attribute)}
