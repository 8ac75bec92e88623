"""Changes that people file: file, judge, approve, schedule, do, review."""
