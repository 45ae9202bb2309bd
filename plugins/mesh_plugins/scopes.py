"""Where metrics are counted: the scopes of a listener, a logical name and a bound name, under linkerd's names."""

from mesh import BOUND, METRICS, ONE_SHOT, OTHER, PATH, SERVER_LABEL, Metrics, Params


def server_scope(params: Params) -> Metrics:
    """Return the scope of the listener in `params`: `server/<ip>/<port>`."""
    return params[METRICS].scope("server", params[SERVER_LABEL], label=True)


def service_scope(params: Params) -> Metrics:
    """Return the scope of the logical name in `params`: `service/<path>`."""
    name = OTHER if params[ONE_SHOT] else params[PATH].show().removeprefix("/")
    return params[METRICS].scope("service", name, label=True)


def client_scope(params: Params) -> Metrics:
    """Return the scope of the bound name in `params`: `client/<id>`."""
    bound = params[BOUND]
    name = OTHER if params[ONE_SHOT] or bound is None else bound.id.show().removeprefix("/")
    return params[METRICS].scope("client", name, label=True)
