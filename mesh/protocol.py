"""What the kind of a protocol brings to a router: its default stack, and what the settings mean to it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import attrs

from mesh.codec import Serve
from mesh.endpoint import Addr
from mesh.message import Request
from mesh.naming.namer import BoundName
from mesh.naming.path import Path
from mesh.params import Params
from mesh.settings import RouterSettings, ServerSettings
from mesh.stack import Stack


@attrs.frozen
class ClientState:
    """A bound name in use, the address set that its balancer uses, and what the balancer says of itself, as JSON."""

    name: BoundName
    addr: Addr
    balancer: Mapping[str, object] = attrs.field(factory=dict)


def _keep_nothing(_before: Params, _keeps: Callable[[BoundName], bool]) -> Iterator[None]:
    """Stand in for a protocol that begins anew with each configuration."""
    return iter(())


@attrs.frozen(eq=False)
class Parts:
    """A protocol's contribution to one router.

    `stack` has every section, server to endpoint, but not its leaf, which is the pool. `params` are for all sections.
    `server(settings, params)` returns the params of one listener's server stack, and what serves its connections.
    `identify` names a request as the router would, without sending it; raises as the router does. `request(method, url,
    headers)` makes a request such as a client would send, for explanations. `clients` lists the bound names in use.
    `take_over(before, keeps)` makes the clients, pools and all, that `keeps` says yes to part of this router, from the
    params of the router whose place it takes; it must not fail. The steps that it returns may be taken later, each between
    two awaits: they build what requests would ask for first. `alpn(server)` is what the protocol is called when TLS chooses one
    for a server's clients; the kind's own names by default.
    """

    stack: Stack
    params: Params
    server: Callable[[ServerSettings, Params], tuple[Params, Serve]]
    identify: Callable[[Request], Path]
    request: Callable[[str, str, list[tuple[str, str]]], Request]
    clients: Callable[[], list[ClientState]]
    take_over: Callable[[Params, Callable[[BoundName], bool]], Iterator[None]] = _keep_nothing
    alpn: Callable[[ServerSettings], tuple[str, ...]] | None = None


class NewProtocol(Protocol):
    """The factory of a protocol kind: makes the parts of a router from its settings and the first params."""

    def __call__(self, settings: RouterSettings, params: Params, /) -> Parts: ...
