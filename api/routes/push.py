"""Readings pushed by programs and clouds over HTTP, with a push token instead of a person's session."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from api.deps import Deps, DepsHere, registry_of
from api.guard import GuardedRoute
from api.push import take_foreign, take_native, token_of
from api.schemas_incoming import Pushed

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["push"])

Topic = Annotated[
    str, Query(max_length=500, description="the MQTT topic it would have had, or the device id, where the body does not tell")
]
Family = Annotated[str, Path(max_length=60, description="as in `caretaker decode`: chirpstack.v4, tts.v3, cloud.cn, ...")]
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post("/push", summary="Push readings and events", openapi_extra=_BODY)
async def push(request: Request, deps: DepsHere) -> Pushed:
    """`{"device": "wm-1", "ts": "2026-11-21T08:00:00+08:00", "readings": {"water.volume": 12.5}}`, a list of such, or
    `{"items": [...]}`; events as `{"device", "ts", "event", "attributes"}`. Durable once answered; repeating it does no harm."""
    return await _native(request, deps, None)


@router.post("/push/devices/{device_id}", summary="Push readings of one device", openapi_extra=_BODY)
async def push_device(request: Request, deps: DepsHere, device_id: str) -> Pushed:
    """As above; items need not name the device."""
    return await _native(request, deps, device_id)


@router.post("/push/{family}", summary="Push another maker's payload", openapi_extra=_BODY)
async def push_family(request: Request, deps: DepsHere, family: Family, topic: Topic = "") -> Pushed:
    """The raw body of a webhook: network servers (ChirpStack, The Things Stack), door controllers, Chinese clouds, any family."""
    return await _foreign(request, deps, family, topic, None)


@router.post("/push/by-token/{token}/{family}", summary="Push with the token in the address", openapi_extra=_BODY)
async def push_by_token(request: Request, deps: DepsHere, token: str, family: Family, topic: Topic = "") -> Pushed:
    """For devices that can send no header. Addresses end up in logs: give such a token few devices and a short life."""
    return await _foreign(request, deps, family, topic, token)


async def _native(request: Request, deps: Deps, device_id: str | None) -> Pushed:
    token = await run_in_threadpool(token_of, request, deps)
    body = await request.body()
    return await run_in_threadpool(lambda: take_native(deps, registry_of(request), token, body, device_id))


async def _foreign(request: Request, deps: Deps, family: str, topic: str, in_path: str | None) -> Pushed:
    token = await run_in_threadpool(token_of, request, deps, in_path)
    body = await request.body()
    if family == "native":
        return await run_in_threadpool(lambda: take_native(deps, registry_of(request), token, body, topic or None))
    return await run_in_threadpool(lambda: take_foreign(deps, registry_of(request), token, family, topic, body))
