"""Why a backup or a restore does not happen."""


class Refused(Exception):
    """Nothing was changed; the text says in a sentence why."""


NOT_OURS = "{} is a database, but not Decklog's. Nothing was changed."
BROKEN = "{} is damaged or not whole: {} Nothing was changed."
