"""Names: any printable characters of any script, and nothing that hides."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.names import BadName, check, shown


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
        "\u0645\u06cc\u200c\u062e\u0648",  # Persian needs the non-joiner between joining letters
        "क्\u200dष",  # and Indic scripts the joiner behind a virama
        "👩🏽\u200d🚀",  # emoji are joined, whatever their colour
        "🏳\ufe0f\u200d🌈",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "\u2139\ufe0f",
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
        ("a\ufe0f", "U+FE0F where neither its script nor an emoji needs it"),
        ("a\u200cb", "U+200C where neither its script nor an emoji needs it"),
        ("👩\u200d", "U+200D where neither"),
        ("\u200d👩", "U+200D where neither"),
        ("🔥\u200da", "U+200D where neither"),
        ("1\ufe0f", "U+FE0F where neither"),
        ("\u0301", "has the combining mark U+0301 without a character before it"),
        ("a \u0301", "has the combining mark U+0301 without a character before it"),
        ("\U0001d159", "U+1D159"),
        ("a\ufffcb", "U+FFFC"),
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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alice", "alice"),
        ("room-1.b", "room-1.b"),
        ("名前", "名前"),
        ("alice joined lobby", "'alice joined lobby'"),
        ("a: 1000 goodbye", "'a: 1000 goodbye'"),
        ("🦆", "'🦆'"),
    ],
)
def test_name_of_several_words_is_quoted_in_the_log(name: str, expected: str) -> None:
    """It could read like another line's words."""
    assert shown(name) == expected


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
    assert not set(good) & {"\u2028", "\u202e", "\u200b", "\u2060", "\ufeff"}


@given(st.text(alphabet="a1👩🚀🏽❤क्षمی\u200c\u200d\ufe0f\u20e3\u0301 ", max_size=10))
def test_joiners_stand_only_between_what_they_join(name: str) -> None:
    """None at either end, no two in a row but an emoji's style before its joiner."""
    try:
        good = check("user", name)
    except BadName:
        return
    assert good[0] not in "\u200c\u200d\ufe0f\u0301"
    assert not good.endswith(("\u200c", "\u200d")) or good[-2] == "\u094d"
    for pair in ("\u200d\u200d", "\u200c\u200d", "\ufe0f\ufe0f", "a\u200d", "a\ufe0f"):
        assert pair not in good
