"""An issuer of ID tokens: real keys, a real JWKS server, and tokens as good or as bad as a test wants them."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from config.env import Issuer

PROJECT = "project"
NAME = f"https://securetoken.google.com/{PROJECT}"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class TokenIssuer:
    """`keys` are those that it publishes, by their id. `asked`: how often it was asked for them."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"first": rsa.generate_private_key(65537, 2048)}
        self.asked = 0
        self.port = 0
        self.is_away = False

    @property
    def setting(self) -> Issuer:
        return Issuer(NAME, PROJECT, f"http://127.0.0.1:{self.port}/jwks")

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(kid, key) for kid, key in self.keys.items()]}

    def token(self, *, kid: str = "first", key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """A good one, as Firebase's are, but for what is given; None leaves a claim out."""
        now = int(time.time())
        all_claims = {
            "iss": NAME, "aud": PROJECT, "sub": "subject-1", "auth_time": now - 5, "iat": now - 5, "exp": now + 3600,
            "email": "alice@acme.example", "email_verified": True,
        } | claims  # fmt: skip
        present = {name: value for name, value in all_claims.items() if value is not None}
        return jwt.encode(present, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})


def public_jwk(kid: str, key: Key) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        jwk, algorithm = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "RS256"
    else:
        jwk, algorithm = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "ES256"
    described: dict[str, Any] = jwk | {"kid": kid, "use": "sig", "alg": algorithm}
    return described


@contextmanager
def token_issuer() -> Iterator[TokenIssuer]:
    issuer = TokenIssuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            body = json.dumps(issuer.jwks()).encode()
            self.send_response(503 if issuer.is_away else 200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b"" if issuer.is_away else body)

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
