"""Write the relay's page `/docs` from openapi.yaml: `make api-docs`."""

import re
import sys
from html import escape
from pathlib import Path
from typing import Any, Final

import yaml

STATIC: Final = Path(__file__).parent.parent.parent / "relay" / "static"
_METHODS: Final = ("get", "post")

Schema = dict[str, Any]


class _Page:
    """Renders one description."""

    def __init__(self, api: Schema) -> None:
        self._api = api

    def render(self) -> str:
        info = self._api["info"]
        groups = "".join(self._group(tag) for tag in self._api["tags"])
        links = "".join(
            f'<li><a href="#{_id(tag["name"])}">{escape(tag["name"])}</a></li>'
            for tag in self._api["tags"]
        )
        body = (
            f'<p class="lead">{_text(info["description"])}</p>'
            f'<ul class="chips toc">{links}</ul>{groups}'
        )
        return (STATIC / "docs.template.html").read_text().replace("<!-- body -->", body)

    def _group(self, tag: Schema) -> str:
        name = tag["name"]
        operations = "".join(
            self._operation(path, method, operation, item.get("parameters", []))
            for path, item in self._api["paths"].items()
            for method, operation in item.items()
            if method in _METHODS and name in operation["tags"]
        )
        return (
            f'<section class="part" aria-labelledby="{_id(name)}"><h2 id="{_id(name)}">'
            f'{escape(name)}</h2><p class="quiet">{_text(tag["description"])}</p>'
            f"{operations}</section>"
        )

    def _operation(self, path: str, method: str, operation: Schema, shared: list[Schema]) -> str:
        parts = [
            f'<article class="card pad operation" id="{operation["operationId"]}">'
            f'<h3><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h3>'
            f"<p><strong>{_text(operation['summary'])}.</strong>"
        ]
        if "description" in operation:
            parts.append(f" {_text(operation['description'])}")
        parts.append("</p>")
        parameters = [self._find(each) for each in (*shared, *operation.get("parameters", []))]
        if parameters:
            rows = "".join(
                f"<tr><td><code>{escape(each['name'])}</code></td>"
                f"<td>{_text(each['description'])}</td>"
                f'<td class="quiet">{escape(_kind(self._find(each["schema"])))}</td></tr>'
                for each in parameters
            )
            parts.append(_table(("Parameter", "Meaning", "Value"), rows))
        if body := operation.get("requestBody"):
            kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])
            parts.append(f'<p class="small">Body: {kinds}</p>')
            for content in body["content"].values():
                parts.append(self._fields(content["schema"]))
        parts.append(self._answers(operation["responses"]))
        return "".join((*parts, "</article>"))

    def _answers(self, responses: Schema) -> str:
        rows = "".join(
            f"<tr><td><code>{status}</code></td><td>{_text(self._find(answer)['description'])}"
            "</td></tr>"
            for status, answer in responses.items()
        )
        parts = [_table(("Answer", "Meaning"), rows)]
        for status, answer in responses.items():
            content = self._find(answer).get("content", {}).get("application/json")
            if content and status < "300":
                parts.append(self._fields(content["schema"]))
        return "".join(parts)

    def _fields(self, schema: Schema) -> str:
        rows = "".join(self._rows(schema, ""))
        return _table(("Field", "Meaning", "Value"), rows) if rows else ""

    def _rows(self, schema: Schema, prefix: str) -> list[str]:
        schema = self._find(schema)
        found = []
        for base in schema.get("allOf", []):
            found += self._rows(base, prefix)
        if "items" in schema and prefix:
            return self._rows(schema["items"], prefix.removesuffix(".") + "[].")
        for name, field in schema.get("properties", {}).items():
            field = self._find(field)
            found.append(
                f"<tr><td><code>{_breakable(prefix + name)}</code></td>"
                f"<td>{_text(field.get('description', ''))}</td>"
                f'<td class="quiet">{escape(_kind(field))}</td></tr>'
            )
            found += self._rows(field, f"{prefix}{name}.")
        return found

    def _find(self, value: Schema) -> Schema:
        """Return the value, or what it refers to, with what stands beside the reference."""
        found = dict(value)
        while "$ref" in found:
            target: Any = self._api
            for key in found.pop("$ref").removeprefix("#/").split("/"):
                target = target[key]
            found = {**target, **found}
        return found


def _table(heads: tuple[str, ...], rows: str) -> str:
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f'<div class="wide" tabindex="0"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        kind = " or ".join(map(str, schema["enum"]))
    elif "const" in schema:
        kind = str(schema["const"]).lower()
    elif "anyOf" in schema:
        kind = "text or null"
    else:
        kind = schema.get("type", "")
        kind = " or ".join(kind) if isinstance(kind, list) else kind
    return f"{kind}; {schema['default']} if left out" if "default" in schema else kind


def _text(text: str) -> str:
    """Return it as HTML; what stands between backticks is code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _breakable(name: str) -> str:
    """Return it as HTML that may go on in the next line behind a full stop and an underscore."""
    return re.sub(r"([._])", r"\1<wbr>", escape(name))


def _id(name: str) -> str:
    return name.lower()


def page() -> str:
    """Return the page."""
    return _Page(yaml.safe_load((STATIC / "openapi.yaml").read_text())).render()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else STATIC / "docs.html"
    target.write_text(page())
