"""Datasets made, completed, replaced and refused; real git, git-annex and DataLad throughout."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from manifests import installed

from replicortex.core.errors import StudyError
from replicortex.data import annex, manifest, sources
from replicortex.data.declared import Dataset
from replicortex.data.install import install

CONTENTS = {"a.tar.gz": b"first" * 100, "part/b.npy": b"second", "licence": b"free"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(contents=CONTENTS, version="1", files=None, **source):
    """A declaration as the job gets it."""
    files = files or {
        path: {"sha256": sha256(content), "size": len(content)}
        for path, content in contents.items()
    }
    declared = {
        "title": "small things",
        "version": version,
        "source": {"kind": "urls", **source},
        "files": files,
        "licence": "MIT",
        "obtain": "Ask the author for it.",
    }
    return Dataset.model_validate(declared).model_dump(mode="json")


def fixture_entry(version="1", seed=3):
    declared = {
        "title": "synthetic",
        "version": version,
        "source": {
            "kind": "fixture",
            "generator": "replicortex.data.fixtures.cifar10_jpeg:build",
            "arguments": {"seed": seed, "train": 20, "test": 10},
        },
        "licence": "MIT",
    }
    return Dataset.model_validate(declared).model_dump(mode="json")


def write_files(folder: Path, contents) -> Path:
    for path, content in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def put(data: Path, declared, name="things", mirror=None, user_folder=None, file=None):
    """Install, and read back the manifest."""
    return manifest.load(installed(data, name, declared, mirror, user_folder, file))


def git(folder: Path, *arguments: str) -> str:
    return annex.run("git", *arguments, folder=folder)


@pytest.fixture
def mirror_folder(tmp_path) -> Path:
    """The same files under other names, in other folders."""
    renamed = {f"deep/{number}.bin": content for number, content in enumerate(CONTENTS.values())}
    return write_files(tmp_path / "mirror", renamed)


class Server:
    """Serves contents on 127.0.0.1, and counts requests."""

    def __init__(self, contents: dict[str, bytes]):
        self.contents = contents
        self.asked: list[str] = []
        self.failures = 0  # answers with an error that many times first
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, body: bool):
                server.asked.append(f"{self.command} {self.path}")
                if server.failures > 0 and self.command == "GET":
                    server.failures -= 1
                    return self.send_error(503)
                content = server.contents.get(self.path.lstrip("/"))
                if content is None:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def do_GET(self):
                self.answer(body=True)

            def do_HEAD(self):
                self.answer(body=False)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Server]:
    # git-annex refuses local addresses unless the user's settings allow them.
    settings = tmp_path / "gitconfig"
    settings.write_text('[annex "security"]\n\tallowed-ip-addresses = 127.0.0.1\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    serving = Server(dict(CONTENTS))
    yield serving
    serving.http.shutdown()
    serving.http.server_close()


def with_urls(server: Server, contents=CONTENTS):
    files = {
        path: {"sha256": sha256(content), "size": len(content), "url": f"{server.url}/{path}"}
        for path, content in contents.items()
    }
    return entry(files=files)


# --- made here ---------------------------------------------------------------------------------


def test_two_builds_give_the_same_commit_and_manifest(tmp_path, mirror_folder, monkeypatch):
    one = put(tmp_path / "one", entry(), mirror=mirror_folder)
    settings = tmp_path / "odd"  # what another user's machine may do
    settings.write_text(
        "[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n"
        "[user]\n\tname = Somebody\n\temail = s@else\n[init]\n\tdefaultBranch = odd\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    before = os.umask(0o077)
    try:
        two = put(tmp_path / "two", entry(), mirror=mirror_folder)
    finally:
        os.umask(before)
    monkeypatch.undo()
    texts = [(tmp_path / k / "manifests/things.json").read_bytes() for k in ("one", "two")]
    assert texts[0] == texts[1]
    assert one.commit == two.commit == git(tmp_path / "two/things", "rev-parse", "HEAD").strip()
    assert git(tmp_path / "one/things", "rev-list", "--count", "main").strip() == "1"
    assert str(tmp_path).encode() not in texts[0]


def test_commit_follows_from_content_version_and_name(tmp_path, mirror_folder):
    changed = write_files(tmp_path / "m2", {**CONTENTS, "licence": b"FREE"})
    commits = {
        put(tmp_path / "a", entry(), mirror=mirror_folder).commit,
        put(tmp_path / "b", entry(version="2"), mirror=mirror_folder).commit,
        put(tmp_path / "c", entry(), name="other", mirror=mirror_folder).commit,
        put(tmp_path / "d", entry({**CONTENTS, "licence": b"FREE"}), mirror=changed).commit,
    }
    assert len(commits) == 4


def test_manifest_describes_and_leads_to_the_files(tmp_path, mirror_folder):
    found = put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert (found.name, found.version, found.synthetic) == ("things", "1", False)
    assert list(found.files) == sorted(CONTENTS)
    for path, content in CONTENTS.items():
        assert found.path(path).read_bytes() == content
        assert (found.files[path].size, found.files[path].sha256) == (len(content), sha256(content))
    digest = sha256(CONTENTS["a.tar.gz"])
    assert found.files["a.tar.gz"].key == f"SHA256E-s500--{digest}.tar.gz"


@pytest.mark.parametrize(
    "name",
    [
        *("a.tar.gz", "LICENSE-4.0.txt", "b.tar.longext", "x.longext.gz", "c.x-y.gz", ".bids.json"),
        *("n.p.q.r", "noext", "a.b c", "ends.", "resumé.éa"),
    ],
)
def test_keys_are_those_of_git_annex(tmp_path, name):
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "annex", "init", "--quiet")
    (tmp_path / name).write_bytes(b"hi\n")
    calculated = git(tmp_path, "annex", "calckey", "--backend=SHA256E", name).strip()
    assert annex.key(f"folder.d/{name}", 3, sha256(b"hi\n")) == calculated


def test_mirror_is_copied_from_and_kept(tmp_path, mirror_folder):
    before = {path: path.read_bytes() for path in mirror_folder.rglob("*.bin")}
    put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert {path: path.read_bytes() for path in mirror_folder.rglob("*.bin")} == before
    assert len(before) == 3


def test_copy_that_went_wrong_is_not_annexed(tmp_path):
    folder = tmp_path / "dataset"
    keys = {"licence": annex.key("licence", 4, sha256(b"free"))}
    annex.create(folder, "an id", keys, "things 1")
    (tmp_path / "x").write_bytes(b"FREE")
    with pytest.raises(StudyError, match=f"x: wrong checksum: sha256 {sha256(b'FREE')} found"):
        annex.copy_in(folder, {"licence": (tmp_path / "x", sha256(b"free"))})
    assert not [path for path in (folder / ".git/annex/objects").rglob("*") if path.is_file()]


def test_datalad_takes_it_for_its_own(tmp_path, mirror_folder):
    import datalad.api

    put(tmp_path / "data", entry(), mirror=mirror_folder)
    folder = tmp_path / "data/things"
    with annex.environment():
        dataset = datalad.api.Dataset(str(folder))
        assert dataset.id == manifest.load(tmp_path / "data/manifests/things.json").id
        states = dataset.status(annex="availability", result_renderer="disabled")
        assert {state["state"] for state in states} == {"clean"}
        annexed = {Path(s["path"]).name: s["has_content"] for s in states if "key" in s}
        assert annexed == {"a.tar.gz": True, "b.npy": True, "licence": True}
        fsck = annex.run("git", "annex", "fsck", "--json", folder=folder)
        checked = [json.loads(line) for line in fsck.splitlines()]
        assert len(checked) == 3
        assert all(line["success"] for line in checked)


def test_again_with_everything_in_place_needs_nothing(tmp_path, mirror_folder):
    first = put(tmp_path / "data", entry(), mirror=mirror_folder)
    inodes = {path: first.path(path).stat().st_ino for path in first.files}
    again = put(tmp_path / "data", entry())  # neither mirror nor network
    assert again == first
    assert {path: again.path(path).stat().st_ino for path in again.files} == inodes


def test_damaged_and_deleted_files_are_got_again(tmp_path, mirror_folder):
    first = put(tmp_path / "data", entry(), mirror=mirror_folder)
    folder = tmp_path / "data/things"
    damaged = first.path("a.tar.gz").resolve()
    damaged.chmod(0o644)
    damaged.write_bytes(b"FIRST" * 100)  # the size is right
    (folder / "licence").unlink()
    assert put(tmp_path / "data", entry(), mirror=mirror_folder) == first
    for path, content in CONTENTS.items():
        assert first.path(path).read_bytes() == content


def test_file_put_in_the_place_of_an_annexed_one_is_not_overwritten(tmp_path, mirror_folder):
    put(tmp_path / "data", entry(), mirror=mirror_folder)
    place = tmp_path / "data/things/licence"
    place.unlink()
    place.write_bytes(b"mine")
    with pytest.raises(StudyError, match=rf"licence: wrong checksum: sha256 {sha256(b'mine')}"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert place.read_bytes() == b"mine"


def test_folder_that_is_no_dataset_is_not_replaced(tmp_path, mirror_folder):
    write_files(tmp_path / "data/things", {"my.txt": b"precious"})
    with pytest.raises(StudyError, match="is no dataset, and would be replaced"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert (tmp_path / "data/things/my.txt").read_bytes() == b"precious"


def test_another_version_replaces_the_dataset(tmp_path, mirror_folder):
    first = put(tmp_path / "data", entry(), mirror=mirror_folder)
    changed = {"a.tar.gz": CONTENTS["a.tar.gz"], "part/b.npy": b"SECOND"}  # of the same size
    mirror = write_files(tmp_path / "m2", {"x": b"SECOND"})  # the unchanged file is here already
    second = put(tmp_path / "data", entry(changed, version="2"), mirror=mirror)
    assert second.commit != first.commit
    assert second.id != first.id
    assert second.path("part/b.npy").read_bytes() == b"SECOND"
    assert second.path("a.tar.gz").read_bytes() == changed["a.tar.gz"]
    assert not (tmp_path / "data/things/licence").is_symlink()
    assert not list((tmp_path / "data").glob(".things.[!l]*"))


def test_manifests_of_other_versions_go(tmp_path, mirror_folder):
    """Else a way back to the first version would find its manifest, and the second's files."""
    data, manifests = tmp_path / "data", tmp_path / "data/manifests"
    put(data, entry(), mirror=mirror_folder, file="things@aaaa.json")
    put(data, entry(), name="things_fixture", mirror=mirror_folder, file="things_fixture@cc.json")
    (manifests / "things@aaaa.json.record.json").write_text("{}")
    put(data, entry(), file="things@aaab.json")  # the same commit, declared in other words
    assert (manifests / "things@aaaa.json").exists()
    put(data, entry(version="2"), mirror=mirror_folder, file="things@bbbb.json")
    assert sorted(path.name for path in manifests.iterdir()) == [
        "things@bbbb.json",
        "things_fixture@cc.json",
    ]


