"""Fire panels and hydrants: frames made by the specification, and what is wrong with damaged ones."""

import pytest

from ingest.decoded import Decoded, Happening, Rejected
from ingest.families import crc16, gb26875, gst9000, meokon
from ingest.message import Message

CLOCK = bytes([4, 0, 9, 2, 7, 21])  # 2021-07-02 09:00:04 in China
CLOCK_MS = 1_625_187_604_000
SOURCE, NOBODY = bytes.fromhex("060504030201"), bytes(6)


def frame(data: bytes, *, command: int = 2, source: bytes = SOURCE, target: bytes = NOBODY) -> bytes:
    body = b"\x01\x00\x01\x01" + CLOCK + source + target + len(data).to_bytes(2, "little") + bytes([command]) + data
    return b"\x40\x40" + body + bytes([sum(body) % 256]) + b"\x23\x23"


def parts(payload: bytes) -> list[Decoded | Rejected]:
    outcome = gb26875.decode(Message(0, "fire/1", payload), {})
    return [outcome] if isinstance(outcome, Decoded | Rejected) else list(outcome)


def only(payload: bytes) -> Decoded:
    (part,) = parts(payload)
    assert isinstance(part, Decoded), part
    return part


def component(state: int, text: str = "Ａ区１层走廊") -> bytes:
    return (
        bytes([1, 3, 40])
        + bytes.fromhex("d9000600")
        + state.to_bytes(2, "little")
        + text.encode("gb18030").ljust(31, b"\0")
        + CLOCK
    )


@pytest.mark.parametrize(
    ("bit", "kind"),
    [
        (0, "component.normal"),
        (1, "alarm.fire"),
        (2, "fault.fire_component"),
        (3, "component.shielded"),
        (4, "alarm.supervision"),
        (5, "component.started"),
        (6, "component.feedback"),
        (7, "component.delayed"),
        (8, "fault.power"),
    ],
)
def test_states_of_a_component(bit: int, kind: str) -> None:
    part = only(frame(b"\x02\x01" + component(1 << bit)))
    assert part.device_id == "010203040506"
    (told,) = part.happenings
    assert (told.type, told.ts_ms) == (kind, CLOCK_MS)
    assert told.attributes["location"] == "Ａ区１层走廊"
    assert told.attributes["component_addr"] == "0x000600d9"


def test_several_states_at_once_and_several_objects() -> None:
    part = only(frame(b"\x02\x02" + component(0b110) + component(2)))
    assert [told.type for told in part.happenings] == ["alarm.fire", "fault.fire_component", "alarm.fire"]


@pytest.mark.parametrize(
    ("kind", "raw", "metric", "value"),
    [
        (3, -52, "env.temperature", -5.2),
        (2, 150, "level.height", 1.5),
        (4, 5, "water.pressure", 500),
        (5, 5, "water.pressure", 0.5),
        (8, 2200, "elec.voltage", 220),
        (10, 10, "water.flow", 3.6),
        (77, 5, "x.analogue.type77", 5),
    ],
)
def test_analogue_values_belong_to_their_component(kind: int, raw: int, metric: str, value: float) -> None:
    item = bytes([1, 2, 40]) + bytes.fromhex("01020304") + bytes([kind]) + raw.to_bytes(2, "little", signed=True) + CLOCK
    part = only(frame(b"\x03\x01" + item))
    assert part.device_id == "010203040506-1-2-04030201"
    assert part.samples[0].ts_ms == CLOCK_MS
    assert part.samples[0].values == pytest.approx({metric: value})


@pytest.mark.parametrize(
    ("unit", "kinds"),
    [
        (b"\x01\x01\x01\x02\x04\x02" + CLOCK, ["fault.fire_system", "fault.backup_power"]),
        (b"\x15\x01\x08" + CLOCK, ["fault.main_power"]),
        (b"\x15\x01\x01" + CLOCK, ["device.normal"]),
        (b"\x04\x01\x01\x02\x03\xfa" + CLOCK, ["operation"]),
        (b"\x18\x01\x31\xfa" + CLOCK, ["operation"]),
        (b"\x05\x01\x01\x02\x03\x04", ["device.info"]),
        (b"\x06\x01\x01\x02\x04" + "配置".encode("gb18030"), ["device.info"]),
        (b"\x07\x01" + component(0)[:7] + b"\0" * 31, ["device.info"]),
        (b"\x08\x01\x01\x02" + CLOCK, ["device.info"]),
        (b"\x19\x01\x03\x04", ["device.info"]),
        (b"\x1a\x01\x02ab", ["device.info"]),
        (b"\x1c\x01" + CLOCK, ["device.info"]),
        (b"\xf0\x01\x00", ["raw.frame"]),
    ],
)
def test_every_type_of_data_unit(unit: bytes, kinds: list[str]) -> None:
    assert [told.type for told in only(frame(unit)).happenings] == kinds


def test_the_data_unit_alone() -> None:
    context = {"layer": "application data unit only"}
    (part,) = gb26875.decode(Message(0, "", b"\x05\x01\x01\x02\x03\x04"), context)  # type: ignore[misc]
    assert part.happenings[0].attributes["version"] == "3.4"


def test_commands_and_their_answers() -> None:
    assert only(frame(b"\x59\x01\x00", command=4)).happenings[0].attributes == {"action": "request", "app_type": "0x59"}
    assert [told.type for told in only(frame(b"", command=3)).happenings] == ["command", "command.ack"]
    assert [told.type for told in only(frame(b"", command=6)).happenings] == ["command", "command.failed"]


def test_a_frame_without_source_is_known_by_its_target() -> None:
    assert only(frame(b"\x15\x01\x02" + CLOCK, source=NOBODY, target=SOURCE)).device_id == "010203040506"


