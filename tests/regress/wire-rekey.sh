#!/bin/bash
# Hostile clients of a server that wants new keys all the time.
# seconds 400
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
chmod 644 "$JAIL/big"
TOP_YAML="limits: {$LIMITS, rekey_bytes: 256KiB}"
start_server
wire rekey
run_parts || bad=1
[ -z "$bad" ]
