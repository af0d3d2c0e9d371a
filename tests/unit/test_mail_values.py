"""Lines of ours among those of others, and the records that mail needs, as values."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.backends.mail.chain import check_chain, zone_line
from engine.backends.mail.marked_lines import (
    keys_of,
    line_of,
    marks_of,
    with_line,
    without_mark,
)
from engine.backends.mail.records import mail_records, merged_spf
from engine.backends.mail.settings import DovecotSettings
from engine.backends.protocols import DnsRecord
from engine.model.provider import CheckStatus

MINE = "hp-ab12cd34-dep00001 at home"
SETTINGS = {
    "host": "mail.example.org",
    "domain": "example.org",
    "ssh_host_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="],
}


def settings(**other: object) -> DovecotSettings:
    return DovecotSettings.model_validate(SETTINGS | other)


# --- lines --------------------------------------------------------------------------------

_ROWS = st.lists(
    st.sampled_from(
        [
            "# words",
            "",
            "a@x.y a@x.y",
            "\tb@x.y",
            "B@x.y:x::",
            f"# homeport: c@x.y of {MINE}",
            "c@x.y c@x.y",
            f"# homeport: d@x.y of {MINE}",
            "d@x.y d@x.y",
        ]
    )
)
_OF_C, _OF_D = f"# homeport: c@x.y of {MINE}", f"# homeport: d@x.y of {MINE}"


@given(_ROWS)
@example([_OF_C, _OF_C, "c@x.y c@x.y", "c@x.y c@x.y"])
@example([_OF_D, _OF_C, "c@x.y c@x.y", "d@x.y d@x.y"])
def test_what_is_put_in_is_all_that_goes_again(rows: list[str]) -> None:
    text = "\n".join([*rows, ""])
    fresh = with_line(text, "new@x.y", "new@x.y somewhere@x.y", "another")
    assert keys_of(fresh, "another") == ["new@x.y"]
    assert marks_of(fresh, "new@x.y") == {"another"}
    assert with_line(fresh, "new@x.y", "new@x.y somewhere@x.y", "another") == fresh
    assert without_mark(fresh, "another") == text
    gone = without_mark(text, MINE)
    assert keys_of(gone, MINE) == []
    assert [row for row in gone.split("\n") if row.startswith(("a@", "B@"))] == [
        row for row in rows if row.startswith(("a@", "B@"))
    ]


def test_a_line_that_was_moved_away_from_its_mark_is_nobodys() -> None:
    text = with_line("z@x.y z\n", "c@x.y", "c@x.y to@x.y", MINE)
    moved = "\n".join(sorted(text.splitlines())) + "\n"
    assert marks_of(text, "c@x.y") == {MINE}
    assert without_mark("# homeport: c@x.y of " + MINE + "\na@x.y a\n", MINE).endswith("a\n")
    assert moved.startswith("# homeport")
    swapped = f"# homeport: c@x.y of {MINE}\nz@x.y z\nc@x.y to@x.y\n"
    assert marks_of(swapped, "c@x.y") == {""}
    assert without_mark(swapped, MINE) == swapped


def test_keys_are_found_in_any_case_and_a_line_without_an_end_gets_one() -> None:
    assert marks_of("Ada@X.y:hash::", "ada@x.y") == {""}
    assert line_of("Ada@X.y:hash::", "ada@x.y") == "Ada@X.y:hash::"
    assert with_line("a b", "c@x.y", "c@x.y d", MINE).startswith("a b\n# homeport: c@x.y")


# --- records ------------------------------------------------------------------------------


def test_records_say_what_the_settings_say() -> None:
    found = mail_records(
        settings(
            addresses=["192.0.2.7", "2001:db8::7"],
            dkim_selector="hp",
            dkim_public_key="QUJD\nREVG",
            dmarc="quarantine",
            dmarc_reports="dmarc@example.org",
            mta_sts_id="20261127",
        ),
        "example.org",
    )
    assert [(record.name, record.type, record.values) for record in found[:5]] == [
        ("example.org", "MX", ("10 mail.example.org",)),
        ("example.org", "TXT", ("v=spf1 ip4:192.0.2.7 ip6:2001:db8::7 ~all",)),
        ("hp._domainkey.example.org", "TXT", ("v=DKIM1; k=rsa; p=QUJDREVG",)),
        (
            "_dmarc.example.org",
            "TXT",
            ("v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org",),
        ),
        ("_mta-sts.example.org", "TXT", ("v=STSv1; id=20261127",)),
    ]
    assert [record.values for record in found if record.type == "PTR"] == [
        ("mail.example.org",)
    ] * 2
    few = mail_records(settings(), "example.org")
    assert [record.values[0] for record in few] == [
        "10 mail.example.org",
        "v=spf1 mx ~all",
        "v=DMARC1; p=none",
    ]
    ed25519 = mail_records(
        settings(dkim_selector="hp", dkim_public_key="A" * 43 + "="), "example.org"
    )
    assert any("k=ed25519" in record.values[0] for record in ed25519)


@pytest.mark.parametrize(
    ("standing", "merged"),
    [
        ([], "v=spf1 mx ~all"),
        (["v=spf1 mx -all"], "v=spf1 mx -all"),
        (["v=spf1 +mx -all"], "v=spf1 +mx -all"),
        (["v=spf1 include:a.example -all"], "v=spf1 include:a.example mx -all"),
        (["v=spf1 redirect=a.example"], "v=spf1 mx redirect=a.example"),
        (["v=spf1 a -all", "v=spf1 ip4:192.0.2.1 ~all"], "v=spf1 a ip4:192.0.2.1 mx -all"),
        (["v=spf1 ?all exp=why.example"], "v=spf1 mx ?all exp=why.example"),
    ],
)
def test_spf_is_merged_into_one(standing: list[str], merged: str) -> None:
    assert merged_spf(standing, ["mx"]) == merged
    assert merged_spf([merged], ["mx"]) == merged


def test_a_chain_names_what_lacks_what_differs_and_what_counts_twice() -> None:
    wanted = mail_records(
        settings(dkim_selector="hp", dkim_public_key="QUJD", mta_sts_id="2"), "example.org"
    )
    there = {
        ("example.org", "MX"): ("20 mail.example.org", "10 other.example"),
        ("example.org", "TXT"): ("v=spf1 -all", "v=spf1 a -all", "unlike"),
        ("hp._domainkey.example.org", "TXT"): ("k=rsa;p=QUJD",),
        ("_mta-sts.example.org", "TXT"): ("v=STSv1; id=1;",),
    }
    lines = {
        line.title.split()[0]: line
        for line in check_chain(wanted, lambda name, rdtype: there.get((name, rdtype), ()))
    }
    assert lines["MX"].status is CheckStatus.PASS
    assert lines["DKIM"].status is CheckStatus.PASS
    assert lines["SPF"].found.startswith("there are 2")
    assert lines["SPF"].do.endswith('"v=spf1 a mx -all"')
    assert lines["DMARC"].found == "it is missing"
    assert "it differs" in lines["MTA-STS"].found
    unasked = check_chain(wanted, lambda name, rdtype: None)
    assert all("nobody answers" in line.found for line in unasked)


def test_a_long_text_is_written_in_pieces() -> None:
    line = zone_line(DnsRecord("a.b", "TXT", ("x" * 300,)))
    assert line == f'a.b. 300 IN TXT "{"x" * 255}" "{"x" * 45}"'


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "Example.org"},
        {"ssh_host_keys": []},
        {"ssh_host_keys": ["AAAA"]},
        {"directory": "relative"},
        {"directory": "/etc/$(reboot)"},
        {"returns_to": "nobody"},
        {"password": "x"},
    ],
)
def test_settings_that_cannot_be_used_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
