"""The address to serve on: bound before anything is opened, so that a taken port is said at once and in one line."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kb.errors import ConfigError

BACKLOG = 128


@contextmanager
def listening(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Listening sockets for every address of the host, closed at the end. Raises ConfigError saying what to do.

    Port 0 takes a free one, the same for all of them.
    """
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for family, address in _addresses(host, port):
            listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            _listen(listener, (address, sockets[0].getsockname()[1] if sockets else port), host=host)
            sockets.append(listener)
        yield sockets


def web_address(host: str, port: int) -> str:
    """`http://HOST:PORT` as a browser wants it: IPv6 in brackets, and a name for "every address"."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104  # compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ConfigError(f"[server] host {host!r} is no address or name of this machine") from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listen(listener: socket.socket, address: tuple[str, int], *, host: str) -> None:
    # A port that was just given up can be taken at once; one that somebody listens on cannot.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by every connection: else each answer's body waits 40 ms for the other side to acknowledge its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as exc:
        raise ConfigError(f"cannot serve on {host}:{address[1]}: {_explain(exc)}") from exc
    listener.setblocking(False)


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "something listens there already (Footnote itself?); choose another [server] port, or --port"
        case errno.EACCES | errno.EPERM:
            return "this user may not; choose a port above 1023"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; set [server] host"
        case _:
            return str(error.strerror)