def test_glued_frames_noise_and_hexadecimal_text() -> None:
    whole = frame(b"\x15\x01\x08" + CLOCK)
    assert len(parts(b"\x00\x99" + whole + b"\x01" + whole)) == 2
    assert only(whole.hex().encode()).device_id == "010203040506"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (frame(b"\x15\x01\x08" + CLOCK)[:-3] + b"\x00\x23\x23", "checksum is 00"),
        (frame(b"\x15\x01\x08" + CLOCK)[:-1] + b"\x13", "instead of 2323"),
        (frame(b"\x15\x01\x08" + CLOCK)[:-9], "breaks off"),
        (frame(b"\x02\x05" + component(2)), "5 objects of 46 bytes are announced"),
        (frame(b"\x1a\x01\x09ab"), "breaks off"),
        (b"\x40", "no frame"),
        (b"\x40\x40\x01", "breaks off"),
    ],
)
def test_damage_is_named(payload: bytes, reason: str) -> None:
    (part,) = parts(payload)
    assert isinstance(part, Rejected)
    assert reason in part.reason


def test_a_month_13_tells_no_moment() -> None:
    assert only(frame(b"\x15\x01\x08" + bytes([0, 0, 0, 1, 13, 21]))).happenings[0].ts_ms is None


PRINTED = "\x1b608/12/02  17:21\n  006-007\n\x1b9{}\n中烟六层计划部\n感烟探测器\n\n"


@pytest.mark.parametrize(("line", "first"), [("首次火警", True), ("火警后续", False)])
def test_a_printed_fire_alarm(line: str, first: bool) -> None:
    outcome = gst9000.decode(Message(0, "panel", PRINTED.format(line).encode("gb2312")), {})
    assert isinstance(outcome, Decoded)
    expected = {"text": line, "first": first, "loop": 6, "component": 7, "detector": "感烟探测器", "location": "中烟六层计划部"}
    assert outcome.happenings == [Happening("alarm.fire", 1_228_209_660_000, expected)]


def test_several_printed_records_in_one_message() -> None:
    reset = "\x1b608/12/02  17:25\n  \n\x1b9系统复位\n\n"
    outcome = gst9000.decode(Message(0, "panel", (PRINTED.format("故障") + reset).encode("gb2312")), {})
    assert isinstance(outcome, Decoded)
    assert [told.type for told in outcome.happenings] == ["fault.component", "system.reset"]
    assert isinstance(gst9000.decode(Message(0, "panel", b"paper out"), {}), Rejected)


def hydrant(body: str, *, kind: int = 1, alarms: int = 0, count: int = 2, order: str = "big") -> bytes:
    data = bytes.fromhex("3ccb") + (60).to_bytes(2, "big") + count.to_bytes(2, "big") + bytes([kind, alarms]) + bytes.fromhex(body)
    head = b"\xa5\x5a\x00" + (5 + 12 + len(data) + 4).to_bytes(2, "big") + b"SHMK21060001" + data
    return head + crc16.modbus(head).to_bytes(2, "little" if order == "little" else "big") + b"\x55\xaa"


BODY = "0064" + "01f4" + "021a" + "5d1966b6" + "0219" + "fff6"


@pytest.mark.parametrize("order", ["big", "little"])
def test_a_hydrant_with_its_buffered_records(order: str) -> None:
    (part,) = meokon.decode(Message(0, "GIOT-GW/UL/x", hydrant(BODY, alarms=3, order=order).hex().encode()), {})  # type: ignore[misc]
    assert part.device_id == "SHMK21060001"
    now, first, last = part.samples
    assert now.values == {"water.pressure": 538, "battery.level": 100, "link.rssi": -53, "x.power.external": 0}
    assert (first.ts_ms, first.values) == (1_561_945_722_000, {"water.pressure": 537})
    assert (last.ts_ms, last.values) == (1_561_945_782_000, {"water.pressure": -10})
    assert [told.type for told in part.happenings] == ["alarm.pressure_low", "alarm.pressure_high"]
    assert part.happenings[0].attributes == {"low": 100, "high": 500, "unit": "kPa"}


@pytest.mark.parametrize(("kind", "kpa"), [(0, 53.8), (1, 538), (2, 538)])
def test_units_of_pressure(kind: int, kpa: float) -> None:
    (part,) = meokon.decode(Message(0, "", hydrant(BODY, kind=kind)), {})  # type: ignore[misc]
    assert part.samples[0].values["water.pressure"] == pytest.approx(kpa)


def test_a_hydrant_that_lets_water_out() -> None:
    (part,) = meokon.decode(Message(0, "", hydrant(BODY, kind=34, alarms=0x80)), {})  # type: ignore[misc]
    assert [told.type for told in part.happenings] == ["alarm.water_discharge"]


def test_a_hydrant_whose_clock_was_never_set_has_no_history() -> None:
    (part,) = meokon.decode(Message(0, "", hydrant("0064" + "01f4" + "021a" + "00000005" + "0219" + "0219")), {})  # type: ignore[misc]
    assert len(part.samples) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (hydrant(BODY)[:-5] + b"\0\0\0\x55\xaa", "CRC is"),
        (hydrant(BODY)[:-7], "breaks off"),
        (b"zz", "no frame"),
        (hydrant(BODY)[:-1] + b"\0", "instead of 55aa"),
    ],
)
def test_a_damaged_hydrant_frame(payload: bytes, reason: str) -> None:
    outcome = meokon.decode(Message(0, "GIOT-GW/UL/SHMK21060001", payload), {})
    part = outcome if isinstance(outcome, Rejected) else outcome[0]  # type: ignore[index]
    assert isinstance(part, Rejected)
    assert reason in part.reason
