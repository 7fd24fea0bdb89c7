"""Two source trees side by side: their figures in pairs, each pair taken one after the other."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Final

Figures = dict[str, float]
"""What one run of a row gave, by name and unit."""

HEADER: Final = (
    "| row | figure | other | this | this/other | from | to |\n|---|---|---:|---:|---:|---:|---:|"
)


def alternate(
    measure_this: Callable[[], Figures], measure_other: Callable[[], Figures], pairs: int
) -> list[tuple[Figures, Figures]]:
    """Return so many pairs of this tree's and the other's figures.

    Each tree comes first in every second pair: what the machine does besides favours none.
    """
    taken = []
    for number in range(pairs):
        if number % 2:
            this, other = measure_this(), measure_other()
        else:
            other, this = measure_other(), measure_this()
        taken.append((this, other))
    return taken


def lines(row: str, pairs: Sequence[tuple[Figures, Figures]]) -> Iterator[str]:
    """Yield a line of a Markdown table per figure: medians, and the ratio within a pair.

    The ratio is the median of those of all pairs, beside the least and the greatest of them.
    """
    for name in pairs[0][0]:
        this, other = [pair[0][name] for pair in pairs], [pair[1][name] for pair in pairs]
        ratios = [mine / theirs for mine, theirs in zip(this, other, strict=True) if theirs]
        shown = (median(ratios), min(ratios), max(ratios)) if ratios else ()
        cells = [number(median(other)), number(median(this)), *(f"{each:.2f}" for each in shown)]
        yield f"| {row} | {name} | {' | '.join(cells + ['-'] * (5 - len(cells)))} |"


def number(value: float) -> str:
    """Return three digits of it, or all before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
