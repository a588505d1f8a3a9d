"""A push by HTTP: whose token, which items, what is new. Durable in ingest's mailbox before the caller is told so."""

from collections.abc import Sequence

from fastapi import Request

from api.auth import address_of
from api.deps import Deps
from api.errors import Refused
from api.incoming import PUSHES_A_MINUTE, REFUSED_A_MINUTE
from api.schemas_incoming import Pushed, Refusal
from api.times import to_ms
from devices.model import FAST_LANE_KINDS
from devices.registry import Registry
from ingest.push import Item, Key, as_native, foreign_items, native_items
from storage.incoming import PushToken
from storage.token_store import PREFIX

TOKEN_HEADER = "X-Caretaker-Token"  # noqa: S105 - the name of a header
_REJECTIONS_TOLD = 100


def token_of(request: Request, deps: Deps, in_path: str | None = None) -> PushToken:
    """By bearer, header or path. Raises Refused 401 for one that is missing, wrong, expired or revoked, 429 above the rate."""
    now = deps.now()
    secret = in_path or request.headers.get(TOKEN_HEADER) or _bearer(request)
    found = deps.incoming.tokens.use(secret, now) if secret.startswith(PREFIX) else None
    if found is None:
        wait_s = deps.incoming.limiter.retry_after(f"refused {address_of(request)}", REFUSED_A_MINUTE, now)
        _check_rate(wait_s)
        raise Refused(
            401, f"send a push token: Authorization: Bearer {PREFIX}..., or {TOKEN_HEADER}", {"WWW-Authenticate": "Bearer"}
        )
    _check_rate(deps.incoming.limiter.retry_after(f"token {found.id}", PUSHES_A_MINUTE, now))
    return found


def take_native(deps: Deps, registry: Registry, token: PushToken, body: bytes, device_id: str | None = None) -> Pushed:
    """Raises Refused 422 where nothing at all could be used, DependencyFailed where it could not be made durable."""
    received_ms = to_ms(deps.now())
    items = native_items(body, site=deps.site.id, received_ms=received_ms, device_id=device_id)
    return _take(deps, registry, [_in_scope(item, token) for item in items])


def take_foreign(deps: Deps, registry: Registry, token: PushToken, family: str, topic: str, body: bytes) -> Pushed:
    """As `take_native`. What is kept is the body as sent, which speaks of all its devices: the token must cover each."""
    items = foreign_items(family, body, topic=topic, received_ms=to_ms(deps.now()))
    outside = next((item for item in items if item.device_id is not None and not token.covers(item.device_id)), None)
    if outside is not None:
        raise Refused(403, f"the token does not cover the device {outside.device_id!r} of this message")
    return _take(deps, registry, items)


def _take(deps: Deps, registry: Registry, items: Sequence[Item]) -> Pushed:
    known = _known(deps, [key for item in items for key in item.keys])
    fresh = [item for item in items if item.message is not None and (item.happenings or not known.issuperset(item.keys))]
    messages = list(dict.fromkeys(item.message for item in fresh if item.message is not None))
    rejections = [Refusal(item=item.number, device_id=item.device_id, reason=reason) for item in items for reason in item.reasons]
    if not messages and not known:
        raise Refused(422, "; ".join(refusal.reason for refusal in rejections[:3]) or "nothing in it can be used")
    deps.incoming.mailbox.put(messages)
    deps.incoming.recent.add([key for item in fresh for key in item.keys])
    _announce(deps, registry, fresh)
    readings = [key for item in items for key in item.keys]
    duplicate = len(readings) - len({key for key in readings if key not in known})
    happenings = sum(item.happenings for item in fresh)
    return Pushed(
        accepted=len(readings) - duplicate + happenings,
        duplicate=duplicate,
        rejected=len(rejections),
        rejections=rejections[:_REJECTIONS_TOLD],
    )


def _known(deps: Deps, keys: Sequence[Key]) -> set[Key]:
    """Those that are there already with the same value: in the store, or accepted a moment ago."""
    found = {key for key in keys if deps.incoming.recent.knows(key)}
    series: dict[tuple[str, str], list[Key]] = {}
    for key in keys:
        if key not in found:
            series.setdefault((key.device_id, key.metric), []).append(key)
    for (device_id, metric), wanted in series.items():
        times = [key.ts_ms for key in wanted]
        stored = deps.readings.range(device_id, metric, min(times), max(times) + 1, limit=20 * len(wanted) + 100)
        values = {reading.ts_ms: reading.value for reading in stored}
        found |= {key for key in wanted if values.get(key.ts_ms) == key.value}
    return found


def _announce(deps: Deps, registry: Registry, items: Sequence[Item]) -> None:
    """Fire and doors do not wait for ingest: the alarm lane hears them by MQTT as if they had come that way."""
    for item in items:
        device = registry.devices.get(item.device_id or "")
        if device is not None and device.kind in FAST_LANE_KINDS:
            for topic, payload in as_native(item, deps.site.id):
                deps.incoming.announce(topic, payload)


def _in_scope(item: Item, token: PushToken) -> Item:
    if item.device_id is None or token.covers(item.device_id):
        return item
    return Item(item.number, item.device_id, None, reasons=(f"the token does not cover the device {item.device_id!r}",))


def _bearer(request: Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _check_rate(wait_s: int | None) -> None:
    if wait_s is not None:
        raise Refused(429, f"too many calls; try again in {wait_s} s", {"Retry-After": str(wait_s)})
