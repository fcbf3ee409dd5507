#!/bin/bash
# Who is not let in, and the true reason of it in the log.
. "$(dirname "$0")/lib.sh"
copy_keys
K=$(cat "$T/id.pub")
user() { # NAME KEYLINE [MORE]
	USERS_YAML="$USERS_YAML
  $1:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys: ['$2']${3:+
    $3}"
}
user expired "expiry-time=\"20200101\" $K"
user later "expiry-time=\"20991231\" $K"
user elsewhere "from=\"192.0.2.0/24,2001:db8::/32\" $K"
user here "from=\"127.0.0.0/8,::1\" $K"
user nothere "from=\"!127.0.0.1,127.0.0.0/8\" $K"
user stranger-option "no-such-option $K"
user forced "command=\"/bin/true\" $K"
user authority "cert-authority $K"
user restricted "restrict $K"
user nopty "no-pty,no-port-forwarding,no-agent-forwarding,no-x11-forwarding,no-user-rc $K"
user other "$(cat "$T/keys/stranger.pub")"
user polfrom "$K" 'from: ["192.0.2.0/24"]'
user polhere "$K" 'from: ["127.0.0.0/8", "::1/128"]'
start_server -d

deny() { # WHO WORDS-IN-THE-LOG
	WHO=$1 refused sftp_do pwd
	logged 'event=login-failed' "user=\"?$1" 'src="?127\.0\.0\.1' "$2"
}

t_key_not_listed() {
	local f
	f=$(ssh-keygen -l -f "$T/id.pub" |
	    sed 's/.*SHA256:\([^ ]*\).*/\1/; s/[+.]/\\&/g')
	deny other "SHA256:$f"
}
t_unknown_user() { deny no-such-user '(unknown|no such|not known|exist)'; }
t_expired() {
	deny expired 'expir'
	WHO=later sftp_do pwd
}
t_from_of_key() {
	deny elsewhere '(from|address|source)'
	deny nothere '(from|address|source)'
	WHO=here sftp_do pwd
}
t_from_of_policy() {
	deny polfrom '(from|address|source)'
	WHO=polhere sftp_do pwd
}
t_unknown_option() { deny stranger-option 'option'; }
t_forced_command() { # an option whose feature does not exist: key refused
	deny forced '(command|option)'
}
t_cert_authority() { deny authority '(cert|option|not listed|no key)'; }
t_harmless_restrictions() {
	WHO=restricted sftp_do pwd
	WHO=nopty sftp_do pwd
}

t_odd_names() { # logged without harm to the log
	local n
	for n in '../../etc/passwd' 'a b' \
	    '%s%n%x' "$(printf 'x%.0s' $(seq 2000))" $'\e[31mred'; do
		ssh_opts
		refused ssh "${OPTS[@]}" -p "$PORT" -l "$n" -s 127.0.0.1 sftp \
		    </dev/null
	done
	sftp_do pwd
	logged 'event=login ' 'user=alice'
	hasnt "$LOG" $'\e'
}

t_nobody_waits_for_the_others() {
	sftp_do pwd
}
run_parts
