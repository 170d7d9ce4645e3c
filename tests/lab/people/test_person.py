"""Whom a provider's answer makes somebody, and which role the settings give them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rivya_core.api.errors import LabError
from rivya_core.lab.people.person import ADDRESS_MAX, Person, Role, role_of
from rivya_core.settings import Settings

KELVIN = "\u212a"  # its small letter is the k of ASCII
LONG_S = "\u017f"  # its small letter is the s of ASCII


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("boss@lab.example", Role.ADMIN),
        ("Boss@LAB.example", Role.ADMIN),
        ("ann@studio.example", Role.MAKER),
        ("ANN@Studio.Example", Role.MAKER),
        ("mike@lab.example", Role.MAKER),
        ("anybody@team.example", Role.MAKER),
        ("root@admins.example", Role.ADMIN),
        ("ben@studio.example", Role.VIEWER),
        ("x@sub.team.example", Role.VIEWER),
        ("x@team.example.evil.example", Role.VIEWER),
        ("x@evilteam.example", Role.VIEWER),
        (f"mi{KELVIN}e@lab.example", Role.VIEWER),
        (f"bo{LONG_S}s@lab.example", Role.VIEWER),
        ("b\u043ess@lab.example", Role.VIEWER),
        ("boss\u200b@lab.example", Role.VIEWER),
        ("boss@lab\uff0eexample", Role.VIEWER),
    ],
)
def test_an_address_has_the_role_of_its_entry_alone(address: str, role: Role, tmp_path: Path) -> None:
    """Letter case counts for nothing; what only looks alike, lies below a domain or behind it is somebody else."""
    settings = Settings(
        data_dir=tmp_path,
        admins="Boss@lab.example, @admins.example",
        makers="ann@studio.example, mike@lab.example, @team.example, boss@lab.example",
    )
    assert role_of(Person.of_claims({"email": address}), settings) is role


def test_with_both_lists_empty_everybody_only_looks(tmp_path: Path) -> None:
    """Sign-in that nobody set up gives nobody the right to spend."""
    assert role_of(Person("boss@lab.example"), Settings(data_dir=tmp_path)) is Role.VIEWER


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        7,
        "nobody",
        "@lab.example",
        "boss@",
        "boss@evil.example@lab.example",
        '"boss@lab.example"@evil.example',
        " boss@lab.example",
        "boss@lab.example\n",
        "boss @lab.example",
        "boss@lab.example,ann@lab.example",
        ["boss@lab.example"],
        "b" * ADDRESS_MAX + "@lab.example",
    ],
)
def test_who_has_no_one_address_is_nobody(email: Any) -> None:
    """No guess is made of what was meant."""
    with pytest.raises(LabError, match="cannot be signed in"):
        Person.of_claims({"email": email})


@pytest.mark.parametrize("verified", [False, "false", None, 0, "", "no", [True]])
def test_an_address_that_is_not_verified_is_refused(verified: Any) -> None:
    """Anybody may claim anybody's address at some providers."""
    with pytest.raises(LabError, match="not verified"):
        Person.of_claims({"email": "boss@lab.example", "email_verified": verified})


@pytest.mark.parametrize("claims", [{}, {"email_verified": True}, {"email_verified": "true"}])
def test_a_provider_that_says_nothing_of_it_is_believed(claims: dict[str, Any]) -> None:
    """Many providers send no such claim."""
    assert Person.of_claims({"email": "Boss@lab.example", "name": "The boss", **claims}) == Person(
        "boss@lab.example", "The boss"
    )
