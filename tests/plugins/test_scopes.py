"""Where metrics are counted."""

from mesh import BOUND, METRICS, ONE_SHOT, PATH, SERVER_LABEL, AddrPending, BoundName, Fixed, Metrics, Params, Path
from mesh_plugins.scopes import client_scope, server_scope, service_scope
from tests.plugins.rest import numbers

NAME = BoundName(Path.read("/#/fs/web"), Path(), Fixed(AddrPending()))


def params_of(metrics: Metrics) -> Params:
    params = Params().put(METRICS, metrics).put(SERVER_LABEL, "127.0.0.1/4140")
    return params.put(PATH, Path.read("/svc/web")).put(BOUND, NAME)


def test_scopes_are_named_by_what_is_counted_in_them() -> None:
    metrics = Metrics()

    for scope_of in (server_scope, service_scope, client_scope):
        scope_of(params_of(metrics)).counter("requests")

    assert set(numbers(metrics)) == {
        "server/127.0.0.1/4140/requests",
        "service/svc/web/requests",
        "client/#/fs/web/requests",
    }


def test_what_is_built_for_one_request_is_counted_with_all_others_of_the_kind() -> None:
    metrics = Metrics()
    params = params_of(metrics).put(ONE_SHOT, True)

    for scope_of in (service_scope, client_scope):
        scope_of(params).counter("requests")

    assert set(numbers(metrics)) == {"service/other/requests", "client/other/requests"}
