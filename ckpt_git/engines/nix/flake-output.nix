# flake: attr: what `nix build .#ATTR` takes of a flake's outputs; attr is a list of names.
flake: attr:
let
  system = builtins.currentSystem;
  shown = builtins.concatStringsSep "." attr;

  look =
    value: names:
    if names == [ ] then
      [ value ]
    else if builtins.isAttrs value && value ? ${builtins.head names} then
      look value.${builtins.head names} (builtins.tail names)
    else
      [ ];

  places =
    if attr == [ ] then
      [
        [ "packages" system "default" ]
        [ "defaultPackage" system ]
      ]
    else
      [
        ([ "packages" system ] ++ attr)
        ([ "legacyPackages" system ] ++ attr)
        attr
      ];

  found = builtins.concatMap (look flake) places;
  names = builtins.attrNames (flake.packages.${system} or { });
  offered = if names == [ ] then "it has none" else "it has: ${builtins.concatStringsSep ", " names}";
in
if found == [ ] then
  throw "the flake has no package `${if attr == [ ] then "default" else shown}` for ${system}; ${offered}"
else
  builtins.head found
