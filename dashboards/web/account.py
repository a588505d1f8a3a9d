"""Signing in and out, language and theme, and where each role begins."""

from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from dashboards.web.text import LANGUAGES
from dashboards.web.visit import Visit, refusal

HOME_OF_ROLE = (
    ("admin", "/desk"),
    ("security", "/desk"),
    ("dispatcher", "/orders"),
    ("energy_manager", "/energy"),
    ("logistics_head", "/energy"),
    ("crew", "/jobs"),
    ("reporter", "/reports"),
)
_YEAR_S = 365 * 86400
_FIELDS_AT_MOST = 10


async def home(visit: Visit) -> Response:
    target = next((path for role, path in HOME_OF_ROLE if role in visit.roles), None)
    return RedirectResponse(target, status_code=303) if target else refusal(visit, 403)


async def sign_in(visit: Visit) -> Response:
    if visit.request.method == "GET":
        return await _form(visit)
    if not _same_origin(visit):
        return refusal(visit, 403)
    form = await _sent(visit)
    username, password = str(form.get("username", "")), str(form.get("password", ""))
    answer = await visit.api.sign_in(username, password)
    if answer.status_code != 200:
        return await _form(visit, wrong=answer.status_code, username=username)
    response = RedirectResponse(_inside(str(form.get("next", "/"))), status_code=303)
    _hand_on_cookies(answer.headers.get_list("set-cookie"), response)
    return response


async def _form(visit: Visit, *, wrong: int = 0, username: str = "") -> Response:
    demo_users = await visit.api.items("/auth/demo-users")
    return visit.render(
        "sign_in.html",
        status=wrong or 200,
        wrong=wrong,
        username=username,
        demo_users=demo_users,
        next=_inside(visit.query("next", "/")),
    )


async def sign_out(visit: Visit) -> Response:
    if not _same_origin(visit):
        return refusal(visit, 403)
    answer = await visit.api.sign_out(visit.me.get("csrf_token", ""))
    response = RedirectResponse("/sign-in", status_code=303)
    _hand_on_cookies(answer.headers.get_list("set-cookie"), response)
    return response


async def preferences(visit: Visit) -> Response:
    """Language and theme, kept in cookies; then back to where the reader was."""
    if not _same_origin(visit):
        return refusal(visit, 403)
    form = await _sent(visit)
    response = RedirectResponse(_inside(str(form.get("next", "/"))), status_code=303)
    lang, theme = str(form.get("lang", "")), str(form.get("theme", ""))
    if lang in LANGUAGES:
        response.set_cookie("lang", lang, max_age=_YEAR_S, samesite="lax", httponly=True)
    if theme in ("light", "dark", "system"):
        response.set_cookie("theme", theme, max_age=_YEAR_S, samesite="lax", httponly=True)
    return response


async def offline(visit: Visit) -> Response:
    return visit.render("offline.html")


async def _sent(visit: Visit) -> FormData:
    """The fields; nobody sends files here."""
    return await visit.request.form(max_files=0, max_fields=_FIELDS_AT_MOST)


def _inside(address: str) -> str:
    """An address within this site; anything that could lead elsewhere becomes the start page."""
    parts = _parts(address)
    elsewhere = parts is None or parts.scheme or parts.netloc or not address.startswith("/") or address.startswith(("//", "/\\"))
    return "/" if elsewhere else address


def _same_origin(visit: Visit) -> bool:
    """A browser tells where a form was; a program that tells nothing has no cookie that somebody else could use."""
    origin = visit.request.headers.get("origin")
    if origin is None:
        return True
    parts = _parts(origin)
    return parts is not None and parts.netloc == visit.request.headers.get("host")


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:  # brackets that hold no address
        return None


def _hand_on_cookies(cookies: list[str], response: Response) -> None:
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
