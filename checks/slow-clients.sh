#!/usr/bin/env bash
# Slow clients harm nobody else: 1,000 connections that send half a head and no more, and 200 whose
# bodies drip one byte a second. One that the service has closed comes again until the load ends.
#
# Targets: p99 of 2 good clients is within 20 % of what it is without the slow ones, and these get
# nothing but 200; half a head is closed within 11 s, a dripping body within 30 s; afterwards the
# service has as many descriptors as before, within 5.
#
# About 2 minutes, and python3, which makes the slow clients. Each of their connections is a line of
# $OUT/connections.csv: how long it lived, the status it got and how it ended. Variables beside
# those of lib.sh: HEADS (1000), BODIES (200), PHOTO (224x224), in seconds LOAD (30) and PAUSE (5),
# after which descriptors are counted.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

HEADS=${HEADS:-1000} BODIES=${BODIES:-200} PHOTO=${PHOTO:-224x224}
LOAD=${LOAD:-30} PAUSE=${PAUSE:-5}
connections=$OUT/connections.csv
slow=
trap 'if [[ -n $slow ]]; then kill "$slow" 2>/dev/null || true; fi; stop_service' EXIT

# The slow clients: port, heads, bodies, seconds in which closed ones come again. The rest is then
# waited for, 40 s at most.
slow_clients() {
  exec python3 - "$@" <<'PYTHON'
import errno, resource, selectors, socket, sys, time

port, heads, bodies, again = (int(argument) for argument in sys.argv[1:])
HEAD = b"POST /embed HTTP/1.1\r\nHost: slow\r\nContent-Type: image/jpeg\r\n"
BEGIN = {"head": HEAD, "body": HEAD + b"Content-Length: 100000\r\n\r\n"}

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
selector = selectors.DefaultSelector()
alive = set()


class Slow:
    def __init__(self, kind):
        self.kind, self.since, self.status = kind, None, "none"
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.error = self.socket.connect_ex(("127.0.0.1", port))
        if self.error == errno.EINPROGRESS:
            self.error = 0
        selector.register(self.socket, selectors.EVENT_WRITE, self)
        alive.add(self)

    def connected(self):
        self.error = self.error or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if self.error:
            return self.ended("refused")
        self.since = time.monotonic()
        selector.modify(self.socket, selectors.EVENT_READ, self)
        self.send(BEGIN[self.kind])

    def send(self, data):
        try:
            self.socket.send(data)
        except BlockingIOError:
            pass
        except OSError:
            self.ended("reset")

    def answered(self):
        try:
            data = self.socket.recv(65536)
        except OSError:
            return self.ended("reset")
        if not data:
            return self.ended("closed")
        if data.startswith(b"HTTP/1.1 "):
            self.status = data[9:12].decode("ascii", "replace")

    def ended(self, end):
        lived = 0 if self.since is None else time.monotonic() - self.since
        print(f"{self.kind},{lived:.2f},{self.status},{end}")
        selector.unregister(self.socket)
        self.socket.close()
        alive.discard(self)
        if time.monotonic() < last:
            # One that nobody took does not come again at once, or it would do nothing else.
            due.append((time.monotonic() + (1 if end == "refused" else 0), self.kind))


print("kind,seconds,status,end")
begin = time.monotonic()
last = begin + again
due = [(begin, kind) for kind, count in (("head", heads), ("body", bodies)) for _ in range(count)]
drip = begin + 1
while (alive or due) and time.monotonic() < last + 40:
    now = time.monotonic()
    come = [kind for at, kind in due if at <= now]
    due = [(at, kind) for at, kind in due if at > now and now < last]
    if now < last:
        for kind in come:
            Slow(kind)
    if now >= drip:
        drip += 1
        for client in [c for c in alive if c.kind == "body" and c.since is not None]:
            client.send(b"x")
    for key, _ in selector.select(0.1):
        if key.data.since is None:
            key.data.connected()
        else:
            key.data.answered()
for client in list(alive):
    client.ended("open")
PYTHON
}

# Of the connections of kind $1, the number (count), or the longest life in seconds (longest).
lives() {
  awk -F, -v kind="$1" -v what="$2" '
    $1 == kind { n++; if ($2 + 0 > longest) longest = $2 + 0 }
    END { if (what == "count") print n + 0; else if (n) print longest; else print "none" }' "$connections"
}

machine
start_service
good=(--clients 2 --photo "$PHOTO" --warmup 3s --duration "${LOAD}s")
bench before "${good[@]}"
sleep "$PAUSE"
descriptors_before=$(descriptors)

slow_clients "$PORT" "$HEADS" "$BODIES" "$((LOAD + 5))" >"$connections" &
slow=$!
sleep 2
require_service
check "slow connections, descriptors more than before" \
  "$(($(descriptors) - descriptors_before))" '>=' "$(calc "int(0.9 * ($HEADS + $BODIES))")"
bench during "${good[@]}"
require_service
wait "$slow"
slow=

before=$(figure before .latency_ms.ok.p99)
tell "good clients before, p99" "$before ms"
check "good clients beside slow ones, p99" "$(figure during .latency_ms.ok.p99)" '<=' "$(calc "$before * 1.2")" ms
check "good clients, requests but those answered with 200" \
  "$(figure during '.requests.due - (.statuses."200" // 0)')" == 0
check "half heads, connections" "$(lives head count)" '>=' "$HEADS"
check "half heads, longest life" "$(lives head longest)" '<=' 11 s
check "dripping bodies, connections" "$(lives body count)" '>=' "$BODIES"
check "dripping bodies, longest life" "$(lives body longest)" '<=' 30 s
while read -r count ends; do
  tell "slow connections, $ends" "$count"
done < <(awk -F, 'NR > 1 { print $1 ", status " $3 ", " $4 }' "$connections" | sort | uniq -c)
check "slow connections that the service did not take or close" \
  "$(awk -F, '$4 == "open" || $4 == "refused" { n++ } END { print n + 0 }' "$connections")" == 0

sleep "$PAUSE"
require_service
check "descriptors afterwards, more than before" "$(($(descriptors) - descriptors_before))" '<=' 5
finish
