"""The `default` interpreter: binds in this process, by the router's own dtab and the namers of the stack file."""

import attrs

from mesh import BASE_DTAB, NAMERS, SYSTEM_NAMER, Interpreter, LocalInterpreter, Params


@attrs.frozen
class DefaultConfig:
    """Binds names by the router's own dtab and the namers of the stack file."""


def default(_config: DefaultConfig, params: Params) -> Interpreter:
    """Return the interpreter of the router that `params` belong to."""
    return LocalInterpreter(params[BASE_DTAB], params[NAMERS], params[SYSTEM_NAMER])
