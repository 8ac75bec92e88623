"""The look: one table of states, times in the reader's words, forms that keep what was typed, and the frame."""

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django import forms
from django.conf import settings
from django.core.management import call_command
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone

from changes import states
from changes.pipelines.models import Pipeline
from home import errors
from home.context import ENTRIES, Shell
from home.theme import choose_theme
from notifications.models import Message
from tests.factories import PASSWORD, Shop
from workflow import moments, tones
from workflow.templatetags import look as tags

NOW = datetime(2026, 11, 24, 13, 20, tzinfo=UTC)
TEMPLATES = sorted((settings.ROOT / "templates").rglob("*.html"))


def rendered(source: str, **values: Any) -> str:
    return Template(source).render(Context(values))


@pytest.fixture
def in_berlin() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False), timezone.override(zoneinfo.ZoneInfo("Europe/Berlin")):
        yield


# --- States --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "choices"),
    [
        ("change", states.State),
        ("outcome", states.Outcome),
        ("verdict", states.Verdict),
        ("way", states.Authorization),
        ("pipeline", Pipeline.State),
        ("message", Message.State),
        ("channel", Message.Channel),
    ],
)
def test_every_state_that_exists_has_a_look_and_keeps_its_word(kind: str, choices: Any) -> None:
    assert dict(choices.choices) == {value: tones.LOOKS[kind][value].word for value in choices.values}


def test_a_closed_change_shows_how_it_ended() -> None:
    change = SimpleNamespace(state="closed", outcome="rolled_back")
    assert "Rolled back" in rendered("{% state change %}", change=change)


def test_a_finished_change_does_not_claim_an_outcome_before_it_is_closed() -> None:
    change = SimpleNamespace(state="finished", outcome="succeeded")
    assert tones.look(change).word == "Finished"


@pytest.mark.parametrize(
    ("authorization", "verdict", "word"),
    [("auto_exempt", "unproven", "Unproven"), ("reviewed", "", "Reviewed"), ("auto_exempt", "", "Pipeline evidence")],
)
def test_a_pipelines_deploy_was_allowed_by_its_verdict_and_others_by_their_way(
    authorization: str, verdict: str, word: str
) -> None:
    assert tones.look(SimpleNamespace(authorization=authorization, verdict=verdict), "way").word == word


def test_a_message_that_failed_once_is_retrying_rather_than_queued() -> None:
    assert tones.look(SimpleNamespace(state="pending", attempt=0), "message").word == "Queued"
    assert tones.look(SimpleNamespace(state="pending", attempt=2), "message").word == "Retrying"


def test_an_unproven_deploy_is_never_green() -> None:
    assert tones.LOOKS["verdict"]["unproven"].tone == "warn"
    assert [word for word, look in tones.LOOKS["verdict"].items() if look.tone == "ok"] == ["exempt"]


def test_a_state_that_nobody_taught_us_is_shown_as_it_is_and_escaped() -> None:
    html = rendered('{% state word "gate" %}', word="on_<b>fire")
    assert "On &lt;b&gt;fire" in html
    assert "dl-mute" in html


def test_no_state_at_all_is_a_dash() -> None:
    assert "–" in rendered('{% state "" "verdict" %}{% pill nothing %}', nothing=None)


def test_the_verdict_strip_says_in_words_what_its_bars_show() -> None:
    html = rendered("{% verdict_strip words %}", words=["exempt", "exempt", "unproven"])
    assert 'aria-label="Last 3 verdicts: 2 exempt, 1 unproven. The newest is unproven."' in html
    assert html.count("<rect") == 3


# --- Icons ---------------------------------------------------------------------------------------------------------


def test_every_icon_that_is_named_anywhere_exists() -> None:
    named = {tones.UNKNOWN} | {entry.icon for entry in ENTRIES}
    named |= {look.icon for kind in tones.LOOKS.values() for look in kind.values()}
    for path in TEMPLATES:
        text = path.read_text()
        named |= set(re.findall(r'{% icon "([^"]+)"', text)) | set(re.findall(r'\bicon="([^"]+)"', text))
    for name in sorted(named):
        assert tags.drawing(name), name


def test_a_missing_icon_leaves_its_place_and_the_page_stands() -> None:
    html = rendered('{% icon "no-such-thing" 20 %}words')
    assert 'width="20"' in html
    assert html.endswith("words")


