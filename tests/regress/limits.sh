#!/bin/bash
# Limits on connections, sources, attempts and time.
# seconds 240
. "$(dirname "$0")/lib.sh"
copy_keys

# hold N [PORT]: N TCP connections that say nothing, in descriptors HELD.
hold() {
	local i fd
	HELD=()
	for i in $(seq "$1"); do
		exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
		HELD+=("$fd")
	done
}
drop() {
	local fd
	for fd in "${HELD[@]}"; do exec {fd}>&-; done
	HELD=()
}

t_per_source() {
	TOP_YAML='limits: {unauthenticated_per_source: 3}'
	fresh_server
	hold 3
	sleep 0.2
	refused sftp_do pwd
	logged 'event=connection-refused' 'src="?127\.0\.0\.1' \
	    'unauthenticated_per_source'
	drop
	eventually sftp_do pwd
}

t_unauthenticated() {
	TOP_YAML='limits: {unauthenticated: 4, unauthenticated_per_source: 100}'
	fresh_server
	hold 4
	sleep 0.2
	refused sftp_do pwd
	logged 'event=connection-refused' 'limits\.unauthenticated'
	drop
	eventually sftp_do pwd
	# those who are in do not count
	hold_sftp
	hold 3
	sleep 0.2
	sftp_do pwd
	drop
	release
}

t_connections() {
	TOP_YAML='limits: {connections: 3}'
	fresh_server
	local i in out pids=
	hold 3
	sleep 0.2
	refused sftp_do pwd
	logged 'event=connection-refused' 'limits\.connections'
	drop
	eventually sftp_do pwd
}

t_grace() {
	TOP_YAML='limits: {login_grace: 2s}'
	fresh_server
	exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
	# ends without our doing; cat sees the end of the stream
	timeout 60 cat <&"$fd" >"$T/said" || fail "was not cut"
	exec {fd}>&-
	has "$T/said" '^SSH-2.0-'
	logged 'event=disconnect' '(grace|time)'
	# the same in the middle of a login
	ssh_opts
	cat >"$T/slowpass" <<-'A'
	#!/bin/sh
	sleep 20
	A
	chmod 755 "$T/slowpass"
	# a session that has logged in is not cut
	{
		sleep 3
		echo pwd
	} | SFTP
}

t_attempts() {
	TOP_YAML='limits: {auth_attempts: 3}'
	fresh_server
	# Five wrong keys, then the right one: too late.
	local i ids=()
	for i in 1 2 3 4 5; do
		[ -e "$T/w$i" ] || ssh-keygen -q -t ed25519 -N '' -f "$T/w$i"
		ids+=(-o "IdentityFile=$T/w$i")
	done
	ssh_opts
	echo pwd | refused sftp -q "${ids[@]}" "${OPTS[@]}" -P "$PORT" -b - \
	    alice@127.0.0.1 2>"$T/err"
	cat "$T/err"
	logged 'event=disconnect' '(attempt|authentication)'
	echo pwd | sftp -q "${ids[@]:0:2}" "${OPTS[@]}" -P "$PORT" -b - \
	    alice@127.0.0.1
}

t_channels() {
	TOP_YAML='limits: {channels: 2}'
	fresh_server
	py raw_channels.py limit
}

# As many as the configuration may allow, each of them served.
t_channels_many() {
	[ "$(ulimit -Hn)" -ge 4096 ] || skip "few descriptors"
	TOP_YAML='limits: {channels: 1024}'
	fresh_server
	py raw_channels.py many
}

t_rlimit_warning() {
	TOP_YAML='limits: {connections: 60000}'
	PORT= CONF=
	prepare
	(
		ulimit -n 512
		: >"$LOG"
		start_server
		logged '(limit-too-high|limits\.connections|RLIMIT_NOFILE)' \
		    '[0-9]'
		sftp_do pwd
		stop_server
	)
}

# poll() that fails is told, costs no processor time, and stops nobody.
t_poll_fails() {
	need_root
	need_cmd prlimit setpriv
	local net a b as
	as="setpriv --reuid _sallyport --regid _sallyport --clear-groups"
	fresh_server
	hold_sftp
	net=$(tree_named ': server')
	$as prlimit --pid "$net" --nofile=3:
	logged 'level=error|error' 'event=poll-failed' 'descriptors=[0-9]'
	a=$(cut -d ' ' -f 14,15 "/proc/$net/stat" | tr ' ' +)
	sleep 1
	b=$(cut -d ' ' -f 14,15 "/proc/$net/stat" | tr ' ' +)
	[ $((b - (a))) -lt $(($(getconf CLK_TCK) / 3)) ] ||
	    fail "$((b - (a))) ticks of processor time in a second"
	timeout 1 cat <&"$HOLD_IN" >"$T/rest" || :	# of VERSION
	# STAT of /
	printf '\0\0\0\12\21\0\0\0\1\0\0\0\1/' >&"$HOLD_OUT"
	timeout 20 head -c 5 <&"$HOLD_IN" >"$T/hold"
	eq answer "$(od -An -tx1 -j4 "$T/hold" | tr -d ' ')" 69
	eq "lines about it" "$(grep -c 'event=poll-failed' "$LOG")" 1
	$as prlimit --pid "$net" --nofile=1024:
	sftp_do pwd
	release
}

# poll() refuses an array longer than RLIMIT_NOFILE, even of entries that name
# no descriptor: the server must serve as many as it has descriptors for.
t_few_descriptors() {
	TOP_YAML='limits: {park: off, unauthenticated_per_source: 200}'
	PORT= CONF=
	prepare
	(
		ulimit -n 256
		: >"$LOG"
		start_server
		hold 150
		sleep 0.2
		sftp_do pwd
		drop
		stop_server
	)
}
run_parts
