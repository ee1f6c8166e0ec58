"""The four kinds of channel, over the standard library alone: webhook, slack, email, pagerduty.

Addresses and keys are read from the environment when a message is sent. Why a channel could not be told is said in words
of our own: what a library says may hold its address. Redirects are not followed, as they would take a token elsewhere.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import platform
import smtplib
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from typing import Any

from .announcement import Announcement

SECONDS = 10.0  # that one attempt may take to connect, and to be answered
ATTEMPTS = 2
_PAUSE = 1.0
_LONGEST_SUMMARY = 1024  # of PagerDuty's events, in characters
_LONGEST_KEY = 255
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class NotToldError(Exception):
    """Why a channel was not told, in words without its address; `again`: another attempt may help."""

    def __init__(self, why: str, *, again: bool = False) -> None:
        super().__init__(why)
        self.again = again


def deliver(channels: Sequence[Mapping[str, Any]], message: Announcement) -> list[str | None]:
    """Tell all channels at once; for each, None or why it was not told. Never raises, and returns in time even where a
    server answers a byte a minute: what is not done by then is given up."""
    found: dict[int, str | None] = {}

    def work(number: int, channel: Mapping[str, Any]) -> None:
        found[number] = _attempted(channel, message)

    limit = ATTEMPTS * SECONDS + _PAUSE
    threads = [threading.Thread(target=work, args=(n, c), daemon=True) for n, c in enumerate(channels)]
    end = time.monotonic() + limit
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [found.get(n, f"it did not answer within {limit:g} s") for n in range(len(channels))]


def _attempted(channel: Mapping[str, Any], message: Announcement) -> str | None:
    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE)
        try:
            _SENDERS[channel["kind"]](_arguments(channel), message)
        except NotToldError as error:
            why = str(error)
            if not error.again:
                break
        except Exception as error:  # noqa: BLE001 - no channel may end a run, and no text of a library is shown
            why = f"{type(error).__name__}"
            break
        else:
            return None
    return why


def _arguments(channel: Mapping[str, Any]) -> dict[str, Any]:
    """A channel's arguments with what the environment holds; a newline at the end of a mounted secret is not part of it."""
    found = {name: _resolved(value) for name, value in channel["args"].items()}
    return {name: value for name, value in found.items() if value is not None}


def _resolved(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    name = str(value.get("env") or value.get("secret"))
    found = os.environ.get(name, "").strip()
    if not found:
        raise NotToldError(f"{name} is not set")
    return found


# --- over HTTP -------------------------------------------------------------------------------------------------------


def _webhook(args: dict[str, Any], message: Announcement) -> None:
    _post(args["url"], message.to_json(), {"Authorization": f"Bearer {args['token']}"} if "token" in args else {})


def _slack(args: dict[str, Any], message: Announcement) -> None:
    text = message.text
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):  # Slack's own, and all that it asks for
        text = text.replace(sign, name)
    _post(args["url"], {"text": text, **({"channel": args["channel"]} if "channel" in args else {})}, {})


