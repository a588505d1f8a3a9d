"""In-memory twin of the alert store."""

from collections.abc import Collection
from dataclasses import replace

from alerts.model import Alert, AlertLogEntry, AlertState
from devices.errors import Conflict, NotFound


class MemoryAlertStore:
    def __init__(self) -> None:
        self.rows: dict[int, Alert] = {}
        self.entries: dict[int, list[AlertLogEntry]] = {}

    def latest(self, kind: str, device_id: str) -> Alert | None:
        found = [a for a in self.rows.values() if (a.kind, a.device_id) == (kind, device_id)]
        return max(found, key=lambda a: a.id, default=None)

    def get(self, alert_id: int) -> Alert:
        if alert_id not in self.rows:
            raise NotFound(f"no alert {alert_id}")
        return self.rows[alert_id]

    def insert(self, alert: Alert, entry: AlertLogEntry) -> Alert:
        latest = self.latest(alert.kind, alert.device_id)
        if latest is not None and latest.state is not AlertState.RESOLVED:
            raise Conflict("one is open")
        stored = replace(alert, id=len(self.rows) + 1, version=1)
        self.rows[stored.id] = stored
        self.entries[stored.id] = [entry]
        return stored

    def update(self, alert: Alert, entry: AlertLogEntry) -> Alert:
        if self.rows[alert.id].version != alert.version:
            raise Conflict("changed in between")
        stored = replace(alert, version=alert.version + 1)
        self.rows[alert.id] = stored
        self.entries[alert.id].append(entry)
        return stored

    def log(self, alert_id: int) -> list[AlertLogEntry]:
        return self.entries[alert_id]

    def list(
        self, *, states: Collection[AlertState] | None = None, space_ids: Collection[str] | None = None, limit: int = 200
    ) -> list[Alert]:
        found = [
            a
            for a in self.rows.values()
            if (states is None or a.state in states) and (space_ids is None or a.space_id in space_ids)
        ]
        return sorted(found, key=lambda a: (a.severity.rank, -a.id))[:limit]
