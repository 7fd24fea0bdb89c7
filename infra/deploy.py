"""Put one release on a host. pyinfra runs this file; `make deploy` runs pyinfra."""

from infra.plan.plan import Plan
from infra.tasks import image, preflight, rehearsal, staging
from infra.tasks.switch import Switch

plan = Plan.load()
release = plan.release
assert release is not None, "a plan to deploy has a release"

site = preflight.check(plan)
staging.stage(plan, release)
image.ship(plan, release, site)
rehearsal.rehearse(release)
Switch(plan, release.name, release.commit, site).put_live()
