"""Stack files: reading them and showing them. Their JSON schema is `mesh.config.schema`, loaded when it is asked for."""

from mesh.config.loading import Loaded as Loaded
from mesh.config.loading import read_file as read_file
from mesh.config.loading import read_text as read_text
from mesh.config.masking import masked as masked

__all__ = ["Loaded", "masked", "read_file", "read_text"]
