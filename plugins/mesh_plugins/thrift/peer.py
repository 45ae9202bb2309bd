"""What endpoints speak, as their client's settings say."""

import attrs

from mesh_plugins.thrift.message import BINARY, Encoding


@attrs.frozen
class Peer:
    """What an endpoint speaks. With `upgrades` it is asked whether it speaks TTwitter, once per connection.

    A connection to it carries `calls` at a time.
    """

    encoding: Encoding = BINARY
    is_framed: bool = True
    upgrades: bool = False
    calls: int = 1
