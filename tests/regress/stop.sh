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
	printf 'put %s /d/x\n' "$SRC/f67108864" | SFTP -l 5000 &
	local a=$!
	{
		echo pwd
		sleep 30
	} | SFTP &
	eventually test -s "$JAIL/d/x"
	exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
	stops
	refused wait $a
	logged 'event=disconnect'
	kill %2 2>/dev/null || true
}
t_client_that_does_not_read() {
	fresh_server
	cp "$SRC/f67108864" "$JAIL/d/y"
	own "$JAIL/d/y"
	printf 'get /d/y %s\n' "$T/y" | SFTP -l 10 &
	local a=$!
	sleep 1
	stops
	refused wait $a
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
