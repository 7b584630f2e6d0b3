"""Names in the registry: the aliases of a model, and what the tags of its versions are called."""

CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"

# An entry of an audit trail is an experiment of such a name, or a run in one; whatever run, version
# or data version its tags and parameters name, in whatever words, is referred to.
AUDIT_PREFIX = "rlr-audit"

FINGERPRINT_TAG = "fingerprint"
DETECTOR_TAG = "detector_sha256"  # digest of detector.json
PIPELINE_RUN_TAG = "pipeline_run"

# The newest gate result of a version; the document itself lies in the artifacts of its run.
GATE_OUTCOME_TAG = "gate_outcome"
GATE_DIGEST_TAG = "gate_sha256"
GATE_CHAMPION_TAG = "gate_champion"  # models:/NAME/VERSION, or NO_CHAMPION
GATE_PLACE_TAG = "gate_artifact"  # folder in the run's artifacts
NO_CHAMPION = "none"
