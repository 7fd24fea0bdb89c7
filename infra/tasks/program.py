"""The program on the host (infra/host): shipped as one file, asked verb by verb."""

from pyinfra import logger

from infra.host.state import Report, Verdict
from infra.plan.archive import FILE
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.tasks import remote

ROOT = "/opt/relay"
_QUICK = 20  # seconds for a verb that does next to nothing
_SLACK = 180  # seconds that a verb may take beside waiting for the lock


def directory_of(release: str) -> str:
    return f"{ROOT}/releases/{release}"


def call(release: str, verb: str) -> None:
    """Run a verb that waits for the host's lock, and show what it says."""
    plan = Plan.load()
    for line in _ask(release, verb, str(plan.wait), plan.actor, timeout=plan.wait + _SLACK):
        logger.info(f"    {line}")


def start(release: str, expected: str) -> None:
    """Begin to put it live, if `expected` serves; the host goes on by itself."""
    plan = Plan.load()
    _ask(release, "start", str(plan.wait), plan.actor, expected)


def tell(release: str, verdict: Verdict) -> None:
    """What was seen from here."""
    _ask(release, "verdict", verdict)


def report(release: str, lines: int) -> tuple[list[str], Report]:
    """What it has said after so many lines, and how far it has got."""
    *said, last = _ask(release, "progress", str(lines))
    return said, Report.parse(last)


def _ask(release: str, verb: str, *arguments: str, timeout: float = _QUICK) -> list[str]:
    file = f"{directory_of(release)}/{FILE}"
    try:
        return remote.run(["python3", "-I", file, verb, *arguments], timeout)
    except Refusal as refusal:
        if "can't open file" in str(refusal):
            raise Refusal(
                "a later release was deployed meanwhile, and this one was removed"
            ) from None
        raise
