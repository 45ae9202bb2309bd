"""Telling holders of log files to open them anew."""

from mesh.reopening import Reopening


def test_everybody_is_told_until_they_leave() -> None:
    reopening, told = Reopening(), list[str]()
    reopening.add(lambda: told.append("first"))
    leave = reopening.add(lambda: told.append("second"))

    reopening.now()
    leave()
    leave()
    reopening.now()

    assert told == ["first", "second", "first"]


def test_who_comes_after_one_left_takes_nobodys_place() -> None:
    reopening, told = Reopening(), list[str]()
    leave = reopening.add(lambda: told.append("first"))
    reopening.add(lambda: told.append("second"))
    leave()
    reopening.add(lambda: told.append("third"))

    reopening.now()

    assert told == ["second", "third"]
