"""Tables of exported ballots and of the vote lines pasted back. Import them from ``schema``, which has all tables."""

from __future__ import annotations

import sqlalchemy as sa

from rivya_core.lab.ledger.column_types import LARGE_INTEGER, UtcMoment, WholeNumber
from rivya_core.lab.ledger.schema_metadata import PREFIX, metadata

ballots = sa.Table(
    PREFIX + "ballots",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("experiment_id", sa.String(48), sa.ForeignKey(PREFIX + "experiments.id"), nullable=False),
    sa.Column("show_id", sa.String(48)),  # the show it was made for
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("seal_key", sa.String(64), nullable=False),
    sa.Column("plan", sa.JSON, nullable=False),  # vote_lines.Plan, the cell of each clip, the cells that had a clip
    sa.Column("size_bytes", WholeNumber, nullable=False),
    sa.Column("made_at", UtcMoment, nullable=False),
    sa.Index("ix_lab_ballots_experiment_id", "experiment_id"),
)

ballot_lines = sa.Table(
    PREFIX + "ballot_lines",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("ballot_id", sa.String(32), sa.ForeignKey(PREFIX + "ballots.id"), nullable=False),
    sa.Column("voter", sa.String(64), nullable=False),
    sa.Column("round_id", sa.String(48), sa.ForeignKey(PREFIX + "vote_rounds.id"), nullable=False, unique=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("taken_out_at", UtcMoment),  # excluded from the count since then
    sa.Column("taken_out_by", sa.String(64)),  # who excluded it, or counted it again; null without sign-in
    sa.Index("ix_lab_ballot_lines_ballot_id", "ballot_id", "voter", unique=True),
)
