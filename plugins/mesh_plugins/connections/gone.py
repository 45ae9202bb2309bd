"""What a connection raises that has ended, whichever side ended it."""

import trio

GONE = (trio.BrokenResourceError, trio.ClosedResourceError)
"""For `except` and `isinstance`."""
