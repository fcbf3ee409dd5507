#!/bin/bash
# state_dir: made, held by one daemon, changed by a reload, refused with words.
. "$(dirname "$0")/lib.sh"
copy_keys

# try: starts a daemon that should not start; $S is its exit status.
try() {
	CONF=
	prepare
	S=0
	timeout 60 "$DAEMON" -f "$CONF" -e >"$T/out" 2>&1 </dev/null || S=$?
	cat "$T/out"
	eq "exit status" "$S" 1
}

t_made() {
	fresh_server
	eq mode "$(stat -c %a "$T/state.$PORT")" 700
	eq users "$(stat -c %a "$T/state.$PORT/users")" 700
	eq owner "$(stat -c %u "$T/state.$PORT")" "$(id -u)"
	sftp_do pwd
	stop_server
	# ... and found again
	CONF=
	start_server
	sftp_do pwd
}

t_refused() {
	PORT=$(free_port)
	STATE=$T/no/such/place
	try
	has "$T/out" "state_dir: $T/no/such/place: its parent is missing; make it: mkdir -p $T/no/such"
	: >"$T/file"
	STATE=$T/file
	try
	has "$T/out" "state_dir: $T/file: is no directory"
	mkdir -m 777 "$T/wide"
	STATE=$T/wide
	try
	has "$T/out" "state_dir: $T/wide: others may write there; needs: chmod 700 $T/wide"
}

t_one_daemon() {
	STATE=$T/mine
	fresh_server
	local first=$PORT
	PORT=$(free_port)
	try
	has "$T/out" "state_dir: $T/mine: another sallyportd uses it"
	PORT=$first
	sftp_do pwd
	# one that was killed leaves no lock behind
	kill -KILL "$SERVER"
	eventually dead "$SERVER"
	fresh_server
	sftp_do pwd
}

t_reload() {
	STATE=$T/one
	fresh_server
	sed -i "s#^state_dir: .*#state_dir: $T/no/such#" "$CONF"
	kill -HUP "$SERVER"
	logged event=config-fault 'state_dir: .*its parent is missing'
	logged event=reload-failed
	sed -i "s#^state_dir: .*#state_dir: $T/two#" "$CONF"
	kill -HUP "$SERVER"
	logged event=reload generation=2
	eq mode "$(stat -c %a "$T/two/users")" 700
	# the first is free for another
	rm -r "$T/two"
	kill -HUP "$SERVER"
	logged event=reload generation=3
	[ -d "$T/two/users" ] || fail "was not made again"
	sed -i "s#^state_dir: .*#state_dir: none#" "$CONF"
	kill -HUP "$SERVER"
	logged event=reload generation=4
	sftp_do pwd
	local old=$SERVER
	PORT=
	CONF=
	start_server
	sftp_do pwd
}
run_parts
