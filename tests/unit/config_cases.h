/*
 * Configurations and exactly the faults they must give: for config_test.c.
 * A text is read as the file "t.yaml".
 */
#ifndef TESTS_UNIT_CONFIG_CASES_H
#define TESTS_UNIT_CONFIG_CASES_H

/* Two lines: what every configuration needs. */
#define HEAD	"listen: [\"127.0.0.1:22\"]\nhost_keys: [/k]\n"
#define ACCOUNT	"account: {uid: 5, gid: 5}"
#define KEY	"authorized_keys: [ssh-ed25519 AAAA]"
/* Four lines: a user that has no fault yet. */
#define USER	"users:\n  a:\n    " ACCOUNT "\n    " KEY "\n"
#define HASH	"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$" \
	"X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

/* The keys of a user as faults list them, in the order of user_rows. */
#define USER_KEYS \
	"group, account, jail, create, dirs, start, umask, allow, " \
	"auth, env, from, authorized_keys, authorized_keys_files, " \
	"password, password_expires, password_warn, " \
	"password_change, password_min, totp, pam, " \
	"trusted_ca_keys, principals, revoked_keys, known_hosts, " \
	"known_hosts_files, hostbased_users, key_bits, banner, " \
	"hours, time_zone, not_before, expires, sessions, when, " \
	"if, shell, command, set_env, subsystems, motd, resources, " \
	"linger, builtins, forward, x11, command_user, command_timeout, " \
	"authorized_keys_command, ask, auth_command, auth_url, " \
	"auth_url_ca, auth_url_token, auth_external"

struct fault_case {
	const char *title, *yaml, *faults;
};

