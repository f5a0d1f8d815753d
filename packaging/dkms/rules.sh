# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Check whether KVM can be built for an installed kernel from installed packages. Sourced by dkms/make
# and kvm-build.

# shellcheck source-path=SCRIPTDIR source=../../kvm/rules.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kvm/rules.sh"

# The version of an installed package, without +bN, which is a rebuild of the same source; nothing if
# the package is not installed.
installed_version() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' "$1" 2>/dev/null | sed -nE 's/^ii +(.*)/\1/p' |
		sed -E 's/\+b[0-9]+$//'
}

# why_not RELEASE: one sentence with the reason why KVM cannot be built and what to type, or nothing
why_not() {
	local release=$1 series package headers image source flavour

	series=$(series_of "$release")
	if [ -z "$series" ] || [ "$(series_field "$series" patched)" != yes ]; then
		echo "kernel $release is not of a supported series ($(series_with patched | paste -sd ' '));" \
			"it keeps its own KVM"
		return
	fi
	flavour=$(flavour_problem "$release")
	if [ -n "$flavour" ]; then
		echo "$flavour; it keeps its own KVM"
		return
	fi
	if [[ ! $release =~ ^[0-9a-z.+~]+(-[0-9]+)?(-cloud)?-amd64$ ]]; then
		echo "kernel $release is not a Debian kernel for amd64; it keeps its own KVM"
		return
	fi
	if [ ! -e "/lib/modules/$release/build/Module.symvers" ]; then
		echo "the headers of kernel $release are missing; type: apt-get install linux-headers-$release"
		return
	fi

	package=$(series_field "$series" package)
	headers=$(installed_version "linux-headers-$release")
	image=$(installed_version "linux-image-$release")
	source=$(installed_version "$package")
	if [ -z "$headers" ]; then
		echo "the headers of kernel $release do not come from a Debian package, so their source is unknown;" \
			"see make modules SOURCE= in exitstat's source"
	elif [ -n "$image" ] && [ "$image" != "$headers" ]; then
		echo "kernel $release is version $image and its headers are $headers;" \
			"type: apt-get install linux-headers-$release=$image"
	elif ! is_supported_version "$series" "$headers"; then
		echo "kernel $release is version $headers, but supported are $(supported); it keeps its own KVM"
	elif [ -z "$source" ]; then
		echo "the source of kernel $release is missing; type: apt-get install $package=$headers"
	elif [ "$source" != "$headers" ]; then
		echo "kernel $release is version $headers and the installed $package is $source;" \
			"type: apt-get install $package=$headers, or upgrade the kernel"
	fi
}

is_supported_version() {
	dpkg --compare-versions "$2" ge "$(series_field "$1" from)" &&
		dpkg --compare-versions "$2" lt "$(series_field "$1" before)"
}
