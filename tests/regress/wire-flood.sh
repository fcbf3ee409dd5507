#!/bin/bash
# Hostile clients: floods, and re-keys without end.
# seconds 400
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
chmod 644 "$JAIL/big"
start_server
wire flood
run_parts || bad=1
[ -z "$bad" ]
