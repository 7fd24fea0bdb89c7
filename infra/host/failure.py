"""What ends a verb of the program with a sentence."""


class Failure(Exception):
    """Why it does not go on: lower case, the fact first."""
