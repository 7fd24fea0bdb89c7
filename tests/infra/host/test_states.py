"""The states of a switch, as the document tells them."""

import re

from infra.host.state import Progress, State
from tests.process import ROOT


def test_every_state_and_what_follows_it_is_documented() -> None:
    """In infra/README.md, and nothing else."""
    text = (ROOT / "infra" / "README.md").read_text()
    table = text[text.index("| state |") :].partition("\n\n")[0].splitlines()[2:]
    documented = {}
    for row in table:
        _, state, _, following, _ = row.split("|")
        documented[state.strip(" `")] = set(re.findall(r"`(\w+)`", following))
    assert documented == {
        str(state): {str(other) for other in State if Progress(state).may_become(other)}
        for state in State
    }


def test_final_states_are_those_after_which_nothing_comes() -> None:
    """Whoever follows a switch need not ask any more."""
    final = {state for state in State if state.is_final}
    assert final == {State.KEPT, State.RETURNED, State.STAYS, State.MOVED, State.FAILED}
