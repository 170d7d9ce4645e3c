"""Tables of the ledger. All names carry the prefix ``lab_``; the engine keeps its own tables in the same database.

The schema changes only by an appended Alembic revision in ``migrations/versions``; autogenerate must find no difference.
"""

from __future__ import annotations

import sqlalchemy as sa

from rivya_core.lab.ledger import schema_ballots, schema_lists, schema_metadata, schema_money, schema_workers
from rivya_core.lab.ledger.column_types import (
    LARGE_INTEGER,
    UNLIMITED,
    SearchWords,
    TookSeconds,
    UtcMoment,
    WholeNumber,
)

PREFIX, metadata = schema_metadata.PREFIX, schema_metadata.metadata
ballots, ballot_lines = schema_ballots.ballots, schema_ballots.ballot_lines
workers, rates = schema_workers.workers, schema_workers.rates
balances, cap_changes = schema_money.balances, schema_money.cap_changes
_HELD = sa.text("worker_id IS NOT NULL")

assets = sa.Table(
    PREFIX + "assets",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),  # of the bytes as they will be sent
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("mime", sa.String(64), nullable=False),
    sa.Column("size_bytes", WholeNumber, nullable=False),
    sa.Column("width_px", sa.Integer),
    sa.Column("height_px", sa.Integer),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("archive_key", sa.Text, nullable=False),
    sa.Column("origin", sa.JSON),  # what was done to the file that was chosen before it became these bytes
)

