"""Who is calling: sign-in, sessions by bearer or cookie, and the token against forged requests."""

import hashlib
import hmac
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from api.deps import Deps, Kept
from api.errors import Refused
from storage.passwords import hash_password, needs_rehash, new_token, token_sha256, verify_password
from storage.user import User

COOKIE = "caretaker_session"
CSRF_HEADER = "X-CSRF-Token"
SESSION_TTL = timedelta(hours=12)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_CHECKS_AT_A_TIME = threading.BoundedSemaphore(4)
"""Each Argon2 check takes 64 MiB: a crowd at the sign-in page must not take the machine's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`token` stays with the caller; the database holds its SHA-256 only."""

    user: User
    token: str
    by_cookie: bool = False


def csrf_token(token: str) -> str:
    """Only who holds the session token can compute it, and it does not tell the token."""
    return hmac.new(token.encode(), b"caretaker csrf", hashlib.sha256).hexdigest()


def address_of(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def sign_in(deps: Deps, kept: Kept, *, username: str, password: str, address: str) -> Session:
    """A new session. Raises Refused 401, or 429 after five attempts in a minute from one address on one account."""
    now = deps.now()
    wait_s = kept.limiter.retry_after(username, address, now)
    if wait_s is not None:
        if kept.limiter.worth_noting(address, now):
            deps.audit.append(now, username, "sign_in.locked", address, f"wait {wait_s} s")
        raise Refused(429, f"too many attempts; try again in {wait_s} s", {"Retry-After": str(wait_s)})
    stored = deps.users.password_hash(username)
    user = deps.users.get(username)
    with _CHECKS_AT_A_TIME:
        matches = verify_password(stored, password)
    if not matches or stored is None or user is None:
        deps.audit.append(now, username, "sign_in.failed", address)
        raise Refused(401, "wrong user name or password", {"WWW-Authenticate": "Bearer"})
    if needs_rehash(stored):
        deps.users.set_password_hash(username, hash_password(password))
    kept.limiter.clear(username, address)
    return _open_session(deps, user, address, now)


def sign_out(deps: Deps, session: Session) -> None:
    deps.users.drop_session(token_sha256(session.token))
    deps.audit.append(deps.now(), session.user.username, "sign_out", session.user.username)


def user_of(deps: Deps, session: Session) -> User | None:
    """The session's user as stored now; None where the session has ended."""
    return deps.users.session(token_sha256(session.token), deps.now())


def session_of(request: Request, deps: Deps) -> Session | None:
    """The caller's session, by bearer or else by cookie; None for anonymous callers. Raises Refused on a bad token."""
    token, by_cookie = _presented(request)
    if token is None:
        return None
    user = deps.users.session(token_sha256(token), deps.now())
    if user is None:
        raise Refused(401, "the session has ended; sign in again", {"WWW-Authenticate": "Bearer"})
    return Session(user=user, token=token, by_cookie=by_cookie)


def check_csrf(request: Request, session: Session) -> None:
    """A browser sends cookies by itself, so an unsafe request must also prove that our own page made it. Raises Refused 403."""
    if not session.by_cookie or request.method in SAFE_METHODS:
        return
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token(session.token).encode()):
        raise Refused(403, f"header {CSRF_HEADER} is missing or wrong; GET /api/v1/me tells it")


def _open_session(deps: Deps, user: User, address: str, now: datetime) -> Session:
    token = new_token()
    deps.users.purge_sessions(now)
    deps.users.add_session(token_sha256(token), user.username, now + SESSION_TTL)
    deps.audit.append(now, user.username, "sign_in", address)
    return Session(user=user, token=token)


def _presented(request: Request) -> tuple[str | None, bool]:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip(), False
    cookie = request.cookies.get(COOKIE)
    return (cookie, True) if cookie else (None, False)
