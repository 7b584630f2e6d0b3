"""RLR Ops: one anomaly detector for all products, with the pipeline that retrains it.

The house is built from the ground up, and imports run one way:

    foundation <- config <- data <- validation, features <- model <- detection
    <- training, evaluation <- registry <- orchestration <- cli
"""

from rlr.foundation.telemetry import switch_telemetry_off

__version__ = "0.1.0"

# Importing any part of the package is the earliest moment that every entry point
# (command, component, pyfunc model, notebook) passes through.
switch_telemetry_off()
