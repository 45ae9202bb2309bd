"""The methods that a filter offers: which targets they have, and their messages in an encoding, both ways."""

import json
from collections.abc import Mapping
from typing import NoReturn

import attrs

from mesh import ConfigError, HttpReply, Problem, UpstreamProtocolError
from mesh_plugins.thrift.keys import ENCODINGS
from mesh_plugins.thrift.message import Encoding
from mesh_plugins.thrift.wire import CALL, EXCEPTION, I32, ONEWAY, REPLY, STOP, STRING, Head, Incomplete, Malformed
from mesh_plugins.thrift_json.config import ThriftJsonConfig
from mesh_plugins.thrift_json.definition import Definition, Method
from mesh_plugins.thrift_json.errors import BROKEN, STATUSES, answer, refused
from mesh_plugins.thrift_json.structures import skip
from mesh_plugins.thrift_json.wrong import Wrong, listed

ACCEPTED, NO_CONTENT = 202, 204


@attrs.frozen(eq=False)
class Call:
    """One method, with the head of its messages. `statuses` are those of the exceptions that it declares, by field."""

    method: Method
    encoding: Encoding
    head: bytes
    parsed: Head
    statuses: Mapping[str, int]

    @classmethod
    def of(cls, method: Method, config: ThriftJsonConfig) -> "Call":
        """Return the call of a method."""
        encoding = ENCODINGS[config.thrift_protocol]
        name = f"{method.service}:{method.name}" if config.multiplexed else method.name
        head = encoding.write_head(ONEWAY if method.is_one_way else CALL, name.encode(), 0)
        statuses = {
            field: config.exceptions.get(exception, config.exception_status)
            for field, exception in method.exceptions.items()
        }
        return cls(method, encoding, head, encoding.read_head(head, 0), statuses)

    def message(self, body: bytes) -> bytes:
        """Return the message whose arguments are the JSON in `body`. Raises `Refused`, with what is wrong where."""
        out = bytearray(self.head)
        try:
            arguments = json.loads(body, parse_constant=_no_number) if body else {}
            self.method.arguments.write(self.encoding.writer(out), arguments)
        except Wrong as wrong:
            raise refused(400, str(wrong), at=wrong.place) from None
        except RecursionError:
            raise refused(400, "values nested too deeply") from None
        except ValueError as error:
            raise refused(400, f"the body is not JSON: {error}") from None
        return bytes(out)

    def answer(self, message: bytes) -> HttpReply:
        """Return the reply that a message of the service stands for. Raises `UpstreamProtocolError` if it stands for none."""
        encoding = self.encoding
        try:
            head = encoding.read_head(message, 0)
            if head.kind == EXCEPTION:
                return self._failed(message, head.at)
            if head.kind != REPLY:
                raise Malformed(f"a message of the kind {head.kind} is no reply")
            found = self.method.reply.read(encoding.reader(message, head.at, len(message)))
        except (Malformed, Incomplete, Wrong) as error:
            place = f" at {error.place}" if isinstance(error, Wrong) else ""
            why = str(error) or "it ends too early"
            raise UpstreamProtocolError(f"the reply of {self._shown} cannot be read{place}: {why}") from error
        for field, status in self.statuses.items():
            if field in found:
                return answer(status, {"error": self.method.exceptions[field], "exception": found[field]})
        if self.method.is_void:
            return HttpReply(NO_CONTENT)
        if "success" not in found:
            raise UpstreamProtocolError(f"{self._shown} replied with neither a result nor an exception it declares")
        return answer(200, found["success"])

    def _failed(self, message: bytes, at: int) -> HttpReply:
        """Return the reply for a `TApplicationException`, whose struct begins at `at`."""
        reader = self.encoding.reader(message, at, len(message))
        reader.enter()
        kind, text = 0, ""
        while (field := reader.field())[0] != STOP:
            match field:
                case (kind_of, 1) if kind_of == STRING:
                    text = reader.string().decode("utf-8", "replace")
                case (kind_of, 2) if kind_of == I32:
                    kind = reader.number(I32)
                case (kind_of, _):
                    skip(reader, kind_of)
        return answer(STATUSES.get(kind, BROKEN), {"error": text or f"{self._shown} failed", "type": kind})

    @property
    def _shown(self) -> str:
        return f"{self.method.service}.{self.method.name}"


def targets(definition: Definition, config: ThriftJsonConfig) -> dict[bytes, Call]:
    """Return the calls by their targets: `/Service/method`, and `/method` of the only service, or of the one that is named.

    Raises `ConfigError` for a service, or exceptions, that the definition does not have.
    """
    offered = _offered(definition, config.service)
    methods = [method for found in offered.values() for method in found.values()]
    known = dict.fromkeys(sorted(exception for method in methods for exception in method.exceptions.values()))
    for name in config.exceptions:
        if name not in known:
            expected = f"one of {listed(known)}"
            raise ConfigError(Problem(f"no method declares the exception {name}", key="exceptions", expected=expected))
    found: dict[bytes, Call] = {}
    for method in methods:
        call = Call.of(method, config)
        found[f"{config.prefix}/{method.service}/{method.name}".encode()] = call
        if len(offered) == 1:
            found[f"{config.prefix}/{method.name}".encode()] = call
    return found


def _offered(definition: Definition, service: str) -> Mapping[str, Mapping[str, Method]]:
    services = definition.services
    if not service:
        return services
    if service not in services:
        expected = f"one of {listed(services)}"
        raise ConfigError(Problem(f"no service {service} is defined", key="service", expected=expected))
    return {service: services[service]}


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
