"""Names and descriptions as words, so that `sshKeyDir` and `ssh_key_directory` are the same.

Names are split where case, digits and punctuation change, and the field's usual short forms
are written out. Both sides of a comparison are treated alike, so a wrong expansion does no
harm; a missing one only costs likeness.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from operator import add

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DESCRIPTION_WORD = re.compile(r"[a-z][a-z0-9_-]+|[0-9]+")

_LONG = {
    "addr": "address", "addrs": "address", "alloc": "allocation", "app": "application",
    "apps": "application", "arg": "argument", "args": "argument", "async": "asynchronous",
    "attr": "attribute", "attrs": "attribute", "auth": "authentication",
    "authn": "authentication", "authz": "authorization", "bg": "background", "bin": "binary",
    "bool": "boolean", "buf": "buffer", "cert": "certificate", "certs": "certificate",
    "cfg": "configuration", "char": "character", "chars": "character", "cmd": "command",
    "cmds": "command", "col": "column", "colors": "color", "colour": "color", "cols": "column",
    "concat": "concatenate", "conf": "configuration", "config": "configuration",
    "configs": "configuration", "conn": "connection", "conns": "connection", "ctx": "context",
    "cur": "current", "curr": "current", "db": "database", "dbs": "database", "def": "default",
    "del": "delete", "desc": "description", "dest": "destination", "dev": "device",
    "dict": "dictionary", "diff": "difference", "dir": "directory", "dirs": "directory",
    "disp": "display", "dist": "distance", "doc": "documentation", "docs": "documentation",
    "dst": "destination", "dur": "duration", "elem": "element", "enabled": "enable",
    "enables": "enable", "enabling": "enable", "env": "environment", "envs": "environment",
    "err": "error", "eval": "evaluate", "exe": "execute", "exec": "execute", "expr": "expression",
    "ext": "extension", "exts": "extension", "fg": "foreground", "fmt": "format",
    "fn": "function", "freq": "frequency", "fs": "filesystem", "ft": "filetype",
    "func": "function", "gen": "generate", "hl": "highlight", "hw": "hardware", "ids": "id",
    "idx": "index", "img": "image", "impl": "implementation", "inc": "increment",
    "incr": "increment", "info": "information", "init": "initial", "int": "integer",
    "iter": "iteration", "kbd": "keyboard", "lang": "language", "langs": "language",
    "len": "length", "lib": "library", "libs": "library", "lim": "limit", "loc": "location",
    "max": "maximum", "maximal": "maximum", "mem": "memory", "mgmt": "management",
    "mgr": "manager", "millis": "ms", "milliseconds": "ms", "min": "minimum",
    "minimal": "minimum", "misc": "miscellaneous", "mod": "module", "mods": "module",
    "msec": "ms", "msecs": "ms", "msg": "message", "msgs": "message", "mult": "multiple",
    "nav": "navigation", "net": "network", "ns": "namespace", "num": "number", "obj": "object",
    "opt": "option", "opts": "option", "org": "organization", "param": "parameter",
    "params": "parameter", "pass": "password", "passwd": "password", "perf": "performance",
    "perm": "permission", "perms": "permission", "pkg": "package", "pkgs": "package",
    "pos": "position", "pref": "preference", "prefs": "preference", "prev": "previous",
    "priv": "private", "proc": "process", "procs": "process", "prog": "program",
    "proj": "project", "prop": "property", "props": "property", "proto": "protocol",
    "pub": "public", "pwd": "password", "qty": "quantity", "rand": "random", "rec": "record",
    "ref": "reference", "refs": "reference", "reg": "register", "regexp": "regex",
    "rel": "relative", "repl": "replace", "repo": "repository", "repos": "repository",
    "req": "request", "res": "resource", "resp": "response", "ret": "return", "sec": "second",
    "secs": "second", "sep": "separator", "seq": "sequence", "sess": "session",
    "sig": "signature", "spec": "specification", "specs": "specification", "src": "source",
    "srv": "server", "stat": "status", "stats": "statistics", "std": "standard", "str": "string",
    "strs": "string", "svc": "service", "sym": "symbol", "sync": "synchronize", "sys": "system",
    "temp": "temporary", "tmp": "temporary", "tmpl": "template", "tpl": "template",
    "tz": "timezone", "usr": "user", "util": "utility", "utils": "utility", "val": "value",
    "vals": "value", "var": "variable", "vars": "variable", "ver": "version", "vers": "version",
    "vol": "volume", "wd": "directory", "win": "window", "wnd": "window",
}  # fmt: skip

_FREE_FORM = frozenset((
    "config", "configuration", "extraconfig", "extraconfiguration", "extraoptions",
    "extrasettings", "options", "opts", "settings", "setupopts",
))  # fmt: skip
"""What the field calls the part of a section where anything may be said."""
_SETTINGS = "settings"

_PLURAL = re.compile(r"(?<=[xz])es$|(?<=ss)es$|(?<=[cs]h)es$|(?<=[a-z]{3})(?<![sui])s$")
_MEANT_ALIKE = (
    ("setting", "option", "configuration", "preference", "parameter", "property"),
    ("directory", "path", "folder", "location", "root", "home"),
    ("timeout", "expiry", "expire", "expiration", "ttl", "lifetime", "age", "deadline"),
    ("url", "uri", "endpoint", "address", "link", "server", "host"),
    ("deny", "block", "exclude", "ignore", "prohibit", "blacklist", "disallow", "skip", "disable"),
    ("allow", "permit", "include", "whitelist", "enable", "use", "active", "activate", "on"),
    ("user", "username", "login", "account"),
    ("interval", "period", "frequency", "delay", "wait", "time"),
    ("size", "length", "count", "number", "limit", "maximum", "total"),
    ("type", "kind", "mode", "strategy", "policy", "style"),
    ("name", "label", "title", "id", "alias"),
    ("key", "keymap", "mapping", "binding", "shortcut", "keybinding"),
    ("driver", "backend", "engine", "provider", "manager"),
    ("message", "notification", "alert", "notify"),
    ("retry", "attempt", "try"),
    ("begin", "start", "initial", "initialize", "initialization"),
    ("end", "stop", "finish", "final"),
    ("remove", "delete", "purge", "clean", "clear", "prune"),
    ("create", "add", "make", "new", "generate"),
    ("worker", "thread", "process"),
    ("program", "executable", "binary", "command", "execute"),
    ("certificate", "tls", "ssl"),
    ("secret", "password", "token", "credential"),
    ("compression", "compress"), ("execution", "execute"), ("highlight", "color"),
)  # fmt: skip
_MEANING = {word: group[0] for group in reversed(_MEANT_ALIKE) for word in group}
_FILLING = frozenset(("extra", "additional", "custom", "the", "by", "of", "is", "default"))
_STOP = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do", "does", "for",
    "from", "has", "have", "how", "if", "in", "into", "is", "it", "its", "may", "more", "no",
    "not", "of", "on", "only", "or", "other", "set", "should", "so", "such", "than", "that",
    "the", "then", "there", "these", "this", "to", "use", "used", "using", "via", "was", "what",
    "when", "where", "whether", "which", "will", "with", "would", "you", "your",
))  # fmt: skip


@lru_cache(maxsize=65536)
def name_words(component: str) -> tuple[str, ...]:
    """`maxRetries` -> ("maximum", "retry")."""
    if squashed(component) == _SETTINGS:
        return ("setting",)
    return tuple(normal(part.lower()) for part in _PARTS.findall(component))


def path_words(path: Iterable[str]) -> frozenset[str]:
    """Of all components."""
    return frozenset(chain.from_iterable(map(name_words, path)))


@lru_cache(maxsize=65536)
def normal(word: str) -> str:
    """One word, written out and in the singular."""
    if word in _LONG:
        return _LONG[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    singular = _PLURAL.sub("", word)
    return _LONG.get(singular, singular)


def meaning(words: Iterable[str]) -> frozenset[str]:
    """The words, where those that are used for one another count as one, and those that
    hardly say anything are left out unless they are all there is."""
    found = frozenset([_MEANING.get(word, word) for word in words])
    return found - _FILLING or found


@lru_cache(maxsize=65536)
def squashed(text: str) -> str:
    """Without case and punctuation; one spelling for all free-form parts."""
    lower = text.lower()
    plain = lower if lower.isalnum() else "".join(filter(str.isalnum, lower))
    return _SETTINGS if plain in _FREE_FORM else plain


def description_words(text: str) -> frozenset[str]:
    """The words of a description that say something."""
    found = set(_DESCRIPTION_WORD.findall(text.lower()))
    return frozenset(map(normal, found - _STOP))


def letter_pairs(text: str) -> frozenset[str]:
    """Neighbouring letters, for likeness of words that are spelt differently."""
    padded = f"^{text}$"
    return frozenset(map(add, padded, padded[1:]))
