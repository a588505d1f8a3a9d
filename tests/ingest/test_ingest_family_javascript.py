"""Makers' codecs in JavaScript: run under limits, refused with a reason, nothing left behind."""

import subprocess
import sys
import threading

import pytest

from ingest.decoded import Decoded, Rejected
from ingest.decoders import decode
from ingest.families.lorawan.javascript import run
from ingest.families.lorawan.uplink import Unusable, Uplink
from ingest.message import Message

_CODEC = "function decodeUplink(i) { return {data: {temperature: i.bytes[0] / 2, leak: i.bytes[1] === 1, port: i.fPort}}; }"


def test_a_codec_decodes_and_its_fields_are_mapped() -> None:
    (outcome,) = decode(
        Message(0, "", bytes([43, 1])), "lorawan.leak", {"fport": 9, "codec": _CODEC, "dev_eui": "0011223344556677"}
    )
    assert isinstance(outcome, Decoded)
    assert outcome.samples[0].values == {"env.temperature": 21.5, "leak": 1, "x.port": 9}
    assert [happening.type for happening in outcome.happenings] == ["alarm.leak"]


def test_the_older_forms_of_codec_are_called() -> None:
    assert run("function Decode(fPort, bytes) { return {port: fPort, first: bytes[0]}; }", Uplink(b"\x07", 3)) == {
        "port": 3,
        "first": 7,
    }
    assert run("function Decoder(bytes, port) { return {port: port}; }", Uplink(b"\x07", 3)) == {"port": 3}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("function decodeUplink(input) { while (true) {} }", "ran longer"),
        ("while (true) {}", "ran longer"),
        ("var kept = []; function decodeUplink(input) { while (true) { kept.push(new Array(1000000).fill(7)); } }", "MB"),
        ("function decodeUplink(input) { throw new Error('broken'); }", "broken"),
        ("function decodeUplink(input) { return {errors: ['unknown FPort']}; }", "unknown FPort"),
        ("function decodeUplink(input) { return 5; }", "no object"),
        ("function decodeUplink(input) {}", "no object"),
        ("function decodeUplink(i) { return new WebAssembly.Memory({initial: 30000}); }", "WebAssembly"),
        ("function decodeUplink(i) { Atomics.wait(new Int32Array(new SharedArrayBuffer(16)), 0, 0, 10000); }", "not defined"),
        ("function decodeUplink(i) { /(a+)+$/.test('a'.repeat(40) + 'b'); }", "ran longer"),
        ("function decodeUplink(i) { return {data: {toJSON() { while (true) {} }}}; }", "ran longer"),
        ("function f() { return f(); } function decodeUplink(i) { return f(); }", "call stack"),
        (
            "function decodeUplink(i) { var o = {}, p = o; for (var k = 0; k < 20000; k++) p = p.a = {}; return {data: o}; }",
            "too deep",
        ),
        ("JSON.stringify = () => '['.repeat(90000); function decodeUplink(i) { return {}; }", "too deep"),
        ("JSON.stringify = () => 'no'; function decodeUplink(i) { return {}; }", "no JSON"),
        ("this is no code", "failed"),
        ("var a = 1;", "none of decodeUplink"),
        ("x".ljust(600_000), "characters"),
    ],
)
def test_a_codec_that_misbehaves_is_refused(source: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        run(source, Uplink(b"\x01", 1))


def test_one_codec_cannot_see_what_another_left() -> None:
    run("var secret = 1; globalThis.secret = 1; function decodeUplink(i) { return {data: {a: 1}}; }", Uplink(b"\x01", 1))
    assert run("function decodeUplink(i) { return {data: {seen: typeof secret}}; }", Uplink(b"\x01", 1)) == {"seen": "undefined"}


def test_a_refused_codec_rejects_the_message() -> None:
    (outcome,) = decode(Message(0, "", b"\x01"), "lorawan", {"codec": "while (true) {}"})
    assert isinstance(outcome, Rejected)


def test_no_thread_outlives_a_run_and_the_process_ends() -> None:
    before = threading.active_count()
    for _ in range(5):
        run(_CODEC, Uplink(b"\x01\x02", 1))
    assert threading.active_count() == before
    program = (
        "from ingest.families.lorawan.javascript import run\n"
        "from ingest.families.lorawan.uplink import Uplink, Unusable\n"
        f"for _ in range(20): run({_CODEC!r}, Uplink(b'ab', 1))\n"
        "try: run('while (true) {}', Uplink(b'ab', 1))\n"
        "except Unusable: print('stopped')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "stopped\n"
