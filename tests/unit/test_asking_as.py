"""`--as EMAIL`: a slip is said, and nobody is asked for as a stranger."""

import pytest

from app.cli.running import must_be_an_address
from kb.errors import ConfigError


@pytest.mark.parametrize("email", ["nonsense", "ada@", "@acme.example", "", " @ "])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(ConfigError, match="takes an e-mail address"):
        must_be_an_address(email)


@pytest.mark.parametrize("email", [None, "ada@acme.example"])
def test_an_address_or_none_is_taken(email: str | None) -> None:
    assert must_be_an_address(email) == email
