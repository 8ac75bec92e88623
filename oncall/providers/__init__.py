"""The systems that can keep schedules, behind one interface; one file each."""

from collections.abc import Callable

from django.utils.module_loading import import_string

from oncall.providers.protocol import Alerting, Provider


def from_settings() -> Provider:
    """The system that the settings connect, imported when it is first asked so that web processes stay small.

    Raises Declined while none is connected.
    """
    connected: Callable[[], Provider] = import_string("oncall.providers.opsgenie.from_settings")
    return connected()


def alerting_from_settings() -> Alerting:
    """The same as a system that makes alerts; raises Declined while none is connected."""
    connected: Callable[[], Alerting] = import_string("oncall.providers.opsgenie.from_settings")
    return connected()
