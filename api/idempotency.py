"""`Idempotency-Key` on creating requests: the same key with the same body gives the first answer again."""

import hashlib
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel

from api.deps import Deps
from devices.errors import BadInput, Conflict
from storage.idempotency_store import KeptAnswer, RequestKey

Answer = TypeVar("Answer", bound=BaseModel)

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200, description="any text unique to this request")]


def request_key(key: str | None, *, who: str, route: str, body: BaseModel) -> RequestKey | None:
    """None where the caller sent no key."""
    if key is None:
        return None
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    return RequestKey(username=who, route=route, key=key, request_sha256=digest)


def once(deps: Deps, request: RequestKey | None, create: Callable[[], Answer], answer: type[Answer]) -> Answer:
    """`create()`, or the stored answer of the request that came first. Raises BadInput where the key stands for another body."""
    if request is None:
        return create()
    kept = deps.idempotency.reserve(request, deps.now())
    if kept is not None:
        return _again(request, kept, answer)
    try:
        made = create()
    except BaseException:
        deps.idempotency.release(request)
        raise
    deps.idempotency.finish(request, status=201, body=made.model_dump_json())
    return made


def _again(request: RequestKey, kept: KeptAnswer, answer: type[Answer]) -> Answer:
    if kept.request_sha256 != request.request_sha256:
        raise BadInput("this key was used for a different request; choose a new one", place="Idempotency-Key")
    if kept.body is None:
        raise Conflict("the first request with this key is still being worked on; try again in a second")
    return answer.model_validate_json(kept.body)