@pytest.mark.parametrize("name", ["../../package", "x/../hourglass", "", "Hourglass"])
def test_an_icon_name_cannot_leave_the_folder_of_icons(name: str) -> None:
    with pytest.raises(tags.NoSuchIcon):
        tags.drawing(name)


def test_an_icon_is_hidden_from_screen_readers_and_takes_the_colour_of_its_words() -> None:
    html = rendered('{% icon "hourglass" %}')
    assert 'aria-hidden="true"' in html
    assert 'stroke="currentColor"' in html


# --- Times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (48, "48 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (3599.6, "1 h"),
        (6000, "1 h 40 min"),
        (86_400, "1 day"),
        (2 * 86_400 + 3 * 3600, "2 days 3 h"),
        (timedelta(minutes=5), "5 min"),
    ],
)
def test_durations_are_words(seconds: Any, words: str) -> None:
    assert moments.duration(seconds) == words


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=48), "in 48 s"),
        (timedelta(hours=1, minutes=40, seconds=30), "in 1 h 40 min"),
        (-timedelta(minutes=22), "22 min ago"),
        (timedelta(hours=28), "in 1 day 4 h"),
        (-timedelta(days=12), "12 days ago"),
        (-timedelta(days=150), "5 months ago"),
        (-timedelta(days=800), "2 years ago"),
    ],
)
def test_distance_is_what_a_person_would_say(in_berlin: None, ahead: timedelta, words: str) -> None:
    assert moments.distance(NOW + ahead) == words


def test_a_moment_is_relative_first_then_absolute_in_the_readers_zone(in_berlin: None) -> None:
    html = rendered("{% moment at %}", at=NOW - timedelta(minutes=22))
    assert re.sub(r"<[^>]+>", "", html) == "22 min ago, 13:58 CET"
    assert 'datetime="2026-11-24T13:58:00+01:00"' in html


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 11, 24, 15, 30, tzinfo=UTC), "16:30"),
        (datetime(2026, 11, 24, 23, 30, tzinfo=UTC), "tomorrow 00:30"),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), "yesterday 00:30"),
        (datetime(2026, 11, 26, 16, 0, tzinfo=UTC), "Thu 26 Nov, 17:00"),
        (datetime(2024, 7, 1, 10, 0, tzinfo=UTC), "1 Jul 2024, 12:00"),
    ],
)
def test_a_time_names_its_day_only_when_that_is_not_today(in_berlin: None, at: datetime, words: str) -> None:
    assert moments.stamp(at) == words


def test_an_interval_over_midnight_names_the_day_it_ends_on(in_berlin: None) -> None:
    start = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    assert moments.interval(start, start + timedelta(minutes=45)) == "23:00–23:45"
    assert moments.interval(start, start + timedelta(hours=2)) == "23:00–Wed 01:00"


@pytest.mark.parametrize(("name", "words"), [("Europe/Berlin", "CET"), ("Asia/Kolkata", "IST"), ("UTC", "UTC")])
def test_the_zone_has_its_usual_name(name: str, words: str) -> None:
    with timezone.override(zoneinfo.ZoneInfo(name)):
        assert moments.zone(NOW) == words


@pytest.mark.parametrize(("name", "words"), [("America/Sao_Paulo", "UTC-3"), ("Asia/Kathmandu", "UTC+5:45")])
def test_a_zone_without_a_name_is_told_by_its_offset(name: str, words: str) -> None:
    with timezone.override(zoneinfo.ZoneInfo(name)):
        assert moments.zone(NOW) == words


@pytest.mark.parametrize(("name", "city"), [("America/New_York", "New York"), ("UTC", ""), ("Etc/UTC", "")])
def test_the_place_of_a_zone_is_a_city_or_nothing(name: str, city: str) -> None:
    with timezone.override(zoneinfo.ZoneInfo(name)):
        assert moments.place() == city


def test_a_day_of_another_year_says_which(in_berlin: None) -> None:
    assert moments.long_day(NOW) == "Today, Tuesday 24 November"
    assert moments.long_day(NOW - timedelta(days=400)) == "Monday 20 October 2025"


def test_what_is_over_is_overdue(in_berlin: None) -> None:
    source = "{{ soon|due }}; {{ late|due }}"
    html = rendered(source, soon=NOW + timedelta(hours=8, minutes=31), late=NOW - timedelta(days=2))
    assert html == "Due in 8 h 31 min; Overdue by 2 days"


