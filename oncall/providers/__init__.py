"""The systems that can keep schedules, behind one interface; one file each."""
