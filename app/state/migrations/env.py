"""Run the migrations on the connection that ``app.state.database`` hands over."""

from __future__ import annotations

from alembic import context

from app.state.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
