"""The keys of the filter `io.l5d.thriftJson`."""

from typing import Literal, Self

import attrs

from mesh import key
from mesh_plugins.thrift_json.definition import Definition


@attrs.frozen
class Idl:
    """A `.thrift` file that a stack file names, read when that is; equal to another if nothing in its files has changed."""

    path: str
    definition: Definition = attrs.field(eq=lambda definition: definition.files, repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read the file. Raises `ValueError` with the file and the line of what is wrong."""
        from mesh_plugins.thrift_json.idl import read_definition  # thriftpy2, which takes 9 ms to import

        return cls(text, read_definition(text))

    def __str__(self) -> str:
        return self.path


@attrs.frozen
class ThriftJsonConfig:
    """Calls a Thrift service with the JSON bodies of requests."""

    idl: Idl = key(
        "The file of the interface definition, ending in `.thrift`; what it includes is looked for beside it."
    )
    service: str = key("The service to offer, if the file defines several and only one of them is there.", "")
    prefix: str = key("What stands in front of `/Service/method` or `/method` in the targets of requests.", "")
    client: str = key(
        "For which clients the filter is: ids that begin with this, such as `/#/io.l5d.fs/users`; `*` is any one segment. "
        "Requests to others pass as they are. By default, for all of the router.",
        "",
    )
    thrift_protocol: Literal["binary", "compact"] = key("The encoding of messages.", "binary")
    thrift_framed: bool = key("Messages are sent in frames, and come in frames; false for buffered transports.", True)
    attempt_ttwitter_upgrade: bool = key(
        "Asks a service whether it takes the headers of Finagle, and then sends trace, deadline and dtab in them.",
        False,
        name="attemptTTwitterUpgrade",
    )
    multiplexed: bool = key(
        "Methods are called by the name of their service too, as `TMultiplexedProcessor` wants.", False
    )
    exceptions: dict[str, int] = key(
        "The status of the reply for an exception that a method declares, by the name of the exception.",
        factory=dict,
        least=200,
        most=599,
    )
    exception_status: int = key("The status for those that `exceptions` does not list.", 500, least=200, most=599)
    max_body_kb: int = key(
        "The longest body that is taken, in KiB: to convert 256 KiB takes 0.1 s for numbers, and 0.3 s for empty lists.",
        256,
        name="maxBodyKB",
        least=1,
    )
    max_reply_kb: int = key(
        "The longest message that is taken for a reply, in KiB; of a longer one, the service is at fault.",
        4096,
        name="maxReplyKB",
        least=1,
    )
