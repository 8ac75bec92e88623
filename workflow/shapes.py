"""The shapes of what comes in by JSON: pydantic models that read strictly and refuse in words to act on.

They also feed the API's document.
"""

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from workflow.errors import InvalidFields

Known = TypeVar("Known", bound=BaseModel)
FIRST_YEAR, LAST_YEAR = 2000, 2100


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise PydanticCustomError("time", "Write a time with its offset, as in 2026-11-24T09:00:00Z.")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise PydanticCustomError("time_range", "The year must be between 2000 and 2100.")
    return text


def _web_address(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise PydanticCustomError("url", "Write an address that starts with https:// or http://.")
    return text


Moment = Annotated[str, AfterValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Sha = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9._-]*$")]
Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)]
Short = Annotated[str, StringConstraints(max_length=300)]
Person = Annotated[str, StringConstraints(max_length=254)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]


class Shape(BaseModel):
    """A JSON object of the contract; what it does not know is reported, not refused."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=False)


_WORDS = {
    "missing": ("required", "This field is required."),
    "literal_error": ("not_a_choice", None),
    "string_too_long": ("too_long", None),
    "string_too_short": ("required", "This field must not be empty."),
    "string_pattern_mismatch": ("pattern", "Only letters, digits, dots, dashes and underscores are allowed."),
    "string_type": ("not_a_string", "Write this as a text in quotes."),
    "int_type": ("not_an_integer", "Write a whole number."),
    "bool_type": ("not_a_boolean", "Write true or false."),
    "extra_forbidden": ("unknown_parameter", "This is not known here. Leave it out."),
    "list_type": ("not_a_list", "Write a list in square brackets."),
    "model_type": ("not_an_object", "Write an object in braces."),
}


def validated(shape: type[Known], body: Any) -> Known:
    """The body as `shape`; raises InvalidFields that lists every field that is wrong."""
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise InvalidFields([_in_words(found) for found in error.errors(include_url=False)]) from error


def _in_words(found: Any) -> tuple[str, str, str]:
    field = ".".join(str(part) for part in found["loc"])
    code, message = _WORDS.get(found["type"], (found["type"], None))
    if message is None:
        message = f"{found['msg'].rstrip('.')}."
    if code == "not_a_choice":
        message = f"“{str(found['input'])[:40]}” is not allowed. Send {found['ctx']['expected']}."
    return field, code, message
