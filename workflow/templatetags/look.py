"""State, icon, time and person: one place that knows how they look. What each tag promises is in templates/parts."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import structlog
from django import forms, template
from django.conf import settings
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from workflow import moments, tones

register = template.Library()
log = structlog.get_logger("decklog.look")

NONE = mark_safe('<span class="dl-soft">–</span>')
"""What stands where a fact is missing."""
OWN_DRAWINGS = {
    f"bars-{level}": "".join(
        f'<rect class="{f"dl-bar-{bar}" if bar <= level else "dl-bar-none"}" x="{bar * 8 - 7}" y="{20 - bar * 6}" '
        f'width="6" height="{2 + bar * 6}" rx="1.5" stroke="none"/>'
        for bar in (1, 2, 3)
    )
    for level in (1, 2, 3)
}
ICON_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
VERDICT_BARS = {"exempt": (1, 14), "unproven": (9, 6), "pending": (2, 12)}
"""Top and height of a bar in the verdict strip, so that height speaks as well as colour."""
PLAIN_CODES = {"invalid", "required", "invalid_choice", "max_length", "min_length", "min_value", "max_value", "unique"}
"""Codes of form errors that are Django's own and name no rule."""


class NoSuchIcon(Exception):
    """A name that is not among the icons."""


# --- Icons and states ----------------------------------------------------------------------------------------------


@cache
def drawing(name: str) -> SafeString:
    """What is inside the icon's `<svg>`; raises NoSuchIcon."""
    if name in OWN_DRAWINGS:
        return mark_safe(OWN_DRAWINGS[name])  # noqa: S308 - a constant of this file
    path = settings.ICONS / f"{name}.svg"
    if not ICON_NAME.match(name) or not path.is_file():
        raise NoSuchIcon(name)
    inside = path.read_text().partition(">")[2].rpartition("</svg>")[0]
    inside = inside.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
    return mark_safe(re.sub(r"\s*\n\s*", "", inside))  # noqa: S308 - a file of the icon package


@register.simple_tag
@cache
def icon(name: str, size: int = 16) -> SafeString:
    """The outline icon `name`, inline and hidden from screen readers: the words beside it speak.

    An unknown name is logged and leaves an empty place of the same size; a test walks all names in use.
    """
    try:
        inside = drawing(name)
    except NoSuchIcon:
        log.error("icon_missing", icon=name)
        inside = SafeString("")
    return format_html(
        '<svg class="dl-icon" width="{0}" height="{0}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{1}</svg>',
        size,
        inside,
    )


@cache
def _badge(look: tones.Look, css: str) -> SafeString:
    return format_html('<span class="{} dl-{}">{}{}</span>', css, look.tone, icon(look.icon, 15), look.word)


@register.simple_tag
def state(subject: Any, kind: str = "change") -> SafeString:
    """Icon and word of a state, for lists: only the icon is coloured, bad states colour the word too."""
    css = "dl-state dl-scale" if kind == "risk" else "dl-state"
    return _badge(tones.look(subject, kind), css) if subject else NONE


@register.simple_tag
def pill(subject: Any, kind: str = "change") -> SafeString:
    """The same as a tinted pill, once per page, under its title."""
    return _badge(tones.look(subject, kind), "dl-pill") if subject else NONE


@register.simple_tag
def look(subject: Any, kind: str = "change") -> tones.Look:
    """The word, icon and tone of a state, for `{% look x "verdict" as it %}`."""
    return tones.look(subject, kind)


@register.simple_tag
def verdict_strip(verdicts: Iterable[str]) -> SafeString:
    """The last verdicts as bars, oldest first: exempt tall, unproven short, pending hollow; a sentence as its label."""
    words = [word for word in verdicts if word in VERDICT_BARS]
    if not words:
        return NONE
    bars = format_html_join(
        "",
        '<rect class="dl-{}" x="{}" y="{}" width="5" height="{}" rx="1"/>',
        ((word, place * 7 + 1, *VERDICT_BARS[word]) for place, word in enumerate(words)),
    )
    counted = ", ".join(
        f"{words.count(word)} {tones.look(word, 'verdict').word.lower()}" for word in dict.fromkeys(words)
    )
    sentence = f"Last {len(words)} verdicts: {counted}. The newest is {tones.look(words[-1], 'verdict').word.lower()}."
    return format_html(
        '<svg class="dl-strip" role="img" aria-label="{}" width="{}" height="16">{}</svg>',
        sentence,
        len(words) * 7 + 1,
        bars,
    )


# --- Times ---------------------------------------------------------------------------------------------------------


def _time(local: datetime, content: str) -> SafeString:
    machine = local.isoformat(timespec="seconds")
    return format_html('<time class="dl-num" datetime="{}">{}</time>', machine, content)


@register.simple_tag
def moment(at: datetime | None) -> SafeString:
    """Relative, then absolute with the zone: “22 min ago, 13:58 CET”."""
    if at is None:
        return NONE
    local = moments.here(at)
    absolute = f"{moments.stamp(local)} {moments.zone(local)}"
    return _time(local, format_html('{}, <span class="dl-soft">{}</span>', moments.distance(at), absolute))


@register.simple_tag
def clock(at: datetime | None, style: str = "short") -> SafeString:
    """Absolute: `short` “16:30” or “Thu 26 Nov, 17:00”, `time` “16:30”, `seconds` “16:30:05”, `zone` “16:30 CET”.

    `year` names it always: “4 Mar 2027, 16:30”.
    """
    if at is None:
        return NONE
    local = moments.here(at)
    if style in {"time", "seconds"}:
        return _time(local, moments.clock(local, seconds=style == "seconds"))
    if style == "year":
        return _time(local, moments.dated(local))
    return _time(local, f"{moments.stamp(local)} {moments.zone(local)}" if style == "zone" else moments.stamp(local))


