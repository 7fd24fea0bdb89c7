"""Numbers as people read them, in sentences, tables and names of groups."""


def number(value: float) -> str:
    """Thousands apart, and no more digits than matter."""
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"


def counted(count: float, unit: str) -> str:
    """A number with its unit: `1 message`, `1,200 messages`, `1 ms`. `unit` is a plural."""
    is_noun = unit.endswith("s") and unit != "ms" and "/" not in unit
    return f"{number(count)} {unit[:-1] if count == 1 and is_noun else unit}"
