"""What can be wrong with NATS."""


class Unusable(Exception):
    """The relay cannot start with this NATS; `str()` says why, and what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"cannot use NATS: {problem}")


class Away(Exception):
    """NATS does not answer now; `str()` says what it did not answer."""


class NoResponders(Away):
    """Nobody listens where the question went."""
