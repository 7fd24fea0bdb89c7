"""Verdict and report on Locust's own web page: a tab, and a link to the page of each run."""

import json
from typing import Any

from flask import Blueprint, Response, abort, request, send_file
from locust.env import Environment

from wsload.control.judge import Judge

_TAB = "verdict"


def show_verdict(environment: Environment, judge: Judge) -> None:
    """Add the tab to the page of `environment`, with what `judge` says."""
    web_ui = environment.web_ui
    assert web_ui is not None
    routes = Blueprint("load", __name__)

    def rows() -> list[dict[str, str]]:
        result = judge.result
        if not result:
            return [{"word": "", "sentence": "no run has ended yet"}]
        found = [{"word": word, "sentence": sentence} for word, sentence in result["remarks"]]
        found += [{"word": "NOTE", "sentence": sentence} for sentence in result["notes"]]
        if judge.report is not None:
            found.append({"word": "REPORT", "sentence": f"./load/report ({judge.report.name})"})
        return found

    @routes.get("/load/verdict")
    def verdict() -> Response:
        """The result of the last run, for machines; empty: there is none."""
        return Response(json.dumps(judge.result), mimetype="application/json")

    @routes.get("/load/report")
    def report() -> Response:
        """The page of the last run."""
        if judge.report is None:
            abort(404, "no run has left a report yet")
        return send_file(judge.report.resolve())

    def add_verdict(response: Response) -> Response:
        """Locust's page draws what its statistics bring along for a tab."""
        if request.path.endswith("/stats/requests") and response.is_json:
            told: dict[str, Any] = response.get_json()
            told["extendedStats"] = [{"key": _TAB, "data": rows()}]
            response.set_data(json.dumps(told))
        return response

    app = web_ui.app
    assert app is not None
    app.register_blueprint(routes)
    app.after_request(add_verdict)
    web_ui.template_args |= {
        "extendedTabs": [{"title": "Verdict", "key": _TAB}],
        "extendedTables": [
            {
                "key": _TAB,
                "structure": [
                    {"key": "word", "title": "Verdict"},
                    {"key": "sentence", "title": "Why"},
                ],
            }
        ],
        # Locust's tables show no links; this list, in the tab for downloads, does.
        "extendedCsvFiles": [{"href": "./load/report", "title": "Open the last run's report"}],
    }
