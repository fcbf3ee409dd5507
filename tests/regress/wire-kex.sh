#!/bin/bash
# Hostile clients: identification, key exchange, packets, re-keys.
# seconds 300
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
start_server
wire kex
run_parts || bad=1
[ -z "$bad" ]
