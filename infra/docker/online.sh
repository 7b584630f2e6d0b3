#!/bin/sh
# Runs a command that reaches the package index: online.sh COMMAND...
#
# The build's secrets say how, where the plain way does not lead there. They are files of a single
# RUN, so nothing of them stays in a layer:
#   ca     certificates to trust, PEM
#   index  lines NAME=VALUE of pip's and uv's variables, such as PIP_INDEX_URL, UV_DEFAULT_INDEX
set -eu

if [ -s /run/secrets/ca ]; then
  export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca
fi
if [ -s /run/secrets/index ]; then
  while IFS='=' read -r name value; do
    case $name in
      PIP_[A-Z]* | UV_[A-Z]*) export "$name=$value" ;;
    esac
  done </run/secrets/index
fi
exec "$@"
