"""The plugins that come with `mesh`, found through the same entry points as a stranger's."""
