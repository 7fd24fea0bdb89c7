"""Secrets and variables of the repository, by GitHub's command line where it is there."""

import shlex
import shutil
import subprocess

from infra.launch.home import Home
from infra.plan.refusal import Refusal


class Repository:
    """The one that `origin` leads to: of a fork, gh itself would take the parent."""

    def __init__(self, home: Home, address: str, domain: str) -> None:
        self._home = home
        known = home.known_hosts.read_text().strip()
        self._values = [
            ("secret", "HETZNER_HOST", address),
            ("variable", "HETZNER_HOST_KEY", known),
            ("variable", "RELAY_DOMAIN", domain),
        ]
        if home.server.get("architecture") == "arm":
            self._values.append(("variable", "DEPLOY_RUNNER", "ubuntu-24.04-arm"))

    def name(self) -> str:
        """Where the values go; "" where gh is not there, not logged in, or knows no such."""
        origin = subprocess.run(
            ["git", "remote", "get-url", "origin"], capture_output=True, text=True
        ).stdout.strip()
        if not origin or shutil.which("gh") is None:
            return ""
        view = ["gh", "repo", "view", origin, "--json", "nameWithOwner", "--jq", ".nameWithOwner"]
        done = subprocess.run(view, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout.strip() if done.returncode == 0 else ""

    def fill(self, name: str) -> None:
        """Set all of them; a value goes by the input, not by the command line."""
        key = ("secret", "HETZNER_SSH_KEY", self._home.deploy_key.read_text())
        for kind, setting, value in (*self._values, key):
            done = subprocess.run(
                ["gh", kind, "set", setting, "--repo", name],
                input=value,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                words = (done.stderr or done.stdout).strip().splitlines()
                raise Refusal(f"gh {kind} set {setting} failed: {words[-1] if words else 'why?'}")

    def commands(self) -> list[str]:
        """What to run by hand."""
        return [
            *(
                f"gh {kind} set {setting} --body {shlex.quote(value)}"
                for kind, setting, value in self._values
            ),
            f"gh secret set HETZNER_SSH_KEY < {self._home.deploy_key}",
        ]
