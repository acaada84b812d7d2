# drv: artifacts: drv, built from a checkpoint that prepareCheckpointBuild made of an earlier drv.
#
# All phases of drv run as they are. Before buildPhase (after drv's own preBuild) what the base's build
# made is brought in, where that is known to be right; else the build is clean and the log says why.
# A build that fails from the checkpoint is done again from nothing, in the same derivation;
# `dontConfirmCheckpoint = true` in drv leaves that out.
drv: artifacts:
let
  phases = import ./phases.nix;
  checked = import ./supported.nix "mkCheckpointBuild" drv;
in
checked.overrideAttrs (
  old:
  phases.withFinish (phases.withBegin old)
  // {
    checkpointLibrary = "${./shell}";
    # What $BASH is can't be known in a build: there is no PATH to find it by.
    checkpointShell = drv.builder;
    checkpointArtifacts = "${artifacts}";
    # As in the base: see prepare-checkpoint-build.nix.
    dontAddDisableDepTrack = true;
    args =
      if drv ? checkpointArtifacts then
        drv.args
      else
        [
          "-e"
          "${./shell}/builder.sh"
          drv.builder
        ]
        ++ drv.args;
    passthru = (old.passthru or { }) // {
      checkpoint = artifacts;
      checkpointBase = artifacts.checkpointBase or null;
    };
  }
)
