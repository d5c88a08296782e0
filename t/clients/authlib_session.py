"""Asks a login service for tokens as Authlib does, and prints what it got.

    authlib_session.py URL

Standard input is a JSON object: client_id, client_secret, refresh_token.
Addresses come from the service's metadata alone (RFC 8414).
"""

import json
import sys

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, \
    get_well_known_url


def machine(known, method, meta):
    session = OAuth2Session(known["client_id"], known["client_secret"],
                            token_endpoint_auth_method=method,
                            scope="orders:read")
    token = session.fetch_token(meta["token_endpoint"],
                                grant_type="client_credentials")
    seen = session.introspect_token(meta["introspection_endpoint"],
                                    token["access_token"]).json()
    revoked = session.revoke_token(meta["revocation_endpoint"],
                                   token["access_token"],
                                   token_type_hint="access_token").status_code
    gone = session.introspect_token(meta["introspection_endpoint"],
                                    token["access_token"]).json()
    return {"token": token, "seen": seen, "revoked": revoked, "gone": gone}


def person(known, meta):
    session = OAuth2Session("portero", token_endpoint_auth_method="none")
    token = session.refresh_token(meta["token_endpoint"],
                                  known["refresh_token"])
    revoked = session.revoke_token(meta["revocation_endpoint"],
                                   token["refresh_token"],
                                   token_type_hint="refresh_token").status_code
    return {"token": token, "revoked": revoked,
            "after": refused(lambda: session.refresh_token(
                meta["token_endpoint"], token["refresh_token"]))}


def refused(call):
    try:
        return call()
    except OAuthError as error:
        return error.error


def main():
    url = sys.argv[1]
    known = json.load(sys.stdin)
    meta = requests.get(get_well_known_url(url, external=True)).json()

    # Its validators want https, which loopback does without, and take an empty
    # list of response types for none.
    https = {name: value.replace("http://", "https://", 1)
             if isinstance(value, str) else value
             for name, value in meta.items()}
    server = AuthorizationServerMetadata(https)
    for name in ("issuer", "token_endpoint", "jwks_uri",
                 "grant_types_supported",
                 "token_endpoint_auth_methods_supported",
                 "revocation_endpoint",
                 "revocation_endpoint_auth_methods_supported",
                 "introspection_endpoint",
                 "introspection_endpoint_auth_methods_supported"):
        getattr(server, "validate_" + name)()

    wrong = OAuth2Session(known["client_id"], "wrong")
    more = OAuth2Session(known["client_id"], known["client_secret"],
                         scope="orders:write")
    fetch = {"url": meta["token_endpoint"],
             "grant_type": "client_credentials"}

    print(json.dumps({
        "issuer": meta["issuer"],
        "basic": machine(known, "client_secret_basic", meta),
        "post": machine(known, "client_secret_post", meta),
        "person": person(known, meta),
        "wrong": refused(lambda: wrong.fetch_token(**fetch)),
        "more": refused(lambda: more.fetch_token(**fetch)),
        "password": refused(lambda: more.fetch_token(
            meta["token_endpoint"], grant_type="password", username="ana",
            password="x")),
    }))


main()
