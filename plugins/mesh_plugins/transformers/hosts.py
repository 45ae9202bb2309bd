"""The transformers `io.l5d.localhost` and `io.l5d.specificHost`: they keep the addresses of one host.

Where none is left there is no such name any more. Source: linkerd, LocalhostTransformerInitializer.scala,
SpecificHostTransformerInitializer.scala, SubnetLocalTransformer.scala.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable

import attrs

from mesh import (
    SYSTEM_NAMER,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrTransformer,
    BoundName,
    Leaf,
    Params,
    Path,
    Readable,
    Reader,
)
from mesh_plugins.namers.hosts import literal
from mesh_plugins.transformers.config import LocalhostConfig, SpecificHostConfig

NAME = "SubnetLocalTransformer"  # what linkerd's delegations call both
SOME_PORT = b"1"  # only hosts are compared


def localhost(_config: LocalhostConfig, prefix: Path, _params: Params) -> AddrTransformer:
    """Return the transformer that keeps addresses of this host: those that a socket can be bound to.

    An address that comes to this host, or leaves it, counts from the next change of the address set on.
    """
    return AddrTransformer(NAME, prefix, lambda addr, _read: _kept(addr, is_own))


def specific_host(config: SpecificHostConfig, prefix: Path, params: Params) -> AddrTransformer:
    """Return the transformer that keeps addresses of one host; of one given by name, those that the name has now.

    Raises `ValueError` for what is neither an address nor a name.
    """
    written = literal(config.host)
    if written is not None:
        own = _one_way(written)
        return AddrTransformer(NAME, prefix, lambda addr, _read: _kept(addr, lambda host: _one_way(host) == own))
    source = _addresses(config.host, params)

    def change(addr: Addr, read: Reader) -> Addr:
        found = read(source)
        if not isinstance(found, AddrBound):
            return found
        hosts = {_one_way(endpoint.host) for endpoint in found.endpoints}
        return _kept(addr, lambda host: _one_way(host) in hosts)

    return AddrTransformer(NAME, prefix, change)


def is_own(host: str) -> bool:
    """Return whether an IP address is one of this host's. Raises `OSError` if the system cannot say."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((host, 0))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL):
                return False
            raise
    return True


def _addresses(host: str, params: Params) -> Readable[Addr]:
    """Return what the name of a host stands for, followed as it changes."""
    system = params[SYSTEM_NAMER]
    looked = None if system is None else system.lookup(Path((b"inet", host.encode(), SOME_PORT))).value
    if not isinstance(looked, Leaf) or not isinstance(looked.value, BoundName):
        raise ValueError(f"{host} is neither an IP address nor the name of a host")
    return looked.value.addr


def _one_way(host: str) -> str:
    """Return an IPv6 address in its one canonical form; of IPv4 there is only one in use."""
    return ipaddress.ip_address(host).compressed if ":" in host else host


def _kept(addr: Addr, is_kept: Callable[[str], bool]) -> Addr:
    if not isinstance(addr, AddrBound):
        return addr
    try:
        kept = tuple(endpoint for endpoint in addr.endpoints if is_kept(endpoint.host))
    except OSError as error:
        return AddrFailed(f"cannot tell which addresses are this host's: {error.strerror}")
    return attrs.evolve(addr, endpoints=kept) if kept else AddrNeg()
