#!/bin/sh
# Installs what the interop tests need and this repository does not hold: Apache
# ZooKeeper, Curator and our Java programs (Maven), kazoo (pip), and ZooKeeper's C
# client (npm, whose package zookeeper has its source, or Debian). Everything goes
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
need cc "it compiles the C client"

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

c_package=7.3.0 # of npm; it has version 3.8.0 of the C client

install_c() {
	want=$(echo $c_package | cat - "$here/c/c_client.c" "$here/install.sh" | cksum)
	[ "$(cat "$out/c/stamp" 2>/dev/null || true)" = "$want" ] && return
	rm -rf "$out/c"
	mkdir -p "$out/c"
	(cd "$out/c" && { c_from_npm || c_from_debian; }) || {
		echo "interop: ZooKeeper's C client comes from neither npm nor apt-get; see $out/c" >&2
		exit 1
	}
	echo "$want" >"$out/c/stamp"
	echo "interop: C program in $out/c"
}

# The package builds its library with configure, which takes long to find out what
# any system of today has.
c_from_npm() {
	command -v npm >/dev/null 2>&1 &&
		npm pack --silent zookeeper@$c_package >npm.log 2>&1 &&
		tar xzf zookeeper-$c_package.tgz package/deps/zookeeper-client-c.tar.gz &&
		tar xzf package/deps/zookeeper-client-c.tar.gz 2>/dev/null &&
		cd zookeeper-client-c &&
		sed -n 's/^#undef \(HAVE_[A-Z_]*\)$/#define \1 1/p' config.h.in >config.h &&
		cc -w -O1 -D_GNU_SOURCE -DHAVE_CONFIG_H -DTHREADED -DPOLL_NFDS_TYPE=nfds_t -DPACKAGE_STRING='"C"' \
			-I. -Iinclude -Igenerated -Isrc -o ../c_client "$here/c/c_client.c" generated/*.c src/zookeeper.c \
			src/recordio.c src/zk_log.c src/zk_hashtable.c src/addrvec.c src/mt_adaptor.c src/hashtable/*.c -lpthread -lm
}

c_from_debian() {
	command -v apt-get >/dev/null 2>&1 &&
		apt-get download -qq libzookeeper-mt-dev >apt.log 2>&1 &&
		dpkg-deb -x libzookeeper-mt-dev_*.deb . &&
		cc -w -O1 -DTHREADED -Iusr/include/zookeeper -o c_client "$here/c/c_client.c" usr/lib/*/libzookeeper_mt.a -lpthread -lm
}

mkdir -p "$out"
install_java
install_java38
install_python
install_c
