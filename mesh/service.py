"""The core pair: a service is a function from request to reply; a filter stands in front of one."""

from collections.abc import Awaitable
from typing import Any, Protocol, TypeVar

from mesh.message import Reply, Request

Req = TypeVar("Req", bound=Request)
Rep = TypeVar("Rep", bound=Reply)
In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


class Service(Protocol[In, Out]):
    """An async callable from request to reply; its caller closes the reply. Raises `MeshError`s, never a group of them."""

    def __call__(self, request: In, /) -> Awaitable[Out]: ...


class Filter(Protocol[Req, Rep]):
    """An async callable `(request, service)` to reply; calls `service` never, once, or several times.

    A reply it received and does not return is the filter's to close.
    """

    def __call__(self, request: Req, service: Service[Req, Rep], /) -> Awaitable[Rep]: ...


AnyService = Service[Any, Any]
"""A service whose messages are decided by the protocol of the router it stands in."""
AnyFilter = Filter[Any, Any]
"""A filter of any protocol."""
