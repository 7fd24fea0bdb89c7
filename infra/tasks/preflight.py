"""Before anything is touched: is this a host that can take the release, and should it?"""

from pyinfra import host, logger
from pyinfra.api.exceptions import DeployError

from infra.plan.journal import Journal
from infra.plan.plan import Plan
from infra.plan.refusal import Refusal
from infra.plan.release import check_not_older
from infra.tasks.site import Site, site_of

MEGABYTE = 1 << 20
ROOM = 256 * MEGABYTE  # bytes to leave for logs and the system, whatever a release takes


def check(plan: Plan) -> Site:
    """Ask the host, and refuse in a sentence."""
    site = site_of(host)
    journal = Journal.of(plan.directory)
    try:
        _check_host(plan, site)
        if plan.release:
            if not plan.force:
                check_not_older(plan.release, site.running, site.running_committed)
            if plan.release.changed:
                files = ", ".join(plan.release.changed)
                logger.warning(f"    the release has changes that nobody committed: {files}")
    except Refusal as refusal:
        journal.fail(str(refusal))
        raise DeployError(str(refusal)) from None
    if site.caddy_publishes:
        logger.warning(
            "    Caddy publishes its ports through Docker, so IPv6 clients come without their own"
            " addresses: make provision HOST=… TAGS=all,caddy_upgrade, which cuts every open"
            " WebSocket once"
        )
    journal.fact("engine", f"Docker {site.engine}, compose {site.compose}, {site.architecture}")
    journal.fact("before", site.running)
    journal.fact("domain", site.domain)
    return site


def _check_host(plan: Plan, site: Site) -> None:
    provision = f"make provision HOST={plan.access.host}"
    _check_engine(plan.access.host, provision, site)
    _check_domain(plan, provision, site)
    if plan.release:
        check_hold(plan, site)
        if not site.caddy_has_socket:
            raise Refusal(
                f"Caddy on {plan.access.host} lacks the volume by which one relay takes over from"
                f" another: {provision} TAGS=all,caddy_upgrade, which brings it, and cuts every"
                " open WebSocket once"
            )
        check_room(plan.access.host, site.free, 0)


def _check_engine(name: str, provision: str, site: Site) -> None:
    """Is the host provisioned, by a recent enough version, and does what it needs run?"""
    if not site.is_provisioned:
        raise Refusal(f"{name} is not provisioned: {provision}")
    if not site.engine:
        raise Refusal(
            f"Docker on {name} does not answer {site.user}: {provision}, which starts it and puts"
            " the user in its group"
        )
    if not site.compose:
        raise Refusal(f"docker compose is missing on {name}: {provision}")
    if _version(site.engine) < (23, 0) or _version(site.compose) < (2, 20):
        raise Refusal(
            f"{name} has Docker {site.engine} and compose {site.compose}, expected 23.0 and 2.20"
            " or newer: upgrade the host to Debian 13"
        )
    if not site.has_caddy:
        raise Refusal(f"Caddy does not run on {name}: {provision}, which starts it")


def _check_domain(plan: Plan, provision: str, site: Site) -> None:
    """Do this machine, the host's settings and Caddy mean the same one?"""
    name = plan.access.host
    if plan.domain and plan.domain != site.domain:
        there = site.domain or "not set"
        raise Refusal(
            f"RELAY_DOMAIN is {plan.domain} here and {there} on {name}: RELAY_DOMAIN={plan.domain}"
            f" {provision} TAGS=caddy_upgrade, which cuts every open WebSocket"
        )
    if site.sites != site.domain and (site.domain or not site.sites.startswith("http://")):
        # Whatever is shipped, no message would come through the address that is asked.
        raise Refusal(
            f"Caddy on {name} still serves {site.sites}, and RELAY_DOMAIN there is"
            f" {site.domain or 'not set'}: {provision} TAGS=caddy_upgrade, which cuts every open"
            " WebSocket; or wait for the host's weekly window"
        )


def check_hold(plan: Plan, site: Site) -> None:
    """Refuse while somebody holds deploys back; a rollback is always welcome."""
    if site.hold:
        raise Refusal(
            f"deploys to {plan.access.host} are held back by {site.hold}: make unhold"
            " HOST=… when that is over, and deploy again"
        )


def check_room(name: str, free: int, needed: int) -> None:
    """Refuse if fewer bytes are free than `needed` and some for the rest of the host."""
    if free < needed + ROOM:
        raise Refusal(
            f"{name} has {free // MEGABYTE} MB free where Docker keeps its images, and this needs"
            f" {(needed + ROOM) // MEGABYTE} MB: docker builder prune --all, or a bigger disk"
        )


def _version(text: str) -> tuple[int, ...]:
    numbers = text.removeprefix("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(number) for number in numbers[:2] if number.isdigit())


def choose_target(plan: Plan, site: Site) -> str:
    """The release to go back to: the one that was named, or the last one before the current one."""
    before = [name for name in site.served if name < site.running]
    if site.predecessor:  # not the last one by time: that may have been gone back from
        before = [name for name in before if name == site.predecessor]
    others = [name for name in site.served if name != site.running]
    known = "it remembers " + (", ".join(others) or "no other")
    refusal = ""
    if plan.target == site.running:
        refusal = f"{plan.target} is the release that serves: {known}"
    elif plan.target and plan.target not in site.served:
        refusal = f"{plan.access.host} does not remember release {plan.target}: {known}"
    elif not plan.target and not before:
        refusal = f"there is no release before {site.running} on {plan.access.host}: {known}"
    if refusal:
        Journal.of(plan.directory).fail(refusal)
        raise DeployError(refusal)
    target = plan.target or before[-1]
    Journal.of(plan.directory).fact("target", target)
    return target
