"""What a user did in the console is undone by its number, and what was changed since is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daftari.errors import GroupNotFound
from daftari.model.limits import UNDO_DAYS
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.access.errors import RoleRequired
from daftari.rules.erasure.erase import erase_number
from daftari.rules.erasure.purge import purge_group
from daftari.rules.undo import acts
from daftari.rules.undo.errors import ActNotFound, CannotUndo
from daftari.store import Store
from tests.support import calls
from tests.support.builders import mobile, rows_of
from tests.support.calls import NOW, broken_in, create_project
from tests.support.undo import Editor, json_of, sit_down


@pytest.fixture
def editor(store: Store) -> Editor:
    """Asha's; contacts 1 to 5 are in Farmers, and Coast is empty. A program made them."""
    project = create_project(store)
    given = [{"mobile": mobile(number), "fname": f"Wanjiku {number}"} for number in range(1, 6)]
    calls.create_contacts(store, project, given, group="Farmers")
    calls.create_group(store, project, "Coast")
    return sit_down(store, project)


def card_of(editor: Editor, contact_id: int) -> str:
    return calls.get_contact(editor.store, editor.project, str(contact_id))


def ids_in(editor: Editor, group: str | None = None) -> list[int]:
    page = calls.list_contacts(editor.store, editor.project, group=group, suppressed=True)
    return [card["id"] for card in json_of(f"[{page.cards.decode()}]")]


def state_of(editor: Editor) -> dict[int, tuple[str, list[str]]]:
    """Every contact's card and groups."""
    return {number: (card_of(editor, number), editor.groups_of(number)) for number in ids_in(editor)}


def names(editor: Editor) -> dict[str, int]:
    return {group.name: group.contacts for group in calls.list_groups(editor.store, editor.project)}


# ---- acts come and go -----------------------------------------------------------------------------------

ACTS: dict[str, Callable[[Editor], int]] = {
    "add": lambda editor: editor.create({"mobile": mobile(9)}, {"mobile": mobile(1), "city": "Voi"}, group="Coast"),
    "add to a new group": lambda editor: editor.create({"mobile": mobile(9)}, group="Highlands"),
    "change": lambda editor: editor.update("1", {"fname": "Amina", "attributes": {"plan": "gold"}}),
    "change the number": lambda editor: editor.update("2", {"mobile": mobile(8)}),
    "change and move": lambda editor: editor.update("1", {"city": "Voi"}, group="Coast", move=True),
    "remove": lambda editor: editor.remove(2, 3, 5),
    "move": lambda editor: editor.move("Coast", 1, 4),
    "move out of one": lambda editor: editor.move("Highlands", 1, 4, out_of="Farmers"),
    "add to a group": lambda editor: editor.add("Highlands", 1, 2),
    "join": lambda editor: editor.join("Coast", 1, 2, 3),
    "leave": lambda editor: editor.leave("Farmers", 2, 3),
    "merge": lambda editor: editor.merge("Farmers", "Coast"),
    "make a group": lambda editor: _group(editor, "Highlands"),
    "rename": lambda editor: _rename(editor, "Farmers", "Growers"),
    "delete a group": lambda editor: _delete_group(editor, "Farmers"),
}


def _group(editor: Editor, name: str) -> int:
    calls.create_group(editor.store, editor.project, name, actor=editor.actor, now=editor.tick())
    return editor.last()


def _rename(editor: Editor, name: str, new: str) -> int:
    calls.update_group(editor.store, editor.project, name, new, actor=editor.actor, now=editor.tick())
    return editor.last()


def _delete_group(editor: Editor, name: str) -> int:
    calls.delete_group(editor.store, editor.project, name, actor=editor.actor, now=editor.tick())
    return editor.last()


@pytest.mark.parametrize("act", ACTS)
def test_an_act_its_undo_and_the_undo_of_that_leave_the_book_as_it_was_before_each(editor: Editor, act: str) -> None:
    before = (state_of(editor), names(editor))
    seq = ACTS[act](editor)
    after = (state_of(editor), names(editor))
    assert after != before and editor.can_undo(seq)
    undone = editor.undo(seq)
    assert (state_of(editor), names(editor)) == before
    assert (undone.kept, undone.stayed_out, undone.groups_kept) == (0, 0, 0)
    assert not editor.can_undo(seq) and editor.can_undo(undone.seq)
    again = editor.undo(undone.seq)
    assert (state_of(editor), names(editor)) == after
    assert again.action == undone.action and again.kept == 0
    editor.undo(again.seq)
    assert (state_of(editor), names(editor)) == before
    assert broken_in(editor.store, editor.project) == []


