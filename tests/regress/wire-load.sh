#!/bin/bash
# Hostile clients: many of them, and gone in the middle.
# seconds 300
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
chmod 644 "$JAIL/big"
start_server
wire load
run_parts || bad=1
[ -z "$bad" ]
