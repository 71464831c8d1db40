from pathlib import Path

import pytest

from octo.data.documents import Document, new_document, read_columns, read_documents, to_parquet
from octo.data.hosts import Hosts, host_of, leave_hosts
from octo.data.languages import language_of, wrong_language
from octo.data.licences import wrong_licence
from octo.errors import InputError, UsageError
from octo.job import produce
from octo.settings.curation import CurationSettings
from octo.settings.gates import LanguageSettings, LicenceSettings, UrlSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

ENGLISH = "The keeper of the lighthouse counts the boats that leave the harbour, and again those that come back. "
GERMAN = "Der Wärter des Leuchtturms zählt die Boote, die den Hafen verlassen, und dann noch einmal jene, die kommen. "


def hosts(folder: Path, store: Store | None = None, **lists: str) -> Hosts:
    for name, lines in lists.items():
        (folder / name).write_text(lines)
    settings = UrlSettings(**{name: str(folder / name) for name in lists})
    leave_hosts(settings, store, folder)
    return Hosts(folder, settings)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://mill.example/a", "url_blocked"),
        ("http://www.MILL.example.:8080/a?b#c", "url_blocked"),
        ("https://windmill.example/", None),
        ("https://example/", None),
        ("https://deep.pond.example", "url_blocked"),
        ("https://pond.example@lake.example/", None),
        ("https://bücher.example/x", "url_blocked"),
        ("file:mill.example", None),
        ("", None),
        ("https://[::1", None),
        (f"https://{'a.' * 200_000}mill.example/", None),
    ],
)
def test_a_host_is_blocked_with_all_below_it(tmp_path: Path, url: str, reason: str | None) -> None:
    found = hosts(
        tmp_path, block="# mills\nMill.example  # all of them\n\n*.pond.example\nhttps://xn--bcher-kva.example/list\n"
    )
    assert found.wrong(url, filtered=True) == reason == found.wrong(url, filtered=False)


def test_only_hosts_that_are_allowed_are_taken_where_some_are_but_of_sources_that_are_not_judged(
    tmp_path: Path,
) -> None:
    found = hosts(tmp_path, allow="mill.example\n", block="old.mill.example")
    assert found.wrong("https://a.mill.example/", filtered=True) is None
    assert found.wrong("https://old.mill.example/", filtered=True) == "url_blocked"
    assert found.wrong("https://lake.example/", filtered=True) == "url_not_allowed"
    assert found.wrong("", filtered=True) == "url_not_allowed"
    assert found.wrong("", filtered=False) is None


def test_the_host_of_an_address_has_no_port_and_no_case() -> None:
    assert host_of("HTTPS://User@A.Example.:80/B") == "a.example"
    assert host_of("a.example/b") == host_of("https:///b") == host_of("x://[") == ""


def test_a_list_without_a_host_is_an_error_and_one_that_cannot_be_read_a_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--urls.block: there is no host in .*: a line each, such as example.org"):
        hosts(tmp_path, block="# nothing\n\n")
    with pytest.raises(UsageError, match=r"--urls.allow: cannot read the list of hosts /none/here: No such file"):
        CurationSettings(urls=UrlSettings(allow="/none/here")).determinants()


def licensed(**metadata: object) -> Document:
    return new_document("x", source="code", url="u", metadata=metadata)


@pytest.mark.parametrize(
    ("metadata", "settings", "reason"),
    [
        ({"licence": "MIT"}, {"allow": ("mit",)}, None),
        ({"license": "mit"}, {"allow": ("MIT",)}, None),
        ({"licence": "GPL-3.0"}, {"allow": ("MIT",)}, "licence_not_allowed"),
        ({"licence": "GPL-3.0 OR MIT"}, {"allow": ("MIT",)}, None),
        ({"licence": "(GPL-3.0 AND MIT)"}, {"allow": ("MIT",)}, "licence_not_allowed"),
        ({"licence": "Apache-2.0 WITH LLVM-exception"}, {"allow": ("Apache-2.0",)}, None),
        ({"licence": ["MIT", "GPL-3.0"]}, {"allow": ("MIT",)}, "licence_not_allowed"),
        ({}, {"allow": ("MIT",)}, "licence_unknown"),
        ({"licence": None}, {"allow": ("MIT",)}, "licence_unknown"),
        ({}, {"allow": ("MIT",), "unknown": "keep"}, None),
        ({}, {"block": ("GPL-3.0",)}, None),
        ({"licence": "gpl-3.0"}, {"block": ("GPL-3.0",)}, "licence_not_allowed"),
        ({"licence": "gpl-3.0"}, {}, None),
    ],
)
def test_a_licence_is_taken_or_not(
    metadata: dict[str, object], settings: dict[str, object], reason: str | None
) -> None:
    assert wrong_licence(licensed(**metadata), LicenceSettings(**settings)) == reason


