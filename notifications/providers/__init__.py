"""The ways to reach people, by channel. A channel without a provider here takes no message.

Which channels there are follows from the settings. What a message for a missing channel does instead is decided in
`notifications.intake.routed`.
"""

from functools import cached_property

from django.conf import settings
from django.utils.module_loading import import_string

from notifications.providers.protocol import Parcel, Provider, Verdict

__all__ = ["PROVIDERS", "OnDemand", "Provider", "configured"]


class OnDemand:
    """A provider that is imported when it first sends, so that web processes do not carry the libraries of workers."""

    def __init__(self, path: str) -> None:
        self._path = path

    def deliver(self, parcel: Parcel) -> Verdict:
        """What the provider answers; raises what it raises."""
        return self._provider.deliver(parcel)

    @cached_property
    def _provider(self) -> Provider:
        provider: Provider = import_string(self._path)()
        return provider


def configured() -> dict[str, Provider]:
    """The channels that the settings switch on."""
    wanted = {
        "email": ("email.EmailProvider", True),
        "slack": ("slack.SlackProvider", settings.SLACK_BOT_TOKEN),
        "pager": ("opsgenie.OpsgenieProvider", settings.OPSGENIE_API_KEY),
        "webhook": ("webhook.WebhookProvider", settings.WEBHOOKS),
        "canary": ("canary.CanaryProvider", True),
    }
    return {channel: OnDemand(f"{__name__}.{path}") for channel, (path, is_wanted) in wanted.items() if is_wanted}


PROVIDERS: dict[str, Provider] = configured()
