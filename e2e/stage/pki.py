"""Who vouches for clients in the tests? A CA of openssl's making, with certificates of every kind and revocation lists."""

import hashlib
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[ca]
default_ca = here
[here]
dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}
certificate = {folder}/ca.pem
private_key = {folder}/ca-key.pem
default_md = sha256
default_days = 2
default_crl_days = 2
unique_subject = no
policy = any
[any]
commonName = optional
[malformed]
issuingDistributionPoint = critical,DER:30:02:83:00
"""
PAST, YESTERDAY, FUTURE, LATER = "20200101000000Z", "20200102000000Z", "20800101000000Z", "20810101000000Z"


@dataclass(frozen=True)
class Leaf:
    """A certificate and its key."""

    cert: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256, as Lictor writes it down."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.cert.read_text())).hexdigest()


class Authority:
    """A CA in a folder of its own."""

    def __init__(self, folder: Path, name: str = "test CA") -> None:
        folder.mkdir(parents=True)
        self.folder, self.ca, self.count = folder, folder / "ca.pem", 0
        (folder / "openssl.cnf").write_text(CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000")
        (folder / "crlnumber").write_text("01")
        extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"]
        self._openssl("req", "-x509", *NEW_KEY, "-days", "30", "-subj", f"/CN={name}", *[word for each in extensions for word in ("-addext", each)], "-keyout", folder / "ca-key.pem", "-out", self.ca)

    def issue(self, common_name: str, san: str = "", *, usage: str = "clientAuth", start: str | None = None, end: str | None = None) -> Leaf:
        """A certificate; `san` as openssl writes it ("DNS:a, URI:b")."""
        self.count += 1
        base = self.folder / f"leaf-{self.count}"
        leaf, request, extensions = Leaf(base.with_suffix(".pem"), base.with_suffix(".key")), base.with_suffix(".csr"), base.with_suffix(".ext")
        extensions.write_text(f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\nauthorityKeyIdentifier=keyid\n" + (f"subjectAltName={san}\n" if san else ""))
        self._openssl("req", *NEW_KEY, "-subj", f"/CN={common_name}", "-keyout", leaf.key, "-out", request)
        dates = [*(["-startdate", start] if start else []), *(["-enddate", end] if end else [])]
        self._openssl("ca", "-batch", "-notext", *self._config, "-extfile", extensions, *dates, "-in", request, "-out", leaf.cert)
        return leaf

    def revoke(self, leaf: Leaf) -> None:
        """Takes it back; the next list says so."""
        self._openssl("ca", *self._config, "-revoke", leaf.cert)

    def crl(self, *, stale: bool = False, malformed: bool = False) -> str:
        """A new revocation list, perhaps one whose successor is long due, or whose `onlySomeReasons` is an empty bit string."""
        out = self.folder / "crl.pem"
        self._openssl("ca", "-gencrl", *self._config, *(["-crl_lastupdate", PAST, "-crl_nextupdate", YESTERDAY] if stale else []), *(["-crlexts", "malformed"] if malformed else []), "-out", out)
        return out.read_text()

    @property
    def _config(self) -> list[str | Path]:
        return ["-config", self.folder / "openssl.cnf"]

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        result = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"openssl {' '.join(map(str, arguments))}\n{result.stderr}"


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def replace(path: Path, text: str) -> None:
    """Puts a file in another's place at once, as tools that renew certificates do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)
