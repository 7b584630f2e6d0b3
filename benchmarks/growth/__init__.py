"""The parts of `scaling.py`."""
