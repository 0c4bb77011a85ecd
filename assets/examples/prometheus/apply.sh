#!/usr/bin/env bash
# What an agent runs to bring its site to a version: stops the instance that runs, starts the new one.
# TRY is the folder of the trial, PORT the site's port; the agent sets the rest.
set -euo pipefail
run=$TRY/$ROLLDECK_SITE
if [ -f "$run.pid" ]; then
    kill "$(cat "$run.pid")" 2>/dev/null || true
    while kill -0 "$(cat "$run.pid")" 2>/dev/null; do sleep 0.05; done
fi
setsid "$TRY/shop" serve --listen "127.0.0.1:$PORT" --version "$ROLLDECK_VERSION" --site "$ROLLDECK_SITE" \
    --faults "$TRY/faults" >"$run.log" 2>&1 </dev/null &
echo $! >"$run.pid"
echo "$ROLLDECK_SNAPSHOT" >"$run.snapshot"
for _ in $(seq 100); do
    curl -sf "http://127.0.0.1:$PORT/healthz" >/dev/null && exit 0
    sleep 0.1
done
echo "shop $ROLLDECK_VERSION did not come up on port $PORT:" >&2
cat "$run.log" >&2
exit 1
