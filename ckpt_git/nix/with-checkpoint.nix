# drv: drv, whose build leaves its checkpoint too, in one more output: `checkpoint`.
#
# It is what prepareCheckpointBuild makes by a build of its own, but for the sources: `outputs` has none
# of them here, and `sources` only what was configured. It is for those who want the package as well. The
# package's own outputs are drv's, made by all of its phases; those don't get to see the further one. Where
# the state can't be kept, it says so and has the package all the same; mkCheckpointBuild then builds clean.
drv:
let
  phases = import ./phases.nix;
  output = "checkpoint";
  checked = import ./supported.nix "withCheckpoint" drv;
  refuse = reason: throw "withCheckpoint: ${drv.name} ${reason}";
in
if drv.drvAttrs ? ${output} || builtins.elem output (drv.outputs or [ ]) then
  refuse "has an output or an attribute that is called ${output}"
else if phases.withoutChecksOfOutputs drv.drvAttrs != { } then
  refuse "checks what its outputs refer to, and a checkpoint refers to more"
else
  checked.overrideAttrs (
    old:
    phases.withSave (phases.withBegin old)
    // {
      outputs = (old.outputs or [ "out" ]) ++ [ output ];
      checkpointOutput = output;
      checkpointLibrary = "${./shell}";
      checkpointShell = drv.builder;
      # See prepare-checkpoint-build.nix.
      dontAddDisableDepTrack = true;
      # What drv itself was built from has the output's name, where mkCheckpointBuild made drv.
      passthru = removeAttrs (old.passthru or { }) [ output ] // {
        checkpointBase = drv;
      };
    }
  )
