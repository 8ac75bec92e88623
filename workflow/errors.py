"""Refusals. A rule that says no raises one of these, whoever calls; a door turns it into an answer."""


class RuleViolation(Exception):
    """A rule said no.

    `code` is stable and part of the API; `message` is a sentence for a person that says what happened and what to do
    next; `field` names the input it is about, or is empty. `status` is the HTTP status that both doors use.
    """

    status = 409

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class Conflict(RuleViolation):
    """The request is right in itself but not in the present state (409)."""


class Unprocessable(RuleViolation):
    """The request is well-formed but what it says is wrong (422)."""

    status = 422


class Malformed(RuleViolation):
    """The request cannot be read (400)."""

    status = 400


class TooLarge(RuleViolation):
    """The request is bigger than Decklog accepts (413)."""

    status = 413


class Unauthenticated(RuleViolation):
    """Nobody vouches for the caller, or not any more (401)."""

    status = 401


class Forbidden(RuleViolation):
    """The caller is known and may not do this (403)."""

    status = 403


class Missing(RuleViolation):
    """It does not exist, or the caller may not see it; both look the same from outside (404)."""

    status = 404


class TooMany(RuleViolation):
    """The same again is welcome after `wait` seconds (429, with Retry-After)."""

    status = 429

    def __init__(self, code: str, message: str, *, wait: int, field: str = "") -> None:
        super().__init__(code, message, field=field)
        self.wait = wait


class InvalidFields(RuleViolation):
    """Several fields are wrong at once; `errors` is a list of (field, code, message)."""

    status = 422

    def __init__(self, errors: list[tuple[str, str, str]], *, status: int = 422) -> None:
        first_field, _, first_message = errors[0]
        super().__init__("invalid", first_message, field=first_field)
        self.errors = errors
        self.status = status
