"""The plugins that come with `mesh`, found through the same entry points as a stranger's."""

from mesh_plugins.registration import mesh_kinds as mesh_kinds

__all__ = ["mesh_kinds"]
