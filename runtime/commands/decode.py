"""`caretaker decode`: device messages as JSON Lines in, readings and events as JSON Lines out, by the code of the live path."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from devices.errors import BadInput
from devices.metrics import MetricKind, canonical_name, metric
from ingest.decoded import Decoded, Rejected
from ingest.decoders import DECODERS, FamilyMap
from ingest.decoders import decode as decode_message
from ingest.message import Message


class _Line(msgspec.Struct):
    payload: str
    topic: str | None = None
    payload_encoding: str = "utf8"
    family: str | None = None
    context: dict[str, Any] | None = None
    retained: bool = False


_LINE = msgspec.json.Decoder(_Line)
_OUTPUT = msgspec.json.Encoder()


def decode(
    file: Annotated[
        str,
        typer.Argument(
            help="JSON Lines, each {topic, payload, payload_encoding: utf8|hex, family?, context?}; - is standard input"
        ),
    ],
    family: Annotated[str | None, typer.Option(help="Family of lines that name none and whose topic tells none")] = None,
) -> None:
    """Prints what each message means, or why it is rejected: one line each.

    Example: echo '{"topic":"caretaker/v1/campus/m1/telemetry","payload":"{\\"readings\\":{\\"leak\\":1}}"}' | caretaker decode -
    """
    if family is not None and family not in DECODERS:
        raise typer.BadParameter(f"no family {family!r}; choose one of {', '.join(sorted(DECODERS))}", param_hint="--family")
    families = FamilyMap()
    with _opened(file) as lines:
        for line in lines:
            if line.strip():
                sys.stdout.buffer.write(_OUTPUT.encode(meaning(line, families, family)) + b"\n")
    sys.stdout.flush()


def meaning(line: bytes, families: FamilyMap, default_family: str | None = None) -> dict[str, Any]:
    """One line in, one object out."""
    try:
        told = _LINE.decode(line)
        payload = _payload(told)
    except (msgspec.DecodeError, UnicodeError, ValueError) as error:
        return {"rejected": f"not a line of the decoder's form: {error}"}
    message = Message(0, told.topic or "", payload, told.retained)
    family = told.family or families.family(message.topic) or default_family
    parts = [_describe(outcome) for outcome in decode_message(message, family, told.context or {})]
    return parts[0] if len(parts) == 1 else {"devices": parts}


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
        "device_id": outcome.device_id,
        "metrics": [
            _metric(name, value) | _time(sample.ts_ms if common is None else None)
            for sample in outcome.samples
            for name, value in sample.values.items()
        ],
        "events": [
            {"type": happening.type, **({"attributes": happening.attributes} if happening.attributes else {})}
            | _time(happening.ts_ms if common is None else None)
            for happening in outcome.happenings
        ],
    }
    if outcome.online is not None:
        described["metrics"].append(_metric("online", float(outcome.online)))
    if outcome.refused:
        described["refused"] = list(outcome.refused)
    return described | _time(common)


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
