"""S3 of Debian's packages: a Ceph of one monitor and one object store, and its gateway.

The object store (BlueStore) lives in a sparse file, so that no block device is needed and data
stay over down and up. Cluster-internal ports listen on loopback and know no authentication; S3
itself does.
"""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlr.foundation.errors import MachineError, UserError
from rlr.infrastructure.services import s3
from rlr.infrastructure.services.debian import program
from rlr.infrastructure.services.place import Place, Settings
from rlr.infrastructure.services.ports import free_port, is_taken
from rlr.infrastructure.services.processes import Daemon, Processes
from rlr.infrastructure.services.waiting import Patience

MONITOR, STORE, GATEWAY = "ceph-mon", "ceph-osd", "radosgw"
FACTS_FILE = "facts.json"  # cluster id and monitor's port; with the data, for they go together
USER = "rlr"
REVIVALS = 20  # how often the store is started again while the gateway comes up
TOOL_SECONDS = 60
REFUSED = "#;$\"'%\n"  # these mean something in ceph.conf
CONFIGURATION = """[global]
fsid = {fsid}
mon_host = [v1:127.0.0.1:{monitor_port}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv4 = true
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
keyring = {folder}/keyring
run_dir = {folder}
pid_file =
admin_socket =
log_file =
log_to_stderr = true
err_to_stderr = true
log_flush_on_exit = true
# Errors are logged at any level; options and statistics would fill megabytes.
debug_mon = 0
debug_paxos = 0
debug_osd = 0
debug_bluestore = 0
debug_bluefs = 0
debug_bdev = 0
debug_rocksdb = 0
# One disk, one copy, one placement group a pool.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000
# One monitor has nobody to wait for: a pool takes a tenth of a second, not two.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
# The monitor would leave below 5 % free of the whole disk, which is not ours alone.
mon_data_avail_warn = 2
mon_data_avail_crit = 1

[mon.a]
mon_data = {folder}/mon

[osd.0]
osd_data = {folder}/osd
osd_objectstore = bluestore
bluestore_block_create = true
bluestore_block_size = {block_bytes}
bluestore_cache_autotune = false
bluestore_cache_size = 134217728

[client.rgw]
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_thread_pool_size = 64
"""


