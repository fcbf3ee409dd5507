#!/bin/bash
# SIGHUP: a good file counts for new logins, a bad one changes nothing and is
# told with its place; open sessions go on.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 4095 67108864
start_server

hup() { # until the log has an answer
	log_mark
	kill -HUP "$SERVER"
	eventually answered "$1"
}
answered() { log_new | grep -Eaq "$1"; }
reloaded() { hup 'event=(reload|generation|reloaded) '; }
refused_reload() { hup '(sallyport.yaml:[0-9]+|event=reload-(failed|refused))'; }

# bob joins by reload; used by several parts, each puts the file back first
with_bob() {
	USERS_YAML="
  bob:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
	write_conf "$CONF"
}
without_bob() {
	USERS_YAML=
	write_conf "$CONF"
}

t_a_new_user() {
	WHO=bob refused sftp_do pwd
	with_bob
	WHO=bob refused sftp_do pwd
	reloaded
	WHO=bob sftp_do pwd
	sftp_do pwd
}

t_b_bad_file() {
	with_bob
	reloaded
	echo "nonsense: [" >>"$CONF"
	refused_reload
	log_new | grep -Ea 'sallyport\.yaml:[0-9]+:[0-9]+' ||
	    fail "the log does not say where"
	WHO=bob sftp_do pwd
	rm "$CONF"
	hup 'sallyport.yaml'
	WHO=bob sftp_do pwd
	with_bob
	reloaded
}

t_c_open_session_goes_on() {
	with_bob
	reloaded
	printf 'put %s /d/slow\n' "$SRC/f67108864" | SFTP -l 200000 &
	local p=$!
	eventually test -s "$JAIL/d/slow"
	reloaded
	refused_after_breaking
	with_bob
	reloaded
	wait $p
	same "$SRC/f67108864" "$JAIL/d/slow"
}
refused_after_breaking() {
	echo "nonsense: [" >>"$CONF"
	refused_reload
}

t_d_removed_user_is_cut() {
	with_bob
	reloaded
	printf 'put %s /d/cut\nput %s /d/cut\n' "$SRC/f67108864" \
	    "$SRC/f67108864" | WHO=bob SFTP -l 2000 &
	local p=$!
	eventually test -s "$JAIL/d/cut"
	without_bob
	reloaded
	refused wait $p
	sftp_do pwd
	WHO=bob refused sftp_do pwd
}

t_e_listeners() {
	local old=$PORT new
	new=$(free_port)
	LISTEN="[\"127.0.0.1:$old\", \"127.0.0.1:$new\"]"
	write_conf "$CONF"
	reloaded
	eventually listening "$new"
	PORT=$new sftp_do pwd
	PORT=$old sftp_do pwd
	LISTEN="[\"127.0.0.1:$new\"]"
	write_conf "$CONF"
	reloaded
	eventually gone "$old"
	PORT=$new sftp_do pwd
	LISTEN="[\"127.0.0.1:$old\"]"
	write_conf "$CONF"
	reloaded
	eventually listening "$old"
	PORT=$old sftp_do pwd
}
gone() { ! listening "$1"; }

# From all addresses to one, on the same port, and back; open sessions stay.
t_e_listeners_overlap() {
	hold_sftp
	at 0.0.0.0
	reloaded
	ADDR=127.0.0.2 sftp_do pwd
	at 127.0.0.1
	reloaded
	eventually bound 127.0.0.1
	ADDR=127.0.0.1 sftp_do pwd
	refused eval 'ADDR=127.0.0.2 sftp_do pwd'
	at 0.0.0.0
	reloaded
	eventually bound 0.0.0.0
	ADDR=127.0.0.2 sftp_do pwd
	# a new set that cannot be had leaves the old one in its place
	at 127.0.0.1 '"192.0.2.1:9"'
	refused_reload
	logged 'event=config-fault' '192\.0\.2\.1'
	ADDR=127.0.0.2 sftp_do pwd
	at 127.0.0.1
	reloaded
	eventually bound 127.0.0.1
	sftp_do pwd
	release
	LISTEN=
	write_conf "$CONF"
}
at() { # ADDRESS [MORE]
	LISTEN="[\"$1:$PORT\"${2:+, $2}]"
	write_conf "$CONF"
}
bound() { ss -ltnH "sport = :$PORT" | grep -Fq "$1:$PORT"; }

t_f_host_key_changes_between_rekeys() {
	HOST_KEYS=ed25519
	write_conf "$CONF"
	reloaded
	printf 'put %s /d/hk\nget /d/hk %s\n' "$SRC/f67108864" "$T/hk" |
	    SFTP -o RekeyLimit=8M -l 300000 &
	local p=$!
	eventually test -s "$JAIL/d/hk"
	HOST_KEYS="ecdsa256 rsa3072"
	write_conf "$CONF"
	reloaded
	echo pwd | SFTP -o HostKeyAlgorithms=ecdsa-sha2-nistp256
	echo pwd | refused SFTP -o HostKeyAlgorithms=ssh-ed25519
	wait $p
	same "$SRC/f67108864" "$T/hk"
	HOST_KEYS=
	write_conf "$CONF"
	reloaded
}

t_g_many_times() {
	local i
	for i in $(seq 20); do
		kill -HUP "$SERVER"
		[ $((i % 5)) != 0 ] || sftp_do pwd
	done
	sftp_do pwd
}
run_parts
