"""A mail server for the tests: takes letters by SMTP after STARTTLS and a login, and keeps them in a folder.

Called with port, folder, certificate, key, user and password; ends with its standard input.
"""

import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

port, folder, certificate, key, user, password = sys.argv[1:]


class Handler(Mailbox):
    """Refuses one recipient for good and keeps letters to all others."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    known = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=known)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
controller = Controller(
    Handler(folder),
    hostname="127.0.0.1",
    port=int(port),
    tls_context=context,
    require_starttls=True,
    authenticator=authenticate,
    auth_required=True,
)
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
