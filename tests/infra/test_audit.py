"""What the audit of dependencies says, and when it fails."""

from typing import Any

from tests.audit import verdict

GOOD: dict[str, Any] = {"name": "good", "version": "1.0", "vulns": []}
BAD: dict[str, Any] = {
    "name": "bad",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"]}],
}
UNKNOWN: dict[str, Any] = {"name": "unknown", "skip_reason": "not found on PyPI"}


def test_what_is_known_to_be_vulnerable_fails_everywhere() -> None:
    """With its version and the one that mends it."""
    for on_github in (True, False):
        code, said = verdict({"dependencies": [GOOD, BAD, UNKNOWN]}, on_github=on_github)
        assert code == 1
        assert said.startswith("bad 2.0 has PYSEC-2026-1, mended in 2.1\n")


def test_all_is_well_where_all_was_audited() -> None:
    """And it says how many."""
    assert verdict({"dependencies": [GOOD]}, on_github=True) == (
        0,
        "no known vulnerability in 1 packages",
    )


def test_what_could_not_be_audited_is_said_and_fails_on_github_alone() -> None:
    """A laptop may be on a train; on GitHub nothing would audit it later."""
    for packages in ([GOOD, UNKNOWN], []):
        code, said = verdict({"dependencies": packages}, on_github=False)
        assert code == 0
        assert "audited: PyPI's vulnerability service does not answer here" in said
        assert verdict({"dependencies": packages}, on_github=True)[0] == 1
