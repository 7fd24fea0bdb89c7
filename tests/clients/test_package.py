"""relay-client.js as a package: packed, installed where nothing else is, used and type-checked."""

import gzip
import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.browser.tools import HERE, MODULES, RunNode
from tests.process import ROOT, Relay

STATIC = ROOT / "relay" / "static"
LIMIT = 10 * 1024  # bytes

_USE = """
import {{ RelayClient, Undelivered, type Message }} from "relay-client";

const relay = new RelayClient("{url}", {{ room: "{room}", user: "packed", history: 1 }});
const sent: Promise<void> = relay.send("packed");
sent.catch((error: Undelivered) => console.log(error.fate));
relay.once("message", ({{ data, from }}: Message) => {{
  console.log(`${{from}}: ${{data}}`);
  sent.then(() => relay.close());
}});
relay.on("gap", ({{ missed }}) => console.log(missed === null ? "some" : missed + 1));
await relay.opened;
"""


BUILT = ("relay-client.js", "relay-client.classic.js")


@pytest.mark.parametrize("name", BUILT)
def test_client_is_small_and_needs_nothing(name: str) -> None:
    """As it is served: one file, 10 KB gzipped at most, without an import or a comment."""
    text = (STATIC / name).read_text()
    assert len(gzip.compress(text.encode(), 9)) <= LIMIT
    assert not re.search(r"\bimport\b|/\*", text)
    package = json.loads((STATIC / "package.json").read_text())
    assert not {name for name in package if "ependencies" in name or name == "scripts"}


async def test_client_is_what_the_sources_say(run_node: RunNode, tmp_path: Path) -> None:
    """`make client` writes it."""
    code, output = await run_node(HERE / "build.mjs", tmp_path)
    assert (code, output) == (0, "")
    assert _texts(tmp_path, "*.js") == {Path(name): (STATIC / name).read_text() for name in BUILT}


async def test_types_are_what_the_sources_say(run_node: RunNode, tmp_path: Path) -> None:
    """`make client` writes them."""
    tsc = MODULES / "typescript" / "bin" / "tsc"
    code, output = await run_node(
        tsc, "--project", HERE / "tsconfig.types.json", "--outDir", tmp_path
    )
    assert (code, output) == (0, "")
    assert _texts(tmp_path, "*.d.ts") == _texts(STATIC / "types", "*.d.ts")


def _texts(folder: Path, pattern: str) -> dict[Path, str]:
    return {path.relative_to(folder): path.read_text() for path in folder.rglob(pattern)}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, node: str) -> Path:
    """What `npm pack` makes."""
    folder = tmp_path_factory.mktemp("package")
    command = ["npm", "pack", "--silent", "--offline", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=STATIC, check=True)
    return next(folder.glob("relay-client-*.tgz"))


def test_package_has_module_and_types_and_no_page(package: Path) -> None:
    """Nothing that was not asked for."""
    with tarfile.open(package) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    assert {"package.json", "types/relay-client.d.ts"} <= names
    assert {name.partition("/")[0] for name in names} == {
        *("package.json", "README.md", *BUILT, "types")
    }


@pytest.fixture
def installed(package: Path, tmp_path: Path) -> Path:
    """A folder in which it is installed, and nothing else."""
    (tmp_path / "package.json").write_text('{"type": "module", "private": true}')
    command = ["npm", "install", "--silent", "--offline", "--no-audit", str(package)]
    subprocess.run(command, cwd=tmp_path, check=True)
    return tmp_path


async def test_an_installed_package_is_used_and_checked(
    installed: Path, run_node: RunNode, relay: Relay, room: str
) -> None:
    """In a folder of its own; tsc finds its types, Node its module."""
    source = installed / "use.ts"
    source.write_text(_USE.format(url=relay.http, room=room))
    tsc = MODULES / "typescript" / "bin" / "tsc"
    code, output = await run_node(
        *(tsc, "--strict", "--target", "es2022", "--module", "nodenext"),
        *("--lib", "es2022,dom,dom.iterable,dom.asynciterable", source),
    )
    assert (code, output) == (0, "")
    async with relay.connect("host", room=room) as host:
        await host.send("hello")
        script = installed / "use.js"
        code, output = await run_node("--experimental-websocket", "--no-warnings", script)
        assert (code, output) == (0, "host: hello\n")
        assert await host.recv() == "packed"
