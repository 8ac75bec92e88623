"""State, icon, time and person: one place that knows how they look."""

from django import template

register = template.Library()
