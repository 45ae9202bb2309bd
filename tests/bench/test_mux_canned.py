from mesh import Switch
from mesh_plugins.mux.message import MuxReply, MuxRequest
from tests.bench import mux_canned
from tests.bench.costs import DTAB
from tests.bench.mux_load import OUTSTANDING
from tests.proxies import stack, unheard_server


async def test_so_many_calls_of_mux_are_served_as_are_asked_for() -> None:
    answers: list[int] = []

    async with unheard_server(stack(DTAB, protocol="mux"), mux_canned.answering) as server:

        async def noted(request: MuxRequest) -> MuxReply:
            reply: MuxReply = await server.service(request)
            answers.append(reply.status)
            return reply

        await server.serve(mux_canned.MuxAsking(3 * OUTSTANDING), Switch(noted))

    assert answers == [0] * 3 * OUTSTANDING
