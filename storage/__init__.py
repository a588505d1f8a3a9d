"""Rows ↔ values: reading stores, relational tables, migrations. No rules live here."""
