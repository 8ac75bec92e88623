"""What is coming: weeks and months, feeds, and what stands in each other's way."""