def _pagerduty(args: dict[str, Any], message: Announcement) -> None:
    """Events API v2. One incident a pipeline, and another one for its approvals: what happens again is added to it."""
    waits = message.status == "waiting"
    key = f"mlopsc:{message.pipeline}" + (":approval" if waits else "")
    if len(key) > _LONGEST_KEY:
        key = "mlopsc:" + hashlib.sha256(key.encode()).hexdigest()
    event = {
        "routing_key": args["routing_key"],
        "event_action": "trigger",
        "dedup_key": key,
        "client": "mlopsc",
        "payload": {
            "summary": message.title[:_LONGEST_SUMMARY],
            "source": f"mlopsc:{message.pipeline}",
            "severity": "info" if waits else args.get("severity", "error"),
            "class": message.failures[0]["code"] if message.failures else message.status,
            "custom_details": message.to_json(),
        },
    }
    _post(args["url"], event, {})


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _post(url: Any, content: dict[str, Any], headers: dict[str, str]) -> None:
    if not str(url).lower().startswith(("http://", "https://")):
        raise NotToldError("its URL is none of http or https")
    body = json.dumps(content, ensure_ascii=True, default=str).encode("ascii")
    try:
        own = {"Content-Type": "application/json", "User-Agent": "mlopsc"}
        request = urllib.request.Request(url, body, {**own, **headers})  # noqa: S310 - http or https, as just looked at
        with urllib.request.build_opener(_Stay).open(request, timeout=SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise NotToldError(f"it answered {error.code}", again=error.code == 429 or error.code >= 500) from None
    except urllib.error.URLError as error:
        raise _unreachable(error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(error) from None
    except ValueError:
        raise NotToldError("its URL or token is not such as HTTP takes") from None


def _unreachable(error: Any) -> NotToldError:
    """Words for what went wrong below HTTP or SMTP."""
    words: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (TimeoutError, f"it did not answer within {SECONDS:g} s"),
        (ConnectionRefusedError, "the connection was refused"),
        (socket.gaierror, "its host is not known"),
        (ssl.SSLCertVerificationError, "its certificate is not trusted"),
        (ssl.SSLError, "no encrypted connection came about"),
        (http.client.InvalidURL, "its URL is not such as HTTP takes"),
        (OSError, "the connection broke"),
        (http.client.HTTPException, "it did not answer as HTTP says"),
    ]
    told = next((text for kinds, text in words if isinstance(error, kinds)), "it could not be reached")
    return NotToldError(told, again=not isinstance(error, (ssl.SSLCertVerificationError, http.client.InvalidURL)))


# --- by mail ---------------------------------------------------------------------------------------------------------


def _email(args: dict[str, Any], message: Announcement) -> None:
    """Port 465 is encrypted from the start; on any other, encryption is asked for where the server offers it."""
    try:
        mail = _mail(args, message)
        with _server(args) as server:
            _login(server, args)
            server.send_message(mail)
    except smtplib.SMTPAuthenticationError:
        raise NotToldError("the mail server refused the login") from None
    except smtplib.SMTPResponseException as error:
        raise NotToldError(f"the mail server answered {error.smtp_code}", again=error.smtp_code < 500) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise NotToldError(f"the mail server refused all recipients ({', '.join(map(str, codes))})") from None
    except smtplib.SMTPException as error:
        raise NotToldError(f"the mail server broke off ({type(error).__name__})", again=True) from None
    except OSError as error:
        raise _unreachable(error) from None
    except ValueError:
        raise NotToldError("an address of it is not such as mail takes") from None


def _mail(args: dict[str, Any], message: Announcement) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.title.split())[:200]
    user = str(args.get("user", ""))
    mail["From"] = args.get("sender") or (user if "@" in user else f"mlopsc@{platform.node() or 'localhost'}")
    mail["To"] = ", ".join([args["to"]] if isinstance(args["to"], str) else args["to"])
    mail.set_content(message.text)
    return mail


def _server(args: dict[str, Any]) -> smtplib.SMTP:
    host, port = str(args["host"]), int(args["port"])
    name = platform.node() or "localhost"
    if port == smtplib.SMTP_SSL_PORT:
        return smtplib.SMTP_SSL(host, port, name, timeout=SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, name, timeout=SECONDS)


def _login(server: smtplib.SMTP, args: dict[str, Any]) -> None:
    """A password goes over an encrypted connection only, or stays on this machine."""
    server.ehlo_or_helo_if_needed()
    encrypted = isinstance(server, smtplib.SMTP_SSL)
    if not encrypted and server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
        encrypted = True
    if "user" in args and "password" in args:
        if not encrypted and str(args["host"]) not in _LOOPBACK:
            raise NotToldError("the mail server offers no encryption, and the password is not sent without")
        server.login(str(args["user"]), str(args["password"]))


_SENDERS: dict[str, Callable[[dict[str, Any], Announcement], None]] = {
    "webhook": _webhook,
    "slack": _slack,
    "email": _email,
    "pagerduty": _pagerduty,
}
