"""Alembic's entry. The connection and its transaction come from storage.database."""

from alembic import context

import storage.schema_assets
import storage.schema_budget
import storage.schema_commands
import storage.schema_incoming
import storage.schema_labels
import storage.schema_links
import storage.schema_meters
import storage.schema_registry
import storage.schema_watching  # noqa: F401 - their tables belong to METADATA
from storage.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
