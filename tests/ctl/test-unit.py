#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drop-ins for services of systemd: what they say, that systemd accepts them, and that the command in
them, started as systemd would start it, is ready and protected."""
import array
import os
import resource
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

POLICY = """version: 1
profiles:
  pool: { memory: { lock: strict } }
processes:
  camera:
    command: [/usr/bin/camera-node, --fps, "60", "a b%c$d"]
    user: robot
    capabilities: [ipc_lock, sys_nice]
    limits: { memlock: 190M, core: 0 }
    oom_score_adjust: -500
    scheduling: { policy: fifo, priority: 80 }
    memory: { lock: strict }
  free:
    command: [/bin/true]
    memory: { lock: none }
  surrounded:
    command: [/bin/true]
    memory: { lock: none }
    output: { stdout: /var/log/camera.log, stderr: none }
    cgroup: { memory_min: 64M, memory_max: 1G }
  nice:
    command: [/bin/true]
    scheduling: { nice: -5 }
"""
LOOP = os.path.join(rtmem.BUILD, "librtmem", "example")


class Unit(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-unit-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir)
        self.policies = os.path.join(self.dir, "policies")
        self.root = os.path.join(self.dir, "root")
        self.write("policies/p.yaml", POLICY)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def unit(self, *arguments, status=0):
        done = subprocess.run([rtmem.RTMEMCTL, "--config-dir", self.policies, "--root", self.root,
                               "unit", *arguments], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done

    def launcher(self, name):
        return f"ExecStart={rtmem.RTMEMCTL} --config-dir {self.policies} run --policy {name} -- "

    def test_what_run_leaves_alone_is_said_in_the_words_of_systemd(self):
        text = self.unit("surrounded")
        for line in ("StandardOutput=append:/var/log/camera.log", "StandardError=null",
                     f"MemoryMin={64 << 20}", f"MemoryMax={1 << 30}"):
            self.assertIn(line + "\n", text)
        self.assertNotIn("MemoryLow", text)
        self.assertNotIn("StandardOutput", self.unit("free"))

    def test_the_command_of_the_policy_is_quoted_for_systemd(self):
        lines = self.unit("camera").splitlines()
        at = lines.index("ExecStart=")
        self.assertEqual(lines[at + 1],
                         self.launcher("camera") + '/usr/bin/camera-node --fps 60 "a b%%c$$d"')
        self.assertIn("#   /etc/systemd/system/camera.service.d/50-rtmem.conf", lines)

    def test_rights_are_those_that_the_policy_uses(self):
        lines = self.unit("camera").splitlines()
        for line in (f"LimitMEMLOCK={190 << 20}", "LimitCORE=0", "LimitRTPRIO=80",
                     "OOMScoreAdjust=-500", "AmbientCapabilities=CAP_IPC_LOCK CAP_SYS_NICE"):
            self.assertIn(line, lines)
        self.assertNotIn("CapabilityBoundingSet", "\n".join(lines))
        self.assertIn("LimitMEMLOCK=infinity", self.unit("pool", "--service", self.foo()).splitlines())
        self.assertIn("LimitNICE=25", self.unit("nice").splitlines())
        self.assertNotIn("Limit", self.unit("free"))

    def foo(self, text="ExecStart=/bin/foo"):
        return self.write("foo.service", f"[Unit]\nExecStart=/not/this\n[Service]\n{text}\n[Install]\n")

    def commands(self, text):
        return [line for line in self.unit("free", "--service", self.foo(text)).splitlines()
                if line.startswith("ExecStart=")]

    def test_the_command_of_a_service_is_kept_as_it_is(self):
        run = self.launcher("free")
        for before, after in (
                ("ExecStart=/bin/foo $A %i 'b  c'", [run + "/bin/foo $A %i 'b  c'"]),
                ("ExecStart = /bin/foo \\\n# no\n; no\n  --more\\\n  and", [run + "/bin/foo    --more   and"]),
                ("ExecStart=-/bin/foo", [run.replace("=", "=-", 1) + "/bin/foo"]),
                ("ExecStart=@/bin/foo name a b", [run + "/bin/foo a b"]),
                ("ExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\nExecStart=/bin/c",
                 [run + "/bin/b", run + "/bin/c"])):
            with self.subTest(text=before):
                self.assertEqual(self.commands(before), ["ExecStart=", *after])

    def test_drop_ins_of_the_service_count_but_for_our_own(self):
        self.write("root/usr/lib/systemd/system/bar@.service", "[Service]\nExecStart=/bin/old\n")
        self.write("root/etc/systemd/system/bar@.service.d/10-a.conf",
                   "[Service]\nExecStart=\nExecStart=/bin/new %i\n")
        self.write("root/usr/lib/systemd/system/bar@.service.d/10-a.conf",
                   "[Service]\nExecStart=\nExecStart=/bin/hidden\n")
        self.write("root/etc/systemd/system/bar@1.service.d/50-rtmem.conf",
                   "[Service]\nExecStart=\nExecStart=/bin/rtmemctl run --policy x -- /bin/new\n")
        text = self.unit("free", "--service", "bar@1")
        self.assertIn(self.launcher("free") + "/bin/new %i\n", text)
        self.assertIn("# Runs bar@1.service under", text)

    def test_what_stands_in_the_way_is_said(self):
        for line, text in (("Type=forking", "a lock ends at fork()"),
                           ("RestrictRealtime=on", "RestrictRealtime=no"),
                           ("PrivateUsers=yes", "LimitMEMLOCK="),
                           ("SystemCallFilter=~@memlock", "SystemCallFilter=@memlock"),
                           ("RootDirectory=/srv", "librtmem-init.so"),
                           ("User=joe", "the user of the policy")):
            with self.subTest(line=line):
                done = self.unit("camera", "--service", self.foo(f"{line}\nExecStart=/bin/foo"), status=1)
                self.assertIn(text, done.stderr)
                self.assertIn(f"# In the way: {done.stderr.split(': ', 2)[2]}", done.stdout)
        for line in ("Type=notify", "RestrictRealtime=no", "User=robot", "SystemCallFilter=@system-service"):
            self.unit("camera", "--service", self.foo(f"{line}\nExecStart=/bin/foo"))

    def test_a_bounding_set_gets_what_is_needed(self):
        text = self.unit("camera", "--service", self.foo("CapabilityBoundingSet=\nCapabilityBoundingSet="
                                                         "CAP_NET_ADMIN\nExecStart=/bin/foo"))
        self.assertIn("\nCapabilityBoundingSet=CAP_IPC_LOCK CAP_SYS_NICE\n", text)

    def test_what_makes_no_drop_in_is_an_error(self):
        for arguments, text in ((("pool",), "profile without a command"),
                                (("nobody",), "there is no process"),
                                (("free", "--service", "nowhere"), "no unit file of nowhere"),
                                (("free", "--service", self.write("a", "")), "has no ExecStart="),
                                (("free", "--service", self.foo("ExecStart=/x/rtmemctl run -- a")),
                                 "run by rtmemctl already")):
            with self.subTest(arguments=arguments):
                done = self.unit(*arguments, status=1)
                self.assertIn(text, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_systemd_accepts_it(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze isn't installed")
        self.write("units/loop.service", f"[Service]\nType=notify\nUser=daemon\nExecStart={LOOP} 0.1\n")
        path = os.path.join(self.dir, "units", "loop.service")
        for name in ("camera", "pool", "free"):
            policy = POLICY.replace("user: robot", "user: daemon").replace("-500", "-5")
            self.write("policies/p.yaml", policy)
            self.write("units/loop.service.d/50-rtmem.conf", self.unit(name, "--service", path))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], text=True,
                                  capture_output=True, check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines()
                    if "loop.service" in line or "rtmem" in line]
            self.assertEqual(said, [])

    # ---- as systemd would start it

    def start(self, text, notify_path):
        """The command of a drop-in, with its rights and no others, as nobody."""
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+ipc_lock",
                   "--ambient-caps=+ipc_lock", *shlex.split(lines["ExecStart"])]
        if "AmbientCapabilities" not in lines:
            command[4:6] = []

        def limits():
            limit = lines.get("LimitMEMLOCK")
            value = resource.RLIM_INFINITY if limit == "infinity" else int(limit)
            try:
                resource.setrlimit(resource.RLIMIT_MEMLOCK, (value, value))
            except (ValueError, PermissionError):
                pass  # no right to raise it here: the capability has to do
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={"NOTIFY_SOCKET": notify_path, "PATH": os.environ["PATH"]},
                                preexec_fn=limits)  # pylint: disable=subprocess-popen-preexec-fn

    def test_its_main_process_says_ready_and_takes_no_fault(self):
        rtmem.require_root()
        rtmem.require_program("setpriv")
        self.write("policies/p.yaml", "version: 1\nprocesses:\n  loop:\n    command: [/bin/true]\n"
                   "    capabilities: [ipc_lock]\n    memory: { lock: strict, heap: { prealloc: 4M } }\n")
        text = self.unit("loop", "--service", self.foo(f"Type=notify\nUser=nobody\nExecStart={LOOP} 0.3"))
        path = os.path.join(self.dir, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            os.chmod(path, 0o777)
            manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            manager.settimeout(rtmem.DEADLINE)
            with self.start(text, path) as main:
                message, control, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(array.array("i").itemsize * 3))
                said = main.communicate(timeout=rtmem.DEADLINE)[0]
        self.assertIn(b"READY=1\n", message)
        pid = struct.unpack("iii", control[0][2])[0]
        self.assertEqual(pid, main.pid)
        self.assertIn("300 cycles, 0 with page faults; 0 minor and 0 major", said)
        self.assertEqual(main.returncode, 0)


rtmem.main()
