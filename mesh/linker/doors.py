"""The addresses that a stack file wants to be listened on."""

import socket
from collections.abc import Callable

import attrs

from mesh.linker.listener import open_socket
from mesh.settings import SocketOptions, StackFile

ADMIN = "admin"
NAMES = "names of requests"


@attrs.frozen
class Door:
    """One address to listen on, known by `key`: that of a listener which stays open when the stack file changes around it.

    The key is the address; where the system is to choose the port, it says whose, and which of several, instead.
    """

    key: str
    ip: str
    port: int
    options: SocketOptions = attrs.field(eq=False)


Open = Callable[[Door], socket.socket]
"""Returns a listening socket for a door. Raises `ListenError`."""


def router_doors(settings: StackFile) -> list[Door]:
    """Return the doors of all routers, in the order of their servers."""
    doors: list[Door] = []
    taken: set[str] = set()
    for router in settings.routers:
        for server in router.servers:
            key = f"{server.ip}:{server.port}" if server.port else f"{router.label} {server.ip}:0"
            number = 1
            free = key
            while free in taken:
                number += 1
                free = f"{key} {number}"
            taken.add(free)
            doors.append(Door(free, str(server.ip), server.port, server.socket_options))
    return doors


def admin_door(settings: StackFile) -> Door:
    """Return the door of the admin server."""
    admin = settings.admin
    return Door(f"{ADMIN} {admin.ip}:{admin.port}", str(admin.ip), admin.port, admin.socket_options)


def identifier_door(settings: StackFile) -> Door | None:
    """Return the door where requests are named, if there is to be one."""
    admin = settings.admin
    port = admin.http_identifier_port
    return None if port is None else Door(f"{NAMES} {admin.ip}:{port}", str(admin.ip), port, admin.socket_options)


def worker_doors(settings: StackFile) -> list[Door]:
    """Return the doors that several workers share: those of all routers, and the one where requests are named."""
    names = identifier_door(settings)
    return router_doors(settings) if names is None else [*router_doors(settings), names]


def open_door(door: Door) -> socket.socket:
    """Return a new socket that listens where a door says. Raises `ListenError`."""
    return open_socket(door.ip, door.port, door.options)
