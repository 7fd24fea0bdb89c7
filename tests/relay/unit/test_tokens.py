"""Tokens: what each says, with which key it is checked, and why one is refused."""

import time
from math import inf
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from relay.access.access import MAX_AGE, Access, KeysMissing
from relay.access.grants import OPEN, Forbidden, Grant
from relay.access.keys import BadKey, key_set, public_keys, secret_key
from relay.access.revocations import Revocation
from relay.access.tokens import TokenRefused, UnknownKey, verify
from relay.names import RoomName, UserName
from relay.settings import Settings, SettingsError

SECRET = "a secret of at least thirty-two bytes"
NOW = 1_800_000_000.0
CLAIMS = {"sub": "alice", "room": "lobby", "exp": NOW + 60}

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PRIVATE = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def pem(key: Any) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return str(public.decode())


def sign(claims: dict[str, Any], key: Any, algorithm: str, **header: Any) -> str:
    return jwt.encode(claims, key, algorithm, headers=header or None)


def jwk(key: Any, algorithm: str, name: str | None, **more: Any) -> dict[str, Any]:
    text = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key())
    return {**orjson.loads(text), **({"kid": name} if name else {}), **more}


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("line_end", ["\n", "\\n"])
def test_public_key_checks_tokens_of_its_algorithm(algorithm: str, line_end: str) -> None:
    """The algorithm is the key's; line ends may be written out, as in .env."""
    keys = public_keys(pem(PRIVATE[algorithm]).replace("\n", line_end))
    assert [key.algorithm for key in keys] == [algorithm]
    assert verify(sign(CLAIMS, PRIVATE[algorithm], algorithm), keys, NOW).user == "alice"


def test_several_public_keys_are_tried_in_turn() -> None:
    """So that one can follow the other."""
    other = ec.generate_private_key(ec.SECP256R1())
    keys = public_keys(pem(EC) + pem(other))
    for key in (EC, other):
        assert verify(sign(CLAIMS, key, "ES256"), keys, NOW).user == "alice"
    with pytest.raises(TokenRefused, match="wrong signature"):
        verify(sign(CLAIMS, ec.generate_private_key(ec.SECP256R1()), "ES256"), keys, NOW)


