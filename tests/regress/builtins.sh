#!/bin/bash
# Commands that are answered without a program, and who asks for them.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 0 1 4095 67108864
make_jail "$JAIL"
USER_YAML="    builtins: [md5sum, sha1sum, sha256sum, sha512sum, pwd, cd, echo]"
USERS_YAML="
  bob:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    builtins: [md5sum]
    authorized_keys: [\"$(cat "$T/id.pub")\"]
  forced:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    builtins: [md5sum]
    allow: [sftp, scp]
    authorized_keys: ['command=\"internal-sftp\" $(cat "$T/id.pub")']
  inbox:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    builtins: [md5sum]
    allow: [sftp, scp]
    authorized_keys: ['command=\"scp -t /d/in\" $(cat "$T/id.pub")']
  other:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    builtins: [md5sum]
    allow: [sftp, scp]
    authorized_keys: ['command=\"id\" $(cat "$T/id.pub")']"
start_server
mkdir -p "$JAIL/d/in"
own "$JAIL/d/in"
cp "$SRC"/f* "$JAIL/d/in/"
printf x >"$JAIL/d/in/od\\d
name"

t_checksums() {
	local h
	for h in md5sum sha1sum sha256sum sha512sum; do
		(cd "$JAIL/d/in" && $h -- *) >"$T/want"
		SSH -- "cd /d/in && $h -- *" </dev/null >"$T/got"
		same "$T/want" "$T/got"
		$h <"$SRC/f4095" >"$T/want"
		SSH -- $h <"$SRC/f4095" >"$T/got"
		same "$T/want" "$T/got"
	done
	logged event=command user=alice service=builtin \
	    'command="cd /d/in && sha512sum -- \*"' bytes=67112961 result=ok
}

# More than libc would sort without asking the kernel about the machine.
t_many() {
	local i
	mkdir "$T/many"
	for i in $(seq 700); do echo "$i" >"$T/many/f$i"; done
	cp -r "$T/many" "$JAIL/d/many"
	(cd "$T/many" && LC_ALL=C md5sum -- *) >"$T/want"
	SSH -- 'cd /d/many && md5sum *' </dev/null >"$T/got"
	same "$T/want" "$T/got"
}

t_faults() {
	local s=0
	SSH -- "md5sum /none /ro/note" </dev/null >"$T/out" 2>"$T/err" || s=$?
	eq status $s 1
	has "$T/out" '^[0-9a-f]{32}  /ro/note$'
	has "$T/err" '^md5sum: /none: No such file or directory$'
	hasnt "$T/out" md5sum
	s=0
	SSH -- "cd /none && pwd" </dev/null >"$T/out" 2>"$T/err" || s=$?
	eq status $s 1
	eq output "$(cat "$T/out")" ""
	logged event=command 'command="cd /none && pwd"' result=failed
}

t_where() {
	eq pwd "$(SSH -- pwd </dev/null)" /
	eq cd "$(SSH -- 'cd d; pwd' </dev/null)" /d
	eq "what rclone asks" \
	    "$(SSH -- 'echo ${ShellId}%ComSpec%' </dev/null)" %ComSpec%
}

t_refused() {
	refused SSH -- sha384sum /ro/note </dev/null
	logged event=request-refused user=alice 'detail="sha384sum /ro/note"' \
	    'reason="builtins does not list it"' "rule=$CONF:[0-9]+:15"
	refused SSH -- "md5sum /ro/note | cat" </dev/null
	refused SSH -- "md5sum /ro/note; id" </dev/null
	logged event=request-refused user=alice 'detail="md5sum .*; id"' \
	    'reason="this user may run nothing"' "rule=$CONF:[0-9]+:[0-9]+"
	WHO=bob refused SSH -- pwd </dev/null
	logged event=request-refused user=bob detail=pwd
	WHO=bob SSH -- md5sum /ro/note </dev/null
	# A key that is for SFTP alone is for nothing else.
	WHO=forced refused SSH -- md5sum /ro/note </dev/null
	WHO=forced refused SCP -O forced@127.0.0.1:/ro/note "$T/x"
	WHO=forced sftp_do "ls /d"
}

# What a key forces is done whatever the client asks for, and nothing else.
t_forced() {
	cp "$SRC/f4095" "$T/fresh"
	SCP -O "$T/fresh" inbox@127.0.0.1:/d/elsewhere
	same "$T/fresh" "$JAIL/d/in/fresh"
	[ ! -e "$JAIL/d/elsewhere" ] || fail "not where the key says"
	refused SCP -O inbox@127.0.0.1:/ro/note "$T/note"
	[ ! -e "$T/note" ] || fail "read by a key that only writes"
	WHO=inbox SSH -- md5sum /ro/note </dev/null >"$T/out"
	hasnt "$T/out" '[0-9a-f]{32}'
	WHO=inbox refused sftp_do "ls /"
	logged event=request-refused user=inbox request=subsystem \
	    detail=sftp 'rule=".*, and the options of the key"'
	# What nobody could serve, refuses the key.
	WHO=other refused SSH -- md5sum /ro/note </dev/null
	logged event=login-failed user=other 'command= is a program'
}

# Four large files at once, and a session beside them that is served.
t_together() {
	local i
	for i in 1 2 3 4; do
		SSH -- "sha256sum /d/in/f67108864 /d/in/f67108864" \
		    </dev/null >"$T/sum$i" &
	done
	sftp_do "ls /d"
	wait -n
	wait
	for i in 1 2 3 4; do
		eq lines "$(grep -c "^$(sha256sum <"$SRC/f67108864" |
		    cut -c 1-64)  /d/in/f67108864$" "$T/sum$i")" 2
	done
}

t_rclone() {
	need_cmd rclone
	export HOME=$T RCLONE_CONFIG=$T/rclone.conf
	cat >"$RCLONE_CONFIG" <<-C
	[s]
	type = sftp
	host = 127.0.0.1
	port = $PORT
	user = alice
	key_file = $T/id
	known_hosts_file = $T/known_rclone
	C
	awk -v p="$PORT" '{ print "[127.0.0.1]:" p, $2, $3 }' \
	    "$T/known_hosts" >"$T/known_rclone"
	mkdir "$T/set"
	cp "$SRC/f4095" "$SRC/f0" "$T/set/"
	cp "$SRC/f1" "$T/set/it's ü \$HOME"
	rclone --retries 1 copy "$T/set" s:/d/set
	rclone --retries 1 check "$T/set" s:/d/set 2>"$T/err" || {
		cat "$T/err"
		fail "rclone check"
	}
	has "$T/err" '0 differences found'
	hasnt "$T/err" 'could not be checked'
	rclone --retries 1 md5sum s:/d/set | sort >"$T/got"
	(cd "$T/set" && md5sum -- *) | sort >"$T/want"
	same "$T/want" "$T/got"
	rclone --retries 1 sha1sum s:/d/set | sort >"$T/got"
	(cd "$T/set" && sha1sum -- *) | sort >"$T/want"
	same "$T/want" "$T/got"
	# One that has changed is found by its sum alone.
	printf y | dd of="$JAIL/d/set/f4095" conv=notrunc 2>/dev/null
	touch -r "$T/set/f4095" "$JAIL/d/set/f4095"
	refused rclone --retries 1 check "$T/set" s:/d/set 2>"$T/err"
	has "$T/err" 'f4095.*(md5|sha1) differ'
}

t_server_is_well() { sftp_do "ls /"; }
run_parts
