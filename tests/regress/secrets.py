"""Codes, new passwords and hosts by other clients: paramiko and asyncssh.
Each s_NAME is asked for by a test; it raises where a login fails."""
import asyncio
import logging
import socket
import warnings

import paramiko

from parts import HOST, PORT, T, eq, run_parts

warnings.filterwarnings("ignore")   # of ciphers that nobody uses here
import asyncssh                     # noqa: E402

logging.getLogger("paramiko").addHandler(logging.NullHandler())


def take(answers, prompts):
    return [answers.pop(0) for _ in prompts]


def s_paramiko(user, want, *answers):
    """A dialogue with these answers; want: what was asked, with commas."""
    answers, asked = list(answers), []

    def handler(title, instructions, prompts):
        asked.extend(p[0].strip() for p in prompts)
        return take(answers, prompts)

    t = paramiko.Transport(socket.create_connection((HOST, PORT), 60))
    t.start_client(timeout=60)
    eq("methods left", t.auth_interactive(user, handler), [])
    eq("asked", ",".join(asked), want)
    eq("folder", paramiko.SFTPClient.from_transport(t).normalize("."), "/")
    t.close()


def connect(client, **kw):
    async def run():
        conn, _ = await asyncssh.create_connection(
            client, HOST, PORT, known_hosts=None, agent_path=None, **kw)
        async with conn:
            async with conn.start_sftp_client() as sftp:
                eq("folder", await sftp.realpath("."), "/")

    asyncio.run(run())


def s_asyncssh(user, want, *answers):
    left, asked = list(answers), []

    class Client(asyncssh.SSHClient):
        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, name, instructions, lang,
                                      prompts):
            asked.extend(p[0].strip() for p in prompts)
            return take(left, prompts)

    connect(Client, username=user, client_keys=None,
            preferred_auth="keyboard-interactive")
    eq("asked", ",".join(asked), want)


def s_change(user, old, new, wanted):
    """The password method, which asks for a new one."""
    told = []

    class Client(asyncssh.SSHClient):
        def password_auth_requested(self):
            return old

        def password_change_requested(self, prompt, lang):
            told.append(prompt)
            return old, new

        def password_changed(self):
            told.append("changed")

        def password_change_failed(self):
            told.append("failed")

    connect(Client, username=user, client_keys=None,
            preferred_auth="password")
    eq("told", [t.split(".")[0] for t in told], wanted.split(","))


def s_hostbased(user, key, host, client_user):
    connect(asyncssh.SSHClient, username=user, client_keys=None,
            client_host_keys=[f"{T}/{key}"], client_host=host,
            client_username=client_user, preferred_auth="hostbased",
            client_host_keysign=False)


run_parts(globals())
