"""Where signing in leads: to a page of this server, and nowhere else."""

import pytest

from app.channels.login import own_path


@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("/", "/"),
        ("/admin", "/admin"),
        ("/documents/docs:a.md?x=1", "/documents/docs:a.md?x=1"),
        ("//evil.test", "/"),
        ("/\\evil.test", "/"),
        ("https://evil.test", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.test", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("/logout", "/"),
        ("/login?to=/login", "/"),
        ("", "/"),
        ("/" + "a" * 600, "/"),
        ("/é", "/"),
    ],
)
def test_it_leads_back_to_this_server_alone(to: str, path: str) -> None:
    assert own_path(to) == path
