"""What was measured and chosen: the fastest of those that keep quality, remembered whole, explained."""

from dataclasses import replace
from pathlib import Path

from app.chat_models.tuning_record import (
    AS_SHIPPED,
    Reading,
    Trial,
    TuningRecord,
    explain,
    fastest,
    machine,
    read_record,
    write_record,
)


def make_reading(name: str = AS_SHIPPED, *, speed: float = 100, divergence: float = 0, agreement: float = 1) -> Reading:
    return Reading(
        trial=Trial(format=name, threads=2),
        prompt_speed=speed,
        answer_speed=100,
        divergence=divergence,
        agreement=agreement,
    )


def make_record(*readings: Reading) -> TuningRecord:
    return TuningRecord(machine=machine(), source_sha256="0" * 64, readings=readings, choice=readings[-1].trial)


def test_the_fastest_is_chosen() -> None:
    assert fastest([make_reading(), make_reading("BF16", speed=300)]).trial.format == "BF16"


def test_a_fast_format_whose_answers_differ_is_not_chosen() -> None:
    shipped = make_reading()
    assert fastest([shipped, make_reading("Q4_0", speed=900, agreement=0.64)]) == shipped
    assert fastest([shipped, make_reading("Q4_0", speed=900, divergence=0.3)]) == shipped


def test_a_difference_like_noise_changes_nothing() -> None:
    shipped = make_reading()
    assert fastest([shipped, make_reading("F16", speed=102)]) == shipped


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = make_record(make_reading(), make_reading("BF16", speed=300, divergence=0.004, agreement=0.98))
    write_record(tmp_path, record, model_name="tiny")
    assert read_record(tmp_path, model_name="tiny") == record


def test_a_record_of_another_version_or_model_is_none(tmp_path: Path) -> None:
    write_record(tmp_path, make_record(make_reading()), model_name="tiny")
    assert read_record(tmp_path, model_name="other") is None
    (tmp_path / "tiny.tuning.json").write_text('{"machine": 3}')
    assert read_record(tmp_path, model_name="tiny") is None


def test_the_report_names_every_way_and_marks_the_chosen_one() -> None:
    lines = explain(make_record(make_reading(), make_reading("BF16", speed=300, divergence=0.004, agreement=0.98)))
    assert lines[1].startswith("→")
    assert "BF16" in lines[1]
    assert "98% same tokens" in lines[1]
    assert any(AS_SHIPPED in line and not line.startswith("→") for line in lines)


def test_what_was_measured_is_known_by_every_detail_of_the_way() -> None:
    reading = make_reading()
    record = make_record(reading)
    assert record.reading_of(reading.trial) == reading
    assert record.reading_of(replace(reading.trial, is_fused=True)) is None
