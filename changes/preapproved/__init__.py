"""Templates that two people approved, so that a change made from one needs no approval."""
