"""The public pages as files, for a host that stays up when this one does not."""

from django.core.management import call_command
from django.utils import timezone

from public.shelf import SHELF
from public.tasks import export_public
from tests.public.test_status import make_incident


def test_another_host_can_serve_what_was_written(shop, tmp_path, settings):
    shop.checkout.is_public = True
    shop.checkout.save()
    make_incident(shop, now=timezone.now())
    call_command("export_public", str(tmp_path))
    page = (tmp_path / "status" / "index.html").read_text()
    assert "Checkout is partly down." in page
    assert f'href="{settings.BASE_URL}/subscribe"' in page
    assert (tmp_path / "status" / "incidents" / "k7x2" / "index.html").is_file()
    assert "SECRET" not in "".join(found.read_text() for found in tmp_path.glob("*.*"))
    assert (tmp_path / "maintenance.ics").read_text().startswith("BEGIN:VCALENDAR")
    for asset in ("static/decklog/public.css", "static/tabler/css/tabler.min.css", "public/look.css"):
        assert (tmp_path / asset).is_file()
    assert list(tmp_path.glob("static/inter/files/*.woff2"))
    assert not list(tmp_path.rglob(".half-*"))


def test_what_is_no_longer_public_is_taken_away_by_the_next_run(shop, tmp_path, settings):
    shop.checkout.is_public = True
    shop.checkout.save()
    incident = make_incident(shop, now=timezone.now())
    settings.PUBLIC_EXPORT = str(tmp_path)
    (tmp_path / "robots.txt").write_text("somebody else's")
    export_public()
    incident.restricted = True
    incident.save()
    SHELF.forget()
    export_public()
    assert not (tmp_path / "status" / "incidents" / "k7x2" / "index.html").exists()
    assert "Everything works." in (tmp_path / "status" / "index.html").read_text()
    assert (tmp_path / "robots.txt").exists()
