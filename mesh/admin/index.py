"""The admin server's list of everything."""

from html import escape

from mesh.admin.documents import framed, is_browser
from mesh.admin.pages import Page, PageReply, PageRequest, Site


def add_index(site: Site) -> None:
    """Add `/admin`, which lists the pages that the site has when it is asked: as HTML to a browser, as text to others.

    It is at `/help` as well, where linkerd has its list.
    """

    def as_text(_request: PageRequest) -> PageReply:
        return PageReply.of_text(site.listing())

    def as_either(request: PageRequest) -> PageReply:
        return framed("All pages", _table(site)) if is_browser(request) else as_text(request)

    site.add(Page("/admin", "this list", as_either, aliases=("/help",)))
    site.add(Page("/admin/index.txt", "this list as text", as_text))


def _table(site: Site) -> str:
    rows = "".join(f"<tr><td>{_link(page)}</td><td>{escape(page.summary)}</td></tr>" for page in site.listed)
    script = '<script type="module" src="/files/page.js"></script>'
    return f'<h1>All pages</h1><section class="card"><table>{rows}</table></section>{script}'


def _link(page: Page) -> str:
    """Return a link to the page, or, if following a link would not do, how to ask for it."""
    path = escape(page.path)
    return f'<a href="{path}">{path}</a>' if "GET" in page.methods else f"{escape(page.methods[0])} {path}"
