"""The array types that the package speaks in. Times are epoch milliseconds UTC."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.uint8]
Bools = NDArray[np.bool_]

HOUR_MS = 3_600_000
