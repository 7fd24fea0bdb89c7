"""The Grafana dashboard and the alert rules: well formed, and about metrics that exist."""

import json
import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import jsonschema
import yaml

from tests.process import ROOT, Relay

FOLDER = ROOT / "docs" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "relay.json").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((FOLDER / "alerts.yaml").read_text())

# What Grafana needs of a dashboard in JSON, as far as this one uses it.
_DATASOURCE = {"type": "object", "required": ["type", "uid"]}
_TARGET = {
    "type": "object",
    "required": ["refId", "expr", "legendFormat", "datasource"],
    "properties": {"expr": {"type": "string", "minLength": 1}, "datasource": _DATASOURCE},
}
_PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "description", "gridPos", "targets", "fieldConfig"],
    "properties": {
        "description": {"type": "string", "minLength": 1},
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "properties": {"x": {"maximum": 23}, "w": {"maximum": 24, "minimum": 1}},
        },
        "targets": {"type": "array", "minItems": 1, "items": _TARGET},
    },
}
_DASHBOARD = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "schemaVersion": {"type": "integer"},
        "panels": {"type": "array", "minItems": 1, "items": _PANEL},
    },
}
# What Prometheus needs of a file of rules.
_RULES = {
    "type": "object",
    "required": ["groups"],
    "additionalProperties": False,
    "properties": {
        "groups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "rules"],
                "properties": {
                    "rules": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["alert", "expr", "labels", "annotations"],
                            "additionalProperties": False,
                            "properties": {
                                "alert": {"type": "string", "pattern": "^[A-Z][A-Za-z]+$"},
                                "expr": {"type": "string"},
                                "for": {"type": "string", "pattern": "^[0-9]+[smh]$"},
                                "labels": {"type": "object", "required": ["severity"]},
                                "annotations": {
                                    "type": "object",
                                    "required": ["summary", "action"],
                                },
                            },
                        },
                    }
                },
            },
        }
    },
}
_NAME = re.compile(r"\b(?:relay|process|up)[a-z_]*\b(?=[\[{ )]|$)")
_OF_PROMETHEUS = {"up"}  # Prometheus's own


def _expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"].replace(",", " ")
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def test_both_are_well_formed() -> None:
    """Panels have a place of their own, brackets are closed, names are not used twice."""
    jsonschema.Draft202012Validator(_DASHBOARD).validate(DASHBOARD)
    jsonschema.Draft202012Validator(_RULES).validate(ALERTS)
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels)
    alerts = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert len(set(alerts)) == len(alerts)
    for expression in _expressions():
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression


async def test_every_metric_exists(relay: Relay) -> None:
    """In the answer of a relay: a metric that is renamed takes its panels with it."""
    async with aiohttp.request("GET", f"{relay.http}/metrics") as answer:
        text = await answer.text()
    families = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    known = families | set(re.findall(r"^([a-z_]+)", text, re.MULTILINE)) | _OF_PROMETHEUS
    for expression in _expressions():
        without_strings = re.sub(r'"[^"]*"', '""', expression)
        names = set(_NAME.findall(without_strings))
        assert names, expression
        assert names <= known, f"{expression}: {names - known}"


async def test_a_panel_that_is_wrong_would_be_found() -> None:
    """The names are read out of the expressions."""
    assert _NAME.findall('sum(rate(relay_deliveries_total{a=~"b"}[5m])) / relay_no') == [
        "relay_deliveries_total",
        "relay_no",
    ]
