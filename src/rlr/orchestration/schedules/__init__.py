"""Schedules: what the file declares, brought to a cluster or run on this machine."""
