#!/bin/bash
# Hostile clients: more of them than there are places.
# seconds 240
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
TOP_YAML='limits: {connections: 60, unauthenticated: 40,
         unauthenticated_per_source: 12}'
start_server
wire limits
run_parts || bad=1
[ -z "$bad" ]
