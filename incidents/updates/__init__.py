"""What customers are told while it hurts."""
