"""What must hold between the parts of a stack file, and what may better not be as it is.

Messages in quotes are linkerd's own. Source: config, ConfigError.scala; linkerd/core, Linker.scala.
"""

import ipaddress
import os
import stat
from collections.abc import Iterator
from typing import TypeVar

import attrs

from mesh.config.effective import effective_label
from mesh.config.nodes import Sequence
from mesh.config.report import Report
from mesh.config.shape import key_name
from mesh.naming.dtab import Dentry, Dtab
from mesh.naming.path import Path
from mesh.settings.connections import FAMILIES, Address
from mesh.settings.kinds import NamerSettings
from mesh.settings.prefixes import PerPrefix
from mesh.settings.router import RouterSettings, ServerSettings
from mesh.settings.stackfile import AdminSettings
from mesh.settings.tls import ClientAuth, ServerCertificate, TlsClient, TlsServer

T = TypeVar("T")

_NAMERS = Path((b"#",))
_INET = Path((b"$", b"inet"))
_TLS_FILES = frozenset(("cert_path", "key_path", "intermediate_certs_path", "ca_cert_path", "trust_certs_bundle"))


@attrs.frozen
class _Listener:
    """Something that binds a port, and the key path of what it is described by."""

    key: str
    ip: Address
    port: int


def check(report: Report) -> None:
    """Add to the report what is wrong between the parts of the file, and its warnings."""
    _check_presence(report)
    _check_labels(report)
    _check_ports(report)
    _warn_of_values(report)
    _warn_of_endless_waits(report)
    _warn_of_vain_timeouts(report)
    _warn_of_keys(report)
    _warn_of_vain_limits(report)
    _warn_of_missing_files(report)
    _warn_of_strange_names(report)


def _made(report: Report, cls: type[T]) -> Iterator[tuple[str, T]]:
    return ((key, value) for key, value in report.made if isinstance(value, cls))


def _check_presence(report: Report) -> None:
    if not _has_items(report, "routers"):
        report.blame("routers", "At least one router must be specified in the configuration.")
    for key, _ in _made(report, RouterSettings):
        if not _has_items(report, f"{key}.servers"):
            report.blame(f"{key}.servers", "an empty list found", "at least one server")


def _has_items(report: Report, key: str) -> bool:
    """Whether a list has items, readable or not; what is no list is reported elsewhere."""
    origin = report.origins.get(key)
    return origin is not None and (not isinstance(origin.node, Sequence) or bool(origin.node.items))


def _check_labels(report: Report) -> None:
    first: dict[str, str] = {}
    for key, router in _made(report, RouterSettings):
        other = first.setdefault(effective_label(router), key)
        if other != key:
            report.blame(
                f"{key}.label",
                f"Multiple routers with the label {effective_label(router)}",
                f"another label than that of {other}",
            )


def _check_ports(report: Report) -> None:
    listeners = [_Listener(key, admin.ip, admin.port) for key, admin in _made(report, AdminSettings)]
    if not listeners:
        default = AdminSettings()
        listeners.append(_Listener("admin", default.ip, default.port))
    listeners += [_Listener(key, server.ip, server.port) for key, server in _made(report, ServerSettings)]
    for number, listener in enumerate(listeners):
        for other in listeners[:number]:
            if _conflict(listener, other):
                line, _ = report.origin(f"{other.key}.port")
                where = f"{other.key} (line {line})" if line else other.key
                report.blame(
                    f"{listener.key}.port",
                    f"Server conflict on port {listener.port}",
                    f"a port that {where} leaves free",
                )
                break


def _conflict(one: _Listener, other: _Listener) -> bool:
    """Whether two listeners cannot both be bound; the address of every interface conflicts with each of its family."""
    if one.port != other.port or one.port == 0:
        return False
    if one.ip == other.ip:
        return True
    mine, theirs = ipaddress.ip_address(one.ip), ipaddress.ip_address(other.ip)
    return mine.version == theirs.version and (mine.is_unspecified or theirs.is_unspecified)


def _warn_of_values(report: Report) -> None:
    """Add what config classes have to say about their own values.

    Such a class may have a method `config_warnings` that yields pairs of a field's name and a message.
    """
    for key, value in report.made:
        warnings = getattr(type(value), "config_warnings", None)
        if warnings is not None:
            for name, message in warnings(value):
                report.warn(f"{key}.{key_name(type(value), name)}", message)


def _warn_of_endless_waits(report: Report) -> None:
    for key, router in _made(report, RouterSettings):
        times = [server.timeout_ms for server in router.servers]
        times += _values(router.service, "total_timeout_ms")
        times += _values(router.client, "request_attempt_timeout_ms")
        if not any(times):
            report.warn(
                key,
                "no timeout is configured: a request waits for as long as its endpoint takes",
                "`timeoutMs` in `servers`, `totalTimeoutMs` in `service` or `requestAttemptTimeoutMs` in `client`",
            )


