"""What can go wrong with a measurement without being a mistake in the benchmark."""


class BenchError(Exception):
    """The root of the errors that cost one figure, or say what the run needs; the message is for the operator."""


class MissingProgram(BenchError):
    """A program is not installed; the message names it and the command that installs it."""


class ChildError(BenchError):
    """A child process did not do what it is there for; the message ends with what it printed last."""


class ReplyError(BenchError):
    """A peer answered with something that the benchmark cannot use."""


class WrkError(BenchError):
    """wrk failed, or its replies were not all good."""
