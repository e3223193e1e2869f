#!/bin/bash
# What a stranger would see: a Debian with gcc and Rust only, a clone of this repository, and the two commands.
#
# usage: tests/fresh.sh [--keep] [OPTIONS OF cargo xtask test]
#
# Run as root. Makes a Debian root with debootstrap in a temporary folder, lends it this host's Rust toolchain, clones
# the last commit into it and runs `cargo xtask run` and `cargo xtask test` there. The root is removed afterwards,
# unless --keep is given. RELEASE chooses another Debian release than bookworm.
set -euo pipefail

release=${RELEASE:-bookworm}
tree=$(cd "$(dirname "$0")/.." && pwd)

say() { echo "fresh: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }

# --- inside the mount namespace: mount, run, judge -------------------------------------------------------------------

inside() { # COMMAND...: runs it in the new root as a new user of the toolchain would
    chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /bin/bash -c 'cd "$HOME/anax" && exec "$@"' fresh "$@" </dev/null
}

expect() { # STATUS OUTPUT COMMAND...
    local status=$1 output=$2 seen got=0
    shift 2
    say "in the new root: $*"
    seen=$(inside "$@") || got=$?
    [ "$got" = "$status" ] || fail "exit status $got instead of $status: $*"
    [ "$seen" = "$output" ] || fail "printed '$seen' instead of '$output': $*"
}

judge() {
    root=$1
    shift
    mount --bind "$(rustc --print sysroot)" "$root/opt/rust"
    mount -o remount,bind,ro "$root/opt/rust"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    expect 0 alive cargo xtask run --exec 'echo alive'
    expect 1 '' cargo xtask run --exec false
    say "in the new root: cargo xtask test $*"
    inside cargo xtask test "$@" | tee "$root/root/test.log" >&2 || fail "cargo xtask test"
    tail -n 1 "$root/root/test.log" | grep -q ' passed, 0 failed$' || fail "the last line of cargo xtask test"
    say "passed: $(tail -n 1 "$root/root/test.log")"
}

if [ "${1:-}" = --inside ]; then
    shift
    judge "$@"
    exit
fi

# --- outside: make the root, hand over, tear down --------------------------------------------------------------------

[ "$(id -u)" = 0 ] || fail "run it as root: it makes a Debian root and enters it"
for program in debootstrap unshare chroot git rustc; do
    command -v "$program" >/dev/null || fail "$program is not installed"
done
keep=
if [ "${1:-}" = --keep ]; then
    keep=1
    shift
fi

root=$(mktemp -d "${TMPDIR:-/var/tmp}/anax-fresh.XXXXXX")
tear_down() {
    if [ -n "$keep" ]; then
        say "kept: $root"
    else
        rm -rf --one-file-system "$root"
    fi
}
trap tear_down EXIT

# The mirror that this host itself uses.
mirror=$(apt-get indextargets --format '$(SITE)' "Release: $release" | head -n 1)
say "debootstrap $release into $root"
debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates "$release" "$root" ${mirror:+"$mirror"} \
    >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; fail "debootstrap (log: $root.log)"; }
rm -f "$root.log"
# What this host needs to reach its mirrors: sources, proxies, name servers, certificates.
rm -f "$root/etc/apt/sources.list"
cp -a /etc/apt/. "$root/etc/apt/"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mkdir -p "$root/etc/ssl/certs" "$root/opt/rust"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"

say "clone of $(git -C "$tree" rev-parse --short HEAD)"
git clone --quiet "$tree" "$root/root/anax"

unshare --mount --propagation private "$0" --inside "$root" "$@"
