"""Names: any printable characters of any script, and nothing that hides."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.names import BadName, check


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "alice bob",
        "ünïcödé",
        "名前",
        "محمد",
        "🦆",
        ".a",
        "a" * 64,
        "é" * 64,
        "a'\"<>&",
    ],
)
def test_good_names(name: str) -> None:
    """They come back as they are, in NFC."""
    assert check("user", name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "user name is empty"),
        ("a" * 65, "user name of 65 characters exceeds limit of 64"),
        ("名" * 43, "user name of 129 bytes exceeds limit of 128"),
        ("a/b", "contains '/'"),
        ("a\\b", "contains '\\\\'"),
        ("a#b", "contains '#'"),
        (" a", "begins or ends with a space"),
        ("a ", "begins or ends with a space"),
        ("..", "consists of dots only"),
        ("a\tb", "U+0009"),
        ("a\u200db", "U+200D"),
        ("a\u202eb", "U+202E"),
        ("a\ufe0f", "U+FE0F"),
        ("\u3164", "U+3164"),
        ("\ud800", "U+D800"),
        ("\ue000", "U+E000"),
    ],
)
def test_bad_names(name: str, why: str) -> None:
    """Each breaks one rule, and the sentence says which."""
    with pytest.raises(BadName) as error:
        check("user", name)
    assert why in str(error.value)


@given(st.text(max_size=80))
def test_what_passes_is_visible_bounded_and_stable(name: str) -> None:
    """A name that passes passes again, unchanged, and fits its limits."""
    try:
        good = check("room", name)
    except BadName:
        return
    assert check("room", good) == good
    assert 1 <= len(good) <= 64
    assert len(good.encode()) <= 128
    assert good.isprintable()
