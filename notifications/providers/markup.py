"""A mail's HTML, made of its plain text, so that no mail says one thing in one and something else in the other.

Only addresses of this Decklog become links: whatever else looks like one was typed by somebody.
"""

import re
from collections.abc import Iterator, Sequence

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from notifications.parts import Part
from notifications.providers.protocol import Parcel

STYLE = mark_safe(
    "body{margin:0;background:#f6f7f9;color:#1d273b;font:16px/1.5 Inter,system-ui,sans-serif}"
    "main{max-width:36rem;margin:0 auto;padding:24px 16px}h1{font-size:20px;line-height:1.3;margin:0 0 16px}"
    "h2{font-size:16px;margin:24px 0 8px}p,ul{margin:0 0 16px}ul{padding-left:20px}li{margin-bottom:8px}"
    "a{color:#1a56a8;overflow-wrap:anywhere}.ask a{font-weight:600}"
    "footer{border-top:1px solid #d5dae1;padding-top:12px;font-size:14px;color:#596579}"
    "@media(prefers-color-scheme:dark){body{background:#151b26;color:#e6e9ef}a{color:#8ab8f5}"
    "footer{border-color:#3a4456;color:#a8b2c3}}"
)
PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
    "<title>{}</title><style>{}</style></head><body><main><h1>{}</h1>{}</main></body></html>"
)
FOOT = re.compile(r"(?:\A|\n)-- ?\n")
"""What stands before the signature of a mail, by long custom."""
ITEM, MORE = "- ", "  "


def page(parcel: Parcel) -> str:
    """The parcel as a whole HTML document."""
    body, *foot = FOOT.split(parcel.text, maxsplit=1)
    shown = _of_parts(parcel.parts) if parcel.parts else _of_text(body)
    if foot:
        shown += format_html("<footer>{}</footer>", _of_text(foot[0]))
    return format_html(PAGE, parcel.title, STYLE, parcel.title, shown)


def _of_parts(parts: Sequence[Part]) -> SafeString:
    found = SafeString()
    for part in parts:
        if part.heading:
            found += format_html("<h2>{}</h2>", part.heading)
        lines = [_line(line.label, line.url, line.text) for line in part.lines]
        found += _items([[line] for line in lines]) if part.is_list else _paragraph(lines)
    return found


def _line(label: str, url: str, text: str) -> SafeString:
    if not url:
        return _linked(" ".join(filter(None, (label, text))))
    return format_html('<a href="{}">{}</a>{}{}', url, label or url, " " if text else "", _linked(text))


def _of_text(text: str) -> SafeString:
    found = SafeString()
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        lines = paragraph.split("\n")
        if lines[0].startswith(ITEM):
            found += _items(list(_by_item(lines)))
        elif number == 0 and (asked := _asked(lines[0])):
            found += asked + _paragraph([_linked(line) for line in lines[1:]])
        else:
            found += _paragraph([_linked(line) for line in lines])
    return found


def _by_item(lines: Sequence[str]) -> Iterator[list[SafeString]]:
    """The lines of each item; those that go on with it are indented."""
    item: list[SafeString] = []
    for line in lines:
        if line.startswith(ITEM) and item:
            yield item
            item = []
        item.append(_linked(line.removeprefix(ITEM).removeprefix(MORE)))
    yield item


def _items(items: Sequence[Sequence[SafeString]]) -> SafeString:
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((_broken(item),) for item in items)))


def _paragraph(lines: Sequence[SafeString]) -> SafeString:
    return format_html("<p>{}</p>", _broken(lines)) if any(lines) else SafeString()


def _broken(lines: Sequence[SafeString]) -> SafeString:
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))


def _ours() -> str:
    """A pattern for an address of this Decklog, without what ends the sentence around it."""
    return re.escape(settings.BASE_URL) + r"(?:/(?:[^\s<>]*[^\s<>.,;:)])?|(?![\w.:@/-]))"


def _asked(line: str) -> SafeString | None:
    """A first line such as `Approve CHG-7: https://…` as one link with these words; None for any other."""
    found = re.fullmatch(rf"(.+): ({_ours()})", line)
    return format_html('<p class="ask"><a href="{}">{}</a></p>', found[2], found[1]) if found else None


def _linked(line: str) -> SafeString:
    found, end = SafeString(), 0
    for one in re.finditer(_ours(), line):
        found += format_html('{}<a href="{}">{}</a>', line[end : one.start()], one[0], one[0])
        end = one.end()
    return found + format_html("{}", line[end:])
