"""A result as people read it on a terminal."""

from typing import Any

from wsload.run.requirements import QUANTITIES, number

_WIDTH = 78


def render(result: dict[str, Any]) -> str:
    """The table, and below it everything that is wrong."""
    metrics = result["metrics"]
    if not metrics["sent"]:
        return "\n".join(remarks(result))
    lines = [_title(result), "─" * _WIDTH]
    if "throughput" in metrics:
        lines.append(
            _row("throughput", f"{metrics['throughput']:,.0f} msg/s",
                 "bandwidth", f"{metrics['bandwidth']:,.1f} Mbps")
        )  # fmt: skip
    if "mean" in metrics:
        lines += [
            _row("latency  average", _ms(metrics["mean"]), "p50", _ms(metrics["p50"])),
            _row("         p95", _ms(metrics["p95"]), "p99", _ms(metrics["p99"])),
            _row("         p99.9", _ms(metrics["p999"]), "maximum", _ms(metrics["max"])),
        ]
    if "jitter_p99" in metrics:
        lines.append(
            _row("jitter   p50", _ms(metrics["jitter_p50"]), "p99", _ms(metrics["jitter_p99"]))
        )
    if "connect_p50" in metrics:
        lines.append(
            _row("connect  p50", _ms(metrics["connect_p50"]), "maximum",
                 _ms(metrics["connect_max"]))
        )  # fmt: skip
    if "away_p50" in metrics:
        lines += [
            _row("away     p50", _ms(metrics["away_p50"]), "maximum", _ms(metrics["away_max"])),
            _row("rooms split", _ms(metrics["split"]), "missed", number(metrics["missed"])),
        ]
    lines += [
        _row("sent", number(metrics["sent"]), "delivered", number(metrics["delivered"])),
        _row("lost", number(metrics["lost"]), "repeated", number(metrics["repeated"])),
        _row("reordered", number(metrics["reordered"]), "late", number(metrics.get("late", 0))),
    ]
    if metrics["leaked"]:
        lines.append(f"  {'leaked':<18}{number(metrics['leaked']):>20}")
    lines.append("─" * _WIDTH)
    if result["steps"]:
        lines += _steps(result)
    return "\n".join([*lines, *remarks(result)])


def remarks(result: dict[str, Any]) -> list[str]:
    """The verdict in sentences: what is wrong, or what was required and met."""
    lines = [f"FAILED  {sentence}" for sentence in result["shortfalls"]]
    lines += [f"INCOMPLETE  {sentence}" for sentence in result["incomplete"]]
    lines += [f"INVALID  {sentence}" for sentence in result["invalid"]]
    for receiver in result["receivers"][:5] if result["shortfalls"] else []:
        faults = ", ".join(
            f"{receiver[what]:,} {what}"
            for what in ("lost", "repeated", "reordered")
            if receiver[what]
        )
        lines.append(f"        {receiver['name']}: {faults}")
    lines += [f"NOTE  {sentence}" for sentence in result["notes"]]
    if result["passed"]:
        met = ", ".join(
            f"{QUANTITIES[name].title} {number(limit)}"
            for name, limit in result["requirements"].items()
        )
        lines.append(f"PASSED  {met}")
    return lines


def _title(result: dict[str, Any]) -> str:
    settings = result["settings"]
    rooms = f"{settings['rooms']} room{'s' if settings['rooms'] > 1 else ''}"
    relay = result["relay"].get("version", "")
    parts = [
        f"{' + '.join(result['scenarios'])}: {result['users']:,} users in {rooms}",
        f"{result['duration']:.1f} s",
        result["host"] + (f" (relay {relay})" if relay else ""),
    ]
    return ", ".join(parts)


def _steps(result: dict[str, Any]) -> list[str]:
    lines = [f"{'rate':>12} {'sent/s':>12} {'delivered/s':>14} {'p50 ms':>10} {'p99 ms':>10}"]
    for step in result["steps"]:
        lines.append(
            f"{step['rate']:12,.0f} {step['sent']:12,.0f} {step['delivered']:14,.0f} "
            f"{step['p50']:10.1f} {step['p99']:10.1f}  {step['shortfall'] or 'held'}"
        )
    rate = result["metrics"]["highest_rate"]
    lines.append(f"highest rate that held: {number(rate)} msg/s sent" if rate else "no rate held")
    lines.append("─" * _WIDTH)
    return lines


def _row(first: str, value: str, second: str, other: str) -> str:
    return f"  {first:<18}{value:>20}     {second:<12}{other:>20}"


def _ms(value: float) -> str:
    return f"{value:,.1f} ms"
