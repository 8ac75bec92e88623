"""Asking for a pack, and how it survives whatever happens to its maker."""

import hashlib
import zipfile
from datetime import timedelta
from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from changes.audit import actions, lease, making, queries
from changes.audit.models import EvidencePack, PackPiece
from changes.audit.takeaway import verify_ledger
from changes.tasks import make_packs
from tests.audit.conftest import scope
from workflow.errors import Unprocessable
from workflow.ledger import timeline

State = EvidencePack.State
pytestmark = pytest.mark.django_db


def wanted(**said):
    whole = scope()
    terms = {"since": whole.since, "until": whole.until, "sample": 2, **said}
    return actions.Wanted(**terms)


@pytest.fixture
def pack(history):
    return actions.request_pack(wanted(), by=history.ann)


def later(minutes=2):
    return timezone.now() + timedelta(minutes=minutes)


# --- The page --------------------------------------------------------------------------------------------------------


def form(**said):
    today = timezone.localdate()
    return {"since": str(today - timedelta(days=2)), "until": str(today), "sample": "2", "seed": "", **said}


def test_a_lead_asks_waits_and_takes_home_a_pack_that_verifies(history, client, tmp_path):
    client.force_login(history.ann)
    answer = client.post("/audit", form(seed="my seed"))
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "data-live" in page
    assert "my seed" in page
    assert client.get(f"{answer['Location']}/download").status_code == 302
    make_packs()
    page = client.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "data-live" not in page
    assert "<html" not in page
    got = client.get(f"{answer['Location']}/download")
    content = b"".join(got.streaming_content)
    assert len(content) == int(got["Content-Length"])
    pack = EvidencePack.objects.get()
    assert pack.sha256 in page
    assert hashlib.sha256(content).hexdigest() == pack.sha256
    (tmp_path / "got.zip").write_bytes(content)
    assert verify_ledger.main([str(tmp_path / "got.zip")]) == 0
    assert pack.ref in client.get("/audit").content.decode()


def test_without_a_seed_each_pack_gets_one_that_nobody_could_foresee(history):
    seeds = {actions.request_pack(wanted(), by=history.ann).seed for _ in range(3)}
    assert len(seeds) == 3
    assert all(len(seed) == 16 for seed in seeds)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"until": "2020-01-01"}, "until"),
        ({"since": "2020-01-01"}, "until"),
        ({"since": "2999-01-01", "until": "2999-01-02"}, "until"),
        ({"since": "9999-12-31", "until": "9999-12-31"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"sample": "501"}, "sample"),
        ({"sample": "-1"}, "sample"),
        ({"sample": "many"}, "sample"),
        ({"seed": "ä"}, "seed"),
        ({"seed": "x" * 65}, "seed"),
        ({"services": "nothing"}, "services"),
    ],
)
def test_what_cannot_be_made_is_refused_beside_its_field_and_nothing_typed_is_lost(shop, client, said, field):
    client.force_login(shop.ann)
    answer = client.post("/audit", form(**said))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    typed = said.get(field)
    assert typed is None or field == "services" or f'value="{typed}"' in answer.content.decode()
    assert not EvidencePack.objects.exists()


def test_who_neither_leads_nor_administers_is_told_so_and_gets_nothing(history, client):
    pack = actions.request_pack(wanted(), by=history.admin)
    make_packs()
    client.force_login(history.bo)
    page = client.get("/audit").content.decode()
    assert "may_audit" in page
    assert pack.ref not in page
    assert client.post("/audit", form()).status_code == 403
    for address in (f"/audit/{pack.pk}", f"/audit/{pack.pk}/download"):
        assert client.get(address).status_code == 403, address
    assert EvidencePack.objects.count() == 1


def test_the_page_shows_the_newest_seal_and_needs_a_signed_in_person(history, client):
    assert client.get("/audit").status_code == 302
    client.force_login(history.bo)
    newest = queries.newest_seal()
    assert newest
    assert newest.digest in client.get("/audit").content.decode()


def test_an_unknown_pack_is_not_there(ann):
    for address in ("/audit/99", "/audit/99/download", "/audit/99999999999999999999"):
        assert ann.get(address).status_code == 404, address


def test_the_list_costs_the_same_however_many_packs_there_are(history, client, django_assert_max_num_queries):
    for _ in range(8):
        actions.request_pack(wanted(), by=history.ann)
    client.force_login(history.ann)
    with django_assert_max_num_queries(12):
        client.get("/audit")


# --- The maker -------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What ends a worker without asking anybody."""


def die(*args, **kwargs):
    raise Killed


def killed_halfway(monkeypatch, *, now):
    with monkeypatch.context() as patched:
        patched.setattr(actions, "make_pack", die)
        with pytest.raises(Killed):
            actions.make_next(now=now)


def state_of(pack):
    pack.refresh_from_db()
    return pack.state


def test_a_pack_whose_maker_was_killed_is_made_by_the_next_one_and_not_before_it_is_sure(pack, monkeypatch):
    killed_halfway(monkeypatch, now=timezone.now())
    assert state_of(pack) == State.BUILDING
    assert not actions.make_next(now=timezone.now())
    assert actions.make_next(now=later())
    assert state_of(pack) == State.READY
    assert [entry.verb for entry in timeline(pack.ref)][::-1] == ["requested", "begun", "begun", "made"]


