"""Which pages may be asked for."""

import pytest

from mesh.admin.pages import Page, PageReply, PageRequest, Site
from mesh.admin.security import Security
from mesh.settings import AdminSecurity

UI = [
    "/",
    "/files/css/fonts.css",
    "/admin/files/x",
    "/config.json",
    "/metrics.json",
    "/admin/metrics.json",
    "/admin/metrics",
]
MORE_UI = ["/delegator", "/delegator.json", "/logging", "/help"]
CONTROL = ["/admin/shutdown", "/admin/breakers/reset", "/logging.json"]
DIAGNOSTICS = ["/admin/threads", "/client_state.json", "/filesystem", "/x/config.json", "/abc/def", "/configXjson"]
ALL = [*UI, *MORE_UI, *CONTROL, *DIAGNOSTICS]


def allowed(**settings: object) -> list[str]:
    security = Security(AdminSecurity(**settings))  # type: ignore[arg-type]  # keys of the test's own
    return [path for path in ALL if security.allows(path)]


def test_everything_is_shown_unless_somebody_says_otherwise() -> None:
    assert allowed() == ALL


@pytest.mark.parametrize(
    ("key", "category"),
    [("ui_enabled", [*UI, *MORE_UI]), ("control_enabled", CONTROL), ("diagnostics_enabled", DIAGNOSTICS)],
)
def test_a_category_is_shown_or_not(key: str, category: list[str]) -> None:
    assert allowed(**{key: False}) == [path for path in ALL if path not in category]


def test_a_whitelist_shows_single_pages_of_what_is_not_shown() -> None:
    shown = allowed(
        ui_enabled=False, control_enabled=False, diagnostics_enabled=False, path_whitelist=("^/admin/th.*$", "/hel")
    )

    assert shown == ["/admin/threads"]


def test_a_blacklist_is_stronger() -> None:
    assert "/help" not in allowed(path_whitelist=("/help",), path_blacklist=("^/help$",))


@pytest.mark.parametrize("path", ["/admin/shutdown/", "/admin/shutdown//", "/help/"])
def test_a_slash_at_the_end_opens_no_door(path: str) -> None:
    security = Security(AdminSecurity(control_enabled=False, path_blacklist=("/help",)))

    assert not security.allows(path)


def test_a_pattern_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pathBlacklist: \( is no regular expression: missing \)"):
        AdminSecurity(path_blacklist=("(",))


async def test_a_page_that_is_not_allowed_is_not_found_and_not_listed() -> None:
    pages = [Page(path, f"shows {path}", lambda _request: PageReply.of_text("shown")) for path in ("/help", "/secret")]
    site = Site(pages, Security(AdminSecurity(path_blacklist=("/secret",))).allows)

    replies = [await site.handle(PageRequest("GET", path)) for path in ("/help", "/secret", "/none")]

    assert [reply.status for reply in replies] == [200, 404, 404]
    assert replies[1].body == b""
    assert [page.path for page in site.pages] == ["/help"]
    assert "/secret" in site
