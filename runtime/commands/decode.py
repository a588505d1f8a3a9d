"""`caretaker decode`: device messages as JSON Lines in, readings and events as JSON Lines out, by the code of the live path."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from devices.errors import BadInput
from devices.metrics import MetricKind, canonical_name, metric
from ingest.decoded import Decoded, Rejected, Told
from ingest.decoders import DECODERS, FamilyMap
from ingest.decoders import decode as decode_message
from ingest.message import Message
from runtime.commands import decode_check


class _Line(msgspec.Struct):
    payload: str
    topic: str | None = None
    payload_encoding: str = "utf8"
    family: str | None = None
    context: dict[str, Any] | None = None
    retained: bool = False
    device: str | None = None


_LINE = msgspec.json.Decoder(_Line)
_OUTPUT = msgspec.json.Encoder()


def decode(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON Lines, each {topic, payload, payload_encoding: utf8|hex, family?, context?, device?}; - is standard input"
        ),
    ],
    family: Annotated[str | None, typer.Option(help="Family of lines that name none and whose topic tells none")] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare with each line's `expected` and report per family")] = False,  # noqa: FBT002 - Typer's form of a flag
    as_json: Annotated[bool, typer.Option("--json", help="With --check: the report as JSON")] = False,  # noqa: FBT002
) -> None:
    """Prints what each message means, or why it is rejected: one line each.

    With --check: exit code 1 where a family misses its target.

    Example: echo '{"topic":"caretaker/v1/campus/m1/telemetry","payload":"{\\"readings\\":{\\"leak\\":1}}"}' | caretaker decode -
    """
    if family is not None and family not in DECODERS:
        raise typer.BadParameter(f"no family {family!r}; choose one of {', '.join(sorted(DECODERS))}", param_hint="--family")
    families = FamilyMap()
    with _opened(file) as lines:
        if check:
            told = decode_check.judge((line, meaning(line, families, family)) for line in lines if line.strip())
            decode_check.report(told, as_json=as_json)
            raise typer.Exit(0 if all(score.reached for score in told) else 1)
        for number, line in enumerate(lines, start=1):
            if line.strip():
                sys.stdout.buffer.write(_OUTPUT.encode(meaning(line, families, family, number=number)) + b"\n")
    sys.stdout.flush()


def meaning(line: bytes, families: FamilyMap, default_family: str | None = None, *, number: int | None = None) -> dict[str, Any]:
    """One line in, one object out."""
    try:
        told = _LINE.decode(line)
        payload = _payload(told)
    except (msgspec.DecodeError, UnicodeError, ValueError) as error:
        place = f"line {number}: " if number else ""
        return {"rejected": f"{place}not a line of the decoder's form: {error}"}
    message = Message(0, told.topic or "", payload, told.retained)
    family = told.family or families.family(message.topic) or default_family
    context = ({"device": told.device} if told.device else {}) | (told.context or {})
    return described(decode_message(message, family, context))


def described(outcomes: Sequence[Decoded | Rejected]) -> dict[str, Any]:
    """One object for all that a message says; where it speaks of several devices, each metric and event names its own."""
    if len(outcomes) == 1:
        return _describe(outcomes[0])
    refused = [f"{outcome.device_id or 'part'}: {outcome.reason}" for outcome in outcomes if isinstance(outcome, Rejected)]
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Decoded)]
    if not accepted:
        return {"rejected": "; ".join(refused) or "the message says nothing"}
    parts = [(outcome.device_id, _describe(outcome)) for outcome in accepted]
    devices = sorted({device_id for device_id, _ in parts})
    refused += [reason for _, part in parts for reason in part.get("refused", ())]
    whole: dict[str, Any] = {
        "device_id": devices[0] if len(devices) == 1 else None,
        "metrics": [_of_part(metric, name, part) for name, part in parts for metric in part["metrics"]],
        "events": [_of_part(event, name, part) for name, part in parts for event in part["events"]],
    }
    return whole | ({"refused": refused} if refused else {})


def _of_part(item: dict[str, Any], device_id: str, part: dict[str, Any]) -> dict[str, Any]:
    return {"device": device_id} | ({"ts": part["ts"]} if "ts" in part else {}) | item


def _payload(line: _Line) -> bytes:
    if line.payload_encoding == "hex":
        return bytes.fromhex(line.payload)
    if line.payload_encoding == "utf8":
        return line.payload.encode()
    raise ValueError(f"payload_encoding {line.payload_encoding!r} is neither utf8 nor hex")


def _describe(outcome: Decoded | Rejected) -> dict[str, Any]:
    if isinstance(outcome, Rejected):
        return {"rejected": outcome.reason}
    times = {sample.ts_ms for sample in outcome.samples} | {happening.ts_ms for happening in outcome.happenings}
    common = times.pop() if len(times) == 1 else None
    described: dict[str, Any] = {
        "device_id": outcome.device_id or None,
        "metrics": [
            shown | _time(sample.ts_ms if common is None else None)
            for sample in outcome.samples
            for name, value in sample.values.items()
            for shown in _shown(name, value, (sample.told or {}).get(name))
        ],
        "events": [
            dict(happening.attributes) | {"type": happening.type} | _time(happening.ts_ms if common is None else None)
            for happening in outcome.happenings
        ],
    }
    described["metrics"] += [
        {"name": event["name"], "value": event["text"], "unit": None, "stored_as": "event"}
        | ({"ts": event["ts"]} if "ts" in event else {})
        for event in described["events"]
        if event["type"] == "report.text"
    ]
    if outcome.online is not None:
        described["metrics"].append(_metric("online", float(outcome.online)))
        if not outcome.happenings:
            described["events"].append({"type": "device.online" if outcome.online else "device.offline"})
    if outcome.refused:
        described["refused"] = list(outcome.refused)
    return described | _time(common)


def _shown(name: str, value: float, told: Told | None) -> Iterator[dict[str, Any]]:
    """Ours; and the device's own name, where its format has one that a reader will look for, with what it is stored as."""
    stored = canonical_name(name)
    if told is None or not stored.startswith("x."):
        yield _metric(name, value)
    if told is not None:
        yield {"name": told.name, "value": value if told.value is None else told.value, "unit": told.unit, "stored_as": stored}


def _metric(name: str, value: float) -> dict[str, Any]:
    known = metric(canonical_name(name))
    if known.kind is MetricKind.STATE and value in (0, 1):
        return {"name": known.name, "value": bool(value), "unit": "bool"}
    return {"name": known.name, "value": value, "unit": known.unit}


def _time(ts_ms: int | None) -> dict[str, str]:
    if ts_ms is None:
        return {}
    try:
        moment = datetime.fromtimestamp(ts_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return {"ts": f"{ts_ms} ms"}
    return {"ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


@contextmanager
def _opened(file: str) -> Iterator[Iterable[bytes]]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise BadInput(
            f"cannot read it: {error.strerror}; give a file of JSON Lines, or - for standard input", place=file
        ) from None
