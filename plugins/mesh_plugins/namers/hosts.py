"""Hosts: the addresses behind literals and behind names that the system's resolver knows.

`/etc/hosts` and `nsswitch.conf` decide on most machines what a name means, so the system's resolver is asked (in a
thread, since it blocks) and not DNS itself. It tells no times to live, so names are asked for again every five seconds,
as Finagle does, while somebody watches.
"""

import functools
import random
import re
import socket
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import attrs
import trio

from mesh import (
    PENDING,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrPending,
    Computed,
    Endpoint,
    Failed,
    Fixed,
    Life,
    Pending,
    Readable,
    Reader,
    Var,
)

REFRESH_SECONDS: Final = 5.0  # Finagle's interval
BACKOFF_SECONDS: Final = (1.0, 30.0)  # first and longest pause after a failure
ANSWER_SECONDS: Final = 10.0  # glibc gives a dead server 5 s and asks twice
MAX_THREADS: Final = 8  # a resolver that hangs must not take the threads that others need
MAX_PORT: Final = 65_535

LOOPBACK: Final = "127.0.0.1"
_NAME: Final = re.compile(
    r"(?=.{1,254}\Z)([A-Za-z0-9_-]{1,63}\.)*(?!([0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z)[A-Za-z0-9_-]{1,63}\.?"
)


class NoSuchHost(LookupError):
    """The resolver says that there is no host of that name, or that it has no address."""


Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a name; raises `NoSuchHost`, or `OSError` if it cannot tell."""


@attrs.frozen
class Ips:
    """The addresses of a host, none if there is no such host; `stale` says why they are the last known ones."""

    ips: tuple[str, ...]
    stale: str = ""


HostState = Ips | Pending | Failed


class SystemResolver:
    """Asks the system's resolver, in a few threads of its own."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(MAX_THREADS)

    async def __call__(self, host: str) -> list[str]:
        """Return the addresses of `host`, those that this machine has a route for; see `Resolve`."""
        ask = functools.partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        try:
            found = await trio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._limiter)
        except socket.gaierror as error:
            if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY):
                raise NoSuchHost(host) from error
            raise
        return [str(sockaddr[0]) for *_, sockaddr in found]


class Hosts:
    """Shares one watch per name among all who ask for it.

    The mutable state is `_scopes`, the running watches; it changes when a name gets its first and loses its last watcher.
    """

    def __init__(self, life: Life, resolve: Resolve | None = None) -> None:
        self._life = life
        self._resolve = SystemResolver() if resolve is None else resolve
        self._known: weakref.WeakValueDictionary[tuple[str, bool], Var[HostState]] = weakref.WeakValueDictionary()
        self._addrs: weakref.WeakValueDictionary[tuple[str, int, bool], Readable[Addr]] = weakref.WeakValueDictionary()
        self._scopes: dict[tuple[str, bool], trio.CancelScope] = {}

    def lookup(self, host: str, *, once: bool = False) -> Readable[HostState]:
        """Return the addresses of a literal or a name (empty: this machine); with `once`, the first answer stays.

        A name is asked for while it is watched. A negative answer counts at any time; after a failure the last answer
        stays, and the name is asked for again with growing pauses.
        """
        ip = literal(host)
        if ip is not None:
            return Fixed(Ips((ip,)))
        if not is_name(host):
            return Fixed(Ips(()))
        key = host.lower(), once
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Var[HostState](PENDING)
            known.on_first_watch = functools.partial(self._begin, key)
            known.on_last_unwatch = functools.partial(self._end, key)
        return known

    def addr(self, host: str, port: int, *, once: bool = False) -> Readable[Addr]:
        """Return the endpoints of one host and port."""
        if not 0 <= port <= MAX_PORT:
            return Fixed(AddrFailed(f"port out of range:{port}"))
        source = self.lookup(host, once=once)
        if isinstance(source, Fixed):
            return Fixed(addr_of(source.value, port))
        key = host.lower(), port, once
        addr = self._addrs.get(key)
        if addr is None:
            addr = self._addrs[key] = Computed(lambda read: addr_of(read(source), port))
        return addr

    def _begin(self, key: tuple[str, bool]) -> None:
        known, (host, once) = self._known[key], key
        if once and isinstance(known.value, Ips) and known.value.ips:
            return
        try:
            self._scopes[key] = self._life.spawn(f"dns {host}", lambda: self._follow(host, once, known))
        except RuntimeError as error:  # nobody is left to ask the resolver; what is known stays
            if isinstance(known.value, Pending):
                known.set(Failed(str(error)))

    def _end(self, key: tuple[str, bool]) -> None:
        scope = self._scopes.pop(key, None)
        if scope is not None:
            scope.cancel()

    async def _follow(self, host: str, once: bool, known: Var[HostState]) -> None:
        first, longest = BACKOFF_SECONDS
        pause = first
        while True:
            started = trio.current_time()
            found = await self._ask(host)
            known.set(_after(known.value, found))
            if isinstance(found, Failed):
                await trio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, longest)
            elif once and found.ips:
                return
            else:
                await trio.sleep_until(started + REFRESH_SECONDS)
                pause = first

    async def _ask(self, host: str) -> Ips | Failed:
        try:
            with trio.fail_after(ANSWER_SECONDS):
                return Ips(tuple(dict.fromkeys(await self._resolve(host))))
        except NoSuchHost:
            return Ips(())
        except trio.TooSlowError:
            return Failed(f"{host}: the resolver did not answer within {ANSWER_SECONDS:g} s")
        except (OSError, UnicodeError) as error:
            return Failed(f"{host}: {getattr(error, 'strerror', None) or error}")


