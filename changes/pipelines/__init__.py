"""Pipelines, their runs, and the verdict on the evidence they bring."""