def test_public_key_is_no_secret() -> None:
    """Whoever knows it must not be able to sign with it (the classic confusion of algorithms)."""
    text = pem(RSA)
    signed = jwt.api_jws.PyJWS().encode(
        orjson.dumps(CLAIMS), b"x" * 64, "HS256"
    )  # a library that would take the PEM itself is hard to find
    with pytest.raises(UnknownKey, match="signed with 'HS256', the relay's keys are for RS256"):
        verify(signed, public_keys(text), NOW)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a public key in PEM"),
        ("ssh-ed25519 AAAA", "expected a public key in PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "is no public key"),
        (pem(rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits is below"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "expected an RSA key of 2048 bits or more"),
        (
            EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
            "it is a private key; give the relay the public one and no other",
        ),
        (pem(EC) * 33, "33 keys exceed limit of 32"),
    ],
)
def test_bad_public_key_is_a_sentence(text: str, why: str) -> None:
    """Before the relay starts."""
    with pytest.raises(BadKey, match=why):
        public_keys(text)


@pytest.mark.parametrize("secret", ["short", pem(RSA), "ssh-ed25519 " + "A" * 40])
def test_bad_secret_is_a_sentence(secret: str) -> None:
    """It is not quoted."""
    with pytest.raises(BadKey) as error:
        secret_key(secret)
    assert secret not in str(error.value)


def test_key_set_takes_what_it_can_use() -> None:
    """Signing keys of three kinds, by their names; never a symmetric one."""
    entries = [
        jwk(RSA, "RS256", "a", alg="RS256", use="sig"),
        jwk(EC, "ES256", "b"),
        jwk(ED, "EdDSA", "c", alg="Ed25519"),
        jwk(RSA, "RS256", "d", alg="RS512"),
        jwk(RSA, "RS256", "e", use="enc"),
        {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "f", "alg": "HS256"},
        {"kty": "EC", "crv": "P-256", "x": "!", "y": "!", "kid": "g"},
        {"kid": 7},
        "nonsense",
    ]
    keys, left_out = key_set({"keys": entries})
    assert [(key.name, key.algorithm) for key in keys] == [
        ("a", "RS256"),
        ("b", "ES256"),
        ("c", "EdDSA"),
    ]
    assert left_out == 6
    assert verify(sign(CLAIMS, EC, "ES256", kid="b"), keys, NOW).key == keys[1].id
    assert verify(sign(CLAIMS, EC, "ES256"), keys, NOW).user == "alice"  # it may name none
    with pytest.raises(UnknownKey, match="names the key 'z', which the relay does not have"):
        verify(sign(CLAIMS, EC, "ES256", kid="z"), keys, NOW)
    with pytest.raises(UnknownKey, match="names the key 'a'"):
        verify(sign(CLAIMS, EC, "ES256", kid="a"), keys, NOW)  # whose algorithm is another
    bad: object
    for bad in (None, [], {"keys": {}}, {"keys": [{}] * 33}):
        with pytest.raises(BadKey):
            key_set(bad)


def grant(**claims: Any) -> Grant:
    return verify(sign({**CLAIMS, **claims}, SECRET, "HS256"), [secret_key(SECRET)], NOW)


def test_claims_become_a_grant() -> None:
    """What is left out has its default."""
    plain = grant()
    assert (plain.can_publish, plain.can_subscribe, plain.admin) == (True, True, False)
    assert (plain.token_id, plain.issued, plain.expires) == (None, 0.0, NOW + 60)
    full = grant(can_publish=False, can_subscribe=False, admin=True, jti="7", iat=NOW - 5)
    assert (full.can_publish, full.can_subscribe, full.admin) == (False, False, True)
    assert (full.token_id, full.issued) == ("7", NOW - 5)
    assert grant(admin=True, room=[]).rooms == ()


def test_grant_travels_as_plain_values() -> None:
    """By way of JSON: a session takes it along to another process."""
    before = grant(room=["den", "team-*"], jti="7", iat=NOW - 5, can_publish=False)
    values = orjson.loads(orjson.dumps(before))
    assert Grant.restored(values) == before


@pytest.mark.parametrize(
    ("claim", "room", "admits"),
    [
        ("lobby", "lobby", True),
        ("lobby", "lobby2", False),
        ("team-*", "team-a", True),
        ("team-*", "team-", True),
        ("team-*", "team", False),
        ("*", "anything", True),
        (["den", "team-*"], "team-x", True),
        (["den", "team-*"], "den", True),
        (["den", "team-*"], "lobby", False),
        ("a*b", "a*b", True),
        ("a*b", "axb", False),
        ("Ame\u0301*", "Amélie", True),
    ],
)
def test_room_of_a_token(claim: str | list[str], room: str, admits: bool) -> None:
    """A name, a prefix before a trailing *, or a list of both."""
    assert grant(room=claim).admits(room) is admits


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": NOW}, "token has expired"),
        ({"exp": "soon"}, "token's claim exp is no time in seconds since 1970"),
        ({"exp": True}, "token's claim exp is no time"),
        ({"nbf": NOW + 31}, "token is not valid yet: its claim nbf lies in the future"),
        ({"nbf": "now"}, "token's claim nbf is no time"),
        ({"iat": "now"}, "token's claim iat is no time"),
        ({"iat": inf}, "token's claim iat is no time"),  # JSON could not carry it to a successor
        ({"sub": 42}, "token's claim sub is not a name but a number"),
        ({"sub": None}, "token's claim sub is not a name but null"),
        ({"sub": "a/b"}, "token's user name contains '/'"),
        ({"room": [["x"]]}, "token's claim room is not a name but a list"),
        ({"room": "a/*"}, "token's room name contains '/'"),
        ({"jti": ""}, "token's claim jti is not a string of 1 to 256 characters"),
        ({"jti": "x" * 257}, "token's claim jti is not a string"),
        ({"admin": 1}, "token's claim admin is neither true nor false but a number"),
        ({"can_subscribe": None}, "token's claim can_subscribe is neither true nor false but null"),
    ],
)
def test_each_cause_of_a_refusal_has_its_sentence(claims: dict[str, Any], why: str) -> None:
    """None of them quotes the token."""
    with pytest.raises(TokenRefused) as error:
        grant(**claims)
    assert str(error.value).startswith(why)


