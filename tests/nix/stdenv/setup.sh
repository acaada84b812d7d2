# The phases, in the order and with the hooks and switches that the Nixpkgs manual gives them.
set -eu
set -o pipefail
export PATH=/usr/local/bin:/usr/bin:/bin
export SHELL=/bin/bash SOURCE_DATE_EPOCH=315532800

declare -p outputs >/dev/null 2>&1 || outputs=out
if declare -p outputs | grep -q '^declare -[a-zA-Z]*A'; then
    for name in "${!outputs[@]}"; do export "$name=${outputs[$name]}"; done
fi
prefix=${out-}

trap 'finish' EXIT
finish() {
    local status=$?
    if [ "$status" -ne 0 ]; then runHook failureHook; else runHook exitHook; fi
    exit "$status"
}

evaluate() {
    if declare -F "$1" >/dev/null; then "$1"; else eval "$1"; fi
}

runHook() {
    local hook hooks="${1%Hook}Hooks[@]"
    if declare -F "$1" >/dev/null; then "$1"; elif [ -n "${!1-}" ]; then eval "${!1}"; fi
    for hook in ${!hooks+"${!hooks}"}; do evaluate "$hook"; done
}

for input in ${nativeBuildInputs-}; do source "$input/setup-hook"; done

unpackPhase() {
    runHook preUnpack
    local source before=$(ls)
    for source in ${srcs:-$src}; do
        if [ -d "$source" ]; then
            local name=${source##*/}
            cp -pr -- "$source" "${name:33}"
        else
            tar xf "$source" --mode=+w
        fi
    done
    if [ -z "${sourceRoot-}" ]; then
        for source in *; do
            if [ -d "$source" ] && ! grep -qxF -- "$source" <<<"$before"; then sourceRoot=$source; fi
        done
    fi
    chmod -R u+w -- "$sourceRoot"
    runHook postUnpack
}

patchPhase() {
    runHook prePatch
    local patch
    for patch in ${patches-}; do patch -p1 <"$patch"; done
    runHook postPatch
}

configurePhase() {
    runHook preConfigure
    if [ -x "${configureScript:-./configure}" ]; then
        local flags=("--prefix=$prefix")
        if [ -z "${dontAddDisableDepTrack-}" ] && grep -q dependency-tracking "${configureScript:-./configure}"; then
            flags+=(--disable-dependency-tracking)
        fi
        "${configureScript:-./configure}" "${flags[@]}" ${configureFlags-}
    fi
    runHook postConfigure
}

buildPhase() {
    runHook preBuild
    make ${enableParallelBuilding:+-j$NIX_BUILD_CORES} SHELL="$SHELL" ${makeFlags-}
    runHook postBuild
}

checkPhase() {
    runHook preCheck
    make check ${makeFlags-}
    runHook postCheck
}

installPhase() {
    runHook preInstall
    mkdir -p "$prefix"
    make install ${makeFlags-}
    runHook postInstall
}

fixupPhase() {
    runHook preFixup
    runHook postFixup
}

installCheckPhase() { runHook preInstallCheck; runHook postInstallCheck; }
distPhase() { runHook preDist; runHook postDist; }

runPhase() {
    local phase=$1
    case $phase in
        unpackPhase | patchPhase | configurePhase | buildPhase | installPhase | fixupPhase)
            local switch=${phase%Phase}
            switch=dont${switch^}
            if [ -n "${!switch-}" ]; then return; fi
            ;;
        checkPhase | installCheckPhase | distPhase)
            local switch=${phase%Phase}
            switch=do${switch^}
            if [ -z "${!switch-}" ]; then return; fi
            ;;
    esac
    echo "Running phase: $phase"
    export >"$NIX_BUILD_TOP/env-vars"
    eval "${!phase:-$phase}"
    if [ "$phase" = unpackPhase ]; then cd "${sourceRoot:-.}"; fi
}

genericBuild() {
    local curPhase
    for curPhase in ${phases[*]:-${prePhases[*]-} unpackPhase patchPhase ${preConfigurePhases[*]-} \
        configurePhase ${preBuildPhases[*]-} buildPhase checkPhase ${preInstallPhases[*]-} \
        installPhase ${preFixupPhases[*]-} fixupPhase installCheckPhase ${preDistPhases[*]-} \
        distPhase ${postPhases[*]-}}; do
        runPhase "$curPhase"
    done
}
