"""Where a run stands: what the live simulator needs to go on without a jump, as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devices.errors import BadInput
from simulators.labels import LabelledFault, from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorState:
    """`registers` count on unfrozen and unrounded, beyond their roll-over; `frozen` is what a stuck display shows meanwhile;
    `closed`: meters whose valve is closed or breaker off, and doors whose lock is released."""

    site_id: str
    seed: int
    at_ms: int
    registers: Mapping[str, float]
    frozen: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    faults: tuple[LabelledFault, ...] = ()
    closed: tuple[str, ...] = ()


def save_state(state: SimulatorState, path: Path) -> None:
    """Writes beside and renames, so that a reader never sees half a file."""
    document = {
        "site_id": state.site_id,
        "seed": state.seed,
        "at_ms": state.at_ms,
        "registers": dict(state.registers),
        "frozen": {device: dict(values) for device, values in state.frozen.items()},
        "faults": [to_json(fault) for fault in state.faults],
        "closed": list(state.closed),
    }
    beside = path.with_suffix(path.suffix + ".new")
    beside.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def load_state(path: Path) -> SimulatorState:
    """Raises BadInput where the file is missing or is not a state."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return SimulatorState(
            site_id=document["site_id"],
            seed=document["seed"],
            at_ms=document["at_ms"],
            registers=document["registers"],
            frozen=document["frozen"],
            faults=tuple(from_json(row) for row in document["faults"]),
            closed=tuple(document.get("closed", ())),
        )
    except OSError as error:
        remedy = "make one with `caretaker simulate --history DIR`"
        raise BadInput(f"cannot read the simulator's state: {error.strerror}; {remedy}", place=str(path)) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"not a simulator state ({error!r}); make a new one with `caretaker simulate --history`", place=str(path)
        ) from None
