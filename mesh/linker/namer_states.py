"""The admin pages that show what each namer watches: `/namer_state/<prefix>.json`."""

from collections.abc import Callable, Sequence

from mesh.admin import Page, PageReply, PageRequest
from mesh.linker.assemble import Assembly
from mesh.naming.namer import Watching
from mesh.naming.path import Path
from mesh.settings import NamerSettings

NAMER = Path((b"#",))


def namer_state_pages(namers: Sequence[NamerSettings], current: Callable[[], Assembly]) -> list[Page]:
    """Return a page for each prefix of `namers`; those that share one are shown together, `current` at the time."""
    prefixes = dict.fromkeys(settings.path for settings in namers)
    return [_page(prefix, current) for prefix in prefixes]


def _page(prefix: Path, current: Callable[[], Assembly]) -> Page:
    def handle(_request: PageRequest) -> PageReply:
        states: dict[str, object] = {}
        for namer in current().namers:
            if namer.prefix == NAMER + prefix and isinstance(namer.namer, Watching):
                states |= namer.namer.state()
        return PageReply.of_json(states)

    return Page(
        f"/namer_state{prefix}.json", f"what the namer of {NAMER + prefix} watches, and what it last saw", handle
    )
