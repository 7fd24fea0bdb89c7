"""The files of a release, in a directory of its own on the host."""

from io import BytesIO
from pathlib import Path

from pyinfra.operations import files, server

from infra.plan import archive
from infra.plan.plan import Plan
from infra.plan.release import Release
from infra.tasks import program
from infra.tasks.step import step

_TEMPLATES = Path(__file__).parent.parent / "templates"


def stage(plan: Plan, release: Release) -> None:
    """Lay the files down; nothing that runs reads them yet."""
    owner, directory = plan.access.owner, program.directory_of(release.name)
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
    stage_program(plan, release.name)


def stage_program(plan: Plan, release: str) -> None:
    """Lay down the program and let it look around.

    It is moved into its place: a switch that still runs goes on with what it has read.
    """
    owner, directory = plan.access.owner, program.directory_of(release)
    roundtrip = (_TEMPLATES / "roundtrip.py").read_bytes()
    for name, content in (("roundtrip.py", roundtrip), (archive.FILE, archive.archive())):
        files.put(
            name=f"Stage | {name}",
            src=BytesIO(content),
            dest=f"{directory}/.{name}.new",
            mode="640",
            user=owner,
            group=owner,
        )
    names = f"roundtrip.py {archive.FILE}"
    server.shell(
        name="Stage | Put the program in its place",
        commands=[f"cd {directory} && for f in {names}; do mv .$f.new $f; done"],
    )
    step("Stage | Mend and clean up", program.call, release, "prepare")
