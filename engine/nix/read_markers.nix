# Rename markers of modules, by evaluating the modules with marker functions that give data.
#
# `request` is a JSON file: modules (each with its absolute path, and whether its options are to
# be looked into), lib (the path of nixpkgs' lib, or null), modulesPath and word. For each module
# one line goes to the trace: word, then what ofFile gives as JSON. What stops an evaluation
# cannot be caught in Nix, so whoever runs this knows by the last line which module did it.
{ request }:

let
  inherit (builtins)
    attrNames
    concatMap
    deepSeq
    foldl'
    functionArgs
    isAttrs
    isFunction
    isList
    isPath
    isString
    mapAttrs
    seq
    toJSON
    trace
    tryEval
    ;

  asked = builtins.fromJSON (builtins.readFile request);

  # A submodule within a submodule of its own kind would have no end.
  mostModules = 24;
  mostTypes = 8;

  given = import (if asked.lib == null then ./stand_in.nix else /. + asked.lib);
  lib =
    if given ? extend then
      given.extend (final: prev: ours // { modules = prev.modules // ours; })
    else
      given // ours // { modules = given.modules or { } // ours; };

  marker = kind: old: new: text: {
    homeportMarker = { inherit kind old new text; };
  };
  ours = {
    mkRenamedOptionModule = from: to: marker "renamed" [ from ] to "";
    mkRenamedOptionModuleWith = { from, to, ... }: marker "renamed" [ from ] to "";
    mkAliasOptionModule = from: to: marker "alias" [ from ] to "";
    mkAliasOptionModuleMD = from: to: marker "alias" [ from ] to "";
    mkChangedOptionModule = from: to: _: marker "changed" [ from ] to "";
    mkMergedOptionModule = from: to: _: marker "merged" from to "";
    mkRemovedOptionModule = from: text: marker "removed" [ from ] [ ] text;
    doRename =
      { from, to, warn ? true, ... }:
      marker (if warn then "renamed" else "alias") [ from ] to "";
  };

  # Throwing is the one failure that tryEval catches; so what only a configuration knows throws.
  unknown = name: throw "${name} is not known without a configuration";
  known = {
    inherit lib;
    inherit (asked) modulesPath;
    name = "<name>";
    config = unknown "config";
    options = unknown "options";
    pkgs = unknown "pkgs";
    utils = unknown "utils";
  };
  called =
    f:
    let
      needed = mapAttrs (name: _: unknown name) (neededBy f) // known;
    in
    f (if takesMore f then needed else builtins.intersectAttrs (functionArgs f) needed);
  # Only the XML of a function tells whether its arguments end in `...`.
  takesMore =
    f:
    functionArgs f == { } || builtins.match ".*<attrspat ellipsis=.*" (builtins.toXML f) != null;
  neededBy =
    f:
    let
      arguments = functionArgs f;
    in
    removeAttrs arguments (builtins.filter (name: arguments.${name}) (attrNames arguments));

  # What could not be read: imports of the system's modules, or anything of submodules.
  imports = within: if within == [ ] then "imports" else "submodules";
  guarded =
    lost: found:
    let
      tried = tryEval (deepSeq found found);
    in
    if tried.success then tried.value else [ { inherit lost; } ];

  # within: the path of the option whose submodule this is; empty for a module of the system.
  # deep: whether its options are looked into for submodules.
  ofModule =
    deep: within: depth: module:
    if depth > mostModules then
      [ ]
    else if isPath module || isString module then
      # Files that a module of the system imports are in the request themselves.
      if within == [ ] then [ ] else ofModule deep within (depth + 1) (import module)
    else if isFunction module then
      ofModule deep within (depth + 1) (called module)
    else if !isAttrs module then
      [ ]
    else if module ? homeportMarker then
      [ (readable within module.homeportMarker) ]
    else
      guarded (imports within) (
        concatMap (item: guarded (imports within) (ofModule deep within (depth + 1) item)) (module.imports or [ ])
      )
      ++ (if deep then guarded "submodules" (ofOptions within depth (module.options or { })) else [ ]);

  readable =
    within: found:
    let
      text = tryEval (if isString found.text then found.text else "");
    in
    found
    // {
      inherit within;
      text = if text.success then text.value else "";
    };

  ofOptions =
    path: depth: tree:
    if !isAttrs tree then
      [ ]
    else if tree._type or "" == "option" then
      ofType path depth 0 (tree.type or null)
    else
      concatMap (name: guarded "submodules" (ofOptions (path ++ [ name ]) depth tree.${name})) (
        attrNames tree
      );

  ofType =
    path: depth: nesting: type:
    let
      name = type.name or "";
      wrapped = type.functor.wrapped or null;
      # Before 21.11 a type kept the one inside it elsewhere.
      nested =
        type.nestedTypes or (if isAttrs wrapped && wrapped ? name then { elemType = wrapped; } else { });
      below =
        inner:
        if name == "attrsOf" || name == "lazyAttrsOf" then
          path ++ [ "<${type.functor.payload.placeholder or "name"}>" ]
        else if name == "listOf" then
          path ++ [ "*" ]
        else if name == "functionTo" then
          path ++ [ "<function body>" ]
        else if name == "attrTag" then
          path ++ [ inner ]
        else
          path;
      modules = type.getSubModules or null;
    in
    if !isAttrs type || nesting > mostTypes then
      [ ]
    else if name == "submodule" || name == "deferredModule" then
      concatMap (item: guarded "submodules" (ofModule true path (depth + 1) item)) (
        if isList modules then modules else [ ]
      )
    else
      concatMap (
        inner:
        guarded "submodules" (ofType (below inner) depth (nesting + 1) (typeOf nested.${inner}))
      ) (attrNames nested);

  # The choices of an attrTag are options.
  typeOf = inner: if inner._type or "" == "option" then inner.type or null else inner;

  ofFile = module: guarded "imports" (ofModule module.deep [ ] 0 (import (/. + module.file)));
in
foldl' (done: file: seq (trace (asked.word + toJSON (ofFile file)) null) done) null asked.modules
