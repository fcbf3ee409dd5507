#!/bin/bash
# Logging in with keys of every type, from the YAML and from files.
. "$(dirname "$0")/lib.sh"
copy_keys
TYPES="ed25519 ecdsa256 ecdsa384 ecdsa521 rsa2048 rsa3072 rsa4096"
ALL=
for t in $TYPES; do ALL="$ALL, \"$(cat "$T/keys/user_$t.pub")\""; done
mkdir "$T/akeys"
cat "$T"/keys/user_*.pub >"$T/akeys/filer"
chmod 644 "$T/akeys/filer"
make_jail "$T/j2"
USERS_YAML="
  lister:
    jail: \"$T/j2\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys: [${ALL#, }]
  filer:
    jail: \"$T/j2\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys_files: [\"$T/akeys/%u\"]"
start_server

t_from_yaml() {
	local t
	for t in $TYPES; do
		WHO=lister ID=$T/keys/user_$t sftp_do pwd
	done
}

t_from_file() {
	local t
	for t in $TYPES; do
		WHO=filer ID=$T/keys/user_$t sftp_do pwd
	done
}

t_logged_with_fingerprint() {
	local t f
	for t in $TYPES; do
		f=$(ssh-keygen -l -f "$T/keys/user_$t.pub" |
		    sed 's/.*SHA256:\([^ ]*\).*/\1/; s/[+.]/\\&/g')
		WHO=lister ID=$T/keys/user_$t sftp_do pwd
		logged 'event=login ' 'user="?lister' "SHA256:$f"
	done
}

t_rsa_signature_types() {
	local a
	for a in rsa-sha2-256 rsa-sha2-512; do
		WHO=lister ID=$T/keys/user_rsa3072
		echo pwd | SFTP -o PubkeyAcceptedAlgorithms=$a
	done
	echo pwd | refused SFTP -o PubkeyAcceptedAlgorithms=ssh-rsa
}

t_second_of_two_keys() {
	echo pwd | WHO=lister SFTP -o IdentityFile="$T/keys/stranger"
}

t_file_changes_are_seen() { # files are read at each login
	cp "$T/keys/stranger.pub" "$T/akeys/filer"
	WHO=filer ID=$T/keys/stranger sftp_do pwd
	WHO=filer ID=$T/keys/user_ed25519 refused sftp_do pwd
}

t_file_others_may_write() {
	cat "$T"/keys/user_*.pub >"$T/akeys/filer"
	chmod 666 "$T/akeys/filer"
	WHO=filer refused sftp_do pwd
	chmod 644 "$T/akeys/filer"
	WHO=filer sftp_do pwd
}

t_file_with_faulty_lines() { # one bad line does not shut out the others
	{
		echo "ssh-ed25519 AAAAnonsense"
		echo "no-such-option $(cat "$T/keys/stranger.pub")"
		printf 'ssh-rsa \xff\xfe\n\n# comment\n'
		cat "$T/keys/user_ed25519.pub"
	} >"$T/akeys/filer"
	WHO=filer sftp_do pwd
	WHO=filer ID=$T/keys/stranger refused sftp_do pwd
}
run_parts
