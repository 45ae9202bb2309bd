from tests.e2e.proxy import proxy, stack
from tests.e2e.stubs import stub
from tests.e2e.raw import request
async def test_a() -> None:
    async with stub() as s, proxy(stack(s.port)) as p, p.connect() as c:
        await c.send(request())
        r = await c.reply()
        print(r, s.requests)
        assert 0
