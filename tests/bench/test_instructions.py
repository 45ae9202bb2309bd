import pytest

from mesh import Reply, Request, Switch
from tests.bench.costs import DTAB, canned
from tests.bench.errors import ChildError
from tests.bench.instructions import VARIANTS, Asking, Variant, collected
from tests.proxies import stack, unheard_server

LOG = "==7== Events    : Ir\n==7== Collected : {}\n==7==\n"


def test_what_was_counted_is_read_from_the_log() -> None:
    assert collected(LOG.format(203415000)) == 203_415_000


@pytest.mark.parametrize("log", ["", LOG.format(0), "valgrind: cannot start"])
def test_a_log_without_a_count_is_an_error(log: str) -> None:
    with pytest.raises(ChildError, match="valgrind counted nothing"):
        collected(log)


async def test_a_client_is_served_until_it_has_asked_its_last() -> None:
    sent: list[bytes] = []

    class Noting(Asking):
        def send(self, data: bytes | bytearray | memoryview) -> None:
            sent.append(bytes(data))

    async with unheard_server(stack(DTAB), canned) as server:
        await server.serve(Noting(3), Switch(server.service))

    assert [reply[:15] for reply in sent] == [b"HTTP/1.1 200 OK"] * 3


@pytest.mark.parametrize("variant", VARIANTS[-4:], ids=lambda variant: variant.what)
async def test_other_protocols_are_asked_and_answered_in_memory(variant: Variant) -> None:
    answered: list[Reply] = []

    async with unheard_server(variant.stack, variant.connect) as server:

        async def noted(request: Request) -> Reply:
            reply: Reply = await server.service(request)
            answered.append(reply)
            return reply

        await variant.ask(server.serve, Switch(noted), 16)

    assert len(answered) == 16
