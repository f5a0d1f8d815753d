# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A package archive of our own, served to the real apt on the loopback interface, so that tests can
# provoke an archive's defects without the network. It takes the place of this machine's mirror: a
# Debian with the same code name, unsigned. Sourced.
#
#	archive_make DIRECTORY		make apt in this shell use only this archive
#	archive_offer PACKAGE VERSION [DEPENDS [INSTALLED_KIB]]
#					move the files in $archive/files into a package
#	archive_serve			start the server, run apt-get update
#	$archive_codename		the code name of its only suite
#	archive_stop

archive_make() {
	archive=$1
	archive_server=
	# shellcheck disable=SC2034 # for those who source this
	archive_codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	archive_index=$archive/www/dists/$archive_codename/main/binary-amd64
	mkdir -p "$archive_index" "$archive/files" "$archive/none" "$archive/lists/partial" \
		"$archive/cache/archives/partial"
	: >"$archive_index/Packages"
	: >"$archive/status"
	export APT_CONFIG=$archive/apt.conf
	cat >"$APT_CONFIG" <<-END
		Dir::Etc::Parts "$archive/none";
		Dir::Etc::SourceParts "$archive/none";
		Dir::Etc::SourceList "$archive/sources.list";
		Dir::State "$archive";
		Dir::State::Status "$archive/status";
		Dir::Cache "$archive/cache";
		APT::Sandbox::User "root";
		Acquire::http::Proxy "DIRECT";
		Acquire::Retries "0";
		Acquire::AllowInsecureRepositories "true";
		APT::Get::AllowUnauthenticated "true";
	END
	: >"$archive/sources.list"
}

archive_offer() {
	local deb=$1_$2.deb

	mkdir -p "$archive/files/DEBIAN"
	cat >"$archive/files/DEBIAN/control" <<-END
		Package: $1
		Version: $2
		Architecture: amd64
		Maintainer: exitstat's tests <tests@localhost>
		Installed-Size: ${4:-1}
		Depends: ${3:-libc6}
		Description: made by tests/lib/archive.sh
	END
	dpkg-deb --root-owner-group -Znone --build "$archive/files" "$archive/www/$deb" >/dev/null
	{
		dpkg-deb --field "$archive/www/$deb"
		echo "Filename: ./$deb"
		echo "Size: $(stat -c %s "$archive/www/$deb")"
		echo "SHA256: $(sha256sum "$archive/www/$deb" | cut -d ' ' -f 1)"
		echo
	} >>"$archive_index/Packages"
	rm -r "$archive/files"
	mkdir "$archive/files"
}

archive_serve() {
	# The same port again, which is in apt's lists.
	: "${archive_port:=$(python3 "${top:?}/tests/lib/ports.py" 1)}"
	# Emptied here, not in the background: an earlier server's line must not be read for this one's.
	: >"$archive/server.log"
	python3 -u -m http.server --bind 127.0.0.1 --directory "$archive/www" "$archive_port" \
		>>"$archive/server.log" 2>"$archive/requests.log" &
	archive_server=$!
	until grep -q '^Serving' "$archive/server.log"; do
		kill -0 "$archive_server" || return 1
		sleep 0.1
	done
	echo "deb http://127.0.0.1:$archive_port $archive_codename main" >"$archive/sources.list"
	apt-get -qq update 2>"$archive/update.log" || { diagnose "apt-get update: $(cat "$archive/update.log")"; return 1; }
}

archive_stop() {
	[ -n "$archive_server" ] || return 0
	kill "$archive_server" 2>/dev/null
	wait "$archive_server" 2>/dev/null
	archive_server=
}
