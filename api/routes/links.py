"""How devices, gateways and topics are read: the family of their messages, and what their bytes cannot say. Secrets go in only."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api import schemas
from api import schemas_registry as shapes
from api.deps import Caller, DepsHere
from api.filters import PageOf
from api.guard import GuardedRoute
from api.paging import page_of
from devices.errors import BadInput, NotFound
from devices.link import SECRET_KEYS, DeviceLink, LinkScope, ShownLink
from ingest.decoders import DECODERS

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["links"])

_AES_KEY = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64}")


class Wanted(PageOf):
    scope: LinkScope | None = None
    key: str | None = Field(default=None, max_length=500)


@router.get("/links", summary="How devices, gateways and topics are read")
def list_links(deps: DepsHere, query: Annotated[Wanted, Query()]) -> schemas.Page[shapes.LinkOut]:
    """Keys and passwords are never shown again; `secrets` names those that are kept."""
    found = [link for link in deps.links.list() if query.scope in (None, link.scope) and query.key in (None, link.key)]
    page, following = page_of(found, lambda link: f"{link.scope}/{link.key}", query.limit, query.cursor)
    return schemas.Page(items=[_shown(link) for link in page], next=following)


@router.get("/families", summary="Families of messages that a link may name")
def families() -> schemas.Page[str]:
    return schemas.Page(items=sorted(DECODERS))


@router.put("/links", summary="Tell how one is read")
def save_link(body: shapes.LinkIn, deps: DepsHere, caller: Caller) -> shapes.LinkOut:
    """Replaces family and context. Secrets that are not named stay; null forgets one. It counts from the next message on."""
    _check(body)
    deps.links.save(DeviceLink(scope=body.scope, key=body.key, family=body.family, context=body.context, secret=body.secret))
    told = f"family={body.family or 'as the topic says'}; context: {', '.join(sorted(body.context)) or 'nothing'}"
    secrets = f"; secrets: {', '.join(sorted(body.secret))}" if body.secret else ""
    deps.audit.append(deps.now(), caller.username, "link.save", f"{body.scope} {body.key}", told + secrets)
    return _shown(next(link for link in deps.links.list() if (link.scope, link.key) == (body.scope, body.key)))


@router.post("/links/remove", status_code=204, summary="Forget how one is read")
def remove_link(body: shapes.LinkKey, deps: DepsHere, caller: Caller) -> None:
    """With its secrets."""
    if not deps.links.remove(body.scope, body.key):
        raise NotFound(f"nothing is told about the {body.scope} {body.key!r}")
    deps.audit.append(deps.now(), caller.username, "link.remove", f"{body.scope} {body.key}")


def _check(body: shapes.LinkIn) -> None:
    if body.family and body.family not in DECODERS:
        raise BadInput(f"no family {body.family!r}; known: {', '.join(sorted(DECODERS))}", place="family")
    open_secrets = SECRET_KEYS & body.context.keys()
    if open_secrets:
        raise BadInput(f"{', '.join(sorted(open_secrets))} belong into `secret`, where nobody can read them", place="context")
    unknown = body.secret.keys() - SECRET_KEYS
    if unknown:
        raise BadInput(f"no secret {', '.join(sorted(unknown))}; known: {', '.join(sorted(SECRET_KEYS))}", place="secret")
    key = body.secret.get("aes_key")
    if key is not None and not _AES_KEY.fullmatch(key):
        raise BadInput("an AES key is 32 (or 64) hexadecimal digits", place="secret.aes_key")


def _shown(link: ShownLink) -> shapes.LinkOut:
    return shapes.LinkOut(
        scope=link.scope, key=link.key, family=link.family, context=dict(link.context), secrets=sorted(link.secrets)
    )
