#!/bin/bash
# fuzz/run.sh SECONDS TARGET...: each libFuzzer target for that long, JOBS at
# a time (2).  New inputs are kept in BUILD/fuzz/corpus; one that crashes goes
# to BUILD/fuzz/crash and makes the run fail: mend the fault, then move the
# file to tests/fuzz/corpus/TARGET.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=$1
shift
dir=${BUILD:-build}/fuzz
mkdir -p "$dir/crash" "$dir/log"

one() {
	local t=$1 corpus=$dir/corpus/$1 log=$dir/log/$1.log
	mkdir -p "$corpus" "tests/fuzz/corpus/$t"
	"$dir/$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
	    -max_len=70000 -artifact_prefix="$dir/crash/$t-" \
	    -print_final_stats=1 "$corpus" "tests/fuzz/corpus/$t" \
	    >"$log" 2>&1 </dev/null || {
		echo "FAIL fuzz/$t (see $log)"
		return 1
	}
	echo "ok fuzz/$t ($(sed -n 's/^stat::number_of_executed_units: *//p' \
	    "$log") runs, $(grep -o 'cov: [0-9]*' "$log" | tail -n 1))"
}

bad=0 running=0
for t; do
	if [ $running -ge "${JOBS:-2}" ]; then
		wait -n || bad=1
		running=$((running - 1))
	fi
	one "$t" &
	running=$((running + 1))
done
while [ $running -gt 0 ]; do
	wait -n || bad=1
	running=$((running - 1))
done
exit $bad
