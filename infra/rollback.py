"""Go back to a release that has served. pyinfra runs this file; `make rollback` runs pyinfra."""

from infra.plan.plan import Plan
from infra.tasks import preflight, staging
from infra.tasks.switch import Switch

plan = Plan.load()

site = preflight.check(plan)
target = preflight.choose_target(plan, site)
staging.stage_program(plan, target)
Switch(plan, target, "", site).put_live()
