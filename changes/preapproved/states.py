"""The legal moves of a template's trust."""

MOVES: dict[str, frozenset[str]] = {
    "proposed": frozenset({"approved", "demoted", "retired"}),
    "approved": frozenset({"proposed", "demoted", "retired"}),
    # Only by being proposed again, and so by two approvals, does anything come back.
    "demoted": frozenset({"proposed", "retired"}),
    "retired": frozenset({"proposed"}),
}
