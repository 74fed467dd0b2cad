#!/bin/sh
# Installs what the interop tests need and this repository does not hold: Apache
# ZooKeeper, Curator and our Java programs (Maven), kazoo (pip). Everything goes
# to .interop/ at the root of the checkout, nothing outside it but the package
# managers' own caches. Run again at will: what is up to date is left alone.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$(dirname "$here")/.interop

need() {
	command -v "$1" >/dev/null 2>&1 || {
		echo "interop: $1 is not installed ($2)" >&2
		exit 1
	}
}
need java "a JRE of version 11 or later runs Apache ZooKeeper and the Java clients"
need mvn "Maven resolves ZooKeeper and Curator"
need python3 "kazoo runs on it"

# stamp prints what decides whether an installed part is still the right one.
stamp() { cat "$@" | cksum; }

install_java() {
	want=$(find "$here/java" -path "$here/java/target" -prune -o -type f -print | sort | xargs cat | cksum)
	[ "$(cat "$out/java/stamp" 2>/dev/null || true)" = "$want" ] && return
	rm -rf "$out/java"
	mkdir -p "$out/java"
	cp -R "$here/java/pom.xml" "$here/java/src" "$out/java/"
	(cd "$out/java" && mvn -B -q compile dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$out/java/lib")
	echo "$want" >"$out/java/stamp"
	echo "interop: Java programs in $out/java"
}

# The server of the release line before, by itself.
install_java38() {
	want=$(stamp "$here/java38/pom.xml")
	[ "$(cat "$out/java38/stamp" 2>/dev/null || true)" = "$want" ] && return
	rm -rf "$out/java38"
	mkdir -p "$out/java38"
	cp "$here/java38/pom.xml" "$out/java38/"
	(cd "$out/java38" && mvn -B -q dependency:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$out/java38/lib")
	echo "$want" >"$out/java38/stamp"
	echo "interop: Apache ZooKeeper 3.8 in $out/java38"
}

install_python() {
	want=$(stamp "$here/python/requirements.txt")
	[ "$(cat "$out/venv/stamp" 2>/dev/null || true)" = "$want" ] && return
	rm -rf "$out/venv"
	python3 -m venv "$out/venv"
	"$out/venv/bin/pip" install -q -r "$here/python/requirements.txt"
	echo "$want" >"$out/venv/stamp"
	echo "interop: Python programs in $out/venv"
}

mkdir -p "$out"
install_java
install_java38
install_python
