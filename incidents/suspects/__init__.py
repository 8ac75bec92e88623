"""What changed before it began? Changes ranked by what makes each a suspect."""
