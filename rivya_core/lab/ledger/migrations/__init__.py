"""The history of the ledger's schema, and how Alembic is configured for it. ``database.migrate`` runs it.

A revision is appended, never edited; it must run on SQLite and PostgreSQL. A revision that rebuilds ``lab_generations`` on
SQLite drops the triggers of the full-text index with the old table and has to create them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import sqlalchemy as sa
from alembic.config import Config
from sqlalchemy.schema import SchemaItem

from rivya_core.lab.ledger.schema import PREFIX, metadata

VERSION_TABLE: Final = PREFIX + "alembic_version"
FULL_TEXT: Final = PREFIX + "prompts_fts"  # a virtual table and its shadows; made by hand, unknown to the metadata

NameType = Literal[
    "schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint", "check_constraint"
]


def include_name(name: str | None, type_: NameType, _parents: Any) -> bool:
    """Admit only our own tables, so that autogenerate never sees, let alone drops, those of DBOS."""
    return type_ != "table" or (name is not None and name.startswith(PREFIX) and not name.startswith(FULL_TEXT))


def include_object(item: SchemaItem, _name: str | None, _type: str, reflected: bool, compare_to: Any) -> bool:
    """Do not miss an index that is made on PostgreSQL alone: Alembic does not ask ``ddl_if``. One that is there is compared."""
    is_postgresql_only = isinstance(item, sa.Index) and item.dialect_options["postgresql"]["using"]
    return bool(reflected or compare_to is not None or not is_postgresql_only)


OPTIONS: Final[dict[str, Any]] = {
    "target_metadata": metadata,
    "version_table": VERSION_TABLE,
    "include_name": include_name,
    "include_object": include_object,
    "render_as_batch": True,
    "compare_type": True,
}
"""Alembic's options, shared by upgrades and autogenerate."""


def config(scripts: Path | None = None) -> Config:
    """Alembic's configuration for the revisions in a folder; by default the packaged ones."""
    settings = Config()
    settings.set_main_option("script_location", str(scripts or Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings
