import pytest

from octo.data.html_main import DEEPEST, MOST
from octo.data.html_text import page_of
from octo.data.time_limit import document_clock
from octo.settings.ingestion import IngestionSettings

PAGE = """<title>Waves</title><nav class="menu"><ul><li><a href="/">Home</a><li><a href="/b">About us</a></ul></nav>
<header class="site-header">Sea &amp; Co</header><main><h1>Waves</h1>
<p>A wave has a <b>length</b> and <a href="/h">a height</a>.
<p>1 &lt; 2 &lt;b&gt;
<ol><li>First measure the length of the wave.<li>Then measure its height as well.</ol>
<table><tr><th>length<th>height<tr><td>3<td>1</table>
<pre>def height(wave):
    return  wave.top

</pre></main><footer>Copyright of everybody. Imprint. Contact</footer>"""


def main_of(source: str) -> str:
    return page_of(source, extent="main").text


def test_menus_and_notices_are_left_out_and_lists_tables_and_listings_kept() -> None:
    lines = [line.strip() for line in main_of(PAGE).splitlines() if line.strip()]
    assert lines == [
        "Waves",
        "A wave has a length and a height.",
        "1 < 2 <b>",
        "1. First measure the length of the wave.",
        "2. Then measure its height as well.",
        "length\t\theight",
        "3\t\t1",
        "def height(wave):",
        "return  wave.top",
    ]
    assert "    return  wave.top" in main_of(PAGE)


def test_a_page_without_main_content_is_taken_whole() -> None:
    assert main_of("<div class='menu'>only a menu</div>") == "only a menu"


def test_elements_end_where_the_standard_ends_them() -> None:
    assert main_of("<p>one<p>two<div>three</p>four</div><h2>five</h2>").split() == [
        "one",
        "two",
        "three",
        "four",
        "five",
    ]
    assert "a" in main_of("<table><tr><td><p>a</table><p>b").split()


def test_no_text_is_lost_where_tags_are_too_many_or_too_deep() -> None:
    deep = "".join(f"<div>{number} " for number in range(2 * DEEPEST))
    assert main_of(deep).split() == list(map(str, range(2 * DEEPEST)))
    many = "".join(f"<p>{number}</p> " for number in range(MOST + 10))
    assert main_of(many).split() == list(map(str, range(MOST + 10)))


def test_what_is_left_of_a_tag_makes_no_other() -> None:
    assert main_of("<p>a <<b>script>alert(1)<</b>/script> b") == "a <script>alert(1)</script> b"


@pytest.mark.parametrize(
    ("bomb", "text"),
    [
        ("<div>" * 100_000 + "deep", "deep"),
        ("".join(f"<b id={number}><p>" for number in range(10_000)) + "open", "open"),
        ("<span class=math " + "a=1 " * 1_000_000 + ">wide</span>", "wide"),
        ("<p>" + "&amp;" * 100_000, "&" * 100_000),
        ("<math>" + "<mrow>" * 10_000 + "x" + "</mrow>" * 10_000 + "</math><p>after", "after"),
    ],
)
def test_a_bomb_is_read_within_the_time_of_a_document(bomb: str, text: str) -> None:
    with document_clock(IngestionSettings().max_document_seconds) as clock:
        page = clock.timed(page_of, bomb, extent="main")
    assert page.text.split() == text.split()
