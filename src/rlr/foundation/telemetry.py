"""Usage reports of the dependencies are off: a factory's network is its own business."""

import os

OPT_OUTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def switch_telemetry_off() -> None:
    """Set every opt-out variable that the dependencies read, before they are imported.

    A value that the user has set already is left alone.
    """
    for name, value in OPT_OUTS.items():
        os.environ.setdefault(name, value)
