"""What monitoring says: alerts in, deduplicated into incidents."""
