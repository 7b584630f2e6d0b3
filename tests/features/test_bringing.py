"""Weights into the store: whole, checked, known by their hash; and out of it again."""

import hashlib
import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from safetensors.torch import load_file, save_file

from rlr.backbones import WeightsStore, open_weights_store
from rlr.config.features import BackboneConfig, FeaturesConfig, PreprocessingConfig
from rlr.features import build_backbone
from rlr.features.bringing import Making, fetch_weights, import_weights
from rlr.features.mismatch import tell_mismatch
from rlr.features.verify import verify_weights
from rlr.features.weights import resolve_weights, weights_digest
from rlr.foundation.errors import MachineError, UserError

FULL = "test_resnet.r160_in1k"  # what timm means by test_resnet
COMMIT = "c0ffee"
PLAIN = Making({})


def state_of(seed: int) -> dict[str, torch.Tensor]:
    import timm

    torch.manual_seed(seed)
    return dict(timm.create_model("test_resnet", pretrained=False).state_dict())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("brought") / "mine.safetensors"
    save_file({key: value.half() for key, value in state_of(5).items()}, path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "store")


def config_of(store: WeightsStore, weights: str, name: str = "test_resnet") -> BackboneConfig:
    return BackboneConfig(name=name, weights=weights, store=str(store.folder))


def test_a_file_is_kept_byte_for_byte(file: Path, store: WeightsStore) -> None:
    entry, written = import_weights(store, "test_resnet", file, PLAIN)
    assert written
    assert entry.weights.read_bytes() == file.read_bytes()
    assert entry.record.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry.record.source.place == "mine.safetensors"
    assert entry.record.mean == (0.5, 0.5, 0.5), "timm's of the architecture"
    assert entry.record.input_size == (160, 160)
    assert entry.record.licence is None, "timm's licence is of timm's weights"
    assert entry.record.parameters == sum(value.numel() for value in load_file(file).values())
    assert [path.name for path in store.folder.iterdir()] == ["test_resnet"], "nothing half-made"
    tagged, _ = import_weights(store, FULL, file, PLAIN)
    assert (tagged.record.licence, tagged.record.default_tag) == ("apache-2.0", True)


def test_a_checkpoint_becomes_safetensors(file: Path, store: WeightsStore, tmp_path: Path) -> None:
    state = load_file(file)
    checkpoint = tmp_path / "checkpoint.pth.tar"
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 1}, checkpoint)
    entry, _ = import_weights(store, "test_resnet", checkpoint, PLAIN)
    kept = load_file(entry.weights)
    assert kept.keys() == state.keys()
    assert all(torch.equal(kept[key], state[key]) for key in state)
    assert entry.record.source.sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert entry.record.source.sha256 != entry.record.sha256


def test_twice_the_same_is_no_error_and_other_weights_are(
    file: Path, store: WeightsStore, tmp_path: Path
) -> None:
    first, _ = import_weights(store, "test_resnet", file, PLAIN)
    before = (first.folder / "record.json").read_bytes()
    assert import_weights(store, "test_resnet", file, PLAIN)[1] is False
    assert (first.folder / "record.json").read_bytes() == before
    other = tmp_path / "other.safetensors"
    save_file(state_of(6), other)
    with pytest.raises(UserError, match=r"holds other weights .*--replace"):
        import_weights(store, "test_resnet", other, PLAIN)
    with pytest.raises(UserError, match=r"another normalisation.*--replace"):
        import_weights(store, "test_resnet", file, Making({}, mean=(0.4, 0.4, 0.4)))
    assert (first.folder / "record.json").read_bytes() == before
    assert import_weights(store, "test_resnet", other, PLAIN, replace=True)[1] is True
    assert first.weights.read_bytes() == other.read_bytes()