def test_failed_update_leaves_the_old_version(tmp_path, mirror_folder):
    first = put(tmp_path / "data", entry(), mirror=mirror_folder)
    with pytest.raises(StudyError, match="new could not be fetched"):
        put(tmp_path / "data", entry({"new": b"never seen"}, version="2"), mirror=mirror_folder)
    assert annex.commit(tmp_path / "data/things") == first.commit
    assert first.path("licence").read_bytes() == b"free"
    assert not list((tmp_path / "data").glob(".things.[!l]*"))


def test_killed_installation_leaves_nothing_half_done(tmp_path, mirror_folder):
    """What a kill leaves behind: a scratch folder, or a dataset set aside."""
    first = put(tmp_path / "data", entry(), mirror=mirror_folder)
    data = tmp_path / "data"
    write_files(data / ".things.scratch123", {"dataset/half": b"done"})
    (data / "things").rename(data / ".things.old")  # ended between the two renames
    assert put(data, entry()) == first
    assert not list(data.glob(".things.[!l]*"))


def test_kill_at_any_moment(tmp_path, mirror_folder):
    """Killed without warning at several moments, then installed to the end: as if never killed."""
    expected = put(tmp_path / "whole", entry(), mirror=mirror_folder)
    data = tmp_path / "data"
    code = (
        "import json, sys; from pathlib import Path; from replicortex.data.install import install;"
        "install(name='things', entry=json.loads(sys.argv[1]), data=Path(sys.argv[2]),"
        "mirror=Path(sys.argv[3]), user_folder=None)"
    )
    command = [sys.executable, "-c", code, json.dumps(entry()), str(data), str(mirror_folder)]
    for seconds in (0.4, 0.8, 1.2):
        job = subprocess.Popen(command)
        try:
            job.wait(seconds)
        except subprocess.TimeoutExpired:
            job.kill()
            job.wait()
        assert not (data / "things").exists() or annex.commit(data / "things") == expected.commit
    found = put(data, entry(), mirror=mirror_folder)
    assert found.commit == expected.commit
    assert found.path("licence").read_bytes() == b"free"


