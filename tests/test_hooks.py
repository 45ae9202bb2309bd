import pluggy
import pytest

from mesh import hooks
from mesh.keys import Category, Kind

GREETING = Kind("greeting", Category.FILTER, "Greets.")


class Plugin:
    """A plugin, as a module of functions would be one."""

    @hooks.hookimpl
    def mesh_kinds(self) -> list[Kind]:
        return [GREETING]


def test_a_plugin_answers_the_hook_of_the_same_name() -> None:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)

    manager.register(Plugin())

    assert manager.hook.mesh_kinds() == [[GREETING]]


def test_a_hook_that_there_is_none_of_is_noticed() -> None:
    class Mistaken:
        @hooks.hookimpl
        def mesh_kind(self) -> list[Kind]:
            return []

    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(Mistaken())

    with pytest.raises(pluggy.PluginValidationError, match="mesh_kind"):
        manager.check_pending()


def test_a_specification_is_not_an_implementation() -> None:
    with pytest.raises(NotImplementedError):
        hooks.mesh_kinds()
