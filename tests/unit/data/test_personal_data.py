import json

import pytest

from octo.data.documents import new_document
from octo.data.personal_data import masked, masked_metadata
from octo.data.screening import screening
from octo.settings.curation import CurationSettings

ALL = ("email", "ip", "key")
LETTERS = "Zk3v9Qw7Lm2Xc8Rt5Yb1"
# Put together here, so that no line looks like somebody's key.
KEYS = {
    "AWS": "AK" + "IA" + "Q7W3E9R5T1Y2U8I4",
    "GitHub": "gh" + "p_" + LETTERS * 2,
    "GitHub's newer": "github" + "_pat_" + LETTERS * 3,
    "GitLab": "glp" + "at-" + LETTERS,
    "Google": "AI" + "za" + (LETTERS * 2)[:35],
    "Hugging Face": "h" + "f_" + LETTERS * 2,
    "a language model": "s" + "k-proj-" + LETTERS * 2,
    "Slack": "xo" + "xb-" + "1234567890-" + LETTERS,
    "Stripe": "s" + "k_live_" + LETTERS,
    "a signed token": f"ey{'J'}{LETTERS}.ey{'J'}{LETTERS}.{LETTERS}",
}


@pytest.mark.parametrize(
    ("text", "left", "found"),
    [
        ("Write to ada.b+list@sub.example-site.org, or not.", "Write to <EMAIL>, or not.", {"email": 1}),
        ("<mailto:jürgen@straße.example>", "<mailto:<EMAIL>>", {"email": 1}),
        ("a@b, @property, x @ y.T and 5@home", "a@b, @property, x @ y.T and 5@home", {}),
        ("ping 93.184.216.34:80 from 192.168.0.7", "ping <IP_ADDRESS>:80 from 192.168.0.7", {"ip": 1}),
        ("Section 4.3.2.1.9, version 300.1.2.3", "Section 4.3.2.1.9, version 300.1.2.3", {}),
        ("at 2606:4700:4700::1111 since 12:30:45", "at <IP_ADDRESS> since 12:30:45", {"ip": 1}),
        ("std::vector<a::b> and fe80::1", "std::vector<a::b> and fe80::1", {}),
        *((f"key={key}; and", "key=<KEY>; and", {"key": 1}) for key in KEYS.values()),
        (
            f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n-----END RSA PRIVATE KEY-----\nend",
            "<KEY>\nend",
            {"key": 1},
        ),
        ("task-123, risk-averse, sk-learn and hf_hub", "task-123, risk-averse, sk-learn and hf_hub", {}),
    ],
)
def test_personal_data_is_masked_and_what_looks_like_it_stays(text: str, left: str, found: dict[str, int]) -> None:
    assert masked(text, ALL) == (left, found)


def test_only_the_kinds_that_are_named_are_masked_and_each_is_counted() -> None:
    text = "ada@example.org and bob@example.org at 93.184.216.34"
    assert masked(text, ("email",)) == ("<EMAIL> and <EMAIL> at 93.184.216.34", {"email": 2})
    assert masked(text, ()) == (text, {})


def test_a_text_that_is_masked_has_nothing_more_to_mask() -> None:
    text, _ = masked(" ".join(["ada@example.org", "93.184.216.34", *KEYS.values()]), ALL)
    assert masked(text, ALL) == (text, {})


def test_metadata_stays_json_whose_texts_are_masked() -> None:
    given = {"answer": 'Say "ada@example.org"\n', "of@b.org": 7, "more": [["bob@example.org"], None, True]}
    cleaned = json.loads(masked_metadata(json.dumps(given), ALL))
    assert cleaned == {"answer": 'Say "<EMAIL>"\n', "of@b.org": 7, "more": [["<EMAIL>"], None, True]}
    assert masked_metadata('{"a":   1}', ALL) == '{"a":   1}'


def test_a_document_is_kept_with_its_mask_whatever_its_source_and_says_which_one_it_was() -> None:
    screen = screening(CurationSettings(mask=("email",), unfiltered=("notes",), rules=("gopher",)))
    page = new_document("ada@example.org", source="notes", url="u", metadata={"answer": "bob@example.org"})
    ((left, reason),) = screen.screened([page])
    assert (left.text, reason) == ("<EMAIL>", None)
    assert json.loads(left.metadata) == {"answer": "<EMAIL>", "edited_from": page.id}
    assert left.id == new_document("<EMAIL>", source="", url="").id
    assert screen.edited(page) == (left, {"masked.email": 1})
    assert screen.excerpt(page.text, 6) == "<EMAIL"