def test_a_file_that_goes_while_its_folder_is_deleted_is_no_error(tmp_path, monkeypatch):
    folder = tmp_path / "left"
    write_files(folder, {"index.lock": b"", "deep/file": b"x"})
    whole, calls = annex.shutil.rmtree, []

    def disturbed(path):
        calls.append(path)
        if len(calls) == 1:
            raise FileNotFoundError(2, "No such file or directory", "index.lock")
        whole(path)

    monkeypatch.setattr(annex.shutil, "rmtree", disturbed)
    annex.delete(folder)
    assert len(calls) == 2 and not folder.exists()


def test_many_at_once_do_not_disturb_each_other(tmp_path, mirror_folder):
    data = tmp_path / "data"
    (data / "manifests").mkdir(parents=True)
    names = ["things", "things", "things_fixture", "other"]  # one of them twice

    def one(name):
        return install(name=name, entry=entry(), data=data, mirror=mirror_folder, user_folder=None)[
            "manifest"
        ]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(one, names))
    assert made[0] == made[1]
    assert [m["name"] for m in made] == names
    for m in made:
        assert annex.commit(data / m["name"]) == m["commit"]
        assert (data / m["name"] / "part/b.npy").read_bytes() == b"second"


def test_one_waits_while_another_process_installs_the_same(tmp_path, mirror_folder):
    import fcntl

    data = tmp_path / "data"
    data.mkdir()
    with ThreadPoolExecutor(1) as pool:
        with (data / ".things.lock").open("w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            waits = pool.submit(put, data, entry(), mirror=mirror_folder)
            with pytest.raises(TimeoutError):
                waits.result(timeout=1)
            assert [path.name for path in data.iterdir()] == [".things.lock"]
        assert waits.result(timeout=60).path("licence").read_bytes() == b"free"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_locks_is_one_sentence(tmp_path, mirror_folder, monkeypatch, number):
    def refuse(descriptor, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    said = rf"^{tmp_path}/data/\.things\.lock: cannot be locked \({os.strerror(number)}\), .*`data`"
    with pytest.raises(StudyError, match=said):
        put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert not (tmp_path / "data/things").exists()


def test_a_folder_of_data_that_cannot_be_made_is_one_sentence(tmp_path, mirror_folder):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StudyError, match=r"/data: is a file, a folder was expected"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)


# --- by URL ------------------------------------------------------------------------------------


def test_files_are_fetched_from_their_urls_and_got_again_after_a_drop(tmp_path, server):
    import datalad.api

    found = put(tmp_path / "data", with_urls(server))
    assert all(found.path(p).read_bytes() == c for p, c in CONTENTS.items())
    folder = tmp_path / "data/things"
    with annex.environment():
        dataset = datalad.api.Dataset(str(folder))
        dataset.drop("a.tar.gz", result_renderer="disabled")  # asks whether the URL still has it
        assert not (folder / "a.tar.gz").is_file()
        dataset.get("a.tar.gz", result_renderer="disabled")
    assert found.path("a.tar.gz").read_bytes() == CONTENTS["a.tar.gz"]
    assert put(tmp_path / "other", with_urls(server)) == found.__class__(
        **{**vars(found), "folder": tmp_path / "other"}
    )


def test_mirror_comes_before_the_network_and_urls_are_registered_all_the_same(
    tmp_path, server, mirror_folder
):
    put(tmp_path / "data", with_urls(server), mirror=mirror_folder)
    assert server.asked == []
    told = annex.run(
        "git", "annex", "whereis", "a.tar.gz", "--json", folder=tmp_path / "data/things"
    )
    urls = [url for place in json.loads(told)["whereis"] for url in place["urls"]]
    assert urls == [f"{server.url}/a.tar.gz"]


def test_a_file_that_comes_with_python_is_taken_from_there(tmp_path, monkeypatch):
    library = write_files(tmp_path / "lib", {"pydoc_data/topics.py": b"topics = {}"})
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(library))
    declared = entry({"pydoc_data/topics.py": b"topics = {}"})
    found = put(tmp_path / "data", declared)
    assert found.path("pydoc_data/topics.py").read_bytes() == b"topics = {}"
    write_files(library, {"pydoc_data/topics.py": b"topics = []"})
    with pytest.raises(StudyError, match="could not be fetched"):
        put(tmp_path / "other", declared)


