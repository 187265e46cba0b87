#!/bin/sh
# Builds fuzz targets and runs each for FUZZ_SECONDS (60), two at a time:
#
#   sh tests/fuzz/run.sh fuzz_node fuzz_frame      without names: all of tests/fuzz/fuzz_*.c
#
# A target is linked with libcommon and with the library of every daemon that it
# includes.  It starts from the seeds in tests/fuzz/corpus/<target>/; what it finds stays in
# build/fuzz/corpus/<target>/, so a later run goes on from there.  A crash, a leak or
# a hang of 10 seconds fails, and leaves its input in build/fuzz/found/.
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL
: "${FUZZ_SECONDS:=60}" "${FUZZ_JOBS:=2}" "${FUZZ_BUILD:=build/fuzz}"
export FUZZ_SECONDS FUZZ_JOBS FUZZ_BUILD
SANITIZE=address,undefined
COMPILE="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined"

# What the Makefile would say: make_var LIBS
make_var() {
	make -s --no-print-directory SAN=1 BUILD="$FUZZ_BUILD" --eval="print-var:;@echo \$($1)" print-var
}

daemons_of() {
	sed -n 's,^#include "\(apid\|senderd\|schedulerd\|webhookd\|sandboxd\|mediaconv\|mediaxfer\)/.*,\1,p' "tests/fuzz/$1.c" | sort -u
}

build_libs() {
	libs=$FUZZ_BUILD/libcommon.a
	for target in "$@"; do
		for daemon in $(daemons_of "$target"); do
			libs="$libs $FUZZ_BUILD/lib$daemon.a"
		done
	done
	# shellcheck disable=SC2046,SC2086
	make -s -j2 --no-print-directory CC=clang SAN=1 BUILD="$FUZZ_BUILD" \
		OPT="$COMPILE -fsanitize=fuzzer-no-link,$SANITIZE" $(printf '%s\n' $libs | sort -u) \
		>"$FUZZ_BUILD/log/build" 2>&1 || { cat "$FUZZ_BUILD/log/build"; return 1; }
}

build_target() {
	archives=
	decoders=
	for daemon in $(daemons_of "$1"); do
		archives="$archives $FUZZ_BUILD/lib$daemon.a"
		[ "$daemon" != mediaconv ] || decoders=$(make_var CONV_LIBS)
	done
	# shellcheck disable=SC2046,SC2086
	clang $COMPILE -std=gnu17 -fsanitize=fuzzer,$SANITIZE $(make_var CPPFLAGS) \
		-o "$FUZZ_BUILD/$1" "tests/fuzz/$1.c" $archives "$FUZZ_BUILD/libcommon.a" $(make_var LIBS) $decoders
}

# Prints one line, and the end of the log when it failed.
run_target() {
	corpus=$FUZZ_BUILD/corpus/$1
	seeds=tests/fuzz/corpus/$1
	log=$FUZZ_BUILD/log/$1
	mkdir -p "$corpus"
	[ -d "$seeds" ] || seeds=
	if build_target "$1" >"$log" 2>&1 &&
		"$FUZZ_BUILD/$1" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2560 -print_final_stats=1 \
			-artifact_prefix="$FUZZ_BUILD/found/$1-" "$corpus" $seeds >>"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
		echo "fuzz: $1 passed: ${runs:-?} runs in $FUZZ_SECONDS s, ${cover:-?} edges"
		return 0
	fi
	echo "fuzz: $1 FAILED, see $log"
	grep -v '^#' "$log" | tail -60
	return 1
}

if [ "${1-}" = --one ]; then
	run_target "$2"
	exit $?
fi

if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046
	set -- $(basename -s .c tests/fuzz/fuzz_*.c)
fi
rm -rf "$FUZZ_BUILD/result"
mkdir -p "$FUZZ_BUILD/result" "$FUZZ_BUILD/log" "$FUZZ_BUILD/found"
build_libs "$@" || { echo "fuzz: 0 passed, $# failed"; exit 1; }
printf '%s\n' "$@" | xargs -P "$FUZZ_JOBS" -I{} sh -c \
	'out=$(sh tests/fuzz/run.sh --one {}) && touch "$FUZZ_BUILD/result/{}"; printf "%s\n" "$out"'
passed=$(ls "$FUZZ_BUILD/result" | wc -l)
failed=$(($# - passed))
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
