"""What one side of an HTTP router reads before it refuses, and how long it waits: limits, and linkerd's keys beside them."""

from typing import Any

import attrs

from mesh import Limits, SocketOptions
from mesh_plugins.http.keys import HttpRouterKeys


def effective_limits(limits: Limits, keys: HttpRouterKeys, options: SocketOptions) -> Limits:
    """Return `limits` as other keys change them.

    linkerd's keys of the router, such as `maxHeadersKB`, are for those that were left as they are. The timeouts of a socket
    shorten every wait for it: `readTimeoutMs` before and in a message, `writeTimeoutMs` in a message, so that the shorter of
    both counts there.
    """
    untouched = Limits()
    changed: dict[str, Any] = {
        name: value for name, value in keys.limits.items() if getattr(limits, name) == getattr(untouched, name)
    }
    read, write = (None if ms is None else ms / 1e3 for ms in (options.read_timeout_ms, options.write_timeout_ms))
    if read is not None:
        changed["header_deadline_s"] = min(limits.header_deadline_s, read)
        changed["idle_timeout_s"] = min(limits.idle_timeout_s, read)
    timeouts = [seconds for seconds in (read, write) if seconds is not None]
    if timeouts:
        changed["stream_idle_timeout_s"] = min(limits.stream_idle_timeout_s, *timeouts)
    return attrs.evolve(limits, **changed) if changed else limits
