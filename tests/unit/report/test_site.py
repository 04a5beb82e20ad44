import html
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pandas as pd
import pytest
import synthetic

from sonoscope.contracts.errors import ContractError
from sonoscope.contracts.steering import CLIPS, DOSE_RESPONSE, SCORES
from sonoscope.errors import SonoscopeError
from sonoscope.report.results import Results
from sonoscope.report.site import build
from sonoscope.settings.report import Report

TODAY = {"steering": synthetic.SETTINGS}
PLACE = "sonoscope-musicgen/notes-C"


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img", "br", "wbr", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"script", "style"}:
            self.text += data


def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "results" / "demo"))


def pages(site: Path) -> list[Path]:
    return sorted(site.glob("*.html"))


def contents(site: Path) -> dict[str, bytes]:
    return {p.relative_to(site).as_posix(): p.read_bytes() for p in sorted(site.rglob("*")) if p.is_file()}


def test_there_is_an_opening_page_one_per_study_and_the_scorecard(site):
    assert [p.name for p in pages(site)] == ["index.html", "interpretability.html", "scorecard.html", "steering.html"]


def test_every_tag_is_closed(site):
    for path in pages(site):
        assert Page(path).open == [], path.name


def test_every_address_is_a_file_of_the_site(site):
    """No request leaves the site, and nothing that a page needs is missing."""
    for path in pages(site):
        identities = {a["id"] for _, a in Page(path).tags if "id" in a}
        for tag, attributes in Page(path).tags:
            for name in ("src", "href", "data-spec", "popovertarget"):
                address = attributes.get(name)
                if address is None or address == "data:,":
                    continue
                if name in ("data-spec", "popovertarget") or address.startswith("#"):
                    assert address.removeprefix("#") in identities, (path.name, tag, address)
                    continue
                parts = urlsplit(address)
                assert not parts.scheme and not parts.netloc, (path.name, address)
                target = (site / unquote(parts.path)).resolve()
                assert target.is_file() and target.is_relative_to(site.resolve()), (path.name, address)


def test_pages_name_neither_the_network_nor_a_folder_of_the_machine(site, run):
    for path in [
        *pages(site),
        *(site / "assets").glob("*.css"),
        site / "assets" / "report.js",
        site / "assets" / "theme.js",
    ]:
        text = path.read_text()
        assert not re.search(r"https?://|//cdn|url\(|@import", text), path.name
        assert str(run.parents[1]) not in text and str(Path.home()) + "/" not in text, path.name


def test_same_results_give_same_bytes_however_many_draw(site, run, tmp_path):
    again = tmp_path / "report"
    build(again, Results(run, TODAY), preset="demo", processes=2)
    one, two = contents(site), contents(again)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_the_answer_is_computed(site):
    text = " ".join(Page(site / "index.html").text.replace("\u00a0", " ").split())
    assert (
        "raises the share of clips that show it from 10 % [5, 22] unsteered to 71 % [57, 82] at coefficient 0.1" in text
    )
    assert "a random direction of the same size reaches 12 % [6, 25]" in text
    assert "changes by +0.21 nats per token, from 3.41 to 3.62" in text
    assert "Recovered The interval 57 % to 82 % lies above" in text


def test_an_effect_within_the_null_is_called_not_recovered(tmp_path):
    root = synthetic.make(tmp_path / "results/demo", effect=0.05, seconds=0.2, prompts={"a": "b"})
    build(tmp_path / "report", Results(root, TODAY))
    text = Page(tmp_path / "report/index.html").text
    assert "Not recovered" in text and "does not clearly change" in text


def test_head_says_run_commit_and_when(site):
    text = Page(site / "index.html").text
    assert "2026-01-02 03:04 UTC" in text and "8f3c1d2e5b" in text


def test_every_picture_has_words_and_every_player_waits(site):
    for path in pages(site):
        tags = Page(path).tags
        assert all(a.get("alt") for tag, a in tags if tag == "img"), path.name
        players = [a for tag, a in tags if tag == "audio"]
        assert all(a["preload"] == "none" and "controls" in a and a["aria-label"] for a in players)
    assert len([1 for tag, _ in Page(site / "steering.html").tags if tag == "audio"]) == 4 * 5


def test_sound_lies_beside_the_page_without_a_second_copy(site, run):
    linked = {p.stat().st_ino for p in (site / "audio").rglob("*.flac")}
    assert linked <= {p.stat().st_ino for p in run.rglob("*.flac")}


def test_each_figure_comes_with_its_data(site):
    names = {p.stem for p in (site / "figures").glob("*.png")}
    assert len(names) == 3
    for name in names:
        assert (site / "figures" / f"{name}.svg").is_file() and (site / "figures" / f"{name}-dark.svg").is_file()
        assert len(pd.read_csv(site / "data" / f"{name}.csv"))


def test_provenance_comes_from_the_sidecar(site):
    text = Page(site / "steering.html").text
    assert "analyse_steering" in text and "0123456789ab" in text and "sha256:ab" in text


def test_current_results_are_not_called_old(site):
    assert "Made with other settings" not in Page(site / "steering.html").text


def test_old_results_say_which_settings_have_changed(run, tmp_path):
    today = {"steering": synthetic.SETTINGS | {"prompts": 99}}
    build(tmp_path / "report", Results(run, today))
    text = Page(tmp_path / "report/steering.html").text
    assert "Made with other settings" in text
    assert re.search(r"steering\.prompts\s+was\s+4,\s+is now\s+99", text)
    assert "Made with other settings" in Page(tmp_path / "report/index.html").text


