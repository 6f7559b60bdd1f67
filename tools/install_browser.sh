#!/bin/sh
# Make sure that there is a Chromium for tests/browser. Nothing is done where one is found. The one without a window
# does the same for little more than half of the processor time.
set -eu
if [ -n "${GEXLAKE_CHROMIUM:-}" ] || command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-dejavu-core
    exit 0
fi
cat >&2 <<'TEXT'
The tests of the dashboard need Chromium, and installing it needs root:

    sudo apt-get install chromium-headless-shell

Or name one that is there already:  GEXLAKE_CHROMIUM=/path/to/chrome make test
TEXT
exit 1
