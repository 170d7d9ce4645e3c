"""Authorization proxy: a lab bound to one person. Each action is checked against the role, and what it stores names the person.

The only place that decides. Pages and routes get such a lab and never compare roles themselves; to disable a button with its
reason they ask ``may``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from inspect import ismethod
from typing import Any, Final

from rivya_core.api.errors import LabError
from rivya_core.lab.people.acts import GUARDED, LEAST_ROLE, LEDGER, READS_OF_THE_LEDGER
from rivya_core.lab.people.person import Person, Role, role_of
from rivya_core.settings import Settings

_acting: ContextVar[Person | None] = ContextVar("rivya_acting", default=None)

_REFUSED: Final = "You may not do this"
_WHO: Final = {
    Role.VIEWER: "everybody who is signed in",
    Role.MAKER: "makers and admins",
    Role.ADMIN: "admins",
}


def acting_address() -> str | None:
    """Return the address of the person on whose behalf the current call runs, to be stored with its writes; None without sign-in."""
    person = acting_person()
    return None if person is None else person.address


def acting_person() -> Person | None:
    """Return the person on whose behalf the current call runs; None without sign-in."""
    return _acting.get()


def own(name: str, person: Person | None) -> str:
    """Return the storage key of something personal, such as a draft; without sign-in one key is shared by all."""
    return name if person is None else f"{name}:{person.address}"


@contextmanager
def acting_for(person: Person | None) -> Iterator[None]:
    """Attribute all writes inside the block to a person. Checks no permission: ``acting_as`` does that."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def signed(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's detail with the acting person added, if there is one."""
    address = acting_address()
    return dict(detail) if address is None else {**detail, "person": address}


def acted(detail: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The event of an act that is told only for the sake of whose act it was; None without sign-in, where nothing is written."""
    return None if acting_person() is None else ("note", detail)


class Acting:
    """An object of the lab in the hands of a person, or of nobody (None): its acts are checked, everything else is its own.

    Nobody may see what everybody may see: who may look at all is decided where a request comes in.
    """

    __slots__ = ("_inner", "_person", "_settings")

    def __init__(self, inner: Any, settings: Settings, person: Person | None) -> None:
        self._inner = inner
        self._settings = settings
        self._person = person

    def __getattr__(self, name: str) -> Any:
        kind = type(self._inner).__name__
        act = f"{kind}.{name}"
        if name.startswith("_") or (kind in LEDGER and act not in READS_OF_THE_LEDGER and act not in LEAST_ROLE):
            raise LabError(_REFUSED, f"{act} is for the program itself.", "Use an act of the lab. Nothing was changed.")
        attribute = getattr(self._inner, name)
        if ismethod(attribute):  # of acts and of what only shows: a budget is that of the person who asks
            return partial(self._carry_out, act, attribute)
        if type(attribute).__name__ in GUARDED:
            return Acting(attribute, self._settings, self._person)
        return attribute

    def _carry_out(self, act: str, method: Callable[..., Any], *values: Any, **named: Any) -> Any:
        if act in LEAST_ROLE:
            check(act, self._person, self._settings)
        with acting_for(self._person):
            return method(*values, **named)


class ActingLab(Acting):
    """The whole lab bound to a person; for those who may not spend its settings say read-only, which pages understand."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name == "simulator" and not self._is_at_least(Role.ADMIN):
            return None  # its world is shared by all
        return super().__getattr__(name)

    @property
    def settings(self) -> Settings:
        """The settings; read-only for viewers."""
        if self._settings.read_only or self._is_at_least(Role.MAKER):
            return self._settings
        return self._settings.model_copy(update={"read_only": True})

    @property
    def person(self) -> Person | None:
        """The person it is bound to."""
        return self._person

    @property
    def role(self) -> Role | None:
        """The person's current role; None for nobody."""
        return None if self._person is None else role_of(self._person, self._settings)

    def may(self, act: str) -> bool:
        """Return whether the role allows an action, by its name in ``acts.LEAST_ROLE``."""
        return self._is_at_least(LEAST_ROLE[act])

    def acting_as(self, person: Person | None) -> ActingLab:
        """Return the same lab bound to another person."""
        return ActingLab(self._inner, self._settings, person)

    def _is_at_least(self, least: Role) -> bool:
        role = self.role
        return role is not None and role >= least


def check(act: str, person: Person | None, settings: Settings) -> None:
    """Check that a person may do an action. Raises LabError: nobody is signed in, or their current role is not enough."""
    least = LEAST_ROLE[act]
    if person is None:
        raise refusal(None, least, "Nobody is signed in.")
    role = role_of(person, settings)
    if role < least:
        raise refusal(person, least, f"You are signed in as {person.address}, a {role.label}.")


def refusal(person: Person | None, least: Role, detail: str) -> LabError:
    """Build the error that names the role an action needs."""
    hint = (
        "Sign in."
        if person is None
        else "Ask an admin of this server; the roles are set by RIVYA_ADMINS and RIVYA_MAKERS."
    )
    return LabError(_REFUSED, f"{detail} This is for {_WHO[least]}.", f"{hint} Nothing was changed.", field="role")