def test_a_pack_that_kills_its_makers_is_given_up_and_can_be_asked_for_again(pack, monkeypatch, client, history):
    for number in range(3):
        EvidencePack.objects.update(leased_until=timezone.now() - timedelta(minutes=4))
        killed_halfway(monkeypatch, now=timezone.now())
        assert state_of(pack) == State.BUILDING, number
    actions.make_next(now=later())
    assert state_of(pack) == State.FAILED
    client.force_login(history.ann)
    assert "stopped halfway 3 times" in client.get(f"/audit/{pack.pk}").content.decode()
    client.post(f"/audit/{pack.pk}/again")
    assert state_of(pack) == State.QUEUED
    make_packs()
    assert state_of(pack) == State.READY
    client.post(f"/audit/{pack.pk}/again")
    assert state_of(pack) == State.READY


def test_a_maker_that_was_silent_for_too_long_stops_and_leaves_the_pack_of_its_successor_alone(pack, monkeypatch):
    real = making.make_pack
    seen: list[making.Made] = []

    def slow(wanted, target, *, progress):
        made = real(wanted, target, progress=progress)
        if not seen:
            seen.append(made)
            assert actions.make_next(now=later())
            assert state_of(pack) == State.READY
            target.write_bytes(b"nonsense")
        return made

    monkeypatch.setattr(actions, "make_pack", slow)
    assert actions.make_next(now=timezone.now())
    assert state_of(pack) == State.READY
    content = b"".join(queries.content_of(pack))
    assert zipfile.is_zipfile(BytesIO(content))
    assert hashlib.sha256(content).hexdigest() == pack.sha256


def test_one_pack_is_made_at_a_time(history, monkeypatch):
    first, second = (actions.request_pack(wanted(), by=history.ann) for _ in range(2))
    killed_halfway(monkeypatch, now=timezone.now())
    assert not actions.make_next(now=timezone.now())
    assert (state_of(first), state_of(second)) == (State.BUILDING, State.QUEUED)


def test_a_full_disk_is_told_and_nothing_half_made_stays(pack, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(actions, "make_pack", full)
    make_packs()
    assert state_of(pack) == State.FAILED
    assert "No space left on device" in pack.error
    assert not PackPiece.objects.exists()
    assert EvidencePack.objects.get(pk=pack.pk).leased_until is None


def test_what_a_broken_maker_left_behind_is_replaced(pack):
    PackPiece.objects.create(pack=pack, number=1, content=b"old")
    PackPiece.objects.create(pack=pack, number=9, content=b"old")
    make_packs()
    assert [piece.number for piece in PackPiece.objects.all()] == [1]


def test_a_heartbeat_that_somebody_else_continued_is_no_longer_ours(pack):
    ours = lease.take(pack, now=timezone.now())
    assert ours is not None
    assert lease.take(pack, now=timezone.now()) is None
    assert lease.take(pack, now=later()) is not None
    with pytest.raises(lease.Overtaken):
        ours.beat()
    ours.end()
    pack.refresh_from_db()
    assert lease.is_held(pack, now=later())
    assert pack.attempt == 2


def test_of_two_who_saw_the_same_pack_waiting_one_makes_it(pack):
    as_seen = EvidencePack.objects.get(pk=pack.pk)
    assert lease.take(pack, now=timezone.now()) is not None
    assert lease.take(as_seen, now=later()) is None


def test_the_progress_is_there_to_see(pack):
    EvidencePack.objects.filter(pk=pack.pk).update(state=State.BUILDING)
    pack.refresh_from_db()
    held = lease.take(pack, now=timezone.now())
    assert held
    actions._report(pack, held, 0, 4)
    pack.refresh_from_db()
    assert (pack.done, pack.total) == (0, 4)


# --- The command -----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_pack_and_says_what_it_is(history, tmp_path):
    out, place = StringIO(), tmp_path / "pack.zip"
    terms = {"since": scope().since, "until": scope().until, "out": place, "seed": "s", "services": ["checkout,ledger"]}
    call_command("evidence_pack", stdout=out, **terms)
    said = out.getvalue()
    assert "5 changes, 5 of them sampled by the seed s." in said
    assert hashlib.sha256(place.read_bytes()).hexdigest() in said
    assert verify_ledger.main([str(place)]) == 0


@pytest.mark.parametrize(
    ("terms", "because"),
    [
        ({"services": ["nothing"]}, "no service “nothing”"),
        ({"sample": 501}, "Draw 0 to 500"),
        ({"until": "2020-01-01"}, "must end after"),
    ],
)
def test_the_command_refuses_in_a_sentence(shop, tmp_path, terms, because):
    words = {"since": "2026-01-01", "until": "2026-12-01", **terms}
    flat = [f"--{name}={value}" for name, value in words.items() if name != "services"]
    extra = {name: value for name, value in terms.items() if name == "services"}
    with pytest.raises(CommandError, match=because):
        call_command("evidence_pack", *flat, f"--out={tmp_path / 'x.zip'}", **extra)


def test_a_place_that_cannot_be_written_is_told(history, tmp_path):
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("evidence_pack", "--since=2026-11-01", "--until=2026-12-01", f"--out={tmp_path}")


def test_the_action_holds_the_rules_whichever_door_asks(shop):
    with pytest.raises(Unprocessable) as refusal:
        actions.request_pack(wanted(sample=501), by=shop.ann)
    assert (refusal.value.code, refusal.value.field) == ("pack_sample", "sample")
