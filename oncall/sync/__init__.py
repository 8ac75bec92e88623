"""Keeping schedules in step with a pager elsewhere: what differs, a plan, its application."""
