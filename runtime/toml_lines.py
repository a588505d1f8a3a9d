"""Where a key stands in a TOML text, so that an error can name the line."""


def line_of(location: list[str], text: str) -> str:
    """`:LINE` of the key, else of its section, in the TOML text; nothing where it came from the environment."""
    section: list[str] = []
    counted: dict[str, int] = {}
    best, depth = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            place = section = _section(stripped, counted)
        elif "=" in stripped and not stripped.startswith("#"):
            place = [*section, *stripped.split("=", 1)[0].strip().split(".")]
        else:
            continue
        if len(place) > depth and location[: len(place)] == place:
            best, depth = f":{number}", len(place)
    return best


def _section(header: str, counted: dict[str, int]) -> list[str]:
    """Of `[a.b]` or `[[a.b]]`, with the number of each table of an array in its place, as errors name them."""
    name = header.split("#", maxsplit=1)[0].strip().strip("[] ")
    if header.startswith("[["):
        counted[name] = counted.get(name, -1) + 1
    path: list[str] = []
    for part in name.split("."):
        path.append(part)
        number = counted.get(".".join(step for step in path if not step.isdecimal()))
        if number is not None:
            path.append(str(number))
    return path
