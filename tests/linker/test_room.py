import math
import resource

import pytest

from mesh.linker.room import KEPT_BACK, Room, raise_limit, room


def test_room_is_full_when_as_many_have_come_as_it_is_for() -> None:
    limited = Room(2)

    states = []
    for _client in range(3):
        states.append(limited.is_full)
        limited.taken += 1

    assert states == [False, False, True]


@pytest.mark.parametrize(
    ("limit", "most"), [(KEPT_BACK + 200, 100), (KEPT_BACK, 1), (16, 1), (resource.RLIM_INFINITY, math.inf)]
)
def test_each_client_gets_two_descriptors(monkeypatch: pytest.MonkeyPatch, limit: int, most: float) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (limit, limit))

    assert room().most == most


def test_the_limit_is_raised_as_far_as_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, 524288))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: changes.append((kind, limits)))

    raise_limit()

    assert changes == [(resource.RLIMIT_NOFILE, (524288, 524288))]