static const struct fault_case fault_cases[] = {
	{ "nothing but what is needed",
	  HEAD,
	  "" },
	{ "empty file",
	  "",
	  "t.yaml:1:1: listen: missing; needs a list of addresses with a "
	  "port, such as [\"0.0.0.0:22\"]\n"
	  "t.yaml:1:1: host_keys: missing; needs a list of private host key "
	  "files\n" },
	{ "only a comment",
	  "# nothing\n",
	  "t.yaml:1:1: listen: missing; needs a list of addresses with a "
	  "port, such as [\"0.0.0.0:22\"]\n"
	  "t.yaml:1:1: host_keys: missing; needs a list of private host key "
	  "files\n" },
	{ "a list at the top",
	  "- a\n"
	  "- b\n",
	  "t.yaml:1:1: (file): is a list; needs a mapping of keys\n" },
	{ "a word at the top",
	  "hello\n",
	  "t.yaml:1:1: (file): is a single value; needs a mapping of keys\n" },
	{ "syntax: unclosed list",
	  HEAD "banner: [1, 2\n",
	  "t.yaml:4:1: (file): while parsing a flow sequence, did not find "
	  "expected ',' or ']'; needs valid YAML\n" },
	{ "syntax: tab",
	  HEAD "log:\n"
	  "\tto: stderr\n",
	  "t.yaml:4:1: (file): while scanning for the next token, found "
	  "character that cannot start any token; indent with spaces, not "
	  "with tabs\n" },
	{ "syntax: key without colon",
	  HEAD "banner: x\n"
	  "foo\n"
	  "bar: y\n",
	  "t.yaml:5:1: (file): while scanning a simple key, could not find "
	  "expected ':'; needs valid YAML\n" },
	{ "second document",
	  HEAD "---\n"
	  "banner: x\n",
	  "t.yaml:3:1: (file): a second document; a file holds one\n" },
	{ "type tag",
	  HEAD "banner: !!str x\n",
	  "t.yaml:3:9: (file): a type tag; values stand without tags\n" },
	{ "alias without anchor",
	  HEAD "banner: *x\n",
	  "t.yaml:3:9: (file): alias without its anchor; needs an anchor "
	  "(&name) before it\n" },
	{ "alias of its own parent",
	  HEAD "log: &x {to: *x}\n",
	  "t.yaml:3:14: (file): alias inside of its own anchor; needs a "
	  "finished value\n" },
	{ "merge key",
	  HEAD "users:\n"
	  "  a: &a {" ACCOUNT ", " KEY "}\n"
	  "  b: {<<: *a}\n",
	  "t.yaml:5:3: users.b.account: missing; needs {uid: N, gid: N} or "
	  "the name of a host account\n"
	  "t.yaml:5:3: warning: users.b: nobody can log in: auth asks for "
	  "what this user does not have; needs authorized_keys, "
	  "authorized_keys_files, password or pam\n"
	  "t.yaml:5:7: users.b.<<: merge keys are not read; use group to "
	  "inherit\n" },
	{ "alias is fine",
	  HEAD "defaults: {from: &n [\"192.0.2.0/24\"]}\n"
	  "groups: {g: {from: *n}}\n",
	  "" },
	{ "unknown key, nearest named",
	  HEAD "limts: {}\n",
	  "t.yaml:3:1: limts: unknown key; did you mean \"limits\"?\n" },
	{ "unknown key, nothing near",
	  HEAD "zebra: 1\n",
	  "t.yaml:3:1: zebra: unknown key; use one of: listen, host_keys, "
	  "server_user, ident, greeting, banner, algorithms, keepalive, "
	  "limits, log, state_dir, control, penalties, defaults, "
	  "host_accounts, include, groups, users\n" },
	{ "key given twice",
	  HEAD "banner: x\n"
	  "banner: y\n",
	  "t.yaml:4:1: banner: given twice, first at line 3, column 1; needs "
	  "one\n" },
	{ "key given twice inside",
	  HEAD "limits: {channels: 1, channels: 2}\n",
	  "t.yaml:3:23: limits.channels: given twice, first at line 3, "
	  "column 10; needs one\n" },
	{ "key that is a list",
	  HEAD "? [a, b]\n"
	  ": c\n",
	  "t.yaml:3:3: (file): a key is a list; needs a word\n" },
	{ "key with a control character",
	  HEAD "\"a\\x07b\": 1\n",
	  "t.yaml:3:1: a\\x07b: unknown key; use one of: listen, host_keys, "
	  "server_user, ident, greeting, banner, algorithms, keepalive, "
	  "limits, log, state_dir, control, penalties, defaults, "
	  "host_accounts, include, groups, users\n" },
	{ "NUL in a value",
	  HEAD "banner: \"a\\0b\"\n",
	  "t.yaml:3:9: banner: holds a NUL character; needs a text\n" },
	{ "two levels of the same fault, all told",
	  HEAD "ident: \"a b\"\n"
	  "banner: []\n"
	  "log: {to: x, format: y, level: z}\n",
	  "t.yaml:3:8: ident: \"a b\" cannot stand in an identification "
	  "line; use 1 to 200 printable ASCII characters without spaces and "
	  "\"-\"\n"
	  "t.yaml:4:9: banner: is a list; needs a text\n"
	  "t.yaml:5:11: log.to: \"x\" is unknown; use stderr, syslog, "
	  "journal or \"file:PATH\"\n"
	  "t.yaml:5:22: log.format: \"y\" is unknown; use text or json\n"
	  "t.yaml:5:32: log.level: \"z\" is unknown; use error, warn, info "
	  "or debug\n" },
	{ "listen missing",
	  "host_keys: [/k]\n",
	  "t.yaml:1:1: listen: missing; needs a list of addresses with a "
	  "port, such as [\"0.0.0.0:22\"]\n" },
	{ "host_keys missing",
	  "listen: [\"127.0.0.1:22\"]\n",
	  "t.yaml:1:1: host_keys: missing; needs a list of private host key "
	  "files\n" },
	{ "listen is a word",
	  "listen: \"127.0.0.1:22\"\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:9: listen: is a single value; needs a list of addresses "
	  "with a port, such as \"0.0.0.0:22\"\n" },
	{ "listen is empty",
	  "listen: []\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:9: listen: is empty; needs addresses with a port, such "
	  "as \"0.0.0.0:22\"\n" },
	{ "listen without port",
	  "listen: [\"127.0.0.1\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:10: listen[0]: \"127.0.0.1\" is not an address with a "
	  "port; use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n" },
	{ "listen with a name",
	  "listen: [\"localhost:22\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:10: listen[0]: \"localhost:22\" is not an address with a "
	  "port; use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n" },
	{ "listen port 0, 65536",
	  "listen: [\"127.0.0.1:0\", \"127.0.0.1:65536\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:10: listen[0]: \"127.0.0.1:0\" is not an address with a "
	  "port; use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n"
	  "t.yaml:1:25: listen[1]: \"127.0.0.1:65536\" is not an address "
	  "with a port; use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n" },
	{ "listen bare IPv6",
	  "listen: [\"::1:22\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:10: listen[0]: \"::1:22\" is not an address with a port; "
	  "use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n" },
	{ "listen twice",
	  "listen: [\"127.0.0.1:22\", \"127.0.0.1:22\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:26: listen[1]: \"127.0.0.1:22\" is given twice; needs "
	  "one\n" },
	{ "listen on no interface",
	  "listen: [\"[fe80::1%nosuch0]:22\"]\n"
	  "host_keys: [/k]\n",
	  "t.yaml:1:10: listen[0]: \"[fe80::1%nosuch0]:22\" names an "
	  "interface that is not here; use an interface after %\n" },
	{ "host_keys relative, twice",
	  "listen: [\"127.0.0.1:22\"]\n"
	  "host_keys: [k, /k, /k, /a/../k]\n",
	  "t.yaml:2:13: host_keys[0]: \"k\" is not an absolute path; use one "
	  "that starts with /\n"
	  "t.yaml:2:20: host_keys[2]: \"/k\" is given twice; needs one\n"
	  "t.yaml:2:24: host_keys[3]: \"/a/../k\" holds \".\" or \"..\"; use "
	  "a path without them\n" },
	{ "server_user unknown",
	  HEAD "server_user: nobody9\n",
	  "t.yaml:3:14: server_user: \"nobody9\" cannot be turned into "
	  "numbers: no such account; use an account of this host or {uid: N, "
	  "gid: N}\n" },
	{ "server_user root",
	  HEAD "server_user: root\n",
	  "t.yaml:3:14: server_user: \"root\" is root, who is never served; "
	  "use another account\n" },
	{ "server_user a number",
	  HEAD "server_user: 33\n",
	  "t.yaml:3:14: server_user: \"33\" is only a number; use {uid: N, "
	  "gid: N} or the name of a host account\n" },
	{ "ident with space and dash",
	  HEAD "ident: \"my-server\"\n",
	  "t.yaml:3:8: ident: \"my-server\" cannot stand in an "
	  "identification line; use 1 to 200 printable ASCII characters "
	  "without spaces and \"-\"\n" },
	{ "banner with escape",
	  HEAD "banner: \"\\e[31m\"\n",
	  "t.yaml:3:9: banner: holds a control character; use plain text and "
	  "line ends\n" },
	{ "greeting looks like an ident",
	  HEAD "greeting: \"hello\\nSSH-2.0-x\"\n",
	  "t.yaml:3:11: greeting: has a line that starts with SSH-; use "
	  "other words\n" },
	{ "algorithms unknown key",
	  HEAD "algorithms: {ciphers: [aes128-ctr]}\n",
	  "t.yaml:3:14: algorithms.ciphers: unknown key; did you mean "
	  "\"cipher\"?\n" },
	{ "algorithms unknown name",
	  HEAD "algorithms: {cipher: [aes128-ctr, rot13], kex: []}\n",
	  "t.yaml:3:35: algorithms.cipher[1]: \"rot13\" is not in this "
	  "build; use names of the cipher list in sallyport.yaml(5)\n"
	  "t.yaml:3:48: algorithms.kex: is empty; needs names of algorithms, "
	  "or leave the key out\n" },
	{ "algorithms twice, comma",
	  HEAD "algorithms: {mac: [hmac-sha2-256, hmac-sha2-256, \"a,b\"]}\n",
	  "t.yaml:3:35: algorithms.mac[1]: \"hmac-sha2-256\" is given twice; "
	  "needs one\n"
	  "t.yaml:3:50: algorithms.mac[2]: \"a,b\" is not a name of an "
	  "algorithm; use 1 to 64 printable ASCII characters without "
	  "commas\n" },
	{ "cipher_preference",
	  HEAD "algorithms: {cipher_preference: both}\n",
	  "t.yaml:3:33: algorithms.cipher_preference: \"both\" is unknown; "
	  "use server or client\n" },
	{ "keepalive",
	  HEAD "keepalive: {interval: 500ms, count: 0}\n",
	  "t.yaml:3:23: keepalive.interval: \"500ms\" is out of range; use "
	  "1s-24h, or 0 for none\n"
	  "t.yaml:3:37: keepalive.count: \"0\" is out of range; use 1-1000\n" },
	{ "keepalive off",
	  HEAD "keepalive: {interval: 0}\n",
	  "" },
	{ "limits out of range",
	  HEAD "limits: {connections: 0, channels: 1025, auth_attempts: 1000, "
	  "login_grace: 2h}\n",
	  "t.yaml:3:23: limits.connections: \"0\" is out of range; use "
	  "1-1000000\n"
	  "t.yaml:3:36: limits.channels: \"1025\" is out of range; use "
	  "1-1024\n"
	  "t.yaml:3:57: limits.auth_attempts: \"1000\" is out of range; use "
	  "1-100\n"
	  "t.yaml:3:76: limits.login_grace: \"2h\" is out of range; use "
	  "1s-1h\n" },
	{ "limits of the wrong type",
	  HEAD "limits: {connections: many, channels: [1], rekey_bytes: 1GB, "
	  "rekey_time: 5, rekey_packets: -1, park: maybe}\n",
	  "t.yaml:3:23: limits.connections: \"many\" is not a number; use "
	  "1-1000000\n"
	  "t.yaml:3:39: limits.channels: is a list; needs 1-1024\n"
	  "t.yaml:3:57: limits.rekey_bytes: \"1GB\" is not a size; use "
	  "4KiB-64GiB\n"
	  "t.yaml:3:74: limits.rekey_time: \"5\" is not a duration; use "
	  "1s-24h\n"
	  "t.yaml:3:92: limits.rekey_packets: \"-1\" is not a number; use "
	  "16-2147483648\n"
	  "t.yaml:3:102: limits.park: \"maybe\" is not a switch; use on or "
	  "off\n" },
	{ "limits past 64 bits",
	  HEAD "limits: {connections: 99999999999999999999999, rekey_bytes: "
	  "99999999TiB}\n",
	  "t.yaml:3:23: limits.connections: \"99999999999999999999999\" is "
	  "not a number; use 1-1000000\n"
	  "t.yaml:3:61: limits.rekey_bytes: \"99999999TiB\" is not a size; "
	  "use 4KiB-64GiB\n" },
	{ "limits is a list",
	  HEAD "limits: [1]\n",
	  "t.yaml:3:9: limits: is a list; needs a mapping of: connections, "
	  "unauthenticated, unauthenticated_per_source, login_grace, "
	  "auth_attempts, channels, forwards, idle, unused, "
	  "channel_idle, rekey_bytes, rekey_time, rekey_packets, park\n" },
	{ "limits nothing in a key",
	  HEAD "limits: {channels: }\n",
	  "t.yaml:3:20: limits.channels: is nothing; needs 1-1024\n" },
	{ "log",
	  HEAD "log: {to: \"file:rel\", format: xml, level: warning}\n",
	  "t.yaml:3:11: log.to: \"rel\" is not an absolute path; use one "
	  "that starts with /\n"
	  "t.yaml:3:31: log.format: \"xml\" is unknown; use text or json\n"
	  "t.yaml:3:43: log.level: \"warning\" is unknown; use error, warn, "
	  "info or debug\n" },
	{ "state_dir",
	  HEAD "state_dir: lib/sallyport\n",
	  "t.yaml:3:12: state_dir: \"lib/sallyport\" is not an absolute path; "
	  "use one that starts with /\n" },
	{ "state_dir that is a list",
	  HEAD "state_dir: [/a]\n",
	  "t.yaml:3:12: state_dir: is a list; needs an absolute path, or "
	  "none\n" },
	{ "state_dir none",
	  HEAD "state_dir: none\n",
	  "" },
	{ "control",
	  HEAD "control: run.sock\n",
	  "t.yaml:3:10: control: \"run.sock\" is not an absolute path; "
	  "use one that starts with /\n" },
	{ "control none",
	  HEAD "control: none\n",
	  "" },
	{ "penalties off",
	  HEAD "penalties: off\n",
	  "" },
	{ "penalties on, empty, nothing",
	  HEAD "penalties: {}\n",
	  "" },
	{ "penalties of another kind",
	  HEAD "penalties: maybe\n",
	  "t.yaml:3:12: penalties: \"maybe\" is not a switch; use off, on, "
	  "or a mapping\n" },
	{ "penalties that are a list",
	  HEAD "penalties: [crash]\n",
	  "t.yaml:3:12: penalties: is a list; needs a mapping of: crash, "
	  "authfail, invaliduser, grace_exceeded, noauth, refused, min, max, "
	  "prefix4, prefix6, sources, overflow, exempt\n" },
	{ "penalties out of range",
	  HEAD "penalties: {crash: 25h, min: x, max: 0, prefix4: 0, "
	  "prefix6: 129,\n"
	  "  sources: 65537, overflow: drop, auth_fail: 5s}\n",
	  "t.yaml:3:20: penalties.crash: \"25h\" is out of range; use "
	  "0-24h\n"
	  "t.yaml:3:30: penalties.min: \"x\" is not a duration; use 0-24h\n"
	  "t.yaml:3:38: penalties.max: \"0\" is out of range; use 1s-24h\n"
	  "t.yaml:3:50: penalties.prefix4: \"0\" is out of range; use "
	  "1-32\n"
	  "t.yaml:3:62: penalties.prefix6: \"129\" is out of range; use "
	  "1-128\n"
	  "t.yaml:4:12: penalties.sources: \"65537\" is out of range; use "
	  "1-65536\n"
	  "t.yaml:4:29: penalties.overflow: \"drop\" is unknown; use permit "
	  "or deny\n"
	  "t.yaml:4:35: penalties.auth_fail: unknown key; did you mean "
	  "\"authfail\"?\n" },
	{ "penalties that nobody could reach",
	  HEAD "penalties: {min: 1m, max: 30s}\n",
	  "t.yaml:3:18: penalties: min is greater than max, nobody would "
	  "ever be barred; needs min to be at most max\n" },
	{ "penalties with a max below the built-in min",
	  HEAD "penalties: {max: 10s}\n",
	  "t.yaml:3:18: penalties: min is greater than max, nobody would "
	  "ever be barred; needs min to be at most max\n" },
	{ "penalties that tell who exists",
	  HEAD "penalties: {invaliduser: 20s}\n",
	  "t.yaml:3:26: warning: penalties: invaliduser differs from "
	  "authfail, so that strangers can find out who has an account; leave "
	  "it out\n" },
	{ "penalties that tell nothing",
	  HEAD "penalties: {authfail: 20s, invaliduser: 20s}\n",
	  "" },
	{ "penalties with exempt networks",
	  HEAD "penalties: {exempt: [192.0.2.1/24, x, \"::ffff:0:0/90\", "
	  "10.0.0.0/8, 10.0.0.0/8]}\n",
	  "t.yaml:3:22: penalties.exempt[0]: \"192.0.2.1/24\" has bits set "
	  "behind its prefix; use the first address of the network\n"
	  "t.yaml:3:36: penalties.exempt[1]: \"x\" is not an address or "
	  "network; use \"203.0.113.0/24\" or \"2001:db8::/32\"\n"
	  "t.yaml:3:39: penalties.exempt[2]: \"::ffff:0:0/90\" has bits set "
	  "behind its prefix; use the first address of the network\n"
	  "t.yaml:3:68: penalties.exempt[4]: \"10.0.0.0/8\" is given twice; "
	  "needs one\n" },
	{ "penalties exempt nearly everybody",
	  HEAD "penalties: {exempt: [\"::/0\"]}\n",
	  "" },
	{ "host_accounts with a policy that is none",
	  HEAD "host_accounts: {allow: [\"@sftpusers\"], policy: g}\n",
	  "t.yaml:3:48: host_accounts.policy: \"g\" is not a group; use one "
	  "that groups has\n" },
	{ "host_accounts empty",
	  HEAD "host_accounts: {}\n",
	  "" },
	{ "include is a word",
	  HEAD "include: users.d\n",
	  "t.yaml:3:10: include: is a single value; needs a list of file "
	  "names or patterns\n" },
	{ "users is a list",
	  HEAD "users: [a, b]\n",
	  "t.yaml:3:8: users: is a list; needs a mapping of names\n" },
	{ "user is a word",
	  HEAD "users: {a: b}\n",
	  "t.yaml:3:9: users.a.account: missing; needs {uid: N, gid: N} or "
	  "the name of a host account\n"
	  "t.yaml:3:9: warning: users.a: nobody can log in: auth asks for "
	  "what this user does not have; needs authorized_keys, "
	  "authorized_keys_files, password or pam\n"
	  "t.yaml:3:12: users.a: is a single value; needs a mapping of: "
	  USER_KEYS "\n" },
	{ "user without account",
	  HEAD "users:\n"
	  "  a: {" KEY "}\n"
	  "  b:\n",
	  "t.yaml:4:3: users.a.account: missing; needs {uid: N, gid: N} or "
	  "the name of a host account\n"
	  "t.yaml:5:3: users.b.account: missing; needs {uid: N, gid: N} or "
	  "the name of a host account\n"
	  "t.yaml:5:3: warning: users.b: nobody can log in: auth asks for "
	  "what this user does not have; needs authorized_keys, "
	  "authorized_keys_files, password or pam\n" },
	{ "user nobody can log in as",
	  HEAD "users:\n"
	  "  a: {" ACCOUNT "}\n",
	  "t.yaml:4:3: warning: users.a: nobody can log in: auth asks for "
	  "what this user does not have; needs authorized_keys, "
	  "authorized_keys_files, password or pam\n" },
	{ "user key near",
	  HEAD USER "    umsk: \"077\"\n",
	  "t.yaml:7:5: users.a.umsk: unknown key; did you mean \"umask\"?\n" },
	{ "user key nowhere near",
	  HEAD USER "    program: /bin/true\n",
	  "t.yaml:7:5: users.a.program: unknown key; use one of: "
	  USER_KEYS "\n" },
	{ "account uid 0",
	  HEAD "users: {a: {account: {uid: 0, gid: 0}, " KEY "}}\n",
	  "t.yaml:3:28: users.a.account.uid: 0 is root, who is never served; "
	  "use 1-4294967294\n"
	  "t.yaml:3:36: warning: users.a.account.gid: 0 is the group of "
	  "root, who owns many files; use another\n" },
	{ "account half",
	  HEAD "users: {a: {account: {uid: 5}, " KEY
	  "}, b: {account: {gid: 5}, " KEY "}}\n",
	  "t.yaml:3:22: users.a.account: has no gid; needs both, such as "
	  "{uid: 2001, gid: 2001}\n"
	  "t.yaml:3:83: users.b.account: has no uid; needs both, such as "
	  "{uid: 2001, gid: 2001}\n" },
	{ "account too large",
	  HEAD "users: {a: {account: {uid: 4294967295, gid: -1, groups: [x]}, "
	  KEY "}}\n",
	  "t.yaml:3:28: users.a.account.uid: \"4294967295\" is out of range; "
	  "use 1-4294967294\n"
	  "t.yaml:3:45: users.a.account.gid: \"-1\" is not a number; use "
	  "0-4294967294\n"
	  "t.yaml:3:58: users.a.account.groups[0]: \"x\" is not a number; "
	  "use 0-4294967294\n" },
	{ "account name unknown",
	  HEAD "users: {a: {account: nobody9, " KEY "}, b: {account: nobody9, "
	  KEY "}}\n",
	  "t.yaml:3:22: users.a.account: \"nobody9\" cannot be turned into "
	  "numbers: no such account; use an account of this host or {uid: N, "
	  "gid: N}\n"
	  "t.yaml:3:82: users.b.account: \"nobody9\" cannot be turned into "
	  "numbers: there is no such account on this host; use an account of "
	  "this host or {uid: N, gid: N}\n" },
	{ "account root by name",
	  HEAD "users: {a: {account: root, " KEY "}}\n",
	  "t.yaml:3:22: users.a.account: \"root\" is root, who is never "
	  "served; use another account\n" },
	{ "account only a number",
	  HEAD "users: {a: {account: 5, " KEY "}}\n",
	  "t.yaml:3:22: users.a.account: \"5\" is only a number; use {uid: "
	  "N, gid: N} or the name of a host account\n" },
	{ "jail relative",
	  HEAD USER "    jail: srv/a\n",
	  "t.yaml:7:11: users.a.jail: \"srv/a\" is not an absolute path; use "
	  "one that starts with /\n" },
	{ "jail with dots",
	  HEAD USER "    jail: /srv/../a\n",
	  "t.yaml:7:11: users.a.jail: \"/srv/../a\" holds \".\" or \"..\"; "
	  "use a path without them\n" },
	{ "jail with unknown percent",
	  HEAD USER "    jail: /srv/%h\n",
	  "t.yaml:7:11: users.a.jail: \"/srv/%h\" has an unknown %; use %u "
	  "for the user's name and %% for a percent sign\n" },
	{ "jail is the root",
	  HEAD USER "    jail: //\n",
	  "t.yaml:7:11: users.a.jail: \"//\" is no jail; use a folder, or "
	  "none\n" },
	{ "jail none, create",
	  HEAD USER "    jail: none\n"
	  "    create: on\n",
	  "t.yaml:8:13: users.a.create: there is no jail to create; needs "
	  "jail\n" },
	{ "dirs absolute, with dots",
	  HEAD USER "    jail: /j\n"
	  "    create: on\n"
	  "    dirs: [/in, ../x, ok]\n",
	  "t.yaml:9:12: users.a.dirs[0]: \"/in\" is not a path inside of the "
	  "jail; use one without / at its start, such as \"in\"\n"
	  "t.yaml:9:17: users.a.dirs[1]: \"../x\" holds \".\" or \"..\"; use "
	  "a path without them\n" },
	{ "dirs without create",
	  HEAD USER "    jail: /j\n"
	  "    dirs: [in]\n",
	  "t.yaml:8:11: warning: users.a.dirs: nothing makes these folders; "
	  "use create: on\n" },
	{ "start",
	  HEAD USER "    start: in\n",
	  "t.yaml:7:12: users.a.start: \"in\" is not an absolute path; use "
	  "one that starts with /\n" },
	{ "create is no switch",
	  HEAD USER "    create: 2\n",
	  "t.yaml:7:13: users.a.create: \"2\" is not a switch; use on or "
	  "off\n" },
	{ "umask",
	  HEAD USER "    umask: \"0o999\"\n",
	  "t.yaml:7:12: users.a.umask: \"0o999\" is not a file mode; use "
	  "0000-0777\n" },
	{ "umask five digits",
	  HEAD USER "    umask: 00077\n",
	  "t.yaml:7:12: users.a.umask: \"00077\" is not a file mode; use "
	  "0000-0777\n" },
	{ "allow unknown",
	  HEAD USER "    allow: [sftp, telnet, sftp]\n",
	  "t.yaml:7:19: users.a.allow[1]: \"telnet\" is not a right; use "
	  "sftp, scp, shell, exec, pty, agent, x11, local-forward, "
	  "remote-forward\n"
	  "t.yaml:7:27: users.a.allow[2]: \"sftp\" is given twice; needs "
	  "one\n" },
	{ "limits on silence",
	  HEAD
	  "limits: {idle: 30m, unused: 0, channel_idle:\n"
	  "  {session: 1h, x11: 10m, direct-tcpip: 1s, agent: 0,\n"
	  "   direct-streamlocal: 2s, forwarded-tcpip: 3s,\n"
	  "   forwarded-streamlocal: 30d}}\n",
	  "" },
	{ "limits on silence, wrong",
	  HEAD
	  "limits: {idle: 10ms, unused: [1s], channel_idle:\n"
	  "  {session: forever, tun: 1h}}\n",
	  "t.yaml:3:16: limits.idle: \"10ms\" is out of range; use 1s-30d, "
	  "or 0 for none\n"
	  "t.yaml:3:30: limits.unused: is a list; needs 1s-30d, or 0 for none\n"
	  "t.yaml:4:13: limits.channel_idle.session: \"forever\" is not a "
	  "duration; use 1s-30d, or 0 for none\n"
	  "t.yaml:4:22: limits.channel_idle.tun: unknown key; use one of: "
	  "session, agent, x11, direct-tcpip, direct-streamlocal, "
	  "forwarded-tcpip, forwarded-streamlocal\n" },
	{ "limits on silence, no mapping",
	  HEAD "limits: {channel_idle: 5m}\n",
	  "t.yaml:3:24: limits.channel_idle: is a single value; needs a "
	  "mapping of: session, agent, x11, direct-tcpip, "
	  "direct-streamlocal, forwarded-tcpip, forwarded-streamlocal\n" },
	{ "programs of a user",
	  HEAD USER
	  "    allow: [shell, exec, pty, sftp]\n"
	  "    shell: /bin/bash\n"
	  "    command: \"exec /usr/bin/borg serve\"\n"
	  "    set_env: {TZ: UTC, PATH: /usr/bin, EMPTY: \"\"}\n"
	  "    subsystems: {netconf: /usr/bin/nc, x@y.z: a b}\n"
	  "    motd: /etc/motd\n"
	  "    resources: {processes: 50, memory: 1GiB, cpu: 1h, files: 256}\n"
	  "    linger: on\n",
	  "" },
	{ "programs of a user, none of them",
	  HEAD USER
	  "    shell: none\n"
	  "    command: none\n"
	  "    set_env: none\n"
	  "    subsystems: none\n"
	  "    motd: none\n"
	  "    resources: none\n",
	  "" },
	{ "programs of a user, wrong",
	  HEAD USER
	  "    shell: bash\n"
	  "    command: \"a\\nb\"\n"
	  "    set_env: {1A: x, B: [y], \"C=D\": z}\n",
	  "t.yaml:7:12: users.a.shell: \"bash\" is not an absolute path; use "
	  "one that starts with /\n"
	  "t.yaml:8:14: users.a.command: \"a\\x0ab\" has a control "
	  "character; use one line of plain text\n"
	  "t.yaml:9:15: users.a.set_env.1A: \"1A\" is no name of a variable; "
	  "use letters, digits and _, no digit first, at most 64 of them\n"
	  "t.yaml:9:25: users.a.set_env.B: is a list; needs one text\n"
	  "t.yaml:9:30: users.a.set_env.C=D: \"C=D\" is no name of a "
	  "variable; use letters, digits and _, no digit first, at most 64 "
	  "of them\n" },
	{ "programs of a user, wrong too",
	  HEAD USER
	  "    subsystems: {sftp: x, a b: y, c: \"\"}\n"
	  "    motd: [a]\n"
	  "    resources: {processes: 0, memory: 1KiB, disk: 1}\n",
	  "t.yaml:7:18: users.a.subsystems.sftp: \"sftp\" is built in; leave "
	  "it out\n"
	  "t.yaml:7:27: users.a.subsystems.a b: \"a b\" is no name of a "
	  "subsystem; use letters, digits and _ - . @, at most 64 of them\n"
	  "t.yaml:7:38: users.a.subsystems.c: \"\" is empty; needs a command\n"
	  "t.yaml:8:11: users.a.motd: is a list; needs the path of a file, "
	  "or none\n"
	  "t.yaml:9:28: users.a.resources.processes: \"0\" is out of range; "
	  "use 1-4194304\n"
	  "t.yaml:9:39: users.a.resources.memory: \"1KiB\" is out of range; "
	  "use 4MiB-1024TiB\n"
	  "t.yaml:9:45: users.a.resources.disk: unknown key; use one of: "
	  "processes, memory, cpu, files\n" },
	{ "programs of a user, wrong as well",
	  HEAD USER
	  "    resources: {cpu: 1ms, files: 3}\n"
	  "    linger: perhaps\n",
	  "t.yaml:7:22: users.a.resources.cpu: \"1ms\" is out of range; use "
	  "1s-30d\n"
	  "t.yaml:7:34: users.a.resources.files: \"3\" is out of range; use "
	  "16-1048576\n"
	  "t.yaml:8:13: users.a.linger: \"perhaps\" is not a switch; use on "
	  "or off\n" },
	{ "forwards of a user",
	  HEAD USER
	  "    forward:\n"
	  "      open: [\"*.example.org:443\", 10.0.0.0/8:22,\n"
	  "        \"[2001:db8::]/32:*\", host:8000-8100, \"!*:25\"]\n"
	  "      listen: [127.0.0.1:*, localhost:8080, \"*:9\"]\n"
	  "      unix: [/run/app.sock, /srv/*.sock, /tmp/]\n"
	  "      unix_mask: \"0117\"\n"
	  "      unix_unlink: on\n"
	  "    x11: {localhost: off, offset: 50}\n",
	  "" },
	{ "no forwards at all",
	  HEAD USER
	  "    forward: {open: [], listen: [], unix: []}\n",
	  "" },
	{ "forwards of a user, wrong",
	  HEAD USER
	  "    forward:\n"
	  "      open: [\"db\", \"10.0.0.1/8:22\", \"a:0\", x:1, x:1]\n"
	  "      listen: [\"!*:*\", \"www.example.org:80\"]\n"
	  "      unix: [app.sock]\n"
	  "      unix_mask: 888\n"
	  "      unix_unlink: 7\n"
	  "      udp: [1]\n"
	  "    x11: {localhost: maybe, offset: 60000}\n",
	  "t.yaml:8:14: users.a.forward.open[0]: \"db\" is not HOST:PORTS; "
	  "use such as db.example.org:5432, *.example.org:443, 10.0.0.0/8:22, "
	  "\"[2001:db8::]/32:*\" or 127.0.0.1:8000-8100\n"
	  "t.yaml:8:20: users.a.forward.open[1]: \"10.0.0.1/8:22\" has no "
	  "host that can be matched; use a name, with * and ? in it, an "
	  "address, or ADDRESS/BITS whose other bits are zero, of IPv6 in "
	  "brackets\n"
	  "t.yaml:8:37: users.a.forward.open[2]: \"a:0\" has no ports; use a "
	  "number from 1 to 65535, two with - between, or *\n"
	  "t.yaml:8:49: users.a.forward.open[4]: \"x:1\" is given twice; "
	  "needs one\n"
	  "t.yaml:9:24: users.a.forward.listen[1]: \"www.example.org:80\" "
	  "names a host; use an address, ADDRESS/BITS, localhost or * for any\n"
	  "t.yaml:10:14: users.a.forward.unix[0]: \"app.sock\" is not the "
	  "absolute path of a socket, with * and ? for what may vary, or of a "
	  "folder with / at its end; use such as /run/app.sock\n"
	  "t.yaml:11:18: users.a.forward.unix_mask: \"888\" is not a file "
	  "mode; use 0000-0777\n"
	  "t.yaml:12:20: users.a.forward.unix_unlink: \"7\" is not a switch; "
	  "use on or off\n"
	  "t.yaml:13:7: users.a.forward.udp: unknown key; use one of: open, "
	  "listen, unix, unix_mask, unix_unlink\n"
	  "t.yaml:14:22: users.a.x11.localhost: \"maybe\" is not a switch; use "
	  "on or off\n"
	  "t.yaml:14:37: users.a.x11.offset: \"60000\" is out of range; use "
	  "0-58000\n" },
	{ "forwards of a user, only refused",
	  HEAD USER
	  "    forward: {open: [\"!*:25\"], listen: [\"!*:*\"]}\n",
	  "t.yaml:7:21: users.a.forward.open: has only rules that refuse, so "
	  "it permits nothing; add such as \"*:*\", or use []\n"
	  "t.yaml:7:40: users.a.forward.listen: has only rules that refuse, "
	  "so it permits nothing; add such as \"*:*\", or use []\n" },
	{ "resources as a list",
	  HEAD USER
	  "    resources: [1]\n",
	  "t.yaml:7:16: users.a.resources: is a list; needs a mapping of: "
	  "processes, memory, cpu, files\n" },
	{ "a set_env that is a list",
	  HEAD USER
	  "    set_env: [A=b]\n",
	  "t.yaml:7:14: users.a.set_env: is a list; needs a mapping of names "
	  "to values\n" },
	{ "a command for a user who may run nothing",
	  HEAD USER
	  "    command: ls\n",
	  "t.yaml:7:14: users.a.command: this user may run nothing; needs "
	  "allow: [exec]\n" },
	{ "internal-sftp needs no right to run",
	  HEAD USER
	  "    command: internal-sftp\n",
	  "" },
	{ "a shell that runs nothing",
	  HEAD USER
	  "    allow: [shell]\n"
	  "    shell: /usr/sbin/nologin\n",
	  "t.yaml:7:12: warning: users.a.allow: the shell of this user is "
	  "\"/usr/sbin/nologin\", which runs nothing; needs shell\n" },
	{ "every right",
	  HEAD USER "    allow: [sftp, scp, shell, exec, pty, agent, x11,\n"
	  "      local-forward, remote-forward]\n",
	  "" },
	{ "builtins",
	  HEAD USER "    builtins: [md5sum, ls, md5sum]\n",
	  "t.yaml:7:24: users.a.builtins[1]: \"ls\" is not built in; use "
	  "md5sum, sha1sum, sha256sum, sha384sum, sha512sum, pwd, cd, echo\n"
	  "t.yaml:7:28: users.a.builtins[2]: \"md5sum\" is given twice; "
	  "needs one\n" },
	{ "builtins is a word",
	  HEAD USER "    builtins: md5sum\n",
	  "t.yaml:7:15: users.a.builtins: is a single value; needs a list "
	  "of names of built-in commands, such as md5sum\n" },
	{ "builtins none",
	  HEAD USER "    builtins: none\n",
	  "" },
	{ "allow is a word",
	  HEAD USER "    allow: sftp\n",
	  "t.yaml:7:12: users.a.allow: is a single value; needs a list of "
	  "rights, such as sftp\n" },
	{ "auth unknown",
	  HEAD USER "    auth: [publickey, telepathy]\n",
	  "t.yaml:7:23: users.a.auth[1]: \"telepathy\" is not a method; use "
	  "publickey, password, keyboard-interactive or hostbased, joined "
	  "with + if several are needed\n" },
	{ "auth none",
	  HEAD USER "    auth: [none]\n",
	  "t.yaml:7:12: users.a.auth[0]: \"none\" is not a method; use "
	  "publickey, password, keyboard-interactive or hostbased, joined "
	  "with + if several are needed\n" },
	{ "auth chain with a hole",
	  HEAD USER "    auth: [\"publickey+\"]\n",
	  "t.yaml:7:12: users.a.auth[0]: \"\" is not a method; use publickey, "
	  "password, keyboard-interactive or hostbased, joined with + if "
	  "several are needed\n" },
	{ "auth chain twice the same",
	  HEAD USER "    auth: [\"password+password\"]\n",
	  "t.yaml:7:12: users.a.auth[0]: \"password\" is in this entry "
	  "twice; needs one\n" },
	{ "auth by two keys",
	  HEAD USER
	  "    auth: [\"publickey+publickey\"]\n", "" },
	{ "auth empty",
	  HEAD USER "    auth: []\n",
	  "t.yaml:7:11: users.a.auth: is empty; needs methods, such as "
	  "publickey\n" },
	{ "auth asks for a password",
	  HEAD USER "    auth: [publickey, password]\n",
	  "t.yaml:7:11: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n" },
	{ "auth asks for a password, by group",
	  HEAD "groups: {g: {auth: [password]}}\n"
	  USER "    group: g\n",
	  "t.yaml:3:20: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n" },
	{ "auth asks for a password, by defaults",
	  HEAD "defaults: {auth: [publickey, password]}\n"
	  USER,
	  "t.yaml:5:3: warning: users.a.auth: defaults ask for a password, "
	  "but this user has none; that way is closed\n" },
	{ "auth by password, none set",
	  HEAD USER "    password: \"!\"\n"
	  "    auth: [password]\n",
	  "t.yaml:8:11: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n" },
	{ "password in clear is not shown",
	  HEAD USER "    password: hunter2\n",
	  "t.yaml:7:15: users.a.password: is not a crypt(3) hash; needs a "
	  "hash that starts with $y$, $gy$, $7$, $2b$, $6$ or $5$, or \"!\" "
	  "for none\n" },
	{ "password of the wrong kind",
	  HEAD USER "    password: \"$1$abcdefgh$0123456789012345678901\"\n",
	  "t.yaml:7:15: users.a.password: is not a crypt(3) hash; needs a "
	  "hash that starts with $y$, $gy$, $7$, $2b$, $6$ or $5$, or \"!\" "
	  "for none\n" },
	{ "password with a hash of the wrong shape",
	  HEAD USER "    password: \"$6$short\"\n",
	  "t.yaml:7:15: users.a.password: is not a crypt(3) hash; needs a "
	  "hash that starts with $y$, $gy$, $7$, $2b$, $6$ or $5$, or \"!\" "
	  "for none\n" },
	{ "password is a mapping",
	  HEAD USER "    password: {hash: x}\n",
	  "t.yaml:7:15: users.a.password: is a mapping; needs a hash that "
	  "starts with $y$, $gy$, $7$, $2b$, $6$ or $5$, or \"!\" for none\n" },
	{ "password where a path should be",
	  HEAD USER "    jail: \"" HASH "\"\n",
	  "t.yaml:7:11: users.a.jail: (hidden) is not an absolute path; use "
	  "one that starts with /\n" },
	{ "pam with a path",
	  HEAD USER "    pam: ../sshd\n",
	  "t.yaml:7:10: users.a.pam: \"../sshd\" is not the name of a PAM "
	  "service; use letters, digits, '.', '_' and '-', at most 64\n" },
	{ "pam empty",
	  HEAD USER "    pam: \"\"\n",
	  "t.yaml:7:10: users.a.pam: \"\" is not the name of a PAM "
	  "service; use letters, digits, '.', '_' and '-', at most 64\n" },
	{ "pam is a list",
	  HEAD USER "    pam: [sshd]\n",
	  "t.yaml:7:10: users.a.pam: is a list; needs the name of a PAM "
	  "service, or none\n" },
	{ "pam beside a password",
	  HEAD USER "    pam: sshd\n    password: \"" HASH "\"\n",
	  "t.yaml:7:10: users.a.pam: stands beside a password of its own; "
	  "needs one of them\n" },
	{ "env",
	  HEAD USER
	  "    env: [LANG, \"LC_*\", \"*\", \"LD_*\", \"A=B\", \"\"]\n",
	  "t.yaml:7:25: users.a.env[2]: \"*\" would let a client set a name "
	  "like LD_PRELOAD or PATH; use narrower patterns, such as LC_*\n"
	  "t.yaml:7:30: users.a.env[3]: \"LD_*\" would let a client set a "
	  "name like LD_PRELOAD or PATH; use narrower patterns, such as "
	  "LC_*\n"
	  "t.yaml:7:38: users.a.env[4]: \"A=B\" is not a pattern of names; "
	  "use letters, digits, _, * and ?, at most 64 of them\n"
	  "t.yaml:7:45: users.a.env[5]: \"\" is not a pattern of names; use "
	  "letters, digits, _, * and ?, at most 64 of them\n" },
	{ "from",
	  HEAD USER
	  "    from: [203.0.113.0/24, 10.0.0.1/8, example.org, \"::1/129\", "
	  "1.2.3.4/]\n",
	  "t.yaml:7:28: users.a.from[1]: \"10.0.0.1/8\" has bits set behind "
	  "its prefix; use the first address of the network\n"
	  "t.yaml:7:40: users.a.from[2]: \"example.org\" is not an address "
	  "or network; use \"203.0.113.0/24\" or \"2001:db8::/32\"\n"
	  "t.yaml:7:53: users.a.from[3]: \"::1/129\" is not an address or "
	  "network; use \"203.0.113.0/24\" or \"2001:db8::/32\"\n"
	  "t.yaml:7:64: users.a.from[4]: \"1.2.3.4/\" is not an address or "
	  "network; use \"203.0.113.0/24\" or \"2001:db8::/32\"\n" },
	{ "from is empty",
	  HEAD USER "    from: []\n",
	  "t.yaml:7:11: users.a.from: is empty; needs networks, such as "
	  "203.0.113.0/24, or leave the key out to allow any address\n" },
	{ "authorized_keys",
	  HEAD "users:\n"
	  "  a:\n"
	  "    " ACCOUNT "\n"
	  "    authorized_keys:\n"
	  "      - ssh-ed25519 AAAA\n"
	  "      - \"\"\n"
	  "      - \"# old\"\n"
	  "      - |\n"
	  "        -----BEGIN OPENSSH PRIVATE KEY-----\n"
	  "        c2VjcmV0\n"
	  "      - \"a\\nb\"\n"
	  "      - |\n"
	  "        ssh-ed25519 BBBB\n"
	  "      - [x]\n",
	  "t.yaml:8:9: users.a.authorized_keys[1]: is empty or a comment; "
	  "needs a line as in authorized_keys\n"
	  "t.yaml:9:9: users.a.authorized_keys[2]: is empty or a comment; "
	  "needs a line as in authorized_keys\n"
	  "t.yaml:10:9: users.a.authorized_keys[3]: is not a public key, it "
	  "looks like a private one; needs a line as in authorized_keys\n"
	  "t.yaml:13:9: users.a.authorized_keys[4]: is more than one line; "
	  "needs one line for each entry\n"
	  "t.yaml:16:9: users.a.authorized_keys[6]: is a list; needs public "
	  "keys, as in authorized_keys\n" },
	{ "authorized_keys_files relative",
	  HEAD "users: {a: {" ACCOUNT
	  ", authorized_keys_files: [keys, /k/%u, /k/%d]}}\n",
	  "t.yaml:3:64: users.a.authorized_keys_files[0]: \"keys\" is not an "
	  "absolute path; use one that starts with /\n"
	  "t.yaml:3:77: users.a.authorized_keys_files[2]: \"/k/%d\" has an "
	  "unknown %; use %u for the user's name and %% for a percent sign\n" },
	{ "certificates alone let in",
	  HEAD "users: {a: {" ACCOUNT ", trusted_ca_keys: [/ca]}}\n", "" },
	{ "certificates and revocations",
	  HEAD USER
	  "    trusted_ca_keys: [ca, /ca/%u, /ca/%h]\n"
	  "    principals: [\"\", a b, \" x\", \"%u\", \"%x\", [y]]\n"
	  "    revoked_keys: [krl, /krl, /krl]\n"
	  "    key_bits: {rsa: 1024, ecdsa: 522, ed25519: 256}\n",
	  "t.yaml:7:23: users.a.trusted_ca_keys[0]: \"ca\" is not an absolute "
	  "path; use one that starts with /\n"
	  "t.yaml:7:35: users.a.trusted_ca_keys[2]: \"/ca/%h\" has an "
	  "unknown %; use %u for the user's name and %% for a percent sign\n"
	  "t.yaml:8:18: users.a.principals[0]: \"\" is no name of a "
	  "principal; needs 1 to 255 characters without blanks around and "
	  "control characters\n"
	  "t.yaml:8:27: users.a.principals[2]: \" x\" is no name of a "
	  "principal; needs 1 to 255 characters without blanks around and "
	  "control characters\n"
	  "t.yaml:8:39: users.a.principals[4]: \"%x\" has an "
	  "unknown %; use %u for the user's name and %% for a percent sign\n"
	  "t.yaml:8:45: users.a.principals[5]: is a list; needs names in "
	  "certificates\n"
	  "t.yaml:9:20: users.a.revoked_keys[0]: \"krl\" is not an absolute "
	  "path; use one that starts with /\n"
	  "t.yaml:9:31: users.a.revoked_keys[2]: \"/krl\" is given twice; "
	  "needs one\n"
	  "t.yaml:10:21: users.a.key_bits.rsa: \"1024\" is out of range; use "
	  "2048-16384\n"
	  "t.yaml:10:34: users.a.key_bits.ecdsa: \"522\" is out of range; use "
	  "256, 384 or 521\n"
	  "t.yaml:10:39: users.a.key_bits.ed25519: unknown key; use one of: "
	  "rsa, ecdsa\n" },
	{ "principals empty",
	  HEAD USER "    principals: []\n",
	  "t.yaml:7:17: users.a.principals: is empty; needs names in "
	  "certificates, or leave the key out for the user's name alone\n" },
	{ "group unknown",
	  HEAD USER "    group: partnres\n",
	  "t.yaml:7:12: users.a.group: \"partnres\" is not a group; use one "
	  "that groups has\n" },
	{ "group of a group",
	  HEAD "groups: {g: {group: h}, h: {}}\n",
	  "t.yaml:3:21: groups.g.group: only a user has a group: groups do "
	  "not nest, there is one level; leave it out\n" },
	{ "group of defaults",
	  HEAD "defaults: {group: g}\n"
	  "groups: {g: {}}\n",
	  "t.yaml:3:19: defaults.group: only a user has a group: groups do "
	  "not nest, there is one level; leave it out\n" },
	{ "fault in a group is told once",
	  HEAD "groups: {g: {umask: x}}\n"
	  "users:\n"
	  "  a: {group: g, " ACCOUNT ", " KEY "}\n"
	  "  b: {group: g, " ACCOUNT ", " KEY "}\n",
	  "t.yaml:3:21: groups.g.umask: \"x\" is not a file mode; use "
	  "0000-0777\n" },
	{ "a BOM at the start",
	  "\xef\xbb\xbf" "banner: x\n",
	  "t.yaml:1:1: listen: missing; needs a list of addresses with a "
	  "port, such as [\"0.0.0.0:22\"]\n"
	  "t.yaml:1:1: host_keys: missing; needs a list of private host key "
	  "files\n" },
	{ "the same user in a mapping twice",
	  HEAD "users:\n"
	  "  a: {" ACCOUNT ", " KEY "}\n"
	  "  a: {}\n",
	  "t.yaml:5:3: users.a: given twice, first at line 4, column 3; "
	  "needs one\n" },
	{ "a comment in place of a mapping",
	  HEAD "users: # none yet\n"
	  "groups:\n"
	  "defaults:\n",
	  "" },
	{ "NUL in the name of a user",
	  HEAD "users: {\"a\\0b\": {}}\n",
	  "t.yaml:3:9: users: a key holds a NUL character; needs a word\n" },
	{ "account mapping with a strange key",
	  HEAD "users: {a: {account: {uid: 5, gid: 5, shell: x}, " KEY "}}\n",
	  "t.yaml:3:39: users.a.account.shell: unknown key; use one of: uid, "
	  "gid, groups\n" },
	{ "home without a name",
	  HEAD "users: {a: {account: deploy, " KEY "}}\n",
	  "" },
	{ "env and dirs of wrong types",
	  HEAD USER "    env: {A: b}\n"
	  "    dirs: [[x]]\n",
	  "t.yaml:7:10: users.a.env: is a mapping; needs a list of patterns "
	  "of names, such as LC_*\n"
	  "t.yaml:8:12: users.a.dirs[0]: is a list; needs folders inside of "
	  "the jail\n" },
	{ "hours",
	  HEAD USER "    hours: [\"Mon-Fri 08:00-18:00\", \"Mo 08:00-09:00\",\n"
	  "      24:00-06:00, 8-18, \"09:00-09:00\", [x]]\n",
	  "t.yaml:7:36: users.a.hours[1]: \"Mo 08:00-09:00\" is not a range "
	  "of hours; use one such as \"Mon-Fri 08:00-18:00\", \"Sat,Sun "
	  "22:00-02:00\" or \"08:00-24:00\"\n"
	  "t.yaml:8:7: users.a.hours[2]: \"24:00-06:00\" begins when the day "
	  "is over; use 00:00 of the next day\n"
	  "t.yaml:8:20: users.a.hours[3]: \"8-18\" is not a range of hours; "
	  "use one such as \"Mon-Fri 08:00-18:00\", \"Sat,Sun 22:00-02:00\" "
	  "or \"08:00-24:00\"\n"
	  "t.yaml:8:26: users.a.hours[4]: \"09:00-09:00\" ends when it "
	  "begins; use 00:00-24:00 for a whole day\n"
	  "t.yaml:8:41: users.a.hours[5]: is a list; needs ranges of hours, "
	  "such as \"Mon-Fri 08:00-18:00\"\n" },
	{ "no hours",
	  HEAD USER "    hours: []\n",
	  "t.yaml:7:12: users.a.hours: is empty; needs ranges of hours, such "
	  "as \"Mon-Fri 08:00-18:00\", or 00:00-24:00 for any hour\n" },
	{ "hours of one word",
	  HEAD USER "    hours: 08:00-18:00\n",
	  "t.yaml:7:12: users.a.hours: is a single value; needs a list of "
	  "ranges of hours, such as \"Mon-Fri 08:00-18:00\"\n" },
	{ "time zones",
	  HEAD USER "    time_zone: Mars/Olympus\n"
	  "groups: {g: {time_zone: ../UTC}}\n",
	  "t.yaml:7:16: users.a.time_zone: \"Mars/Olympus\" is not a time "
	  "zone of this machine; use a name such as Europe/Berlin, or UTC\n"
	  "t.yaml:8:25: groups.g.time_zone: \"../UTC\" is not a time zone of "
	  "this machine; use a name such as Europe/Berlin, or UTC\n" },
	{ "dates",
	  HEAD USER "    not_before: 2026-02-30\n"
	  "    expires: 2026-01-01T08:00\n",
	  "t.yaml:7:17: users.a.not_before: \"2026-02-30\" is not a date; use "
	  "a day such as 2026-01-31, a time such as 2026-01-31T08:00:00Z, or "
	  "none\n"
	  "t.yaml:8:14: users.a.expires: \"2026-01-01T08:00\" is not a date; "
	  "use a day such as 2026-01-31, a time such as "
	  "2026-01-31T08:00:00Z, or none\n" },
	{ "dates out of order",
	  HEAD USER "    not_before: 2026-02-01\n"
	  "    expires: 2026-01-31\n",
	  "t.yaml:8:14: users.a.expires: is not after not_before; nobody "
	  "could log in, use a later date\n" },
	{ "one day",
	  HEAD USER "    not_before: 2026-02-01\n"
	  "    expires: 2026-02-01\n", "" },
	{ "sessions",
	  HEAD USER "    sessions: 0\n"
	  "groups: {g: {sessions: 65537}, h: {sessions: none}}\n"
	  "defaults: {sessions: -1}\n",
	  "t.yaml:7:15: users.a.sessions: \"0\" is not a number of sessions; "
	  "use 1-65536, or none for any number\n"
	  "t.yaml:8:24: groups.g.sessions: \"65537\" is not a number of "
	  "sessions; use 1-65536, or none for any number\n"
	  "t.yaml:9:22: defaults.sessions: \"-1\" is not a number of "
	  "sessions; use 1-65536, or none for any number\n" },
	{ "banner of a user",
	  HEAD USER "    banner: \"a\\eb\"\n",
	  "t.yaml:7:13: users.a.banner: holds a control character; use plain "
	  "text and line ends\n" },
	{ "when is no list",
	  HEAD USER "    when: {if: {from: [192.0.2.1]}}\n",
	  "t.yaml:7:11: users.a.when: is a mapping; needs a list of blocks "
	  "such as {if: {from: [203.0.113.0/24]}, auth: [publickey]}\n" },
	{ "blocks of when",
	  HEAD USER "    when:\n"
	  "      - allow: [sftp]\n"
	  "      - x\n"
	  "      -\n"
	  "      - {if: {}, umsk: \"077\"}\n"
	  "      - {if: {frm: [192.0.2.1]}}\n"
	  "      - {if: {from: []}}\n"
	  "      - {if: [192.0.2.1]}\n",
	  "t.yaml:8:9: users.a.when[0]: has no if, so nobody knows when; "
	  "needs blocks such as {if: {from: [203.0.113.0/24]}, auth: "
	  "[publickey]}\n"
	  "t.yaml:9:9: users.a.when[1]: is a single value; needs blocks such "
	  "as {if: {from: [203.0.113.0/24]}, auth: [publickey]}\n"
	  "t.yaml:10:8: users.a.when[2]: is nothing; needs blocks such as {if: "
	  "{from: [203.0.113.0/24]}, auth: [publickey]}\n"
	  "t.yaml:11:14: users.a.when[3].if: is empty and would always hold; "
	  "needs {from: [networks]}, {listen: [addresses]} or both\n"
	  "t.yaml:11:18: users.a.when[3].umsk: unknown key; did you mean "
	  "\"umask\"?\n"
	  "t.yaml:12:15: users.a.when[4].if.frm: unknown key; did you mean "
	  "\"from\"?\n"
	  "t.yaml:13:21: users.a.when[5].if.from: is empty; needs networks, "
	  "such as 203.0.113.0/24\n"
	  "t.yaml:14:14: users.a.when[6].if: is a list; needs a mapping of: "
	  "from, listen\n" },
	{ "conditions",
	  HEAD USER "    if: {from: [192.0.2.1]}\n"
	  "    when:\n"
	  "      - {if: {from: [192.0.2.1/8, x]}, group: g}\n"
	  "      - if: {listen: [\"127.0.0.1:22\", \"0.0.0.0:22\", "
	  "\"127.0.0.2:22\", \"0.0.0.0:23\", \"[::1]:22\", ssh]}\n"
	  "      - if: {listen: []}\n"
	  "        when: [{if: {from: [192.0.2.1]}}]\n"
	  "groups: {g: {}}\n",
	  "t.yaml:7:9: users.a.if: stands outside of a when block; use when: "
	  "[{if: {...}, ...}]\n"
	  "t.yaml:9:22: users.a.when[0].if.from[0]: \"192.0.2.1/8\" has bits "
	  "set behind its prefix; use the first address of the network\n"
	  "t.yaml:9:35: users.a.when[0].if.from[1]: \"x\" is not an address "
	  "or network; use \"203.0.113.0/24\" or \"2001:db8::/32\"\n"
	  "t.yaml:9:47: users.a.when[0].group: cannot depend on where "
	  "somebody comes from; use when in the group\n"
	  "t.yaml:10:53: users.a.when[1].if.listen[2]: \"127.0.0.2:22\" is no "
	  "address where this server listens; use one of listen\n"
	  "t.yaml:10:69: users.a.when[1].if.listen[3]: \"0.0.0.0:23\" is no "
	  "address where this server listens; use one of listen\n"
	  "t.yaml:10:83: users.a.when[1].if.listen[4]: \"[::1]:22\" is no "
	  "address where this server listens; use one of listen\n"
	  "t.yaml:10:95: users.a.when[1].if.listen[5]: \"ssh\" is not an "
	  "address with a port; use \"192.0.2.1:22\" or \"[2001:db8::1]:22\"\n"
	  "t.yaml:11:22: users.a.when[2].if.listen: is empty; needs addresses "
	  "of listen, such as \"0.0.0.0:2222\"\n"
	  "t.yaml:12:15: users.a.when[2].when: stands in a when block; these "
	  "do not nest, use further blocks\n" },
	{ "a password that only some are asked for",
	  HEAD USER "    when:\n"
	  "      - {if: {from: [192.0.2.1]}, auth: [password]}\n"
	  "      - {if: {from: [192.0.2.2]}, umask: \"0\"}\n"
	  "    expires: 2026-01-01\n"
	  "    not_before: 2026-02-01\n",
	  "t.yaml:8:41: users.a.auth: asks for a password, but this user has "
	  "none; needs password or pam, or auth without it\n"
	  "t.yaml:10:14: users.a.expires: is not after not_before; nobody "
	  "could log in, use a later date\n" },
	{ "too many policies",
	  HEAD USER "    group: g\n"
	  "    when: [{if: {from: [192.0.2.1]}}, {if: {from: [192.0.2.2]}}, "
	  "{if: {from: [192.0.2.3]}}, {if: {from: [192.0.2.4]}}]\n"
	  "groups:\n"
	  "  g:\n"
	  "    when: [{if: {from: [192.0.2.1]}}, {if: {from: [192.0.2.2]}}, "
	  "{if: {from: [192.0.2.3]}}]\n"
	  "defaults:\n"
	  "    when: [{if: {from: [192.0.2.1]}}, {if: {from: [192.0.2.2]}}, "
	  "{if: {from: [192.0.2.3]}}]\n",
	  "t.yaml:4:3: users.a.when: blocks of this user, its group and "
	  "defaults together make 80 policies; at most 64 are allowed, use "
	  "fewer blocks\n" },
	{ "log to an empty file",
	  HEAD "log: {to: \"file:\"}\n",
	  "t.yaml:3:11: log.to: \"\" is not an absolute path; use one that "
	  "starts with /\n" },
	{ "directive of another YAML",
	  "%YAML 3.0\n"
	  "---\n"
	  "banner: x\n",
	  "t.yaml:1:1: (file): found incompatible YAML document; needs valid "
	  "YAML\n" },
	{ "size with a space, of small letters",
	  HEAD "limits: {rekey_bytes: 1 GiB, rekey_time: 1H}\n",
	  "t.yaml:3:23: limits.rekey_bytes: \"1 GiB\" is not a size; use "
	  "4KiB-64GiB\n"
	  "t.yaml:3:42: limits.rekey_time: \"1H\" is not a duration; use "
	  "1s-24h\n" },
};

#endif
