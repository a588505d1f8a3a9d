"""Files by which a Grafana finds data source and dashboards at its start, without a token."""

import json
from dataclasses import dataclass

DATASOURCE_NAME = "Caretaker"
DATASOURCE_UID = "caretaker-influxdb"
TOKEN_VARIABLE = "CARETAKER_INFLUX_TOKEN"  # noqa: S105 - the name of the variable


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxPlace:
    """Where the readings are, as Grafana reaches them."""

    url: str
    org: str
    bucket: str


def datasource(place: InfluxPlace, token: str) -> dict[str, object]:
    """The data source in the form of Grafana's HTTP API."""
    return {
        "name": DATASOURCE_NAME,
        "uid": DATASOURCE_UID,
        "type": "influxdb",
        "access": "proxy",
        "url": place.url,
        "jsonData": {"version": "Flux", "organization": place.org, "defaultBucket": place.bucket, "httpMode": "POST"},
        "secureJsonData": {"token": token},
    }


def datasource_yaml(place: InfluxPlace) -> str:
    """provisioning/datasources/caretaker.yaml; the token comes from Grafana's environment."""
    return f"""\
# Made by `caretaker grafana export`. Start Grafana with {TOKEN_VARIABLE} in its environment: a token that may read the bucket.
apiVersion: 1
datasources:
  - name: {DATASOURCE_NAME}
    uid: {DATASOURCE_UID}
    type: influxdb
    access: proxy
    url: {json.dumps(place.url)}
    jsonData:
      version: Flux
      organization: {json.dumps(place.org)}
      defaultBucket: {json.dumps(place.bucket)}
      httpMode: POST
    secureJsonData:
      token: ${TOKEN_VARIABLE}
"""


def dashboards_yaml(folder: str, path: str) -> str:
    """provisioning/dashboards/caretaker.yaml; `path` is the folder of the JSON files as Grafana sees it."""
    return f"""\
# Made by `caretaker grafana export`.
apiVersion: 1
providers:
  - name: Caretaker
    folder: {json.dumps(folder)}
    type: file
    allowUiUpdates: false
    options:
      path: {json.dumps(path)}
"""
