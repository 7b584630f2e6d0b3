#!/usr/bin/env bash
# Secrets of the overlay `dev`, with passwords drawn here: printed as manifests, kept nowhere.
#   tools/cluster_secrets.sh [NAMESPACE] | kubectl apply -f -
# Passwords of servers that have their data already stay what they are: run this once, and for a
# second namespace copy the secrets instead (docs/cluster.md).
set -euo pipefail
namespace=${1:-rlr}
kubectl=${KUBECTL:-kubectl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077

draw() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# secret NAME OPTION...: by files, so that no list of processes shows a value.
secret() {
  local name=$1
  shift
  "$kubectl" create secret generic "$name" --namespace "$namespace" "$@" --dry-run=client -o yaml
  echo ---
}

access=$(draw) key=$(draw) database=$(draw)

cat >"$work/s3.env" <<END
AWS_ACCESS_KEY_ID=$access
AWS_SECRET_ACCESS_KEY=$key
AWS_ENDPOINT_URL=http://s3.rlr.svc.cluster.local:7070
AWS_DEFAULT_REGION=us-east-1
RLR_DATA_REMOTE=s3://rlr/data
END
cat >"$work/database.env" <<END
uri=postgresql://mlflow:$database@postgres.rlr.svc.cluster.local:5432/mlflow
password=$database
END
echo "MLFLOW_TRACKING_URI=http://mlflow.rlr.svc.cluster.local:5000" >"$work/mlflow.env"

secret rlr-s3 --from-env-file="$work/s3.env"
secret mlflow-database --from-env-file="$work/database.env"
secret rlr-mlflow --from-env-file="$work/mlflow.env"
