"""How are tokens signed, rightly and wrongly? RSA by openssl, so that the tests need no library that could be too careful."""

import base64
import hashlib
import hmac
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """An RSA key with an id."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.folder = tempfile.TemporaryDirectory(prefix="signing-")
        self.file = Path(self.folder.name) / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.file, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.file, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        self.modulus = bytes.fromhex(modulus.strip().partition("=")[2])
        self.public = subprocess.run(["openssl", "rsa", "-in", self.file, "-pubout"], check=True, capture_output=True).stdout

    def jwk(self, **more: Any) -> dict[str, Any]:
        """The public half as a JWK; null takes a member away."""
        jwk = {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": b64(self.modulus), "e": "AQAB", **more}
        return {name: value for name, value in jwk.items() if value is not None}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A signed token; null takes a header away."""
        head = {"alg": "RS256", "kid": self.kid, "typ": "JWT", **header}
        message = encode({name: value for name, value in head.items() if value is not None}, claims)
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=message.encode(), check=True, capture_output=True)
        return f"{message}.{b64(signed.stdout)}"

    def sign_as_secret(self, claims: dict[str, Any]) -> str:
        """HS256 with the public key as its secret: what everybody could do."""
        message = encode({"alg": "HS256", "kid": self.kid, "typ": "JWT"}, claims)
        return f"{message}.{b64(hmac.new(self.public, message.encode(), hashlib.sha256).digest())}"

    def sign_text(self, message: str) -> str:
        """A signature under a message that is taken as it stands."""
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=message.encode(), check=True, capture_output=True)
        return f"{message}.{b64(signed.stdout)}"


class BalancerKey:
    """A load balancer's: on P-256, named by an id of its own, its tokens padded as no other's are."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.folder = tempfile.TemporaryDirectory(prefix="signing-")
        self.file = Path(self.folder.name) / "key.pem"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.file], check=True, capture_output=True)
        self.public = subprocess.run(["openssl", "ec", "-in", self.file, "-pubout"], check=True, capture_output=True).stdout

    def sign(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A signed assertion; null takes a member away."""
        parts = ({"typ": "JWT", "kid": self.kid, "alg": "ES256", **header}, claims)
        whole = [json.dumps({name: value for name, value in part.items() if value is not None}).encode() for part in parts]
        message = ".".join(base64.urlsafe_b64encode(part).decode() for part in whole)
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=message.encode(), check=True, capture_output=True)
        return f"{message}.{base64.urlsafe_b64encode(two_numbers(signed.stdout)).decode()}"


def two_numbers(der: bytes, size: int = 32) -> bytes:
    """What JWS wants of an ECDSA signature: two numbers of so many bytes, in the stead of DER's sequence of two."""
    numbers, rest = b"", der[2:]
    while rest:
        length = rest[1]
        numbers += rest[2 : 2 + length].lstrip(b"\0").rjust(size, b"\0")
        rest = rest[2 + length :]
    return numbers


class OtherKey:
    """A key of another kind: ES256, ES384, EdDSA or PS256."""

    MAKE = {
        "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ES384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "EdDSA": ["-algorithm", "ed25519"], "PS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    }  # fmt: skip

    def __init__(self, alg: str, kid: str) -> None:
        self.alg, self.kid = alg, kid
        self.folder = tempfile.TemporaryDirectory(prefix="signing-")
        self.file = Path(self.folder.name) / "key.pem"
        subprocess.run(["openssl", "genpkey", *self.MAKE[alg], "-out", self.file], check=True, capture_output=True)
        self.size = {"ES256": 32, "ES384": 48, "EdDSA": 32, "PS256": 0}[alg]

    def jwk(self) -> dict[str, Any]:
        """The public half."""
        der = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        usual = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(der[-32:]), **usual}
        if self.alg == "PS256":
            modulus = subprocess.run(["openssl", "rsa", "-in", self.file, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
            return {"kty": "RSA", "n": b64(bytes.fromhex(modulus.strip().partition("=")[2])), "e": "AQAB", **usual}
        x, y = der[-2 * self.size : -self.size], der[-self.size :]
        return {"kty": "EC", "crv": "P-256" if self.alg == "ES256" else "P-384", "x": b64(x), "y": b64(y), **usual}

    def signature(self, message: bytes, *, der: bool = False) -> bytes:
        """A signature as JWS has it, or as DER has it."""
        if self.alg == "EdDSA":
            text = Path(self.folder.name) / "message"
            text.write_bytes(message)
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-in", text], check=True, capture_output=True).stdout
        pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if self.alg == "PS256" else []
        digest = "-sha384" if self.alg == "ES384" else "-sha256"
        signed = subprocess.run(["openssl", "dgst", digest, *pss, "-sign", self.file], input=message, check=True, capture_output=True).stdout
        return signed if der or self.alg == "PS256" else two_numbers(signed, self.size)

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A signed token."""
        message = encode({"alg": self.alg, "kid": self.kid, "typ": "JWT", **header}, claims)
        return f"{message}.{b64(self.signature(message.encode()))}"


def unsigned(claims: dict[str, Any]) -> str:
    """`alg: none`."""
    return encode({"alg": "none", "typ": "JWT"}, claims) + "."


def encode(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """What is signed."""
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
