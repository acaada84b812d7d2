# What runs in the builder's own shell; sourced by the first phase. All work is done by scripts that
# run as processes of their own, since the shell here has the options and variables of the package.

# Not for the build to see: no path of the checkpoint or of this library may end up in its outputs.
export -n checkpointLibrary checkpointShell checkpointArtifacts checkpointSaves checkpointWhole dontConfirmCheckpoint dontSettleCheckpoint CKPT_CLEAN
export -n checkpointOutput
export -n checkpointBeginPhase checkpointStartPhase checkpointSavePhase checkpointFinishPhase

ckptRun() {
    BASH_ENV= LC_ALL=C "$checkpointShell" "$checkpointLibrary/$1.sh" "$NIX_BUILD_TOP" "${@:2}"
}

ckptSay() { printf 'checkpoint: %s\n' "$*"; }

ckptOutputsAreTable() { declare -p outputs | grep -q '^declare -[a-zA-Z]*A'; }

# Lines of an output's name, a blank and its path, the first output first.
ckptOutputs() {
    local name
    if ckptOutputsAreTable; then
        if [ -n "${outputs[out]-}" ]; then printf 'out %s\n' "${outputs[out]}"; fi
        for name in "${!outputs[@]}"; do
            if [ "$name" != out ]; then printf '%s %s\n' "$name" "${outputs[$name]}"; fi
        done
    else
        for name in $outputs; do printf '%s %s\n' "$name" "${!name}"; done
    fi
}

# Sets $ckptInto to the path of the output $1, which from here on is none: no phase is to strip it, to
# move it or to name it.
ckptTakeOutput() {
    local name rest=
    ckptInto=${!1}
    unset -v "$1"
    if ckptOutputsAreTable; then
        unset -v "outputs[$1]"
    else
        for name in $outputs; do
            if [ "$name" != "$1" ]; then rest+=${rest:+ }$name; fi
        done
        outputs=$rest
    fi
}

# A tarball unpacks to NAME-VERSION, a folder of the store to its own name. The state of the base's
# build goes by the folder's path, so the changed sources are moved to where the base had them.
ckptMoveSourceRoot() {
    local old new=${sourceRoot-}
    old=$(<"$checkpointArtifacts/checkpoint/root") || return 0
    new=${new#./}
    new=${new%%/*}
    case $new in '' | . | ..) return 0 ;; esac
    if [ -z "$old" ] || [ "$old" = "$new" ] || [ -e "$NIX_BUILD_TOP/$old" ] ||
        ! [ -d "$NIX_BUILD_TOP/$new" ] || [ "$PWD" != "$NIX_BUILD_TOP" ]; then
        return 0
    fi
    mv -- "$NIX_BUILD_TOP/$new" "$NIX_BUILD_TOP/$old"
    # For phases that have the folder's name written down.
    ln -s -- "$old" "$NIX_BUILD_TOP/$new"
    printf '%s\0' "$new" >>"$NIX_BUILD_TOP/.ckpt/own"
    sourceRoot=${sourceRoot#./}
    sourceRoot=$old${sourceRoot#"$new"}
}

# The programs that configure, called by the builder's own shell before the build, are these functions.
ckptWatchConfigure() {
    local script=${configureScript:-./configure}
    autoreconf() { ckptConfigure autoreconf "$@"; }
    cmake() { ckptConfigure cmake "$@"; }
    meson() { ckptConfigure meson "$@"; }
    # A path can be a function's name, but not in posix mode.
    if [[ :$SHELLOPTS: != *:posix:* && $script == */* && $script =~ ^[A-Za-z0-9_./+-]+$ ]]; then
        eval "$script() { ckptConfigure $script \"\$@\"; }"
    fi
}

