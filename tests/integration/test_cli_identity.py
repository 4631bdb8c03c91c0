"""`footnote doctor` about people: does the provider of sign-ins answer, and are the keys of issuers to be had?"""

import pytest

pytest.importorskip("authlib", reason="needs the extra `identity`")

from tests.fakes.answer_sides import CONFIG, make_settings
from tests.fakes.command import Command
from tests.fakes.oidc import running_provider

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A synced knowledge base."""
    home = tmp_path_factory.mktemp("acme")
    make_settings(home, config=CONFIG.replace('kind = "memory"', 'kind = "edge"'))
    command = Command(config=home / "footnote.toml")
    assert command("sync").code == 0
    return command


def test_doctor_looks_at_the_provider_of_sign_ins(footnote: Command) -> None:
    with running_provider() as provider:
        environment = {
            "FOOTNOTE_SERVER__PORT": "0",
            "FOOTNOTE_LOGIN__ISSUER": provider.url,
            "FOOTNOTE_LOGIN__CLIENT_ID": "footnote",
            "FOOTNOTE_LOGIN__EMAIL_DOMAINS": '["acme.test"]',
        }
        done = footnote("doctor", environment=environment)
        assert done.code == 0, done.out
        assert f"identity: {provider.url} answers, and must know http://127.0.0.1:0/login/callback" in done.out
        # With people who sign in no key is needed to be reached from elsewhere.
        outside = footnote("doctor", environment={**environment, "FOOTNOTE_SERVER__HOST": "0.0.0.0"})
        assert outside.code == 0, outside.out
    silent = footnote("doctor", environment=environment)
    assert silent.code == 1
    (wrong,) = [line for line in silent.out.splitlines() if line.startswith("✗")]
    assert "identity: the provider does not say where it is" in wrong


def test_doctor_names_the_issuer_whose_keys_cannot_be_had(footnote: Command) -> None:
    table = '{"id": "hr", "issuer": "x", "audience": "x", "algorithm": "RS256", "jwks_file": "/nowhere/keys.json"}'
    done = footnote("doctor", environment={"FOOTNOTE_SERVER__PORT": "0", "FOOTNOTE_ISSUERS": f"[{table}]"})
    assert done.code == 1
    (wrong,) = [line for line in done.out.splitlines() if line.startswith("✗")]
    assert "identity: hr: the public keys of the issuer cannot be had; look at jwks_url, or jwks_file" in wrong
