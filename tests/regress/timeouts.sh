#!/bin/bash
# Limits on silence, and on the sessions of a connection.
. "$(dirname "$0")/lib.sh"
need_root # to run programs
need_cmd cat
$PY -c 'import cryptography' 2>/dev/null || skip "no python3-cryptography"
copy_keys
USERS_YAML="  bob: {account: {uid: $ACCT_UID, gid: $ACCT_GID}, start: /,
      allow: [sftp, exec], authorized_keys: [\"$(cat "$T/id.pub")\"]}"
export WHO=bob
SILENT='keepalive: {interval: 1s, count: 1000}'

# serve LIMITS [YAML]: a server of these limits.
serve() {
	TOP_YAML="limits: {$1}
${2:-}"
	fresh_server
}

t_sessions_of_a_connection() {
	serve 'channels: 2'
	py raw_timeouts.py sessions
	logged 'event=channel-refused' 'limit=limits.channels' 'value=2'
}

t_idle() {
	serve 'idle: 1s' "$SILENT"
	py raw_timeouts.py idle
	py raw_timeouts.py not_idle
	py raw_timeouts.py idle_one_way
}

t_unused() {
	serve 'unused: 1s' "$SILENT"
	py raw_timeouts.py unused
}

t_silent_channels() {
	serve 'channel_idle: {session: 1s, x11: 1s}' "$SILENT"
	py raw_timeouts.py channel_idle
	logged 'event=channel-idle' 'user=bob' 'kind=session'
	logged 'event=session-close' 'user=bob' 'channel=1' 'status=0'
}

t_no_limits() {
	serve 'channel_idle: {direct-tcpip: 1s}'
	py raw_timeouts.py unlimited
}

run_parts
