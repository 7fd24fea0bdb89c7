"""Each role says what it takes: commented defaults, checked arguments, a row in the README."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.engine import ROOT

ANSIBLE = ROOT / "ansible"
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())


def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_a_checked_argument_with_the_name_of_its_role(role: str) -> None:
    """A typing error in a name or a type is found before the role does anything."""
    folder = ANSIBLE / "roles" / role
    defaults = _read(folder / "defaults/main.yml")
    specs = _read(folder / "meta/argument_specs.yml")["argument_specs"]
    options = specs["main"]["options"]
    assert defaults.keys() <= options.keys()
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        assert option["description"].endswith(".")
        literal = defaults.get(name)
        if "default" in option:
            assert option["default"] == literal, f"{name}: two defaults"


@pytest.mark.parametrize("role", ROLES)
def test_every_default_has_a_comment(role: str) -> None:
    """Above it, or above the group that it stands in."""
    text = (ANSIBLE / "roles" / role / "defaults/main.yml").read_text()
    for paragraph in text.removeprefix("---\n").strip().split("\n\n"):
        assert paragraph.startswith("# "), paragraph


def test_the_readme_names_every_role_and_no_variable_that_does_not_exist() -> None:
    """What the README promises can be set, and nothing is left out of its list of roles."""
    readme = (ANSIBLE / "README.md").read_text()
    for role in ROLES:
        assert f"| `{role}` |" in readme
    known = {
        name
        for role in ROLES
        for name in _read(ANSIBLE / "roles" / role / "meta/argument_specs.yml")["argument_specs"][
            "main"
        ]["options"]
    }
    prefixes = "|".join(ROLES)
    named = set(re.findall(rf"\b(?:{prefixes})_[a-z_]*[a-z]\b", readme)) - set(ROLES)
    assert named <= known
    created = set(re.findall(r"\bcreate_[a-z_]+", readme))
    assert created <= _read_play("create.yml")["vars"].keys()


def _read_play(name: str) -> dict[str, Any]:
    (play,) = yaml.safe_load((ANSIBLE / name).read_text())
    assert isinstance(play, dict)
    return play


def test_settings_in_the_examples_are_variables_of_the_compose_file() -> None:
    """An example that is copied must not be refused."""
    compose = (ROOT / "docker-compose.yml").read_text()
    examples = (ANSIBLE / "group_vars/all.yml").read_text()
    names = re.findall(r"^# +([A-Z][A-Z_]+):", examples, re.MULTILINE)
    assert names
    for name in names:
        assert f"${{{name}" in compose
