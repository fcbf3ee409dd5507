#!/bin/bash
# Hostile clients: deadlines.
# seconds 300
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
chmod 644 "$JAIL/big"
TOP_YAML="limits: {$LIMITS, login_grace: 4s}
keepalive: {interval: 2s, count: 2}"
start_server
wire clock
run_parts || bad=1
[ -z "$bad" ]
