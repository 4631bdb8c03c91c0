"""Settings of identity: what is refused before anybody can come in by it."""

from pathlib import Path

import pytest

from app.settings import Settings
from kb.errors import ConfigError
from kb.settings import STARS, load_settings

ISSUER = """
[[issuers]]
id = "intranet"
issuer = "https://intranet.acme.test"
audience = "footnote"
"""
LOGIN = """
[login]
issuer = "https://login.acme.test"
client_id = "footnote"
email_domains = ["acme.test"]
"""
LONG = "0123456789abcdef0123456789abcdef"


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "footnote.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(Settings, path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ISSUER, "algorithm"),
        (ISSUER + 'algorithm = "none"', "algorithm"),
        (ISSUER + 'algorithm = "RS512"', "algorithm"),
        (ISSUER + 'algorithm = "RS256"', "needs jwks_url or jwks_file"),
        (ISSUER + 'algorithm = "RS256"\njwks_url = "https://a.test/k"\njwks_file = "k.json"', "needs jwks_url or"),
        (ISSUER + 'algorithm = "RS256"\njwks_url = "http://a.test/k"', "https://HOST/PATH"),
        (ISSUER + 'algorithm = "RS256"\njwks_url = "file:///etc/passwd"', "https://HOST/PATH"),
        (ISSUER + 'algorithm = "RS256"\njwks_url = "https://me:pw@a.test/k"', "https://HOST/PATH"),
        (ISSUER + 'algorithm = "HS256"', "needs a secret"),
        (ISSUER + 'algorithm = "HS256"\nsecret = "short"', "at least 32 bytes"),
        (ISSUER + f'algorithm = "HS256"\nsecret = "{LONG}"\njwks_url = "https://a.test/k"', "neither"),
        (
            ISSUER + f'algorithm = "HS256"\nsecret = "{LONG}"\n' + ISSUER + f'algorithm = "HS256"\nsecret = "{LONG}"',
            "two",
        ),
        (LOGIN.replace("https:", "http:"), "https://HOST/PATH"),
        (LOGIN.replace('client_id = "footnote"', ""), "client_id is needed"),
        (LOGIN.replace('email_domains = ["acme.test"]', ""), "email_domains is needed"),
        (LOGIN.replace('acme.test"]', '*.test"]'), "is no domain"),
        (LOGIN + 'scopes = ["email"]', "openid"),
        (LOGIN + 'admin_groups = ["kings"]', "groups_claim"),
    ],
)
def test_a_mistake_is_named_at_the_start(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert LONG not in str(refused.value)


def test_nobody_can_be_named_or_sign_in_by_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert (settings.issuers, settings.login.is_on, settings.knows_people) == ((), False, False)


def test_secrets_come_from_the_environment_and_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "client").write_text(f"{LONG}-client\n")
    monkeypatch.setenv("FOOTNOTE_ISSUER_INTRANET_SECRET", LONG)
    monkeypatch.setenv("FOOTNOTE_LOGIN__CLIENT_SECRET_FILE", str(tmp_path / "client"))
    settings = read(tmp_path, ISSUER + 'algorithm = "HS256"' + LOGIN)
    assert settings.issuers[0].secret is not None
    assert settings.issuers[0].secret.get_secret_value() == LONG
    assert settings.login.client_secret is not None
    assert settings.login.client_secret.get_secret_value() == f"{LONG}-client"
    assert LONG not in repr(settings)
    assert LONG not in str(settings.masked())
    assert STARS in str(settings.masked()["issuers"])


def test_a_file_of_keys_is_looked_for_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    settings = read(tmp_path, ISSUER + 'algorithm = "ES256"\njwks_file = "keys/phone.json"')
    assert settings.issuers[0].jwks_file == tmp_path / "keys" / "phone.json"


def test_the_provider_may_be_on_this_machine(tmp_path: Path) -> None:
    assert read(tmp_path, LOGIN.replace("https://login.acme.test", "http://127.0.0.1:9000")).login.is_on
