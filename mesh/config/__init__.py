"""Stack files: reading them, describing them, showing them."""

from mesh.config.loading import Loaded as Loaded
from mesh.config.loading import read_file as read_file
from mesh.config.loading import read_text as read_text
from mesh.config.masking import masked as masked
from mesh.config.schema import schema as schema

__all__ = ["Loaded", "masked", "read_file", "read_text", "schema"]
