"""What operators look at: alive, ready, metrics."""

import json
from dataclasses import replace

from api.app import create_app
from devices.errors import DependencyFailed
from devices.health import DeviceHealth
from tests.fixtures_api import NOW, Campus

HEALTHY = {"caretaker_ingest_updated_ms": NOW.timestamp() * 1000, "caretaker_ingest_broker_connected": 1.0}


def _ingest_says(campus: Campus, **numbers: float) -> None:
    campus.deps.metrics_dir.mkdir(exist_ok=True)
    said = HEALTHY | {f"caretaker_ingest_{name}": number for name, number in numbers.items()}
    (campus.deps.metrics_dir / "ingest.json").write_text(json.dumps(said))


def test_alive_and_ready(campus: Campus) -> None:
    assert campus.anonymous().get("/healthz").json() == {"status": "ok"}
    _ingest_says(campus, spool_bytes=10, spool_limit_bytes=100)
    ready = campus.anonymous().get("/readyz")
    assert ready.json() == {"status": "ok", "checks": dict.fromkeys(("database", "reading_store", "broker", "ingest"), "ok")}


def test_not_ready_names_what_is_missing(campus: Campus) -> None:
    class Broken:
        def latest(self, *_: object) -> None:
            raise DependencyFailed("secret address", transient=True)

    _ingest_says(campus, spool_bytes=95, spool_limit_bytes=100)
    campus.app = create_app(replace(campus.deps, readings=Broken(), broker_reachable=lambda: False))  # type: ignore[arg-type]
    answer = campus.anonymous().get("/readyz")
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"] == "ok"
    assert checks["reading_store"] == "does not answer"
    assert checks["broker"] == "not connected"
    assert checks["ingest"].startswith("its spool is nearly full")
    assert campus.anonymous().get("/healthz").status_code == 200


def test_an_ingest_that_fell_silent_is_noticed(campus: Campus) -> None:
    _ingest_says(campus, updated_ms=(NOW.timestamp() - 90) * 1000)
    assert campus.anonymous().get("/readyz").json()["checks"]["ingest"] == "has not reported for 90 s"


def test_metrics_are_prometheus_text(campus: Campus) -> None:
    campus.raise_alert()
    campus.deps.health.record([DeviceHealth(device_id="em-lab", last_seen_ms=1, received=3, stored=7)])
    _ingest_says(campus, received_total=42, spool_bytes=5)
    (campus.deps.metrics_dir / "alerts.json").write_text('{"lane latency": 0.5, "note": "x"}')
    (campus.deps.metrics_dir / "torn.json").write_text('{"a": ')
    answer = campus.anonymous().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'caretaker_alerts{severity="life_safety",state="open"} 1.0' in lines
    assert "caretaker_readings_stored 7.0" in lines
    assert 'caretaker_ingest_received_total{role="ingest"} 42.0' in lines
    assert 'caretaker_lane_latency{role="alerts"} 0.5' in lines
    assert "em-lab" not in answer.text