def test_a_missing_time_is_a_dash_and_no_error() -> None:
    html = rendered("{% moment x %}{% clock x %}{% interval x %}{{ x|duration }}{{ x|distance }}{{ x|due }}", x=None)
    assert html.count("–") == 6


# --- People and forms ----------------------------------------------------------------------------------------------


def test_only_the_reader_is_called_you(shop: Shop) -> None:
    request = SimpleNamespace(user=shop.ann)
    assert "you</span>" in rendered("{% person who %}", who=shop.ann, request=request)
    assert "you</span>" not in rendered("{% person who %}", who=shop.bo, request=request)


def test_a_name_cannot_bring_markup_into_a_page(shop: Shop) -> None:
    shop.bo.name = "<script>alert(1)</script>"
    html = rendered("{% person who %}", who=shop.bo)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


class Plan(forms.Form):
    """One field of each kind."""

    title = forms.CharField(help_text="What will be different?")
    minutes = forms.IntegerField(required=False)
    checks = forms.MultipleChoiceField(choices=[("tests", "Tests")], widget=forms.CheckboxSelectMultiple)


def test_a_wrong_number_stays_in_its_field_with_a_sentence_beside_it() -> None:
    html = rendered('{% include "parts/form.html" %}', form=Plan({"title": "x", "minutes": "ten", "checks": "tests"}))
    assert 'value="ten"' in html
    assert 'type="number"' not in html
    assert "“ten” is not a number." in html


def test_a_field_is_described_by_its_hint_and_its_error_for_those_who_listen() -> None:
    html = rendered('{% include "parts/form.html" %}', form=Plan({"title": ""}))
    for described in re.findall(r'aria-describedby="([^"]+)"', html):
        for note in described.split():
            assert f'id="{note}"' in html, note
    assert 'aria-describedby="id_title_hint id_title_problem"' in html
    assert 'aria-invalid="true"' in html


def test_what_is_wrong_is_listed_on_top_with_links_to_the_fields() -> None:
    html = rendered('{% include "parts/form.html" %}', form=Plan({"minutes": "ten"}))
    assert html.count("Nothing was saved.") == 1
    for target in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{target}"' in html


def test_a_refusal_above_the_form_names_its_rule() -> None:
    form = Plan({"title": "x", "checks": "tests"})
    form.add_error(None, forms.ValidationError("You wrote one of its commits. Ask Dana.", code="four_eyes"))
    html = rendered('{% include "parts/form.html" %}', form=form)
    assert "<strong>You wrote one of its commits.</strong> Ask Dana." in html
    assert "<code>four_eyes</code>" in html


# --- The frame -----------------------------------------------------------------------------------------------------


