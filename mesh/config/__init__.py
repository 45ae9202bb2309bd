"""Stack files: reading them and showing them. Their JSON schema is `mesh.config.schema`, loaded when it is asked for."""

from mesh.config.loading import Loaded, read_file, read_text
from mesh.config.masking import masked

__all__ = ["Loaded", "masked", "read_file", "read_text"]