def test_only_what_is_missing_is_fetched(tmp_path, server):
    mirror = write_files(tmp_path / "m", {"x": CONTENTS["a.tar.gz"]})
    put(tmp_path / "data", with_urls(server), mirror=mirror)
    assert not [line for line in server.asked if "a.tar.gz" in line]
    assert [line for line in server.asked if line == "GET /part/b.npy"]


def test_a_failing_server_is_asked_again(tmp_path, server):
    server.failures = 1
    found = put(tmp_path / "data", with_urls(server, {"licence": b"free"}))
    assert found.path("licence").read_bytes() == b"free"
    assert server.asked.count("GET /licence") == 2


@pytest.mark.parametrize("home", ["/proc/nonexistent", "a file"])
def test_a_home_that_cannot_be_written_is_told(tmp_path, server, monkeypatch, home):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(StudyError, match=r"DataLad cannot keep its caches there .*XDG_CACHE_HOME"):
        put(tmp_path / "data", with_urls(server))
    assert not (tmp_path / "data/things").exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    put(tmp_path / "data", with_urls(server))


def test_wrong_content_from_a_url_is_refused(tmp_path, server):
    server.contents["licence"] = b"FREE"
    told = f"/licence: wrong checksum: sha256 {sha256(b'FREE')} found, {sha256(b'free')} expected"
    with pytest.raises(StudyError, match=rf"licence could not be fetched \(.*{told}\), and"):
        put(tmp_path / "data", with_urls(server))
    server.contents["licence"] = b"fre"
    with pytest.raises(StudyError, match="/licence serves 3 bytes, 4 expected"):
        put(tmp_path / "data", with_urls(server))
    assert not (tmp_path / "data/things").exists()