TAKEN_AWAY = Path("audit/sample.html")
"""No server sends it: it is opened from a folder, brings its own style sheet and states a policy of its own for it."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(settings.ROOT).as_posix())
def test_no_template_needs_what_the_content_policy_forbids(path: Path) -> None:
    text = path.read_text()
    if path.match(str(TAKEN_AWAY)):
        assert "default-src 'none'; style-src 'unsafe-inline'" in text
    else:
        assert "<style" not in text
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:|\shx-on", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


def test_the_navigation_marks_the_page_one_is_on() -> None:
    lines = Shell(RequestFactory().get("/changes/CHG-12")).lines
    assert [line.entry.word for line in lines if line.is_current] == ["Changes"]
    assert not any(line.is_current for line in Shell(RequestFactory().get("/changesets")).lines)


@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("pink", "system"), ("", "system")]
)
def test_the_theme_is_set_before_the_first_pixel(client: Client, shop: Shop, cookie: str, theme: str) -> None:
    client.cookies["decklog_theme"] = cookie
    assert f'data-bs-theme="{theme}"' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [("/changes?q=x", "/changes?q=x"), ("https://evil.example/", "/"), ("//evil.example", "/"), ("", "/")],
)
def test_choosing_a_theme_keeps_it_and_leads_back_to_our_own_page_only(asked: str, led_to: str) -> None:
    answer = choose_theme(RequestFactory().post("/theme", {"theme": "dark", "next": asked}))
    assert answer["Location"] == led_to
    assert answer.cookies["decklog_theme"].value == "dark"


@pytest.mark.parametrize("status", [500, 503])
def test_the_pages_for_the_worst_moments_need_no_database(status: int) -> None:
    html = rendered(f'{{% include "errors/{status}.html" %}}')
    assert "Decklog" in html
    assert 'class="btn" href' in html


def test_an_error_of_ours_is_a_page_with_a_way_on_and_without_the_database() -> None:
    answer = errors.server_error(RequestFactory().get("/changes"))
    assert answer.status_code == 500
    assert "it was our fault" in answer.content.decode()


def test_a_wrong_address_tells_strangers_and_readers_where_to_go(client: Client, shop: Shop) -> None:
    stranger = client.get("/nowhere")
    client.force_login(shop.ann)
    reader = client.get("/nowhere")
    assert stranger.status_code == reader.status_code == 404
    assert "There is nothing at this address" in stranger.content.decode()
    assert 'aria-label="Main"' not in stranger.content.decode()
    assert "Times in CE" in reader.content.decode()


ENTRANCE_PAGES = [
    "login/",
    "inactive/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/1-abc/",
    "password/reset/key/done/",
]
READER_PAGES = ["logout/", "password/change/", "password/reset/"]


@pytest.mark.parametrize("page", ENTRANCE_PAGES)
def test_every_page_before_signing_in_has_our_frame_and_words(client: Client, shop: Shop, page: str) -> None:
    html = client.get(f"/accounts/{page}").content.decode()
    assert html.count("<h1>") == 1
    assert 'class="dl-brand"' in html
    assert not re.search(r"please|successful|!<", html, re.IGNORECASE)


@pytest.mark.parametrize("page", READER_PAGES)
def test_every_page_of_the_own_account_has_our_frame_and_words(client: Client, shop: Shop, page: str) -> None:
    client.force_login(shop.ann)
    html = client.get(f"/accounts/{page}").content.decode()
    assert html.count("<h1>") == 1
    assert "Ann Lee" in html
    assert not re.search(r"please|successful|!<", html, re.IGNORECASE)


def test_a_wrong_password_is_answered_in_words_and_keeps_the_email(client: Client, shop: Shop) -> None:
    answer = client.post("/accounts/login/", {"login": "ann@example.com", "password": "wrong"})
    html = answer.content.decode()
    assert "This e-mail and password do not belong together." in html
    assert 'value="ann@example.com"' in html


def test_signing_in_needs_no_congratulations(client: Client, shop: Shop) -> None:
    client.post("/accounts/login/", {"login": "ann@example.com", "password": PASSWORD})
    assert "<p><strong>" not in client.get("/nowhere").content.decode()


def test_a_new_password_is_asked_for_in_the_first_line_of_a_mail(client: Client, shop: Shop) -> None:
    client.post("/accounts/password/reset/", {"email": "ann@example.com"})
    mail = Message.objects.get(recipient="ann@example.com").payload
    assert mail["title"] == "Choose a new password for Decklog"
    first, _, third, *_ = mail["text"].splitlines()
    assert first == "Choose a new password for Decklog within 3 days, with this link; it works once:"
    assert third.startswith("http")


# --- Colours -------------------------------------------------------------------------------------------------------


def tokens() -> dict[str, tuple[str, str]]:
    """The variables of tokens.css that have a light and a dark colour."""
    css = (settings.ROOT / "static/decklog/tokens.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", css)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tone", ["live", "ok", "warn", "bad", "exc", "mute"])
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_tone_can_be_read_on_page_card_sidebar_and_its_own_tint(tone: str, theme: int) -> None:
    colours = tokens()
    for ground in ("tblr-body-bg", "tblr-bg-surface", "dl-sidebar", f"dl-{tone}-lt"):
        assert contrast(colours[f"dl-{tone}"][theme], colours[ground][theme]) >= 4.5, ground


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_focus_and_the_edges_of_inputs_can_be_seen(theme: int) -> None:
    colours = tokens()
    for edge, grounds in {
        "tblr-focus-ring-color": ("tblr-body-bg", "tblr-bg-surface", "dl-sidebar"),
        "dl-input-line": ("tblr-body-bg", "tblr-bg-surface"),
    }.items():
        for ground in grounds:
            assert contrast(colours[edge][theme], colours[ground][theme]) >= 3, (edge, ground)


# --- Served files --------------------------------------------------------------------------------------------------


def test_what_a_container_collects_refers_only_to_files_that_are_there(tmp_path: Path, settings: Any) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    call_command("collectstatic", "--no-input", verbosity=0)
    sheet = next((tmp_path / "decklog").glob("decklog.*.css")).read_text()
    fonts = re.findall(r'url\("\.\./(inter/[^"]+)"\)', sheet)
    assert fonts
    assert all((tmp_path / font).is_file() for font in fonts)
