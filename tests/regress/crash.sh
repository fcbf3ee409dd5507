#!/bin/bash
# A process that dies takes down no more than its own.
. "$(dirname "$0")/lib.sh"
need_root # to find the processes by what they hold
CRASH_OK=yes
copy_keys
make_files 4095
start_server

# The process that serves the network: not the warden, holds the listener.
server_pid() {
	local p i
	i=$(ss -ltnHe "sport = :$PORT" | sed -n 's/.*ino:\([0-9]*\).*/\1/p')
	for p in $(tree); do
		[ "$p" != "$SERVER" ] || continue
		if ls -l "/proc/$p/fd" 2>/dev/null | grep -q "socket:\[$i\]"; then
			echo "$p"
			return
		fi
	done
}
jailed() { # pids in the jail
	local p
	for p in $(tree); do
		[ "$(stat -L -c %d:%i "/proc/$p/root" 2>/dev/null)" != \
		    "$(stat -c %d:%i "$JAIL")" ] || echo "$p"
	done
}
back() { p=$(server_pid) && [ -n "$p" ] && [ "$p" != "$1" ]; }
no_jailed() { [ -z "$(jailed)" ]; }

# Under the sanitizers a fault's signal is their report of a bug of ours.
FAULTS="SEGV KILL ABRT"
case $DAEMON in *asan*) FAULTS=KILL ;; esac

t_server_process() {
	local p sig
	for sig in $FAULTS; do
		hold_sftp
		p=$(server_pid)
		[ -n "$p" ] || fail "no server process"
		kill -$sig "$p"
		release
		eventually back "$p"
		sftp_do "put $SRC/f4095 /d/after-$sig"
		same "$SRC/f4095" "$JAIL/d/after-$sig"
		eventually no_jailed # the logins of the dead server are gone
	done
	alive "$SERVER" || fail "the warden is gone"
	logged '(server|event)=?.*(crash|died|ended|killed|signal)'
}

t_listener_is_never_away() { # connections during the gap wait, not fail
	local p i
	p=$(server_pid)
	kill -KILL "$p"
	for i in 1 2 3 4 5; do sftp_do pwd; done
	eventually back "$p"
}

t_login_process() {
	local w
	hold_sftp
	w=$(jailed)
	[ -n "$w" ] || fail "no worker"
	kill -${FAULTS%% *} $w
	release
	sftp_do pwd
	alive "$SERVER"
}

t_one_of_two_sessions() { # the other goes on
	make_files 67108864
	printf 'put %s /d/other\n' "$SRC/f67108864" | SFTP -l 100000 &
	local q=$! w
	eventually test -s "$JAIL/d/other"
	w=$(jailed)
	hold_sftp
	for p in $(jailed); do
		case " $w " in *" $p "*) ;; *) kill -KILL "$p" ;; esac
	done
	release
	wait $q
	same "$SRC/f67108864" "$JAIL/d/other"
}

t_log_process() { # its death is survived too
	local p
	for p in $(tree); do
		tr '\0' ' ' <"/proc/$p/cmdline" | grep -q ' log' || continue
		kill -KILL "$p"
		sleep 0.5
		sftp_do pwd
		return
	done
	skip "no process calls itself log"
}
run_parts
