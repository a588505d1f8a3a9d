"""The one query kind that grafana-foundation-sdk has no builder for: Flux, asked of an InfluxDB data source."""

from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

DATASOURCE = DataSourceRef(type_val="influxdb", uid="${datasource}")
"""Whatever the dashboard's variable `datasource` is set to."""


@dataclass(frozen=True, slots=True)
class FluxQuery(Dataquery, Builder[Dataquery]):
    """Both the query and its builder; it is complete when made."""

    flux: str
    ref_id: str = "A"

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        return {"refId": self.ref_id, "datasource": DATASOURCE.to_json(), "query": self.flux}


def text(value: str) -> str:
    """A Flux string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
