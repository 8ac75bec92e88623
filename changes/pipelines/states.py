"""The legal moves of a pipeline's trust."""

MOVES: dict[str, frozenset[str]] = {
    "unregistered": frozenset({"proposed"}),
    "proposed": frozenset({"trusted"}),
    "trusted": frozenset({"proposed", "suspended"}),
    # One person proposes it again and another confirms: the two who must reinstate it.
    "suspended": frozenset({"proposed"}),
}