generations = sa.Table(
    PREFIX + "generations",
    metadata,
    sa.Column("seq", LARGE_INTEGER, primary_key=True, autoincrement=True),  # submission order
    sa.Column("id", sa.String(64), nullable=False, unique=True),  # intent id + "-" + take
    sa.Column("intent_id", sa.String(48), nullable=False),
    sa.Column("take", sa.Integer, nullable=False),
    sa.Column("parent_id", sa.String(64)),  # the generation this one repeats
    sa.Column("experiment_id", sa.String(48)),  # the experiment that paid for it; others may reuse it
    sa.Column("source", sa.String(16), nullable=False),  # page, script, example, sweep
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),  # live, simulated
    sa.Column("connection", sa.Text, nullable=False),  # base URL, or "embedded simulator"
    sa.Column("key_fingerprint", sa.String(16)),
    # the request
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("negative_prompt", sa.Text, nullable=False, default=""),
    sa.Column("search_words", SearchWords),  # words of both prompts as the search finds them: search_words.stored_words
    sa.Column("request", sa.JSON, nullable=False),  # GenerationRequest.canonical()
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("reuse_sha256", sa.String(64)),  # the same for requests that differ only in how their texts are encoded
    sa.Column("asset_sha256", sa.String(64), sa.ForeignKey(PREFIX + "assets.sha256")),
    # the exchange
    sa.Column("idempotency_key", sa.String(128), nullable=False, unique=True),
    sa.Column("client_request_id", sa.String(128)),
    sa.Column("file_url", sa.Text),
    sa.Column("file_id", sa.Text),
    sa.Column("body", sa.LargeBinary),  # the committed bytes of the POST
    sa.Column("body_sha256", sa.String(64)),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),  # POSTs begun
    sa.Column("open_attempts", sa.Integer, nullable=False, default=0),  # POSTs begun whose outcome is unknown
    sa.Column("first_attempt_at", UtcMoment),
    sa.Column("task_id", sa.Text),
    sa.Column("task_status", UNLIMITED),
    sa.Column("duplicate_of", sa.String(64)),  # the row of the same connection that has this task already
    sa.Column("unwatched_at", UtcMoment),  # a person stopped watching a task that never ends
    sa.Column("result_url", sa.Text),
    sa.Column("request_id", sa.Text),  # Rivya's requestId of the last error answer
    sa.Column("error", sa.JSON),  # records.ErrorCard as a mapping, or null
    sa.Column("runs", sa.Integer, nullable=False, default=0),  # engine workflows started for this row
    sa.Column("worker_id", sa.String(128)),  # the worker whose job drives the row; null on one machine
    sa.Column("fence", sa.Integer, nullable=False, server_default=sa.text("0")),  # grows with every claim
    sa.Column("posting_at", UtcMoment),  # a worker's POST is in flight since then
    # credits
    sa.Column("expected_credits", WholeNumber, nullable=False),
    sa.Column("reserved_credits", WholeNumber),
    sa.Column("final_credits", WholeNumber),
    sa.Column("held_credits", WholeNumber, nullable=False),  # what counts against caps and balance today
    sa.Column("settlement", sa.String(16), nullable=False),  # reserved, provisional, settled, released
    sa.Column("cap_day", sa.String(10), nullable=False),  # local calendar day of the submission, YYYY-MM-DD
    # the clip
    sa.Column("clip_key", sa.Text),
    sa.Column("poster_key", sa.Text),
    sa.Column("clip_sha256", sa.String(64)),
    sa.Column("clip_bytes", WholeNumber),
    sa.Column("clip_width_px", sa.Integer),
    sa.Column("clip_height_px", sa.Integer),
    sa.Column("clip_duration_s", sa.Float),
    sa.Column("clip_fps", sa.Float),
    sa.Column("clip_check", sa.String(16)),  # whole, damaged, unopened; null until it was decoded to its end
    sa.Column("clip_fault", sa.Text),  # what is wrong with a damaged or unopened clip
    # times
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("submitted_at", UtcMoment),  # task id received
    sa.Column("processing_at", UtcMoment),  # first seen processing
    sa.Column("ready_at", UtcMoment),  # first seen succeeded or failed
    sa.Column("finished_at", UtcMoment),  # row became terminal
    sa.Column("next_action_at", UtcMoment),
    # the person's marks
    sa.Column("starred", sa.Boolean, nullable=False, default=False),
    sa.Column("dismissed_at", UtcMoment),  # its failure card was put away
    sa.Column("deleted_at", UtcMoment),
    sa.Column("person", sa.String(64)),  # the address of who submitted it; null without sign-in
    # what History is filtered by, taken out of the request: param_columns.param_columns
    sa.Column("param_cfg_scale", sa.String(64)),
    sa.Column("param_duration", sa.String(64)),
    sa.Column("param_aspect_ratio", sa.String(64)),
    sa.Column("took_s", sa.Float, sa.Computed(TookSeconds())),  # from the submission to the end; never written
    # rows are wide: what lists, sums and looks up often is answered from an index alone
    sa.Index("ix_lab_generations_state", "state", "deleted_at", "dismissed_at", "mode"),
    *schema_lists.indexes(),
    sa.Index("ix_lab_generations_finished", "mode", "finished_at"),
    sa.Index(  # of the caps and of Spend, which sums by all of these
        "ix_lab_generations_spent",
        "mode",
        "cap_day",
        "experiment_id",
        "model",
        "state",
        "settlement",
        "source",
        "held_credits",
    ),
    sa.Index(  # of the caps of persons
        "ix_lab_generations_person",
        "person",
        "mode",
        "cap_day",
        "held_credits",
        sqlite_where=sa.text("person IS NOT NULL"),
        postgresql_where=sa.text("person IS NOT NULL"),
    ),
    sa.Index("ix_lab_generations_sent", "connection", "state", "first_attempt_at", "held_credits"),
    sa.Index("ix_lab_generations_next_action_at", "connection", "next_action_at"),
    sa.Index("ix_lab_generations_task_id", "task_id"),
    sa.Index("ix_lab_generations_request_sha256", "request_sha256"),
    sa.Index("ix_lab_generations_reuse_sha256", "reuse_sha256"),
    sa.Index("ix_lab_generations_intent_id", "intent_id"),
    sa.Index("ix_lab_generations_experiment_id", "experiment_id", "state", "held_credits"),
    sa.Index("ix_lab_generations_parent_id", "parent_id", "seq"),
    sa.Index("ix_lab_generations_worker_id", "worker_id", sqlite_where=_HELD, postgresql_where=_HELD),
    sa.Index("ix_lab_generations_search_words", "search_words", postgresql_using="gin").ddl_if(dialect="postgresql"),
    sqlite_autoincrement=True,
)

events = sa.Table(
    PREFIX + "events",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("at", UtcMoment, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),  # state, exchange, note
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("ix_lab_events_generation_id", "generation_id", "id"),
)

