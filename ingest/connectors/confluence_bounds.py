"""A requests adapter whose answers are bounded in size and in the time they may take as a whole."""

from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter

# Fifty pages of the largest kind; a single answer beyond this is an attack or a mistake.
MOST_BYTES = 256 * 1024 * 1024
# For a connection, and for each piece of an answer.
WAIT_SECONDS = (10, 60)
_PIECE_BYTES = 64 * 1024


class TooLarge(requests.RequestException):
    """The answer is larger than allowed."""


class BoundedAdapter(HTTPAdapter):
    """Reads each answer as a whole. A time-out of requests bounds only each single wait, so a slow drip never ends."""

    def __init__(self, *, total_seconds: float) -> None:
        super().__init__(max_retries=0)
        self._total_seconds = total_seconds
        self._most_bytes = MOST_BYTES

    def set_limit(self, most_bytes: int | None) -> None:
        """Another limit in bytes for the next answers; None: the usual one."""
        self._most_bytes = MOST_BYTES if most_bytes is None else most_bytes

    # The arguments are those of requests, passed on as they are.
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """The response with its whole body. Raises requests' own errors, and TooLarge."""
        deadline = monotonic() + self._total_seconds
        response = super().send(request, *args, **{**kwargs, "stream": True, "timeout": WAIT_SECONDS})
        body = bytearray()
        try:
            for piece in response.iter_content(_PIECE_BYTES):
                body += piece
                if len(body) > self._most_bytes:
                    raise TooLarge(f"more than {self._most_bytes} bytes")
                if monotonic() > deadline:
                    raise requests.ReadTimeout(f"not complete after {self._total_seconds:.0f} s")
        except BaseException:
            response.close()
            raise
        # What `response.content` would have set.
        vars(response).update(_content=bytes(body), _content_consumed=True)
        return response
