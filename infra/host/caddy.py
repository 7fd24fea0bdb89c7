"""Caddy on the host. Its Caddyfile comes by its input: the mounted one is the file of its start."""

import re

from infra.host.docker import Answer, Docker
from infra.host.failure import Failure

_CADDY = (
    *("ps", "--quiet", "--filter", "label=com.docker.compose.project=relay"),
    *("--filter", "label=com.docker.compose.service=caddy"),
)
_ERROR = re.compile(r"^Error: (.*)$", re.MULTILINE)


class Caddy:
    """The container that provisioning started; a release reloads it and never recreates it."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker

    def validate(self, caddyfile: bytes) -> None:
        """Failure with Caddy's reason if it would not take this file."""
        self._say("validate", caddyfile)

    def reload(self, caddyfile: bytes) -> None:
        """Go over to this file; Failure with Caddy's reason if it stays with what it has."""
        self._say("reload", caddyfile)

    def _say(self, verb: str, caddyfile: bytes) -> None:
        running = self._docker.ask(*_CADDY).output.split()
        if not running:
            raise Failure("Caddy does not run: provision the host again")
        words = ("caddy", verb, "--config", "-", "--adapter", "caddyfile")
        answer = self._docker.ask("exec", "--interactive", running[0], *words, text=caddyfile)
        if not answer.worked:
            raise Failure(f"Caddyfile.docker of this release has an error: {_reason(answer)}")


def _reason(answer: Answer) -> str:
    errors = _ERROR.findall(answer.output + answer.errors)
    return errors[-1] if errors else answer.reason
