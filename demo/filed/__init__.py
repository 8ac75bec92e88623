"""What people file at Halyard, and the rules that they gave themselves: templates, freezes, the gate's answers."""
