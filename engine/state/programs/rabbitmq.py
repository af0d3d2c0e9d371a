"""The queues of a RabbitMQ server: definitions, and every message with all that it has.

What is done within the server is done by expressions that `rabbitmqctl eval` is given; they are
constants. Messages go through a file beside the server's own directory, for the server's user
alone, and never through a command line. Debian's `rabbitmqctl` hands its arguments to a shell:
there is no dollar sign, backquote or backslash in the expressions.

A message is read where it lies, by the queue's own process, and is put into a queue past
exchanges and bindings: so it keeps exchange, routing keys, properties, priority, persistence and
the moment at which it expires, none of which a client could give back to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

_OF_THE_NODE = ("cluster_name", "internal_cluster_id")
_DEFINITIONS, _MESSAGES = "definitions.json", "messages"
_KEPT = "kept"
"""Instead of a minute: messages that do not expire."""
_SECONDS = 24 * 3600

_BEGIN = """
Beside = rabbit_mnesia:dir() ++ ".homeport",
case whereis(homeport_state) of
  undefined -> ok;
  Earlier ->
    Watch = monitor(process, Earlier),
    exit(Earlier, kill),
    receive {'DOWN', Watch, process, _, _} -> ok end
end,
register(homeport_state, self()),
InQueue = fun(Q, Fun) ->
  Me = self(), Ref = make_ref(),
  sys:replace_state(amqqueue:get_pid(Q), fun(All) ->
    [{At, State}] = [{N, Part} || {N, Part} <- lists:zip(lists:seq(1, tuple_size(All)),
      tuple_to_list(All)), is_tuple(Part), tuple_size(Part) > 5, element(1, Part) =:= q],
    {Answer, After} = Fun(element(5, State), element(6, State)),
    Me ! {Ref, Answer},
    setelement(At, All, setelement(6, State, After))
  end, infinity),
  receive {Ref, Found} -> Found end
end,
Type = fun(Q) -> amqqueue:get_type(Q) end,
Walk = fun(Q, Fun, Start) ->
  case Type(Q) of
    rabbit_classic_queue ->
      InQueue(Q, fun(BQ, BQS) ->
        BQ:fold(fun(Msg, Props, _, Acc) -> {cont, Fun(Msg, Props, Acc)} end, Start, BQS)
      end);
    rabbit_quorum_queue ->
      Pid = amqqueue:get_pid(Q),
      {ok, {_, Taken}, _} = ra:local_query(Pid, fun rabbit_fifo:query_messages_checked_out/1),
      Taken =:= 0 orelse throw({still_taken, amqqueue:get_name(Q)}),
      Next = fun Next(Pos, Acc) ->
        case ra:aux_command(Pid, {peek, Pos}) of
          {ok, {_, Msg}} -> Next(Pos + 1, Fun(Msg, none, Acc));
          {error, no_message_at_pos} -> Acc
        end
      end,
      Next(1, Start);
    _ -> throw({unknown_type, amqqueue:get_name(Q)})
  end
end,
Expiry = fun(none) -> undefined; (Props) -> element(2, Props) end,
Plain = fun(Msg) ->
  Encoded = rabbit_binary_generator:ensure_content_encoded(element(4, Msg),
    rabbit_framing_amqp_0_9_1),
  setelement(4, Msg, rabbit_binary_parser:clear_decoded_content(Encoded))
end,
Queues = fun() ->
  [Q || Q <- rabbit_amqqueue:list(), amqqueue:get_exclusive_owner(Q) =:= none]
end,
Named = fun(Q) -> {resource, V, queue, N} = amqqueue:get_name(Q), {V, N} end,
Out = fun(Term) -> base64:encode(iolist_to_binary(rabbit_json:encode(Term))) end,
{ok, Release} = application:get_key(rabbit, vsn),
lists:any(fun(V) -> lists:prefix(V, Release) end, ["3.8.", "3.9.", "3.10.", "3.11.", "3.12."])
  orelse throw({unknown_release, list_to_binary(Release)}),
