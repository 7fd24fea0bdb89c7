"""The files of a release, in a directory of its own on the host."""

from io import StringIO
from pathlib import Path

from pyinfra.operations import files, server

from infra.plan.plan import Plan
from infra.plan.release import Release
from infra.tasks import script
from infra.tasks.step import step

_TEMPLATES = Path(__file__).parent.parent / "templates"


def stage(plan: Plan, release: Release) -> None:
    """Lay the files down; nothing that runs reads them yet."""
    owner, directory = plan.access.owner, script.directory_of(release.name)
    files.directory(
        name="Stage | Make the release's directory",
        path=directory,
        mode="750",
        user=owner,
        group=owner,
    )
    for source in ("docker-compose.yml", "Caddyfile.docker", _TEMPLATES / "rehearsal.yml"):
        name = Path(source).name
        files.put(
            name=f"Stage | {name}",
            src=str(source),
            dest=f"{directory}/{name}",
            mode="640",
            user=owner,
            group=owner,
        )
    files.template(
        name="Stage | release.env",
        src=str(_TEMPLATES / "release.env.j2"),
        dest=f"{directory}/release.env",
        mode="640",
        user=owner,
        group=owner,
        release=release.name,
        committed=release.committed,
    )
    stage_script(plan, release.name)


def stage_script(plan: Plan, release: str) -> None:
    """Lay down the script and let it look around.

    It is moved into its place: a switch that still runs goes on reading its old file.
    """
    owner, directory = plan.access.owner, script.directory_of(release)
    for name, mode in (("roundtrip.py", "640"), ("release.sh", "750")):
        files.put(
            name=f"Stage | {name}",
            src=StringIO((_TEMPLATES / name).read_text()),
            dest=f"{directory}/.{name}.new",
            mode=mode,
            user=owner,
            group=owner,
        )
    server.shell(
        name="Stage | Put the script in its place",
        commands=[f"cd {directory} && for f in roundtrip.py release.sh; do mv .$f.new $f; done"],
    )
    step("Stage | Mend and clean up", script.call, release, "prepare")
