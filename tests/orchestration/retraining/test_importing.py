"""New images become a published data version, beside the one that they are added to."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.arrivals import Place, save

from rlr.config.retraining import RetrainingConfig
from rlr.data.versions import cached_folder, data_version, publish, pull, read_parent
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.retraining import importing
from rlr.orchestration.retraining.importing import contents_of, import_new, require_source
from rlr.orchestration.retraining.line import find_base
from rlr.orchestration.retraining.news import News, count_news


def test_what_arrives_is_added_to_the_base_and_published(place: Place, published: str) -> None:
    place.drop("bolt/good/a.png", "bolt/scratch/b.png", "bolt/unlabelled/c.png")
    # As in a pod: no checkout, no images, nothing but the hash.
    data = place.changed(root=str(place.root / "nothing"))
    made = import_new(data, place.source, published)
    assert (made.base, made.new, made.remark) == (published, 3, "")
    assert made.manifest.frame["split"].value_counts().to_dict() == {
        "train": 5,
        "test": 1,
        "unlabelled": 1,
    }
    pull(made.version, data.remote, place.root / "pulled")
    note = read_parent(place.root / "pulled")
    assert note
    assert (note["parent"], note["action"]) == (published, "import")
    assert data_version(cached_folder(data, made.version)) == made.version
    assert data_version(cached_folder(data, published)) == published
    assert sorted(path.name for path in Path(data.cache or "").iterdir()) == sorted(
        version.removesuffix(".dir") for version in (published, made.version)
    )

    again = import_new(data, place.source, made.version)
    assert (again.version, again.new, again.remark) == (made.version, 0, "")
    place.drop("bolt/good/d.png")
    more = import_new(data, place.source, made.version)
    assert (more.base, more.new) == (made.version, 1)
    assert data_version(Path(place.data.root)) == published  # nobody has touched it


def test_the_same_images_make_the_same_version_on_another_machine(
    place: Place, published: str
) -> None:
    place.drop("bolt/good/a.png")
    first = import_new(place.data, place.source, published)
    other = import_new(place.changed(cache=str(place.root / "other")), place.source, published)
    assert other.version == first.version


def test_without_images_the_first_ones_are_the_first_version(place: Place) -> None:
    place.drop("bolt/good/a.png", "bolt/good/b.png")
    made = import_new(place.data, place.source, None)
    assert (made.base, made.new) == (None, 2)
    note = read_parent(cached_folder(place.data, made.version))
    assert note
    assert note["parent"] is None


@pytest.mark.parametrize("broken", ["publish", "cached_folder"])
def test_a_version_that_was_not_published_is_published_by_the_next(
    place: Place, published: str, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    place.drop("bolt/good/a.png")

    def fail(*_: Any) -> None:
        raise MachineError("The data remote cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(importing, broken, fail)
        with pytest.raises(MachineError):
            import_new(place.data, place.source, published)
    place.drop("bolt/good/b.png")
    made = import_new(place.data, place.source, published)
    assert (made.base, made.new) == (published, 2)
    assert len(made.manifest.frame) == 6
    note = read_parent(cached_folder(place.data, made.version))
    assert note
    assert note["parent"] != published
    assert contents_of(place.data, note["parent"])


def test_what_another_base_has_left_is_cleared(place: Place, published: str) -> None:
    left = Path(place.data.cache or "") / f"import-{published.removesuffix('.dir')}"
    save(left / "bolt" / "train" / "good" / "stranger.png")
    place.drop("bolt/good/a.png")
    made = import_new(place.data, place.source, published)
    assert len(made.manifest.frame) == 5
    assert not left.exists()


def test_a_file_that_is_being_written_is_left_to_the_next_import(
    place: Place, published: str
) -> None:
    place.drop("bolt/good/a.png", "bolt/good/b.png")
    Path(place.source, "bolt/good/b.png").touch()
    assert import_new(place.data, place.source, published).new == 1


def test_bad_sources_are_told_in_one_sentence(place: Place, published: str) -> None:
    with pytest.raises(UserError, match=r"retraining\.source"):
        require_source(RetrainingConfig())
    with pytest.raises(UserError, match=r"incoming is missing; correct the name"):
        import_new(place.data, place.source, published)
    Path(place.source).mkdir()
    made = import_new(place.data, place.source, published)
    assert made.remark == f"{place.source} holds no image that could be taken"
    with pytest.raises(UserError, match="is empty; correct the prefix"):
        import_new(place.data, place.source, None)
    with pytest.raises(UserError, match="No data remote is configured"):
        import_new(place.changed(remote=None), place.source, published)
    with pytest.raises(UserError, match="lie in one another"):
        import_new(place.data, str(place.root), published)
    gone = "0" * 32 + ".dir"
    with pytest.raises(UserError, match=f"does not have the data version {gone}"):
        import_new(place.data, place.source, gone)


def registry(imported: str | None = None, trained: str | None = None, later: bool = True) -> Any:
    """Return what stands for a registry that knows these versions."""

    def known(version: str | None, seen: int) -> Any:
        return SimpleNamespace(data_version=version, seen=seen) if version else None

    return SimpleNamespace(
        last_imported=lambda: known(imported, 1),
        last_trained=lambda: known(trained, 2 if later else 0),
    )


def test_the_line_goes_on_from_its_newest_version(place: Place, published: str) -> None:
    place.drop("bolt/good/a.png")
    newer = import_new(place.data, place.source, published).version
    nowhere = place.changed(root=str(place.root / "nothing"))
    assert find_base(nowhere, "", registry()) is None
    assert find_base(nowhere, published, registry(newer)) == published  # it is asked for
    assert find_base(nowhere, "", registry(None, published)) == published
    assert find_base(nowhere, "", registry(newer, published)) == newer  # trained on older data
    assert find_base(nowhere, "", registry(published, newer)) == newer
    assert find_base(place.data, "", registry(newer)) == newer  # data.root holds its parent
    assert find_base(place.data, "", registry()) == published
    pinned = place.changed(root=nowhere.root, version=newer)
    assert find_base(pinned, "", registry(published)) == newer


def test_a_review_of_the_newest_version_is_gone_on_from(place: Place, published: str) -> None:
    from rlr.data.changes import edit
    from rlr.data.changes.label import plan_labels
    from rlr.data.judgement import Judgement

    place.drop("bolt/unlabelled/a.png")
    newer = import_new(place.data, place.source, published).version
    root = place.root / "reviewed"
    pull(newer, place.data.remote, root)
    (image,) = (root / "bolt" / "unlabelled").iterdir()
    said = [Judgement(f"bolt/unlabelled/{image.name}", "good", None, "here")]
    data = place.changed(root=str(root))
    judged = edit(data, lambda *facts: plan_labels(data, *facts, said)).version
    assert find_base(data, "", registry(newer)) == judged
    objects = contents_of(data, judged)  # it has been published, too
    before = contents_of(data, newer)
    manifest = import_new(data, place.source, judged).manifest
    found = count_news(manifest, objects, before)
    assert (found.judged, found.unjudged, found.known) == (1, 0, 4)


def test_another_set_of_images_is_left_alone(
    place: Place, published: str, caplog: pytest.LogCaptureFixture
) -> None:
    save(place.root / "other" / "felt" / "train" / "good" / "0.png")
    other = place.changed(root=str(place.root / "other"))
    with caplog.at_level("INFO", "rlr"):
        assert find_base(other, "", registry(published)) == published
    assert "which was not made from" in caplog.text


def test_news_are_counted_by_bytes(place: Place, published: str) -> None:
    root = Path(place.data.root)
    before = contents_of(place.data, published)
    good = root / "bolt" / "train" / "good"
    (good / "0.png").rename(good / "renamed.png")
    save(root / "bolt" / "test" / "scratch" / "new.png")
    save(root / "bolt" / "unlabelled" / "new.png")
    version = publish(root, place.data.remote)
    from rlr.data.index import index_images

    manifest = index_images(place.data, root, version)
    objects = contents_of(place.data, version)
    found = count_news(manifest, objects, before)
    assert found == News(1, 1, 4, ("bolt/test/scratch/new.png", "bolt/unlabelled/new.png"))
    assert count_news(manifest, objects, None).judged == 5
    assert count_news(manifest, objects, objects).is_empty
