"""The slides in Chromium."""

import pytest

from fedlearn_edu import course
from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.i18n import LANGUAGES
from tools import classroom

MEASURED = """() => Reveal.getSlides().map((slide) => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v);
  return {
    place: [h, v],
    zoom: Number(slide.style.zoom),
    below: slide.scrollHeight - slide.clientHeight,
    pictures: [...slide.querySelectorAll("img")].map((image) => image.clientHeight),
  };
})"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return where slides go, with reveal.js, which comes from Python's package index."""
    made = tmp_path_factory.mktemp("dist")
    try:
        classroom.fetch_reveal(made / "slides" / "reveal.js")
    except SystemExit as why:
        pytest.skip(str(why))
    return made


# No slide is taller than the screen, none is drawn smaller than two thirds, none has a picture
# too small to see.
@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_slide_scrolls(lang, chrome, folder, monkeypatch):
    monkeypatch.setattr(classroom, "DIST", folder)
    page = chrome.new_page(viewport={"width": 1280, "height": 720})
    for number in course.numbers():
        page.goto(classroom.make_slides(CONTENTS[number], lang).as_uri())
        page.wait_for_function("() => window.Reveal?.isReady()")
        slides = page.evaluate(MEASURED)
        assert len(slides) > 5
        for slide in slides:
            assert slide["below"] <= 1, (number, slide)
            assert slide["zoom"] > 0.66, (number, slide)
            assert all(height >= 200 for height in slide["pictures"]), (number, slide)
    page.close()
