"""Settings are read once, and what is wrong with them is said in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.access.access import Access
from relay.settings import Settings, SettingsError, table
from relay.values import seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", 0.5),
        ("15s", 15),
        ("2m", 120),
        ("1.5h", 5400),
        ("7d", 604800),
        ("3", 3),
        (" 1s ", 1),
    ],
)
def test_durations(text: str, expected: float) -> None:
    """A number and a unit; without one it is seconds."""
    assert seconds(text) == expected


@given(st.text())
def test_anything_else_is_no_duration(text: str) -> None:
    """Never a crash: a number, or a sentence."""
    try:
        assert isinstance(seconds(text), float)
    except ValueError as error:
        assert str(error) == "expected a duration such as 500ms, 15s, 2m or 1h"


def test_defaults_are_what_the_table_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every default in the table, read back from the environment, is the default."""
    defaults = Settings.load()
    for name, shown, _ in table():
        if shown not in ("none", "loopback and private ranges"):
            monkeypatch.setenv(name, shown)
    assert Settings.load() == defaults


def test_settings_are_frozen() -> None:
    """Nothing changes them after the start."""
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().port = 1  # type: ignore[misc]


def test_empty_variables_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose passes an empty variable for one that is not set."""
    defaults = Settings.load()
    for name, _, _ in table():
        monkeypatch.setenv(name, "")
    assert Settings.load() == defaults


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PING_INTERVAL", "0", "PING_INTERVAL=0: expected at least 0.1 s"),
        ("PING_INTERVAL", "2h", "PING_INTERVAL=2h: expected at most 3600 s"),
        ("HISTORY_AGE", "-1s", "HISTORY_AGE=-1s: expected at least 0 s"),
        ("MAX_MESSAGE_SIZE", "0", "MAX_MESSAGE_SIZE=0: expected at least 1 bytes"),
        ("MAX_CONNECTIONS", "-1", "MAX_CONNECTIONS=-1: expected at least 0"),
        ("PORT", "65536", "PORT=65536: expected at most 65535"),
    ],
)
def test_limits_are_named_with_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """Key, value, limit and unit."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        Settings.load()
    assert str(error.value) == sentence


def test_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by the settings nor by an error."""
    monkeypatch.setenv("JWT_SECRET", "x" * 40)
    assert "xxx" not in repr(Settings.load())
    monkeypatch.setenv("JWT_SECRET", "hunter2")
    monkeypatch.setenv("JWT_PUBLIC_KEY", "swordfish")
    with pytest.raises(SettingsError) as error:
        Access(Settings.load())
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        "JWT_SECRET=...",
        "JWT_PUBLIC_KEY=...",
    ]
    assert "hunter2" not in str(error.value)
    assert "swordfish" not in str(error.value) + repr(Settings.load())


def test_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comma-separated, spaces do not count."""
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://A.example:443, http://b.example:8080,")
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8,::1")
    settings = Settings.load()
    assert settings.allowed_origins == ("https://a.example", "http://b.example:8080")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_wrong_network_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is wrong with it."""
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.1/8")
    with pytest.raises(SettingsError, match=r"TRUSTED_PROXIES=10\.0\.0\.1/8: .* has host bits set"):
        Settings.load()
