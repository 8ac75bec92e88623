"""Takes the canary: a message that needs nobody outside, so that it proves the way of a message and nothing else."""

from notifications.providers.protocol import Parcel, Sent, Verdict


class CanaryProvider:
    """Takes every parcel."""

    def deliver(self, parcel: Parcel) -> Verdict:
        """Take it."""
        return Sent(ref=parcel.dedup_key, answer="The canary arrived.")
