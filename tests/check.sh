#!/bin/bash
# check.sh [PATTERN...]: everything `make check` does once the packages are
# there.  A pattern picks tests by name ('plain/jail*'); builds are then made
# only where a test needs them.  Logs in build/log/.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL BUILD SAN HARDEN LDHARDEN OPT CC
logs=build/log jobs=${JOBS:-2}
rm -rf $logs
mkdir -p $logs
: >$logs/results
began=$SECONDS
# Warnings of dead links and user limits are no test's business.
umask 022
ulimit -c 0

# run: tests on standard input.
run() { tests/run.py -j "$jobs" -d $logs "${patterns[@]}"; }
# step NAME SECONDS COMMAND: one test now, whatever the patterns are.
step() { printf '%s\t%s\t%s\n' "$@" | tests/run.py -d $logs; }
wanted() { # is any test whose name begins with $1 asked for?
	local p
	[ ${#patterns[@]} = 0 ] && return 0
	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053
		[[ $p == $1* || $1 == $p || $p == '*'* ]] && return 0
	done
	return 1
}
finish() {
	local ok bad skip
	ok=$(grep -c '^ok ' $logs/results)
	bad=$(grep -c '^FAIL ' $logs/results)
	skip=$(grep -c '^skip ' $logs/results)
	if [ "$bad" != 0 ]; then
		echo
		sed -n 's/^FAIL .*see \([^;)]*\.log\).*/\1/p' $logs/results |
		    sort -u | head -n 20 | while read -r f; do
			echo "---- $f"
			tail -n 25 "$f"
		done
		grep '^FAIL ' $logs/results
	fi
	echo "took $(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s"
	echo "$ok passed, $bad failed, $skip skipped"
	[ "$bad" = 0 ] && [ "$ok" != 0 ]
}

patterns=("$@")
asan='SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined"'
asan="BUILD=build-asan OPT='-O1 -g' HARDEN= LDHARDEN= $asan"
make="make -s -j$jobs"

wanted lint && step lint 60 tests/lint.sh
if wanted plain || wanted unit/plain || wanted fuzz/plain || wanted build; then
	step build/gcc 900 "$make all unit-bins"
fi
if wanted asan || wanted unit/asan || wanted fuzz/asan || wanted build; then
	step build/asan 900 "$make $asan all unit-bins"
fi
if wanted build; then
	step build/clang 900 "$make BUILD=build-clang CC=clang all unit-bins"
	step build/install 60 tests/install.sh
fi

# Unit tests and fuzz corpora, plain and with sanitizers.
for kind in plain asan; do
	dir=build/tests
	[ $kind = plain ] || dir=build-asan/tests
	for t in $(make -s print-tests); do
		printf 'unit/%s/%s\t120\t%s/%s\n' $kind "${t%_test}" $dir "$t"
	done
	for t in $(make -s print-fuzzers); do
		printf 'fuzz/%s/%s\t120\t%s/%s_replay tests/fuzz/corpus/%s\n' \
		    $kind "${t%_fuzz}" $dir "$t" "$t"
	done
done | run

# The whole server.  Long tests first, so that the end is not one of them
# alone; `# seconds N` in a test's head says how long it may take.
for kind in plain asan; do
	for t in tests/regress/*.sh; do
		case $t in */lib.sh) continue ;; esac
		s=$(sed -n 's/^# seconds \([0-9]*\)$/\1/p' "$t")
		if [ $kind = asan ]; then
			grep -q '^# plain only' "$t" && continue
			s=$((${s:-120} * 2))
			b=build-asan
		else
			b=build
		fi
		n=${t##*/}
		printf '%s/%s\t%s\tTEST_KIND=%s TEST_BUILD=%s %s\n' $kind "${n%.sh}" \
		    "${s:-120}" $kind $b "$t"
	done | sort -t "$(printf '\t')" -k 2,2nr -k 1,1
done | run

finish
