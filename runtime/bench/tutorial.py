"""What the usual tutorial does: paho's callback parses the JSON, makes a Point and writes it with influxdb-client's defaults.

Run by runtime.bench.peers. Deliberately as such tutorials are, not as we would write it. The password comes on standard input.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    parser = argparse.ArgumentParser(description="The tutorial's script")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", required=True)
    options = parser.parse_args()
    influx: Any = InfluxDBClient(url=options.store, token="-", org="bench")  # noqa: S106 - the server asks for none
    write_api = influx.write_api()

    def on_connect(client: mqtt.Client, *_: object) -> None:
        client.subscribe("caretaker/v1/+/+/telemetry", qos=1)

    def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        told = json.loads(message.payload)
        point: Any = Point("telemetry").tag("device", message.topic.split("/")[3])  # type: ignore[no-untyped-call]
        for name, value in told["readings"].items():
            point = point.field(name, float(value))
        write_api.write(bucket="bench", record=point.time(datetime.fromtimestamp(told["ts"], UTC), WritePrecision.MS))

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-tutorial")
    client.username_pw_set("ingest", sys.stdin.readline().strip())
    client.on_connect = on_connect
    client.on_message = on_message
    client.connect("127.0.0.1", options.port)
    client.loop_forever()


if __name__ == "__main__":
    main()
