"""What the record of changes says about how a service is delivered."""
