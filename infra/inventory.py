"""pyinfra's inventory: the one host that the plan of this run names."""

from infra.plan.plan import Plan

_plan = Plan.load()

relay = [(_plan.access.host, _plan.access.pyinfra)]