def test_dead_url_says_how_to_obtain_the_file(tmp_path, server):
    del server.contents["licence"]
    with pytest.raises(StudyError) as error:
        put(tmp_path / "data", with_urls(server))
    told = str(error.value)
    url = f"{server.url}/licence"
    assert told.startswith(f"dataset things: licence could not be fetched ({url}: HTTP Error 404")
    assert "no mirror is named; Ask the author for it, or name a folder" in told
    assert "\n" not in told


# --- what can be wrong with a mirror -----------------------------------------------------------


def test_truncated_archive_in_the_mirror_is_named(tmp_path):
    mirror = write_files(tmp_path / "m", {"x/a.tar.gz": CONTENTS["a.tar.gz"][:300]})
    with pytest.raises(StudyError, match=r"x/a\.tar\.gz has 300 bytes, 500 expected \(truncated"):
        put(tmp_path / "data", entry({"a.tar.gz": CONTENTS["a.tar.gz"]}), mirror=mirror)
    assert not (tmp_path / "data/things").exists()


def test_wrong_checksum_in_the_mirror_names_both(tmp_path):
    mirror = write_files(tmp_path / "m", {"licence": b"FREE"})
    expected = (
        f"licence: wrong checksum: sha256 {sha256(b'FREE')} found, {sha256(b'free')} expected"
    )
    with pytest.raises(StudyError, match=expected):
        put(tmp_path / "data", entry({"licence": b"free"}), mirror=mirror)


def test_mirror_that_does_not_exist(tmp_path):
    with pytest.raises(StudyError, match=r"mirror: the folder '.*nowhere' does not exist"):
        put(tmp_path / "data", entry(), mirror=tmp_path / "nowhere")


def test_file_in_no_mirror_and_without_url(tmp_path, mirror_folder):
    with pytest.raises(StudyError, match=r"the mirror .* does not hold it; Ask the author"):
        put(tmp_path / "data", entry({"other": b"absent"}), mirror=mirror_folder)


def test_git_annex_absent(tmp_path, mirror_folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match="git was not found, neither beside"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)


# --- fixtures ----------------------------------------------------------------------------------


def test_fixture_is_synthetic_and_always_the_same(tmp_path):
    one = put(tmp_path / "one", fixture_entry(), name="tiny")
    two = put(tmp_path / "two", fixture_entry(), name="tiny")
    assert one.synthetic
    assert one.commit == two.commit
    assert one.files == two.files
    assert put(tmp_path / "three", fixture_entry(seed=4), name="tiny").files != one.files
    assert sorted(one.files) == ["cifar10_jpeg_test.npz", "cifar10_jpeg_train.npz"]


# --- licensed data -----------------------------------------------------------------------------


