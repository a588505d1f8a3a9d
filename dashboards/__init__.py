"""Screens: `web/` pages and `grafana/` dashboards as code. Both speak to the platform by HTTP only."""
