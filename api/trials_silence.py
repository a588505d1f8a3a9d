"""Which devices would have been called silent in the stored past of a site; nothing is stored."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from analytics.arrays import Ints
from analytics.finding import Finding, FindingKind
from analytics.rerun import METRICS, SLICE_MS
from analytics.silence import allowed_ms, silences
from api.deps import Deps
from api.trials import DEVICES_AT_MOST, Span
from devices.model import FIRE_KINDS, Device
from devices.registry import Registry

ROWS_AT_MOST = 2_000_000
MORE_METRICS = ("elec.energy.import", "elec.power.active", "water.volume", "water.flow", "online")


class SilencePast:
    """When some devices, and with them their site, were heard within a span, by the readings and events that are stored."""

    def __init__(self, deps: Deps, registry: Registry, kind: FindingKind, device_ids: Sequence[str], span: Span) -> None:
        fire = kind is FindingKind.FIRE_DEVICE_SILENT
        chosen = [one for one in device_ids if (registry.devices[one].kind in FIRE_KINDS) is fire]
        self.device_ids: Sequence[str] = chosen[:DEVICES_AT_MOST]
        self.left_out = len(chosen) - len(self.device_ids)
        self._deps, self._registry, self._end_ms = deps, registry, span.end_ms
        self._from_ms = max(span.start_ms, span.end_ms - self._affordable_ms())
        self._heard = self._read()

    @property
    def looked_from_ms(self) -> int:
        return self._from_ms

    def raised(self, changes: Mapping[str, float]) -> list[Finding]:  # noqa: ARG002 - these rules have no parameters
        """Newest first."""
        heard = [times for times in self._heard.values() if times.size]
        if not heard:
            return []
        site_ms = np.unique(np.concatenate([*(times // SLICE_MS * SLICE_MS for times in heard), *(times[-1:] for times in heard)]))
        found = [one for device_id in self.device_ids for one in self._silent(self._registry.devices[device_id], site_ms)]
        return sorted(found, key=lambda finding: finding.started, reverse=True)

    def _silent(self, device: Device, site_ms: Ints) -> list[Finding]:
        times = self._heard.get(device.id, np.empty(0, np.int64))
        if times.size < 2:
            return []
        profile = self._registry.profile(device)
        allowed = allowed_ms(profile, int(np.median(np.diff(times))))
        return [episode.finding for episode in silences(device, profile, times, site_ms, allowed)]

    def _affordable_ms(self) -> int:
        devices = (self._registry.devices[device_id] for device_id in self.device_ids)
        rows_per_ms = sum(2 / (1000 * self._registry.profile(one).interval_s) for one in devices)
        return round(ROWS_AT_MOST / rows_per_ms) if rows_per_ms else round(timedelta(days=100).total_seconds() * 1000)

    def _read(self) -> dict[str, Ints]:
        if not self.device_ids:
            return {}
        frame = self._deps.readings.frame(self.device_ids, sorted({*METRICS, *MORE_METRICS}), self._from_ms, self._end_ms)
        found = {str(device_id): np.unique(rows["ts_ms"].to_numpy(np.int64)) for device_id, rows in frame.groupby("device_id")}
        for event in self._deps.events.list(start_ms=self._from_ms, end_ms=self._end_ms, limit=50_000):
            if event.device_id in self.device_ids:
                found[event.device_id] = np.append(found.get(event.device_id, np.empty(0, np.int64)), event.ts_ms)
        return {device_id: np.unique(times) for device_id, times in found.items()}
