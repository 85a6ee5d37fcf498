# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What config/quickstart, tests/run and the suites share: messages, packages, builds. To be sourced;
# it runs nothing by itself.

EBB_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
EBB_BUILD=$EBB_ROOT/build
EBB_PROGRAMS=(ebbd ebbctl ebb-bench)
# A root shell made by su may lack the folders that dpkg's scripts need.
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() {
	printf '%s: %s\n' "${0##*/}" "$*"
}

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# run_quiet LOG WHAT COMMAND...: run with the output in LOG, shown only if the command fails.
run_quiet() {
	local log=$1 what=$2
	shift 2
	mkdir -p -- "$(dirname -- "$log")"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 -- "$log" >&2
		die "$what failed; all of its output is in $log"
	fi
}

# packages_of GROUP...: the names in those groups, one on a line, each once.
packages_of() {
	local group
	for group in "$@"; do
		sed -n "s/^$group: *//p" "$EBB_ROOT/config/packages"
	done | tr ' ' '\n' | sort -u
}

packages_missing() {
	local package
	while read -r package; do
		if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
			printf '%s\n' "$package"
		fi
	done < <(packages_of "$@")
}

# packages_install GROUP...: install what is missing of those groups; root or sudo only if needed.
packages_install() {
	local missing root=() log=$EBB_BUILD/packages.log
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "not a Debian system; needed are the equivalents of:" "$(packages_of "$@" | xargs)"
		return 0
	fi
	mapfile -t missing < <(packages_missing "$@")
	if ((${#missing[@]} == 0)); then
		return 0
	fi
	if ((EUID != 0)); then
		if ! command -v sudo >/dev/null; then
			die "packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
		fi
		root=(sudo)
		if [[ ! -t 0 ]]; then
			root+=(-n)
		fi
		"${root[@]}" true ||
			die "packages are missing and sudo refuses; as root: apt-get install ${missing[*]}"
	fi
	say "installing ${missing[*]}"
	root+=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
	build_folder
	"${root[@]}" update >"$log" 2>&1 </dev/null ||
		say "apt-get update failed; trying with the package lists that are there"
	run_quiet "$log" "apt-get install ${missing[*]}" \
		"${root[@]}" install --no-install-recommends "${missing[@]}"
}

# build_folder: make build/ if it is missing, and be sure that it is ours to write.
build_folder() {
	mkdir -p -- "$EBB_BUILD" 2>/dev/null || true
	[[ -w $EBB_BUILD ]] || die "$EBB_BUILD is not writable for $(id -un);" \
		"remove it, or run this as the user who made it ($(stat -c %U -- "$EBB_BUILD" 2>/dev/null))"
}

# build_in FOLDER TARGETS [MESON-OPTION...]: configure build/FOLDER ("." is build/ itself) once and
# build TARGETS (words; "all" is everything). One build at a time in one tree.
build_in() {
	local folder=$EBB_BUILD/$1 targets log
	read -ra targets <<<"$2"
	shift 2
	folder=${folder%/.}
	log=$folder/build.log
	build_folder
	mkdir -p -- "$folder"
	command -v meson >/dev/null || die "meson is not installed: apt-get install meson"
	exec 8>"$EBB_BUILD/build.lock"
	if ! flock -n 8; then
		say "waiting for another build in this tree"
		flock 8
	fi
	if [[ ! -f $folder/build.ninja ]]; then
		run_quiet "$log" "meson setup" meson setup "$@" "$folder" "$EBB_ROOT"
	fi
	run_quiet "$log" "the build" ninja -C "$folder" "${targets[@]}"
	exec 8>&-
}

# build_programs: the programs as users have them, in build/.
build_programs() {
	build_in . "${EBB_PROGRAMS[*]}"
}

# temporary_folder: make $TEMPORARY, which goes with the script.
temporary_folder() {
	TEMPORARY=$(mktemp -d "${TMPDIR:-/tmp}/ebb.XXXXXX")
	trap 'rm -rf -- "$TEMPORARY"' EXIT
}

# tap_counts: read TAP (several programs' after another) and print "PASSED FAILED SKIPPED".
tap_counts() {
	awk '
		/^not ok / { failed++; next }
		/^ok / { if (/# *SKIP/) skipped++; else passed++; next }
		/^Bail out!/ { failed++; next }
		/^1\.\.0/ { skipped++ }
		END { printf "%d %d %d\n", passed, failed, skipped }'
}

# print_tap_counts: the same as people (and tests/run) read it; false if a test failed or none ran.
print_tap_counts() {
	local passed failed skipped
	read -r passed failed skipped < <(tap_counts)
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	((failed == 0 && passed + skipped > 0))
}
