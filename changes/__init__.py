"""Changes of every origin, the pipelines that log them, and the policy that judges them."""