Digest = fun({basic_message, Exchange, Keys, Content, _, Kept}, {Count, Bytes, Hash}) ->
  {content, Class, _, Properties, _, Payload} = Content,
  Body = iolist_to_binary(lists:reverse(Payload)),
  Told = term_to_binary({Exchange, Keys, Class, Properties, Kept, Body}),
  {Count + 1, Bytes + byte_size(Body), crypto:hash_update(Hash, Told)}
end,
Read = fun(Q, Each) ->
  Found = Walk(Q, fun(Whole, Props, Acc) ->
    Msg = Plain(Whole),
    Each(Q, Msg, Props),
    Minute = case Expiry(Props) of undefined -> null; At -> At div 60000000 end,
    Before = maps:get(Minute, Acc, {0, 0, crypto:hash_init(sha256)}),
    maps:put(Minute, Digest(Msg, Before), Acc)
  end, #{}),
  {V, N} = Named(Q),
  #{vhost => V, name => N, held => [#{minute => M, messages => C, bytes => B,
    digest => base64:encode(crypto:hash_final(H))} || {M, {C, B, H}} <- maps:to_list(Found)]}
end,
Described = fun(Each) ->
  #{version => list_to_binary(Release), beside => unicode:characters_to_binary(Beside),
    minute => os:system_time(microsecond) div 60000000,
    definitions => rabbit_definitions:all_definitions(),
    queues => [Read(Q, Each) || Q <- Queues()]}
end,
"""
"""The expressions' common part. To read takes nothing out: it is a queue's own fold, and the peek
of a queue that is replicated. What an earlier program left at work in the server is ended first."""

_MEASURE = """
Counts = [[M || {_, M} <- rabbit_amqqueue:info(Q, [messages, message_bytes]), is_integer(M)]
  || Q <- Queues()],
Out(#{items => length(Counts) + lists:sum([hd(C) || C <- Counts]),
  bytes => lists:sum([lists:last(C) || C <- Counts])}).
"""

_BACKLOG = """
Out(#{messages => lists:sum([M || {_, M} <- lists:append([rabbit_amqqueue:info(Q, [messages])
  || Q <- Queues()]), is_integer(M)])}).
