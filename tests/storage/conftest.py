from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.storage.places import Place


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty store of either kind."""
    if request.param == "folder":
        return Place(tmp_path, None)
    bucket: Bucket = request.getfixturevalue("bucket")
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return Place(tmp_path, bucket.new())
