#!/bin/bash
# A full disk: the client is told, the log says failed, the server goes on.
. "$(dirname "$0")/lib.sh"
need_root
copy_keys
make_files 4095 5242880
prepare
mkdir "$T/small"
mount -t tmpfs -o size=1m,mode=755 tmpfs "$T/small" 2>/dev/null ||
    skip "cannot mount a tmpfs"
make_jail "$T/small"
USERS_YAML="
  cramped:
    jail: \"$T/small\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    allow: [sftp, scp]
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
write_conf "$CONF"
start_server

t_put() {
	WHO=cramped refused sftp_do "put $SRC/f5242880 /d/big" 2>"$T/err"
	cat "$T/err"
	logged 'event=transfer ' 'user=cramped' 'path=/d/big' 'result=failed' \
	    '([Ss]pace|full)'
	if log_line 'event=transfer ' 'path=/d/big' 'result=ok'; then
		fail "logged as transferred"
	fi
}

t_old_scp() {
	WHO=cramped sftp_do "rm /d/big"
	refused SCP -O "$SRC/f5242880" "$SRC/f4095" \
	    cramped@127.0.0.1:/d 2>"$T/err"
	has "$T/err" '/d/f5242880: No space left on device'
	logged 'event=transfer ' service=scp path=/d/f5242880 result=failed \
	    'reason="No space left on device"'
	# What did come is there, and no more than that.
	[ "$(stat -c %s "$T/small/d/f5242880")" -lt 1048577 ] ||
	    fail "a file that pretends to be whole"
	WHO=cramped sftp_do "rm /d/f5242880" "rm /d/f4095" \
	    "put $SRC/f4095 /d/big"
}

t_status_says_no_space() { py raw_sftp.py diskfull cramped; }

t_afterwards() {
	WHO=cramped sftp_do "rm /d/big" "put $SRC/f4095 /d/fits"
	same "$SRC/f4095" "$T/small/d/fits"
	sftp_do "put $SRC/f5242880 /d/elsewhere"
	same "$SRC/f5242880" "$JAIL/d/elsewhere"
}

t_full_log_disk() { # the log may fail, the service may not
	mkdir "$T/logs"
	mount -t tmpfs -o size=64k,mode=755 tmpfs "$T/logs"
	LOG_YAML="{to: \"file:$T/logs/log\", format: text, level: info}"
	head -c 65536 /dev/zero >"$T/logs/fill" 2>/dev/null || true
	fresh_server
	local i
	for i in 1 2 3; do sftp_do "put $SRC/f4095 /d/l$i"; done
	same "$SRC/f4095" "$JAIL/d/l3"
	rm "$T/logs/fill"
	sftp_do pwd
	eventually grep -q 'event=login ' "$T/logs/log"
	stop_server
	umount "$T/logs"
}
run_parts
