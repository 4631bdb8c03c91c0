"""States of sections: kept within limits, reached by their key alone, gone with their page's revision."""

from pathlib import Path

import pytest

from app.chat_models.section_store import SectionKey, SectionStore, retain_files


def make_store(folder: Path, *, memory_bytes: int = 1000, disk_bytes: int = 10_000) -> SectionStore:
    return SectionStore(folder, memory_bytes=memory_bytes, disk_bytes=disk_bytes)


def make_key(digest: str = "d1", *, tenant: str = "acme", revision_id: str = "page") -> SectionKey:
    return SectionKey(tenant=tenant, revision_id=revision_id, digest=digest)


def test_a_state_comes_back_after_a_restart(tmp_path: Path) -> None:
    make_store(tmp_path).put(make_key(), b"state")
    assert make_store(tmp_path).get(make_key()) == b"state"


def test_another_tenant_never_gets_a_state(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.put(make_key(tenant="acme"), b"state")
    assert store.get(make_key(tenant="globex")) is None


@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.integration)])
def test_limits_hold_however_many_sections_there_are(tmp_path: Path, count: int) -> None:
    store = make_store(tmp_path, memory_bytes=5_000, disk_bytes=20_000)
    for number in range(count):
        store.put(make_key(f"d{number}"), bytes(500))
    sizes = store.sizes
    assert (sizes.memory_bytes, sizes.memory_count) == (5_000, 10)
    on_disk = [path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(on_disk) == sizes.disk_bytes <= 20_000


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    store = make_store(tmp_path, memory_bytes=10, disk_bytes=0)
    store.put(make_key("old"), b"12345")
    store.put(make_key("new"), b"12345")
    store.get(make_key("old"))
    store.put(make_key("newest"), b"12345")
    assert [store.get(make_key(name)) is not None for name in ("old", "new", "newest")] == [True, False, True]


def test_which_revisions_are_remembered_is_told_of_the_tenants_own_alone(tmp_path: Path) -> None:
    store = make_store(tmp_path, memory_bytes=5)
    store.put(make_key("a", revision_id="page@1"), b"11111")
    store.put(make_key("b", revision_id="page@2"), b"22222")
    store.put(make_key("c", tenant="globex", revision_id="page@3"), b"3")
    asked = ["page@1", "page@2", "page@3", "page@4"]
    assert store.remembered(tenant="acme", revision_ids=asked) == {"page@1", "page@2"}


def test_what_memory_let_go_is_found_on_disk(tmp_path: Path) -> None:
    store = make_store(tmp_path, memory_bytes=5)
    store.put(make_key("first"), b"11111")
    store.put(make_key("second"), b"22222")
    assert store.get(make_key("first")) == b"11111"


def test_a_state_goes_with_its_revision_and_no_other_does(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.put(make_key("a", revision_id="page@1"), b"state")
    store.put(make_key("b", revision_id="page@1"), b"state")
    store.put(make_key("c", revision_id="page@2"), b"state")
    assert store.retain(tenant="acme", revision_ids={"page@2"}) == 2
    assert store.get(make_key("a", revision_id="page@1")) is None
    assert store.get(make_key("c", revision_id="page@2")) == b"state"
    assert len(list(tmp_path.rglob("*.state"))) == 1


def test_a_revision_of_another_tenant_stays(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.put(make_key(tenant="globex"), b"state")
    assert store.retain(tenant="acme", revision_ids=set()) == 0
    assert store.get(make_key(tenant="globex")) == b"state"


def test_the_prefix_is_nobodys_and_stays(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    store.put(make_key(revision_id=""), b"state")
    assert store.retain(tenant="acme", revision_ids=set()) == 0


def test_files_go_without_a_model(tmp_path: Path) -> None:
    make_store(tmp_path / "sections").put(make_key(), b"state")
    assert retain_files(tmp_path, tenant="acme", revision_ids=set()) == 1
    assert make_store(tmp_path / "sections").get(make_key()) is None


@pytest.mark.parametrize("damage", [b"", b"short", bytes(64)])
def test_a_damaged_file_is_not_used(tmp_path: Path, damage: bytes) -> None:
    make_store(tmp_path).put(make_key(), b"state")
    (file,) = tmp_path.rglob("*.state")
    file.write_bytes(damage)
    store = make_store(tmp_path)
    assert store.get(make_key()) is None
    assert not file.exists()


def test_files_are_for_us_alone(tmp_path: Path) -> None:
    make_store(tmp_path).put(make_key(), b"state")
    (file,) = tmp_path.rglob("*.state")
    assert file.stat().st_mode & 0o077 == 0


def test_no_name_of_a_file_tells_tenant_or_page(tmp_path: Path) -> None:
    make_store(tmp_path).put(make_key(tenant="acme", revision_id="salaries"), b"state")
    names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert "acme" not in names
    assert "salaries" not in names


def test_a_disk_that_cannot_be_written_costs_nothing_but_speed(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = make_store(blocked)
    store.put(make_key(), b"state")
    assert store.get(make_key()) == b"state"
    assert store.sizes.disk_count == 0