def test_leeway_is_for_the_beginning_only() -> None:
    """Clocks differ by seconds; `exp` ends connections, and `iat` is not checked."""
    assert grant(nbf=NOW + 30).user == "alice"
    assert grant(iat=NOW + 3600).user == "alice"
    assert grant(exp=NOW + 0.5).user == "alice"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "token is no JSON Web Token"),
        ("a.b.c", "token is no JSON Web Token"),
        ("ÿ.a.b", "token is no JSON Web Token"),
        (jwt.encode(CLAIMS, "", "none"), "token is not signed"),
        (sign(CLAIMS, SECRET * 2, "HS512"), "token is signed with 'HS512', the relay's keys are"),
        (sign(CLAIMS, SECRET[::-1], "HS256"), "token has a wrong signature"),
        (sign(CLAIMS, SECRET, "HS256", crit=["b64"]), "token has a critical header"),
        (
            jwt.api_jws.PyJWS().encode(b"[1]", SECRET.encode(), "HS256"),
            "token's claims are not a JSON",
        ),
    ],
)
def test_what_is_no_token_is_refused(token: str, why: str) -> None:
    """Whatever it is, there is a sentence for it."""
    with pytest.raises(TokenRefused) as error:
        verify(token, [secret_key(SECRET)], NOW)
    assert str(error.value).startswith(why)


def access(monkeypatch: pytest.MonkeyPatch, **env: str) -> Access:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Access(Settings.load(), lambda: NOW)


def test_without_keys_everybody_may_everything_but_administer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tokens are off, and whatever is sent as one does not count."""
    open_to_all = access(monkeypatch)
    assert not open_to_all.asks_for_tokens
    grant = open_to_all.connect("nonsense", UserName("alice"), RoomName("den"))
    assert grant.user is None
    assert open_to_all.publish(None, RoomName("den")).can_publish
    with pytest.raises(Forbidden, match="this relay asks for none"):
        open_to_all.administer(None)


def test_secret_and_public_keys_count_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One can follow the other without locking anybody out."""
    both = access(monkeypatch, JWT_SECRET=SECRET, JWT_PUBLIC_KEY=pem(ED))
    tokens = sign(CLAIMS, SECRET, "HS256"), sign(CLAIMS, ED, "EdDSA")
    grants = [both.connect(token, UserName("alice"), RoomName("lobby")) for token in tokens]
    assert len({grant.key for grant in grants}) == 2
    assert all(both.still_admits(grant) for grant in grants)
    one = Access(Settings.load().model_copy(update={"jwt_secret": None}), lambda: NOW)
    assert [one.still_admits(grant) for grant in grants] == [False, True]
    one.revocations.add(Revocation(NOW + 60, user=UserName("alice"), before=NOW))
    assert not one.still_admits(grants[1])
    assert not one.still_admits(OPEN)  # who came before tokens were asked for
    none = Access(Settings.load().model_copy(update={"jwt_secret": None, "jwt_public_key": None}))
    assert all(none.still_admits(grant) for grant in (*grants, OPEN))


def test_publishing_and_administering_need_their_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the room."""
    guarded = access(monkeypatch, JWT_SECRET=SECRET)
    mute = sign({**CLAIMS, "can_publish": False}, SECRET, "HS256")
    with pytest.raises(Forbidden, match="token does not allow to publish"):
        guarded.publish(mute, RoomName("lobby"))
    with pytest.raises(Forbidden, match="token does not admit to room 'den'"):
        guarded.publish(sign(CLAIMS, SECRET, "HS256"), RoomName("den"))
    with pytest.raises(Forbidden, match="token does not have the claim admin"):
        guarded.administer(sign(CLAIMS, SECRET, "HS256"))
    assert guarded.administer(sign({**CLAIMS, "admin": True}, SECRET, "HS256")).admin
    assert guarded.look(None) is None


def test_key_set_counts_once_it_is_there_and_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nobody can tell, which is neither a yes nor a no."""
    monkeypatch.setenv("JWKS_URL", "https://login.example/keys")
    now = [NOW]
    guarded = Access(Settings.load(), lambda: now[0])
    token = sign({**CLAIMS, "exp": NOW + 10 * MAX_AGE}, ED, "EdDSA", kid="c")
    with pytest.raises(KeysMissing):
        guarded.grant(token)
    guarded.replace_key_set(key_set({"keys": [jwk(ED, "EdDSA", "c")]})[0])
    assert guarded.grant(token).user == "alice"
    now[0] += MAX_AGE
    with pytest.raises(KeysMissing):
        guarded.grant(token)
    guarded.replace_key_set(key_set({"keys": [jwk(EC, "ES256", "d")]})[0])
    with pytest.raises(UnknownKey):
        guarded.grant(token)


def test_wrong_keys_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them are named."""
    with pytest.raises(SettingsError) as error:
        access(monkeypatch, JWT_SECRET="short", JWT_PUBLIC_KEY="x")
    assert str(error.value).count("\n") == 1


def test_time_is_the_systems() -> None:
    """Unless a test says otherwise."""
    assert abs(Access(Settings.load()).now() - time.time()) < 60
