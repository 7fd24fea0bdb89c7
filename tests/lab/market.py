"""What the imitation of Hetzner's API sells, and where it is out."""

from dataclasses import dataclass, field
from typing import Any, Final

LOCATIONS: Final = ("fsn1", "hel1")
# Cores, memory in GB, architecture, price a month with VAT in EUR.
TYPES: Final = {
    "cx23": (2, 4.0, "x86", "4.1500"),
    "cax11": (2, 4.0, "arm", "4.5100"),
    "cpx22": (2, 4.0, "x86", "7.7200"),
    "cx33": (4, 8.0, "x86", "6.5300"),
}


@dataclass
class Market:
    """Types by location that are out: as the list of types tells it, and not yet there."""

    sold_out: set[tuple[str, str]] = field(default_factory=set)
    just_sold_out: set[tuple[str, str]] = field(default_factory=set)

    def has(self, server_type: str, location: str) -> bool:
        return (server_type, location) not in self.sold_out | self.just_sold_out

    def server_types(self) -> dict[int, dict[str, Any]]:
        """As the API lists them, by their number."""
        return {
            number: {
                "id": number,
                "name": name,
                "cores": cores,
                "memory": memory,
                "architecture": architecture,
                "locations": [
                    {"name": place, "available": (name, place) not in self.sold_out}
                    for place in LOCATIONS
                ],
                "prices": [
                    {"location": place, "price_monthly": {"net": price, "gross": price}}
                    for place in LOCATIONS
                ],
            }
            for number, (name, (cores, memory, architecture, price)) in enumerate(TYPES.items(), 1)
        }
