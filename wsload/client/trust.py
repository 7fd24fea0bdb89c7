"""TLS: whom to trust, and as whom to present oneself."""

import ssl
from dataclasses import dataclass

import gevent.ssl

from wsload.client.failures import BadAddress


@dataclass(frozen=True, slots=True)
class Trust:
    """Files are PEM; empty: none."""

    ca: str = ""  # authorities to trust besides the system's
    certificate: str = ""  # the client's own, with its key or
    key: str = ""  # with the key in a file of its own
    insecure: bool = False  # believe any certificate

    def context(self, scheme: str) -> ssl.SSLContext | None:
        """How to check a server's certificate; none without TLS. Raises `BadAddress`."""
        if scheme == "ws":
            return None
        context: ssl.SSLContext = gevent.ssl.create_default_context()
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
        except OSError as error:
            raise BadAddress(f"cannot read --ca {self.ca}: {error}") from None
        try:
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key or None)
        except OSError as error:
            raise BadAddress(f"cannot read --certificate {self.certificate}: {error}") from None
        return context
