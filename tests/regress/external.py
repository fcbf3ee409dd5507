"""Clients for programs that hold dialogues or decide: paramiko and
asyncssh.  Each s_NAME is asked for by a test."""
import asyncio
import logging
import socket
import sys

import paramiko

from parts import HOST, PORT, eq

# What is raised inside of a handler is no news.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

WANTED = [
    ("Gate", "Two questions", [("PIN: ", False), ("Colour: ", True)]),
    ("", "", [("Really? ", True)]),
]
ANSWERS = [["4711", "blau"], ["yes"]]


def transport():
    t = paramiko.Transport(socket.create_connection((HOST, PORT), 60))
    t.start_client(timeout=60)
    return t


def with_paramiko():
    asked = []

    def handler(title, instructions, prompts):
        # paramiko hides the end of the dialogue in an empty question
        asked.append((title, instructions, [tuple(p) for p in prompts]))
        return ANSWERS[len(asked) - 1]

    t = transport()
    left = t.auth_interactive("both", handler)
    eq("methods left", left, [])
    eq("asked", asked, WANTED)
    eq("start", paramiko.SFTPClient.from_transport(t).normalize("."), "/d")
    t.close()


def with_asyncssh():
    import asyncssh

    class Client(asyncssh.SSHClient):
        asked = []

        def kbdint_auth_requested(self):
            return ""

        def kbdint_challenge_received(self, name, instructions, lang,
                                      prompts):
            self.asked.append((name, instructions,
                               [(p, bool(e)) for p, e in prompts]))
            return ANSWERS[len(self.asked) - 1]

    async def run():
        conn, _ = await asyncssh.create_connection(
            Client, HOST, PORT, username="other", known_hosts=None,
            client_keys=None, agent_path=None)
        async with conn:
            async with conn.start_sftp_client() as sftp:
                eq("start", await sftp.realpath("."), "/d")
        eq("asked", Client.asked, WANTED)

    asyncio.run(run())


def s_dialogue():
    with_paramiko()
    with_asyncssh()


def s_names(*names):
    """Nobody is called so; whoever asks is asked back and refused."""
    for name in names:
        rounds = []

        def handler(title, instructions, prompts):
            rounds.append(len(prompts))
            return ["4711", "blau"][:len(prompts)]

        t = transport()
        try:
            t.auth_interactive(name, handler)
            raise AssertionError("let in: " + name)
        except paramiko.AuthenticationException:
            pass
        eq("rounds", rounds, [2, 1])
        t.close()


def first_prompt(name):
    got = []

    class Enough(Exception):
        pass

    def handler(title, instructions, prompts):
        got.append(prompts[0][0])
        raise Enough()

    t = transport()
    try:
        t.auth_interactive(name, handler)
    except (Enough, paramiko.SSHException, EOFError):
        pass
    t.close()
    return got[0]


def s_kinds(n):
    """Names that nobody has are asked as one user or another is."""
    names = ["nobody-%d" % i for i in range(int(n))]
    first = [first_prompt(name) for name in names]
    eq("kinds", sorted(set(first)), ["PIN: ", "Password: "])
    eq("again", [first_prompt(name) for name in names[:15]], first[:15])


def s_hang():
    """Makes a program hang, and stays until it is killed."""
    t = transport()
    t.auth_timeout = 300

    def handler(title, instructions, prompts):
        return ["hang", "x"]

    try:
        t.auth_interactive("both", handler)
    except (paramiko.SSHException, EOFError):
        pass


def s_password(name, word):
    t = transport()
    t.auth_timeout = 300
    try:
        t.auth_password(name, word)
    except (paramiko.SSHException, EOFError):
        pass


if __name__ == "__main__":
    globals()["s_" + sys.argv[1]](*sys.argv[2:])
