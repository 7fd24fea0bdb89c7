"""When a run may begin, and when nobody is left of it."""

from wsload.run.lineup import Lineup


class _Told(list[str]):
    def __init__(self, lineup: Lineup) -> None:
        lineup.on_assembled = lambda: self.append("assembled")
        lineup.on_gone = lambda: self.append("gone")


def test_a_run_begins_when_everybody_has_joined() -> None:
    told = _Told(lineup := Lineup())
    places = [lineup.expect("a"), lineup.expect("b")]
    lineup.all_spawned()
    places[0].arrive()
    assert told == []
    places[1].arrive()
    places[1].arrive()
    assert told == ["assembled"]
    assert lineup.expected == {"a": 1, "b": 1}


def test_a_user_that_goes_while_it_connects_is_not_waited_for() -> None:
    """The start used to wait for ever."""
    told = _Told(lineup := Lineup())
    first, second = lineup.expect("a"), lineup.expect("a")
    lineup.all_spawned()
    first.arrive()
    second.go()
    second.go()
    assert told == ["assembled"]


def test_nobody_is_left_when_the_last_has_gone() -> None:
    told = _Told(lineup := Lineup())
    first, second = lineup.expect("a"), lineup.expect("a", awaited=False)
    lineup.all_spawned()
    first.go()
    assert "gone" not in told
    second.go()
    assert told[-1] == "gone"


def test_who_has_no_users_yet_has_lost_none() -> None:
    """A worker may be told that all have been spawned before it gets any."""
    told = _Told(lineup := Lineup())
    lineup.all_spawned()
    assert told == ["assembled"]


def test_the_end_of_a_run_is_no_news() -> None:
    told = _Told(lineup := Lineup())
    place = lineup.expect("a")
    lineup.all_spawned()
    lineup.close()
    place.go()
    assert told == []
