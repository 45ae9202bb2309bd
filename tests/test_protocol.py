"""What a protocol that says nothing of reloads does."""

from typing import Any

import attrs

from mesh.protocol import Parts


def test_a_protocol_begins_anew_with_each_configuration_unless_it_says_otherwise() -> None:
    take_over: Any = attrs.fields_dict(Parts)["take_over"].default

    assert list(take_over(None, None)) == []
