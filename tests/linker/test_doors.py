"""Which addresses a stack file wants to be listened on."""

from mesh.config import read_text
from mesh.linker.doors import admin_door, identifier_door, open_door, router_doors, worker_doors
from tests.proxies import kinds, one, stacks


def keys(*servers: int, label: str = "http") -> list[str]:
    router = one(80, label=label)
    router["servers"] = [{"port": port} for port in servers]
    settings = read_text(stacks(router), file="a.yaml", kinds=kinds()).stack
    return [door.key for door in router_doors(settings)]


def test_a_door_is_known_by_its_address_whatever_stands_around_it() -> None:
    assert keys(4140, 4141) == ["127.0.0.1:4140", "127.0.0.1:4141"]
    assert keys(4141, 4140) == ["127.0.0.1:4141", "127.0.0.1:4140"]


def test_doors_whose_port_the_system_chooses_are_told_apart() -> None:
    assert keys(0, 0) == ["http 127.0.0.1:0", "http 127.0.0.1:0 2"]
    assert keys(0, label="other") == ["other 127.0.0.1:0"]


def test_the_admin_server_has_a_door_that_no_router_has() -> None:
    settings = read_text(stacks(one(80)), file="a.yaml", kinds=kinds()).stack

    assert admin_door(settings).key not in [door.key for door in router_doors(settings)]


def test_a_door_is_opened_where_it_says() -> None:
    settings = read_text(stacks(one(80)), file="a.yaml", kinds=kinds()).stack

    with open_door(admin_door(settings)) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_requests_are_named_at_a_door_only_where_the_file_says_so() -> None:
    without, with_port = (
        read_text(stacks(one(80)).replace('"port": 0,', f'"port": 0, {more}', 1), file="a.yaml", kinds=kinds()).stack
        for more in ("", '"httpIdentifierPort": 8888, ')
    )

    door = identifier_door(with_port)
    assert identifier_door(without) is None
    assert door is not None
    assert (door.ip, door.port) == ("127.0.0.1", 8888)


def test_workers_share_the_doors_of_routers_and_the_one_where_requests_are_named() -> None:
    text = stacks(one(80)).replace('"port": 0,', '"port": 0, "httpIdentifierPort": 8888, ', 1)
    settings = read_text(text, file="a.yaml", kinds=kinds()).stack

    assert worker_doors(settings) == [*router_doors(settings), identifier_door(settings)]
