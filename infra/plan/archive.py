"""The program for the host (infra/host) as one file."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

FILE = "release.pyz"
_SOURCES = Path(__file__).parents[1]
_MAIN = "import sys\nfrom infra.host.program import main\nsys.exit(main())\n"


def archive() -> bytes:
    """The program in one file that python3 runs; the same sources make the same bytes."""
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for path in (_SOURCES / "__init__.py", *sorted((_SOURCES / "host").glob("*.py"))):
            name = path.relative_to(_SOURCES.parent).as_posix()
            archive.writestr(ZipInfo(name), path.read_bytes())
        archive.writestr(ZipInfo("__main__.py"), _MAIN)
    return file.getvalue()
