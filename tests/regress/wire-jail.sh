#!/bin/bash
# Hostile clients: out of the jail.
# seconds 240
. "$(dirname "$0")/lib.sh"
need_root
. "$HERE/wire/wire.inc"
export ACCT_UID ACCT_GID
start_server
wire jail
run_parts || bad=1
[ -z "$bad" ]
