"""Permissions: the least role of every action that changes something. What is not listed is a read, open to every person.

A test compares this table with the lab's public methods, so a new method needs a row here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rivya_core.lab.people.person import Role

_BY_KIND: Final[Mapping[str, Mapping[Role, str]]] = {
    "Lab": {
        Role.MAKER: "submit submit_takes submit_many start cancel check_now ask_again adopt stop_watching watch_again pause_queue "
        "star star_all dismiss save_draft change_draft check_contract",
        Role.ADMIN: "close_unconfirmed resume set_cap set_simulated_credits delete undelete remove_examples",
    },
    "Sweeps": {
        Role.MAKER: "start start_rest retry_failed repair pause resume cancel_waiting drop_planned decide rename hide show",
        Role.ADMIN: "set_cap delete undelete",
    },
    # A ballot that was handed out is open to whoever holds it; a round in the dashboard decides what is bought next.
    "Ballots": {Role.MAKER: "start ballot vote undo end"},
    "Votes": {Role.VIEWER: "accept", Role.MAKER: "drop_needless paste take_out put_back"},
    "Reviews": {Role.MAKER: "add_note edit_note delete_note restore_note rate"},
    "Labels": {Role.MAKER: "add remove"},
    "Verdicts": {Role.MAKER: "try_again settle_probes"},
    "Server": {Role.MAKER: "check_contract ask_contract keep_task"},
    "Shows": {
        Role.MAKER: "of_sweep create add update_facts ballot rename caption set_layout move remove put_back",
        Role.ADMIN: "delete undelete",
    },
    "BallotFiles": {Role.MAKER: "make of_show ask"},
    "ShowFiles": {Role.MAKER: "ask"},
    "Room": {Role.MAKER: "start stop"},
    "Cassettes": {},
    "Spending": {Role.ADMIN: "set_person_cap"},
    "History": {},
    # of the ledger itself only what forms keep: all else goes through the acts above
    "Ledger": {},
    "Assets": {Role.MAKER: "store"},
    "KeyValue": {},
}

LEAST_ROLE: Final[Mapping[str, Role]] = {
    f"{kind}.{name}": role
    for kind, roles in _BY_KIND.items()
    for role, names in roles.items()
    for name in names.split()
}
"""Class and method, such as ``Lab.submit``, to the least role that may call it."""

READS_OF_THE_LEDGER: Final = frozenset(
    {
        *(f"Ledger.{name}" for name in ("assets", "changes", "clock", "counts", "get", "is_empty", "key_value")),
        *(f"Assets.{name}" for name in ("find", "key", "load", "newest")),
        *(f"KeyValue.{name}" for name in ("balance", "get", "get_cap", "learned_price", "pause")),
    }
)
"""The ledger has more ways to write than people have acts, so of its methods those that are not named here or above are refused."""

GUARDED: Final = frozenset(_BY_KIND)
"""The classes whose objects are handed out guarded."""

LEDGER: Final = frozenset({"Ledger", "Assets", "KeyValue"})
