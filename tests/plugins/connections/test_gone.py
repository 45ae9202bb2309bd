"""What a connection raises that has ended."""

import pytest

from mesh.testing import memory_connections
from mesh_plugins.connections.gone import GONE


@pytest.mark.parametrize("is_ours", [True, False])
async def test_whichever_side_ends_a_connection_sending_raises_it(is_ours: bool) -> None:
    near, far = memory_connections()

    (near if is_ours else far).close()

    with pytest.raises(GONE):
        await near.send_all(b"hi")
