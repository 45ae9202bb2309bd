"""The namers that are built in."""

from mesh import Category, Kind
from mesh_plugins.namers.config import FsConfig, RewriteConfig, SystemConfig

KINDS = (
    Kind(
        "io.l5d.fs",
        Category.NAMER,
        "A directory of files, each listing the endpoints of one service.",
        FsConfig,
        "mesh_plugins.namers.fs:FsNamer",
    ),
    Kind(
        "io.l5d.rewrite",
        Category.NAMER,
        "Replaces a name by another one, made of parts of the first.",
        RewriteConfig,
        "mesh_plugins.namers.rewrite:RewriteNamer",
    ),
    Kind(
        "system",
        Category.NAMER,
        "The names under /$, such as /$/inet/10.0.0.1/80; always there, without being configured.",
        SystemConfig,
        "mesh_plugins.namers.system:system",
    ),
)
