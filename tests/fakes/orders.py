"""In-memory twin of the order store."""

from dataclasses import replace

from devices.errors import Conflict, NotFound
from maintenance.model import FINAL_STATES, OrderLogEntry, WorkOrder


class MemoryOrderStore:
    def __init__(self) -> None:
        self.rows: dict[int, WorkOrder] = {}
        self.entries: dict[int, list[OrderLogEntry]] = {}

    def open_for(self, problem: str, device_id: str | None, space_id: str) -> WorkOrder | None:
        place = (problem, device_id or space_id)
        found = (o for o in self.rows.values() if (o.problem, o.device_id or o.space_id) == place and o.state not in FINAL_STATES)
        return next(found, None)

    def get(self, order_id: int) -> WorkOrder:
        if order_id not in self.rows:
            raise NotFound(f"no order {order_id}")
        return self.rows[order_id]

    def insert(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder:
        if self.open_for(order.problem, order.device_id, order.space_id):
            raise Conflict("one is open")
        stored = replace(order, id=len(self.rows) + 1, version=1)
        self.rows[stored.id] = stored
        self.entries[stored.id] = [entry]
        return stored

    def update(self, order: WorkOrder, entry: OrderLogEntry) -> WorkOrder:
        if self.rows[order.id].version != order.version:
            raise Conflict("changed in between")
        stored = replace(order, version=order.version + 1)
        self.rows[order.id] = stored
        self.entries[order.id].append(entry)
        return stored

    def log(self, order_id: int) -> list[OrderLogEntry]:
        return self.entries[order_id]
