#!/usr/bin/env bash
# Makes the base image where no registry is reached: infra/docker/base-image.sh [REFERENCE]
#
# A minimal Debian bookworm with its Python 3.11, made of Debian's packages by mmdebstrap and given
# to the Docker daemon as REFERENCE, by default rlr-base:bookworm. Documentation and translations
# are left out. With SOURCE_DATE_EPOCH set, the same packages give the same layer, byte for byte.
#
#   SOURCE_DATE_EPOCH  latest time that a file may have, seconds; without it, times stay as they are
#   MIRROR             Debian archive (URL or file with sources); without it, Debian's own
#   DOCKER             Docker client; without it, docker
set -euo pipefail
reference=${1:-rlr-base:bookworm}
docker=${DOCKER:-docker}

fail() {
  echo "base-image: $1" >&2
  exit 1
}

command -v mmdebstrap >/dev/null ||
  fail "mmdebstrap is missing; install it (on Debian: apt-get install mmdebstrap)."
"$docker" version >/dev/null 2>&1 ||
  fail "no Docker daemon answers at ${DOCKER_HOST:-the default address}; start one or set DOCKER_HOST."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The machine's own name, resolver, logs and sources of packages stay here.
# shellcheck disable=SC2016 # $1 is the hook's: the folder of the new system
forget='cd "$1" && rm -rf etc/hostname etc/resolv.conf etc/apt/sources.list etc/apt/sources.list.d/* var/log/*'

mmdebstrap --quiet --variant=minbase \
  --include=ca-certificates,netbase,python3,python3-venv,tzdata \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --customize-hook="$forget" \
  bookworm "$work/root.tar" ${MIRROR:+"$MIRROR"} ||
  fail "mmdebstrap failed; its last lines say why."

"$docker" import \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
  --change 'CMD ["python3"]' \
  --message "Debian bookworm with Python 3.11" "$work/root.tar" "$reference"
