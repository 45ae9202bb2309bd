"""Labelers: what the field `forwarded` calls an end of a connection.

A label is a node as RFC 7239 section 6 has it: an address, `unknown`, or an obfuscated identifier, which begins with `_`.
Source: linkerd router/core, ForwardedHeaderLabeler.scala.
"""

import ipaddress
import random
import re
import weakref
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain, repeat

import attrs

from mesh import ROUTER_LABEL, Params, key

Labeler = Callable[[str, object], str]
"""Names the end of a connection that has an address (`host:port`, empty if it has none)."""

UNKNOWN = "unknown"
_ALPHANUMERIC = bytes.maketrans(
    b"+/", b"Xx"
)  # of the digits of base64; nobody minds that two letters come twice as often
_AT_ONCE = 576  # random bytes drawn together, which are 128 tokens: 0.1 µs each, and not 1.5
_NOT_IN_TOKENS = re.compile(r"[^A-Za-z0-9._-]")


@attrs.frozen
class LabelerConfig:
    """A labeler that has nothing to configure."""


@attrs.frozen
class StaticConfig:
    """Calls an end what the file says, with `_` in front unless it is there."""

    label: str = key("The label.")


def ip(_config: LabelerConfig, _params: Params) -> Labeler:
    """Return what tells the IP address."""
    return lambda address, _connection: _shown(address, with_port=False)


def ip_and_port(_config: LabelerConfig, _params: Params) -> Labeler:
    """Return what tells the IP address and the port, always quoted."""
    return lambda address, _connection: _shown(address, with_port=True)


def request_random(_config: LabelerConfig, _params: Params) -> Labeler:
    """Return what makes a token up for every request."""
    return tokens(random.Random())


def tokens(source: random.Random) -> Labeler:
    """Return what draws a token for every request."""

    drawn = _tokens(source)

    def label(address: str, _connection: object) -> str:
        return next(drawn) if _is_known(address) else UNKNOWN

    return label


def connection_random(_config: LabelerConfig, _params: Params) -> Labeler:
    """Return what makes a token up for every connection, and forgets it with the connection."""
    drawn = _tokens(random.Random())
    made: weakref.WeakKeyDictionary[object, str] = weakref.WeakKeyDictionary()

    def label(address: str, connection: object) -> str:
        if connection is None or not _is_known(address):
            return UNKNOWN
        token = made.get(connection)
        if token is None:
            token = made[connection] = next(drawn)
        return token

    return label


def router(_config: LabelerConfig, params: Params) -> Labeler:
    """Return what tells the router's label."""
    return _always(params[ROUTER_LABEL])


def static(config: StaticConfig, _params: Params) -> Labeler:
    """Return what tells a label of the file's."""
    return _always(config.label)


def _always(label: str) -> Labeler:
    token = "_" + _NOT_IN_TOKENS.sub("-", label.removeprefix("_"))
    return lambda _address, _connection: token


def _tokens(source: random.Random) -> Iterator[str]:
    """Return tokens of six letters and digits, as long as linkerd's, without end."""
    return chain.from_iterable(_some_tokens(source) for _draw in repeat(None))


def _some_tokens(source: random.Random) -> list[str]:
    text = b64encode(source.randbytes(_AT_ONCE)).translate(_ALPHANUMERIC).decode()
    return [f"_{text[place : place + 6]}" for place in range(0, len(text), 6)]


@lru_cache(maxsize=1024)
def _is_known(address: str) -> bool:
    return _shown(address, with_port=False) != UNKNOWN


@lru_cache(maxsize=1024)
def _shown(address: str, *, with_port: bool) -> str:
    """Return an address as a node: `192.0.2.43`, `"[2001:db8::17]"`, with a port `"192.0.2.43:80"`."""
    host, _colon, port = address.rpartition(":")
    try:
        number = ipaddress.ip_address(host.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return UNKNOWN
    if number.is_unspecified:
        return UNKNOWN
    text = f"[{number}]" if number.version == 6 else str(number)
    if with_port:
        return f'"{text}:{port}"'
    return f'"{text}"' if number.version == 6 else text
