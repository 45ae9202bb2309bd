"""A distribution in a folder here has its own tests, which run where it is installed."""

collect_ignore_glob = ["linker-*"]
