#!/bin/sh
# Runs every unit test program, shows the output of those that fail, and closes with one line.  One that hangs has failed.
passed=0
failed=0
for t in "$@"; do
	log="$t.log"
	if timeout -k 5 "${UNIT_SECONDS:-400}" "$t" >"$log" 2>&1; then
		n=$(grep -c '^\[       OK \]' "$log")
		passed=$((passed + n))
	else
		echo "FAILED: $t"
		cat "$log"
		n=$(grep -c '^\[       OK \]' "$log")
		f=$(grep -c '^\[  FAILED  \]' "$log")
		passed=$((passed + n))
		failed=$((failed + (f > 0 ? f : 1)))
	fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