# There are two steps, autoreconf and then what configures; the first call of each is left out where the
# checkpoint knows what it would make. What a later call makes isn't known.
ckptConfigure() {
    local about=$NIX_BUILD_TOP/.ckpt step=configure
    if [ "$1" = autoreconf ]; then step=autoreconf; fi
    if [ -e "$about/started" ] || [ -e "$about/steps/configure" ] || [ -e "$about/steps/$step" ] || ! ckptConfigures "$@"; then
        rm -f "$about"/steps/*/until
        command "$@"
        return
    fi
    {
        printf '%s\0' "$PWD" "$@"
        env -0 | sort -z | grep -zavE "^($ckptNotRead)="
    } | ckptRun before-configure "$step" || { command "$@"; return; }
    if [ -n "${checkpointArtifacts-}" ] && [ -z "${CKPT_CLEAN-}" ]; then
        # Where that fails before it has touched anything, the program runs.
        ckptRun configured "$step" "$checkpointArtifacts" || [ ! -e "$about/steps/$step/left-out" ] || return
    fi
    if [ -e "$about/steps/$step/left-out" ]; then
        ckptSay "${1##*/} was left out: nothing changed that it reads"
    else
        command "$@" || return
    fi
    if [ -n "${checkpointSaves-}" ]; then ckptRun after-configure "$step" "${checkpointArtifacts-}"; fi
}

# Other calls of these programs build, install or run a script.
ckptConfigures() {
    local argument
    case $1 in
        meson) [ "${2-}" = setup ] ;;
        autoreconf)
            for argument in "${@:2}"; do
                case $argument in -h | --help | -V | --version) return 1 ;; esac
            done
            ;;
        cmake)
            for argument in "${@:2}"; do
                case $argument in
                    --build | --install | --open | --workflow | --find-package | --help* | --version | -E | -P) return 1 ;;
                esac
            done
            ;;
    esac
}

# Variables that say how the other phases go and where the sources lie: what they do to the files shows.
ckptNotRead='srcs?|checkpoint[A-Za-z]*|dont(Confirm|Settle)Checkpoint|phases|(pre|post)[A-Z][A-Za-z]*|[a-z][A-Za-z]*Phase'
ckptNotRead+='|patches|patchFlags|outputs|SHLVL|_|NIX_LOG_FD|NIX_ATTRS_[A-Z]+_FILE'

# Nor do these say how it is built: what configure gets shows in what it makes, and the rest is of the
# phases that come after.
ckptNotBuilt='OLDPWD|(configure|cmake|meson)[A-Z][A-Za-z]*|(dont|do)[A-Z][A-Za-z]*'
ckptNotBuilt+='|(check|install|installCheck|dist|fixup|strip)[A-Z][A-Za-z]*|(dis)?allowedRe[A-Za-z]*|outputChecks|sourceRoot'
ckptNotBuilt+='|NIX_BUILD_CORES|enableParallel[A-Za-z]*|requiredSystemFeatures|preferLocalBuild|allowSubstitutes'

# What the build is about to get: variables, flags and commands, each under its name.
ckptCall() {
    local name value
    env -0 | grep -zavE "^($ckptNotRead|$ckptNotBuilt)="
    for name in makeFlags makeFlagsArray buildFlags buildFlagsArray ninjaFlags ninjaFlagsArray preBuild buildPhase; do
        value=$(declare -p -- "$name" 2>/dev/null) || true
        # An array's attributes say nothing.
        printf '%s: %s%s\0' "$name" "${value#declare -* }" "$(declare -f -- "$name")"
    done
}

# Right before the build: at the end of its preBuild hook where it has one, else before it starts.
checkpointStart() {
    local body=${buildPhase:-buildPhase}
    if declare -F -- "$body" >/dev/null; then body=$(declare -f -- "$body"); fi
    case $body in
        *'runHook preBuild'* | *'runHook "preBuild"'* | *"runHook 'preBuild'"*)
            preBuildHooks+=(ckptStart)
            ;;
        *) ckptStart ;;
    esac
}