def user_entry(files=None, version="1", **source):
    declared = entry(version=version)
    declared["files"] = files or {}
    declared["source"].update({"kind": "user", "url": "https://example.org", **source})
    return Dataset.model_validate(declared).model_dump(mode="json")


def test_user_data_stay_where_they_are(tmp_path):
    folder = write_files(tmp_path / "licensed", CONTENTS)
    before = sorted(folder.rglob("*"))
    found = put(tmp_path / "data", user_entry(), user_folder=folder)
    assert found.path("part/b.npy") == tmp_path / "data/things.user/part/b.npy"
    assert found.path("part/b.npy").read_bytes() == b"second"
    assert found.files["licence"].key == f"SHA256E-s4--{sha256(b'free')}"
    assert sorted(folder.rglob("*")) == before
    dataset = tmp_path / "data/things"
    assert (dataset / "licence").is_symlink()
    assert not (dataset / "licence").exists()  # the key is known, the content is not copied
    objects = dataset / ".git/annex/objects"
    assert not [p for p in objects.rglob("*") if p.is_file()]
    assert str(tmp_path) not in (tmp_path / "data/manifests/things.json").read_text()


def test_user_data_at_another_place_give_the_same_manifest(tmp_path):
    one = put(tmp_path / "a", user_entry(), user_folder=write_files(tmp_path / "p", CONTENTS))
    two = put(tmp_path / "a", user_entry(), user_folder=write_files(tmp_path / "q", CONTENTS))
    assert one == two
    assert (tmp_path / "a/things.user").resolve() == tmp_path / "q"


def test_large_user_data_are_hashed_once(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "licensed", CONTENTS)
    put(tmp_path / "data", user_entry(), user_folder=folder)
    hashed = []
    real = sources.file_sha256
    monkeypatch.setattr(sources, "file_sha256", lambda path: hashed.append(path) or real(path))
    put(tmp_path / "data", user_entry(), user_folder=folder)
    assert hashed == []
    (folder / "licence").write_bytes(b"none")
    found = put(tmp_path / "data", user_entry(), user_folder=folder)
    assert hashed == [folder / "licence"]
    assert found.files["licence"].sha256 == sha256(b"none")


@pytest.mark.parametrize("how", ["empty", "cut", "binary", "a list", "another digest"])
def test_damaged_hashes_of_user_data_are_made_anew(tmp_path, how):
    folder = write_files(tmp_path / "licensed", CONTENTS)
    before = put(tmp_path / "data", user_entry(), user_folder=folder)
    (cache,) = (tmp_path / "data").glob(".*.hashes.json")
    content = cache.read_bytes()
    digest = sha256(b"free").encode()
    assert digest in content
    damaged = {"empty": b"", "cut": content[:-9], "binary": bytes(range(256)), "a list": b"[]"}
    cache.write_bytes(damaged.get(how, content.replace(digest, b"0" * 64)))
    assert put(tmp_path / "data", user_entry(), user_folder=folder) == before
    assert cache.read_bytes() == content


def test_a_name_that_is_no_text_is_told_and_nothing_is_installed(tmp_path):
    folder = write_files(tmp_path / "licensed", CONTENTS)
    odd = os.fsdecode(b"caf\xe9.npy")
    (folder / odd).write_bytes(b"x")
    with pytest.raises(StudyError) as told:
        put(tmp_path / "data", user_entry(), user_folder=folder)
    assert str(told.value).startswith(f"{folder}: the name of the file b'caf\\xe9.npy' is no UTF-8")
    assert "rename it" in str(told.value)
    assert not (tmp_path / "data/things").exists()
    # What is not asked for does not matter, nor does the name of the folder itself.
    folder.rename(tmp_path / os.fsdecode(b"licens\xe9"))
    folder = tmp_path / os.fsdecode(b"licens\xe9")
    found = put(tmp_path / "data", user_entry(include=["licence"]), user_folder=folder)
    assert found.path("licence").read_bytes() == b"free"


def test_a_file_system_without_symbolic_links_is_told(tmp_path, mirror_folder, monkeypatch):
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "symlink", no_links)
    with pytest.raises(StudyError, match="data: its file system holds no symbolic links"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)
    assert not (tmp_path / "data").exists()


def test_a_file_in_the_place_of_the_data_folder_is_told(tmp_path, mirror_folder):
    (tmp_path / "data").write_text("")
    with pytest.raises(StudyError, match="data: is a file, a folder was expected; move it away"):
        put(tmp_path / "data", entry(), mirror=mirror_folder)


