#!/usr/bin/env bash
# A rollout that a real Prometheus judges, on this machine: four sites with a small shop each, load,
# a Prometheus that scrapes them, a control plane, agents. Needs `prometheus` and `curl`.
#
#   try.sh up                    builds and starts everything, begins a rollout of shop 1.1.0
#   try.sh fault errors=0.3      makes 1.1.0 fail 30 % of requests (or: slow=400, in milliseconds)
#   try.sh heal                  ends the fault
#   try.sh look                  opens the dashboard on it
#   try.sh down                  stops everything
#
# ROLLDECK and SHOP name built programs to use instead of building them; TRY the folder that it runs
# in (default: rolldeck-try in the temporary directory); BASE_PORT the first of the 11 ports on
# loopback that it takes (default: 7180).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export TRY=${TRY:-${TMPDIR:-/tmp}/rolldeck-try}
base=${BASE_PORT:-7180}
server=http://127.0.0.1:$base
metrics=http://127.0.0.1:$((base + 10))
sites=(amsterdam bergen cologne dresden)

start() { # NAME COMMAND...
    local name=$1
    shift
    setsid "$@" >"$TRY/$name.log" 2>&1 </dev/null &
    echo $! >>"$TRY/pids"
}

wait_for() { # WHAT COMMAND...
    local what=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "$what did not happen within 30 s; see the logs in $TRY" >&2
    exit 1
}

rolldeck() { ROLLDECK_CONFIG_DIR=$TRY/config "$TRY/rolldeck" "$@"; }

down() {
    [ -d "$TRY" ] || return 0
    for file in "$TRY"/pids "$TRY"/*.pid; do
        [ -f "$file" ] || continue
        while read -r pid; do kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true; done <"$file"
    done
    rm -rf "$TRY"
}

up() {
    for needed in prometheus curl; do
        command -v "$needed" >/dev/null || { echo "install $needed first (Debian: apt-get install $needed)" >&2; exit 1; }
    done
    down
    mkdir -p "$TRY/config"
    if [ -z "${ROLLDECK:-}" ] || [ -z "${SHOP:-}" ]; then
        (cd "$here/../../.." && cargo build --quiet --bin rolldeck --example shop)
        local built="$here/../../../target/debug"
        ROLLDECK=${ROLLDECK:-$built/rolldeck} SHOP=${SHOP:-$built/examples/shop}
    fi
    ln -s "$(realpath "$ROLLDECK")" "$TRY/rolldeck"
    ln -s "$(realpath "$SHOP")" "$TRY/shop"
    : >"$TRY/faults"
    printf '[sources.local]\nurl = "%s"\n' "$metrics" >"$TRY/config/config.toml"
    local port=$((base + 1)) targets=()
    for _ in "${sites[@]}"; do
        targets+=("127.0.0.1:$port")
        port=$((port + 1))
    done
    sed "s/targets: .*/targets: [$(IFS=,; echo "${targets[*]}")]/" "$here/prometheus.yml" >"$TRY/prometheus.yml"

    start prometheus prometheus --config.file="$TRY/prometheus.yml" --storage.tsdb.path="$TRY/prometheus" \
        --web.listen-address=127.0.0.1:$((base + 10)) --log.level=warn
    export ROLLDECK_CONFIG_DIR=$TRY/config
    start serve "$TRY/rolldeck" serve --data "$TRY/data" --listen "127.0.0.1:$base"
    wait_for "the control plane" curl -sf "$server/readyz"
    rolldeck snapshot add --server "$server" --group shops --version 1.0.0 --known-good --reason "Runs in all shops" >/dev/null
    port=$((base + 1))
    for site in "${sites[@]}"; do
        PORT=$port SITE=$site start "agent-$site" "$TRY/rolldeck" agent --server "$server" --group shops --site "$site" \
            --apply "PORT=$port $here/apply.sh" --check "PORT=$port SITE=$site $here/check.sh" --check-interval 2s
        port=$((port + 1))
    done
    for target in "${targets[@]}"; do wait_for "shop 1.0.0 at $target" curl -sf "http://$target/healthz"; done
    start load "$TRY/shop" load "${targets[@]}"
    local digest
    digest=$(rolldeck snapshot add --server "$server" --group shops --version 1.1.0 | tail -n 1)
    sed "s/^snapshot: .*/snapshot: $digest/" "$here/plan.yaml" >"$TRY/plan.yaml"
    wait_for "a first scrape" bash -c "curl -sf '$metrics/api/v1/query?query=shop_up' | grep -q bergen"
    rolldeck start "$TRY/plan.yaml" --server "$server" --reason "Try the new till on one site"
    cat <<END

It runs in $TRY. The release 1.1.0 is on one site of four; the first verdict comes after about a minute.
  $0 look                 the dashboard
  $0 fault errors=0.3     makes 1.1.0 wrong, and $0 fault slow=400 makes it slow
  $0 down                 stops everything
END
}

case ${1:-} in
    up) up ;;
    down) down ;;
    look) exec env ROLLDECK_CONFIG_DIR="$TRY/config" "$TRY/rolldeck" shops/shop --server "$server" ;;
    fault) shift; echo "1.1.0 $*" >"$TRY/faults" ;;
    heal) : >"$TRY/faults" ;;
    *) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p'; exit 2 ;;
esac