def test_a_removed_contact_comes_back_with_its_id_and_the_removal_is_remembered(editor: Editor) -> None:
    calls.delete_contact(editor.store, editor.project, "2", reason="removal", actor=editor.actor, now=editor.tick())
    undone = editor.undo(editor.last())
    assert undone.reversed == 1 and ids_in(editor, "Farmers") == [1, 2, 3, 4, 5]


# ---- what was changed since -----------------------------------------------------------------------------


def test_what_was_changed_since_is_left_alone_and_counted(editor: Editor) -> None:
    seq = editor.create(
        {"mobile": mobile(1), "city": "Voi"}, {"mobile": mobile(2), "city": "Voi"}, {"mobile": mobile(9)}
    )
    calls.update_contact(editor.store, editor.project, "1", {"city": "Lamu"})
    calls.join_group(editor.store, editor.project, "Coast", ids=[6], mobiles=[])
    undone = editor.undo(seq)
    assert (undone.reversed, undone.kept) == (1, 2)
    assert [json_of(card_of(editor, number))["city"] for number in (1, 2)] == ["Lamu", None]
    assert 6 in ids_in(editor)


def test_a_number_that_another_contact_has_by_now_stays_there(editor: Editor) -> None:
    removed, renumbered = editor.remove(1), editor.update("2", {"mobile": mobile(8)})
    calls.create_contacts(editor.store, editor.project, [{"mobile": mobile(1)}, {"mobile": mobile(2)}])
    assert [editor.undo(seq).kept for seq in (removed, renumbered)] == [1, 1]
    assert 1 not in ids_in(editor) and json_of(card_of(editor, 2))["mobile"] == mobile(8)


def test_a_name_that_another_group_has_by_now_stays_there(editor: Editor) -> None:
    renamed = _rename(editor, "Farmers", "Growers")
    deleted = _delete_group(editor, "Coast")
    for name in ("Farmers", "Coast"):
        calls.create_group(editor.store, editor.project, name)
    assert [editor.undo(seq).groups_kept for seq in (renamed, deleted)] == [1, 1]
    assert names(editor) == {"Growers": 5, "Farmers": 0, "Coast": 0}


def test_a_new_group_with_members_is_not_deleted(editor: Editor) -> None:
    seq = _group(editor, "Highlands")
    editor.join("Highlands", 1)
    assert editor.undo(seq).groups_kept == 1 and names(editor)["Highlands"] == 1


def test_who_left_since_is_not_taken_out_twice_and_who_came_back_is_not_put_in_twice(editor: Editor) -> None:
    joined, left = editor.join("Coast", 1, 2), editor.leave("Farmers", 3, 4)
    editor.leave("Coast", 1)
    editor.join("Farmers", 3)
    assert (editor.undo(joined).reversed, editor.undo(left).reversed) == (1, 1)
    assert ids_in(editor, "Coast") == [] and ids_in(editor, "Farmers") == [1, 2, 3, 4, 5]


# ---- consent wins ---------------------------------------------------------------------------------------


def test_who_opted_out_since_does_not_come_back_to_a_group(editor: Editor) -> None:
    seqs = [editor.leave("Farmers", 1), editor.remove(2), editor.move("Coast", 3), _delete_group(editor, "Farmers")]
    editor.say("opt_out", *(mobile(number) for number in (1, 2, 3, 4)))
    undone = [editor.undo(seq) for seq in reversed(seqs)]
    assert [one.stayed_out for one in undone] == [0, 1, 1, 1]
    assert ids_in(editor) == [1, 2, 3, 4, 5]
    assert ids_in(editor, "Farmers") == [5] and ids_in(editor, "Coast") == []
    assert broken_in(editor.store, editor.project) == []


def test_a_contact_that_opted_out_by_its_deletion_does_not_come_back(editor: Editor) -> None:
    calls.delete_contact(editor.store, editor.project, "1", actor=editor.actor, now=editor.tick())
    with pytest.raises(CannotUndo, match="only a later opt-in lifts that"):
        editor.undo(editor.last())


