#!/bin/sh
# Installs the Debian packages that a purpose needs, where we are root and apt is here; else says what is missing.
# Usage: system-packages.sh python|demo|test
set -eu

missing=""
need() { # need COMMAND-OR-PATH PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -e "$1" ] || missing="$missing $2"
}

case "$1" in
python)
    "${PYTHON:-python3}" -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv"
    ;;
demo)
    need /usr/sbin/mosquitto mosquitto
    ;;
test)
    need /usr/sbin/mosquitto mosquitto
    need mosquitto_sub mosquitto-clients
    need chromium chromium
    need /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc fonts-noto-cjk
    need /usr/bin/victoria-metrics victoria-metrics
    [ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || missing="$missing postgresql"
    ;;
*)
    echo "usage: $0 python|demo|test" >&2
    exit 2
    ;;
esac

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null
    # RUNLEVEL=1: the packages shall not start services; tests and the demo start their own, on their own ports.
    # shellcheck disable=SC2086
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
case "$1" in
demo) echo "warning: not installed:$missing (as root: apt-get install$missing); a slower broker stands in" ;;
*) echo "error: please install, as root: apt-get install$missing" >&2; exit 1 ;;
esac
