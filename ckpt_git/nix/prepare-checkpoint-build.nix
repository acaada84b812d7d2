# drv: the derivation whose result is the checkpoint of drv's build.
#
# `sources` is the folder that buildPhase starts in, as it was before the build (after drv's own
# preBuild), `outputs` the same folder after buildPhase and checkPhase. All else that lies beside it in
# the build's top folder is below `around`, and `checkpoint` has what the store doesn't keep:
# dates to the nanosecond, modes, and which files name the build's own outputs.
#
# buildPhase is run twice: many builds start from this checkpoint, and what a makefile leaves for the
# build after a clean one (dependency files that it removed, say) would be done in each of them.
# `dontSettleCheckpoint = true` in drv leaves that out.
#
# The name and the outputs stay drv's: what configure and the compiler bake in are paths of the same
# length in the base and in the changed build, so that they can be replaced. All files are in the
# first output; the others are empty.
drv:
let
  phases = import ./phases.nix;
  checked = import ./supported.nix "prepareCheckpointBuild" drv;
in
checked.overrideAttrs (
  old:
  phases.withSave (phases.withBegin old)
  // phases.withoutChecksOfOutputs old
  // {
    checkpointLibrary = "${./shell}";
    checkpointShell = drv.builder;
    checkpointWhole = true;
    # nixpkgs switches it off to save time, and with it goes what makes an edited header count.
    dontAddDisableDepTrack = true;
    passthru = (old.passthru or { }) // {
      checkpointBase = drv;
    };
  }
)
