# The phases that the two functions add to those of a derivation.
#
# They are phases of their own, not text in a hook variable, so that they also run where a phase of
# the derivation's own doesn't call the hooks. An explicit `phases` gets them put in. Each of the
# functions gives the attributes that it is given, with those that it changes.
let
  inherit (builtins)
    concatMap
    elem
    filter
    isList
    isString
    split
    ;

  # A list attribute of a derivation may be written as words, too.
  toList =
    value:
    if value == null then
      [ ]
    else if isList value then
      value
    else
      filter (word: isString word && word != "") (split "[[:space:]]+" value);

  listOf = old: name: toList (old.${name} or null);

  once =
    phase: phases: before:
    if elem phase phases then
      phases
    else if before then
      [ phase ] ++ phases
    else
      phases ++ [ phase ];

  putBefore = mark: phase: concatMap (each: if each == mark then [ phase each ] else [ each ]);

  putAfter = mark: phase: concatMap (each: if each == mark then [ each phase ] else [ each ]);

  explicit = old: (old.phases or null) != null;

  only = names: old: value: if explicit old then { phases = value (toList old.phases); } else names;
in
{
  withBegin =
    old:
    old
    // {
      checkpointBeginPhase = ''source "$checkpointLibrary/begin.sh"'';
      checkpointStartPhase = "checkpointStart";
    }
    // only {
      prePhases = once "checkpointBeginPhase" (listOf old "prePhases") true;
      preBuildPhases = once "checkpointStartPhase" (listOf old "preBuildPhases") false;
    } old (
      phases:
      if elem "checkpointBeginPhase" phases then
        phases
      else
        [ "checkpointBeginPhase" ] ++ putBefore "buildPhase" "checkpointStartPhase" phases
    );

  # Without `checkpointOutput` the build ends with the save: what comes after it would be of the
  # package's outputs.
  withSave =
    old:
    old
    // {
      checkpointSaves = true;
      checkpointSavePhase = "checkpointSave";
    }
    // only {
      preInstallPhases = once "checkpointSavePhase" (listOf old "preInstallPhases") true;
    } old (
      phases:
      if elem "checkpointSavePhase" phases then
        phases
      else
        putAfter (
          if elem "checkPhase" phases then "checkPhase" else "buildPhase"
        ) "checkpointSavePhase" phases
    );

  withFinish =
    old:
    old
    // {
      checkpointFinishPhase = "checkpointFinish";
    }
    // only {
      postPhases = once "checkpointFinishPhase" (listOf old "postPhases") false;
    } old (phases: once "checkpointFinishPhase" phases false);

  # They are about what a package installs, and a checkpoint refers to much that the package doesn't.
  withoutChecksOfOutputs =
    old:
    builtins.mapAttrs (_: _: null) (
      builtins.intersectAttrs {
        allowedReferences = null;
        allowedRequisites = null;
        disallowedReferences = null;
        disallowedRequisites = null;
        outputChecks = null;
      } old
    );
}
