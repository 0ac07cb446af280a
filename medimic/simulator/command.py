"""The command line: one JSON object on one line, and an exit code that says how it went."""

import argparse
import base64
import binascii
import json
import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from medimic.simulator import carrying, conversation, door, syncing
from medimic.simulator.connection import Connection
from medimic.simulator.conversation import Conversation
from medimic.simulator.door import Door
from medimic.simulator.errors import KEY_MISSING, Failure, failure
from medimic.simulator.keychain import Keychain, held
from medimic.simulator.phone import Phone

SERVER = "http://localhost:8000"
STATE = Path("var") / "simulated-device.json"
# A phone that nobody described is this one; what was told once is remembered.
DEFAULTS = {"model": "iPhone 15 Pro", "platform": "ios", "os_version": "17.4", "app_version": "3.2.0"}
MODES = ("shared_device", "two_device")
ROLES = ("provider", "patient", "interpreter", "other")
PLATFORMS = ("ios", "ipados", "android", "macos", "windows", "linux", "chromeos")
# 1 and 2 say something else here, so that a typing error is not taken for a missing key.
USAGE = 64


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def parser(program: str) -> argparse.ArgumentParser:
    parser = Parser(prog=program, description="A device that speaks to the portal over HTTP.")
    parser.add_argument("--server", help=f"the portal's address (default: as last time, or {SERVER})")
    parser.add_argument("--state", type=Path, default=STATE, help=f"the device's keychain (default: {STATE})")
    parser.add_argument("--name", help="what its owner calls the device")
    parser.add_argument("--model", help=f"default: {DEFAULTS['model']}")
    parser.add_argument("--platform", choices=PLATFORMS, help=f"default: {DEFAULTS['platform']}")
    parser.add_argument("--os-version", help=f"default: {DEFAULTS['os_version']}")
    parser.add_argument("--app-version", help=f"default: {DEFAULTS['app_version']}")
    parser.add_argument("--bearer", action="store_true", help="sign in without binding the tokens to a key")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    commands.add_parser("open", help="sign in with a deep link").add_argument("link", metavar="LINK")
    sign_in = commands.add_parser(
        "sign-in", help="sign in with a password, and the second factor if asked, from standard input"
    )
    sign_in.add_argument("email", metavar="EMAIL")
    start = commands.add_parser("start-session", help="start a session, as a guest where not signed in")
    start.add_argument("name_of_session", metavar="NAME")
    start.add_argument("--mode", choices=MODES, default=MODES[0])
    join = commands.add_parser("join", help="ask to be let into a session, and wait for it")
    join.add_argument("code", metavar="CODE")
    join.add_argument("name_of_joiner", metavar="NAME")
    join.add_argument("--role", choices=ROLES, default="patient")
    join.add_argument("--wait", type=float, default=300, metavar="SECONDS")
    admit = commands.add_parser("admit", help="let somebody into a session")
    admit.add_argument("session", metavar="SESSION")
    admit.add_argument("participant", metavar="PARTICIPANT")
    admit.add_argument("--digits", default="", help="what the joiner's screen shows; others are refused")
    admit.add_argument("--role", choices=ROLES, default="", help="default: as the joiner said")
    admit.add_argument("--wait", type=float, default=60, metavar="SECONDS")
    refuse = commands.add_parser("refuse", help="send somebody away, or out")
    refuse.add_argument("session", metavar="SESSION")
    refuse.add_argument("participant", metavar="PARTICIPANT")
    people = commands.add_parser("participants", help="who takes part in a session, and who waits")
    people.add_argument("session", metavar="SESSION")
    say = commands.add_parser("say", help="encrypt and send one segment")
    say.add_argument("session", metavar="SESSION")
    say.add_argument("text", metavar="TEXT")
    say.add_argument("--as", dest="speaker", default="", metavar="SPEAKER", help="another on this screen")
    read = commands.add_parser("read", help="fetch, decrypt and print a transcript")
    read.add_argument("session", metavar="SESSION")
    end = commands.add_parser("end", help="write the end of a transcript, and end the session")
    end.add_argument("session", metavar="SESSION")
    commands.add_parser("key-requests", help="which other devices ask for keys")
    asking = commands.add_parser("request-keys", help="ask another device for one session's key, or for all")
    asking.add_argument("session", nargs="?", metavar="SESSION")
    asking.add_argument("--wait", type=float, default=300, metavar="SECONDS")
    asking.add_argument("--yes", action="store_true", help="the digits are compared elsewhere: do not ask")
    approving = commands.add_parser("approve-keys", help="hand keys to the device that asked")
    approving.add_argument("request", metavar="REQUEST")
    approving.add_argument("--digits", default="", help="what the other screen shows; others are refused")
    approving.add_argument("--wait", type=float, default=60, metavar="SECONDS")
    commands.add_parser("sync", help="fetch what changed since the last time")
    answer = commands.add_parser("answer", help="answer a questionnaire that a sync brought")
    answer.add_argument("questionnaire", metavar="QUESTIONNAIRE")
    answer.add_argument("words", nargs="+", metavar="ANSWER", help="one for each question; - for none")
    commands.add_parser("refresh", help="exchange the refresh token")
    commands.add_parser("sign-out", help="sign this device out")
    commands.add_parser("whoami", help="print this device's own record")
    return parser


