"""The admin pages that look into the routers, and the one that ends the process."""

import json
from collections.abc import Callable

import trio

from mesh.admin import Page, PageReply, PageRequest
from mesh.endpoint import AddrBound, AddrFailed, AddrNeg, AddrPending
from mesh.errors import NameSyntaxError
from mesh.linker.assemble import Assembly, BuiltRouter
from mesh.naming.delegation import Delegation, is_settled, to_json
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.interpreter import Interpreter
from mesh.naming.namer import Listing
from mesh.naming.path import Path

DELEGATE_SECONDS = 2.0  # linkerd's limit on a delegation that waits for a namer


def process_pages(
    current: Callable[[], Assembly], shown: Callable[[], object], shut_down: Callable[[], None]
) -> list[Page]:
    """Return the pages of a running process.

    `current` returns what is in force when it is called, and `shown` its configuration, secrets masked.
    """

    def config(_request: PageRequest) -> PageReply:
        return PageReply.of_json(shown())

    def stop(_request: PageRequest) -> PageReply:
        shut_down()
        return PageReply.of_text("draining\n")

    async def delegator(request: PageRequest) -> PageReply:
        return await _delegator(current(), request)

    return [
        Page("/config.json", "the effective configuration, secrets masked", config),
        Page(
            "/delegator.json",
            "how a name is rewritten and bound: ?path=/svc/web&namespace=<router>&dtab=<instead of its own>",
            delegator,
            methods=("GET", "POST"),
        ),
        Page(
            "/client_state.json",
            "the endpoints that each client's balancer uses, with load, health and weight",
            lambda _request: PageReply.of_json(_client_state(current())),
        ),
        Page(
            "/bound-names.json",
            "the names that namers can list",
            lambda _request: PageReply.of_json(_bound_names(current())),
        ),
        Page("/admin/shutdown", "POST: end the process gracefully", stop, methods=("POST",)),
    ]


def _client_state(assembly: Assembly) -> dict[str, dict[str, object]]:
    states: dict[str, dict[str, object]] = {}
    for router in assembly.routers:
        for client in router.parts.clients():
            match client.addr:
                case AddrBound(endpoints, _meta, stale):
                    state: dict[str, object] = {
                        "state": "bound",
                        "addresses": [str(endpoint) for endpoint in endpoints],
                    }
                    if stale:
                        state["stale"] = stale
                case AddrNeg():
                    state = {"state": "Neg"}
                case AddrFailed(cause):
                    state = {"state": "failed", "cause": cause}
                case AddrPending():
                    state = {"state": "pending"}
            if client.balancer:
                state["balancer"] = client.balancer
            states[client.name.id.show()] = state
    return states


def _bound_names(assembly: Assembly) -> list[str]:
    return [
        name.show() for built in assembly.namers if isinstance(built.namer, Listing) for name in built.namer.names()
    ]


async def _delegator(assembly: Assembly, request: PageRequest) -> PageReply:
    asked: dict[str, str] = {name: values[0] for name, values in request.query.items()}
    if request.method == "POST":
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            return PageReply.of_text(f"Expected Content-Type application/json, not {media or 'none'}\n", 415)
        try:
            asked = _asked(json.loads(request.body))
        except NameSyntaxError as error:
            return PageReply.of_text(f"Invalid dtab: {error}", 400)
        except (ValueError, RecursionError) as error:
            return PageReply.of_text(f"Malformed delegation request: {error}\n", 400)
    router = _router(assembly, asked.get("namespace", ""))
    if router is None:
        labels = ", ".join(known.label for known in assembly.routers)
        return PageReply.of_text(f"There is no router {asked.get('namespace')}; there are: {labels}\n", 404)
    try:
        dtab = Dtab.read(asked["dtab"]) if "dtab" in asked else None
    except NameSyntaxError as error:
        return PageReply.of_text(f"Invalid dtab: {error}", 400)
    try:
        path = Path.read(asked.get("path", ""))
    except NameSyntaxError as error:
        return PageReply.of_text(f"Invalid path: {error}", 400)
    if dtab is None:
        return await _show(router.interpreter, path)
    life = router.life.child("a delegation")
    try:
        return await _show(router.interpret(dtab, life), path)
    finally:
        life.close()


async def _show(interpreter: Interpreter, path: Path) -> PageReply:
    try:
        return PageReply.of_json(to_json(await settled(interpreter, path)))
    except trio.TooSlowError:
        return PageReply.of_text("Request timed out.\n", 503)


async def settled(
    interpreter: Interpreter, path: Path, local: Dtab = EMPTY_DTAB, seconds: float = DELEGATE_SECONDS
) -> Delegation:
    """Return the whole way of `path` once every namer on it has answered. Raises `trio.TooSlowError` after `seconds`."""
    with trio.fail_after(seconds):
        return await interpreter.delegate(local, path).wait(is_settled)


def _router(assembly: Assembly, label: str) -> BuiltRouter | None:
    if not label:
        return assembly.routers[0]
    return next((router for router in assembly.routers if router.label == label), None)


def _asked(request: object) -> dict[str, str]:
    """Return the texts of a delegation request by name. Raises `NameSyntaxError` for its dtab, else `ValueError`."""
    if not isinstance(request, dict) or "path" not in request:
        raise ValueError("it is no object with a path")
    return {name: _text(value) for name, value in request.items()}


def _text(value: object) -> str:
    """Return a value of a delegation request as text; a dtab may also be a list of its rules."""
    if isinstance(value, list):
        return Dtab.from_json(value).show()
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value
