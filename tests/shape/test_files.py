"""The shape of files: short, and without sections that should be files of their own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("relay", "wsload", "loadtest", "infra", "bench", "clients")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
)
MOST = 300  # lines
_BANNER = re.compile(r"^\s*#\s*[-=#*─]{3,}")


@pytest.mark.parametrize("name", FILES)
def test_file_is_short_and_has_no_banners(name: str) -> None:
    """What needs more has two nouns in it."""
    lines = (ROOT / name).read_text().splitlines()
    assert len(lines) <= MOST
    assert not [line for line in lines if _BANNER.match(line)]
