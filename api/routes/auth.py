"""Sign-in and sign-out, and who I am."""

from fastapi import APIRouter, Request, Response

from api import auth, schemas
from api.deps import Caller, DepsHere, KeptHere
from api.guard import GuardedRoute

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["sign-in"])


@router.post("/auth/token", summary="Sign in")
def sign_in(body: schemas.SignIn, request: Request, response: Response, deps: DepsHere, kept: KeptHere) -> schemas.Token:
    """A bearer token for 12 h; with `cookie` true also a session cookie for browsers. At most 5 attempts a minute."""
    address = auth.address_of(request)
    session = auth.sign_in(deps, kept, username=body.username, password=body.password, address=address)
    lifetime_s = int(auth.SESSION_TTL.total_seconds())
    if body.cookie:
        response.set_cookie(
            auth.COOKIE,
            session.token,
            max_age=lifetime_s,
            path="/",
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
    return schemas.Token(access_token=session.token, expires_in=lifetime_s, csrf_token=auth.csrf_token(session.token))


@router.post("/auth/logout", status_code=204, summary="Sign out")
def sign_out(request: Request, response: Response, deps: DepsHere) -> None:
    """The token stops working at once, in all windows."""
    auth.sign_out(deps, request.state.session)
    response.delete_cookie(auth.COOKIE, path="/", httponly=True, samesite="lax")


@router.get("/auth/demo-users", summary="Users of the demo")
def demo_users(deps: DepsHere) -> schemas.Page[schemas.DemoUserOut]:
    """Users to try the demo with, passwords included; empty everywhere else."""
    items = [
        schemas.DemoUserOut(username=user.username, password=user.password, display_name=user.display_name, roles=list(user.roles))
        for user in deps.demo_users
    ]
    return schemas.Page(items=items)


@router.get("/me", summary="Who I am")
def me(request: Request, caller: Caller) -> schemas.Me:
    return schemas.Me(
        username=caller.username,
        display_name=caller.display_name,
        roles=sorted(caller.roles),
        trades=sorted(caller.trades),
        buildings=None if caller.buildings is None else sorted(caller.buildings),
        language=caller.language,
        csrf_token=auth.csrf_token(request.state.session.token),
    )


@router.get("/site", summary="This site")
def site(deps: DepsHere) -> schemas.SiteOut:
    found = deps.site
    return schemas.SiteOut(id=found.id, name=found.name, name_zh=found.name_zh, timezone=found.timezone, currency=found.currency)
