"""What happened in a run, step by step: written by pyinfra's process, read by the one around it."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Journal:
    """Steps with their durations, facts by name, and the sentence that ended the run, if any."""

    path: Path
    steps: list[tuple[str, float]] = field(default_factory=list)  # name, seconds
    facts: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @classmethod
    def of(cls, directory: Path) -> "Journal":
        return cls(directory / "journal.jsonl")

    def step(self, name: str, seconds: float) -> None:
        self._write({"step": name, "seconds": round(seconds, 2)})

    def fact(self, name: str, value: Any) -> None:
        self._write({"fact": name, "value": value})

    def fail(self, sentence: str) -> None:
        self._write({"failure": sentence})

    def read(self) -> "Journal":
        """Itself, with what has been written so far."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for entry in map(json.loads, lines):
            if "step" in entry:
                self.steps.append((entry["step"], entry["seconds"]))
            elif "fact" in entry:
                self.facts[entry["fact"]] = entry["value"]
            else:
                self.failure = self.failure or entry["failure"]
        return self

    def _write(self, entry: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


class Stopwatch:
    """Times one step after the other."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._started = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._journal.step(name, now - self._started)
        self._started = now
