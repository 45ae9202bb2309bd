"""What a `.thrift` file defines, as the filter needs it."""

import attrs

from mesh_plugins.thrift_json.structures import Struct


@attrs.frozen
class Method:
    """A method of a service. `exceptions` are the names of those that it declares, by their field in the reply."""

    service: str
    name: str
    arguments: Struct
    reply: Struct
    exceptions: dict[str, str]
    is_one_way: bool
    is_void: bool


@attrs.frozen
class Definition:
    """The methods of each service. `files` are those that were read, each with its size and the time of its last change."""

    services: dict[str, dict[str, Method]]
    files: tuple[tuple[str, int, int], ...] = ()