def test_only_included_user_files_count(tmp_path):
    folder = write_files(tmp_path / "licensed", {**CONTENTS, "part/deep/c.npy": b"third"})
    found = put(tmp_path / "data", user_entry(include=["part/*.npy"]), user_folder=folder)
    assert sorted(found.files) == ["part/b.npy", "part/deep/c.npy"]
    with pytest.raises(
        StudyError, match=r"holds no file '\*\.h5', which dataset things needs; Ask"
    ):
        put(tmp_path / "data", user_entry(include=["*.h5"]), user_folder=folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"absent": {}}, "has no 'absent', which dataset things needs"),
        ({"licence": {"size": 5}}, "licence: 4 bytes found, 5 expected"),
        ({"licence": {"sha256": sha256(b"FREE")}}, f"licence: wrong checksum: .*{sha256(b'free')}"),
    ],
)
def test_user_file_that_is_not_the_declared_one(tmp_path, files, message):
    folder = write_files(tmp_path / "licensed", CONTENTS)
    with pytest.raises(StudyError, match=message):
        put(tmp_path / "data", user_entry(files=files), user_folder=folder)
    assert not (tmp_path / "data/things").exists()


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_user_data_not_placed(tmp_path, folder):
    with pytest.raises(StudyError) as error:
        put(tmp_path / "data", user_entry(), user_folder=folder and tmp_path / folder)
    told = str(error.value)
    assert "user_data.things" in told
    assert "Ask the author for it" in told  # where to get it
    assert "terms: MIT" in told
    assert "user_data: {things: /your/folder}" in told  # where to put it


def test_link_to_user_data_goes_when_the_dataset_is_no_longer_licensed(tmp_path, mirror_folder):
    folder = write_files(tmp_path / "licensed", {"licence": b"free"})
    put(tmp_path / "data", user_entry(), user_folder=folder)
    found = put(tmp_path / "data", entry(version="2"), mirror=mirror_folder)
    assert found.path("a.tar.gz") == tmp_path / "data/things/a.tar.gz"


def test_long_list_lies_beside_the_manifest(tmp_path, monkeypatch):
    monkeypatch.setattr("replicortex.data.install.LONG", 300)
    folder = write_files(tmp_path / "licensed", CONTENTS)
    found = put(tmp_path / "data", user_entry(), user_folder=folder)
    manifests = tmp_path / "data/manifests"
    content = json.loads((manifests / "things.json").read_text())
    assert content["files"].startswith("things.files-")
    assert sorted(found.files) == sorted(CONTENTS)
    assert found.path("licence").read_bytes() == b"free"
    (folder / "more").write_bytes(b"more")
    assert "more" in put(tmp_path / "data", user_entry(), user_folder=folder).files
    assert len(list(manifests.glob("things.files-*"))) == 1  # the older list is gone


# --- existing git and DataLad datasets ---------------------------------------------------------


@pytest.fixture
def upstream(tmp_path) -> Path:
    """A DataLad dataset with one annexed file and one kept in git, and an older commit."""
    folder = tmp_path / "upstream"
    mirror = write_files(tmp_path / "um", {"x": b"annexed" * 9})
    install(
        name="upstream",
        entry=entry({"big.dat": b"annexed" * 9}),
        data=tmp_path,
        mirror=mirror,
        user_folder=None,
    )
    (folder / "events.tsv").write_bytes(b"onset\n1\n")
    annex.run("git", "-c", "annex.gitaddtoannex=false", "add", "events.tsv", folder=folder)
    annex.run("git", "commit", "--quiet", "-m", "events", folder=folder)
    return folder


def git_entry(upstream: Path, commit: str, contents):
    return entry(contents, kind="git", url=str(upstream), commit=commit)


def test_existing_dataset_is_cloned_at_its_commit(tmp_path, upstream):
    commit = annex.commit(upstream)
    (upstream / "events.tsv").write_bytes(b"changed later")
    annex.run("git", "commit", "--quiet", "-am", "later", folder=upstream)
    contents = {"big.dat": b"annexed" * 9, "events.tsv": b"onset\n1\n"}
    found = put(tmp_path / "data", git_entry(upstream, commit, contents))
    assert found.commit == commit
    assert annex.commit(tmp_path / "data/things") == commit
    assert found.id in (upstream / ".datalad/config").read_text()
    assert all(found.path(p).read_bytes() == c for p, c in contents.items())
    assert found.files["big.dat"].key.startswith("SHA256E-s63--")
    blob = git(upstream, "rev-parse", f"{commit}:events.tsv").strip()
    assert found.files["events.tsv"].key == f"GIT--{blob}"
    assert put(tmp_path / "data", git_entry(upstream, commit, contents)) == found


