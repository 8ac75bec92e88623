"""What may arrive from outside and how it becomes an event; one module for each source."""
