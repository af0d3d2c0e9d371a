# What modules need of nixpkgs' lib to be read for rename markers, where no nixpkgs is given.
#
# Types only say what they are made of: nothing is merged or checked here. A function that is
# missing stops the module that needs it, which is then read from its source.
let
  inherit (builtins)
    attrNames
    concatLists
    elemAt
    filter
    foldl'
    genList
    isAttrs
    isList
    isString
    length
    listToAttrs
    replaceStrings
    stringLength
    substring
    tail
    ;

  plain = name: {
    _type = "option-type";
    inherit name;
    nestedTypes = { };
  };
  wrapping = name: elemType: plain name // { nestedTypes = { inherit elemType; }; };

  lists = {
    toList = value: if isList value then value else [ value ];
    singleton = value: [ value ];
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    forEach = values: f: map f values;
    flatten =
      value: if isList value then builtins.concatMap lists.flatten value else [ value ];
    range = from: to: if from > to then [ ] else genList (n: from + n) (to - from + 1);
    imap0 = f: values: genList (n: f n (elemAt values n)) (length values);
    imap1 = f: values: genList (n: f (n + 1) (elemAt values n)) (length values);
    last = values: elemAt values (length values - 1);
    init = values: lists.take (length values - 1) values;
    take = count: values: genList (elemAt values) (lists.min count (length values));
    drop = count: values: genList (n: elemAt values (n + count)) (lists.max 0 (length values - count));
    min = a: b: if a < b then a else b;
    max = a: b: if a > b then a else b;
    unique = foldl' (seen: value: if builtins.elem value seen then seen else seen ++ [ value ]) [ ];
    subtractLists = without: filter (value: !(builtins.elem value without));
    reverseList = values: genList (n: elemAt values (length values - n - 1)) (length values);
    crossLists = f: foldl' (fs: args: builtins.concatMap (g: map g args) fs) [ f ];
    zipListsWith =
      f: a: b:
      genList (n: f (elemAt a n) (elemAt b n)) (lists.min (length a) (length b));
  };

  attrsets = {
    nameValuePair = name: value: { inherit name value; };
    genAttrs =
      names: f:
      listToAttrs (
        map (name: {
          inherit name;
          value = f name;
        }) names
      );
    mapAttrs' = f: set: listToAttrs (map (name: f name set.${name}) (attrNames set));
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    concatMapAttrs = f: set: foldl' (made: name: made // f name set.${name}) { } (attrNames set);
    filterAttrs =
      f: set: removeAttrs set (filter (name: !(f name set.${name})) (attrNames set));
    attrsToList = attrsets.mapAttrsToList attrsets.nameValuePair;
    optionalAttrs = condition: set: if condition then set else { };
    mergeAttrsList = foldl' (a: b: a // b) { };
    attrVals = names: set: map (name: set.${name}) names;
    setAttrByPath =
      path: value:
      if path == [ ] then value else { ${builtins.head path} = attrsets.setAttrByPath (tail path) value; };
    attrByPath =
      path: default: set:
      if path == [ ] then
        set
      else if isAttrs set && set ? ${builtins.head path} then
        attrsets.attrByPath (tail path) default set.${builtins.head path}
      else
        default;
    getAttrFromPath = path: attrsets.attrByPath path (throw "no such attribute");
    recursiveUpdate =
      a: b:
      if isAttrs a && isAttrs b then
        a
        // builtins.mapAttrs (
          name: value: if a ? ${name} then attrsets.recursiveUpdate a.${name} value else value
        ) b
      else
        b;
  };

  strings = {
    optionalString = condition: text: if condition then text else "";
    concatStrings = builtins.concatStringsSep "";
    concatMapStrings = f: values: builtins.concatStringsSep "" (map f values);
    concatMapStringsSep = between: f: values: builtins.concatStringsSep between (map f values);
    concatLines = strings.concatMapStrings (line: line + "\n");
    hasPrefix = start: text: substring 0 (stringLength start) text == start;
    hasSuffix =
      end: text:
      stringLength end <= stringLength text
      && substring (stringLength text - stringLength end) (stringLength end) text == end;
    removePrefix =
      start: text:
      if strings.hasPrefix start text then
        substring (stringLength start) (stringLength text) text
      else
        text;
    removeSuffix =
      end: text:
      if strings.hasSuffix end text then
        substring 0 (stringLength text - stringLength end) text
      else
        text;
    splitString =
      between: text:
      filter isString (builtins.split (strings.escapeRegex between) text);
    escapeRegex =
      let
        special = [ "\\" "." "[" "]" "{" "}" "(" ")" "*" "+" "?" "^" "$" "|" ];
      in
      replaceStrings special (map (mark: "\\" + mark) special);
    stringToCharacters = text: genList (n: substring n 1 text) (stringLength text);
    versionAtLeast = a: b: builtins.compareVersions a b >= 0;
    versionOlder = a: b: builtins.compareVersions a b < 0;
  };

  trivial = {
    id = value: value;
    const = value: _: value;
    flip =
      f: a: b:
      f b a;
    pipe = foldl' (value: f: f value);
    warn = _: value: value;
    warnIf = _: _: value: value;
    isFunction = value: builtins.isFunction value || value ? __functor;
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
  }
  // attrsets.genAttrs [ "mkDefault" "mkForce" "mkBefore" "mkAfter" "mdDoc" ] (_: value: value)
  // attrsets.genAttrs [ "mkOverride" "mkOrder" ] (_: _: value: value)
  // attrsets.genAttrs [ "literalExpression" "literalExample" "literalMD" "literalDocBook" ] (
    name: text: {
      _type = name;
      inherit text;
    }
  );

  options = {
    mkOption = attributes: attributes // { _type = "option"; };
    mkEnableOption = _: options.mkOption { type = types.bool; };
    mkPackageOption = _: _: _: options.mkOption { type = types.package; };
    mkPackageOptionMD = options.mkPackageOption;
    mkSinkUndeclaredOptions = options.mkOption;
    mkOptionType = attributes: plain (attributes.name or "") // attributes;
    isOption = value: value._type or "" == "option";
  };

  types =
    attrsets.genAttrs [
      "anything"
      "attrs"
      "bool"
      "boolByOr"
      "commas"
      "envVar"
      "externalPath"
      "fileset"
      "float"
      "int"
      "lines"
      "nonEmptyStr"
      "number"
      "optionType"
      "package"
      "path"
      "pathInStore"
      "pkgs"
      "port"
      "raw"
      "shellPackage"
      "singleLineStr"
      "str"
      "string"
      "unspecified"
    ] plain
    // attrsets.genAttrs [ "enum" "separatedString" "strMatching" "pathWith" ] (name: _: plain name)
    // attrsets.genAttrs [ "attrsOf" "functionTo" "lazyAttrsOf" "listOf" "nullOr" "uniq" ] wrapping
    // {
      ints = {
        between = _: _: plain "int";
      }
      // attrsets.genAttrs [ "positive" "s16" "s32" "s8" "u16" "u32" "u8" "unsigned" ] plain;
      numbers = {
        between = _: _: plain "number";
      }
      // attrsets.genAttrs [ "nonnegative" "positive" ] plain;
      nonEmptyListOf = types.listOf;
      loaOf = types.attrsOf;
      passwdEntry = trivial.id;
      unique = _: wrapping "unique";
      addCheck = type: _: type;
      attrsWith =
        { elemType, lazy ? false, placeholder ? "name" }:
        wrapping (if lazy then "lazyAttrsOf" else "attrsOf") elemType
        // { functor.payload = { inherit placeholder; }; };
      attrListOf = elemType: types.listOf (types.attrsOf elemType);
      attrTag = tags: plain "attrTag" // { nestedTypes = tags; };
      either = left: right: plain "either" // { nestedTypes = { inherit left right; }; };
      oneOf = members: foldl' types.either (builtins.head members) (tail members);
      coercedTo =
        coercedType: _: finalType:
        plain "coercedTo" // { nestedTypes = { inherit coercedType finalType; }; };
      submodule = modules: types.submoduleWith { modules = lists.toList modules; };
      submoduleWith = { modules, ... }: plain "submodule" // { getSubModules = modules; };
      deferredModule = plain "deferredModule";
      deferredModuleWith =
        { staticModules ? [ ], ... }: plain "deferredModule" // { getSubModules = staticModules; };
    };

  all =
    builtins
    // lists
    // attrsets
    // strings
    // trivial
    // options
    // {
      inherit types;
      attrsets = all;
      lists = all;
      strings = all;
      options = all;
      modules = all;
      trivial = all;
    };
in
all
