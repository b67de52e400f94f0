# Sourced by apps/run, bench/run and tests/run: installs what is missing, configures and builds, says so, and ends with
# one clear line when it cannot. Everything here goes to stderr; stdout belongs to the programs.
#   install PACKAGE[=COMMAND]...  Debian packages; one that comes with a COMMAND is not asked for where that is found
#   configure DIR OPTION...       meson in release mode; anew when the tree was moved, the CPU or the options changed
#   configured DIR                whether DIR was configured in this tree and for this CPU
#   find_gpu                      ends where there is no GPU or no compiler for it; else gpu is its name and
#                                 for_gpu the options that build the HIP backend for it
#   build DIR TARGET...           ninja, with progress

say() { printf '%s: %s\n' "$caller" "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# One line that says why a command failed, from its output ($2) or, where nothing known is in it, its own last error.
reason() {
    local what=$1 output=$2 last
    case $output in
        *"No space left on device"*) fail "$what: the disk is full" ;;
        *"Could not resolve"* | *"Temporary failure"* | *"Failed to fetch"* | *"Could not connect"* | *"Unable to connect"*)
            fail "$what: no network" ;;
        *"Killed signal terminated program"* | *"virtual memory exhausted"* | *"unable to execute command: Killed"*)
            fail "$what: the compiler ran out of memory" ;;
    esac
    last=$(printf '%s\n' "$output" | grep -E '(^E: |ERROR: |error: |sudo: )' | head -n 1)
    [ -n "$last" ] || last=$(printf '%s\n' "$output" | grep -v '^ *$' | tail -n 1)
    fail "$what: $last"
}

install() {
    local entry missing=() as_root=() output
    local compiler=${CXX:-c++}
    compiler=${compiler#ccache } compiler=${compiler%% *}
    command -v "$compiler" >/dev/null || set -- "$@" g++
    for entry; do
        case $entry in *=*) command -v "${entry#*=}" >/dev/null && continue ;; esac
        [ "$(dpkg-query -W -f='${db:Status-Status}' "${entry%%=*}" 2>/dev/null)" = installed ] || missing+=("${entry%%=*}")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    elif ! command -v apt-get >/dev/null; then
        command -v "$compiler" >/dev/null || fail "there is no C++ compiler (g++ 12 or clang 14, or newer)"
        say "this is not Debian, so nothing is installed; needed are what Debian calls ${missing[*]}"
        return 0
    fi
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "cannot install ${missing[*]}: neither root nor sudo"
        if [ -t 0 ]; then as_root=(sudo); else as_root=(sudo -n); fi
    fi
    say "installing ${missing[*]}"
    output=$("${as_root[@]}" apt-get -q update 2>&1) || reason "cannot install ${missing[*]}" "$output"
    # Without the network, apt-get update succeeds with warnings: they tell why the next command fails.
    output+=$("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "${missing[@]}" \
        2>&1 </dev/null) || reason "cannot install ${missing[*]}" "$output"
}

# Objects are made for this machine's CPU and hold this tree's path.
machine() { printf '%s %s\n' "$root" "$(grep -m1 '^flags' /proc/cpuinfo 2>/dev/null | cksum)"; }

configured() { [ -f "$1/build.ninja" ] && [ "$(head -n 1 "$1/configured_for" 2>/dev/null)" = "$(machine)" ]; }

configure() {
    local dir=$1 output
    shift
    if configured "$dir"; then
        # ninja runs meson again where its files or the options changed.
        { [ "$(sed -n 2p "$dir/configured_for")" = "$*" ] || output=$(meson configure "$dir" "$@" 2>&1); } &&
            output=$(ninja -C "$dir" build.ninja 2>&1) || reason "cannot configure" "$output"
    else
        say "configuring ${dir#"$root"/}"
        rm -rf "$dir"
        output=$(meson setup "$dir" "$root" "$@" 2>&1) || reason "cannot configure" "$output"
    fi
    { machine && printf '%s\n' "$*"; } 2>/dev/null >"$dir/configured_for" || fail "cannot write to $dir"
}

find_gpu() {
    local architecture
    PATH=$PATH:/usr/local/cuda/bin:/opt/rocm/bin
    if compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
        command -v nvcc >/dev/null || fail "there is a GPU of NVIDIA, but no nvcc to compile for it"
        IFS=, read -r gpu architecture < <(nvidia-smi --query-gpu=name,compute_cap --format=csv,noheader)
        architecture=${architecture// /} for_gpu=(-Dhip=nvidia "-Dhip_gpus=sm_${architecture/./}")
    elif [ -e /dev/kfd ]; then
        command -v hipcc >/dev/null || fail "there is a GPU of AMD, but no hipcc to compile for it"
        gpu=$(rocm_agent_enumerator | grep -vm1 gfx000) architecture=$gpu
        for_gpu=(-Dhip=amd "-Dhip_gpus=$gpu")
    else
        fail "there is no GPU to use: neither /dev/nvidia* nor /dev/kfd"
    fi
    [ -n "$architecture" ] || fail "the GPU does not say what to compile for"
}

build() {
    local dir=$1 line status='' log='' end=$'\n'
    shift
    say "building in ${dir#"$root"/}"
    [ -t 2 ] && end=''
    while IFS= read -r line; do
        case $line in
            '['[0-9]*/[0-9]*'] '*)
                [ -n "$end" ] || printf '\r\033[K' >&2
                printf '%.100s%s' "$line" "$end" >&2 ;;
            'exit status '*) status=${line#exit status } ;;
            *) log+=$line$'\n' ;;
        esac
    done < <(NINJA_STATUS='[%f/%t] ' ninja -C "$dir" "$@" 2>&1; echo "exit status $?")
    [ -n "$end" ] || printf '\r\033[K' >&2
    [ "$status" = 0 ] && return 0
    case $log in *"No space left on device"* | *"Killed"*) ;; *) printf '%s' "$log" >&2 ;; esac
    reason "cannot build" "$log"
}

# What every program needs; apps/run and tests/run add their own.
program_packages=(
    meson=meson ninja-build=ninja pkg-config=pkg-config
    libboost-dev libxsimd-dev xtl-dev libxtensor-dev zlib1g-dev nlohmann-json3-dev libstb-dev libcli11-dev libfmt-dev
)
