"""Incidents, their causes and the promises that follow will live here."""
