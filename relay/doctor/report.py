"""The doctor's report, as its reader sees it."""

from collections.abc import Sequence

from relay.doctor import facts
from relay.doctor.checks import Finding, Level, check
from relay.settings import Settings


def run(settings: Settings) -> int:
    """Print what was found; return 1 where something is wrong, else 0."""
    paths = {"LISTEN_SOCKET": settings.listen_socket, "HANDOVER_SOCKET": settings.handover_socket}
    found = check(settings, facts.read({name: path for name, path in paths.items() if path}))
    print(text(found))
    return 1 if any(each.level is Level.WRONG for each in found) else 0


def text(found: Sequence[Finding]) -> str:
    """Return the report: a line for each finding, its advice below it, and a sum at the end."""
    width = max(len(each.subject) for each in found)
    lines = []
    for each in found:
        lines.append(f"{each.level.value:<5}  {each.subject:<{width}}  {each.fact}")
        if each.advice:
            lines.append(f"{'':<5}  {'':<{width}}  → {each.advice}")
    counts = {level: sum(each.level is level for each in found) for level in Level}
    lines.append("")
    lines.append(", ".join(f"{count} {level.value}" for level, count in counts.items()))
    return "\n".join(lines)
