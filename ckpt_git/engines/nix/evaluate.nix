# What the engine has to know of a package, in one evaluation, as values that JSON can hold.
#
# recipe: what the package's table names: a derivation, a set of them, or a function of either.
# attr: where in it the derivation is, a list of names. overridesSource: whether what is built takes
# the place of its src.
{
  recipe,
  attr,
  overridesSource,
}:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    hashString
    isAttrs
    isFunction
    listToAttrs
    mapAttrs
    toJSON
    tryEval
    unsafeDiscardStringContext
    ;
  library = import ../../nix { };

  isDerivation = value: isAttrs value && value.type or null == "derivation";

  # As nix-build does with files and with what it finds in them.
  called = value: if isFunction value || (isAttrs value && value ? __functor) then value { } else value;

  names = set: concatStringsSep ", " (filter (name: (tryEval (isDerivation set.${name})).value) (attrNames set));

  found = builtins.foldl' (
    value: name:
    if !isAttrs value || !(value ? ${name}) then
      throw "there is no attribute `${name}`${
        if isAttrs value then "; there are: ${concatStringsSep ", " (attrNames value)}" else ""
      }"
    else
      called value.${name}
  ) (called recipe) attr;

  package =
    if !isDerivation found then
      throw "this is no derivation${
        if isAttrs found && names found != "" then "; choose one with `attr`: ${names found}" else ""
      }"
    else if !(found ? overrideAttrs) then
      throw "${found.name} has no overrideAttrs; it must be made by stdenv.mkDerivation"
    else if overridesSource && (found.srcs or null) != null then
      throw "${found.name} has several sources (`srcs`): write source = false, and have it take them from the tree"
    else
      found;

  of = src: if overridesSource then package.overrideAttrs (_: { inherit src; }) else package;

  only = names: drv: main: {
    inherit main;
    drv = drv.drvPath;
    outputs = listToAttrs (
      map (name: {
        inherit name;
        value = drv.${name}.outPath;
      }) names
    );
  };

  described = drv: only (drv.outputs or [ "out" ]) drv (drv.outputName or "out");

  # A package and its checkpoint, by one build.
  describedTogether =
    drv:
    let
      both = library.withCheckpoint drv;
    in
    {
      build = only (drv.outputs or [ "out" ]) both (drv.outputName or "out");
      checkpoint = only [ "checkpoint" ] both "checkpoint";
    };

  # The message of a `throw` is lost here; whoever wants it evaluates without.
  orNull =
    value:
    let
      tried = tryEval (builtins.seq value.drv value);
    in
    if tried.success then tried.value else null;

  # Where one build can't make both.
  togetherOr =
    drv: apart:
    let
      together = describedTogether drv;
      tried = tryEval (builtins.seq together.build.drv together);
    in
    if tried.success then tried.value else apart;

  # Whether a failure is the checkpoint's, the engine finds out by a build that is clean.
  startingFrom =
    checkpoint: drv:
    (library.mkCheckpointBuild drv checkpoint).overrideAttrs (_: {
      dontConfirmCheckpoint = true;
    });
in
{
  # Changes exactly when anything but the source does.
  fingerprint =
    let
      placed = package.overrideAttrs (_: {
        src = builtins.toFile "source" "";
      });
    in
    {
      drv = placed.drvPath;
      attributes = mapAttrs (
        _: value: hashString "sha256" (unsafeDiscardStringContext (toJSON value))
      ) placed.drvAttrs;
    };

  # source: the store path of what is built. again: a text that makes another derivation of the
  # package, so that it is built anew, or null.
  clean =
    source: again:
    let
      found = of source;
      drv = if again == null then found else found.overrideAttrs (_: { checkpointControl = again; });
    in
    togetherOr drv {
      build = described drv;
      checkpoint = orNull (described (library.prepareCheckpointBuild found));
    };

  checkpointOf = source: described (library.prepareCheckpointBuild (of source));

  # base: the store path of a checkpoint. Where it takes two builds, the next checkpoint is made first,
  # and compiles what changed; the package starts from that.
  checkpointed =
    source: base:
    let
      drv = of source;
      started = startingFrom (builtins.storePath base) drv;
      checkpoint = library.prepareCheckpointBuild started;
    in
    togetherOr started {
      checkpoint = described checkpoint;
      build = described (startingFrom checkpoint drv);
    };
}
