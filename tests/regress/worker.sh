#!/bin/bash
# What the processes may do, as the kernel sees it.
. "$(dirname "$0")/lib.sh"
need_root # to look into processes of another user namespace
copy_keys
start_server

field() { awk -v k="$2:" '$1 == k { $1 = ""; print substr($0, 2) }' \
    "/proc/$1/status"; }

# A session that stays open, and the process that serves it: the one of the
# tree that is chrooted into the jail.
hold() {
	hold_sftp
	WORKER=
	for p in $(tree); do
		[ "$(stat -L -c %d:%i "/proc/$p/root" 2>/dev/null)" != \
		    "$(stat -c %d:%i "$JAIL")" ] || WORKER=$p
	done
	[ -n "$WORKER" ] || fail "no process is in the jail"
}

t_worker() {
	hold
	ps -o pid,ppid,user,args $(tree) || true
	local s
	s=$(stat -L -c %u "/proc/$WORKER/root")
	if [ -n "$ROOT" ]; then
		u="$ACCT_UID $ACCT_UID $ACCT_UID $ACCT_UID"
		g="$ACCT_GID $ACCT_GID $ACCT_GID $ACCT_GID"
		eq "uids" "$(field "$WORKER" Uid)" "$u"
		eq "gids" "$(field "$WORKER" Gid)" "$g"
		case $(field "$WORKER" Groups | tr -d ' ') in
		'' | $ACCT_GID) ;;
		*) fail "groups $(field "$WORKER" Groups)" ;;
		esac
	fi
	for c in CapInh CapPrm CapEff CapAmb; do
		eq $c "$(field "$WORKER" $c)" 0000000000000000
	done
	eq NoNewPrivs "$(field "$WORKER" NoNewPrivs)" 1
	eq Seccomp "$(field "$WORKER" Seccomp)" 2
	eq cwd "$(stat -L -c %d:%i "/proc/$WORKER/cwd")" \
	    "$(stat -c %d:%i "$JAIL")"
	release
}

t_worker_descriptors() {
	hold
	ls -l "/proc/$WORKER/fd" | tee "$T/fds"
	# sockets, pipes, /dev/null, memfds and anonymous things; no file or
	# folder of the host but the jail's
	awk '/->/ { print $NF }' "$T/fds" | while read -r f; do
		case $f in
		socket:* | pipe:* | anon_inode:* | /dev/null | /memfd:*) ;;
		"$JAIL" | "$JAIL"/*) ;;
		"$LOG") # where a sanitizer would write
			[ "$KIND" = asan ] || echo "$f"
			;;
		# the sanitizers keep stderr for their reports
		"$LOG") case $DAEMON in *asan*) ;; *) echo "$f" ;; esac ;;
		*) echo "$f" ;;
		esac
	done >"$T/foreign"
	[ ! -s "$T/foreign" ] || fail "holds $(tr '\n' ' ' <"$T/foreign")"
	[ "$(grep -c -- '->' "$T/fds")" -le 12 ] || fail "too many"
	# and not the client's TCP connection, nor a listener
	local i
	for i in $(sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p' "$T/fds"); do
		if awk '{ print $10 }' /proc/net/tcp /proc/net/tcp6 |
		    grep -qx "$i"; then
			fail "holds a TCP socket"
		fi
	done
	release
}

t_server_process() {
	local p n=0
	for p in $(tree); do
		[ "$(field "$p" Uid | cut -d ' ' -f 1)" = "$(id -u _sallyport)" ] ||
		    continue
		n=$((n + 1))
		eq CapEff "$(field "$p" CapEff)" 0000000000000000
		eq CapPrm "$(field "$p" CapPrm)" 0000000000000000
		eq NoNewPrivs "$(field "$p" NoNewPrivs)" 1
		[ "$(readlink "/proc/$p/root")" != / ] || continue
	done
	[ $n -ge 1 ] || fail "no process runs as _sallyport"
}

t_server_has_no_files() { # the one with the network: chrooted, sealed
	local p l found=
	for p in $(tree); do
		[ "$(field "$p" Uid | cut -d ' ' -f 1)" = "$(id -u _sallyport)" ] ||
		    continue
		ls -l "/proc/$p/fd" >"$T/fds"
		for l in $(sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p' "$T/fds"); do
			awk -v l="$l" '$10 == l && $4 == "0A"' /proc/net/tcp |
			    grep -q . && found=$p
		done
	done
	[ -n "$found" ] || fail "nobody listens as _sallyport"
	ls -l "/proc/$found/fd"
	[ "$(readlink "/proc/$found/root")" != / ] || fail "not chrooted"
	eq "files in its root" "$(ls -A "/proc/$found/root/" | wc -l)" 0
	eq Seccomp "$(field "$found" Seccomp)" 2
}

t_nothing_left_after() { # of a session
	local n m
	sleep 0.2
	n=$(tree | wc -l)
	hold
	m=$(tree | wc -l)
	[ "$m" -gt "$n" ] || fail "a session without a process"
	release
	eventually few "$n"
	# cut off instead of closed
	hold
	kill -KILL "$HOLD"
	release
	eventually few "$n"
}
few() { [ "$(tree | wc -l)" -le "$1" ]; }
run_parts
