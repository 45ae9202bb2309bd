"""Ping and ready."""

from mesh.admin.liveness import liveness_pages
from mesh.admin.pages import TEXT, PageReply, PageRequest, Site


async def test_ping_answers_pong() -> None:
    site = Site(liveness_pages(lambda: ["anything"]))

    reply = await site.handle(PageRequest("GET", "/admin/ping"))

    assert reply == PageReply(200, TEXT, b"pong")


async def test_ready_says_what_is_awaited_until_nothing_is() -> None:
    awaited = ["the namer /#/io.l5d.consul", "port 4140"]
    site = Site(liveness_pages(lambda: awaited))

    before = await site.handle(PageRequest("GET", "/admin/ready"))
    awaited.clear()
    after = await site.handle(PageRequest("GET", "/admin/ready"))

    assert before == PageReply(503, TEXT, b"waiting for the namer /#/io.l5d.consul\nwaiting for port 4140\n")
    assert after == PageReply(200, TEXT, b"ready\n")
