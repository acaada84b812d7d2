# What the checkpoint's files name and what takes its place: the base's outputs become this build's, and
# the base's top folder this one's. That can be done in any file where both are of the same length.
# Sourced by restore.sh; leaves a sed program, its inverse, and lists of the files it is for.

program=$work/rewrite.sed
inverse=$work/rewrite-back.sed
: >"$program"
: >"$inverse"
: >"$work/rewritten-strings"
cp -f "$about/sources-naming-outputs" "$work/sources-to-rewrite"
cp -f "$about/products-naming-outputs" "$work/products-to-rewrite"

replace() {
    replacing "$1" "$2" >>"$program"
    replacing "$2" "$1" >>"$inverse"
    printf '%s\n' "$2" >>"$work/rewritten-strings"
}
replacing() {
    local pattern
    escape "$1" "$pattern_characters"
    pattern=$escaped
    escape "$2" "$replacement_characters"
    printf 's|%s|%s|g\n' "$pattern" "$escaped"
}

named_somewhere() { ! { nothing_in "$work/sources-to-rewrite" && nothing_in "$work/products-to-rewrite"; }; }

declare -A own_outputs=() base_outputs=()
while read -r name path; do own_outputs[$name]=${path##*/}; done <"$work/outputs"
while read -r name path; do base_outputs[$name]=${path##*/}; done <"$about/outputs"
same_names() {
    [ "${#base_outputs[@]}" -eq "${#own_outputs[@]}" ] || return
    for name in "${!own_outputs[@]}"; do [ -n "${base_outputs[$name]-}" ] || return; done
}

if ! same_names; then
    if named_somewhere; then refuse "the checkpoint's build has other outputs and names them in its files"; fi
else
    for name in "${!own_outputs[@]}"; do
        old=${base_outputs[$name]} new=${own_outputs[$name]}
        if [ "${#old}" -eq "${#new}" ]; then
            replace "$old" "$new"
            replace "${old:0:32}" "${new:0:32}"
        elif named_somewhere; then
            refuse "the checkpoint's files name its output, and ${new:33} is not as long as ${old:33}"
        fi
    done
fi

base_top=$(<"$about/top")
if [ "$base_top" != "$top" ]; then
    printf '%s\n' "$base_top" >"$work/base-top"
    holding_in_state "$checkpoint" sources "$folder" "$work/base-top" >"$work/naming-top"
    sorted "$work/naming-top" "$about/sources-naming-outputs" >"$work/sources-to-rewrite"
    holding_in_state "$checkpoint" outputs "$folder" "$work/base-top" | common - "$about/products" >"$work/products-naming-top"
    sorted "$work/products-naming-top" "$about/products-naming-outputs" >"$work/products-to-rewrite"
    if [ "${#base_top}" -eq "${#top}" ]; then
        replace "$base_top" "$top"
    elif ! { nothing_in "$work/naming-top" && nothing_in "$work/products-naming-top"; }; then
        refuse "the build's folder is $top, and the checkpoint's files name $base_top"
    fi
fi
