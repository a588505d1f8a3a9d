"""Pictures that people take: told by content, turned upright, made smaller, stripped of where and by what they were taken."""

import hashlib
import io
import os
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from devices.errors import BadInput, DependencyFailed, NotFound

PHOTO_BYTES_MAX = 8 << 20
_PIXELS_MAX = 50_000_000
_SIDE_MAX = 2048
_FORMATS = ("JPEG", "PNG", "WEBP")


def cleaned(data: bytes) -> bytes:
    """A JPEG of at most 2048 pixels a side, without EXIF. Raises BadInput for anything but a sound JPEG, PNG or WebP."""
    if len(data) > PHOTO_BYTES_MAX:
        raise BadInput(f"the picture has more than {PHOTO_BYTES_MAX >> 20} MB; take it with a lower resolution", place="photo")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                _check_size(opened)
                upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadInput("this is no sound JPEG, PNG or WebP picture; take it anew with the phone's camera", place="photo") from None
    upright.thumbnail((_SIDE_MAX, _SIDE_MAX))
    out = io.BytesIO()
    upright.save(out, "JPEG", quality=85)
    return out.getvalue()


def keep(directory: Path, jpeg: bytes) -> str:
    """Its name (SHA-256); durable on return. The same picture twice is kept once."""
    name = hashlib.sha256(jpeg).hexdigest()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = directory / f"{name}.{os.getpid()}.partial"
        with partial.open("wb") as file:
            file.write(jpeg)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(directory / f"{name}.jpg")
    except OSError as error:
        raise DependencyFailed(f"the picture cannot be kept in {directory}: {error.strerror}", transient=True) from None
    return name


def path_of(directory: Path, name: str) -> Path:
    """Raises NotFound where there is no such picture, or `name` is none of ours."""
    path = directory / f"{name}.jpg"
    if len(name) != 64 or not set(name) <= set("0123456789abcdef") or not path.is_file():
        raise NotFound("there is no such picture")
    return path


def _check_size(opened: Image.Image) -> None:
    if opened.width * opened.height > _PIXELS_MAX:
        raise ValueError("too many pixels")
