#!/bin/bash
# seconds 60
# A URL decides about passwords and keys.
. "$(dirname "$0")/lib.sh"
. "$HERE/external.inc"
need_cmd openssl
copy_keys
export KEY_BASE64
KEY_BASE64=$(cut -d ' ' -f 2 "$T/id.pub")

# An authority, a certificate of it for this host, and one for another.
tls() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=authority -keyout "$T/ca.key" -out "$T/ca.pem" -days 2
	for n in localhost elsewhere; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		    -subj /CN=$n -keyout "$T/$n.key" -out "$T/$n.csr"
		openssl x509 -req -in "$T/$n.csr" -CA "$T/ca.pem" \
		    -CAkey "$T/ca.key" -CAcreateserial -days 2 -out "$T/$n.pem" \
		    -extfile <(echo "subjectAltName=DNS:$n.example,DNS:$n")
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=other -keyout "$T/other.key" -out "$T/other.pem" -days 2
} >/dev/null 2>&1
tls
decider() { # NAME [CERT KEY]: its port is $DECIDER
	local n=$1
	shift
	"$PY" "$HERE/decider.py" "$T/port.$n" "$T/log.$n" "$@" \
	    </dev/null >"$T/decider.$n" 2>&1 &
	echo $! >>"$T/pids"
	eventually test -e "$T/port.$n"
	DECIDER=$(cat "$T/port.$n")
}
decider plain
PLAIN=$DECIDER
decider tls "$T/localhost.pem" "$T/localhost.key"
TLS=$DECIDER
decider wrong "$T/elsewhere.pem" "$T/elsewhere.key"
WRONG=$DECIDER
echo "t0ken-of-4711" >"$T/token"
chmod 600 "$T/token"
cp "$T/token" "$T/loose"
chmod 644 "$T/loose" "$T/ca.pem" "$T/other.pem"

AUTH_ALL='auth: [password, publickey]'
TOKEN="auth_url_token: \"$T/token\""
external_user plain "$AUTH_ALL" "auth_url: \"http://127.0.0.1:$PLAIN/ask?x=1\"" \
    'command_timeout: 60s'
external_user quick "$AUTH_ALL" "auth_url: \"http://localhost:$PLAIN/\"" \
    'command_timeout: 1s'
external_user tls "$AUTH_ALL" "auth_url: \"https://localhost:$TLS/\"" \
    "auth_url_ca: \"$T/ca.pem\"" "$TOKEN"
external_user nobodys "$AUTH_ALL" "auth_url: \"https://localhost:$TLS/\"" "$TOKEN"
external_user others "$AUTH_ALL" "auth_url: \"https://localhost:$TLS/\"" \
    "auth_url_ca: \"$T/other.pem\""
external_user wrong "$AUTH_ALL" "auth_url: \"https://localhost:$WRONG/\"" \
    "auth_url_ca: \"$T/ca.pem\""
external_user loose "$AUTH_ALL" "auth_url: \"http://127.0.0.1:$PLAIN/\"" \
    "auth_url_token: \"$T/loose\""
external_user down "$AUTH_ALL" "auth_url: \"http://127.0.0.1:1/\""
TOP_YAML="limits: {login_grace: 5m, unauthenticated_per_source: 100}"
# Whatever decoy a name gets, it is asked about.
USER_YAML="    $WHO_YAML
    auth_url: \"http://127.0.0.1:$PLAIN/\"
    auth_external: [password]"
PW='open sesame'
export http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1
start_server

t_password() {
	echo pwd | ask_sftp plain password "$PW" >"$T/out"
	has "$T/out" 'working directory: /d$'
	has "$T/log.plain" '"user":"plain",.*"password":"open sesame"\}$'
	has "$T/log.plain" \
	    '^/ask\?x=1 None application/json sallyport-fetch/'
	refused ask_sftp plain password "shut" </dev/null
	logged 'event=program-answer' 'program="?auth_url' 'reason="not here"'
	logged 'event=login-failed' 'user="?plain' 'program denied it'
}

t_key() {
	WHO=plain sftp_do pwd
	ID=$T/keys/stranger WHO=plain refused sftp_do pwd
}

t_tls() {
	echo pwd | ask_sftp tls password "$PW"
	has "$T/log.tls" '^/ Bearer t0ken-of-4711 application/json '
	refused ask_sftp tls password "shut" </dev/null
}

t_certificates() { # no word of a server that cannot prove who it is
	local u
	rm -f "$T/log.tls" "$T/log.wrong"
	for u in nobodys others wrong; do
		refused ask_sftp $u password "$PW" </dev/null
		logged 'event=program-stderr' "user=\"?$u" '[Cc]ertificate|SSL'
	done
	[ ! -e "$T/log.tls" ] && [ ! -e "$T/log.wrong" ] ||
	    fail "something was told"
}

t_answers() {
	local w
	for w in status redirect garbage huge short; do
		log_mark
		refused ask_sftp plain password $w </dev/null
		log_new >"$T/new"
		has "$T/new" 'event=login-failed'
	done
	logged 'event=program-stderr' 'status 403'
	logged 'event=program-stderr' 'status 302'
	logged "program's answer is no JSON"
	hasnt "$T/log.plain" '^/other'
	refused ask_sftp down password "$PW" </dev/null
	logged 'event=program-stderr' 'user="?down' '[Cc]onnect'
}

t_late() {
	refused ask_sftp quick password slow </dev/null
	refused ask_sftp quick password drip </dev/null
	logged 'event=program-stderr' 'user="?quick' '[Tt]imed? ?out'
	eventually nothing_runs
}

t_token_file() {
	refused ask_sftp loose password "$PW" </dev/null
	logged 'event=program-failed' 'key="?auth_url_token' 'readable by'
	logged 'event=login-failed' 'user="?loose' 'auth_url_token cannot be'
}

t_nothing_to_be_seen() {
	refused ask_sftp plain password seen </dev/null
	cat "$T/log.plain.seen"
	has "$T/log.plain.seen" 'sallyport-fetch'
	for f in plain 127.0.0.1 seen t0ken /ask '[Pp]roxy'; do
		hasnt "$T/log.plain.seen" "$f"
	done
	has "$T/log.plain.seen" "^Uid:	$CMD_UID	$CMD_UID	$CMD_UID"
	has "$T/log.plain.seen" '^NoNewPrivs:	1'
	hasnt "$LOG" 't0ken|sesame'
}

t_not_one_process() { # with BoringSSL
	ldd "$B/sallyport-fetch" >"$T/libs"
	has "$T/libs" 'libcurl'
	hasnt "$T/libs" 'android'
	for f in sallyportd sallyport-account; do
		ldd "$B/$f" >"$T/libs"
		hasnt "$T/libs" 'libcurl'
	done
}

t_nobody() {
	refused ask_sftp nobody-here password "$PW" </dev/null
	logged 'event=login-failed' 'user="?nobody-here' 'no such user'
	# by one URL or another, of which some do not answer
	logged 'event=program-' 'program="?auth_url' 'user="?nobody-here'
}

t_hangs() { # and keeps nobody waiting
	client password plain slow &
	eventually runs 1
	WHO=plain sftp_do pwd
	echo pwd | ask_sftp tls password "$PW"
	kill $!
	wait $! 2>/dev/null || true
	eventually nothing_runs
}
run_parts
