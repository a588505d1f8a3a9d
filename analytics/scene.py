"""What a streaming detector must know of a meter at the moment: the meter, the site and what is normal at this hour."""

from dataclasses import dataclass

import numpy as np

from analytics.arrays import HOUR_MS
from analytics.calendar import hour_table
from analytics.finding import Basis, Waste
from analytics.meter import Meter
from analytics.site import Site
from analytics.tariff import prices_in, waste


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`top`: the most that was used in an hour like this one (m3/h or kW), NaN while nothing is learned.

    `peers`: at so many other meters, 0 where it is this one's own past.
    """

    meter: Meter
    site: Site
    top: float = float("nan")
    peers: int = 0

    @property
    def basis(self) -> Basis | None:
        """What `top` rests on."""
        if self.peers:
            return Basis.PEERS
        return Basis.OWN if np.isfinite(self.top) else None

    def waste(self, amount_per_day: float, ts_ms: int) -> Waste:
        """Of so many kWh or m3 a day, at the mean price of the 24 hours that begin with this one."""
        table = hour_table(self.site.calendar, self.meter.use, ts_ms // HOUR_MS * HOUR_MS, 24)
        rates, quantity = self.site.rates, self.meter.quantity
        price = float(np.mean(prices_in(rates, quantity, table, self.meter.use)))
        return waste(amount_per_day, quantity, rates, price=price, day=table.first_day)
