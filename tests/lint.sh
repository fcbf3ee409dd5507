#!/bin/bash
# lint.sh: the lines that the house is built along.  Prints each breach.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
say() {
	echo "lint: $*"
	bad=1
}
# The files that belong to the project, whether or not git is there.
if git rev-parse --git-dir >/dev/null 2>&1; then
	files() { git ls-files --cached --others --exclude-standard -- "$@"; }
else
	files() { find "${@:-.}" -type f ! -path '*/build*' ! -name '*.o' \
	    ! -path './.git/*' |
	    sed 's#^\./##'; }
fi
sources() { files "$@" | grep '\.[ch]$' | while read -r f; do
	[ ! -e "$f" ] || echo "$f"
done; }

# ---- names at the top ----
allowed=" .ci .gitignore CHANGELOG HACKING.md LICENSE Makefile README.md
	SECURITY.md auth base chroot etc packaging server sftp tests "
for f in $(files | cut -d / -f 1 | sort -u); do
	case $allowed in
	*[[:space:]]"$f"[[:space:]]*) ;;
	*) say "$f: has no place at the top" ;;
	esac
done

# ---- arrows between folders ----
# includes FOLDER: "FILE INCLUDED" of each #include "..."
includes() {
	sources "$1" | xargs grep -H '^[ \t]*#[ \t]*include "' /dev/null |
	    sed 's/:[ \t]*#[ \t]*include "\([^"]*\)".*/ \1/'
}
arrow() { # FOLDER ALLOWED-PATTERN
	while read -r file to; do
		[ -n "$file" ] || continue
		[[ $to =~ ^($2)$ ]] ||
		    say "$file: $1/ must not include $to"
	done < <(includes "$1")
}
arrow base 'base/.*'
arrow server '(base|server)/.*'
arrow auth '(base|auth)/.*'
arrow chroot '(base|chroot)/.*|auth/auth\.h|auth/account\.h|sftp/sftp\.h'
arrow chroot/tool '(base|chroot)/.*|auth/auth\.h|auth/account\.h'
# ... and the daemon knows nothing of the tool.
while read -r file to; do
	case $file:$to in
	chroot/tool/*) ;;
	*:chroot/tool/*) say "$file: the daemon must not include $to" ;;
	esac
done < <(includes chroot)
arrow sftp 'sftp/.*|base/(buf|err|log)\.h'
# server/ holds an engine and a daemon around it; the engine knows no policy,
# no process and no other header of the daemon's.
daemon=" barred.c chan.c client.c daemon.h drain.c duct.c duct.h events.c
	generation.c heap.c idle.c link.c link.h listen.c login.c loop.c main.c
	pollset.c relay.c sandbox.c start.c warden.c "
while read -r file to; do
	[ -n "$file" ] || continue
	case $daemon in
	*[[:space:]]"${file#server/}"[[:space:]]*)
		case $to in
		server/conn.h | server/outgoing.h | server/channel.h | \
		    server/kex.h)
			say "$file: the daemon uses the engine by ssh_server.h"
			;;
		esac
		;;
	*)
		case $to in
		server/daemon.h | server/duct.h | server/link.h | base/ipc.h | \
		    base/messages.h | base/config.h | base/policy.h | \
		    base/log.h | base/roles.h | base/privdrop.h)
			say "$file: the engine must not include $to"
			;;
		esac
		;;
	esac
done < <(includes server)

# ---- one includer each ----
one() { # PATTERN FILE
	local f
	for f in $(sources base server auth chroot sftp |
	    xargs grep -lE "^[ 	]*#[ 	]*include <$1" /dev/null); do
		[[ $f =~ ^($2)$ ]] || say "$f: only ${2//\\/} may include <$1>"
	done
}
one 'openssl/' 'base/crypto\.c'
one 'yaml\.h' 'base/config_yaml\.c'
one 'jansson\.h' 'auth/json\.c'
one 'curl/' 'auth/fetch_http\.c'
one 'security/' 'auth/account_pam\.c'

# ---- the text of the files ----
while read -r f; do
	say "$f: white space at the end of a line"
done < <(files | grep -vE '^tests/(fuzz/corpus|vectors)/' |
    xargs grep -IlE $'[ \t]+$' /dev/null)
while read -r l; do say "$l"; done < <(sources | xargs awk '
	{
		n = 0
		for (i = 1; i <= length($0); i++)
			n += substr($0, i, 1) == "\t" ? 8 - n % 8 : 1
		if (n > 80)
			print FILENAME ":" FNR ": " n " columns"
	}')
while read -r l; do say "$l: a mutable global?"; done < <(
	sources base server auth chroot sftp | grep '\.c$' |
	    xargs grep -nE \
	    '^(static )?(volatile )?(unsigned |struct [a-z_]+ |[a-z_0-9]+ )+\*?[a-z_]+(\[[^]]*\])*( = .*)?;$' |
	    grep -vE 'const |sig_atomic_t|return |typedef |extern |goto |base/log\.c|base/proctitle\.c')

# ---- documents ----
if command -v mandoc >/dev/null; then
	# STYLE notes speak of the machine's other pages
	while read -r l; do say "$l"; done < <(mandoc -T lint -W warning \
	    $(files packaging | grep '\.[1-8]$') 2>&1 |
	    grep -vE 'outdated mandoc.db|STYLE')
fi
if [ -e HACKING.md ]; then
	while read -r f; do
		[ -e "$f" ] || say "HACKING.md: $f does not exist"
	done < <(grep -oE '`[A-Za-z0-9_.]+/[A-Za-z0-9_./*-]*`' HACKING.md |
	    tr -d '`' | grep -E '^(auth|base|chroot|etc|packaging|server|sftp|tests|\.ci)/' |
	    grep -v '[*]\|NAME' | sort -u)
	n=$(wc -l <README.md)
	[ "$n" -le 90 ] || say "README.md: $n lines; 90 are enough"
fi

# Tests that a document names as proof: `regress/FILE PART`, `unit/FILE NAME`.
for d in $(files packaging/doc | grep '\.md$'); do
	while read -r f t; do
		case $f in
		regress/*.sh) grep -q "^t_$t()" "tests/$f" ;;
		regress/*.py) grep -q "^def t_$t()" "tests/$f" ;;
		*) grep -qE "^(test_)?$t\\(void" "tests/$f.c" ;;
		esac 2>/dev/null || say "$d: no test $t in tests/$f"
	done < <(grep -oE '`(regress|unit)/[a-z0-9_.-]+ [a-z0-9_]+`' "$d" |
	    tr -d '`' | sort -u)
done

# ---- scripts ----
while read -r f; do
	bash -n "$f" || say "$f: does not parse"
done < <(files | grep '\.\(sh\|inc\)$')
exit $bad
