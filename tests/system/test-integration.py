#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/integration.md, tried: containers with and without what they need, and the prefix of ROS 2 launch."""
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

POLICY = """version: 1
processes:
  loop:
    command: [/bin/true]
    memory: { lock: strict, heap: { prealloc: 8M } }
"""
LOOP = os.path.join(rtmem.BUILD, "librtmem", "example")
NO_FAULTS = "200 cycles, 0 with page faults; 0 minor and 0 major faults since ready"
LAUNCH_FILE = """import sys
from launch import LaunchDescription, LaunchService
from launch.actions import ExecuteProcess

node = ExecuteProcess(cmd=[{loop!r}, "0.2"], prefix={prefix!r}, output="screen")
service = LaunchService()
service.include_launch_description(LaunchDescription([node]))
sys.exit(service.run())
"""


class Integration(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-integration-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir)
        with open(os.path.join(self.dir, "loop.yaml"), "w", encoding="utf-8") as f:
            f.write(POLICY)
        self.prefix = [rtmem.RTMEMCTL, "--config-dir", self.dir, "run", "--policy", "loop", "--"]

    def run_loop(self, *container, status=0):
        done = subprocess.run([*container, *self.prefix, LOOP, "0.2"], text=True, check=False, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def need(self, *command):
        """This way to make a container has to work here."""
        try:
            done = subprocess.run([*command, "true"], capture_output=True, text=True, check=False, timeout=60)
        except FileNotFoundError:
            self.skipTest(f"{command[0]} isn't installed")
        if done.returncode != 0:
            self.skipTest(f"{command[0]}: {done.stderr.strip()}")
        return command

    # ---- containers

    def bubble(self, *options):
        """A root with nothing in it but the system's files, rtmem and the policies."""
        binds = [word for d in ("/usr", "/bin", "/lib", "/lib64", "/etc") if os.path.exists(d)
                 for word in ("--ro-bind", d, d)]
        return self.need("bwrap", "--unshare-pid", "--unshare-ipc", *binds, "--proc", "/proc", "--dev", "/dev",
                         "--ro-bind", rtmem.BUILD, rtmem.BUILD, "--ro-bind", self.dir, self.dir, *options)

    def test_a_container_with_the_capability(self):
        rtmem.require_root()
        output = self.run_loop(*self.bubble("--cap-drop", "ALL", "--cap-add", "CAP_IPC_LOCK"))
        self.assertIn(NO_FAULTS, output)

    def limited(self, *command):
        return ("prlimit", "--memlock=4194304:4194304", *command)

    def test_a_container_without_the_capability_says_so(self):
        rtmem.require_root()
        output = self.run_loop(*self.limited(*self.bubble("--cap-drop", "ALL")), status=125)
        self.assertIn("memlock limit is too low", output)
        self.assertIn("CAP_IPC_LOCK isn't held", output)

    def test_a_container_in_a_user_namespace_needs_the_limit(self):
        output = self.run_loop(*self.limited(*self.need("unshare", "--user", "--map-root-user")), status=125)
        self.assertIn("CAP_IPC_LOCK doesn't count in a user namespace", output)
        self.assertNotIn("capabilities: [ipc_lock]", output)

    def test_a_container_without_the_library_says_so(self):
        rtmem.require_root()
        hidden = os.path.join(rtmem.BUILD, "libinit")
        output = self.run_loop(*self.bubble("--tmpfs", hidden), status=125)
        self.assertIn("librtmem-init.so", output)
        self.assertIn("wasn't found", output)

    # ---- ROS 2

    def test_the_prefix_of_ros_2_launch(self):
        rtmem.require_root()
        if importlib.util.find_spec("launch") is None:
            self.skipTest("ROS 2 launch isn't in this Python's path: source its setup first")
        path = os.path.join(self.dir, "loop.launch.py")
        with open(path, "w", encoding="utf-8") as f:
            f.write(LAUNCH_FILE.format(loop=LOOP, prefix=" ".join(self.prefix)))
        done = subprocess.run([sys.executable, path], text=True, check=False, stdout=subprocess.PIPE, timeout=60,
                              stderr=subprocess.STDOUT, env=dict(os.environ, ROS_LOG_DIR=self.dir))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(NO_FAULTS, done.stdout)


rtmem.main()
