#!/bin/bash
# SIGTERM ends everything within 5 s, whoever is connected.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 67108864
slow=1
[ "$KIND" = plain ] || slow=4

stops() {
	local pids p
	pids=$(tree)
	stop_server
	note "stopped in $STOPPED ms"
	[ "$STOPPED" -le $((5000 * slow)) ] || fail "took $STOPPED ms"
	for p in $pids; do
		! alive "$p" || fail "process $p outlived the warden"
	done
	! listening || fail "still listening"
}

t_idle() {
	start_server
	stops
}
t_with_sessions() {
	fresh_server
	hold_sftp
	rm -f "$T/ready"
	py raw_sftp.py busy "$T/ready" &
	local a=$!
	eventually test -e "$T/ready"
	exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
	stops
	wait $a
	refused wait "$HOLD"
	logged 'event=disconnect' 'user=alice'
}
t_client_that_does_not_read() {
	fresh_server
	cp "$SRC/f67108864" "$JAIL/d/y"
	own "$JAIL/d/y"
	rm -f "$T/ready"
	py raw_sftp.py noread "$T/ready" &
	local a=$!
	eventually test -e "$T/ready"
	stops
	# what it has not read may stand before the end of the stream
	kill -TERM "$(cat "$T/ready")" 2>/dev/null || true
	wait $a || true
}
t_same_address_at_once() {
	fresh_server
	sftp_do pwd
	stops
	start_server
	sftp_do pwd
	stops
}
t_interrupt() {
	fresh_server
	local p=$SERVER
	kill -INT "$p"
	eventually dead "$p"
	SERVER=
}
dead() { ! alive "$1"; }
run_parts
