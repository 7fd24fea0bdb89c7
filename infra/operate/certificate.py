"""How long the certificate of a domain is good for, as its clients see it."""

import socket
import ssl
import time

from infra.plan.refusal import Refusal

_PATIENCE = 15.0  # seconds


def days_left(domain: str, address: str) -> float:
    """Days until it ends. Asked by DNS, and at `address` where that does not know the domain.

    Refusal says why it is not accepted.
    """
    try:
        socket.getaddrinfo(domain, 443)
        where = domain
    except OSError:
        where = address
    try:
        with (
            socket.create_connection((where, 443), _PATIENCE) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=domain) as tls,
        ):
            ends = (tls.getpeercert() or {})["notAfter"]
    except ssl.SSLCertVerificationError as error:
        raise Refusal(
            f"the certificate of {domain} is not accepted: {error.verify_message}"
        ) from None
    except (OSError, KeyError) as error:
        raise Refusal(f"{domain} speaks no TLS: {error}") from None
    return (ssl.cert_time_to_seconds(str(ends)) - time.time()) / 86400
