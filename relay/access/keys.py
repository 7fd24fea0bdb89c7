"""Keys that tokens are checked with; each fixes its algorithm, a token does not choose one.

A secret checks HS256. A public key checks RS256 (RSA of 2048 bits or more), ES256 (P-256) or EdDSA
(Ed25519), whichever it is made for. Sources: RFC 7518 §3, RFC 8037, RFC 7517 (key sets).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

MAX_KEYS: Final = 32  # of one setting or key set
_MIN_RSA: Final = 2048  # bits, RFC 7518 §3.3
_MIN_SECRET: Final = 32  # bytes, RFC 7518 §3.2: at least the size of the hash
_PEM: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_NAMES: Final = {  # of the algorithms in key sets; the last one by RFC 9864
    "RS256": ("RS256",),
    "ES256": ("ES256",),
    "EdDSA": ("EdDSA", "Ed25519"),
}
_KINDS: Final = "an RSA key of 2048 bits or more, a P-256 key or an Ed25519 key"

Material = bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class BadKey(ValueError):
    """What was given is no key for tokens; `str()` says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its algorithm, what tells it from others, and the name that its key set gives it."""

    algorithm: str  # HS256, RS256, ES256 or EdDSA
    material: Material
    id: str  # a digest of the key: the same for the same key, and it tells nothing about it
    name: str | None = None  # `kid` of a key set; None: tried whatever a token names

    def __repr__(self) -> str:
        return f"Key({self.algorithm}, {self.id}, {self.name!r})"


def secret_key(secret: str) -> Key:
    """Return the key of HS256 tokens, or raise `BadKey`."""
    data = secret.encode()
    if len(data) < _MIN_SECRET:
        raise BadKey(
            f"expected at least {_MIN_SECRET} bytes, for instance from: openssl rand -hex 32"
        )
    if "-----BEGIN" in secret or secret.startswith("ssh-"):
        raise BadKey("it is one half of a pair of keys; the public half belongs to JWT_PUBLIC_KEY")
    return Key("HS256", data, _digest(b"HS256 " + data))


def public_keys(text: str) -> tuple[Key, ...]:
    r"""Return the keys of a text in PEM, or raise `BadKey`; line ends may be written as `\n`."""
    blocks = list(_PEM.finditer(text.replace("\\n", "\n").replace("\\r", "")))
    if not blocks:
        raise BadKey("expected a public key in PEM: -----BEGIN PUBLIC KEY-----, line ends as \\n")
    if len(blocks) > MAX_KEYS:
        raise BadKey(f"{len(blocks)} keys exceed limit of {MAX_KEYS}")
    return tuple(_public_key(block[1], block[0].encode()) for block in blocks)


def key_set(data: object) -> tuple[tuple[Key, ...], int]:
    """Return the keys of a JSON Web Key Set, and how many it has that no token can use here.

    Raises `BadKey` for what is no key set, or is too large. Symmetric keys are never taken: whoever
    can read the set could sign with them.
    """
    entries = data.get("keys") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise BadKey("it is no JSON Web Key Set: it has no list of keys")
    if len(entries) > MAX_KEYS:
        raise BadKey(f"{len(entries)} keys exceed limit of {MAX_KEYS}")
    found = [key for entry in entries if (key := _key_of_set(entry)) is not None]
    return tuple(found), len(entries) - len(found)


def choose(keys: Sequence[Key], algorithm: str, name: str | None) -> list[Key]:
    """Return the keys that may have signed a token of this algorithm that names this key.

    A key that has a name checks only tokens that name it or name none.
    """
    return [
        key
        for key in keys
        if key.algorithm == algorithm and (key.name is None or name is None or key.name == name)
    ]


def _public_key(kind: str, block: bytes) -> Key:
    if "PRIVATE" in kind:
        raise BadKey("it is a private key; give the relay the public one and no other")
    try:
        material = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey(f"PEM block {kind!r} is no public key; expected {_KINDS}") from None
    return _key(material, None)


def _key_of_set(entry: object) -> Key | None:
    if not isinstance(entry, dict) or entry.get("kty") == "oct":
        return None
    name, algorithm = entry.get("kid"), entry.get("alg")
    if entry.get("use", "sig") != "sig" or not isinstance(name, str | None):
        return None
    try:
        # The algorithm that it names is left out: it would choose how the key is read.
        bare = {word: value for word, value in entry.items() if word != "alg"}
        key = _key(jwt.PyJWK(bare).key, name)
    except (BadKey, jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return key if algorithm is None or algorithm in _NAMES[key.algorithm] else None


def _key(material: object, name: str | None) -> Key:
    if isinstance(material, RSAPublicKey):
        if material.key_size < _MIN_RSA:
            raise BadKey(f"RSA key of {material.key_size} bits is below the least of {_MIN_RSA}")
        return Key("RS256", material, _digest(_der(material)), name)
    if isinstance(material, EllipticCurvePublicKey) and isinstance(material.curve, SECP256R1):
        return Key("ES256", material, _digest(_der(material)), name)
    if isinstance(material, Ed25519PublicKey):
        return Key("EdDSA", material, _digest(_der(material)), name)
    raise BadKey(f"expected {_KINDS}")


def _der(material: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey) -> bytes:
    return material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