@register.simple_tag
def interval(start: datetime | None, end: datetime | None = None) -> SafeString:
    """From when to when: “16:30–17:00”."""
    if start is None:
        return NONE
    local = moments.here(start)
    return _time(local, moments.interval(local, end))


@register.simple_tag
def zone() -> str:
    """The short name of the reader's zone now, for headings such as “When (CET)”."""
    return moments.zone()


@register.filter
def long_day(at: datetime | date) -> str:
    """“Today, Tuesday 24 November”."""
    return moments.long_day(at)


@register.filter
def duration(seconds: float | timedelta | None) -> str | SafeString:
    """“4 min 10 s”, “1 h 40 min”; from seconds or a timedelta."""
    return NONE if seconds is None else moments.duration(seconds)


@register.filter
def distance(at: datetime | None) -> str | SafeString:
    """“in 1 h 40 min”, “22 min ago”."""
    return NONE if at is None else moments.distance(at)


@register.filter
def due(at: datetime | None, verb: str = "Due") -> str | SafeString:
    """“Due in 8 h 31 min”, “Overdue by 2 days”; `{{ at|due:"Opens" }}` for another verb."""
    return NONE if at is None else moments.due(at, verb)


# --- People --------------------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def person(context: Context, who: Any) -> SafeString:
    """A person: initials, name, and a blue “you” for the reader. Needs `name`, `initials` and `pk`."""
    if not who:
        return NONE
    reader = getattr(context.get("request"), "user", None)
    you = mark_safe('<span class="dl-you">you</span>') if reader is not None and reader.pk == who.pk else ""
    return format_html(
        '<span class="dl-person"><span class="avatar avatar-xs rounded-circle" aria-hidden="true">{}</span>'
        "<span>{}</span>{}</span>",
        who.initials,
        str(who),
        you,
    )


# --- Forms and text ------------------------------------------------------------------------------------------------


@register.simple_tag
def control(field: forms.BoundField, label_text: str = "") -> SafeString:
    """The input of a form field with its classes, told to screen readers together with its hint and its error.

    Under a label other than its own it loses its placeholder, which would only repeat the label that was replaced.
    """
    widget = field.field.widget
    if isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
        return format_html_join("", "{}", ((_option(option),) for option in field.subwidgets))
    css = "form-control"
    if isinstance(widget, forms.CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, forms.Select):
        css = "form-select"
    attributes: dict[str, str | bool] = {"class": f"{css} is-invalid" if field.errors else css}
    if isinstance(widget, forms.NumberInput):
        # A browser empties a number field that holds no number; as text, what was typed is still there to correct.
        widget.input_type = "text"
        attributes["inputmode"] = "decimal" if isinstance(field.field, forms.FloatField) else "numeric"
    if label_text:
        attributes["placeholder"] = False
    if notes := described_by(field):
        attributes["aria-describedby"] = notes
    return field.as_widget(attrs=attributes)


def _option(option: forms.boundfield.BoundWidget) -> SafeString:
    option.data["attrs"]["class"] = "form-check-input"
    return format_html("<label>{} {}</label>", option.tag(wrap_label=False), option.choice_label)


@register.filter
def described_by(field: forms.BoundField) -> str:
    """The ids of a field's hint and error, for aria-describedby."""
    notes = [f"{field.auto_id}_hint"] if field.help_text else []
    return " ".join([*notes, f"{field.auto_id}_problem"] if field.errors else notes)


@register.filter
def problems(field: forms.BoundField) -> list[tuple[str, str]]:
    """What is wrong with a field, as (sentence, code); Django's own short phrases become sentences that help."""
    found = []
    for error in field.errors.as_data():
        code, sentence = error.code or "", " ".join(error.messages)
        if sentence == forms.Field.default_error_messages["required"]:
            sentence = "This is needed."
        elif code == "invalid" and isinstance(field.field, forms.IntegerField):
            sentence = f"“{field.value()}” is not a number. Write one, such as 10."
        found.append((sentence, code))
    return found


@register.filter
def control_kind(field: forms.BoundField) -> str:
    """`hidden`, `checkbox`, `group` (several inputs under one legend) or `single`: how a field is laid out."""
    if field.is_hidden:
        return "hidden"
    if isinstance(field.field.widget, forms.CheckboxInput):
        return "checkbox"
    return "group" if field.use_fieldset else "single"


@register.filter
def refusals(form: forms.BaseForm) -> list[tuple[str, str]]:
    """The errors of a form that belong to no field, as (sentence, rule); the rule is empty when none decided."""
    found = []
    for error in form.non_field_errors().as_data():
        code = error.code or ""
        found.append((" ".join(error.messages), "" if code in PLAIN_CODES else code))
    return found


@register.filter
def lead(text: object) -> SafeString:
    """The text with its first sentence in bold, for banners."""
    first, stop, rest = str(text).partition(". ")
    return format_html("<strong>{}{}</strong>{}", first, stop.strip(), f" {rest}" if rest else "")


@register.filter
def wrong_fields(form: forms.BaseForm) -> list[forms.BoundField]:
    """The visible fields that have errors, in the order of the form."""
    return [field for field in form.visible_fields() if field.errors]
