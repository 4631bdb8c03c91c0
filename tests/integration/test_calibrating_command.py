"""`footnote calibrate` as a person runs it: the gate brought to their questions, in one line why not, and undone."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.answer_sides import CONFIG, make_settings
from tests.fakes.command import Command

pytestmark = pytest.mark.integration
EDGE_CONFIG = CONFIG.replace('kind = "memory"', 'kind = "edge"').replace("answerable_above = 0.0", "")
BIRDS = """heron kestrel osprey plover curlew avocet bittern dunlin egret fulmar gannet godwit hobby knot lapwing merlin
petrel puffin quail raven shrike siskin""".split()
FISH = """anchovy bream carp dace eel flounder grayling halibut ide javelin kipper ling mackerel nase oarfish perch
roach salmon tench umber vendace wels""".split()
ANSWERABLE = [f"How many litres does the {bird} tank hold?" for bird in BIRDS]
UNANSWERABLE = [f"Who painted the {fish} fence in the garden?" for fish in FISH]
PAGES = {
    f"{bird}.md": f"# The {bird} tank\n\nThe {bird} tank holds {place + 3} litres. It is emptied on Fridays.\n"
    for place, bird in enumerate(BIRDS)
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_settings(tmp_path, pages=PAGES, config=EDGE_CONFIG)
    return tmp_path


@pytest.fixture
def footnote(home: Path) -> Command:
    """Pages that answer half of the questions."""
    command = Command(config=home / "footnote.toml")
    assert command("sync").code == 0
    return command


def write_gold(home: Path, answerable: Sequence[str], unanswerable: Sequence[str]) -> str:
    records = [{"question": question, "answers": ["litres"], "answerable": True} for question in answerable]
    records += [{"question": question, "answers": [], "answerable": False} for question in unanswerable]
    path = home / "gold.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def errors(row: str) -> tuple[float, float]:
    before, after = re.findall(r"([\d.]+)%", row)
    return float(before), float(after)


def test_it_shows_both_errors_before_and_after_writes_what_it_fitted_and_is_undone(
    footnote: Command, home: Path
) -> None:
    done = footnote("calibrate", write_gold(home, ANSWERABLE, UNANSWERABLE))
    assert done.code == 0, done.err
    head, refused, answered, written = done.out.splitlines()
    assert head == "errors\tbefore\tafter"
    assert refused.startswith("answerable, but refused\t")
    assert answered.startswith("unanswerable, but answered\t")
    (refused_before, refused_after), (answered_before, answered_after) = errors(refused), errors(answered)
    assert refused_after + answered_after < refused_before + answered_before
    path = home / "data" / "calibration.json"
    assert written.startswith(f"written to {path};")
    assert json.loads(path.read_text(encoding="utf-8"))["answerable"] == len(ANSWERABLE)
    assert footnote("calibrate", "--reset").out == "the calibration is removed\n"
    assert not path.exists()
    assert footnote("calibrate", "--reset").out == "nothing to do: there is no calibration\n"


@pytest.mark.parametrize(
    ("answerable", "unanswerable"), [(ANSWERABLE[:19], UNANSWERABLE), (ANSWERABLE, []), ([], UNANSWERABLE)]
)
def test_too_few_questions_of_a_kind_are_refused_in_one_line_and_nothing_is_written(
    home: Path, answerable: Sequence[str], unanswerable: Sequence[str]
) -> None:
    done = Command(config=home / "footnote.toml")("calibrate", write_gold(home, answerable, unanswerable))
    assert (done.code, done.out) == (2, "")
    assert "20 of each" in done.complaint
    assert not (home / "data" / "calibration.json").exists()
