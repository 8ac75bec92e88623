"""What goes into a pack as it is."""
