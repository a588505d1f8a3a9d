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


def test_counts_of_devices_are_for_who_may_see_them(campus: Campus) -> None:
    campus.deps.health.record(
        [DeviceHealth(device_id="em-lab", last_seen_ms=1, received=3, stored=7, late=2, rejected=1, duplicate=4)]
    )
    line = 'caretaker_device_stored_total{device="em-lab"} 7.0'
    assert line not in campus.anonymous().get("/metrics").text
    seen = campus.as_user("admin").get("/metrics").text
    for name, count in (("received", 3), ("stored", 7), ("late", 2), ("rejected", 1), ("duplicate", 4)):
        assert f'caretaker_device_{name}_total{{device="em-lab"}} {count}.0' in seen
    assert campus.anonymous().get("/metrics", headers={"Authorization": "Bearer scrape-me"}).status_code == 401
    secrets = campus.deps.metrics_dir.parent / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "metrics.token").write_text("scrape-me\n")
    assert line in campus.anonymous().get("/metrics", headers={"Authorization": "Bearer scrape-me"}).text


def test_the_platforms_own_troubles_are_told_without_the_database(campus: Campus) -> None:
    _ingest_says(campus, refusing=1, spool_bytes=5 << 20, spool_limit_bytes=16 << 20, disk_free_bytes=0, spool_age_seconds=300)
    troubles = {told["kind"]: told for told in campus.as_user("security").get("/api/v1/summary").json()["platform"]}
    assert list(troubles) == ["platform.spool_refuses", "platform.readings_wait"]
    assert troubles["platform.spool_refuses"]["severity"] == "critical"
    assert troubles["platform.spool_refuses"]["facts"] == {"spool_mb": 5, "limit_mb": 16, "free_mb": 0}
    assert troubles["platform.spool_refuses"]["first_steps"]
