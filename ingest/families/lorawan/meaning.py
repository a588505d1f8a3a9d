"""From an uplink's payload, or what a network server decoded of it, to readings and events."""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.decoded import Decoded, Happening, Sample
from ingest.families.lorawan import codecs, javascript, objects
from ingest.families.lorawan.uplink import Meaning, Uplink


def read(uplink: Uplink, context: Mapping[str, Any]) -> Meaning:
    """By the device's own JavaScript codec where the settings give one, else by ours. Raises `Unusable`."""
    source = context.get("codec")
    if isinstance(source, str) and source:
        return objects.understand(javascript.run(source, uplink), uplink.kind)
    return codecs.decode(uplink)


def decoded(
    meaning: Meaning,
    device_id: str,
    *,
    ts_ms: int | None = None,
    link: Mapping[str, float] | None = None,
    happenings: Sequence[Happening] = (),
    refused: Sequence[str] = (),
) -> Decoded:
    """`ts_ms`: the network's time, for what the device did not date; `link`: the radio's values of that moment."""
    samples = list(meaning.samples())
    if ts_ms is not None:
        samples = [sample if sample.ts_ms is not None else Sample(ts_ms, sample.values) for sample in samples]
    if link:
        samples = _with_link(samples, link, ts_ms)
    events = [
        Happening(event.type, event.ts_ms if event.ts_ms is not None else ts_ms, event.attributes) for event in meaning.happenings
    ]
    return Decoded(device_id, samples, [*events, *happenings], refused=[*meaning.refused, *refused])


def _with_link(samples: list[Sample], link: Mapping[str, float], ts_ms: int | None) -> list[Sample]:
    if samples and samples[0].ts_ms == ts_ms:
        return [Sample(ts_ms, {**samples[0].values, **link}), *samples[1:]]
    return [*samples, Sample(ts_ms, link)]
