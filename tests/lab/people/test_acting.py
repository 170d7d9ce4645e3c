"""A lab in a person's hands: the role decides at every act, in the core, whatever a page shows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rivya_core import GenerationRequest, Lab
from rivya_core.api.errors import LabError
from rivya_core.lab.people.acting import acting_address
from rivya_core.lab.people.acts import LEAST_ROLE
from rivya_core.lab.people.person import Person, Role
from tests.lab.test_read_only import ACTS, EVERY_ACT, SHOWS, Shown, make_shown

VIEWER, MAKER, ADMIN = Person("vi@team.example"), Person("mo@team.example"), Person("ada@team.example")
PEOPLE = {"makers": MAKER.address, "admins": ADMIN.address}
REQUEST = GenerationRequest(prompt="A red fox")


@pytest.fixture
def found(make_lab: Callable[..., Lab]) -> Shown:
    """A filled lab with all three roles."""
    return make_shown(make_lab, **PEOPLE)


def test_every_act_has_a_least_role_and_nothing_else_has() -> None:
    """Whoever adds one says who may do it; a name that no class has any more is taken out."""
    acts = {f"{kind.__name__}.{name}" for kind, named in ACTS.items() for name in named}
    assert acts - LEAST_ROLE.keys() == set()
    methods = {f"{kind.__name__}.{name}" for kind in ACTS for name in dir(kind)}
    assert {act for act in LEAST_ROLE if act.split(".")[0] not in {"Assets", "KeyValue"}} - methods == set()
    shows = {f"{kind.__name__}.{name}" for kind, names in SHOWS.items() for name in names.split()}
    assert LEAST_ROLE.keys() & shows == {
        "Ballots.start", "Room.stop", "Shows.ballot", "Verdicts.settle_probes", "Verdicts.try_again",
    }  # fmt: skip


@pytest.mark.parametrize("person", [None, VIEWER], ids=["nobody", "viewer"])
def test_who_only_looks_changes_nothing(found: Shown, person: Person | None, make_lab: Callable[..., Lab]) -> None:
    """Each act is refused before it begins, the ways round the acts included: a lab that refuses them itself is never asked."""
    found.lab.close()
    lab = make_lab(read_only=True, **PEOPLE).acting_as(person)
    for name, act in EVERY_ACT.items():
        if name == "Votes.accept" and person is not None:
            continue  # what a ballot that was handed out sends in
        with pytest.raises(LabError, match="You may not do this"):
            act(found._replace(lab=lab))


@pytest.mark.parametrize("person", [None, VIEWER], ids=["nobody", "viewer"])
def test_who_only_looks_sees_all(found: Shown, person: Person | None) -> None:
    """Pages know such a lab as they know a read-only one; the simulator's world is not theirs."""
    lab = found.lab.acting_as(person)
    assert lab.settings.read_only
    assert lab.simulator is None
    assert lab.get(found.clip).id == found.clip
    assert lab.history.marks([found.clip])
    assert lab.clip(found.clip).is_file()


def test_a_maker_makes_and_an_admin_decides(found: Shown) -> None:
    """The sentence names the role that is needed, and nothing was changed."""
    maker, admin = found.lab.acting_as(MAKER), found.lab.acting_as(ADMIN)
    assert maker.submit(REQUEST).id
    maker.star(found.clip, True)
    maker.pause_queue()
    for act in (
        lambda: maker.set_cap(0),
        maker.resume,
        lambda: maker.delete([found.clip]),
        lambda: maker.undelete([found.clip]),
        lambda: maker.shows.delete(found.show.id),
    ):
        with pytest.raises(LabError, match=r"This is for admins\. .*Nothing was changed"):
            act()
    for handle in (
        lambda: admin.ledger.key_value.set_cap,
        lambda: admin.ledger.key_value.set,
        lambda: admin.ledger.rows,
        lambda: admin._actions,
    ):
        with pytest.raises(LabError, match="for the program itself"):
            handle()
    assert (maker.may("Lab.submit"), maker.may("Lab.resume"), admin.may("Lab.resume")) == (True, False, True)
    assert maker.simulator is None
    assert admin.simulator is found.lab.simulator
    assert found.lab.pause() is not None
    admin.resume()
    admin.set_cap(0)
    assert (found.lab.pause(), found.lab.cap()) == (None, 0)


def test_a_role_that_was_taken_away_counts_at_the_next_act(make_lab: Callable[..., Lab]) -> None:
    """The tab and its person stay the same; only the settings of the server were changed."""
    first = make_lab(**PEOPLE)
    first.acting_as(MAKER).pause_queue()
    first.close()
    later = make_lab(admins=ADMIN.address).acting_as(MAKER)
    assert later.person == MAKER
    with pytest.raises(LabError, match=r"mo@team\.example, a viewer"):
        later.submit(REQUEST)


def test_an_act_is_the_persons_own_and_nobody_elses(found: Shown) -> None:
    """What one thread does for a person leaves other threads alone, and ends with the act, also when it fails."""
    seen: list[str | None] = []

    def look(kept: object) -> dict[str, str]:
        seen.append(acting_address())
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(acting_address).result())
        raise KeyError

    with pytest.raises(KeyError):
        found.lab.acting_as(MAKER).change_draft(look)
    assert seen == [MAKER.address, None]
    assert acting_address() is None


def test_without_sign_in_everything_is_allowed(lab: Lab) -> None:
    """The lab that a script opens belongs to whoever runs it."""
    assert lab.person is None
    assert all(lab.may(act) for act in LEAST_ROLE)


def test_roles_are_in_order() -> None:
    """Each may do what the ones before it may."""
    assert Role.VIEWER < Role.MAKER < Role.ADMIN