def test_a_document_is_taken_in_a_language_that_is_kept_and_surely_in_it() -> None:
    settings = LanguageSettings(keep=("en",))
    assert wrong_language(ENGLISH, settings) is None
    assert wrong_language(GERMAN, settings) == "language_other"
    assert wrong_language(GERMAN, LanguageSettings(keep=("en", "de"))) is None
    assert wrong_language("7 + 7 = 14", settings) == "language_unsure" == wrong_language("", settings)
    # What is looked at is bounded.
    assert wrong_language(ENGLISH * 30 + GERMAN * 99, settings) is None


def test_languages_are_told_from_each_other() -> None:
    texts = {
        "fr": "Le gardien du phare compte les bateaux qui quittent le port, puis ceux qui reviennent le soir.",
        "es": "El guardián del faro cuenta los barcos que salen del puerto y después los que vuelven.",
        "ko": "등대지기는 항구를 떠나는 배를 세고 나서 돌아오는 배를 다시 센다.",
        "zh": "灯塔看守人数着离开港口的船只,然后再数回来的船只。",
        "ja": "灯台の番人は港を出る船を数え、それから戻ってくる船を数える。",
    }
    assert {code: language_of(text)[0] for code, text in texts.items()} == {code: code for code in texts}


def test_every_gate_is_asked_in_a_curation_before_copies_are_looked_for(
    store: Store, place: dict[str, object], tmp_path: Path
) -> None:
    words = ENGLISH * 6
    documents = [
        new_document(words, source="a", url="https://mill.example/1", metadata={"licence": "MIT"}),
        new_document(words, source="b", url="https://lake.example/1", metadata={"licence": "MIT"}),
        new_document(words, source="c", url="https://lake.example/2"),
        new_document(GERMAN * 6, source="b", url="https://lake.example/3", metadata={"licence": "MIT"}),
        new_document(f"{words} ada@lake.example", source="b", url="4", metadata={"licence": "MIT"}),
        new_document(f"{words} bob@lake.example", source="b", url="5", metadata={"licence": "MIT"}),
    ]
    raw = commit(store, [{"documents.parquet": to_parquet(documents, Document)}])
    blocked = tmp_path / "blocked"

    def curated(**changes: object) -> Artifact:
        settings = CurationSettings(
            **place,
            documents=raw.address,
            without_benchmarks="no model is judged yet",
            urls=UrlSettings(block=str(blocked)),
            licences=LicenceSettings(allow=("MIT",)),
            mask=("email",),
            language=LanguageSettings(keep=("en",)),
            **changes,
        )
        return produce(settings, "octo.data.curation:curate")

    blocked.write_text("mill.example\n")
    artifact = curated()
    rows = read_columns(artifact.read_one("dropped.parquet"), ("url", "reason"))
    assert sorted(rows) == [
        # A mask makes copies of what differs in addresses alone.
        ("5", "duplicate"),
        ("https://lake.example/2", "licence_unknown"),
        ("https://lake.example/3", "language_other"),
        ("https://mill.example/1", "url_blocked"),
    ]
    kept = list(read_documents(artifact.read_one("documents.parquet")))
    assert [each.text for each in kept] == [words, f"{words} <EMAIL>"]
    assert artifact.manifest.counters["masked.email"] == 2
    blocked.write_text("mill.example # as before, in other bytes\n")
    assert curated().address != artifact.address
    with pytest.raises(UsageError, match=r"--language.keep: expected codes of languages, of .*, got 'english'"):
        produce(
            CurationSettings(
                **place,
                documents=raw.address,
                without_benchmarks="no model is judged yet",
                language=LanguageSettings(keep=("english",)),
            ),
            "octo.data.curation:curate",
        )
