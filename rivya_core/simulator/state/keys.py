"""The API keys of a world: made, revoked, expired, and checked on every request that needs one.

Only the SHA-256 of a key is stored. The key that every world starts with is derived from a random salt of the file, so it can be
told again after a restart without standing in the file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rivya_core.api.contract import KEY_PREFIX, SCOPES
from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.store import Store

KEY_STATES = ("valid", "revoked", "expired")
MAIN_ACCOUNT = "main"


@dataclass(frozen=True)
class Key:
    """One API key; of the key itself only its hash and its first characters are stored."""

    sha256: str
    prefix: str
    account: str
    scopes: frozenset[str]
    state: str
    expires_at: float | None


class Keys:
    """Hold the keys of a world. ``now`` is the world's clock."""

    def __init__(self, store: Store, salt: str, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._known: dict[str, Key | None] = {}
        # Derived, not stored: the file holds hashes of keys only, and a restarted world must show the same key.
        self.default = f"{KEY_PREFIX}simulator_{hmac.digest(salt.encode(), b'default key', 'sha256').hex()[:32]}"
        if store.row("SELECT 1 FROM keys WHERE sha256 = ?", (_sha256(self.default),)) is None:
            self.add(self.default)

    def clear_cache(self) -> None:
        """Clear the cache; another process may have changed the file."""
        self._known = {}

    def add(
        self,
        secret: str | None = None,
        *,
        scopes: Collection[str] = SCOPES,
        state: str = "valid",
        account: str = MAIN_ACCOUNT,
        expires_at: float | None = None,
    ) -> str:
        """Make a key, or register a given one, and return it in full.

        Raises:
            ValueError: a scope or the state is unknown, or the key does not begin like a Rivya key.
        """
        secret = secret or f"{KEY_PREFIX}simulator_{secrets.token_hex(16)}"
        if not secret.startswith(KEY_PREFIX):
            raise ValueError(f"a key begins with {KEY_PREFIX}")
        strange = set(scopes) - set(SCOPES)
        if strange:
            raise ValueError(f"unknown scope {', '.join(sorted(strange))}")
        _check_state(state)
        with self._store.transaction():
            self._store.execute("INSERT OR IGNORE INTO accounts (id, balance) VALUES (?, 0)", (account,))
            self._store.execute(
                "INSERT OR REPLACE INTO keys (sha256, prefix, account, scopes, state, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (_sha256(secret), secret[:14], account, json.dumps(sorted(scopes)), state, expires_at),
            )
            self.clear_cache()
        return secret

    def set_state(self, secret: str, state: str) -> None:
        """Revoke, expire or restore a key.

        Raises:
            ValueError: the key or the state is unknown.
        """
        _check_state(state)
        with self._store.transaction():
            found = self._store.execute("UPDATE keys SET state = ? WHERE sha256 = ?", (state, _sha256(secret)))
            self.clear_cache()
        if not found.rowcount:
            raise ValueError("this world does not know that key")

    def check(self, authorization: str | None, scope: str) -> Key:
        """Return the key of an ``Authorization`` header when it is valid and has the scope (docs/api-authentication).

        Raises:
            RefusedError: ``api_key_missing``, ``_invalid``, ``_revoked``, ``_expired`` or ``api_scope_denied``.
        """
        kind, _, secret = (authorization or "").strip().partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not secret:
            raise RefusedError("api_key_missing", "Send the API key as a Bearer token.")
        key = self._find(_sha256(secret))
        if key is None:
            raise RefusedError("api_key_invalid", "The API key could not be verified.")
        if key.state == "revoked":
            raise RefusedError("api_key_revoked", "The API key was revoked.")
        if key.state == "expired" or (key.expires_at is not None and self._now() >= key.expires_at):
            raise RefusedError("api_key_expired", "The API key has expired.")
        if scope not in key.scopes:
            raise RefusedError("api_scope_denied", f"The API key lacks the scope {scope}.")
        return key

    def _find(self, digest: str) -> Key | None:
        if digest not in self._known:
            row = self._store.row("SELECT * FROM keys WHERE sha256 = ?", (digest,))
            if row is None:
                return None
            self._known[digest] = Key(**{**dict(row), "scopes": frozenset(json.loads(row["scopes"]))})
        return self._known[digest]


def _check_state(state: str) -> None:
    if state not in KEY_STATES:
        raise ValueError(f"a key is {', '.join(KEY_STATES)}, not {state}")


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