ckptStart() {
    if [ -e "$NIX_BUILD_TOP/.ckpt/started" ]; then return 0; fi
    : >"$NIX_BUILD_TOP/.ckpt/started"
    unset -f autoreconf cmake meson
    local root=${sourceRoot-}
    root=${root#./}
    printf '%s' "${root%%/*}" >"$NIX_BUILD_TOP/.ckpt/root"
    pwd -P >"$NIX_BUILD_TOP/.ckpt/folder"
    ckptCall | sort -z | ckptRun starting "${checkpointSaves-}"
    if [ -n "${checkpointSaves-}" ]; then
        ckptRun save-sources "$ckptInto" "${checkpointWhole-}" || ckptNone
    fi
    if [ -n "${checkpointArtifacts-}" ]; then
        ckptRestore
    fi
    ckptRun building building
}

ckptRestore() {
    local reason=${CKPT_CLEAN-}
    if [ -z "$reason" ]; then
        ckptRun restore "$checkpointArtifacts" || return
        if [ -e "$NIX_BUILD_TOP/.ckpt/restored" ]; then return 0; fi
        reason=$(<"$NIX_BUILD_TOP/.ckpt/reason")
    fi
    ckptSay "not used, the build is clean: $reason"
}

checkpointSave() {
    local path
    if ! [ -e "$NIX_BUILD_TOP/.ckpt/started" ]; then
        printf 'the build ran without its preBuild hook' >"$NIX_BUILD_TOP/.ckpt/failure"
        ckptNone
    elif ! [ -e "$ckptInto/checkpoint/none" ]; then
        ckptRun save "$ckptInto" "${checkpointArtifacts-}" "${checkpointWhole-}" || ckptNone
    fi
    if [ -n "${checkpointOutput-}" ]; then return 0; fi
    if [ -z "${dontSettleCheckpoint-}" ] && ! ckptUsed; then ckptSettle; fi
    # Whatever the package's outputs are, they have to be there.
    while read -r _ path; do mkdir -p "$path"; done <"$NIX_BUILD_TOP/.ckpt/outputs"
    exit 0
}

# Builds a second time, as someone does who runs make again: what a makefile leaves for then is in the
# checkpoint, and isn't done anew by each build from it. Without the preBuild hook, whose edits of the
# sources are there already. Where it fails, or edits sources itself, the first build's state is kept.
ckptSettle() {
    local status
    ckptSay "building a second time: from here on there should be nothing to do"
    ckptRun building settling
    # Not `if (…)`: in a condition nothing ends at its first failing command.
    set +e
    (
        set -e
        cd "$(<"$NIX_BUILD_TOP/.ckpt/folder")"
        eval "ckptHook() $(declare -f runHook | tail -n +2)"
        runHook() { [ "$1" = preBuild ] || ckptHook "$@"; }
        eval "${buildPhase:-buildPhase}"
    ) 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        ckptRun settled "$ckptInto" || ckptNone
    else
        ckptSay "the second build failed (exit code $status): the checkpoint is of the first"
    fi
}

# There can be no checkpoint of this build. Where it is the package's too, that is no reason to fail.
ckptNone() {
    ckptFailure "its state could not be copied"
    if [ -z "${checkpointOutput-}" ]; then exit 1; fi
    if [ -e "$ckptInto" ]; then chmod -R u+w "$ckptInto" && rm -rf -- "$ckptInto"; fi
    mkdir -p "$ckptInto/checkpoint"
    cp "$NIX_BUILD_TOP/.ckpt/failure" "$ckptInto/checkpoint/none"
}

# Says why a script failed; $1 where it didn't.
ckptFailure() {
    local file=$NIX_BUILD_TOP/.ckpt/failure
    [ -e "$file" ] || printf '%s' "$1" >"$file"
    ckptSay "$(<"$file")" >&2
}

# Whether anything of the checkpoint's is in this build.
ckptUsed() { [ -e "$NIX_BUILD_TOP/.ckpt/restored" ] || [ -e "$NIX_BUILD_TOP/.ckpt/left-out" ]; }

checkpointFinish() {
    if ckptUsed && ! ckptRun finish "$checkpointArtifacts"; then
        ckptFailure "what was built could not be looked through"
        exit 1
    fi
}

mkdir -p "$NIX_BUILD_TOP/.ckpt"
if [ -n "${checkpointOutput-}" ]; then ckptTakeOutput "$checkpointOutput"; fi
ckptOutputs >"$NIX_BUILD_TOP/.ckpt/outputs"
if [ -z "${checkpointOutput-}" ]; then read -r _ ckptInto <"$NIX_BUILD_TOP/.ckpt/outputs"; fi
if [ -n "${dontConfirmCheckpoint-}" ]; then : >"$NIX_BUILD_TOP/.ckpt/dont-confirm"; fi
# What is there before the sources are is the build's environment and not its state.
find "$NIX_BUILD_TOP" -mindepth 1 -maxdepth 1 -printf '%f\0' >"$NIX_BUILD_TOP/.ckpt/own"
printf 'env-vars\0' >>"$NIX_BUILD_TOP/.ckpt/own"
if [ -n "${checkpointArtifacts-}" ] && [ -e "$checkpointArtifacts/checkpoint/root" ]; then
    postUnpackHooks+=(ckptMoveSourceRoot)
fi
ckptWatchConfigure
