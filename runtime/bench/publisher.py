"""A load of telemetry that is never the bottleneck: QoS 1 packets encoded beforehand, sent in bulk on a raw socket.

Run as a process: it prints `ready`, waits for a line on its standard input, sends, and prints one JSON object when the broker has
acknowledged everything. Message i is of device i modulo `devices` and has two readings; its time is unique to the millisecond.
"""

import argparse
import json
import selectors
import socket
import struct
import sys
import time

from runtime.bench.mixed_families import published

MIXED_ACCOUNT = "bench"
WINDOW = 500
_BULK = 100


def topic(device: int) -> str:
    return f"caretaker/v1/campus/bench-{device:04d}/telemetry"


def payload(ts_ms: int, number: int) -> bytes:
    return b'{"ts":%d.%03d,"readings":{"elec.energy.import":%.3f,"elec.power.active":%.1f}}' % (
        ts_ms // 1000,
        ts_ms % 1000,
        10_000 + number / 1000,
        500 + number % 900,
    )


def publish_packet(number: int, device: int, ts_ms: int) -> bytes:
    return packet(topic(device), payload(ts_ms, number), number)


def packet(name: str, content: bytes, number: int) -> bytes:
    """A PUBLISH with QoS 1."""
    body = struct.pack(">H", len(name.encode())) + name.encode() + struct.pack(">H", number % 65_535 + 1) + content
    return b"\x32" + _remaining_length(len(body)) + body


def connect_packet(client_id: str, username: str, password: str) -> bytes:
    fields = (client_id, username, password)
    body = b"\x00\x04MQTT\x04\xc2\x00\x78" + b"".join(struct.pack(">H", len(field.encode())) + field.encode() for field in fields)
    return b"\x10" + _remaining_length(len(body)) + body


def connect(port: int, client_id: str, password: str, *, username: str = "simulator") -> socket.socket:
    """Signed in as the simulator, or as who is named. Raises ConnectionError where the broker refuses."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(connect_packet(client_id, username, password))
    answer = connection.recv(4)
    if answer[3:] != b"\x00":
        raise ConnectionError(f"the broker refused the publisher: {answer.hex()}")
    return connection


def _remaining_length(length: int) -> bytes:
    encoded = bytearray()
    while True:
        length, low = divmod(length, 128)
        encoded.append(low | (128 if length else 0))
        if not length:
            return bytes(encoded)


class Window:
    """Sends whole packets while fewer than WINDOW wait for their PUBACK (4 bytes each)."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(0)
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._answer_bytes = 0
        self.sent = 0

    def close(self) -> None:
        self._selector.close()
        self._socket.close()

    @property
    def acknowledged(self) -> int:
        return self._answer_bytes // 4

    @property
    def room(self) -> int:
        return WINDOW - (self.sent - self.acknowledged)

    def send(self, packets: list[bytes]) -> None:
        rest = memoryview(b"".join(packets))
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self.collect(0.01)
        self.sent += len(packets)

    def collect(self, timeout_s: float) -> None:
        if self._selector.select(timeout_s):
            answers = self._socket.recv(65_536)
            if not answers:
                raise ConnectionError("the broker closed the publisher's connection")
            self._answer_bytes += len(answers)


def send_all(window: Window, packets: list[bytes]) -> None:
    """As fast as the window allows."""
    at = 0
    while at < len(packets):
        if window.room < _BULK:
            window.collect(1)
            continue
        bulk = packets[at : at + _BULK]
        window.send(bulk)
        at += len(bulk)


def send_paced(window: Window, *, count: int, devices: int, rate: float) -> None:
    """`rate` messages a second, each carrying the moment of its sending."""
    start = time.monotonic()
    for number in range(count):
        pause_s = start + number / rate - time.monotonic()
        if pause_s > 0:
            time.sleep(pause_s)
        window.send([publish_packet(number, number % devices, time.time_ns() // 1_000_000)])
        while window.room <= 0:
            window.collect(1)
        window.collect(0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Bench publisher")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--devices", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=0, help="messages a second; 0: as fast as possible")
    parser.add_argument("--start-ms", type=int, default=0, help="time of the first message; default now")
    parser.add_argument("--mixed", action="store_true", help="all the formats of mixed_families, signed in as bench")
    options = parser.parse_args()
    password = sys.stdin.readline().strip()
    username = MIXED_ACCOUNT if options.mixed else "simulator"
    window = Window(connect(options.port, f"bench-publisher-{time.time_ns()}", password, username=username))
    start_ms = options.start_ms or time.time_ns() // 1_000_000
    steps = range(0 if options.rate else options.count)
    if options.mixed:
        loads = (published(number, options.devices, start_ms + number // options.devices) for number in steps)
        packets = [packet(*load, number) for number, load in enumerate(loads)]
    else:
        packets = [publish_packet(number, number % options.devices, start_ms + number // options.devices) for number in steps]
    print("ready", flush=True)
    sys.stdin.readline()
    started_ns, cpu_s = time.time_ns(), time.process_time()
    if options.rate:
        send_paced(window, count=options.count, devices=options.devices, rate=options.rate)
    else:
        send_all(window, packets)
    while window.acknowledged < options.count:
        window.collect(1)
    used_us = (time.process_time() - cpu_s) / options.count * 1e6
    print(json.dumps({"started_ns": started_ns, "ended_ns": time.time_ns(), "cpu_us_per_message": used_us}), flush=True)


if __name__ == "__main__":
    main()
