"""What is lost when things are killed halfway: nothing."""