def addr_of(state: HostState, port: int) -> Addr:
    """Return the endpoints that a host's addresses make with `port`."""
    match state:
        case Pending():
            return AddrPending()
        case Failed(cause):
            return AddrFailed(cause)
        case Ips(()):
            return AddrNeg()
        case Ips(ips, stale):
            return AddrBound(tuple(Endpoint(ip, port) for ip in ips), stale=stale)


def resolved(endpoints: Sequence[Endpoint], names: Sequence[str], hosts: Hosts, read: Reader) -> Addr:
    """Return `endpoints` with those among `names`, that stand in place of an address, replaced by their addresses.

    As long as one endpoint is known, those that are pending, failed or gone are left out; if none is, the set is pending
    while one of them is, then failed if one of them is, else negative.
    """
    states = {name: read(hosts.lookup(name)) for name in names}
    found: list[Endpoint] = []
    for endpoint in endpoints:
        state = states.get(endpoint.host)
        if state is None:
            found.append(endpoint)
        elif isinstance(state, Ips):
            found += (attrs.evolve(endpoint, host=ip) for ip in state.ips)
    if found:
        stale = next((state.stale for state in states.values() if isinstance(state, Ips) and state.stale), "")
        return AddrBound(tuple(dict.fromkeys(found)), stale=stale)
    if any(isinstance(state, Pending) for state in states.values()):
        return AddrPending()
    failed = next((state for state in states.values() if isinstance(state, Failed)), None)
    return AddrNeg() if failed is None else AddrFailed(failed.cause)


def is_name(host: str) -> bool:
    """Whether `host` may be the name of a host; underscores are allowed, as they occur.

    What ends in a number is none: resolvers read it as an address, each in its own way (`010.0.0.1`).
    """
    return _NAME.fullmatch(host) is not None


def literal(host: str) -> str | None:
    """Return the address that `host` is, or None if it is a name.

    Empty and `localhost` are this machine (RFC 6761 section 6.3). The old short forms of IPv4 (`127.1`) are understood, but not
    with leading zeros, which some read as octal.
    """
    if host in ("", "localhost"):
        return LOOPBACK
    try:
        if ":" in host:
            socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        else:
            socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return _short(host)
    return host


def _short(host: str) -> str | None:
    parts = host.split(".")
    if any(not part.isascii() or not part.isdigit() or part != str(int(part[:10])) for part in parts):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _after(before: HostState, found: Ips | Failed) -> HostState:
    """Return the state that follows: a failure keeps the last answer, and addresses that stay keep their order."""
    if not isinstance(before, Ips):
        return found
    if isinstance(found, Failed):
        return Ips(before.ips, found.cause)
    kept = tuple(ip for ip in before.ips if ip in found.ips)
    return Ips(kept + tuple(ip for ip in found.ips if ip not in kept))