# ---- who, when, and what --------------------------------------------------------------------------------


def test_an_undo_needs_the_role_that_the_act_needs_when_it_is_undone(editor: Editor) -> None:
    seq = editor.update("1", {"fname": "Amina"})
    consent = editor.say("opt_out", mobile(2))
    vic = sit_down(editor.store, editor.project, "Vic", "viewer")
    for number in (seq, consent):
        with pytest.raises(RoleRequired):
            vic.undo(number)
    undone = sit_down(editor.store, editor.project, "Owen", "owner").undo(seq)
    with pytest.raises(RoleRequired):
        vic.undo(undone.seq)


def test_what_a_program_did_is_not_kept_and_cannot_be_undone(editor: Editor, database: str) -> None:
    calls.update_contact(editor.store, editor.project, "1", {"fname": "Amina"}, group="Coast")
    with pytest.raises(CannotUndo, match="in the console"):
        editor.undo(editor.last())
    assert rows_of(database, "SELECT * FROM contact_before") == []
    with pytest.raises(ActNotFound):
        editor.undo(10_000)


def test_an_act_is_undone_once(editor: Editor) -> None:
    seq = editor.update("1", {"fname": "Amina"})
    by = editor.undo(seq).seq
    with pytest.raises(CannotUndo, match=f"undone before, by number {by}"):
        editor.undo(seq)


def test_after_90_days_nothing_is_kept_and_a_deleted_group_is_purged(editor: Editor, database: str) -> None:
    seq = _delete_group(editor, "Farmers")
    assert not calls.purge_group(editor.store, editor.project)
    editor.now += UNDO_DAYS * DAY_MICROSECONDS
    with pytest.raises(CannotUndo, match="90 days"):
        editor.undo(seq)
    assert editor.store.read(editor.project, editor.now, acts.has_expired_before)
    editor.write(acts.expire_before)
    assert rows_of(database, "SELECT * FROM contact_before") == []
    later = editor.now + 1
    while editor.store.purge(editor.project, calls.WORKER, later, purge_group):
        pass
    assert rows_of(database, "SELECT name FROM contact_group") == [("Coast",)]
    with pytest.raises(GroupNotFound):
        calls.get_group(editor.store, editor.project, "Farmers")


def test_an_erasure_takes_what_was_kept_of_the_person_under_every_number(editor: Editor, database: str) -> None:
    seqs = [editor.update("1", {"fname": "Amina"}), editor.update("1", {"mobile": mobile(8)}), editor.remove(1, 2)]
    editor.write(erase_number, mobile=int(mobile(8)))
    kept = rows_of(database, "SELECT seq, contact_id FROM contact_before WHERE contact_id > 0")
    assert kept == [(seqs[2], 2)]
    assert editor.undo(seqs[2]).reversed == 1
    assert ids_in(editor) == [2, 3, 4, 5]


def test_an_erasure_takes_what_was_kept_of_a_contact_that_a_program_deleted_since(
    editor: Editor, database: str
) -> None:
    editor.update("1", {"mobile": mobile(8)})
    calls.delete_contact(editor.store, editor.project, "1", reason="removal", now=editor.tick())
    editor.write(erase_number, mobile=int(mobile(8)))
    assert rows_of(database, "SELECT * FROM contact_before WHERE contact_id > 0") == []


def test_the_acts_that_changed_a_contact_are_listed_newest_first(editor: Editor) -> None:
    seqs = [editor.update("1", {"fname": "Amina"}), editor.join("Coast", 1)]
    editor.join("Coast", 2)
    rows = editor.store.read(editor.project, NOW, acts.list_acts, contact_id=1, before_seq=1_000, limit=10)
    assert [row.seq for row in rows] == seqs[::-1]


def test_an_undo_is_in_the_feed_and_fires_no_trigger(editor: Editor, database: str) -> None:
    editor.undo(_delete_group(editor, "Farmers"))
    last = rows_of(database, "SELECT type, group_id, contacts FROM change ORDER BY seq DESC LIMIT 3")
    assert last == [("group.joined", 1, "1-5"), ("group.created", 1, ""), ("group.deleted", 1, "")]
