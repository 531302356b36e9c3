"""A real SMTP server (aiosmtpd) for tests.

server.py FOLDER CERT KEY: listens on free ports of 127.0.0.1, prints one line of
JSON with them, writes each mail it takes to FOLDER, and ends with its input.
What it refuses depends on the address, as its users would see it. The first mail
to later... is refused for now, that to lost... gets no answer; both are written.
"""
import asyncio
import json
import logging
import os
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
folder, cert, key = sys.argv[1:4]
USER, PASSWORD = b"rollcall", b's3cret/pass "word\\x'


class Handler:
    count = 0
    seen = set()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("stranger@"):
            return "553 5.7.1 not your address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("hangs@"):
            await asyncio.sleep(3600)
        for name, reply in (
            ("unknown", "550 5.1.1 no such user"),
            ("grey", "450 4.2.0 greylisted, come back later"),
            ("echo", "550 5.7.1 you said " + PASSWORD.decode()),
        ):
            if address.startswith(name + "@"):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(a.startswith("cut@") for a in envelope.rcpt_tos):
            server.transport.abort()
            return "250 never seen"
        if any(a.startswith("heavy@") for a in envelope.rcpt_tos):
            return "552 5.3.4 too big"
        if any(a.startswith("full@") for a in envelope.rcpt_tos):
            return "452 4.3.1 disk full"
        first = envelope.rcpt_tos[0] not in Handler.seen
        Handler.seen.update(envelope.rcpt_tos)
        if first and envelope.rcpt_tos[0].startswith("later"):
            self.keep(server, session, envelope, "452 4.3.1 not now")
            return "452 4.3.1 not now"
        taken = self.keep(server, session, envelope, "250 2.0.0 queued as %d" % (Handler.count + 1))
        if first and envelope.rcpt_tos[0].startswith("lost"):
            server.transport.abort()
        return taken

    def keep(self, server, session, envelope, reply):
        Handler.count += 1
        path = os.path.join(folder, "%03d" % Handler.count)
        with open(path, "w") as f:
            json.dump({
                "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None or implicit(server),
                "login": bool(session.authenticated), "data": envelope.content.decode("utf-8"), "reply": reply,
            }, f)
        os.rename(path, path + ".json")
        return reply


def implicit(server):
    return server.transport.get_extra_info("ssl_object") is not None


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and data.login == USER and data.password == PASSWORD
    if not ok and isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False, message="535 5.7.8 no: " + data.password.decode())
    return AuthResult(success=ok)


async def main():
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    handler = Handler()
    ports = {}

    async def listen(name, tls=None, **options):
        def factory():
            return SMTP(handler, loop=loop, hostname="mail.example.test", **options)
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=tls)
        ports[name] = server.sockets[0].getsockname()[1]

    login = {"authenticator": authenticate, "auth_required": True}
    await listen("starttls", tls_context=context, require_starttls=True, **login)
    await listen("smtps", tls=context, auth_require_tls=False, **login)
    await listen("plain")
    await listen("plainlogin", auth_require_tls=False, **login)
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
