"""Which codec reads an uplink: by the device's make and model where known, else the first whose layout fits exactly."""

from collections.abc import Callable

from ingest.families.lorawan import (
    arwin,
    axioma,
    browan,
    dragino,
    elsys,
    elv,
    emu,
    kamstrup,
    keller,
    klax,
    mclimate,
    milesight,
    netvox,
    small,
    watteco,
    yobiiq,
)
from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink

Codec = Callable[[Uplink], Meaning | None]
"""None: not this maker's layout. Raises `Unusable` where the payload must be its own and is damaged."""

_CODECS: tuple[tuple[tuple[str, ...], Codec], ...] = (
    (("milesight",), milesight.decode),
    (("netvox",), netvox.decode),
    (("watteco", "nke "), watteco.decode),
    (("yobiiq",), yobiiq.decode),
    (("browan", "tabs"), browan.decode),
    (("axioma", "qalcosonic"), axioma.decode),
    (("klax",), klax.decode),
    (("emu ",), emu.decode),
    (("kamstrup", "flowiq", "multical"), kamstrup.decode),
    (("keller",), keller.decode),
    (("elv",), elv.elv),
    (("dnt",), elv.dnt),
    (("dragino",), dragino.decode),
    (("arwin",), arwin.decode),
    (("aquascope",), small.aquascope),
    (("mclimate",), mclimate.decode),
    (("talkpool",), small.talkpool),
    (("mclimate",), mclimate.flood),
    (("elsys",), elsys.decode),
)
"""Words of the model and codec, the stricter layouts first."""


def knows(uplink: Uplink) -> bool:
    """Whether the model names a maker whose codec is here."""
    return any(uplink.is_model(*words) for words, _ in _CODECS)


def decode(uplink: Uplink) -> Meaning:
    """Raises `Unusable` with a reason."""
    if not uplink.payload:
        raise Unusable("the uplink carries no payload")
    named = [codec for words, codec in _CODECS if uplink.is_model(*words)]
    for codec in named or [codec for _, codec in _CODECS]:
        meaning = _tried(codec, uplink, is_named=bool(named))
        if meaning is not None:
            return meaning
    where = f"FPort {uplink.port}, {len(uplink.payload)} bytes"
    if named:
        raise Unusable(f"{uplink.model}: no known layout of this maker ({where})")
    raise Unusable(f"no codec reads this uplink ({where}); give the device's model or a codec")


def _tried(codec: Codec, uplink: Uplink, *, is_named: bool) -> Meaning | None:
    """A guess that fails says nothing about the payload; a known maker's codec does. Port 85 and 125 name their maker."""
    try:
        return codec(uplink)
    except Unusable:
        if is_named or uplink.port in (85, 125):
            raise
        return None
    except (IndexError, ValueError) as error:
        if is_named:
            raise Unusable(f"the payload is cut off or damaged: {error}") from None
        return None
