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


def two_numbers(der: bytes) -> bytes:
    """What JWS wants of an ECDSA signature: two numbers of 32 bytes, in the stead of DER's sequence of two."""
    numbers, rest = b"", der[2:]
    while rest:
        length = rest[1]
        numbers += rest[2 : 2 + length].lstrip(b"\0").rjust(32, b"\0")
        rest = rest[2 + length :]
    return numbers


def unsigned(claims: dict[str, Any]) -> str:
    """`alg: none`."""
    return encode({"alg": "none", "typ": "JWT"}, claims) + "."


def encode(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """What is signed."""
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
