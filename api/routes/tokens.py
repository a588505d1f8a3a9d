"""Push tokens: made and revoked by administrators; the secret is told once."""

from datetime import timedelta

from fastapi import APIRouter

from api.deps import Caller, Deps, DepsHere
from api.guard import GuardedRoute
from api.paging import EntityId
from api.schemas import Page
from api.schemas_incoming import NewToken, TokenIn, TokenOut
from storage.incoming import PushToken

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["push"])


@router.get("/tokens", summary="Push tokens, newest first")
def list_tokens(deps: DepsHere) -> Page[TokenOut]:
    return Page(items=[shown(deps, token) for token in deps.incoming.tokens.list()])


@router.post("/tokens", status_code=201, summary="Make a push token")
def make_token(body: TokenIn, deps: DepsHere, caller: Caller) -> NewToken:
    now = deps.now()
    expires_at = None if body.days is None else now + timedelta(days=body.days)
    made, secret = deps.incoming.tokens.create(body.name, devices=body.devices, by=caller.username, now=now, expires_at=expires_at)
    deps.audit.append(now, caller.username, "token.create", f"{made.id} {made.name}", made.scope)
    return NewToken(**dict(shown(deps, made)), secret=secret)


@router.post("/tokens/{token_id}/revoke", summary="Revoke a push token")
def revoke_token(token_id: EntityId, deps: DepsHere, caller: Caller) -> TokenOut:
    """It opens nothing from now on; that cannot be undone."""
    now = deps.now()
    revoked = deps.incoming.tokens.revoke(token_id, now)
    deps.audit.append(now, caller.username, "token.revoke", f"{revoked.id} {revoked.name}")
    return shown(deps, revoked)


def shown(deps: Deps, token: PushToken) -> TokenOut:
    return TokenOut(
        id=token.id,
        name=token.name,
        devices=None if token.devices is None else list(token.devices),
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
        usable=token.usable(deps.now()),
    )
