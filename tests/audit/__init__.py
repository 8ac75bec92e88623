"""What auditors may rely on."""
