"""The base of everything that ends a deploy with a sentence."""


class Refusal(Exception):
    """Why a deploy does not go on: lower case, the fact first, then what to do."""
