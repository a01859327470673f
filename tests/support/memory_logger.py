"""A run logger that keeps everything in memory."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import JsonValue

from overthink.store.writer import Content


class MemoryLogger:
    handle, run_id = "attempt-1", None

    def __init__(self) -> None:
        self.metrics: dict[str, dict[int, float]] = {}
        self.markers: dict[int, str | None] = {}
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.data: list[str] = []
        self.files: dict[str, bytes] = {}
        self.texts: dict[str, Content] = {}
        self.links: list[tuple[str, str]] = []
        self.end: tuple[str, str] | None = None
        self.uploading = False
        self.folders: list[Path] = []

    def log(
        self,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
        unless_there: str | None = None,
    ) -> None:
        for key, value in (metrics or {}).items():
            self.metrics.setdefault(key, {})[step] = value
            self.markers[step] = unless_there
        self.params |= params or {}
        self.tags |= run_tags or {}

    def dataset(self, name: str, digest: str, source: Mapping[str, JsonValue]) -> None:
        self.data.append(digest)

    def artifacts(self, files: Iterable[Path], folder: str | None = None) -> None:
        self.files |= {f"{folder}/{file.name}": file.read_bytes() for file in files}

    def text(self, name: str, content: Content) -> None:
        self.texts[name] = content

    def link(self, of: str, tag: str, note: str) -> None:
        self.links.append((of, tag))

    def close(self, outcome: str, message: str = "") -> None:
        assert self.end is None
        self.end = outcome, message

    def keep_folder(self, folder: Path) -> None:
        self.folders.append(folder)

    def kept(self, artifact: str) -> Path | None:
        return None

    def is_uploading(self, artifact: str) -> bool:
        return self.uploading
