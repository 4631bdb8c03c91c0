"""The address to serve on: taken, free, or none of this machine's."""

import socket

import pytest

from app.address import listening, web_address
from kb.errors import ConfigError


def test_a_free_port_is_taken_and_given_back() -> None:
    with listening("127.0.0.1", 0) as (first,):
        port = first.getsockname()[1]
        assert port
    with listening("127.0.0.1", port) as (again,):
        assert again.getsockname()[1] == port


def test_a_port_that_somebody_listens_on_is_refused_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"127\.0\.0\.1:{port}: something listens there already.*--port"
        with pytest.raises(ConfigError, match=said), listening("127.0.0.1", port):
            pass


def test_a_host_that_is_not_this_machines_is_refused() -> None:
    with pytest.raises(ConfigError, match="no such address"), listening("203.0.113.1", 0):
        pass


@pytest.mark.parametrize("host", ["not a host", "a" * 300, "\udcff"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="no address or name"), listening(host, 0):
        pass


def test_the_same_port_is_taken_for_every_address_of_a_name() -> None:
    with listening("localhost", 0) as sockets:
        assert len({each.getsockname()[1] for each in sockets}) == 1


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("::1", "http://[::1]:8080"),
        ("0.0.0.0", "http://localhost:8080"),
        ("::", "http://localhost:8080"),
        ("wiki.acme.test", "http://wiki.acme.test:8080"),
    ],
)
def test_an_address_is_written_as_a_browser_wants_it(host: str, address: str) -> None:
    assert web_address(host, 8080) == address


def test_no_answer_waits_for_its_head_to_be_acknowledged() -> None:
    with listening("127.0.0.1", 0) as (listener,), socket.create_connection(listener.getsockname()):
        listener.settimeout(5)
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
