"""`linker explain`: where a name or a request leads, and by which rules."""

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import attrs
import click
import trio

from mesh.cli.drawing import Where, draw, endpoints
from mesh.cli.refusal import Refusal
from mesh.config import Loaded, read_file
from mesh.errors import NameSyntaxError, NoRoute
from mesh.linker.arrival import Arrival, arrive
from mesh.linker.assemble import BuiltRouter
from mesh.linker.offline import offline
from mesh.naming.delegation import Delegation, is_settled, to_json
from mesh.naming.dtab import EMPTY_DTAB, Dentry, Dtab
from mesh.naming.path import Path
from mesh.plugins import Kinds, find

SECONDS = 2.0  # for filters and namers to answer; the admin page /delegator.json waits as long


@attrs.frozen
class Question:
    """What is asked: a name or a URL, and how a request for the URL would be sent."""

    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    dtab: Dtab = EMPTY_DTAB

    def __str__(self) -> str:
        """Return the request as people write it: of HTTP with its method, which other protocols do not have."""
        is_http = urlsplit(self.target).scheme in ("http", "https", "")
        return f"{self.method} {self.target}" if is_http else self.target

    @property
    def is_request(self) -> bool:
        return "://" in self.target


@attrs.frozen
class Answer:
    """What the router is asked, and where that leads."""

    arrival: Arrival
    way: Delegation


@click.command()
@click.argument("file")
@click.argument("target", metavar="NAME|URL")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header of the request.")
@click.option(
    "-X", "--request", "method", default="GET", show_default=True, metavar="METHOD", help="The method of the request."
)
@click.option("--dtab", default="", metavar="RULES", help="Rules that come after all others, as in `l5d-dtab`.")
@click.option(
    "--router", "label", default="", metavar="LABEL", help="The router; by default the first one of the file."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the shape of linkerd's /delegator.json.")
def explain(
    file: str, target: str, headers: tuple[str, ...], method: str, dtab: str, label: str, as_json: bool
) -> None:
    """Explain where a name or a request leads.

    NAME is a whole name such as /svc/web, or what follows the router's prefix, such as web. A URL such as http://web/path
    is named by the router's own identifiers. Nothing is sent, and nothing listens. The status is 1 if no endpoint is
    reached.
    """
    question = Question(target, method, tuple(_header(text) for text in headers), _dtab(dtab))
    if headers and not question.is_request:
        raise click.UsageError("headers belong to a request: give a URL, such as http://web/")
    kinds = find()
    loaded = read_file(file, kinds)
    number = _number(loaded, label)
    answer = trio.run(_ask, loaded, kinds, number, question)
    if as_json:
        click.echo(json.dumps(to_json(answer.way), indent=2))
    else:
        click.echo("\n".join(_lines(loaded, number, question, answer)))
    if not endpoints(answer.way):
        raise click.exceptions.Exit(1)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r}: expected 'name: value'", param_hint="-H")
    return name.strip(), value.strip()


def _dtab(text: str) -> Dtab:
    try:
        return Dtab.read(text)
    except NameSyntaxError as error:
        raise click.BadParameter(str(error), param_hint="--dtab") from error


def _number(loaded: Loaded, label: str) -> int:
    """Return the place of the router in the file."""
    labels = [router.label for router in loaded.stack.routers]
    if not label:
        return 0
    if label not in labels:
        raise Refusal(f"linker: {loaded.file} has no router {label}; it has: {', '.join(labels)}")
    return labels.index(label)


async def _ask(loaded: Loaded, kinds: Kinds, number: int, question: Question) -> Answer:
    async with offline(loaded, kinds) as assembly:
        router = assembly.routers[number]
        arrival = await _arrival(router, question)
        way = router.interpreter.delegate(arrival.local + question.dtab, arrival.path)
        unwatch = way.watch(lambda: None)  # namers answer while they are watched, also beyond the wait
        try:
            with trio.move_on_after(SECONDS):
                await way.wait(is_settled)
            return Answer(arrival, way.value)
        finally:
            unwatch()


async def _arrival(router: BuiltRouter, question: Question) -> Arrival:
    """Return what the router would be asked."""
    if not question.is_request:
        return Arrival(_name(router, question.target), EMPTY_DTAB)
    try:
        request = router.parts.request(question.method, question.target, list(question.headers))
        with trio.fail_after(SECONDS):
            return await arrive(router, request)
    except trio.TooSlowError:
        raise Refusal(f"linker: a filter of the server stack holds the request for more than {SECONDS:g} s") from None
    except (NoRoute, ValueError) as error:
        raise Refusal(f"linker: {question} is not routed: {error}") from error


def _name(router: BuiltRouter, text: str) -> Path:
    try:
        return Path.read(text) if text.startswith("/") else router.settings.dst_prefix + Path.read(f"/{text}")
    except NameSyntaxError as error:
        raise Refusal(f"linker: {text} is no name: {error}") from error


def _lines(loaded: Loaded, number: int, question: Question, answer: Answer) -> Sequence[str]:
    router = loaded.stack.routers[number]
    local = answer.arrival.local + question.dtab
    head = [f"override: {dentry.prefix} => {dentry.dst}" for dentry in local]
    if question.is_request:
        head.insert(0, f"{question} is named {answer.arrival.path} by the router {router.label}")
    lines = [*head, ""] if head else []
    lines += draw(answer.way, _where(loaded, number, local))
    count = endpoints(answer.way)
    reached = f"{count} endpoint{'' if count == 1 else 's'} reached" if count else "no endpoint is reached"
    return [*lines, "", reached]


def _where(loaded: Loaded, number: int, local: Dtab) -> Where:
    """Return what says where a rule stands: in the file, in the override, or in the interpreter's own dtab."""
    own = {id(dentry) for dentry in loaded.stack.routers[number].dtab}
    override = {id(dentry) for dentry in local}

    def where(dentry: Dentry) -> str:
        if id(dentry) in override:
            return "override"
        if id(dentry) not in own:
            return f"line {dentry.line} of the interpreter's dtab" if dentry.line else "the interpreter's dtab"
        line, _column = loaded.place_within(f"routers[{number}].dtab", dentry.line, dentry.column)
        return f"line {line}"

    return where