def _warn_of_vain_timeouts(report: Report) -> None:
    for key, router in _made(report, RouterSettings):
        total, attempt = router.service.default.total_timeout_ms, router.client.default.request_attempt_timeout_ms
        if total is not None and attempt is not None and attempt >= total:
            report.warn(
                f"{key}.client.requestAttemptTimeoutMs",
                f"it never ends an attempt: the whole request ends after {total} ms, so there is no time to retry either",
                f"less than `totalTimeoutMs` of `service`, which is {total}",
            )


def _warn_of_vain_limits(report: Report) -> None:
    """Warn of limits that are for other protocols than the router's."""
    for key, router in _made(report, RouterSettings):
        kind = router.protocol.kind
        for origin in report.origins if kind.limits is not None else ():
            above, _, name = origin.rpartition(".limits.")
            if above.startswith(f"{key}.") and name.startswith(FAMILIES) and not name.startswith(kind.limits or ()):
                report.warn(origin, f"has no effect in a router of the protocol {kind.name}", "a limit of its own")


def _values(section: PerPrefix[T], name: str) -> list[int | None]:  # type: ignore[type-var]  # any settings
    return [getattr(section.default, name), *(entry.given.values.get(name) for entry in section.entries)]


def _warn_of_keys(report: Report) -> None:
    """Warn of private keys that everybody can read; whoever opens a file says what else is wrong with it."""
    for key, value in report.made:
        if isinstance(value, TlsServer | ServerCertificate | ClientAuth) and _is_readable_by_all(value.key_path):
            report.warn(
                f"{key}.keyPath", f"{value.key_path} can be read by everybody", "a file that only its owner reads"
            )


def _is_readable_by_all(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False


def _warn_of_missing_files(report: Report) -> None:
    """Warn of files of TLS that are not there: a stack file may be checked on another machine than it is for."""
    for key, value in report.made:
        for name, path in _tls_files(value):
            if not os.path.exists(path):
                report.warn(f"{key}.{name}", f"{path} does not exist here", "a file, or TLS will not work")


def _tls_files(value: object) -> Iterator[tuple[str, str]]:
    """Yield the files that a section of TLS names itself, by their keys."""
    if isinstance(value, TlsServer | ServerCertificate | ClientAuth | TlsClient):
        for found in attrs.fields(type(value)):
            path = getattr(value, found.name) if found.name in _TLS_FILES else None
            if path is not None:
                yield key_name(type(value), found.name), path
    if isinstance(value, TlsClient):
        for place, path in enumerate(value.trust_certs):
            yield f"trustCerts[{place}]", path


def _warn_of_strange_names(report: Report) -> None:
    """Warn of rules that lead to nothing: below `/#` to where no namer of the file is, or to what is no port of a host."""
    if report.problems or report.planned:
        return  # a namer that could not be read may have been meant
    prefixes = [_NAMERS + namer.path for _, namer in _made(report, NamerSettings)]
    expected = f"one of {', '.join(map(str, prefixes))}" if prefixes else "a namer in `namers`"
    for key, router in _made(report, RouterSettings):
        strange = next((dentry for dentry in router.dtab if _is_strange(dentry, prefixes)), None)
        if strange is not None and router.interpreter.chosen.kind.name == "default":
            message = f"the rule {strange.show()} leads to no namer of this file"
            report.warn_within(f"{key}.dtab", strange.line, strange.column, message, expected)
        for dentry, lead, meant in _misled(router.dtab):
            message = f"the rule {dentry.show()} leads to {lead}"
            report.warn_within(f"{key}.dtab", dentry.line, dentry.column, message, meant)


def _misled(dtab: Dtab) -> Iterator[tuple[Dentry, str, str]]:
    """Yield the rules to `/$/inet/host:port`, and to a port that is no number, with where they lead and what may be meant."""
    for dentry in dtab:
        for path in dentry.dst.leaves():
            if path.startswith(_INET):
                elems = [elem.decode("utf-8", "replace") for elem in path.elems[len(_INET) :]]
                host, _, port = "".join(elems[:1]).partition(":")
                if port.isdecimal():
                    yield dentry, f"a host called {host}:{port}", f"/$/inet/{host}/{port}"
                elif len(elems) > 1 and not elems[1].isdecimal():
                    yield dentry, f"a port called {elems[1]}", f"/$/inet/{host}/ and a number"


def _is_strange(dentry: Dentry, prefixes: list[Path]) -> bool:
    named = [path for path in dentry.dst.leaves() if path.startswith(_NAMERS)]
    return any(not any(_meet(path, prefix) for prefix in prefixes) for path in named)


def _meet(path: Path, prefix: Path) -> bool:
    """Whether names below `path` can be names below `prefix`."""
    return path.startswith(prefix) or prefix.startswith(path)
