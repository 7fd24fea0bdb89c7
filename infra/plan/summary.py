"""What a run did, in Markdown for GitHub's step summary, and as plain lines for a terminal."""

from typing import Any

from infra.plan.journal import Journal


def markdown(title: str, journal: Journal) -> str:
    """The release, how long each step took, and what clients saw of it."""
    facts = journal.facts
    lines = [f"## {title}", ""]
    if journal.failure:
        lines += [f"**Failed:** {journal.failure}", ""]
    for name, label in (("before", "Before"), ("domain", "Domain"), ("engine", "Host")):
        if facts.get(name):
            lines.append(f"- {label}: `{facts[name]}`")
    if "sent" in facts:
        lines.append(f"- Image: {facts['sent'] / (1 << 20):.1f} MB sent, before compression")
    if "message_ms" in facts:
        lines.append(f"- A message through the public address: {facts['message_ms']} ms")
    lines += ["", "| step | seconds |", "|---|---:|"]
    lines += [f"| {name.replace(' | ', ': ')} | {seconds:.1f} |" for name, seconds in journal.steps]
    if facts.get("witnesses"):
        lines += ["", *_witnesses(facts["witnesses"])]
    return "\n".join(lines) + "\n"


# Said only where it happened.
_RARE = ("reordered", "leaked", "corrupted", "truncated", "unexpected")


def _witnesses(figures: dict[str, Any]) -> list[str]:
    closes = ", ".join(f"{count} with {code}" for code, count in figures["closes"].items())
    failed = figures["handshakes_failed"]
    why = f" ({figures['failure']})" if figures["failure"] else ""
    lines = [
        f"| what {figures['clients']} connected clients saw | |",
        "|---|---:|",
        f"| handshakes failed | {failed}{why} |",
        f"| closed | {closes or 'none'} |",
        f"| longest silence | {figures['silence']} s |",
        f"| messages said | {figures['said']} |",
        f"| deliveries lost | {figures['lost']} |",
        f"| deliveries repeated | {figures['repeated']} |",
        *(f"| deliveries {fault} | {figures[fault]} |" for fault in _RARE if figures[fault]),
    ]
    if closes:
        back = f"{figures['back_median']} / {figures['back_max']} s"
        lines += [
            f"| back after, median / longest | {back} |",
            f"| both relays served one room for | {figures['split']} s |",
            f"| deliveries unread when a connection closed | {figures['unread']} |",
            f"| deliveries missed while away | {figures['missed']} |",
        ]
    return lines
