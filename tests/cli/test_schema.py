import json

from mesh.config.schema import schema
from mesh.plugins import find
from tests.cli.conftest import Linker


def test_the_schema_of_the_installed_kinds_is_printed(linker: Linker) -> None:
    result = linker("schema")

    assert json.loads(result.stdout) == json.loads(json.dumps(schema(find())))
