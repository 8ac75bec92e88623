"""What other rules would have decided about what happened. It reads only."""
