"""The pictures in the documentation are of the dashboards as they are, and nothing but drawings."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))
PICTURES = ROOT / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "title", "g", "rect", "path", "text", "tspan", "defs", "clipPath"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_picture_shows_every_panel_of_its_dashboard(path: Path) -> None:
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    picture = ElementTree.parse(PICTURES / f"{path.stem}.svg").getroot()
    words = {element.text for element in picture.iter(f"{SVG}text")}

    missing = {panel["title"] for panel in dashboard["panels"] if panel["type"] != "row"} - words
    assert missing == set(), "run `make pictures`"
    assert dashboard["title"] in words
    assert any("without a Grafana server" in word for word in words if word)


@pytest.mark.parametrize("path", sorted(PICTURES.glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_is_made_of_shapes_and_words_alone(path: Path) -> None:
    elements = {element.tag.removeprefix(SVG) for element in ElementTree.parse(path).iter()}

    assert elements <= DRAWN
    assert path.stat().st_size < 400_000


def test_every_picture_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")

    assert {path.stem for path in PICTURES.glob("*.svg")} == {path.stem for path in DASHBOARDS}
    assert all(f"](pictures/{path.stem}.svg)" in text for path in DASHBOARDS)
