"""Who may do what with a pipeline. Pure rules: no database, no clock.

What its deploys must prove is judged in `changes.policy`, which also holds the rule that a second person confirms.
"""

from collections.abc import Sequence
from datetime import timedelta

from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"
RESERVED = frozenset({"new"})
MOST_STRANGERS = 200
"""How many pipelines that nobody registered one person's tokens may bring in within an hour."""
UNPROVEN_SUSPENDS, UNPROVEN_WITHIN = 3, timedelta(days=30)
"""How many unproven deploys within which time end a pipeline's exemption."""
NAMED = 5
"""How many services a refusal names."""


def may_register_pipeline(*, lacks: Sequence[str], is_admin: bool) -> Decision:
    """Who is in the teams of all its services registers, changes and confirms a pipeline; so do administrators.

    `lacks` are the slugs of the services of teams that they are not in.
    """
    if is_admin or not lacks:
        return Decision("may_register_pipeline", ALLOWED, "Their teams own every service of it, or they administer.")
    others = f" and {len(lacks) - NAMED} more" if len(lacks) > NAMED else ""
    because = (
        f"You are not in the team that owns {', '.join(lacks[:NAMED])}{others}. Only somebody of the teams that own all"
        " of its services, or an administrator, can do this."
    )
    return Decision("may_register_pipeline", REFUSED, because)


def slug_is_free(slug: str) -> Decision:
    """A pipeline cannot be named like a page: /pipelines/new is where pipelines are registered."""
    if slug in RESERVED:
        because = f"“{slug}” is the address of the page where pipelines are registered. Choose another name."
        return Decision("slug_is_free", REFUSED, because)
    return Decision("slug_is_free", ALLOWED, "No page has this address.")


def stranger_is_welcome(*, brought: int) -> Decision:
    """A pipeline that nobody registered is taken in with its first deploy, for one person 200 times an hour."""
    if brought < MOST_STRANGERS:
        return Decision("stranger_is_welcome", ALLOWED, "A deploy by an unknown pipeline is kept as unproven.")
    because = (
        f"Your tokens named {MOST_STRANGERS} pipelines within an hour that nobody has registered. Register this one, or"
        " send it again later."
    )
    return Decision("stranger_is_welcome", REFUSED, because)


def may_supply_proof(*, owns_the_service: bool, registered_it: bool, is_admin: bool, is_own_token: bool) -> Decision:
    """Missing proof comes from the team that owns the service, who registered the pipeline, or an administrator.

    A token may supply it for such a person, and the token that the pipeline is bound to may for anybody.
    """
    if is_own_token or owns_the_service or registered_it or is_admin:
        return Decision("may_supply_proof", ALLOWED, "They answer for this service or its pipeline.")
    because = (
        "Only the pipeline's own token, the team that owns the service, who registered the pipeline, or an"
        " administrator can supply proof."
    )
    return Decision("may_supply_proof", REFUSED, because)


def proof_by_a_person_counts(*, bound_to_token: bool, is_own_token: bool = False) -> Decision:
    """A pipeline that is bound to a token is believed only when that token speaks, so nobody else proves for it."""
    if bound_to_token and not is_own_token:
        because = "This pipeline is bound to a token, so only that token can prove anything. Send the proof with it."
        return Decision("proof_by_a_person_counts", REFUSED, because)
    return Decision("proof_by_a_person_counts", ALLOWED, "Their proof counts.")


def third_unproven_suspends(*, state: str, unproven: int) -> Decision:
    """Three unproven deploys in 30 days that nobody reviewed suspend a trusted pipeline's exemption.

    Only those count that came since it was last confirmed. Two people reinstate it: one proposes, one confirms it.
    """
    rule = "third_unproven_suspends"
    if state == "trusted" and unproven >= UNPROVEN_SUSPENDS:
        return Decision(rule, "suspended", f"{unproven} unproven deploys in {UNPROVEN_WITHIN.days} days.")
    return Decision(rule, state, f"{unproven} of {UNPROVEN_SUSPENDS} unproven deploys.")


def confirmed_as_seen(*, seen: str, present: str) -> Decision:
    """A confirmation is worth what its giver saw: it counts only for the terms that were on the page."""
    if seen == present:
        return Decision("stale_approval", ALLOWED, "Nothing changed since it was shown.")
    because = "Somebody changed what this pipeline must prove while you were looking. Look again, then confirm."
    return Decision("stale_approval", REFUSED, because)
