#!/usr/bin/env bash
# What an agent runs to see what its site runs, and whether it is well.
set -euo pipefail
run=$TRY/$SITE
if curl -sf -m 2 "http://127.0.0.1:$PORT/healthz" >/dev/null; then up=true; else up=false; fi
snapshot=$(cat "$run.snapshot" 2>/dev/null || true)
if [ -n "$snapshot" ]; then
    printf '{"snapshot": "%s", "runtime_healthy": %s}\n' "$snapshot" "$up"
else
    printf '{"runtime_healthy": %s}\n' "$up"
fi
