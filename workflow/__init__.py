"""The neutral kernel: errors, the one mover, the ledger and the doors. It imports no other room."""
