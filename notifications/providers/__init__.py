"""The ways to reach people, by channel. A channel without a provider here takes no message."""

from notifications.providers.email import EmailProvider
from notifications.providers.protocol import Provider

PROVIDERS: dict[str, Provider] = {"email": EmailProvider()}
