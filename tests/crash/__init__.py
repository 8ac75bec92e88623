"""What an answer is worth when everything behind it is killed."""
