#!/bin/bash
# Everything is off by default: a user with allow: [sftp] can do nothing else,
# whatever is asked for.
# seconds 120
. "$(dirname "$0")/lib.sh"
. "$HERE/forward.inc"
USER_YAML='    allow: [sftp]'
start_server
serve count 127.0.0.1:0
TARGET=$SERVED TARGET_OUT=$SERVE_OUT
serve count "$JAIL/d/target.sock"

# No process, socket or connection comes of any of it.
t_sweep() {
	local before
	before=$(tree | wc -l)
	TARGET=$TARGET py raw_only_sftp.py
	eq "who has called" "$(wc -l <"$TARGET_OUT") $(wc -l <"$SERVE_OUT")" \
	    "1 1"
	processes() { [ "$(tree | wc -l)" -le "$before" ]; }
	eventually processes
	pids=$(tree | paste -sd '|')
	eq "what listens" "$(ss -ltnpH | grep -cE "pid=($pids),")" 1
	hasnt "$LOG" 'event=forward-'
}

run_parts
