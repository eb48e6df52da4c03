"""huggingface_hub and datasets against the local hub; HF_ENDPOINT and HF_TOKEN alone say where. See hub.test.ts."""

import hashlib
import io
import json
import os
import sys
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError


def noise(name: str, size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return hashlib.shake_256(name.encode()).digest(size)


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder, the client's own bookkeeping left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith((".cache/", ".gitattributes")):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def refused(work) -> str:
    """Name of the error class that the client makes of a refusal."""
    try:
        work()
    except Exception as error:
        return type(error).__name__
    return "nothing"


def folder(work: Path) -> None:
    """Uploads a folder, reads it back in every way that the client has, changes and deletes it."""
    source = work / "source"
    files = {
        "README.md": b"---\nlicense: mit\n---\n# hello\n",
        "empty.txt": b"",
        "data/train.jsonl": b'{"a":1}\n' * 10,
        "data/deep/er/\u00e4 b.txt": b"spaces and umlauts",
        "basic.safetensors": noise("basic", 1_500_000),
        "parts.safetensors": noise("parts", 5_500_000),
    }
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    api = HfApi()
    me = api.whoami()
    repo = f"{me['name']}/folder"
    api.create_repo(repo, private=True)
    again = refused(lambda: api.create_repo(repo))
    api.create_repo(repo, exist_ok=True)
    commit = api.upload_folder(repo_id=repo, folder_path=source, commit_message="a folder")
    unchanged = api.upload_folder(repo_id=repo, folder_path=source, commit_message="the same folder")

    copy = Path(snapshot_download(repo, revision=commit.oid, local_dir=work / "copy"))
    cached = Path(snapshot_download(repo))
    one = Path(hf_hub_download(repo, "data/train.jsonl", revision=commit.oid))
    tree = {entry.path: entry for entry in api.list_repo_tree(repo, recursive=True, expand=True)}
    parts = tree["parts.safetensors"]
    fs = HfFileSystem()
    with fs.open(f"{repo}/parts.safetensors", "rb") as stream:
        stream.seek(1_000_000)
        piece = stream.read(65_546)

    api.create_branch(repo, branch="dev/x", revision=commit.oid)
    api.create_tag(repo, tag="v1", revision=commit.oid)
    refs = api.list_repo_refs(repo)
    api.upload_file(path_or_fileobj=io.BytesIO(b"new"), path_in_repo="new.txt", repo_id=repo)
    api.delete_file("README.md", repo)
    api.delete_folder("data", repo)
    after = sorted(api.list_repo_files(repo))
    before = sorted(api.list_repo_files(repo, revision="v1"))
    stale = refused(
        lambda: api.upload_file(
            path_or_fileobj=b"x", path_in_repo="x", repo_id=repo, parent_commit=commit.oid
        )
    )
    missing = {
        "file": refused(lambda: hf_hub_download(repo, "absent.txt")),
        "revision": refused(lambda: hf_hub_download(repo, "new.txt", revision="0" * 40)),
        "repo": refused(lambda: api.repo_info(f"{me['name']}/absent")),
        "bad token": refused(lambda: HfApi(token="hf_nobody").whoami()),
        "no token": refused(lambda: HfApi(token=False).repo_info(repo)),
        "other namespace": refused(lambda: api.create_repo("somebody/else")),
    }
    api.update_repo_settings(repo, private=False)
    public = HfApi(token=False).repo_info(repo)
    commits = [entry.title for entry in api.list_repo_commits(repo)]
    api.delete_repo(repo)
    report(
        version=huggingface_hub.__version__,
        name=me["name"],
        role=me["auth"]["accessToken"]["role"],
        same=digests(copy) == digests(cached) == digests(source) and len(digests(source)) == len(files),
        one=one.read_bytes() == files["data/train.jsonl"],
        lfs=parts.lfs.sha256 == hashlib.sha256(files["parts.safetensors"]).hexdigest(),
        piece=piece == files["parts.safetensors"][1_000_000:1_065_546],
        again=again,
        unchanged=unchanged.oid == commit.oid,
        branches=sorted(ref.name for ref in refs.branches),
        tags=[ref.name for ref in refs.tags],
        before=before,
        after=after,
        stale=stale,
        missing=missing,
        private=public.private,
        commits=commits,
        exists=api.repo_exists(repo),
    )


def tokens() -> None:
    """What the client makes of a token that the hub no longer takes."""
    try:
        # whoami would say "invalid" to every 401.
        HfApi().create_repo("bob/any")
    except HfHubHTTPError as error:
        report(status=error.response.status_code, text=str(error))


def rows(work: Path) -> None:
    """A dataset repo of parquet shards whose README says which files are which split."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = work / "rows"
    (source / "data").mkdir(parents=True)
    for split, shard, first, count in [("train", 0, 0, 60), ("train", 1, 60, 40), ("held", 0, 100, 10)]:
        table = pa.table(
            {
                "instruction": [f"question {n}" for n in range(first, first + count)],
                "messages": [[{"role": "user", "content": str(n)}] for n in range(first, first + count)],
            }
        )
        pq.write_table(table, source / "data" / f"{split}-{shard:05d}-of-00002.parquet")
    (source / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        "  - split: train\n    path: data/train-*\n  - split: test\n    path: data/held-*\n---\n"
    )
    api = HfApi()
    repo = f"{api.whoami()['name']}/rows"
    api.create_repo(repo, repo_type="dataset", private=True)
    commit = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=source)
    loaded = datasets.load_dataset(repo, revision=commit.oid)
    latest = datasets.load_dataset(repo, split="train")
    stream = datasets.load_dataset(repo, split="test", revision=commit.oid, streaming=True)
    report(
        version=datasets.__version__,
        sizes={split: len(part) for split, part in loaded.items()},
        first=loaded["train"][0],
        last=latest[-1]["instruction"],
        streamed=[row["instruction"] for row in stream][-1],
    )


def split(repo: str, revision: str) -> None:
    """A train split that a validator published: by commit, by branch and streamed; its rows' digest as the validator makes it."""
    import datasets

    loaded = datasets.load_dataset(repo, revision=revision)
    train = loaded["train"]
    stream = datasets.load_dataset(repo, split="train", revision=revision, streaming=True)
    digest = hashlib.sha256()
    for row in train:
        line = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest.update(f"{line}\n".encode())
    card = huggingface_hub.DatasetCard.load(repo)
    report(
        version=datasets.__version__,
        sizes={name: len(part) for name, part in loaded.items()},
        features=train.features.to_dict(),
        digest=digest.hexdigest(),
        latest=len(datasets.load_dataset(repo, split="train")),
        streamed=sum(1 for _ in stream),
        told=train.features == datasets.load_dataset_builder(repo, revision=revision).info.features,
        card={key: card.data.to_dict().get(key) for key in ["license", "size_categories", "tags"]},
    )


def report(**found) -> None:
    print(json.dumps(found))


if __name__ == "__main__":
    # Nothing but the variables may lead to the hub.
    assert os.environ["HF_ENDPOINT"].startswith("http://127.0.0.1:")
    home = Path(os.environ["HOME"])
    parts = {"folder": lambda: folder(home), "tokens": tokens, "rows": lambda: rows(home), "split": split}
    parts[sys.argv[1]](*sys.argv[2:])
