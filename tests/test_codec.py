import pytest

from mesh.codec import Session, Switch
from mesh.message import Reply, Request
from mesh.service import AnyService


class Client:
    """A client's connection that leaves the switch as it is drained, as real ones do."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self.times = 0
        self.hurried = 0
        self.asked: list[AnyService] = []
        self.busy_with: AnyService | None = None
        switch.connections.add(self)

    def drain(self) -> None:
        self.times += 1
        self._switch.connections.discard(self)

    def hurry(self) -> None:
        self.hurried += 1

    def leaves(self, service: AnyService) -> bool:
        """Be in an exchange with `busy_with`."""
        self.asked.append(service)
        return self.busy_with is not service


async def answer(_request: Request, /) -> Reply:
    return Reply()


def test_every_connection_is_hurried_as_often_as_the_switch_is() -> None:
    switch = Switch(answer)
    clients = [Client(switch) for _ in range(3)]

    switch.hurry()
    switch.hurry()

    assert [client.hurried for client in clients] == [2, 2, 2]


def test_draining_tells_every_connection_and_those_that_come_later() -> None:
    switch = Switch(answer)
    clients = [Client(switch) for _ in range(3)]

    switch.drain()
    switch.drain()

    assert ([client.times for client in clients], switch.draining) == ([1, 1, 1], True)


def test_a_service_is_left_when_no_exchange_is_open_that_it_was_called_for_and_every_connection_is_told() -> None:
    switch = Switch(answer)
    clients = [Client(switch) for _ in range(3)]
    clients[0].busy_with = answer

    before = switch.leaves(answer)
    clients[0].busy_with = None
    after = switch.leaves(answer)

    assert (before, after) == (False, True)
    assert [client.asked for client in clients] == [[answer, answer]] * 3


def test_a_new_session_takes_calls_and_is_idle() -> None:
    session = Session(capacity=3)

    assert (session.capacity, session.closed, session.is_idle()) == (3, False, True)


def test_a_session_that_takes_one_call_at_a_time_is_idle_unless_it_is_in_one() -> None:
    session = Session()

    session.capacity -= 1

    assert not session.is_idle()


def test_a_session_that_is_used_alone_tells_nobody_of_its_changes() -> None:
    session = Session()

    session.on_change(session)

    assert not session.pooled


async def test_calls_are_for_a_protocol_to_make() -> None:
    session = Session()

    with pytest.raises(NotImplementedError):
        await session(Request())
    with pytest.raises(NotImplementedError):
        session.is_usable()
    with pytest.raises(NotImplementedError):
        session.close()
