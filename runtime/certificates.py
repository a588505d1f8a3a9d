"""A small certificate authority for the broker's TLS door and for devices, by the openssl program of the system."""

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from devices.errors import BadInput, DependencyFailed
from runtime.settings import Settings

AUTHORITY_DAYS, CERTIFICATE_DAYS = 3650, 825
RENEW_BEFORE_S = 30 * 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,62}")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its private key; `ca_file` proves it."""

    cert_file: Path
    key_file: Path
    ca_file: Path


def directory(settings: Settings) -> Path:
    return (settings.data_dir / "broker" / "certificates").absolute()


def broker_pair(settings: Settings) -> Pair:
    """The broker's own, made where it is missing, soon expires or does not name what the settings name."""
    names = list(dict.fromkeys(["localhost", "127.0.0.1", socket.gethostname(), *settings.mqtt.tls_listener.names]))
    return _issued(directory(settings), "broker", usage="serverAuth", names=names)


def client_pair(settings: Settings, name: str) -> Pair:
    """A device's or gateway's, its common name `name`: with use_identity_as_username that is its user."""
    return _issued(directory(settings) / "clients", name, usage="clientAuth", names=[name])


def _issued(place: Path, name: str, *, usage: str, names: list[str]) -> Pair:
    for word in [name, *names]:
        if not _NAME.fullmatch(word):
            raise BadInput(f"{word!r} cannot stand in a certificate; use letters, digits, dot, dash, at most 63")
    authority = place if usage == "serverAuth" else place.parent
    _ensure_authority(authority)
    pair = Pair(cert_file=place / f"{name}.crt", key_file=place / f"{name}.key", ca_file=authority / "ca.crt")
    extensions = f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\nsubjectAltName={','.join(map(_alternative, names))}\n"
    told = place / f"{name}.extensions"
    if not _is_good(pair, told, extensions):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        told.write_text(extensions + "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nkeyUsage=digitalSignature\n")
        _sign(pair, name, told)
    return pair


def _ensure_authority(place: Path) -> None:
    certificate, key = place / "ca.crt", place / "ca.key"
    if certificate.exists() and key.exists():
        return
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    usage = ("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    subject = ("-subj", "/CN=Caretaker authority", "-days", str(AUTHORITY_DAYS))
    _openssl("req", "-x509", *_KEY, *subject, *usage, "-keyout", str(key), "-out", str(certificate))
    key.chmod(0o600)


def _is_good(pair: Pair, told: Path, extensions: str) -> bool:
    if not (pair.cert_file.exists() and pair.key_file.exists() and told.exists() and told.read_text().startswith(extensions)):
        return False
    lasts = subprocess.run(  # noqa: S603 - a fixed program on our own file
        [_program(), "x509", "-checkend", str(RENEW_BEFORE_S), "-noout", "-in", str(pair.cert_file)],
        capture_output=True,
        check=False,
    )
    return lasts.returncode == 0


def _sign(pair: Pair, name: str, extensions: Path) -> None:
    request = pair.cert_file.with_suffix(".request")
    _openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", "-keyout", str(pair.key_file), "-out", str(request))
    pair.key_file.chmod(0o600)
    by = ("-CA", str(pair.ca_file), "-CAkey", str(pair.ca_file.with_suffix(".key")), "-CAcreateserial")
    form = ("-days", str(CERTIFICATE_DAYS), "-extfile", str(extensions))
    _openssl("x509", "-req", "-in", str(request), *by, *form, "-out", str(pair.cert_file))
    request.unlink()


def _alternative(name: str) -> str:
    try:
        return f"IP:{ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _program() -> str:
    found = shutil.which("openssl")
    if found is None:
        raise BadInput("openssl is not installed; install it (apt-get install openssl), or name cert_file and key_file")
    return found


def _openssl(*arguments: str) -> None:
    done = subprocess.run([_program(), *arguments], capture_output=True, text=True, check=False, umask=0o077)  # noqa: S603 - a fixed program
    if done.returncode != 0:
        raise DependencyFailed(f"openssl {arguments[0]} failed: {done.stderr.strip()[-300:]}", transient=False)
