"""What this process remembers of where deploys go all day, so that one more is looked up and written at once.

Nothing is believed because it is remembered: the statement that writes asks again whether all of it is still so, and
writes nothing if it is not.
"""

from changes.pipelines.queries import IntakeContext, IntakeKey

Place = tuple[str, str, str, bool]
MOST = 5_000


class RememberedTargets:
    """The last context of each (service, environment, pipeline), apart for messages that start a run and others.

    Apart, because the second message of a run finds it known, and guessing that it is new would be work for nothing.
    """

    def __init__(self) -> None:
        self._known: dict[Place, IntakeContext] = {}

    def recall(self, key: IntakeKey, *, starts: bool) -> IntakeContext | None:
        """What was last known where this deploy goes, if a deploy like this one was inserted there."""
        return self._known.get((key.service, key.environment, key.pipeline, starts))

    def remember(self, key: IntakeKey, context: IntakeContext, *, starts: bool) -> None:
        """Keep it until the process ends or a guess fails."""
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key.service, key.environment, key.pipeline, starts] = context

    def forget(self, key: IntakeKey, *, starts: bool) -> None:
        """Look the next one up before it is written."""
        self._known.pop((key.service, key.environment, key.pipeline, starts), None)


TARGETS = RememberedTargets()
