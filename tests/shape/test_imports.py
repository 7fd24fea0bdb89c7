"""The shape of the code: imports point one way, and what decides does no I/O."""

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# A module imports from its own layer and from those above it. A folder's name stands for all in it.
LAYERS = {
    "relay": [
        {"", "account", "clock", "names", "values", "settings", "process_memory", "logformat"},
        {"wire"},
        {"access"},
        {"room"},
        {"member"},
        {"edge"},
        {"metrics", "web"},
        {"server"},
        {"probe", "doctor"},
        {"__main__"},
    ],
    "wsload": [
        {"", "client", "account"},
        {"run"},
        {"report"},
        {"control"},
        {"user", "room"},
    ],
    "loadtest": [],
    "infra": [],
    "bench": [],
    "relay_client": [
        {"events", "errors", "address", "delays", "notes"},
        {"inbox", "outgoing"},
        {"session", "renewal"},
        {"link"},
        {"life"},
        {"client"},
        {""},
    ],
}
# Distributions in folders of their own; the others are in the root.
DISTRIBUTIONS = {"relay_client": ROOT / "clients" / "python"}
# Which of the project's packages each may import, beside itself.
MAY_IMPORT = {
    "relay": set(),
    "wsload": set(),
    "loadtest": {"wsload"},
    "infra": {"wsload"},  # its accounts, which are pure
    "bench": {"relay"},
    "relay_client": set(),
}
WITHOUT_IO = ("relay/wire", "relay/access", "relay/room", "relay/member")
IO = {
    "aiohttp",
    "asyncio",
    "resource",
    "socket",
    "ssl",
    "logging",
    "selectors",
    "threading",
    "subprocess",
}


def _name(package: str, path: Path) -> str:
    parts = path.relative_to(DISTRIBUTIONS.get(package, ROOT)).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _files(package: str) -> list[Path]:
    return sorted((DISTRIBUTIONS.get(package, ROOT) / package).rglob("*.py"))


MODULES = {_name(package, path): path for package in LAYERS for path in _files(package)}


@cache
def _imports(module: str) -> frozenset[str]:
    """Return all that the module imports; of this project's modules, the most exact name."""
    found = set()
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else base for name in names}
    return frozenset(found - {module})


def _layer(module: str) -> int:
    package, _, inside = module.partition(".")
    for index, layer in enumerate(LAYERS[package]):
        if inside in layer or inside.partition(".")[0] in layer:
            return index
    raise AssertionError(f"{module} has no place in the layers of {package}")


@pytest.mark.parametrize("module", [name for name in MODULES if LAYERS[name.partition(".")[0]]])
def test_imports_point_one_way(module: str) -> None:
    """No module imports from one that builds on it."""
    for imported in _imports(module) & set(MODULES):
        if imported.partition(".")[0] == module.partition(".")[0]:
            assert _layer(imported) <= _layer(module), f"{module} imports {imported}"


@pytest.mark.parametrize("package", LAYERS)
def test_no_imports_in_a_circle(package: str) -> None:
    """Not inside one folder either."""
    inside = {name for name in MODULES if name.partition(".")[0] == package}
    try:
        TopologicalSorter({name: _imports(name) & inside for name in inside}).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


@pytest.mark.parametrize("package", LAYERS)
def test_packages_stand_by_themselves(package: str) -> None:
    """Each may be read, tested and shipped without those it does not name."""
    others = set(LAYERS) - {package} - MAY_IMPORT[package]
    for path in _files(package):
        imported = {name.partition(".")[0] for name in _imports(_name(package, path))}
        assert not imported & others, path


DECIDING = [name for name, path in MODULES.items() if path.is_relative_to(ROOT / "relay")]
DECIDING = [
    name
    for name in DECIDING
    if any(MODULES[name].is_relative_to(ROOT / folder) for folder in WITHOUT_IO)
]


@pytest.mark.parametrize("module", DECIDING)
def test_what_decides_does_no_io(module: str) -> None:
    """No socket, no event loop, no await; the frame reader alone is aiohttp's."""
    allowed = {"aiohttp", "asyncio"} if module == "relay.wire.parser" else set()
    assert not {name.partition(".")[0] for name in _imports(module)} & (IO - allowed)
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor)


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("wsload.account.")])
def test_accounts_are_pure(module: str) -> None:
    """The standard library without clocks, sockets and files, and nothing of the other folders."""
    imports = {name for name in _imports(module) if not name.startswith("wsload.account")}
    assert {name.partition(".")[0] for name in imports} <= sys.stdlib_module_names - IO - {"time"}


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("infra.")])
def test_infra_takes_accounts_alone(module: str) -> None:
    """A deploy needs no Locust."""
    for name in _imports(module):
        assert not name.startswith("wsload") or name.startswith("wsload.account")


@pytest.mark.parametrize("package", LAYERS)
def test_every_folder_says_what_lives_there(package: str) -> None:
    """In the docstring of its `__init__.py`."""
    for path in _files(package):
        if path.name == "__init__.py" and "templates" not in path.parts:
            assert ast.get_docstring(ast.parse(path.read_text())), path


FOLDERS = [path.parent.name for path in sorted((ROOT / "relay").glob("*/__init__.py"))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_of_the_relay_say_what_they_import(folder: str) -> None:
    """Which other parts of the relay, at the end of the docstring."""
    text = ast.get_docstring(ast.parse((ROOT / "relay" / folder / "__init__.py").read_text()))
    assert text
    told = {name.strip(" `\n") for name in text.partition("Imports: ")[2].rstrip(".").split(",")}
    found = {
        name.split(".")[1]
        for module in MODULES
        if module.startswith(f"relay.{folder}")
        for name in _imports(module)
        if name.startswith("relay.")
    } - {folder}
    assert told == found


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("infra.host")])
def test_what_runs_on_the_host_needs_only_python(module: str) -> None:
    """The host has no package of ours."""
    imports = {name for name in _imports(module) if not name.startswith("infra.host")}
    assert {name.partition(".")[0] for name in imports} <= sys.stdlib_module_names
