"""A person who signed in, and the role that the settings give to an address.

A role is never stored with a person: it is looked up at every action, so that a changed setting takes effect at once.
Ambiguity fails closed: the person is a viewer, or nobody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Self

from rivya_core.api.errors import LabError
from rivya_core.settings import Settings

ADDRESS_MAX: Final = 60
"""Longest address; votes, notes and ratings store it where a name of so many characters has room, too."""

_ADDRESS: Final = re.compile(r"[^\s@,]+@[^\s@,]+")


class Role(IntEnum):
    """What a person may do; each role may do all that the ones before it may."""

    VIEWER = 1
    MAKER = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        """The role's display name."""
        return self.name.lower()


def checked_address(address: str) -> str:
    """Return an address folded, as persons are stored. Raises LabError: it is none, or longer than 60 characters."""
    if not _ADDRESS.fullmatch(address) or len(address) > ADDRESS_MAX:
        rule = f"It needs one @ and no spaces, and at most {ADDRESS_MAX} characters."
        raise LabError("This is no e-mail address", rule, "Type it as ann@lab.example.", field="address")
    return fold(address)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in. ``address``: their e-mail address, folded; ``name``: what the provider calls them, for screens."""

    address: str
    name: str = ""

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any]) -> Self:
        """The person whom an OpenID Connect provider describes (Core 1.0, section 5.1: ``email``, ``email_verified``, ``name``).

        Raises:
            LabError: no address by which to know them, or one that the provider has not verified.
        """
        email = claims.get("email")
        if not isinstance(email, str) or not _ADDRESS.fullmatch(email) or len(email) > ADDRESS_MAX:
            raise LabError(
                "You cannot be signed in",
                f"The sign-in provider sent no e-mail address that can be used: one @, no spaces, at most {ADDRESS_MAX} characters.",
                "Sign in with another account, or ask whoever runs this server.",
                field="email",
            )
        verified = claims.get("email_verified", True)
        if verified is not True and verified != "true":  # some providers send it as text
            raise LabError(
                "You cannot be signed in",
                "The sign-in provider says that your e-mail address is not verified.",
                "Verify it there, then sign in again.",
                field="email_verified",
            )
        name = claims.get("name")
        return cls(fold(email), name.strip()[:ADDRESS_MAX] if isinstance(name, str) else "")

    @property
    def shown(self) -> str:
        """The display name."""
        return self.name or self.address


def fold(address: str) -> str:
    """Fold the case of an address, so that spellings of one address are equal.

    No other character may become an ASCII one (the Kelvin sign a k, a long s an s): an address that only looks like that of
    an admin must stay another one.
    """
    folded = ((letter, letter.casefold()) for letter in address)
    return "".join(small if letter.isascii() or not small.isascii() else letter for letter, small in folded)


def role_of(person: Person, settings: Settings) -> Role:
    """Look up the role of a person: ``admins``, then ``makers``; everybody else is a viewer.

    An entry ``@domain`` stands for the addresses of exactly that domain, not of its subdomains.
    """
    entries = {person.address, "@" + person.address.partition("@")[2]}
    for role, listed in ((Role.ADMIN, settings.admins), (Role.MAKER, settings.makers)):
        if not entries.isdisjoint(_entries(listed)):
            return role
    return Role.VIEWER


def addresses(settings: Settings) -> list[str]:
    """Return the addresses of those who may spend, as far as the settings name them one by one."""
    return sorted(
        one for listed in (settings.admins, settings.makers) for one in _entries(listed) if not one.startswith("@")
    )


def _entries(listed: str) -> set[str]:
    return {fold(one.strip()) for one in listed.split(",") if one.strip()}