movements = sa.Table(
    PREFIX + "movements",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("at", UtcMoment, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),  # reserve, adjust, settle, release
    sa.Column("credits", WholeNumber, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False, default=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_lab_movements_generation_id", "generation_id"),
    sa.Index("ix_lab_movements_mode_at", "mode", "at"),
)

notes = sa.Table(
    PREFIX + "settings",
    metadata,
    sa.Column(
        "name", sa.String(256), primary_key=True
    ),  # cap, draft, balance:<connection>, pause:<connection>, price:...
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("updated_at", UtcMoment, nullable=False),
)

# -- experiments ---------------------------------------------------------------------------------------------------

experiments = sa.Table(
    PREFIX + "experiments",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # sweep, hint, verdict: the last two probe a knob
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False, default=""),
    sa.Column("mode", sa.String(16), nullable=False),
    sa.Column("connection", sa.Text, nullable=False),
    sa.Column("model", sa.String(128), nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),  # base, axes with labels, grid or paired
    sa.Column("cells", sa.Integer, nullable=False),
    sa.Column("takes", sa.Integer, nullable=False),
    sa.Column("cap_credits", WholeNumber),
    sa.Column("quoted_credits", WholeNumber, nullable=False),  # what the quote said when it was started
    sa.Column("parent_id", sa.String(48)),  # the experiment this one extends
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("paused_at", UtcMoment),
    sa.Column("decision", sa.JSON),
    sa.Column("decided_at", UtcMoment),
    sa.Column("deleted_at", UtcMoment),
    sa.Column("source", sa.String(16)),  # example; null for a person's own
    sa.Column("hidden_at", UtcMoment),  # a person took it out of the list
    sa.Column("person", sa.String(64)),  # the address of who started it; null without sign-in, as the next two
    sa.Column("paused_by", sa.String(64)),  # who paused or resumed it last
    sa.Column("decided_by", sa.String(64)),
    sa.Column("changed_by", sa.String(64)),  # who named, hid, showed, cut short, deleted or restored it last
    sa.Index("ix_lab_experiments_created_at", "created_at"),
)

cells = sa.Table(
    PREFIX + "cells",
    metadata,
    sa.Column("experiment_id", sa.String(48), sa.ForeignKey(PREFIX + "experiments.id"), primary_key=True),
    sa.Column("cell", sa.Integer, primary_key=True),  # 0, 1, ... in grid order
    sa.Column("labels", sa.JSON, nullable=False),  # axis name -> name of the value
    sa.Column("request", sa.JSON, nullable=False),  # GenerationRequest.canonical()
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("reuse_sha256", sa.String(64)),
    sa.Column("asset_sha256", sa.String(64), sa.ForeignKey(PREFIX + "assets.sha256")),
    sa.Column("expected_credits", WholeNumber, nullable=False),
)

cell_takes = sa.Table(
    PREFIX + "cell_takes",
    metadata,
    sa.Column("experiment_id", sa.String(48), sa.ForeignKey(PREFIX + "experiments.id"), primary_key=True),
    sa.Column("cell", sa.Integer, primary_key=True),
    sa.Column("take", sa.Integer, primary_key=True),  # 1, 2, ...
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id")),  # null while only planned
    sa.Column("reused", sa.Boolean, nullable=False, default=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),  # generations that were made for it
    sa.Index("ix_lab_cell_takes_generation_id", "generation_id"),
)

# -- judging -------------------------------------------------------------------------------------------------------

clip_notes = sa.Table(
    PREFIX + "clip_notes",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("at_s", sa.Float, nullable=False),  # place in the clip
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False, default=""),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Index("ix_lab_clip_notes_generation_id", "generation_id", "at_s"),
)

ratings = sa.Table(
    PREFIX + "ratings",
    metadata,
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), primary_key=True),
    sa.Column("criterion", sa.String(32), primary_key=True),  # overall, prompt match, motion, artefacts, look
    sa.Column("author", sa.String(64), primary_key=True),
    sa.Column("stars", sa.Integer, nullable=False),  # 1 to 5
    sa.Column("rated_at", UtcMoment, nullable=False),
)

vote_rounds = sa.Table(
    PREFIX + "vote_rounds",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),
    sa.Column("experiment_id", sa.String(48), sa.ForeignKey(PREFIX + "experiments.id"), nullable=False),
    sa.Column("voter", sa.Text, nullable=False),
    sa.Column("started_at", UtcMoment, nullable=False),
    sa.Column("ended_at", UtcMoment),  # identities are shown from here on
    sa.Column("ended_by", sa.String(64)),  # who ended it; null without sign-in
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Index("ix_lab_vote_rounds_experiment_id", "experiment_id"),
)

