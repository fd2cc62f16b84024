# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs of the matrix: how each is made, the policy that suits it, and the work that it does.

A policy is what a user would write; where a shipped one (policies/) is for this kind of program, it
inherits that. A `work` runs for as many seconds in a thread of its own and returns what it got done;
programs without one work by themselves, which their CPU time shows.
"""
import http.client
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import classfile  # pylint: disable=wrong-import-position

SOURCES = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"


class Missing(Exception):
    """Something this row needs isn't here; the text says what."""


class Row:  # pylint: disable=too-few-public-methods
    """One program. In texts, {dir} is a directory of the run's own and {src} that of the sources."""

    def __init__(self, name, command, *keys, inherits=None, needs=(), make=None, work=None, workers=False):
        self.name, self.command, self.keys = name, command, keys
        self.inherits, self.needs, self.make, self.work = inherits, needs, make, work
        self.workers = workers  # processes of its own that last, and that have to be clean as well

    def prepare(self, directory):
        for program in self.needs:
            if not shutil.which(program):
                raise Missing(f"{os.path.basename(program)} is not installed")
        if self.make:
            self.make(directory)

    def policy(self, directory):
        """Its entry below `processes:`."""
        def filled(text):
            return text.replace("{dir}", directory).replace("{src}", SOURCES)
        command = ", ".join(f'"{filled(word)}"' for word in self.command)
        inherits = f"    inherits: {self.inherits}\n" if self.inherits else ""
        return f"  {self.name}:\n{inherits}    command: [{command}]\n" + "".join(
            f"    {filled(key)}\n" for key in self.keys)


def run(*command, **options):
    """A command of the making of a program; what it says is in the reason when it fails."""
    done = subprocess.run(command, text=True, capture_output=True, timeout=120, check=False, **options)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Missing(f"{os.path.basename(command[0])} failed: {said[-1] if said else 'silently'}")


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


# ---- how the programs are made

def make_go(name, cgo, *sources):
    def make(directory):
        environment = dict(os.environ, CGO_ENABLED=cgo, GO111MODULE="off", GOFLAGS="",
                           GOCACHE=os.path.join(directory, "go-cache"))
        run("go", "build", "-o", os.path.join(directory, name),
            *(os.path.join(SOURCES, source) for source in sources), env=environment)
    return make


def make_c(name, *compiler):
    def make(directory):
        run(*compiler, "-O1", "-g", "-pthread", "-o", os.path.join(directory, name),
            os.path.join(SOURCES, "churn.c"))
    return make


def make_class(directory):
    with open(os.path.join(directory, "Churn.class"), "wb") as f:
        f.write(classfile.assemble())


def make_filecaps(directory):
    path = shutil.copy(os.path.realpath(PYTHON), os.path.join(directory, "python-with-caps"))
    os.chmod(path, 0o755)
    shutil.copy(os.path.join(SOURCES, "churn.py"), directory)  # the tree may be closed to nobody
    run("setcap", "cap_net_raw,cap_ipc_lock+ep", path)


def make_nginx(directory):
    write(os.path.join(directory, "nginx.conf"), f"""\
daemon off;
worker_processes 2;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{ listen unix:{directory}/nginx.sock; location / {{ return 200 "hello\\n"; }} }}
}}
""")


def make_fifo(directory):
    os.mkfifo(os.path.join(directory, "sql"), 0o600)


def make_script(directory):
    write(os.path.join(directory, "pipeline.sh"), """\
#!/bin/bash
while :; do
    total=$(seq 1 500 | sort -n | wc -l)
    [ "$total" = 500 ] || exit 1
    read -rt 0.05 <> <(:) || :
done
""", 0o755)


# ---- the work

class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def request_pages(name):
    """HTTP requests over a Unix socket, every fourth on a new connection."""
    def work(directory, seconds):
        n, end, path = 0, time.monotonic() + seconds, os.path.join(directory, name)
        connection = UnixConnection(path)
        while time.monotonic() < end:
            if n % 4 == 0:
                connection.close()
                connection = UnixConnection(path)
            connection.request("GET", "/")
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read():
                raise AssertionError(f"{name} answers {answer.status}")
            n += 1
            time.sleep(0.01)
        connection.close()
        return f"{n} requests"
    return work


def ask_redis(directory, seconds):
    n, end = 0, time.monotonic() + seconds
    command = ("redis-benchmark", "-s", os.path.join(directory, "redis.sock"), "-n", "2000", "-c", "5", "-q",
               "-d", "1000", "-r", "1000", "-t", "set,get,lpush,lpop,hset")
    while time.monotonic() < end:
        done = subprocess.run(command, text=True, capture_output=True, timeout=60, check=True)
        if "rror" in done.stdout + done.stderr:
            raise AssertionError(done.stdout + done.stderr)
        n += 10000
        time.sleep(0.2)
    return f"{n} commands"


