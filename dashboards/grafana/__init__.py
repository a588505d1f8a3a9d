"""Grafana dashboards as code, in the classic dashboard model: it is the one that every Grafana since 8 reads."""

import warnings

# The SDK warns at import that a newer model exists, which only Grafana 12 and later read.
warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
