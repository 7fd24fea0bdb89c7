"""What a setting may hold: read into one form, or refused with what is expected."""

import pytest

from relay.values import addresses, networks, origin, origins, url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", "*"),
        ("null", "null"),
        ("FILE://", "file://"),
        ("https://App.Example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("https://app.example:0443", "https://app.example:443"),
        ("http://app.example:8080", "http://app.example:8080"),
        ("https://app.example:", "https://app.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://*.example.org", "https://*.example.org"),
        ("https://*.BÜCHER.example:444", "https://*.xn--bcher-kva.example:444"),
        ("http://[2001:DB8:0::1]:3000", "http://[2001:db8::1]:3000"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("app://my_app", "app://my_app"),
    ],
)
def test_origins_have_one_form(text: str, expected: str) -> None:
    """The one that browsers send."""
    assert origin(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "app.example",
        "https://",
        "https://app.example/",
        "https://app.example/path",
        "https://user@app.example",
        "https://app.example:99999",
        "https://app.example:0",
        "https://*.*.example",
        "https://a.*.example",
        "https://*",
        "https://a..example",
        "https://app.example.",
        "https://-a.example",
        "https://a b.example",
        "https://[::g]",
        "https://☺.example",
        "file:///home",
        "*.example.org",
    ],
)
def test_origin_that_no_browser_sends_is_refused(text: str) -> None:
    """It would look like permission, and match nothing."""
    with pytest.raises(ValueError, match=r"is no origin|has no host|has no port"):
        origin(text)


def test_lists_that_match_nothing_are_refused() -> None:
    """An empty list is one of them, for origins and addresses."""
    for read in (origins, addresses):
        with pytest.raises(ValueError, match="expected"):
            read(" , ")
    assert networks("") == ()  # nobody's X-Forwarded-For counts
    with pytest.raises(
        ValueError, match=r"::ffff:a00:0/104 matches nothing; expected 10\.0\.0\.0/8"
    ):
        networks("::ffff:10.0.0.0/104")


def test_addresses_are_listed_once() -> None:
    """Brackets are how some write them."""
    assert addresses("127.0.0.1, [::1],127.0.0.1") == ("127.0.0.1", "::1")
    assert addresses("*") == ("*",)


@pytest.mark.parametrize(
    "text", ["login.example", "ftp://a.example", "https://", "https://a:b@c.example", "http://a:x/"]
)
def test_what_is_no_url_is_refused(text: str) -> None:
    """Before anything is fetched from it."""
    with pytest.raises(ValueError, match="expected a URL"):
        url(text)
