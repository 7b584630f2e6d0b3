"""The parts of the measuring bench `benchmarks/detection.py`."""
