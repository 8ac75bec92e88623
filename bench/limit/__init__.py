"""The limit: a plain Django project that does only what the workload asks, with hand-written SQL."""
