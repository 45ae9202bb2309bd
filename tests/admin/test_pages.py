"""The table of pages: dispatch, refusals, and pages that raise."""

import logging

import pytest
import trio

from mesh.admin.pages import JSON, TEXT, Page, PageReply, PageRequest, Site


def page(path: str, answer: str = "answer", methods: tuple[str, ...] = ("GET",), aliases: tuple[str, ...] = ()) -> Page:
    return Page(
        path, f"shows {path}", lambda request: PageReply.of_text(f"{answer} to {request.method}"), methods, aliases
    )


async def test_a_page_answers_at_its_path_and_aliases() -> None:
    site = Site([page("/a", aliases=("/b",)), page("/")])

    bodies = [(await site.handle(PageRequest("GET", path))).body for path in ("/a", "/a/", "/b", "/")]

    assert bodies == [b"answer to GET"] * 4


async def test_an_async_page_is_awaited() -> None:
    async def handle(request: PageRequest) -> PageReply:
        await trio.lowlevel.checkpoint()
        return PageReply.of_json({"path": request.path}, 202)

    reply = await Site([Page("/slow", "", handle)]).handle(PageRequest("GET", "/slow"))

    assert reply == PageReply(202, JSON, b'{"path": "/slow"}')


async def test_an_unknown_path_answers_404_and_lists_the_pages() -> None:
    site = Site([page("/admin/ping"), page("/a", aliases=("/hidden",))])

    reply = await site.handle(PageRequest("GET", "/nowhere"))

    expected = "There is no page /nowhere; there are:\n\n/a           shows /a\n/admin/ping  shows /admin/ping\n"
    assert reply == PageReply(404, TEXT, expected.encode())


async def test_a_wrong_method_answers_405_with_those_allowed() -> None:
    site = Site([page("/read"), page("/write", methods=("POST",))])

    read = await site.handle(PageRequest("POST", "/read"))
    write = await site.handle(PageRequest("HEAD", "/write"))

    assert (read.status, read.headers) == (405, (("allow", "GET, HEAD"),))
    assert (write.status, write.headers) == (405, (("allow", "POST"),))


async def test_head_is_answered_as_get() -> None:
    reply = await Site([page("/a")]).handle(PageRequest("HEAD", "/a"))

    assert reply.body == b"answer to GET"


async def test_a_page_that_raises_answers_500_in_one_line_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handle(_request: PageRequest) -> PageReply:
        raise RuntimeError("two\nlines")

    reply = await Site([Page("/broken", "", handle)]).handle(PageRequest("GET", "/broken"))

    assert reply == PageReply(500, TEXT, b"/broken: RuntimeError: two lines\n")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, "the admin page /broken raised")
    ]


async def test_a_page_that_is_cancelled_is_not_taken_for_one_that_raised() -> None:
    async def handle(_request: PageRequest) -> PageReply:
        await trio.sleep_forever()
        raise AssertionError

    with trio.move_on_after(0) as scope:
        await Site([Page("/stuck", "", handle)]).handle(PageRequest("GET", "/stuck"))

    assert scope.cancelled_caught


def test_two_pages_cannot_have_one_path() -> None:
    site = Site([page("/a", aliases=("/b",))])

    with pytest.raises(ValueError, match="two admin pages have the path /b"):
        site.add(page("/b/"))


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("t", True), ("True", True), ("0", False), ("yes", False), ("", False)]
)
def test_a_parameter_says_yes_as_in_finagle(value: str, expected: bool) -> None:
    assert PageRequest("GET", "/", {"pretty": [value]}).is_set("pretty") is expected


def test_a_parameter_that_was_not_given_has_its_default() -> None:
    request = PageRequest("GET", "/", {"q": ["first", "second"]})

    assert (request.first("q"), request.first("other", "default"), request.is_set("other")) == (
        "first",
        "default",
        False,
    )


def test_what_is_only_a_part_of_other_pages_is_not_listed() -> None:
    site = Site([page("/a"), Page("/a.css", "", lambda _request: PageReply(), listed=False)])

    assert [shown.path for shown in site.listed] == ["/a"]
    assert "/a.css" not in site.listing()
    assert "/a.css" in site


@pytest.mark.parametrize(
    ("origin", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
async def test_pages_of_other_sites_may_change_nothing(origin: str, status: int) -> None:
    site = Site([Page("/stop", "", lambda _request: PageReply(), methods=("GET", "POST"))])

    replies = [
        await site.handle(PageRequest(method, "/stop", headers={"sec-fetch-site": origin}))
        for method in ("POST", "GET")
    ]

    assert [reply.status for reply in replies] == [status, 200]
