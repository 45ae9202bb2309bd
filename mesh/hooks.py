"""The hooks that a plugin implements. Each is called once, at start, and returns descriptions; none is called per request."""

from collections.abc import Iterable

import pluggy

from mesh.keys import Kind

PROJECT = "mesh"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin module as the implementation of the hook of the same name."""


@hookspec
def mesh_kinds() -> Iterable[Kind]:
    """Return the kinds this plugin brings, of any category.

    Importing the plugin and calling this must be cheap: describe, do not import; a kind's `factory` is a string for that
    reason. Two plugins that bring one name in one category are an error that names both.
    """
    raise NotImplementedError
