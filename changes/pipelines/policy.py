"""Who may do what with a pipeline. Pure rules: no database, no clock.

What its deploys must prove is judged in `changes.policy`, which also holds the rule that a second person confirms.
"""

from workflow.decisions import Decision

ALLOWED, REFUSED = "allowed", "refused"


def may_register_pipeline(*, owns_a_service: bool, is_admin: bool) -> Decision:
    """People of a team that owns one of its services register, change and confirm a pipeline; so may administrators."""
    if owns_a_service or is_admin:
        return Decision("may_register_pipeline", ALLOWED, "Their team owns a service of it, or they administer.")
    because = "Only somebody of a team that owns one of its services, or an administrator, can do this."
    return Decision("may_register_pipeline", REFUSED, because)


def may_supply_proof(*, owns_the_service: bool, registered_it: bool, is_admin: bool) -> Decision:
    """Missing proof comes from the team that owns the service, who registered the pipeline, or an administrator."""
    if owns_the_service or registered_it or is_admin:
        return Decision("may_supply_proof", ALLOWED, "They answer for this service or its pipeline.")
    because = "Only the team that owns the service, who registered the pipeline, or an administrator can supply proof."
    return Decision("may_supply_proof", REFUSED, because)


def proof_by_a_person_counts(*, bound_to_token: bool) -> Decision:
    """A pipeline that is bound to a token is believed only when that token speaks, so a person cannot prove for it."""
    if bound_to_token:
        because = "This pipeline is bound to a token, so only that token can prove anything. Send the proof with it."
        return Decision("proof_by_a_person_counts", REFUSED, because)
    return Decision("proof_by_a_person_counts", ALLOWED, "A person may prove it.")


def confirmed_as_seen(*, seen: str, present: str) -> Decision:
    """A confirmation is worth what its giver saw: it counts only for the terms that were on the page."""
    if seen == present:
        return Decision("stale_approval", ALLOWED, "Nothing changed since it was shown.")
    because = "Somebody changed what this pipeline must prove while you were looking. Look again, then confirm."
    return Decision("stale_approval", REFUSED, because)
