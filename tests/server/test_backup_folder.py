"""Two `make backup` of the same second: each has a folder of its own, or there is none."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "server" / "backup"


def test_a_backup_does_not_go_into_a_folder_of_its_name() -> None:
    assert 'mv -T "$folder.unfinished" "$folder"' in SCRIPT.read_text()


def test_a_backup_does_not_write_into_another_one_s_folder(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "backup").write_text(SCRIPT.read_text())
    (tmp_path / ".env").write_text("")
    now = datetime.now(UTC)
    for second in range(30):  # in which the script starts
        name = (now + timedelta(seconds=second)).strftime("%Y-%m-%dT%H-%M-%SZ.unfinished")
        (tmp_path / "backups" / name).mkdir(parents=True)
        (tmp_path / "backups" / name / "mlflow.dump").write_text("the other one's")
    done = subprocess.run(["sh", "server/backup"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "backup: another one is writing backups/" in done.stderr
    assert len([*tmp_path.glob("backups/*/mlflow.dump")]) == 30
