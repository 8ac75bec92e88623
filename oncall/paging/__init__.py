"""Pages: somebody must look now. They go from step to step until a person says that they have it."""
