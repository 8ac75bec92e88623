"""A provider for tests: it keeps what it is given and answers as told. It is in no registry by itself."""

from collections import deque

from notifications.providers.protocol import Parcel, Sent, Verdict


class MemoryProvider:
    """Keeps parcels in `delivered`; the next answers may be queued in `answers`, exceptions included."""

    def __init__(self) -> None:
        self.asked: list[Parcel] = []
        self.delivered: list[Parcel] = []
        self.answers: deque[Verdict | BaseException] = deque()

    def deliver(self, parcel: Parcel) -> Verdict:
        """Answer with the next queued answer, else take the parcel."""
        self.asked.append(parcel)
        answer = self.answers.popleft() if self.answers else Sent(ref=f"memory-{len(self.asked)}", answer="taken")
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Sent):
            self.delivered.append(parcel)
        return answer
