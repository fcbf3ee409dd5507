"""Forwarded connections with paramiko and asyncssh."""
import asyncio
import hashlib
import os
import socket
import threading

from parts import HOST, KEY, PORT, T, WHO, Skip, eq, eventually, run_parts

DATA = hashlib.shake_256(b"forward").digest(3000000)
ECHO = int(os.environ["ECHO"])
SOCK = os.environ["JAIL"] + "/d/echo.sock"


def drain(recv):
    out = b""
    while True:
        b = recv(65536)
        if not b:
            return out
        out += b


def paramiko_client():
    try:
        import paramiko
    except ImportError:
        raise Skip("no paramiko")
    c = paramiko.SSHClient()
    c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    c.connect(HOST, PORT, WHO, key_filename=KEY, look_for_keys=False,
              allow_agent=False)
    return c


def t_paramiko_local():
    import paramiko
    c = paramiko_client()
    t = c.get_transport()
    ch = t.open_channel("direct-tcpip", ("127.0.0.1", ECHO), ("10.0.0.1", 5))
    w = threading.Thread(target=lambda: (ch.sendall(DATA),
                                         ch.shutdown_write()))
    w.start()
    eq("back", hashlib.sha256(drain(ch.recv)).hexdigest(),
       hashlib.sha256(DATA).hexdigest())
    w.join()
    ch.close()
    for dest, code in ((("127.0.0.1", 1), 2), (("198.51.100.1", 80), 1)):
        try:
            t.open_channel("direct-tcpip", dest, ("10.0.0.1", 5))
            raise AssertionError("connected with %s" % (dest,))
        except paramiko.ChannelException as e:
            eq("reason for %s" % (dest,), e.code, code)
    c.close()


def t_paramiko_remote():
    c = paramiko_client()
    t = c.get_transport()
    # all addresses, as its users write it
    port = t.request_port_forward("", 0)
    assert port
    s = socket.create_connection(("127.0.0.1", port), 30)
    ch = t.accept(30)
    s.sendall(b"ping")
    s.shutdown(socket.SHUT_WR)
    eq("in", drain(ch.recv), b"ping")
    ch.sendall(b"pong")
    ch.close()
    eq("out", drain(s.recv), b"pong")
    t.cancel_port_forward("", port)

    def gone():
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return False
        except ConnectionRefusedError:
            return True
    eventually(gone, "the port is closed")
    c.close()


def t_asyncssh():
    try:
        import asyncssh
    except ImportError:
        raise Skip("no asyncssh")

    async def talk(r, w):
        w.write(b"hello")
        w.write_eof()
        eq("back", await r.read(), b"hello")
        w.close()

    async def main():
        async with asyncssh.connect(HOST, PORT, username=WHO,
                                    client_keys=[KEY],
                                    known_hosts=None) as c:
            await talk(*await c.open_connection("127.0.0.1", ECHO))
            await talk(*await c.open_unix_connection("/d/echo.sock"))
            here = await c.forward_local_port("127.0.0.1", 0, "localhost",
                                              ECHO)
            await talk(*await asyncio.open_connection(
                "127.0.0.1", here.get_port()))
            there = await c.forward_remote_port("localhost", 0, "127.0.0.1",
                                                ECHO)
            await talk(*await asyncio.open_connection(
                "127.0.0.1", there.get_port()))
            there.close()
            await there.wait_closed()
            path = "/d/asyncssh.sock"
            unix = await c.forward_remote_path(path, SOCK)
            await talk(*await asyncio.open_unix_connection(
                os.environ["JAIL"] + path))
            unix.close()
            await unix.wait_closed()
            assert not os.path.exists(os.environ["JAIL"] + path)
            socks = await c.forward_socks("127.0.0.1", 0)
            assert socks.get_port()
            try:
                await c.open_connection("198.51.100.1", 80)
                raise AssertionError("connected")
            except asyncssh.ChannelOpenError as e:
                eq("reason", e.code, 1)
    asyncio.run(asyncio.wait_for(main(), 60))


run_parts(globals())
