"""What went wrong at Halyard, and what its people learnt from it."""
