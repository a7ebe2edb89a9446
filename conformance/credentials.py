"""How a run signs in, as the command line and the environment say: headers, and what keeps them valid."""

import argparse
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote, urlsplit

from conformance import login
from conformance import options as options_of
from conformance.exchange import Transport
from conformance.masking import Masking
from conformance.transport import HttpTransport

Connect = Callable[[str], HttpTransport]
"""What connects to a URL."""


def _as_it_is(transport: Transport) -> Transport:
    return transport


@dataclass(frozen=True, slots=True)
class Credentials:
    """The `kind` as scenarios know it, the headers of a request, and what has to stand before the transport."""

    kind: str
    headers: Mapping[str, str]
    over: Callable[[Transport], Transport] = _as_it_is


def chosen(
    usage: argparse.ArgumentParser, options: argparse.Namespace, masking: Masking, connect: Connect
) -> Credentials:
    """The credentials that are asked for; exits where they are not whole. Every secret is masked from then on."""
    if options.token_url:
        return _of_client(usage, options, masking, connect)
    if options.user:
        return _of_user(usage, options, masking)
    token = (options.token or os.environ.get("SCIM_TOKEN") or "").strip()
    if not token:
        usage.error("say how to sign in: --token (or SCIM_TOKEN), --user or --token-url")
    masking.learn(token)
    return Credentials("bearer", login.bearer(token))


def _of_client(
    usage: argparse.ArgumentParser, options: argparse.Namespace, masking: Masking, connect: Connect
) -> Credentials:
    """A token that is fetched now, and anew when it has expired."""
    url = options_of.endpoint(usage, options.token_url, "--token-url")
    secret = os.environ.get("SCIM_CLIENT_SECRET")
    if not (options.client_id and secret):
        usage.error("--token-url needs --client-id, and the secret in SCIM_CLIENT_SECRET")
    masking.learn(secret)

    def fetch() -> login.Token:
        with closing(connect(url)) as transport:
            token = login.client_credentials(url, options.client_id, secret, options.scope, transport)
        masking.learn(token.value)
        return token

    first = fetch()
    return Credentials(
        "client-credentials", login.bearer(first.value), partial(login.Renewing, first=first, fetch=fetch)
    )


def _of_user(usage: argparse.ArgumentParser, options: argparse.Namespace, masking: Masking) -> Credentials:
    password = os.environ.get("SCIM_PASSWORD")
    if password is None:
        usage.error("--user needs the password in SCIM_PASSWORD")
    masking.learn(password)
    headers = login.basic(options.user, password)
    masking.learn(headers["Authorization"].removeprefix("Basic "))
    return Credentials("basic", headers)


def learn_of_proxy(url: str, masking: Masking) -> None:
    """What signs in at the proxy is masked too: its answers may repeat it."""
    masking.learn(unquote(urlsplit(url).password or ""))
    for value in login.to_proxy(url).values():
        masking.learn(value.removeprefix("Basic "))
