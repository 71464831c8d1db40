import pytest

from octo.data.documents import Rejected
from octo.data.html_text import page_of, read_page
from octo.data.time_limit import STOPPED

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title> Sea &amp;
 shore </title><style>p { color: blue }</style><script>if (1<2) document.write("</p>no")</script></head><body>
<!-- <p>not this</p> -->
<h1>Octopuses</h1>
<p>They have <b>three</b>
   hearts,&nbsp;and <a href="a>b" title='>'>blue</a> blood.
<p>1 &lt; 2 &#8212; &#x41;<br>new line
<ul><li>one<li>two</ul>
<table><tr><td>a</td><td>b</td></tr></table>
<pre>def f():
    return  1
</pre></body></html>"""


def test_a_page_is_read_as_somebody_reads_it() -> None:
    page = page_of(PAGE)
    assert page.title == "Sea & shore"
    assert page.text.split("\n") == [
        "Octopuses",
        "",
        "They have three hearts,\N{NO-BREAK SPACE}and blue blood.",
        "",
        "1 < 2 \N{EM DASH} A",
        "new line",
        "",
        "- one",
        "- two",
        "",
        "\ta\tb",
        "",
        "def f():",
        "    return  1",
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a<!-- never closed <p>b", "a"),
        ("a<p never closed", "a"),
        ("a<script>never closed", "a"),
        ('a<p title="never closed>b', "ab"[:1] + "\n\nb"),
        ("a<!-->b", "ab"),
        ("a<?xml x?>b<!x>c</ y>d", "abcd"),
        ("a<b>b<i>c</b>d</i>e", "abcde"),
        ("<SCRIPT>x</sCript >a", "a"),
        ("<script>x</scripted>y</script>a", "a"),
        ("<textarea><p>typed</textarea>a", "a"),
        ("a &lt;b&gt; &unknown; &amp &#xD83D; c", "a <b> &unknown; & \N{REPLACEMENT CHARACTER} c"),
        ("&#" + "9" * 10_000 + ";&#" + "0" * 10_000 + "65;", "\N{REPLACEMENT CHARACTER}A"),
        ("", ""),
    ],
)
def test_what_is_not_closed_or_not_meant_is_read_as_browsers_do(source: str, text: str) -> None:
    assert page_of(source).text == text


@pytest.mark.parametrize(
    ("body", "encoding", "text"),
    [
        ("naïve".encode(), "", "naïve"),
        ('<meta charset="windows-1251">мир'.encode("cp1251"), "", "мир"),
        ('<meta http-equiv=x content="text/html; charset=Shift_JIS">海'.encode("shift_jis"), "", "海"),
        ("naïve \N{EURO SIGN}".encode("cp1252"), "iso-8859-1", "naïve \N{EURO SIGN}"),
        ("\ufeffsea".encode("utf-16-le"), "utf-8", "sea"),
        ("\ufeffsea".encode(), "latin1", "sea"),
    ],
)
def test_a_page_is_decoded_as_it_says(body: bytes, encoding: str, text: str) -> None:
    assert read_page(body, url="u", encoding=encoding, clock=STOPPED) == {"text": text}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"caf\xe9", "invalid_utf8"),
        (b"<meta charset=utf-8>caf\xe9", "invalid_utf8"),
        (b"<meta charset=punycode>a-b", "unknown_encoding"),
        (b"<meta charset=rot13>a", "unknown_encoding"),
        (b"<meta charset=idna>a", "unknown_encoding"),
    ],
)
def test_a_page_in_no_encoding_of_pages_is_rejected(body: bytes, reason: str) -> None:
    rejected = read_page(body, url="u", clock=STOPPED)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason
