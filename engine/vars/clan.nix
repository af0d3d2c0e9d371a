# For the machines of a Clan that keeps its vars in OpenBao by engine.vars.clan: where their files
# lie, and who owns them. Clan uploads all of them as root's, before a system is activated.
{ config, lib, ... }:
let
  top = "/var/lib/homeport-vars";
  path =
    file:
    if file.neededFor == "partitioning" then
      "/run/partitioning-secrets/${file.generatorName}/${file.name}"
    else
      "${top}/${file.neededFor}/${file.generatorName}/${file.name}";
  ours = file: file.secret && file.deploy && file.neededFor != "partitioning";
  files = builtins.concatMap (
    generator: builtins.filter ours (builtins.attrValues generator.files)
  ) (builtins.attrValues config.clan.core.vars.generators);
  hand-over = file: ''
    if [ -f ${lib.escapeShellArg (path file)} ]; then
      chown -- ${lib.escapeShellArg "${file.owner}:${file.group}"} ${lib.escapeShellArg (path file)}
      chmod -- ${lib.escapeShellArg file.mode} ${lib.escapeShellArg (path file)}
    fi
  '';
in
{
  clan.core.vars.settings = {
    secretStore = "custom";
    secretModule = "engine.vars.clan";
    fileModule = file: { path = lib.mkIf file.config.secret (path file.config); };
  };
  system.activationScripts.homeportVars = {
    deps = [
      "users"
      "groups"
    ];
    text = ''
      if [ -d ${top} ]; then
        find ${top} -type d -exec chmod 0711 {} +
      fi
      ${builtins.concatStringsSep "\n" (map hand-over files)}
    '';
  };
}
