#!/bin/bash
# Programs of jailed users: `sallyport jail add`, what they see, and what they
# do not get out of.
. "$(dirname "$0")/lib.sh"
need_root
copy_keys
TOOL=$B/sallyport
# Nobody but root may change what is above such a jail; /tmp is everybody's.
R=$(mktemp -d /run/sallyport-jails.XXXXXX)
chmod 755 "$R"
trap 'tidy; rm -rf "$R"' EXIT
jail_of() { # NAME: a jail with a home for the account
	mkdir -p "$R/$1/home"
	chmod 755 "$R/$1"
	own "$R/$1/home"
}
for n in shell bare open; do jail_of $n; done
chmod 777 "$R/open"
KEY=$(cat "$T/id.pub")
account="account: {uid: $ACCT_UID, gid: $ACCT_GID}, start: /home,
      authorized_keys: [\"$KEY\"]"
USERS_YAML="
  bob: {$account, jail: \"$R/shell\", allow: [sftp, scp, shell, exec, pty]}
  bare: {$account, jail: \"$R/bare\", allow: [sftp, shell, exec, pty]}
  open: {$account, jail: \"$R/open\", allow: [shell, exec]}
  sftponly: {$account, jail: \"$R/open\", allow: [sftp]}"

t_add() {
	"$TOOL" jail add --jail "$R/shell" \
	    --user "bob:$ACCT_UID:$ACCT_GID:/home" sh ls cat id env stat \
	    stty tty mkdir ln chroot sleep >"$T/out"
	has "$T/out" '/bin/sh$'
	has "$T/out" 'libc\.so'
	# once more: there is nothing to do
	"$TOOL" jail add --jail "$R/shell" sh ls >"$T/out"
	[ ! -s "$T/out" ] || fail "done twice"
	[ -z "$(find "$R/shell" -xdev \( -perm /6000 -o ! -user 0 \) \
	    ! -path "$R/shell/home*" -print)" ] || fail "not root's alone"
	refused "$TOOL" jail add --jail "$R/shell" /etc/shadow 2>"$T/err"
	has "$T/err" 'not for everybody'
	refused "$TOOL" jail add --jail "$R/shell" no-such-program 2>"$T/err"
	refused "$TOOL" jail add --jail "$R/open" sh 2>"$T/err"
	has "$T/err" 'chmod go-w'
	refused "$TOOL" jail add --jail "$R/none" sh 2>"$T/err"
	s=0
	"$TOOL" jail add sh 2>"$T/err" || s=$?
	eq usage $s 2
	start_server
}

WHO=bob
t_shell_inside() {
	start_server
	eq pwd "$(SSH -- pwd)" /home
	eq id "$(SSH -- id -un)" bob
	eq home "$(SSH -- 'echo $HOME')" /home
	SSH -- ls / >"$T/out"
	has "$T/out" '^home$'
	hasnt "$T/out" '^(root|proc|var)$'
	SSH -tt -- 'tty; stty size; echo typed' </dev/null >"$T/out"
	has "$T/out" typed
	printf 'echo from the shell\nexit 3\n' | SSH -T >"$T/out" || s=$?
	eq status "${s:-0}" 3
	has "$T/out" 'from the shell'
	# nothing of the host, by any name
	refused SSH -- "cat $T/id" 2>"$T/err"
	refused SSH -- 'cat ../../../../../../etc/hostname' 2>"$T/err"
	eq passwd "$(SSH -- 'cat /etc/passwd' | wc -l)" 2
	SSH -- 'ln -s /../../../etc/hostname l; cat l' >"$T/out" 2>"$T/err" ||
	    true
	[ ! -s "$T/out" ] || fail "something came out"
	# no second root, no descriptor of the first one
	refused SSH -- 'mkdir x; chroot x /bin/sh' 2>"$T/err"
	SSH -- 'env; ls /dev' >"$T/out"
	hasnt "$T/out" "$R"
	refused SSH -- 'echo x >/bin/x' 2>"$T/err"
	has "$T/err" 'ermission'
}

t_files_in_the_same_jail() {
	start_server
	SSH -- 'echo made by a program >/home/made'
	printf 'get /home/made %s/made\nls /\n' "$T" | SFTP >"$T/out"
	eq made "$(cat "$T/made")" "made by a program"
	SCP -O "$T/id.pub" bob@127.0.0.1:/home/by-scp
	eq scp "$(SSH -- 'cat /home/by-scp')" "$KEY"
}

t_missing_shell() {
	WHO=bare
	start_server
	local s=0
	SSH -- id >"$T/out" 2>"$T/err" || s=$?
	eq status $s 127
	has "$T/err" '/bin/sh: No such file or directory .*in the jail'
	logged 'event=exec-failed' 'user=bare'
	s=0
	SSH -tt </dev/null >"$T/out" 2>"$T/err" || s=$?
	eq status $s 127
	sftp_do pwd
	# the loader is missing: the kernel says the same of the program
	mkdir -p "$R/bare/bin"
	cp /bin/sh "$R/bare/bin/sh"
	s=0
	SSH -- id >"$T/out" 2>"$T/err" || s=$?
	eq status $s 127
	rm -r "$R/bare/bin"
	# it is there and cannot be run
	mkdir -p "$R/bare/bin"
	: >"$R/bare/bin/sh"
	chmod 644 "$R/bare/bin/sh"
	s=0
	SSH -- id >"$T/out" 2>"$T/err" || s=$?
	eq status $s 126
	has "$T/err" 'Permission denied'
}

# chroot(2) does not hold programs in a place that their user can change.
t_open_jail_is_refused() {
	start_server
	WHO=open refused SSH -- id 2>"$T/err"
	logged 'event=session-failed' 'user=open' 'chmod go-w'
	WHO=sftponly sftp_do pwd
}

t_left_behind_in_a_jail() {
	start_server
	SSH -- '(trap : HUP TERM; sleep 66; sleep 66) </dev/null \
	    >/dev/null 2>&1 & sleep 0.2; echo ok' >"$T/out"
	has "$T/out" ok
	eventually bash -c "! pgrep -u $ACCT_UID -f 'sleep 66'"
}
run_parts
