"""Coverage-guided search (atheris) for payloads that a decoder cannot deal with.

    .venv/bin/python tools/fuzz_decoders.py --seconds 300 [--corpus FILE] [--family NAME]

The search runs in a process of its own, since libFuzzer ends it at a finding. Exit code 1 and the bytes where there is one.
"""
# ruff: noqa: INP001, T201 - a program for a person at a terminal, not part of the package

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

HANG_S = 1
LONGEST_INPUT = 4096


def main() -> int:
    parser = argparse.ArgumentParser(description="Coverage-guided fuzzing of the decoders")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--corpus", type=Path, help="further payloads, JSON Lines as `caretaker decode` reads")
    parser.add_argument("--family", help="only this one")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options, libfuzzer = parser.parse_known_args()
    if options.inside:
        search(options.corpus, options.family, libfuzzer)
        return 0
    with tempfile.TemporaryDirectory() as name:
        return supervise(options, Path(name))


def supervise(options: argparse.Namespace, directory: Path) -> int:
    inputs = directory / "inputs"
    inputs.mkdir()
    from tests.ingest.mutations import seeds  # noqa: PLC0415 - the path is set above

    told = seeds(options.corpus)
    numbers = [n for n, seed in enumerate(told) if options.family in (None, seed.family)]
    for place, number in enumerate(numbers):
        (inputs / str(number)).write_bytes(place.to_bytes(2, "big") + told[number].payload)
    command = [sys.executable, __file__, "--inside", *(["--corpus", str(options.corpus)] if options.corpus else [])]
    command += ["--family", options.family] if options.family else []
    command += [f"-max_total_time={options.seconds}", f"-timeout={HANG_S}", f"-max_len={LONGEST_INPUT}"]
    command += [f"-artifact_prefix={directory}/", "-print_final_stats=1", str(inputs)]
    done = subprocess.run(  # noqa: S603 - ourselves
        command, capture_output=True, text=True, check=False, timeout=options.seconds + 120, cwd=Path(__file__).parents[1]
    )
    report = done.stderr + done.stdout
    print("\n".join(line for line in report.splitlines() if line.startswith("stat::") or "DONE" in line))
    found = [path for path in directory.iterdir() if path.is_file()]
    if done.returncode == 0 and not found:
        return 0
    print(report[-4000:])
    for path in found:
        print(f"{path.name}: {path.read_bytes().hex()}")
    return 1


def search(corpus: Path | None, family: str | None, libfuzzer: list[str]) -> None:
    import atheris  # noqa: PLC0415 - must be there before what it instruments

    with atheris.instrument_imports(include=["ingest"]):
        from tests.ingest.mutations import NOW_MS, Judge, seeds  # noqa: PLC0415

    from ingest.message import Message  # noqa: PLC0415

    told = seeds(corpus)
    judge = Judge(told)
    numbers = [n for n, seed in enumerate(told) if family in (None, seed.family)]

    def one(data: bytes) -> None:
        number = numbers[int.from_bytes(data[:2], "big") % len(numbers)]
        seed = told[number]
        topic = seed.topic if seed.topic and len(data) % 2 else f"fuzz/{number}/x"
        judge.check(Message(NOW_MS, topic, data[2:]))

    atheris.Setup([sys.argv[0], *libfuzzer], one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
