"""What the programs on guests work out by themselves, without a server."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.state.programs import dovecot, mariadb, s3

FIELDS = st.text(st.characters(exclude_categories=("Cs",)))


@given(FIELDS)
def test_fields_of_mariadb_are_read_back_as_they_were(text: str) -> None:
    signs = {"\n": "\\n", "\t": "\\t", "\0": "\\0", "\\": "\\\\"}
    assert mariadb.unescaped("".join(signs.get(sign, sign) for sign in text)) == text


@given(FIELDS)
def test_quoted_names_and_values_end_where_they_end(text: str) -> None:
    for quoted, sign in ((mariadb.name(text), "`"), (mariadb.value(text), "'")):
        assert quoted[0] == quoted[-1] == sign
        assert quoted[1:-1].replace(sign * 2, "") == text.replace(sign, "")


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("`harbour`", True),
        ("`harb%`", True),
        ("`harbou_`", True),
        ("`harbour\\_x`", False),
        ("`h_x`", False),
        ("`other`", False),
        ("`harbour.x`", False),
    ],
)
def test_patterns_of_grants_mean_what_the_server_takes_them_for(pattern: str, means: bool) -> None:
    assert mariadb.may_mean(pattern, "harbour") is means
    assert mariadb.may_mean("`harbour\\_x`", "harbour_x")


@pytest.mark.parametrize(
    ("line", "back"),
    [
        ("GRANT SELECT ON `h`.* TO `u`@`%`", ["REVOKE SELECT ON `h`.* FROM `u`@`%`"]),
        (
            "GRANT SELECT, UPDATE (`a`) ON `h`.`t` TO `u`@`%` WITH GRANT OPTION",
            [
                "REVOKE SELECT, UPDATE (`a`) ON `h`.`t` FROM `u`@`%`",
                "REVOKE GRANT OPTION ON `h`.`t` FROM `u`@`%`",
            ],
        ),
        (
            "GRANT EXECUTE ON FUNCTION `h`.`f` TO `u`@`%`",
            ["REVOKE EXECUTE ON FUNCTION `h`.`f` FROM `u`@`%`"],
        ),
        ("GRANT USAGE ON *.* TO `u`@`%`", []),
        ("GRANT `keeper` TO `u`@`%` WITH ADMIN OPTION", ["REVOKE `keeper` FROM `u`@`%`"]),
        (
            "SET DEFAULT ROLE `keeper` FOR `u`@`%`",
            ["SET DEFAULT ROLE NONE FOR `u`@`%`"],
        ),
    ],
)
def test_a_grant_is_taken_back_by_its_opposite(line: str, back: list[str]) -> None:
    assert mariadb.taken_back(line) == back


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
def test_parts_of_an_object_are_the_object(chunks: list[bytes], size: int) -> None:
    parts = list(s3.regrouped(iter(chunks), size))
    assert b"".join(parts) == b"".join(chunks)
    assert all(len(part) >= size for part in parts[:-1])


@given(st.lists(st.binary(max_size=80)))
def test_messages_are_read_by_their_length_whatever_is_in_them(contents: list[bytes]) -> None:
    answer = b"mailbox\tuid\tflags\tdate.received\tsize.physical\ttext\n"
    for number, content in enumerate(contents, 1):
        head = f"INBOX\t{number}\t\\Seen \\Recent\t2026-01-01 00:00:00\t{len(content)}\t"
        answer += head.encode() + content + (b"\t\n" if content else b"\n")
    mailboxes: dict[str, Any] = {"INBOX": {"digest": hashlib.sha256()}}
    assert dovecot.read(io.BytesIO(answer), mailboxes) == sum(map(len, contents))
