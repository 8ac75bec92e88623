"""Who may do what with accounts and tokens. Pure rules: no database, no clock."""

from workflow.decisions import Decision

SCOPES = {
    "read": "Read everything its owner may read",
    "deploy": "Log deployments and ask the gate",
    "changes": "File, approve and finish changes",
    "incidents": "Declare and run incidents",
    "oncall": "Change schedules and overrides",
    "import": "Import from other systems",
    "admin": "Administer people, teams and services",
}
ALLOWED, REFUSED = "allowed", "refused"


def scopes_within_owner(scopes: list[str], *, owner_is_admin: bool) -> Decision:
    """A token can do nothing that its owner could not, so only an administrator's token carries `admin`."""
    rule = "scopes_within_owner"
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        return Decision(rule, REFUSED, f"“{unknown[0]}” is no scope. Choose from {', '.join(SCOPES)}.")
    if not scopes:
        return Decision(rule, REFUSED, "A token needs at least one scope.")
    if "admin" in scopes and not owner_is_admin:
        return Decision(rule, REFUSED, "Only an administrator's token can have the scope admin.")
    return Decision(rule, ALLOWED, "The owner may do all of this.")


def may_revoke_token(*, is_owner: bool, is_admin: bool) -> Decision:
    """The owner of a token and every administrator may revoke it."""
    if is_owner or is_admin:
        return Decision("may_revoke_token", ALLOWED, "Owner or administrator.")
    return Decision("may_revoke_token", REFUSED, "Only its owner or an administrator can revoke this token.")


def may_administer(*, is_admin: bool) -> Decision:
    """People, teams, services and environments are changed by administrators."""
    if is_admin:
        return Decision("may_administer", ALLOWED, "Administrator.")
    return Decision("may_administer", REFUSED, "Only an administrator can change this. Ask one of them.")


def last_admin(*, is_admin: bool, other_admins: int) -> Decision:
    """Somebody must be left who can administer this installation."""
    if is_admin and not other_admins:
        because = "This is the last administrator. Make somebody else an administrator first."
        return Decision("last_admin", REFUSED, because)
    return Decision("last_admin", ALLOWED, "Somebody else can administer.")
