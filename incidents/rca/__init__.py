"""Root causes: why it happened as a graph, and what is promised against it."""
