"""The administration's buttons: small forms, each with a proof that this server's own page sent it."""

import hashlib
import hmac
from collections.abc import Mapping
from html import escape

# Each is named to whoever looks, by a word in the address that stands for it and can say nothing else.
DONE = {
    "sync": "The source is read as soon as it is free.",
    "retry": "It is read again at the next sync, which is asked for.",
    "nothing": "There was nothing to read again.",
    "revoked": "The key is revoked: it opens nothing any more.",
}
SCOPE_WORDS = {
    "ask": "ask questions",
    "search": "search passages",
    "ingest": "ingest",
    "metrics": "read metrics",
    "admin": "administer",
}


def proof_of(credential: str) -> str:
    """What a form must bring: made of the browser's own cookie, which no other page can read or guess."""
    return hmac.new(credential.encode(), b"footnote administration form", hashlib.sha256).hexdigest()


def is_proof(proof: str, credential: str) -> bool:
    """Did a form of ours bring it?"""
    return hmac.compare_digest(proof.encode(), proof_of(credential).encode())


def button(proof: str, action: str, words: str, values: Mapping[str, str]) -> str:
    """A form of one button; nothing where who looks may change nothing (no proof)."""
    if not proof:
        return ""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in {"proof": proof, **values}.items()
    )
    return f'<form class="do" method="post" action="/admin/{action}">{hidden}<button>{escape(words)}</button></form>'


def new_key_form(proof: str, *, own_email: str | None) -> str:
    """The form that makes a key."""
    if not proof:
        return ""
    boxes = [_box("scope", scope, words, is_checked=scope in {"ask", "search"}) for scope, words in SCOPE_WORDS.items()]
    if own_email:
        boxes.append(_box("own", "yes", f"read what {own_email} may read"))
    return (
        '<details><summary>Make a key</summary><form class="new" method="post" action="/admin/keys">'
        f'<input type="hidden" name="proof" value="{proof}">'
        '<label>What it is for <input name="name" maxlength="100" required></label>'
        '<label>Days until it ends <input name="days" type="number" min="1" max="3650" placeholder="never"></label>'
        '<label>Pages that may use it <input name="origin" placeholder="https://app.example.com"></label>'
        f"<fieldset><legend>It may</legend>{''.join(boxes)}</fieldset>"
        "<button>Make it</button></form></details>"
    )


def _box(name: str, value: str, words: str, *, is_checked: bool = False) -> str:
    checked = " checked" if is_checked else ""
    return f'<label><input type="checkbox" name="{name}" value="{value}"{checked}> {escape(words)}</label>'


def made_key(text: str) -> str:
    """The key that was just made."""
    return (
        '<p class="made" role="status">This is the key. It is shown this once, so copy it now: '
        f"<code>{escape(text)}</code></p>"
    )
