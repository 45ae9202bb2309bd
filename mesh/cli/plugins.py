"""`linker plugins`: what is installed."""

import itertools
import json

import click

from mesh.keys import Kind
from mesh.plugins import Kinds, find

BUILTINS = "builtins (linker-mesh)"  # not named with every kind that it brings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List what a stack file can use.

    Every kind is shown with what it is for, and the plugin that brings it if that is not linker itself; and every plugin
    that could not be loaded, with the reason.
    """
    kinds = find()
    click.echo(json.dumps(_listed(kinds), indent=2) if as_json else "\n".join(_lines(kinds)))


def _listed(kinds: Kinds) -> dict[str, object]:
    return {
        "kinds": [
            {
                "category": kind.category.value,
                "name": kind.name,
                "aliases": list(kind.names[1:]),
                "summary": kind.summary,
                "protocols": list(kind.protocols),
                "plugin": kind.plugin,
                "built": kind.built,
                "experimental": kind.experimental,
            }
            for kind in kinds.all()
        ],
        "failures": [{"plugin": failure.plugin, "reason": failure.reason} for failure in kinds.failures],
    }


def _lines(kinds: Kinds) -> list[str]:
    width = max((len(kind.name) for kind in kinds.all()), default=0)
    lines = []
    for category, members in itertools.groupby(kinds.all(), lambda kind: kind.category):
        lines += [f"{category}:", *(f"  {kind.name:{width}}  {_described(kind)}" for kind in members), ""]
    lines += [f"not loaded: {failure.plugin}: {failure.reason}" for failure in kinds.failures]
    return lines


def _described(kind: Kind) -> str:
    marks = [mark for mark, holds in (("not built yet", not kind.built), ("experimental", kind.experimental)) if holds]
    marked = f" [{', '.join(marks)}]" if marks else ""
    plugin = "" if kind.plugin == BUILTINS else f" — {kind.plugin}"
    return f"{kind.summary}{marked}{plugin}"
