"""Usage reports are off from the moment any part of the package is imported."""

import json
import os
import subprocess
import sys

from rlr.foundation.telemetry import OPT_OUTS

SCRIPT = "import json, os, rlr.foundation.errors; print(json.dumps(dict(os.environ)))"


def environment_after_import(**given: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OPT_OUTS}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=kept | given, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def test_every_opt_out_is_set_on_import() -> None:
    seen = environment_after_import()
    assert {name: seen[name] for name in OPT_OUTS} == OPT_OUTS
    assert {"MLFLOW_DISABLE_TELEMETRY", "DVC_NO_ANALYTICS", "GX_ANALYTICS_ENABLED"} <= set(OPT_OUTS)


def test_a_value_of_the_user_stays() -> None:
    assert environment_after_import(DVC_NO_ANALYTICS="maybe")["DVC_NO_ANALYTICS"] == "maybe"
