"""`linker check`: is the file right, and what does it ask for?"""

import json
from collections.abc import Sequence

import attrs
import click
import trio

from mesh.config import Loaded, read_file
from mesh.errors import ConfigError, Problem
from mesh.linker.assemble import BuiltRouter
from mesh.linker.offline import offline
from mesh.plugins import Kinds, find
from mesh.stack import Module

POOL = Module("pool", lambda params, rest: rest(params), section="endpoint")
"""The leaf of every stack, as it is listed: it is no module, and nothing can be put below it."""


@click.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(file: str, as_json: bool) -> None:
    """Check a stack file, and show its stacks.

    FILE is the stack file; `-` reads it from standard input. Its routers are shown with their stacks, in the order in
    which a request meets the modules; a file that is wrong, with all of its problems and the status 1.
    """
    kinds = find()
    try:
        loaded = read_file(file, kinds)
        routers = trio.run(_routers, loaded, kinds)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"file": file, "ok": False, "problems": _problems(error.problems)}, indent=2))
        raise click.exceptions.Exit(1) from error
    if as_json:
        shown = {
            "file": loaded.file,
            "ok": True,
            "routers": [_router_json(router) for router in routers],
            "warnings": _problems(loaded.warnings),
        }
        click.echo(json.dumps(shown, indent=2))
        return
    click.echo(f"{loaded.file} is right.")
    for router in routers:
        click.echo("\n".join(["", *_router_lines(router)]))
    for warning in loaded.warnings:
        click.echo(f"\nwarning: {warning.show()}")


async def _routers(loaded: Loaded, kinds: Kinds) -> Sequence[BuiltRouter]:
    async with offline(loaded, kinds) as assembly:
        return assembly.routers


def _problems(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [attrs.asdict(problem) for problem in problems]


def _router_json(router: BuiltRouter) -> dict[str, object]:
    return {
        "label": router.label,
        "protocol": router.settings.protocol.kind.name,
        "servers": [
            {"label": server.label, "ip": str(server.settings.ip), "port": server.settings.port}
            for server in router.servers
        ],
        "stack": [
            {
                "section": module.section,
                "role": module.role,
                "kind": module.kind,
                "branch": module.branch,
                "above": list(module.above),
                "below": list(module.below),
                "why": module.why,
            }
            for module in (*router.stack, POOL)
        ],
    }


def _router_lines(router: BuiltRouter) -> list[str]:
    servers = ", ".join(f"{server.settings.ip}:{server.settings.port}" for server in router.servers)
    lines = [f"router {router.label}: {router.settings.protocol.kind.name} on {servers}"]
    modules = (*router.stack, POOL)
    width = max(len(_name(module)) for module in modules)
    section = ""
    for module in modules:
        head = "" if module.section == section else module.section
        section = module.section
        notes = [f"═► {module.branch}"] if module.branch else []
        notes += [_rule(module)] if module.above or module.below else []
        lines.append(f"  {head:8}  {_name(module):{width}}  {'; '.join(notes)}".rstrip())
    return lines


def _name(module: Module) -> str:
    return f"{module.role} ({module.kind})" if module.kind and module.kind != module.role else module.role


def _rule(module: Module) -> str:
    sides = (("below", module.below), ("above", module.above))
    places = " and ".join(f"{side} {', '.join(roles)}" for side, roles in sides if roles)
    return f"{places}: {module.why}" if module.why else places
