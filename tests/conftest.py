"""What holds for every test: no network beyond this machine, and an environment without Footnote's settings."""

import os
import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them; model libraries stay off the network."""
    for name in list(os.environ):
        if name.startswith("FOOTNOTE_") and not name.startswith("FOOTNOTE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anything but this machine is an error, in every test."""
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:  # an address's shape depends on its family
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
