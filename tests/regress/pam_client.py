"""paramiko with a user of PAM: password and keyboard-interactive."""
import os
import sys
import paramiko

host, port = os.environ["HOST"], int(os.environ["PORT"])
who, pw = os.environ["WHO"], os.environ["PW"]


def transport():
    t = paramiko.Transport((host, port))
    t.start_client(timeout=60)
    return t


t = transport()
if sys.argv[1:] == ["leave"]:   # waits until somebody kills it
    t.auth_timeout = 600
    t.auth_password(who, pw, fallback=False)
for wrong in "wrong", "x" * 1025, "x" * 60000:
    try:
        transport().auth_password(who, wrong, fallback=False)
        raise SystemExit("a wrong password was right")
    except paramiko.AuthenticationException:
        pass
t.auth_password(who, pw, fallback=False)
assert t.is_authenticated()
sftp = paramiko.SFTPClient.from_transport(t)
assert sftp.normalize(".") == "/", sftp.normalize(".")
t.close()

asked = []


def handler(title, instructions, prompts):
    asked.extend(prompts)
    return [pw for _ in prompts]


t = transport()
t.auth_interactive(who, handler)
assert t.is_authenticated()
assert asked == [("Password: ", False)], asked
t.close()
print("paramiko: ok")
