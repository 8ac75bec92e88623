"""Who has the watch: schedules, rotations and escalation will live here."""
