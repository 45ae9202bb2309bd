"""The list of pages, to browsers and to others."""

from mesh.admin.index import add_index
from mesh.admin.pages import HTML, TEXT, Page, PageReply, PageRequest, Site

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def nothing(_request: PageRequest) -> PageReply:
    return PageReply()


async def test_the_list_is_text_to_whoever_does_not_ask_for_html() -> None:
    site = Site()
    add_index(site)
    site.add(Page("/later", "was added later", nothing))

    reply = await site.handle(PageRequest("GET", "/admin", headers={"accept": "*/*"}))

    expected = "/admin            this list\n/admin/index.txt  this list as text\n/later            was added later\n"
    assert reply == PageReply(200, TEXT, expected.encode())


async def test_the_list_is_where_linkerds_users_look_first() -> None:
    site = Site()
    add_index(site)

    assert await site.handle(PageRequest("GET", "/help")) == await site.handle(PageRequest("GET", "/admin"))


async def test_the_text_list_is_text_to_a_browser_too() -> None:
    site = Site()
    add_index(site)

    reply = await site.handle(PageRequest("GET", "/admin/index.txt", headers=BROWSER))

    assert reply.content_type == TEXT


async def test_a_browser_gets_links_to_what_can_be_got_and_nothing_unescaped() -> None:
    site = Site([Page("/a&b", "<b>", nothing), Page("/stop", "ends it", nothing, methods=("POST",))])
    add_index(site)

    reply = await site.handle(PageRequest("GET", "/admin", headers=BROWSER))

    assert reply.content_type == HTML
    assert b'<td><a href="/a&amp;b">/a&amp;b</a></td><td>&lt;b&gt;</td>' in reply.body
    assert b"<td>POST /stop</td><td>ends it</td>" in reply.body
