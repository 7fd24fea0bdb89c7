"""The new release beside the one that serves, where no client can find it."""

from infra.plan.release import Release
from infra.tasks import program
from infra.tasks.step import step


def rehearse(release: Release) -> None:
    """It has to get ready with the host's settings and carry a message, and is removed anyway."""
    step("Rehearsal | Run it apart from all clients", program.call, release.name, "rehearse")
