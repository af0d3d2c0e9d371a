"""Which old option is which new one: groups that moved, options that went, what is known."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from itertools import cycle, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.main import main
from forms.identity import KNOWN, Name, Option, match
from forms.identity.cases import predict
from forms.identity.model import read_model, shipped_model
from forms.identity.words import name_words, squashed
from tests.bench.bench_identity import LEFT_OUT, answers, scorer

DATA = Path(__file__).resolve().parents[3] / "shared/data/option-identity"
STEMS = ("port", "user", "logLevel", "cacheDir", "maxRetries", "tlsMinVersion", "bindAddress")


def options(prefix: str, *names: str) -> list[Option]:
    return [Option((*prefix.split("."), name), {"type": "string"}) for name in names]


def best(old: list[Option], new: list[Option], path: str) -> tuple[str, float]:
    candidate = match(old, new)[tuple(path.split("."))][0]
    return ".".join(candidate.new), candidate.score


def test_a_section_that_moved_takes_its_options_along() -> None:
    old = [*options("server.http", *STEMS), *options("mail", "from")]
    new = [*options("http.listener", *STEMS), *options("mail", "from")]
    found = match(old, new)
    assert set(found) == {("server", "http", stem) for stem in STEMS}
    for path, candidates in found.items():
        assert candidates[0].new == ("http", "listener", path[-1])
        assert candidates[0].score > 0.5
        assert any("together" in reason for reason in candidates[0].reasons)


def test_another_spelling_is_the_same_option() -> None:
    old = options("plugin", "maxRetries", "cacheDir", "level")
    new = options("plugin", "max_retries", "cache_directory", "level")
    for before, after in (("maxRetries", "max_retries"), ("cacheDir", "cache_directory")):
        name, score = best(old, new, f"plugin.{before}")
        assert name == f"plugin.{after}"
        assert score > 0.5


def test_a_free_form_part_is_the_same_whatever_it_is_called() -> None:
    assert squashed("extraOptions") == squashed("settings")
    old = options("plugin.extraOptions", "cacheDir", "level")
    new = options("plugin.settings", "cache_dir", "level")
    found = match(old, new)[old[0].path][0]
    assert found.new == new[0].path
    assert found.score > 0.5
    assert "the same path, written otherwise" in found.reasons


def test_among_many_options_of_the_same_words_the_likest_is_found() -> None:
    names = cycle(product(("cache", "limit", "proxy", "retry", "queue"), repeat=2))
    paths = [(f"service{at // 25}", *next(names)) for at in range(1000)]
    old = [Option(path, {"type": "string"}) for path in paths]
    path = old[333].path
    renamed = (*path[:-1], f"{path[-1]}_size")
    new = [*old[:333], Option(renamed, {"type": "string"}), *old[334:]]
    assert match(old, new)[path][0].new == renamed


def test_an_option_that_went_is_not_made_into_another() -> None:
    old = [*options("server", *STEMS), *options("server", "legacyProtocolEnabled")]
    new = [*options("server", *STEMS), *options("statistics", "retentionDays")]
    assert all(each.score < 0.5 for each in match(old, new)["server", "legacyProtocolEnabled"])


def test_what_is_known_is_never_questioned() -> None:
    old, new = options("a", "port", "host"), options("b", "port", "peer")
    known: dict[Name, Name] = {("a", "host"): ("b", "port")}
    found = match(old, new, known=known)
    (certain,) = found["a", "host"]
    assert (certain.new, certain.score, certain.reasons) == (("b", "port"), 1.0, (KNOWN,))
    assert all(each.new != ("b", "port") for each in found["a", "port"])


def test_unchanged_and_empty_listings_have_nothing_to_decide() -> None:
    old = options("server", *STEMS)
    assert match(old, old) == {}
    assert match([], old) == {}
    assert match(old, []) == {option.path: () for option in old}


names = st.text("abcXYZ019_-. é", min_size=1, max_size=8)
listings = st.lists(
    st.builds(
        Option,
        st.lists(names, min_size=1, max_size=4).map(tuple),
        st.sampled_from([{}, {"type": "integer"}, {"enum": ["a", "b"]}, {"nix": "anything"}]),
        st.just(""),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        st.text(max_size=20),
    ),
    max_size=12,
    unique_by=lambda option: option.path,
)


@given(listings, listings)
def test_whatever_the_listings_the_answer_is_sound(old: list[Option], new: list[Option]) -> None:
    found = match(old, new)
    after = {option.path for option in new}
    assert set(found) == {option.path for option in old} - after
    for path, candidates in found.items():
        scores = [each.score for each in candidates]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        assert all(each.old == path and each.new in after and each.reasons for each in candidates)
    # Each option's place in the listing says nothing.
    assert match(old[::-1], new[::-1]) == found


@given(st.lists(st.sampled_from(["cache", "limit", "proxy", "tls"]), min_size=1, max_size=4))
def test_names_are_the_same_words_in_every_spelling(words: list[str]) -> None:
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    for spelling in ("_".join(words), "-".join(words), camel, "_".join(words).upper()):
        assert name_words(spelling) == name_words("_".join(words))
        assert squashed(spelling) == "".join(words)


def test_a_model_for_other_features_is_refused() -> None:
    assert shipped_model().trees
    with pytest.raises(ValueError, match="train it again"):
        read_model({"names": ["leaf_same"], "alone": [0.0, [1.0]], "trees": []})


def test_the_figures_of_sources_left_out_are_those_of_the_shipped_model() -> None:
    """Both files say of which code and data they were made."""
    model = files("forms.identity").joinpath("model.json").read_text(encoding="ascii")
    left_out = LEFT_OUT.read_text(encoding="ascii")
    assert json.loads(left_out)["made_of"] == json.loads(model)["made_of"]


def test_the_command_answers_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = {"id": "one", "old": [{"path": ["a", "port"]}], "new": [{"path": ["b", "port"]}]}
    file = tmp_path / "cases.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(case).encode() + b"\n\n"))
    assert main(["identity", "match", str(file)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == predict(case)
    assert said["candidates"]["a.port"][0][0] == "b.port"


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"id": 1, "old": [{}], "new": []}'])
def test_a_line_that_is_no_case_is_named(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(f"\n{line}\n")
    assert main(["identity", "match", str(file)]) == 2
    assert "line 2" in capsys.readouterr().err


def test_files_that_are_none_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["identity", "match", str(tmp_path / "missing")]) == 2
    (tmp_path / "bad.gz").write_bytes(b"no gzip")
    assert main(["identity", "match", str(tmp_path / "bad.gz")]) == 2
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    assert main(["identity", "match", str(tmp_path / "bad")]) == 2


@pytest.mark.skipif(not DATA.is_dir(), reason="the labelled renames are not beside this clone")
def test_real_renames_are_found_and_removals_left_alone() -> None:
    """A third of the labelled releases; `make bench` has all of them."""
    file = str(DATA / "dev-wide.jsonl.gz")
    predictions = list(map(predict, list(scorer().lines(file))[::3]))
    asked = {each["case"] for each in predictions}
    items = [item for item in scorer().load_cases(file) if item["case"] in asked]
    summary = scorer().evaluate(items, answers(predictions))["all"]
    assert summary["recall@1"] >= 0.97
    assert summary["at"]["precision"] >= 0.98
    assert summary["at"]["recall"] >= 0.93
    assert summary["at"]["false_suggestion_rate"] <= 0.03