def test_another_commit_is_cloned(tmp_path, upstream):
    old = git(upstream, "rev-parse", "HEAD~1").strip()
    contents = {"big.dat": b"annexed" * 9}
    put(tmp_path / "data", git_entry(upstream, annex.commit(upstream), contents))
    found = put(tmp_path / "data", git_entry(upstream, old, contents))
    assert annex.commit(tmp_path / "data/things") == found.commit == old
    assert not (tmp_path / "data/things/events.tsv").exists()


def test_clone_with_another_file_than_declared(tmp_path, upstream):
    declared = git_entry(upstream, annex.commit(upstream), {"events.tsv": b"onset\n2\n"})
    found = sha256(b"onset\n1\n")
    with pytest.raises(StudyError, match=f"wrong checksum: sha256 {found} found"):
        put(tmp_path / "data", declared)


@pytest.mark.parametrize("what", ["url", "commit"])
def test_clone_that_cannot_be_had(tmp_path, upstream, what):
    url = tmp_path / "nowhere" if what == "url" else upstream
    commit = "0" * 40 if what == "commit" else annex.commit(upstream)
    with pytest.raises(StudyError, match=r"could not be cloned .*; Ask the author for it"):
        put(tmp_path / "data", git_entry(url, commit, {"events.tsv": b"onset\n1\n"}))
    assert not (tmp_path / "data/things").exists()


# --- packed ------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path):
    """A git repository of JPEGs in folders, as CIFAR-10's, and the digest of its content."""
    import numpy as np
    from PIL import Image

    from replicortex.data import pack

    folder = tmp_path / "pictures"
    rng = np.random.default_rng(0)
    for split, count in (("train", 11), ("test", 2)):
        for word in ("cat", "dog"):
            (folder / split / word).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
                image.save(folder / split / word / f"{number:04d}.jpg")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "pictures")
    packed = tmp_path / "packed"
    packed.mkdir()
    return folder, packed, pack.cifar10_jpeg(folder, packed)


def packed_entry(pictures, digest=None, **files):
    folder, packed, found = pictures
    contents = {path.name: path.read_bytes() for path in packed.iterdir()}
    return entry(
        {**contents, **files},
        kind="packed",
        url=str(folder),
        commit=annex.commit(folder),
        recipe="replicortex.data.pack:cifar10_jpeg",
        digest=digest or found,
    )


def test_packed_where_no_mirror_has_it(tmp_path, pictures):
    from replicortex.data import cifar

    found = put(tmp_path / "data", packed_entry(pictures))
    images, labels, classes = cifar.read(tmp_path / "data/manifests/things.json", "train")
    assert images.shape == (22, 32, 32, 3)
    assert classes == ["cat", "dog"]
    assert labels.tolist() == [0] * 11 + [1] * 11
    mirrored = put(tmp_path / "other", packed_entry(pictures), mirror=pictures[1])
    assert mirrored.commit == found.commit


def test_packed_by_another_compressor_is_kept_on_the_next_run(tmp_path, pictures, monkeypatch):
    """The declared bytes cannot be made here, but the decoded content is the declared one."""
    name = "cifar10_jpeg_test.npz"
    declared = packed_entry(pictures, **{name: b"the same pictures, compressed otherwise"})
    found = put(tmp_path / "data", declared)
    assert found.path(name).read_bytes() == (pictures[1] / name).read_bytes()
    annex.delete(pictures[0])  # the second time the source is not needed
    assert put(tmp_path / "data", declared) == found


def test_packed_content_with_another_digest_is_refused(tmp_path, pictures):
    with pytest.raises(StudyError, match=rf"digest {pictures[2]}, {'0' * 64} expected"):
        put(tmp_path / "data", packed_entry(pictures, digest="0" * 64))
    assert not (tmp_path / "data/things").exists()


def test_packing_without_a_source(tmp_path, pictures):
    declared = packed_entry(pictures)
    annex.delete(pictures[0])
    with pytest.raises(StudyError, match=r"cifar10_jpeg_\w+\.npz could not be fetched .*no mirror"):
        put(tmp_path / "data", declared)