@pytest.mark.parametrize("rule", ["analyse_steering", "score_steered", "generate_steered"])
def test_what_is_missing_names_its_target(run, tmp_path, rule):
    root = copy(run, tmp_path)
    shutil.rmtree(root / "steering" / rule)
    build(tmp_path / "report", Results(root, TODAY))
    text = Page(tmp_path / "report/steering.html").text
    assert "Not there yet." in text and "snakemake steering" in text


def test_a_snapshot_says_which_page_cannot_be_drawn(run, tmp_path):
    root = copy(run, tmp_path)
    broken = next((root / "steering/analyse_steering").rglob("dose_response.parquet"))
    broken.write_text("no table")
    with pytest.raises(ContractError):
        build(tmp_path / "report", Results(root, TODAY))
    build(tmp_path / "now", Results(root, TODAY), snapshot=True)
    text = Page(tmp_path / "now/steering.html").text
    assert "cannot be drawn" in text and broken.name in text and "snakemake steering" in text


def test_an_empty_run_still_has_a_page(tmp_path):
    build(tmp_path / "report", Results(tmp_path / "results/demo"), snapshot=True)
    text = Page(tmp_path / "report/index.html").text
    assert "snakemake steering" in text and "What lies on disk now" in text
    assert "snakemake scorecard" in Page(tmp_path / "report/scorecard.html").text


def test_clips_without_scores_are_played(run, tmp_path):
    root = copy(run, tmp_path)
    shutil.rmtree(root / "steering/score_steered")
    build(tmp_path / "report", Results(root, TODAY))
    assert "audio" in [tag for tag, _ in Page(tmp_path / "report/steering.html").tags]


def test_a_lost_sound_file_leaves_a_note(run, tmp_path):
    root = copy(run, tmp_path)
    next((root / "steering/generate_steered").rglob("*none-0.flac")).unlink()
    build(tmp_path / "report", Results(root, TODAY))
    assert "The sound file is missing" in Page(tmp_path / "report/steering.html").text


def test_what_is_shown_is_escaped(tmp_path):
    attack = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    root = synthetic.make(tmp_path / "results/demo", seconds=0.2, prompts={attack: f"{attack}'\"&"})
    build(tmp_path / "report", Results(root, TODAY))
    path = tmp_path / "report/steering.html"
    assert "<script>alert" not in path.read_text() and html.escape("<script>alert") in path.read_text()
    page = Page(path)
    assert [a for tag, a in page.tags if "onerror" in a] == []
    assert attack in page.text


def test_words_cannot_break_out_of_a_chart(run, tmp_path):
    root = copy(run, tmp_path)
    path = root / "steering/analyse_steering" / PLACE / "dose_response.parquet"
    attack = "</script><b>bold"
    DOSE_RESPONSE.write(path, DOSE_RESPONSE.read(path).assign(target=attack, coefficient_unit=attack))
    build(tmp_path / "report", Results(root, TODAY))
    page = Page(tmp_path / "report/steering.html")
    assert "b" not in [tag for tag, _ in page.tags]
    assert page.open == []


@pytest.mark.parametrize("audio", ["../../secret.flac", "/etc/hostname", "audio/../../x.flac"])
def test_audio_cannot_leave_its_folder(run, tmp_path, audio):
    root = copy(run, tmp_path)
    for rule, name, contract in (("score_steered", "scores", SCORES), ("generate_steered", "clips", CLIPS)):
        path = root / "steering" / rule / PLACE / f"{name}.parquet"
        frame = contract.read(path)
        frame.loc[0, "audio"] = audio
        contract.write(path, frame)
    with pytest.raises(ContractError, match="outside the folder"):
        build(tmp_path / "report", Results(root, TODAY))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_damaged_sound_file_is_named(run, tmp_path, processes):
    root = copy(run, tmp_path)
    broken = next((root / "steering/generate_steered").rglob("*none-0.flac"))
    broken.unlink()
    broken.write_text("no sound")
    with pytest.raises(ContractError, match=re.escape(broken.name)):
        build(tmp_path / "report", Results(root, TODAY), processes=processes)


def test_only_an_older_report_is_replaced(run, tmp_path):
    site = tmp_path / "report"
    build(site, Results(run, TODAY))
    (site / "figures" / "left-over.svg").write_text("old")
    build(site, Results(run, TODAY))
    assert not (site / "figures" / "left-over.svg").exists()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("…")
    with pytest.raises(SonoscopeError, match="older report"):
        build(precious, Results(run, TODAY))
    assert (precious / "thesis.tex").exists()


def test_settings_bound_what_is_shown(run, tmp_path):
    build(tmp_path / "report", Results(run, TODAY, Report(clip_rows=1, clip_coefficients=1)))
    assert len([1 for tag, _ in Page(tmp_path / "report/steering.html").tags if tag == "audio"]) == 3


def test_skipped_items_are_listed(site):
    assert "silent in every octave" in Page(site / "scorecard.html").text


def test_several_targets_share_a_page(tmp_path):
    root = synthetic.make(tmp_path / "results/demo", seconds=0.2, prompts={"a": "b"})
    synthetic.make(root, target="G", effect=0.02, seconds=0.2, prompts={"a": "b"})
    build(tmp_path / "report", Results(root, TODAY))
    text = Page(tmp_path / "report/index.html").text
    assert "Of 2 targets that could be judged, steering recovers 1" in text and "Partly recovered" in text
