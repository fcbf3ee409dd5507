#!/bin/bash
# Hostile clients: SFTP by hand.
# seconds 400
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
truncate -s 512M "$JAIL/sparse"
chmod 644 "$JAIL/big" "$JAIL/sparse"
start_server
wire sftp
run_parts || bad=1
[ -z "$bad" ]
