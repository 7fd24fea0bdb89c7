"""A name says which thing it is."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_no_two_classes_of_the_relay_have_one_name() -> None:
    """Not in folders that never meet either: whoever searches for a class finds that one."""
    found = defaultdict(list)
    for path in sorted((ROOT / "relay").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(path.relative_to(ROOT).as_posix())
    assert not {name: places for name, places in found.items() if len(places) > 1}
