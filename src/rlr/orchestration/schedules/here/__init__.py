"""Schedules on one machine, without a cluster: an embedded scheduler, each run a process."""
