"""What an auditor takes home: the whole population, a sample, and proof that nothing is missing."""
