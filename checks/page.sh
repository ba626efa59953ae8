#!/usr/bin/env bash
# The page at / in a real browser: photos are dropped, embedded with progress and grouped as brute force
# over the service's vectors groups them; by keyboard alone, in light and dark, on a telephone; beside a
# service that wants a key, is busy, breaks off or has text; under its policy, without a request to
# elsewhere; with 2,000 photos. Pictures of all that are in target/page. --page off leaves it out.
#
# A minute and a half. Needs node (18 or later), npm, and Chromium: Debian's `chromium`, or the one that
# CHROMIUM names. The packages are those of checks/page/package-lock.json.
set -euo pipefail
free_port() {
  node -e 'const server = require("net").createServer().listen(0, "127.0.0.1", () => {
    console.log(server.address().port);
    server.close();
  });'
}
PORT=${PORT:-$(free_port)} ADMIN_PORT=${ADMIN_PORT:-$(free_port)}
source "$(dirname "$0")/lib.sh"

npm ci --prefix checks/page --ignore-scripts --no-audit --no-fund --loglevel=error
# The texts are those of a stub, which says itself when it has them.
start_service --drain-delay 0 --text off
PICTURES=${PICTURES:-target/page} node checks/page/check.mjs "http://127.0.0.1:$PORT" || missed=1
stop_service

start_service --drain-delay 0 --page off
for path in / /page/page.js; do
  check "--page off: status of $path" \
    "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT$path")" == 404
done
finish
