"""What `caretaker demo` tells a technician to type before other commands."""

import shlex
from pathlib import Path

from runtime import settings as configuration
from runtime.commands.demo import reach
from runtime.settings import Settings


def test_the_line_leads_other_commands_to_the_same_demo(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "our demo")
    command, *assignments = shlex.split(reach(settings))
    empty = tmp_path / "caretaker.toml"
    empty.touch()
    found = configuration.load(empty, dict(assignment.split("=", 1) for assignment in assignments))
    assert command == "export"
    assert (found.data_dir, found.http.port, found.mqtt.port) == (settings.data_dir, settings.http.port, settings.mqtt.port)
