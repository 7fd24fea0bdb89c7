"""The shape of the code: imports point one way, and the middle does no I/O."""

import ast
import re
from pathlib import Path

import pytest

from relay.closing import Reason
from relay.settings import table

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "relay"

# Left is leaf: a module imports only from modules to its left.
ORDER = [
    *("", "names", "settings", "closing", "frames", "batch", "log", "log.memory", "room", "hub"),
    *("outbox", "parser", "roster", "inbox", "connection", "process_memory", "admission", "auth"),
    *("metrics", "heartbeat", "drain", "web", "web.context", "web.pages", "web.live"),
    *("web.publish", "web.status", "web.handover", "web.websocket", "web.app"),
    *("edge", "edge.listener", "server", "logformat", "probe", "__main__"),
]
WITHOUT_IO = ["names", "closing", "frames", "batch", "log.__init__", "log.memory", "room", "hub"]


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=[_module(path) or "relay" for path in FILES])
def test_imports_point_one_way(path: Path) -> None:
    """No module imports from one that builds on it."""
    module = _module(path)
    assert module in ORDER, f"relay.{module} has no place in the order of imports"
    for name in _imports(path):
        imported = name.removeprefix("relay.")
        if name.startswith("relay.") and imported in ORDER:
            assert ORDER.index(imported) < ORDER.index(module), f"{module} imports {imported}"


@pytest.mark.parametrize("module", WITHOUT_IO)
def test_the_middle_decides_without_io(module: str) -> None:
    """No aiohttp, no asyncio, no socket, no await."""
    path = PACKAGE / (module.replace(".", "/") + ".py")
    assert not {name.partition(".")[0] for name in _imports(path)} & {
        *("aiohttp", "asyncio", "socket", "os", "logging"),
    }
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor)


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


DOCUMENTS = ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """Every relative link names a file of the repository."""
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text()):
        if "://" in target:
            continue
        assert (path.parent / target).exists(), target