def test_what_is_not_what_it_should_be_is_refused(
    file: Path, store: WeightsStore, tmp_path: Path
) -> None:
    right = hashlib.sha256(file.read_bytes()).hexdigest()
    import_weights(store, "test_resnet", file, PLAIN, expected=right.upper())
    larger, broken = tmp_path / "larger.safetensors", tmp_path / "broken.safetensors"
    save_file({**state_of(5), "layer9.0.weight": torch.zeros(3)}, larger)
    broken.write_bytes(file.read_bytes()[:1000])
    for name, path, expected, sentence in (
        ("test_resnet", file, "0" * 64, r"has the sha256 .* not the expected 000"),
        ("resnet18", file, None, "weights of another model than resnet18: conv1"),
        ("test_resnet", larger, None, r"which has no layer9\.0\.weight"),
        ("test_resnet", broken, None, "cannot be read"),
        ("test_resnet", tmp_path, None, "is not a file"),
        ("test_resnet.mine", file, None, "no weights 'mine' of test_resnet; it knows .*r160"),
    ):
        with pytest.raises(UserError, match=sentence):
            import_weights(store, name, path, PLAIN, expected)
    assert store.names() == ["test_resnet"]


def test_verify_finds_every_kind_of_damage(file: Path, store: WeightsStore) -> None:
    entry, _ = import_weights(store, "test_resnet", file, PLAIN)
    assert [one.fault for one in verify_weights(store, "test_resnet")] == [None]

    def fault() -> str:
        (one,) = verify_weights(store, "test_resnet")
        return one.fault or ""

    content = file.read_bytes()
    entry.weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "sha256" in fault()
    with pytest.raises(UserError, match=r"are damaged .*rlr backbone"):
        resolve_weights(config_of(store, "store"))
    entry.weights.write_bytes(content[:-1])
    assert "bytes in place of" in fault()
    entry.weights.unlink()
    assert "is missing" in fault()
    (entry.folder / "record.json").write_text("{}")
    assert "cannot be read" in fault()
    with pytest.raises(UserError, match=r"are in .* or in the package"):
        list(verify_weights(store, "resnet18"))
    assert import_weights(store, "test_resnet", file, PLAIN, replace=True)[1], "that mends it"
    assert fault() == ""