vote_pairs = sa.Table(
    PREFIX + "vote_pairs",
    metadata,
    sa.Column("id", LARGE_INTEGER, primary_key=True, autoincrement=True),
    sa.Column("round_id", sa.String(48), sa.ForeignKey(PREFIX + "vote_rounds.id"), nullable=False),
    sa.Column("left_token", sa.String(32), nullable=False, unique=True),  # neutral clip address
    sa.Column("right_token", sa.String(32), nullable=False, unique=True),
    sa.Column("left_cell", sa.Integer, nullable=False),
    sa.Column("right_cell", sa.Integer, nullable=False),
    sa.Column("left_generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("right_generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("shown_at", UtcMoment, nullable=False),
    sa.Column("outcome", sa.String(16)),  # left, right, tie, bad, skip; null while nobody voted
    sa.Column("whys", sa.JSON, nullable=False),
    sa.Column("voted_at", UtcMoment),
    sa.Index("ix_lab_vote_pairs_round_id", "round_id", "id"),
)

features = sa.Table(
    PREFIX + "features",
    metadata,
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),  # of the way they are measured
    sa.Column("figures", sa.JSON),  # name -> number or null
    sa.Column("error", sa.Text),  # why they cannot be measured
    sa.Column("took_s", sa.Float, nullable=False),
    sa.Column("measured_at", UtcMoment, nullable=False),
)

labels = sa.Table(
    PREFIX + "labels",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),  # generation, sweep
    sa.Column("of_id", sa.String(64), primary_key=True),
    sa.Column("label", sa.String(64), primary_key=True),
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("person", sa.String(64)),  # who gave it; null without sign-in
    sa.Index("ix_lab_labels_label", "label", "kind"),
)

# -- shows ---------------------------------------------------------------------------------------------------------

shows = sa.Table(
    PREFIX + "shows",
    metadata,
    sa.Column("id", sa.String(48), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("sweep_id", sa.String(48), sa.ForeignKey(PREFIX + "experiments.id")),  # the sweep it tells of
    sa.Column("facts", sa.JSON, nullable=False),  # shows.show.Facts as they were when it was made
    sa.Column("offered", sa.JSON, nullable=False),  # what slides were made for so far; those removed do not come back
    sa.Column("created_at", UtcMoment, nullable=False),
    sa.Column("changed_at", UtcMoment, nullable=False),
    sa.Column("deleted_at", UtcMoment),
    sa.Column("person", sa.String(64)),  # the address of who made it; never shown in it, nor is the next one
    sa.Column("changed_by", sa.String(64)),  # who edited, deleted or restored it last
    sa.Index("ix_lab_shows_created_at", "deleted_at", "created_at"),
)

show_clips = sa.Table(  # every clip that a show holds or held: its file stays, whatever becomes of the generation
    PREFIX + "show_clips",
    metadata,
    sa.Column("show_id", sa.String(48), sa.ForeignKey(PREFIX + "shows.id"), primary_key=True),
    sa.Column("sha256", sa.String(64), primary_key=True),  # of the clip file
    sa.Column("generation_id", sa.String(64), sa.ForeignKey(PREFIX + "generations.id"), nullable=False),
    sa.Column("archive_key", sa.Text, nullable=False),
    sa.Column("poster_key", sa.Text),
    sa.Column("facts", sa.JSON, nullable=False),  # shows.show.ShownClip
    sa.Index("ix_lab_show_clips_sha256", "sha256"),
)

show_slides = sa.Table(
    PREFIX + "show_slides",
    metadata,
    sa.Column("show_id", sa.String(48), sa.ForeignKey(PREFIX + "shows.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),  # stays the slide's own while others move
    sa.Column("place", sa.Integer, nullable=False),  # 0, 1, ... in the order shown
    sa.Column("layout", sa.String(16), nullable=False),
    sa.Column("caption", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),  # the fact it tells; "" for clips a person chose
    sa.Column("clips", sa.JSON, nullable=False),  # hashes in show_clips
)

# -- the server ----------------------------------------------------------------------------------------------------

uploads = sa.Table(
    PREFIX + "uploads",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("key_fingerprint", sa.String(16), primary_key=True),
    sa.Column("asset_sha256", sa.String(64), sa.ForeignKey(PREFIX + "assets.sha256"), primary_key=True),
    sa.Column("file_url", sa.Text, nullable=False),
    sa.Column("file_id", sa.Text),
    sa.Column("uploaded_at", UtcMoment, nullable=False),
)

observations = sa.Table(
    PREFIX + "observations",
    metadata,
    sa.Column("connection", sa.Text, primary_key=True),
    sa.Column("question", sa.String(48), primary_key=True),  # an UNKNOWN of the contract
    sa.Column("answer", sa.String(256), primary_key=True),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("first_at", UtcMoment, nullable=False),
    sa.Column("last_at", UtcMoment, nullable=False),
)
