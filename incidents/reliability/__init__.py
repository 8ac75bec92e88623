"""Are we getting better at incidents? Numbers with their formulas."""