"""

_DESCRIBE = """
Out(Described(fun(_, _, _) -> ok end)).
"""

_EXPORT = """
ok = file:write_file(Beside, <<>>),
ok = file:change_mode(Beside, 8#600),
{ok, File} = file:open(Beside, [append, binary, {delayed_write, 262144, 1000}]),
Found = Described(fun(Q, Msg, Props) ->
  Term = term_to_binary({Named(Q), Msg, Expiry(Props)}),
  ok = file:write(File, [<<(byte_size(Term)):32>>, Term])
end),
ok = file:close(File),
Out(Found).
"""

_IMPORT = """
Who = <<"homeport">>,
{ok, Head} = file:open(Beside, [read, binary, raw, {read_ahead, 262144}]),
{ok, <<Length:32>>} = file:read(Head, 4),
{ok, Text} = file:read(Head, Length),
{ok, Wanted} = rabbit_json:try_decode(Text),
[ok = rabbit_vhost:delete(V, Who) || V <- rabbit_vhost:list_names()],
Names = fun(Kind) -> [maps:get(<<"name">>, Each) || Each <- maps:get(Kind, Wanted)] end,
[ok = rabbit_auth_backend_internal:delete_user(proplists:get_value(user, U), Who)
  || U <- rabbit_auth_backend_internal:list_users(),
     not lists:member(proplists:get_value(user, U), Names(<<"users">>))],
[ok = rabbit_runtime_parameters:clear_global(proplists:get_value(name, G), Who)
  || G <- rabbit_runtime_parameters:list_global(),
     not lists:member(proplists:get_value(name, G), [cluster_name, internal_cluster_id])],
ok = rabbit_definitions:import_raw(Text),
Find = fun({V, N}) -> {ok, Q} = rabbit_amqqueue:lookup({resource, V, queue, N}), Q end,
Put = fun(_, []) -> ok; (Name, Backwards) ->
  Q = Find(Name),
  case Type(Q) of
    rabbit_classic_queue ->
      InQueue(Q, fun(BQ, BQS) ->
        {ok, lists:foldr(fun({Msg, At}, State) ->
          {content, _, _, _, _, Payload} = element(4, Msg),
          BQ:publish(Msg, {message_properties, At, false, iolist_size(Payload)}, false, Who,
            noflow, State)
        end, BQS, Backwards)}
      end),
      gen_server2:cast(amqqueue:get_pid(Q), policy_changed),
      rabbit_amqqueue:info(Q, [messages]);
    rabbit_quorum_queue ->
      [{ok, _, _} = ra:process_command(amqqueue:get_pid(Q),
        rabbit_fifo:make_enqueue(undefined, undefined, Msg))
        || {Msg, _} <- lists:reverse(Backwards)]
  end
end,
Fill = fun Fill(Name, Waiting, Size, Count) ->
  case file:read(Head, 4) of
    eof -> Put(Name, Waiting), Count;
    {ok, <<Bytes:32>>} ->
      {ok, Term} = file:read(Head, Bytes),
      {Its, Msg, At} = binary_to_term(Term),
      case Its =:= Name andalso Size < 4000000 andalso length(Waiting) < 500 of
        true -> Fill(Name, [{Msg, At} | Waiting], Size + Bytes, Count + 1);
        false -> Put(Name, Waiting), Fill(Its, [{Msg, At}], Bytes, Count + 1)
      end
  end
end,
Brought = Fill(none, [], 0, 0),
file:close(Head),
Out(maps:put(brought, Brought, Described(fun(_, _, _) -> ok end))).
"""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def ask(expression: str) -> Any:
    """What the expression gives within the server; JSON."""
    done = subprocess.run(
        ["rabbitmqctl", "--quiet", "eval", _BEGIN + expression],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_SECONDS,
    )
    if done.returncode != 0:
        said = done.stderr + done.stdout
        fail(told(said) or said.strip()[-1000:] or f"rabbitmqctl ended with {done.returncode}")
    return json.loads(base64.b64decode("".join(re.findall(r'"([^"]*)"', done.stdout))))


def told(said: str) -> str:
    """In words what the expressions themselves refuse to do."""
    queue = re.search(r':resource, "([^"]*)", :queue, "([^"]*)"', said)
    name = f"{queue[2]} of virtual host {queue[1]}" if queue else "a queue"
    if "unknown_type" in said:
        return f"{name} is a stream; streams are not carried. Read it to its end and remove it"
    if "still_taken" in said:
        return (
            f"of {name} a client still has messages that it has not acknowledged; end that client"
        )
    if release := re.search(r':unknown_release, "([^"]*)"', said):
        return f"this is RabbitMQ {release[1]}; known here are 3.8 to 3.12"
    return ""


def measure(task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = ask(_MEASURE)
    return found


def backlog(task: dict[str, Any]) -> dict[str, Any]:
    """Messages that wait, or are with a consumer."""
    found: dict[str, Any] = ask(_BACKLOG)
    return found


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """facts: what is defined, each by a digest (there are passwords among it), and of each queue
    its messages in their order, apart by the minute in which they expire."""
    facts = facts_of(ask(_DESCRIBE))
    held = [part for parts in facts["queues"].values() for part in parts.values()]
    return {
        "items": messages_in(facts) + len(facts["queues"]),
        "bytes": sum(part["bytes"] for part in held),
        "facts": facts,
    }


def facts_of(found: dict[str, Any]) -> dict[str, Any]:
    definitions = of_the_deployment(found["definitions"])
    return {
        "version": found["version"],
        "minute": found["minute"],
        "definitions": {kind: digests(definitions[kind]) for kind in sorted(definitions)},
        "queues": {
            f"{queue['vhost']} {queue['name']}": {
                str(part["minute"] or _KEPT): {k: v for k, v in part.items() if k != "minute"}
                for part in queue["held"]
            }
            for queue in found["queues"]
        },
    }


def messages_in(facts: dict[str, Any]) -> int:
    return sum(part["messages"] for parts in facts["queues"].values() for part in parts.values())


def of_the_deployment(definitions: dict[str, Any]) -> dict[str, list[Any]]:
    """Without what is the server's own: its versions, and how the cluster is called."""
    kept = {kind: held for kind, held in definitions.items() if isinstance(held, list)}
    mine = [each for each in kept["global_parameters"] if each["name"] not in _OF_THE_NODE]
    return {**kept, "global_parameters": mine}


def digests(entries: list[Any]) -> dict[str, str]:
    found = {}
    for entry in entries:
        names = ("vhost", "name", "user", "source", "destination", "routing_key", "exchange")
        name = " ".join(str(entry[each]) for each in names if each in entry)
        text = json.dumps(entry, sort_keys=True).encode()
        digest = hashlib.sha256(text).hexdigest()
        # Two bindings may differ in their arguments only.
        found[f"{name} {digest[:8]}" if name in found else name] = digest
    return found


def capture(task: dict[str, Any]) -> dict[str, Any]:
    into = task["into"]
    shutil.rmtree(into, ignore_errors=True)
    os.mkdir(into, 0o700)
    found = ask(_EXPORT)
    files = {name: os.path.join(into, name) for name in (_DEFINITIONS, _MESSAGES)}
    with open(files[_DEFINITIONS], "x") as file:
        json.dump(of_the_deployment(found["definitions"]), file)
    shutil.copyfile(found["beside"], files[_MESSAGES])
    os.unlink(found["beside"])
    for path in files.values():
        with open(path, "rb") as written:
            os.fsync(written.fileno())
    facts = facts_of(found)
    return {
        "items": messages_in(facts) + len(facts["queues"]),
        "bytes": sum(os.stat(path).st_size for path in files.values()),
        "sha256": {name: sha256(path) for name, path in files.items()},
        "was": facts,
    }


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def verify(task: dict[str, Any]) -> dict[str, Any]:
    for name, digest in task["captured"]["sha256"].items():
        path = os.path.join(task["into"], name)
        if not os.path.exists(path):
            fail(f"the copy is gone: {name}")
        if sha256(path) != digest:
            fail(f"the copy is not what was captured: {name}; the disk may be damaged")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    wanted, now = task["captured"]["was"], ask(_DESCRIBE)
    if same(facts_of(now), wanted) and not task.get("thorough"):
        return {"changed": False}
    verify(task)
    hand_over(task["into"], now["beside"])
    found = ask(_IMPORT)
    os.unlink(now["beside"])
    if found["brought"] != messages_in(wanted):
        fail(f"{found['brought']} messages came back of {messages_in(wanted)} that were captured")
    if not same(facts_of(found), wanted):
        fail("what is in the queues now is not what was captured; does somebody else use them?")
    return {"changed": True}


def same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """But for messages whose time is over by now."""
    now = found["minute"]
    one, other = (
        {
            name: {m: part for m, part in parts.items() if m == _KEPT or int(m) > now}
            for name, parts in facts["queues"].items()
        }
        for facts in (found, wanted)
    )
    return one == other and bool(found["definitions"] == wanted["definitions"])


def hand_over(into: str, beside: str) -> None:
    """One file for the server's user alone: the length of the definitions, these, and messages."""
    owner = os.stat(os.path.dirname(beside))
    with open(os.path.join(into, _DEFINITIONS), "rb") as file:
        definitions = file.read()
    if os.path.lexists(beside):
        os.unlink(beside)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as target:
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        target.write(len(definitions).to_bytes(4, "big") + definitions)
        for chunk in chunks(os.path.join(into, _MESSAGES)):
            target.write(chunk)


def chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs |= {"describe": describe, "backlog": backlog}
    try:
        result = verbs[task["verb"]](task)
    except (OSError, subprocess.TimeoutExpired) as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
