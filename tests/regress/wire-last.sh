#!/bin/bash
# What a client says right before it goes: it reaches the disk all the same.
# seconds 300
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
make_jail "$JAIL"
head -c 8388608 /dev/urandom >"$JAIL/big"
truncate -s 64M "$JAIL/sparse"
chmod 644 "$JAIL/big" "$JAIL/sparse"
TOP_YAML="limits: {$LIMITS, channels: 4}"
start_server
wire last
run_parts || bad=1
[ -z "$bad" ]
