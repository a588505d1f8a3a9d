"""Passwords by Argon2id; session and API tokens of 256 random bits, of which only the sha256 is stored."""

import hashlib
import secrets

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from devices.errors import BadInput

MIN_PASSWORD_LENGTH = 10
_MAX_PASSWORD_LENGTH = 1000
_HASHER = PasswordHasher(type=Type.ID)
_NOBODY = _HASHER.hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """An Argon2id hash with its own salt and parameters. Raises BadInput for one that is empty or absurdly long."""
    if not 0 < len(password) <= _MAX_PASSWORD_LENGTH:
        raise BadInput(f"a password has 1 to {_MAX_PASSWORD_LENGTH} characters", place="password")
    return _HASHER.hash(password)


def verify_password(stored_hash: str | None, password: str) -> bool:
    """Whether the password is right. None, for a user who does not exist, takes as long as a wrong password."""
    if len(password) > _MAX_PASSWORD_LENGTH:
        return False
    try:
        return _HASHER.verify(stored_hash or _NOBODY, password) and stored_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored_hash: str) -> bool:
    """Whether it was made with weaker parameters than today's; hash again at the next sign-in."""
    return _HASHER.check_needs_rehash(stored_hash)


def new_password() -> str:
    """A random one of about 95 bits that can be read out: no letters that look like digits."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def new_token() -> str:
    """A session or API token, shown once."""
    return secrets.token_urlsafe(32)


def token_sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
