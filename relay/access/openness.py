"""What a relay with these settings leaves open to everybody who reaches it."""

from relay.settings import Settings


def what_is_open(settings: Settings) -> list[str]:
    """Return a sentence for each thing that is open, with the setting that would close it."""
    found = []
    if not settings.asks_for_tokens:
        found.append(
            "anyone may connect to any room under any free name, publish, and see who is where "
            "(set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL)"
        )
        if "*" in settings.allowed_origins:
            found.append("pages of any origin may do so (set ALLOWED_ORIGINS)")
    if not settings.max_connections_per_ip:
        found.append(
            "one address may have as many connections as there are (set MAX_CONNECTIONS_PER_IP)"
        )
    return found
