"""The admin server as a table of pages, whatever protocol serves it."""

import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

import attrs

logger = logging.getLogger(__name__)

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"

FOREIGN = (
    "cross-site",
    "same-site",
)  # values of `sec-fetch-site`, which a page cannot forge. Source: W3C Fetch Metadata
Query = Mapping[str, list[str]]


@attrs.frozen
class PageRequest:
    """What is asked of a page. `path` is decoded and without the query; names in `headers` are lower case."""

    method: str
    path: str
    query: Query = attrs.field(factory=dict)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = b""

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter, or `default` if it was not given."""
        return self.query.get(name, [default])[0]

    def is_set(self, name: str) -> bool:
        """Return whether a query parameter says yes: `1`, `t` or `true`, as in Finagle."""
        return self.first(name).lower() in ("1", "t", "true")


@attrs.frozen
class PageReply:
    """What a page answers."""

    status: int = 200
    content_type: str = TEXT
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_text(cls, text: str, status: int = 200) -> "PageReply":
        return cls(status, TEXT, text.encode())

    @classmethod
    def of_json(cls, value: object, status: int = 200) -> "PageReply":
        """Answer with what `json.dumps` makes of `value`."""
        return cls(status, JSON, json.dumps(value).encode())


Handle = Callable[[PageRequest], PageReply | Awaitable[PageReply]]


@attrs.frozen
class Page:
    """One page: where it is, what it shows, and who answers; `handle` may be async.

    `methods` are those it answers; HEAD comes with GET. `aliases` are further paths, which the index does not list; nor does
    it list a page that is only a part of others.
    """

    path: str
    summary: str
    handle: Handle
    methods: tuple[str, ...] = ("GET",)
    aliases: tuple[str, ...] = ()
    listed: bool = True

    @property
    def allowed(self) -> tuple[str, ...]:
        return (*self.methods, "HEAD") if "GET" in self.methods else self.methods


def _always(_path: str) -> bool:
    return True


class Site:
    """Pages by path; a `/` at the end of a path makes no difference. Pages may be added at any time.

    A path that is not allowed is answered 404, whether there is such a page or not.
    """

    def __init__(self, pages: Iterable[Page] = (), allows: Callable[[str], bool] = _always) -> None:
        self._pages: dict[str, Page] = {}
        self._allows = allows
        for page in pages:
            self.add(page)

    def add(self, page: Page) -> None:
        """Add a page. Raises `ValueError` if one of its paths is taken."""
        paths = [plain(path) for path in (page.path, *page.aliases)]
        for path in paths:
            if path in self._pages:
                raise ValueError(f"two admin pages have the path {path}")
        self._pages |= dict.fromkeys(paths, page)

    def __contains__(self, path: str) -> bool:
        return plain(path) in self._pages

    @property
    def pages(self) -> list[Page]:
        """Every page once, by path, less those that are not allowed."""
        return sorted({page for page in self._pages.values() if self._allows(page.path)}, key=lambda page: page.path)

    @property
    def listed(self) -> list[Page]:
        """The pages that are to be listed."""
        return [page for page in self.pages if page.listed]

    async def handle(self, request: PageRequest) -> PageReply:
        """Answer a request; one for HEAD is answered as if it were GET, the body included, which is not to be sent.

        What changes something is refused when a browser says that a page of another site asks for it. A page that raises is
        logged, and answers 500 with one line.
        """
        if not self._allows(request.path):
            return PageReply.of_text("", 404)
        page = self._pages.get(plain(request.path))
        if page is None:
            return PageReply.of_text(f"There is no page {request.path}; there are:\n\n{self.listing()}", 404)
        if request.method not in page.allowed:
            allow = ", ".join(page.allowed)
            reply = PageReply.of_text(f"{page.path} answers {allow}, not {request.method}\n", 405)
            return attrs.evolve(reply, headers=(("allow", allow),))
        if request.method not in ("GET", "HEAD") and request.headers.get("sec-fetch-site") in FOREIGN:
            return PageReply.of_text("A page of another site may not ask for this.\n", 403)
        try:
            answer = page.handle(attrs.evolve(request, method="GET") if request.method == "HEAD" else request)
            return await answer if inspect.isawaitable(answer) else answer
        except Exception as error:
            logger.exception("the admin page %s raised", page.path)
            line = " ".join(f"{type(error).__name__}: {error}".split())
            return PageReply.of_text(f"{page.path}: {line}\n", 500)

    def listing(self) -> str:
        """Return every page and what it shows, a line each."""
        width = max((len(page.path) for page in self.listed), default=0)
        return "".join(f"{page.path:{width}}  {page.summary}\n" for page in self.listed)


def plain(path: str) -> str:
    """Return a path as pages are looked up by it: without a `/` at its end."""
    return path.rstrip("/") or "/"
