"""What people do to generations that exist: take back, look again, decide, pause, mark, hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rivya_core.lab.examples import example_sweep
from rivya_core.lab.jobs import submission
from rivya_core.lab.jobs.context import BY_PERSON
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.ledger.records import ErrorCard, GenerationRecord, Pause
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.parts import Parts
from rivya_core.settings import Settings


class Steering:
    """The part of the lab that steers; ``Lab`` inherits it."""

    _parts: Parts
    settings: Settings
    ledger: Ledger
    archive: Archive

    @property
    def connection(self) -> str:
        """Name of the connection that new generations are submitted under."""
        return self.settings.connection

    def get(self, generation_id: str) -> GenerationRecord:
        """The generation as the ledger knows it now. Raises LabError for an unknown id."""
        return self.ledger.get(generation_id)

    # -- steering --------------------------------------------------------------------------------------------------

    def cancel(self, generation_id: str) -> bool:
        """Take a generation back while it waits; False when it has left already. Nothing was charged then."""
        return self.ledger.cancel(generation_id)

    def check_now(self, generation_id: str) -> None:
        """Have the task read, or the clip fetched, now instead of at its next time. A lost file is fetched again."""
        row = self.get(generation_id)
        if row.state is State.SUCCEEDED and row.clip_key and not self.archive.path(row.clip_key).is_file():
            self.ledger.lost_clip(generation_id)
        self.ledger.make_due(generation_id)
        self._parts.jobs.wake(generation_id)

    def ask_again(self, generation_id: str) -> None:
        """Send an unconfirmed generation again, with its first key and bytes."""
        refuse_if_read_only(self.settings)
        self.ledger.reopen(generation_id)
        self._enqueue_again(generation_id)

    def adopt(self, generation_id: str, task_id: str) -> None:
        """Tie an unconfirmed generation to a task that the person found at Rivya."""
        self.ledger.adopt(generation_id, task_id.strip())
        self._enqueue_again(generation_id)

    def stop_watching(self, generation_id: str) -> None:
        """Let nothing wait any more for a generation that is overdue. It is read every six hours, and its clip kept should it come.

        Its hold counts until two readings of the balance show that nothing was taken.

        Raises:
            LabError: it is not overdue (``Settings.overdue_after_s``), there is nothing to watch, or the lab is read-only.
        """
        refuse_if_read_only(self.settings)
        self.ledger.stop_watching(generation_id, self.settings.overdue_after_s)
        self.ledger.make_due(generation_id)
        self._parts.jobs.wake(generation_id)
        self._parts.keeper.ask_balance()

    def watch_again(self, generation_id: str) -> None:
        """Take ``stop_watching`` back, and have the task read now."""
        refuse_if_read_only(self.settings)
        self.ledger.watch_again(generation_id)
        self.ledger.make_due(generation_id)
        self._parts.jobs.wake(generation_id)

    def close_unconfirmed(self, generation_id: str) -> None:
        """End an unconfirmed generation as not charged, on the person's word; its reservation is released."""
        self.ledger.close_unconfirmed(generation_id)

    def _enqueue_again(self, generation_id: str) -> None:
        submission.enqueue_again(self._parts.database, self.ledger, self._parts.inbox, generation_id)

    def pause(self) -> Pause | None:
        """Why this connection's queue is stopped, or None."""
        return self.ledger.pause(self.connection)

    def resume(self) -> None:
        """Let the queue go on; if the reason is still there, it stops again with a fresh card."""
        refuse_if_read_only(self.settings)
        self.ledger.set_pause(self.connection, None)
        self._parts.jobs.gate.forget()

    def pause_queue(self) -> None:
        """Stop the queue until ``resume``: nothing new is sent, what is sent already goes on."""
        card = ErrorCard(
            "The queue is paused", "Somebody paused it here.", "Resume it to send queued generations.", "no", "submit"
        )
        self.ledger.set_pause(self.connection, Pause(effect=BY_PERSON, since=self._parts.jobs.now(), card=card))
        self._parts.jobs.gate.forget()

    # -- marks and the draft ---------------------------------------------------------------------------------------

    def star(self, generation_id: str, starred: bool) -> None:
        """Set or clear the star."""
        self.ledger.update(generation_id, starred=starred)

    def star_all(self, generation_ids: Sequence[str], starred: bool) -> int:
        """Set or clear the star of some generations, all at once; how many changed."""
        return self.ledger.set_starred(generation_ids, starred)

    def set_simulated_credits(self, credits: int) -> None:  # noqa: A002 - Rivya's word
        """Set what the built-in simulator's wallet holds; Spend does not take it for a charge or a top-up by others."""
        refuse_if_read_only(self.settings)
        world = self._parts.simulator.world
        before = world.balance()
        world.configure(credits=credits)
        self.ledger.note_own_change(self.connection, credits - before)

    def dismiss(self, generation_id: str) -> None:
        """Put a failure card away; the row stays in History."""
        self.ledger.update(generation_id, dismissed_at=self._parts.jobs.now())

    def delete(self, generation_ids: Sequence[str]) -> int:
        """Hide ended generations from History; how many. Files stay, so that ``undelete`` brings all back."""
        return self.ledger.set_deleted(generation_ids, self._parts.jobs.now())

    def undelete(self, generation_ids: Sequence[str]) -> int:
        """Bring deleted generations back; how many."""
        count = self.ledger.set_deleted(generation_ids, None)
        example_sweep.bring_back(self.ledger, generation_ids)
        return count

    def remove_examples(self) -> list[str]:
        """Delete the examples of the first start, clips and sweep; the ids of the clips, for ``undelete``, which brings back both."""
        ids = self._parts.history.examples()
        example_sweep.remove(self.ledger)
        self.delete(ids)
        return ids

    def draft(self) -> Mapping[str, Any] | None:
        """The draft of the Generate form; one a data folder."""
        draft: Mapping[str, Any] | None = self.ledger.get_note("draft")
        return draft

    def save_draft(self, draft: Mapping[str, Any]) -> None:
        """Keep the draft of the Generate form; the last writer wins."""
        self.ledger.set_note("draft", dict(draft))
