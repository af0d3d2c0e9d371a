"""NixOS options as schemas, and values as Nix modules."""
