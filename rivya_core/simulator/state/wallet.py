"""The wallets of a world: reserve at creation, settle at success, release at failure; never below zero.

Every movement is a row, so the sum of all movements of an account is its balance.
"""

from __future__ import annotations

from rivya_core.simulator.state.refusal import RefusedError
from rivya_core.simulator.state.store import Store


class Wallet:
    """Move credits. Methods that write join the caller's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def balance(self, account: str) -> int:
        """Return the current credits of an account."""
        row = self._store.row("SELECT balance FROM accounts WHERE id = ?", (account,))
        return 0 if row is None else int(row["balance"])

    def set_balance(self, account: str, amount: int, at: float) -> None:
        """Set the balance, by a ``grant`` movement of the difference.

        Raises:
            ValueError: below zero.
        """
        if type(amount) is not int or amount < 0:
            raise ValueError("credits must be a whole number from 0 up")
        with self._store.transaction():
            self._store.execute("INSERT OR IGNORE INTO accounts (id, balance) VALUES (?, 0)", (account,))
            difference = amount - self.balance(account)
            if difference:
                self._move(account, None, "grant", difference, at)

    def reserve(self, account: str, task_id: str, amount: int, at: float) -> None:
        """Take the price of a task out of the wallet; call :meth:`covers` first."""
        self._move(account, task_id, "reserve", -amount, at)

    def covers(self, account: str, amount: int, status: int) -> None:
        """Check that the wallet holds this many credits. status: of the refusal, which is not documented.

        Raises:
            RefusedError: ``insufficient_credits``.
        """
        balance = self.balance(account)
        if balance < amount:
            raise RefusedError(
                "insufficient_credits", f"This generation needs {amount} credits; {balance} are left.", status=status
            )

    def settle(self, account: str, task_id: str, reserved: int, final: int, at: float) -> None:
        """Close the reservation of a finished task; credits that were reserved and not used return to the wallet."""
        self._move(account, task_id, "settle" if final else "release", reserved - final, at)

    def by_task(self) -> dict[str, int]:
        """Return the credits each task holds or has cost so far."""
        rows = self._store.rows(
            "SELECT task_id, -SUM(credits) AS credits FROM movements WHERE task_id IS NOT NULL GROUP BY task_id ORDER BY MIN(number)"
        )
        return {row["task_id"]: int(row["credits"]) for row in rows}

    def _move(self, account: str, task_id: str | None, kind: str, amount: int, at: float) -> None:
        with self._store.transaction():
            # The schema's CHECK refuses a negative balance, whatever the code before did.
            self._store.execute("UPDATE accounts SET balance = balance + ? WHERE id = ?", (amount, account))
            self._store.execute(
                "INSERT INTO movements (task_id, account, kind, credits, at) VALUES (?, ?, ?, ?, ?)",
                (task_id, account, kind, amount, at),
            )
