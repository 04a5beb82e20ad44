from sonoscope.report import browser, measured
from sonoscope.report.results import Results


def test_without_a_browser_the_rows_that_need_none_are_still_there(site, run, monkeypatch, caplog):
    monkeypatch.setattr(browser, "obstacle", lambda: "no Chromium was found")
    rows = {row.name: row for row in measured.rows(site, measured.regenerate(Results(run), "demo"))}
    assert set(rows) == {"report.regenerate_seconds", "report.page_megabytes"}
    assert rows["report.page_megabytes"].met and rows["report.page_megabytes"].value < 5
    assert "no Chromium was found" in caplog.text


def test_a_page_weighs_what_it_shows_but_not_its_sound(site):
    page = site / "steering.html"
    shown = browser.megabytes(page)
    assert page.stat().st_size / 1e6 < shown
    picture = next((site / "pictures").rglob("*.png"))
    assert shown > picture.stat().st_size / 1e6
