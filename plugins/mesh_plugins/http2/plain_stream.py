"""What the reference engine keeps of a stream, and how it holds the peer to what its head announced."""

import attrs

from mesh_plugins.http2.engine import ReplyHead, StreamOwner


@attrs.define(eq=False)
class PlainStream:
    """A stream that is not over: `waits` for room to send; the directions that have ended.

    `left` is what the content-length still lets come, None without one. `to_head`: the reply has no body, whatever it says.
    """

    owner: StreamOwner = attrs.field(init=False)
    waits: bool = False
    received: bool = False
    sent: bool = False
    left: int | None = None
    to_head: bool = False

    def announce(self, head: ReplyHead) -> None:
        """Take note of what a final head says of its body."""
        if head.status >= 200:
            self.left = 0 if self.to_head or head.status in (204, 304) else head.size

    def fits(self, length: int, *, ends: bool) -> bool:
        """Return whether so much may come now, and, if it ends there, whether that was all. Source: RFC 9113 section 8.1.1."""
        if self.left is None:
            return True
        self.left -= length
        return self.left == 0 if ends else self.left >= 0