class Ceph:
    """The object store of a folder.

    Args:
        place: The folder.
        processes: Its daemons.
    """

    name: str = "s3"
    daemons: tuple[str, ...] = (GATEWAY, STORE, MONITOR)  # in the order in which they end

    def __init__(self, place: Place, processes: Processes) -> None:
        self._place = place
        self._processes = processes

    def start(self, settings: Settings, patience: Patience) -> Settings:
        """Start the daemons; the first time, make the cluster and its user.

        A first start that fails is tried again in a new folder.

        Returns:
            The settings, with credentials.

        Raises:
            MachineError: It does not come up.
        """
        if settings.store:
            self._start_daemons(self._place.folder / settings.store, settings, patience)
            patience.wait_for("S3", lambda: s3.why_no_buckets(settings, self._ask_seconds))
            return settings
        require_plain(self._place.folder)
        for unfinished in self._place.folder.glob("s3-*"):
            shutil.rmtree(unfinished)  # a start that was killed left it
        for attempt in range(1, self._place.config.attempts + 1):
            folder = self._place.folder / f"s3-{uuid.uuid4().hex[:8]}"
            try:
                return self._bootstrap(folder, settings, patience)
            except MachineError as error:
                self._give_up(folder, attempt)
                if patience.given_up.is_set() or attempt == self._place.config.attempts:
                    raise MachineError(
                        f"The object store did not start, tried {attempt} times: {error}"
                    ) from error
            except BaseException:
                self._give_up(folder, attempt)
                raise
        raise AssertionError("unreachable")

    def why_unable(self, settings: Settings) -> str | None:
        """Return why S3 does not answer a signed request, or None where it does."""
        return s3.why_unable(settings, self._ask_seconds)

    @property
    def _ask_seconds(self) -> float:
        return self._place.config.ask_seconds

    def _bootstrap(self, folder: Path, settings: Settings, patience: Patience) -> Settings:
        self._lay_out(folder)
        self._configure(folder, settings)
        monitor, store = program("ceph-mon"), program("ceph-osd")
        facts = json.loads((folder / FACTS_FILE).read_text())
        fsid, store_id = facts["fsid"], str(uuid.uuid4())
        address = f"[v1:127.0.0.1:{facts['monitor_port']}]"
        monmap = str(folder / "monmap")
        words = ("--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run(folder, program("monmaptool"), *words)
        self._run(folder, monitor, "--mkfs", "-i", "a", "--monmap", monmap)
        self._start_one(folder, MONITOR)
        self._run(folder, program("ceph"), "--connect-timeout", "30", "osd", "new", store_id, "0")
        self._run(folder, store, "--mkfs", "-i", "0", "--osd-uuid", store_id)
        self._start_daemons(folder, settings, patience)
        keys = self._make_user(folder)
        # Written down last: a folder that is named in the settings is whole.
        candidate = self._place.keep(settings, **keys)
        patience.wait_for("S3", lambda: s3.why_no_buckets(candidate, self._ask_seconds))
        return self._place.keep(candidate, store=folder.name)

    def _require_monitor_port(self, folder: Path) -> None:
        port = json.loads((folder / FACTS_FILE).read_text())["monitor_port"]
        if self._processes.pid(MONITOR) is None and is_taken(port):
            raise MachineError(
                f"Port {port} of {MONITOR}, which its data know, is taken by another program; "
                "end it and run again."
            )

    def _lay_out(self, folder: Path) -> None:
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir(mode=0o700, parents=True)
        (folder / "keyring").touch(mode=0o600)
        facts = {"fsid": str(uuid.uuid4()), "monitor_port": free_port()}
        (folder / FACTS_FILE).write_text(json.dumps(facts))

    def _configure(self, folder: Path, settings: Settings) -> None:
        """Write the configuration anew: the folder may have been moved."""
        facts = json.loads((folder / FACTS_FILE).read_text())
        text = CONFIGURATION.format(
            folder=folder,
            port=settings.s3_port,
            block_bytes=self._place.config.s3_gigabytes * 2**30,
            **facts,
        )
        _configuration(folder).write_text(text)

    def _start_daemons(self, folder: Path, settings: Settings, patience: Patience) -> None:
        """Start what does not live, and wait until the gateway takes connections.

        Now and then the monitor refuses the store's first boot, and the store leaves: it is
        started again until it stays.
        """
        from rlr.foundation.network import why_silent

        self._configure(folder, settings)
        self._require_monitor_port(folder)
        revivals = 0

        def why_not_yet() -> str | None:
            nonlocal revivals
            for name in (MONITOR, STORE, GATEWAY):
                if self._processes.pid(name) is None:
                    revivals += 1
                    if revivals > REVIVALS:
                        words = self._processes.last_words(name)
                        raise MachineError(f"{name} does not stay up: {words}")
                    self._start_one(folder, name)
            return why_silent(settings.endpoint, self._ask_seconds)

        patience.wait_for("S3", why_not_yet)

    def _start_one(self, folder: Path, name: str) -> None:
        identity = {MONITOR: ("-i", "a"), STORE: ("-i", "0"), GATEWAY: ("-n", "client.rgw")}[name]
        configuration = str(_configuration(folder))
        command = [program(name), "-f", *identity, "-c", configuration]
        self._processes.start(Daemon(name, command))

    def _make_user(self, folder: Path) -> dict[str, str]:
        """Let the gateway make a user; its random keys have stood on no command line."""
        words = ("user", "create", "--uid", USER, "--display-name", USER)
        key = json.loads(self._run(folder, program("radosgw-admin"), *words))["keys"][0]
        return {"access_key": key["access_key"], "secret_key": key["secret_key"]}

    def _run(self, folder: Path, *command: str) -> str:
        """Run one of Ceph's tools; what it says goes to the log.

        Raises:
            MachineError: It failed, or took longer than a minute.
        """
        log = self._processes.log("ceph-bootstrap")
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = Path(command[0]).name
        with log.open("ab") as errors, _explained(name, log):
            done = subprocess.run(
                [*command, "-c", str(_configuration(folder))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=True,
                timeout=TOOL_SECONDS,
            )
        return done.stdout

    def _give_up(self, folder: Path, attempt: int) -> None:
        """End what a failed attempt left; its logs stay under a name of their own."""
        self._processes.stop(self.daemons, self._place.config.stop_seconds)
        for name in (*self.daemons, "ceph-bootstrap"):
            log = self._processes.log(name)
            if log.exists():
                log.replace(log.with_suffix(f".{attempt}.log"))
        shutil.rmtree(folder, ignore_errors=True)


def require_plain(folder: Path) -> None:
    """Refuse a folder that Ceph's configuration cannot name.

    Raises:
        UserError: A character of its path means something there.
    """
    odd = sorted(set(str(folder)) & set(REFUSED))
    if odd:
        raise UserError(
            f"{folder} has {' '.join(odd)} in its name, which Ceph's configuration cannot hold; "
            "choose another --folder."
        )


def _configuration(folder: Path) -> Path:
    return folder / "ceph.conf"


@contextmanager
def _explained(tool: str, log: Path) -> Iterator[None]:
    try:
        yield
    except subprocess.SubprocessError as error:
        reason = (
            f"did not end in {TOOL_SECONDS} seconds"
            if isinstance(error, subprocess.TimeoutExpired)
            else "failed"
        )
        raise MachineError(f"{tool} {reason}; see {log}.") from error