def test_values_that_are_not_finite_are_damage(store: WeightsStore, tmp_path: Path) -> None:
    state = state_of(5)
    state["conv1.0.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    import_weights(store, "test_resnet", tmp_path / "nan.safetensors", PLAIN)
    (one,) = verify_weights(store, "test_resnet")
    assert one.fault == "conv1.0.weight holds values that are not finite"


def test_weights_from_the_store_are_those_of_the_file(file: Path, store: WeightsStore) -> None:
    entry, _ = import_weights(store, "test_resnet", file, PLAIN)
    stored, source = build_backbone(config_of(store, "store"), (1,), 0)
    plain, _ = build_backbone(config_of(store, str(file)), (1,), 0)
    assert (source.origin, source.sha256) == ("store", entry.record.sha256)
    assert weights_digest(stored.state_dict()) == weights_digest(plain.state_dict())
    other, _ = build_backbone(config_of(store, "random"), (1,), 0)
    assert weights_digest(other.state_dict()) != weights_digest(plain.state_dict())


def test_the_hub_s_weights_are_looked_for_in_the_store_first(
    file: Path, store: WeightsStore
) -> None:
    import_weights(store, "test_resnet", file, PLAIN)
    # An architecture without a tag means the hub's default there, not somebody's own weights.
    assert resolve_weights(config_of(store, "hub")).origin == "hub"
    entry, _ = import_weights(store, FULL, file, PLAIN)
    for name in ("test_resnet", FULL):
        source = resolve_weights(config_of(store, "hub", name))
        assert (source.origin, source.path) == ("store", entry.weights)
    assert resolve_weights(config_of(store, "store")).path != entry.weights, "the exact name wins"
    assert resolve_weights(config_of(store, "hub", "test_vit")).origin == "hub"


def test_missing_weights_name_the_ways(store: WeightsStore) -> None:
    ways = r"`packaged`.*`store`.*`rlr backbone fetch`.*`hub`.*local .*`random`"
    for weights in ("store", "packaged", "no.safetensors"):
        with pytest.raises(UserError, match=ways):
            resolve_weights(config_of(store, weights))


def test_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_weights_store(BackboneConfig()).folder == Path(".rlr/backbones")
    monkeypatch.setenv("RLR_BACKBONES", "/weights")
    assert open_weights_store(BackboneConfig()).folder == Path("/weights")
    assert open_weights_store(BackboneConfig(store="here")).folder == Path("here")


def test_another_normalisation_than_the_weights_is_told(
    file: Path, store: WeightsStore, caplog: pytest.LogCaptureFixture
) -> None:
    import_weights(store, "test_resnet", file, Making({"zero_init_last": False}))

    def told(weights: str, mean: tuple[float, float, float]) -> list[str]:
        caplog.clear()
        preprocessing = PreprocessingConfig(mean=mean, std=(0.5, 0.5, 0.5))
        backbone = config_of(store, weights)
        config = FeaturesConfig(backbone=backbone, preprocessing=preprocessing)
        tell_mismatch(config, resolve_weights(backbone))
        return [record.getMessage() for record in caplog.records]

    logging.getLogger("rlr").propagate = True
    with caplog.at_level(logging.WARNING):
        assert told(str(file), (0.5, 0.5, 0.5)) == []
        assert told("random", (0.1, 0.1, 0.1)) == []
        (line,) = told(str(file), (0.485, 0.456, 0.406))
        assert "mean is [0.485, 0.456, 0.406], but timm's test_resnet were made with" in line
        (line,) = told("store", (0.5, 0.5, 0.5))
        assert "zero_init_last: False; set it likewise" in line


@pytest.fixture
def hub(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve one repository as the hub does, to the hub's own client; yield what was asked for."""
    from huggingface_hub import constants

    asked: list[str] = []
    content = file.read_bytes()

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(b"")

        def do_GET(self) -> None:
            self._answer(content)

        def _answer(self, body: bytes) -> None:
            asked.append(f"{self.command} {self.path}")
            there = self.path in ("/", f"/timm/{FULL}/resolve/main/model.safetensors")
            there = there or self.path.endswith(f"/resolve/{COMMIT}/model.safetensors")
            self.send_response(200 if there else 404)
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content) if there else 0))
            if not there:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if there and self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    Thread(target=server.serve_forever, daemon=True).start()
    yield asked
    server.shutdown()
    server.server_close()


def test_fetching(hub: list[str], file: Path, store: WeightsStore) -> None:
    entry, written = fetch_weights(store, "test_resnet")
    assert written
    assert entry.record.name == FULL
    assert entry.weights.read_bytes() == file.read_bytes()
    assert entry.record.source.place == f"timm/{FULL}@{COMMIT}"
    assert entry.record.licence == "apache-2.0"
    record = json.loads((entry.folder / "record.json").read_text())
    assert record["tools"].keys() >= {"rlr", "timm", "torch"}
    asked = len(hub)
    assert fetch_weights(store, FULL)[1] is False
    assert len(hub) == asked, "what is there is not asked for again"
    assert resolve_weights(config_of(store, "hub")).origin == "store"


def test_fetching_fails_in_one_sentence(
    hub: list[str], store: WeightsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    with pytest.raises(MachineError, match="has none of model"):
        fetch_weights(store, "resnet18")
    with pytest.raises(UserError, match="The hub has no weights of test_vit4"):
        fetch_weights(store, "test_vit4")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(MachineError, match=r"127\.0\.0\.1:9.*refused.*rlr backbone import"):
        fetch_weights(store, "test_resnet")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(MachineError, match="HF_HUB_OFFLINE"):
        fetch_weights(store, "test_resnet")
    assert store.names() == []
