"""A result as people read it on a terminal."""

from typing import Any

from wsload.account.audit import FAULTS
from wsload.run.figures import number

_WIDTH = 78


def render(result: dict[str, Any]) -> str:
    """The table, and below it what is to be said."""
    metrics = result["metrics"]
    if not metrics["sent"] and not metrics.get("requests"):
        return "\n".join(remarks(result))
    lines = [_title(result), "─" * _WIDTH]
    if "throughput" in metrics and metrics["sent"]:
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
    for name in ("jitter", "ping"):
        if f"{name}_p99" in metrics:
            p50, p99 = metrics[f"{name}_p50"], metrics[f"{name}_p99"]
            lines.append(_row(f"{name:<9}p50", _ms(p50), "p99", _ms(p99)))
    if "connect_p50" in metrics:
        lines.append(
            _row("connect  p50", _ms(metrics["connect_p50"]), "maximum",
                 _ms(metrics["connect_max"]))
        )  # fmt: skip
    if "away_p50" in metrics:
        lines.append(
            _row("away     p50", _ms(metrics["away_p50"]), "maximum", _ms(metrics["away_max"]))
        )
    if "split" in metrics:
        missed = number(metrics["missed"])
        lines.append(_row("rooms split", _ms(metrics["split"]), "missed", missed))
    if metrics["sent"]:
        lines += [
            _row("sent", number(metrics["sent"]),
                 "delivered", f"{number(metrics['delivered'])} of {number(metrics['owed'])}"),
            _row("lost", number(metrics["lost"]), "repeated", number(metrics["repeated"])),
            _row("reordered", number(metrics["reordered"]), "late", number(metrics.get("late", 0))),
        ]  # fmt: skip
    for name in ("leaked", "corrupted", "truncated", "unexpected", "unread"):
        if metrics[name]:
            lines.append(f"  {name:<18}{number(metrics[name]):>20}")
    lines.append("─" * _WIDTH)
    lines += [_request(request) for request in result["requests"]]
    if result["requests"]:
        lines.append("─" * _WIDTH)
    if result["steps"]:
        lines += _steps(result)
    return "\n".join([*lines, *remarks(result)])


def remarks(result: dict[str, Any]) -> list[str]:
    """The verdict in sentences, the one that decided first."""
    lines = [f"{word}  {sentence}" for word, sentence in result["remarks"]]
    for receiver in [] if result["passed"] else result["receivers"][:5]:
        faults = ", ".join(f"{receiver[name]:,} {name}" for name in FAULTS if receiver[name])
        lines.append(f"        {receiver['name']}: {faults}")
    return lines + [f"NOTE  {sentence}" for sentence in result["notes"]]


def _title(result: dict[str, Any]) -> str:
    settings = result["settings"]
    rooms = f"{settings['rooms']} room{'s' if settings['rooms'] > 1 else ''}"
    server = result["server"].get("version", "")
    parts = [
        f"{' + '.join(result['scenarios'])}: {result['users']:,} users in {rooms}",
        f"{result['duration']:.1f} s",
        result["host"] + (f" (relay {server})" if server else ""),
    ]
    return ", ".join(parts)


def _request(request: dict[str, Any]) -> str:
    """One kind of own requests."""
    return (
        f"  {request['name']:<18}{number(request['answered']):>12} answered "
        f"{number(request['failed']):>8} failed   p50 {_ms(request['p50'])}   "
        f"p99 {_ms(request['p99'])}"
    )


def _steps(result: dict[str, Any]) -> list[str]:
    lines = [
        f"{'rate':>10} {'sent/s':>10} {'delivered/s':>12} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'load %':>7} {'server %':>8}"
    ]
    for step in result["steps"]:
        server = "-" if step["server_cpu"] is None else f"{step['server_cpu']:.0f}"
        lines.append(
            f"{step['rate']:10,.0f} {step['sent']:10,.0f} {step['delivered']:12,.0f} "
            f"{step['p50']:8.1f} {step['p99']:8.1f} {step['cpu']:7.0f} {server:>8}  "
            f"{step['shortfall'] or 'held'}"
        )
    rate = result["metrics"]["highest_rate"]
    held = f"highest rate that held: {number(round(rate))} msg/s sent" if rate else "no rate held"
    return [*lines, held, "─" * _WIDTH]


def _row(first: str, value: str, second: str, other: str) -> str:
    return f"  {first:<18}{value:>20}     {second:<12}{other:>20}"


def _ms(value: float) -> str:
    return f"{value:,.1f} ms"