OPEN = []  # sqlite3 ends when nobody can write to its FIFO any more


def run_statements(directory, seconds):
    """Into the FIFO that sqlite3 reads its commands from; a last file proves that they were done."""
    n, end = 0, time.monotonic() + seconds
    done = os.path.join(directory, "sql-done")
    f = open(os.path.join(directory, "sql"), "w", encoding="ascii", buffering=1)
    OPEN.append(f)
    f.write("create table t (id integer primary key, body text);\n")
    while time.monotonic() < end:
        f.write("begin; insert into t (body) with recursive c (x) as (select 1 union all "
                "select x + 1 from c where x < 200) select hex(randomblob(100)) from c; "
                "create index i on t (body); select count(*) from t where body like 'AB%'; "
                "drop index i; delete from t; commit;\n")
        n += 1
        time.sleep(0.02)
    f.write(f".once {done}\nselect 'last';\n.output\n")
    last = time.monotonic() + 20
    while not os.path.exists(done):
        if time.monotonic() > last:
            raise AssertionError("sqlite3 didn't get through its statements")
        time.sleep(0.05)
    return f"{n} transactions"


SETTLE = "ready: { when: settle, settle: 1500ms, timeout: 60s }"
AT_ONCE = "ready: { when: exec }"
ROWS = (
    Row("python3", (PYTHON, "{src}/churn.py"), inherits="python", needs=(PYTHON,)),
    Row("node", ("/usr/bin/node", "{src}/churn.js", "{dir}/node.sock"), inherits="node",
        needs=("/usr/bin/node",), work=request_pages("node.sock")),
    Row("java", ("/usr/bin/java", "-cp", "{dir}", "Churn"), inherits="java", needs=("/usr/bin/java",),
        make=make_class),
    Row("redis-server", ("/usr/bin/redis-server", "--save", "", "--port", "0", "--supervised", "systemd",
                         "--unixsocket", "{dir}/redis.sock"), "ready: { when: notify }",
        inherits="redis", needs=("/usr/bin/redis-server", "redis-benchmark"), work=ask_redis),
    Row("nginx", ("/usr/sbin/nginx", "-p", "{dir}", "-c", "{dir}/nginx.conf"), inherits="nginx",
        needs=("/usr/sbin/nginx",), make=make_nginx, work=request_pages("nginx.sock"), workers=True),
    Row("sqlite3", ("/usr/bin/sqlite3", ":memory:", ".read {dir}/sql"),
        "memory: { lock: strict, heap: { prealloc: 64M } }", SETTLE,
        needs=("/usr/bin/sqlite3",), make=make_fifo, work=run_statements),
    Row("go-static", ("{dir}/go-static",), inherits="go", needs=("go",),
        make=make_go("go-static", "0", "churn.go")),
    Row("go-cgo", ("{dir}/go-cgo",), inherits="go", needs=("go", "gcc"),
        make=make_go("go-cgo", "1", "churn.go", "cgo.go")),
    # musl's malloc maps and unmaps large blocks as they come and go: its size never settles
    Row("musl-static", ("{dir}/musl-static",), "memory: { lock: strict }", AT_ONCE, needs=("musl-gcc",),
        make=make_c("musl-static", "musl-gcc", "-static")),
    Row("glibc-static", ("{dir}/glibc-static",), "memory: { lock: strict }", SETTLE, needs=("gcc",),
        make=make_c("glibc-static", "gcc", "-static")),
    Row("bash", ("/bin/bash", "{dir}/pipeline.sh"), "memory: { lock: strict, heap: { prealloc: 4M } }",
        "fork: report", AT_ONCE, needs=("/bin/bash",), make=make_script),
    Row("ffmpeg", ("/usr/bin/ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i",
                   "testsrc2=size=320x240:rate=25", "-c:v", "libx264", "-preset", "veryfast", "-threads",
                   "2", "-f", "null", "-"),
        "memory: { lock: strict, heap: { prealloc: 256M }, stack: { threads: 1M } }", SETTLE,
        needs=("/usr/bin/ffmpeg",)),
    Row("file-capabilities", ("{dir}/python-with-caps", "{dir}/churn.py"), "user: nobody", inherits="python",
        needs=(PYTHON, "setcap"), make=make_filecaps),
    Row("asan", ("{dir}/asan",), "memory: { lock: balanced }", AT_ONCE, needs=("gcc",),
        make=make_c("asan", "gcc", "-fsanitize=address")),
)
