#!/bin/bash
# Shells, commands and subsystems of users who may run programs, by OpenSSH,
# PuTTY, dropbear and paramiko, on pipes and on real terminals.
. "$(dirname "$0")/lib.sh"
need_root
copy_keys
make_files 65537 5242880
H=$T/home
mkdir "$H"
own "$H"
echo "hello from here" >"$T/motd"
KEY=$(cat "$T/id.pub")
account="account: {uid: $ACCT_UID, gid: $ACCT_GID}, start: \"$H\",
      authorized_keys: [\"$KEY\"]"
USERS_YAML="
  bob: {$account, allow: [sftp, shell, exec, pty], env: [LANG, \"LC_*\", FOO],
      set_env: {SET: \"by the policy\", PATH: \"/usr/bin:/bin:/opt/x\"},
      subsystems: {other: \"echo other; cat; exit 4\"}, motd: \"$T/motd\"}
  notty: {$account, allow: [exec, shell]}
  execonly: {$account, allow: [exec]}
  forced: {$account, allow: [exec, shell, sftp],
      command: \"echo forced: \$SSH_ORIGINAL_COMMAND\"}
  sub: {$account, allow: [sftp], subsystems: {other: \"echo sub\"}}
  lasting: {$account, allow: [exec, pty], linger: on}
  small: {$account, allow: [exec],
      resources: {processes: 50000, memory: 1GiB, cpu: 1h, files: 99}}
  nosh: {$account, allow: [exec, shell], shell: /usr/sbin/nologin}
  badsh: {$account, allow: [exec, shell], shell: /no/such/shell}"
start_server
WHO=bob

status() { # WANTED COMMAND...: of SSH
	local s=0 want=$1
	shift
	"$@" || s=$?
	eq "status of $*" "$s" "$want"
}

# ---- on pipes ----

t_streams_and_status() {
	eq out "$(SSH -- 'echo out; echo err >&2' 2>"$T/err")" out
	eq err "$(cat "$T/err")" err
	for s in 0 1 42 126 127 255; do status $s SSH -- "exit $s"; done
	status 127 SSH -- no-such-command 2>"$T/err"
	has "$T/err" 'not found'
	eq stdin "$(echo typed | SSH -- 'read a; echo "<$a>"')" '<typed>'
	logged 'event=session-open' 'user=bob' 'command="exit 42"'
	logged 'event=session-close' 'user=bob' 'status=42'
}

t_signals() {
	status 255 SSH -- 'kill -TERM $$'
	logged 'event=session-close' 'signal=TERM'
	status 255 SSH -v -- 'kill -SEGV $$' 2>"$T/err"
	logged 'event=session-close' 'signal=SEGV'
}

t_big_both_ways() {
	local want
	want=$(sha256sum <"$SRC/f5242880")
	eq up "$(SSH -- sha256sum <"$SRC/f5242880")" "$want"
	eq down "$(SSH -- "cat $SRC/f5242880" | sha256sum)" "$want"
	eq both "$(SSH -- cat <"$SRC/f5242880" | sha256sum)" "$want"
	eq stderr "$(SSH -- "cat >&2" <"$SRC/f5242880" 2>&1 >"$T/out" |
	    sha256sum)" "$want"
	[ ! -s "$T/out" ] || fail "something on stdout"
	# One way ends long before the other.
	eq half "$(SSH -- 'cat >/dev/null; sleep 0.3; echo late' \
	    <"$SRC/f5242880")" late
	eq half "$(SSH -- 'exec <&-; sleep 0.2; echo late' \
	    <"$SRC/f5242880")" late
}

t_what_programs_see() {
	SSH -- 'pwd; umask; id -u; id -g; id -G; ls -l /proc/self/fd | wc -l
	    grep -E "^(NoNewPrivs|Seccomp|CapEff|SigIgn|SigBlk):" \
	    /proc/self/status' >"$T/out"
	cat "$T/out"
	eq pwd "$(sed -n 1p "$T/out")" "$H"
	eq umask "$(sed -n 2p "$T/out")" 0022
	eq uid "$(sed -n 3p "$T/out")" "$ACCT_UID"
	eq gid "$(sed -n 4p "$T/out")" "$ACCT_GID"
	eq groups "$(sed -n 5p "$T/out")" "$ACCT_GID"
	eq "open descriptors" "$(sed -n 6p "$T/out")" 5 # ls has one, and a title
	# sudo must work: neither a filter nor no_new_privs reaches them.
	has "$T/out" 'NoNewPrivs:.*0$'
	has "$T/out" 'Seccomp:.*0$'
	has "$T/out" 'CapEff:.*0000000000000000$'
	# The capabilities that a setuid program may have are the daemon's.
	eq bounding "$(SSH -- 'grep CapBnd /proc/self/status')" \
	    "$(grep CapBnd "/proc/$SERVER/status")"
}

t_environment() {
	LANG=C.UTF-8 FOO=bar BAR=foo LD_PRELOAD_X=1 SSH -o 'SendEnv=LANG FOO BAR' \
	    -o 'SetEnv=LC_X=1 LD_PRELOAD=/tmp/x HOME=/tmp PATH=/tmp' \
	    -- env >"$T/out" 2>"$T/err"
	for v in LANG=C.UTF-8 FOO=bar LC_X=1 "HOME=$H" USER=bob LOGNAME=bob \
	    SHELL=/bin/sh 'SET=by the policy' PATH=/usr/bin:/bin:/opt/x; do
		grep -qxF "$v" "$T/out" || fail "no $v"
	done
	has "$T/out" "^SSH_CONNECTION=127.0.0.1 [0-9]+ 127.0.0.1 $PORT$"
	has "$T/out" "^SSH_CLIENT=127.0.0.1 [0-9]+ $PORT$"
	hasnt "$T/out" '^(BAR|LD_|TERM|SSH_TTY|SSH_ORIGINAL)'
}

t_login_shell_on_pipes() {
	printf 'echo $0; echo hi; exit 6\n' >"$T/in"
	status 6 SSH -T <"$T/in" >"$T/out"
	has "$T/out" '^-sh$'
	has "$T/out" '^hi$'
	hasnt "$T/out" 'hello from here' # the message is for terminals
}

t_others_hold_the_pipes() {
	# As with OpenSSH: the channel ends when the last holder has closed.
	eq out "$(SSH -- '(sleep 0.4; echo late) & echo early')" "early
late"
	eq out "$(SSH -- '(exec >/dev/null 2>&1 </dev/null; sleep 30) &
	    echo early')" early
}

# ---- on terminals ----

t_terminal() {
	SSH -tt -- 'tty; echo $TERM $SSH_TTY; test -t 0 -a -t 1 -a -t 2 &&
	    echo all three; ps -o tty= -p $$; exit 9' </dev/null \
	    >"$T/out" || eq status $? 9
	has "$T/out" '^/dev/pts/[0-9]+.$'
	has "$T/out" ' /dev/pts/[0-9]+.$'
	has "$T/out" 'all three'
	# It has the user's name on it, and is gone afterwards.
	SSH -tt -- 'stat -c "%u %a" $SSH_TTY; echo $SSH_TTY' </dev/null |
	    tr -d '\r' >"$T/out"
	has "$T/out" "^$ACCT_UID 6[02]0$"
	eventually test ! -e "$(tail -n 1 "$T/out")"
}

t_expect() {
	need_cmd expect
	ssh_opts
	cat >"$T/expect" <<-E
	set timeout 20
	proc must {what} {
	    expect \$what {} timeout { puts "no \$what"; exit 1 } \
	        eof { puts "eof before \$what"; exit 1 }
	}
	set stty_init "rows 37 cols 91 intr ^T"
	spawn ssh ${OPTS[*]} -p $PORT -o SendEnv=LANG bob@127.0.0.1
	must "hello from here"
	send "PS1=rea''dy:\r"
	must "ready:"
	send "stty size; echo \\\$0\r"
	must "37 91"
	must "sh\r"
	stty rows 22 cols 66 < \$spawn_out(slave,name)
	send "until stty size | grep '22 66'; do sleep 0.1; done\r"
	must "22 66\r"
	must "ready:"
	# The client's interrupt character works, and interrupts.
	send "stty -a | grep -o 'intr = ..'\r"
	must "intr = ^T"
	# Each job says that it runs before it is sent a key.
	send "sh -c 'echo go\"\"ing; exec sleep 50'\r"
	must "going"
	send "\x14"
	must "ready:"
	# Job control: a foreground job is stopped and goes on.
	send "sh -c 'echo ru\"\"nning; read x; echo got \\\$x'\r"
	must "running"
	send "\x1a"
	must "ready:"
	send "jobs\r"
	must "topped"
	must "ready:"
	send "fg\r"
	must "sh -c"
	send "milk\r"
	must "got milk"
	must "ready:"
	send "exit 5\r"
	expect eof
	exit [lindex [wait] 3]
	E
	status 5 expect -f "$T/expect" >"$T/out" 2>&1
}

t_tmux() {
	need_cmd tmux expect
	ssh_opts
	cat >"$T/expect" <<-E
	set timeout 20
	set env(TERM) xterm
	spawn ssh ${OPTS[*]} -p $PORT -t bob@127.0.0.1 \
	    "tmux -f /dev/null -S $H/tmux.sock new -x 80 -y 24 'echo in\\\$((40+2)) tmux; sleep 0.5; read x; exit 0'"
	expect "in42 tmux" {} timeout { exit 1 }
	send "\r"
	expect "exited" {} timeout { exit 1 }
	expect eof
	exit [lindex [wait] 3]
	E
	status 0 expect -f "$T/expect" >"$T/out" 2>&1
}

t_hushlogin() {
	SSH -tt </dev/null >"$T/out" &
	eventually grep -q 'hello from here' "$T/out"
	kill $!
	wait $! || true
	: >"$H/.hushlogin"
	printf 'echo begun; exit\n' | SSH -tt >"$T/out"
	rm "$H/.hushlogin"
	has "$T/out" begun
	hasnt "$T/out" 'hello from here'
}

t_terminal_ends_with_its_leader() {
	local t0=$SECONDS
	SSH -tt -- 'setsid sleep 60 & echo begun' </dev/null >"$T/out"
	has "$T/out" begun
	[ $((SECONDS - t0)) -lt 30 ] || fail "waited for the others"
}

# Only on hosts that keep such records; each terminal comes and goes.
t_login_records() {
	[ -w /var/log/wtmp ] || skip "no /var/log/wtmp"
	need_cmd utmpdump
	local tty n
	n=$(stat -c %s /var/log/wtmp)
	SSH -tt -- 'echo $SSH_TTY' </dev/null | tr -d '\r' >"$T/out"
	tty=$(cut -c6- "$T/out")
	records() { tail -c +$((n + 1)) /var/log/wtmp | utmpdump 2>/dev/null |
	    grep -F "[$tty "; }
	# Others of this host may have had the terminal before.
	both() { records | awk '/^\[7\].*\[bob .*127\.0\.0\.1/ { in_ = 1 }
	    /^\[8\]/ && in_ { out = 1 } END { exit !out }'; }
	eventually both
}

# ---- what is asked for, and what is run ----

t_forced_command() {
	WHO=forced
	eq exec "$(SSH -- 'id; ls')" 'forced: id; ls'
	eq shell "$(SSH -T </dev/null)" 'forced:'
	eq subsystem "$(SSH -s -- sftp </dev/null)" 'forced: sftp'
	refused sftp_do pwd 2>"$T/err"
	logged 'event=session-open' 'user=forced' 'command="id; ls"' \
	    'forced="echo forced'
}

t_key_options() {
	local k=$T/keys/user_ecdsa256
	cat >"$T/more.yaml" <<-C
	  keyed:
	    account: {uid: $ACCT_UID, gid: $ACCT_GID}
	    start: "$H"
	    allow: [sftp, shell, exec, pty]
	    env: [FOO]
	    authorized_keys:
	    - 'command="echo \\"key: \$SSH_ORIGINAL_COMMAND\\"",environment="FOO=key" $KEY'
	    - 'restrict,environment="FOO=a b" $(cat "$k.pub")'
	    - 'environment="LD_PRELOAD=/x" $(cat "$T/keys/user_ecdsa384.pub")'
	    - 'command="internal-sftp" $(cat "$T/keys/user_ecdsa521.pub")'
	C
	PORT=$(free_port) CONF=$T/keys.yaml
	write_conf "$CONF"
	cat "$T/more.yaml" >>"$CONF"
	LOG=$T/keys.log
	start_server
	WHO=keyed
	eq command "$(SSH -- 'echo a "b c"')" 'key: echo a "b c"'
	eq shell "$(SSH -T </dev/null)" 'key: '
	refused sftp_do pwd 2>"$T/err"
	ID=$k
	eq env "$(SSH -- 'echo $FOO')" 'a b'
	SSH -tt -- 'tty || true' </dev/null >"$T/out" 2>"$T/err" || true
	has "$T/err" 'PTY allocation request failed'
	logged 'event=request-refused' 'request=pty-req' 'pty is not allowed'
	ID=$T/keys/user_ecdsa384 refused SSH -- true 2>"$T/err"
	logged 'user=keyed' 'environment='
	ID=$T/keys/user_ecdsa521
	sftp_do pwd >"$T/out"
	refused SSH -- id >"$T/out" 2>"$T/err"
	hasnt "$T/out" uid=
}

t_subsystems() {
	eq other "$(echo in | SSH -s -- other || echo "status $?")" \
	    "other
in
status 4"
	refused SSH -s -- none </dev/null 2>"$T/err"
	WHO=sub
	eq other "$(SSH -s -- other </dev/null)" sub
	sftp_do pwd
	refused SSH -- id </dev/null 2>"$T/err"
	logged 'event=request-refused' 'user=sub' 'exec is not allowed' \
	    "rule=.*$CONF:[0-9]+"
}

t_refused() {
	WHO=execonly refused SSH -T </dev/null 2>"$T/err"
	logged 'event=request-refused' 'user=execonly' 'shell is not allowed'
	WHO=execonly refused sftp_do pwd 2>"$T/err"
	logged 'event=request-refused' 'user=execonly' 'sftp is not allowed'
	WHO=notty
	SSH -tt -- 'tty || true' </dev/null >"$T/out" 2>"$T/err" || true
	has "$T/err" 'PTY allocation request failed'
	logged 'event=request-refused' 'user=notty' 'request=pty-req' rule=
	WHO=alice
	refused SSH -- id </dev/null >"$T/out" 2>"$T/err"
	hasnt "$T/out" uid=
}

t_no_shell() {
	WHO=nosh status 1 SSH -- id >"$T/out" 2>"$T/err"
	has "$T/err" 'no shell'
	WHO=nosh status 1 SSH -T </dev/null >"$T/out" 2>"$T/err"
	has "$T/err" 'no shell'
	WHO=badsh status 127 SSH -- id >"$T/out" 2>"$T/err"
	has "$T/err" '/no/such/shell: No such file'
	logged 'event=exec-failed' 'user=badsh' '/no/such/shell'
}

t_resources() {
	eq limits "$(WHO=small SSH -- 'ulimit -n; ulimit -v; ulimit -t')" \
	    "99
1048576
3600"
}

# ---- files beside programs ----

t_sftp_beside() {
	printf 'put %s/f65537 x\nget x %s/x\n' "$SRC" "$T" | SFTP >"$T/out"
	same "$SRC/f65537" "$T/x"
	logged 'event=transfer' 'user=bob' 'op=put'
	rm -f "$H/x" "$T/x"
}

t_many_at_once() {
	local i p=()
	ssh_opts
	ssh "${OPTS[@]}" -p "$PORT" -M -S "$T/ctl" -N -f bob@127.0.0.1
	for i in 1 2 3 4 5; do
		ssh "${OPTS[@]}" -S "$T/ctl" bob@127.0.0.1 \
		    "cat; echo $i" <"$SRC/f65537" >"$T/o$i" &
		p+=($!)
	done
	SFTP -o "ControlPath=$T/ctl" <<<"ls" >"$T/out"
	wait "${p[@]}"
	for i in 1 2 3 4 5; do
		(cat "$SRC/f65537"; echo $i) >"$T/want"
		same "$T/want" "$T/o$i"
	done
	ssh "${OPTS[@]}" -S "$T/ctl" -O exit bob@127.0.0.1 2>/dev/null
}

t_git() {
	need_cmd git
	ssh_opts
	export GIT_SSH_COMMAND="ssh ${OPTS[*]} -p $PORT"
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	SSH -- "git init -q --bare repo.git"
	git init -q "$T/work"
	cp "$SRC/f5242880" "$T/work/file"
	git -C "$T/work" add file
	git -C "$T/work" commit -q -m one
	git -C "$T/work" push -q "bob@127.0.0.1:$H/repo.git" HEAD:refs/heads/m
	git clone -q -b m "bob@127.0.0.1:$H/repo.git" "$T/clone"
	same "$SRC/f5242880" "$T/clone/file"
	rm -rf "$T/work" "$T/clone"
	SSH -- "rm -rf repo.git"
}

t_rsync() {
	need_cmd rsync
	ssh_opts
	rsync -a -e "ssh ${OPTS[*]} -p $PORT" "$SRC/" "bob@127.0.0.1:$H/up/"
	diff -r "$SRC" "$H/up"
	rsync -a -e "ssh ${OPTS[*]} -p $PORT" "bob@127.0.0.1:$H/up/" "$T/down/"
	diff -r "$SRC" "$T/down"
	rm -rf "$T/down"
	SSH -- "rm -rf up"
}

# ---- other clients ----

t_plink() {
	need_cmd plink puttygen
	local fp s=0
	fp=$(ssh-keygen -lf "$T/keys/host_ed25519.pub" | cut -d' ' -f2)
	puttygen "$T/id" -o "$T/id.ppk"
	export HOME=$T
	plink -batch -ssh -hostkey "$fp" -i "$T/id.ppk" -P "$PORT" \
	    bob@127.0.0.1 'echo plink; exit 3' </dev/null >"$T/out" || s=$?
	eq status $s 3
	has "$T/out" '^plink'
	s=0
	printf 'echo $TERM; exit 2\n' | plink -batch -ssh -t -hostkey "$fp" \
	    -i "$T/id.ppk" -P "$PORT" bob@127.0.0.1 >"$T/out" || s=$?
	eq status $s 2
}

t_dbclient() {
	need_cmd dbclient dropbearconvert
	local s=0
	dropbearconvert openssh dropbear "$T/id" "$T/id.db" >/dev/null 2>&1 ||
	    skip "dropbear cannot read the key"
	HOME=$T dbclient -y -y -i "$T/id.db" -p "$PORT" bob@127.0.0.1 \
	    'echo db; exit 3' </dev/null >"$T/out" 2>"$T/err" || s=$?
	eq status $s 3
	has "$T/out" '^db'
}

t_paramiko() { py shells.py paramiko; }
t_raw() {
	SERVER_PID=$(tree_named "sallyportd: server") py shells.py raw
}

# ---- what is left behind ----

t_nothing_is_left() {
	local p
	SSH -- 'setsid sh -c "trap : HUP TERM; while :; do sleep 61; done" \
	    </dev/null >/dev/null 2>&1 & sleep 0.1; pgrep -n -f "sleep 61"' \
	    >"$T/out"
	p=$(cat "$T/out")
	eventually test ! -d "/proc/$p"
	[ -z "$(pgrep -u "$ACCT_UID" -f 'sleep 61' || true)" ] ||
	    fail "something is left"
}

t_it_may_linger() {
	local p
	WHO=lasting
	SSH -- 'setsid sleep 62 </dev/null >/dev/null 2>&1 & echo $!' >"$T/out"
	p=$(cat "$T/out")
	sleep 1
	[ -d "/proc/$p" ] || fail "it has ended"
	kill "$p"
}

t_client_dies() {
	local pid
	SSH -tt -- 'sleep 63' </dev/null >"$T/out" 2>&1 &
	pid=$!
	eventually pgrep -u "$ACCT_UID" -f 'sleep 63'
	kill -9 "$(pgrep -P $pid . || echo $pid)" 2>/dev/null || true
	kill -9 $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	eventually bash -c "! pgrep -u $ACCT_UID -f 'sleep 63'"
}

t_stop_with_a_session() {
	fresh_server
	SSH -- 'trap : TERM HUP; sleep 64 & wait; wait; sleep 64' \
	    </dev/null >"$T/out" 2>&1 &
	eventually pgrep -u "$ACCT_UID" -f 'sleep 64'
	stop_server
	[ "$STOPPED" -lt 5000 ] || fail "took $STOPPED ms"
	eventually bash -c "! pgrep -u $ACCT_UID -f 'sleep 64'"
	wait $! 2>/dev/null || true
}
run_parts
