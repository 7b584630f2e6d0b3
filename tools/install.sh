#!/usr/bin/env bash
# Makes the environment of the lock file: tools/install.sh [FOLDER], by default .venv.
# uv does it where it is on the PATH; elsewhere uv is first installed into the environment.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}

fail() {
  echo "install: $1" >&2
  exit 1
}

[ -n "$python" ] || fail "Python 3.11 is not there; install it (on Debian 12: apt-get install python3 python3-venv)."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
  fail "$python cannot be run; name a Python 3.11: make install PYTHON=/path/to/python3.11."
[ "$version" = 3.11 ] ||
  fail "Python 3.11 is needed, and $python is $version; name another: make install PYTHON=/path/to/python3.11."

if [ ! -x "$venv/bin/python" ]; then
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" "$venv"
  elif "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv "$venv"
  else
    fail "$python cannot make an environment; install its venv module (on Debian 12: apt-get install python3-venv)."
  fi
fi

uv=$(command -v uv || echo "$venv/bin/uv")
if [ ! -x "$uv" ]; then
  # The lock file's own uv, by its hashes.
  pinned=$(mktemp)
  trap 'rm -f "$pinned"' EXIT
  awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock >"$pinned"
  "$venv/bin/python" -m pip install --quiet --require-hashes -r "$pinned"
fi

echo "install: the packages of requirements.lock into $venv (a few minutes the first time)" >&2
# Compiled once, as pip does too: where PYTHONDONTWRITEBYTECODE is set, every process would do it anew.
"$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r requirements.lock
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
"$venv/bin/python" -m compileall -q src