def main(
    arguments: list[str],
    program: str = "simulate_device",
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Run one command; the exit code: 0, 1 for a refusal, 2 where the key does not fit."""
    options = parser(program).parse_args(arguments)

    def tell(news: dict[str, Any]) -> None:
        print(json.dumps(news, ensure_ascii=False), file=err or sys.stderr, flush=True)

    try:
        answer = _run(options, tell)
    except Failure as error:
        tell(error.document)
        return error.exit_code
    print(json.dumps(answer, ensure_ascii=False), file=out or sys.stdout, flush=True)
    return 0


def _run(options: argparse.Namespace, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    with held(options.state):
        keychain = Keychain.open(options.state)
        told = {name: getattr(options, name) for name in ("name", *DEFAULTS) if getattr(options, name)}
        keychain.facts = {**DEFAULTS, **keychain.facts, **told}
        keychain.server = options.server or keychain.server or SERVER
        facts = keychain.facts
        agent = (
            f"MediMic/{facts['app_version']} ({facts['model']}; {facts['platform']} {facts['os_version']})"
        )
        with Connection(keychain.server, agent.encode("ascii", "replace").decode()) as connection:
            return _done(options, Phone(keychain, connection, binds=not options.bearer, tell=tell))


def _done(options: argparse.Namespace, phone: Phone) -> dict[str, Any]:
    match options.command:
        case "open":
            return phone.open(options.link, crypto_keys())
        case "sign-in":
            return phone.sign_in(options.email, ask)
        case "start-session":
            return conversation.start(phone, options.name_of_session, options.mode)
        case "join":
            return door.join(phone, options.code, options.name_of_joiner, options.role, options.wait)
        case "key-requests":
            return carrying.requests(phone)
        case "request-keys":
            agree = (lambda _digits: True) if options.yes else agreed
            return carrying.ask(phone, options.session, agree, seconds=options.wait)
        case "approve-keys":
            return carrying.approve(phone, options.request, digits=options.digits, seconds=options.wait)
        case "sync":
            return syncing.sync(phone)
        case "answer":
            return syncing.answer(phone, options.questionnaire, options.words)
        case "refresh":
            return phone.refresh()
        case "sign-out":
            return phone.sign_out()
        case "whoami":
            return phone.whoami()
        case "admit" | "refuse" | "participants":
            return _at_the_door(options, Door(phone, options.session))
    return _said(options, Conversation(phone, options.session))


def _at_the_door(options: argparse.Namespace, here: Door) -> dict[str, Any]:
    match options.command:
        case "admit":
            return here.admit(
                options.participant, role=options.role, digits=options.digits, seconds=options.wait
            )
        case "refuse":
            return here.refuse(options.participant)
        case _:
            return here.participants()


def _said(options: argparse.Namespace, here: Conversation) -> dict[str, Any]:
    match options.command:
        case "say":
            return here.say(options.text, options.speaker)
        case "read":
            return here.read()
        case _:
            return here.end()


def ask(what: str) -> str:
    """One line of standard input; from a terminal without showing it."""
    line = getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise failure("input_missing", f"{what}: nothing was typed.")
    return line


def agreed(digits: str) -> bool:
    """Whether the person says that the other screen shows the same."""
    return ask(f"Does the other screen show {digits}? yes or no").strip().lower() == "yes"


def crypto_keys() -> list[bytes]:
    """The keys of the environment's CRYPTO_KEY, as an app has them built in."""
    values = [value.strip() for value in os.environ.get("CRYPTO_KEY", "").split(",")]
    try:
        return [
            base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True) for value in values
        ]
    except binascii.Error:
        raise failure("key_malformed", "CRYPTO_KEY is not base64.", exit_code=KEY_MISSING) from None
