"""What a button of the table says. Shape only."""

from datetime import datetime

from django.http import QueryDict

from oncall.rota import Span
from workflow.shapes import Moment, Shape, validated


class _Stint(Shape):
    start: Moment
    end: Moment


def read_stint(said: QueryDict) -> Span:
    """The time that a button names; raises InvalidFields."""
    found = validated(_Stint, {name: str(said.get(name, "")) for name in ("start", "end")})
    return Span(datetime.fromisoformat(found.start), datetime.fromisoformat(found.end))
