#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that take no library: static, static-PIE, Go, musl, setuid, with file capabilities, with a
sanitizer. Each is protected by ptrace, without a fault once it's ready, or says why it isn't."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import fixture
import rtmem

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
SETTLE = "ready: { when: settle, settle: 300ms }"
WORK_SECONDS = 2


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          **options)


class Programs:
    """One source, built in every way that this machine can."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-injection-")
        os.chmod(self.dir, 0o755)
        self.paths, self.missing = {}, {}
        source = os.path.join(SOURCES, "steady.c")
        self.build("dynamic", "cc", "-O1", source)
        self.build("static", "cc", "-O1", "-static", source)
        self.build("static-pie", "cc", "-O1", "-static-pie", source)
        self.build("musl", "musl-gcc", "-O1", source)
        self.build("musl-static", "musl-gcc", "-O1", "-static", source)
        self.build("asan", "cc", "-O1", "-fsanitize=address", source)
        self.build("asan-inside", "clang", "-O1", "-fsanitize=address", source)
        self.build("go", "go", "build", os.path.join(SOURCES, "steady.go"), output_first=True)
        self.derive("setuid", lambda path: os.chmod(path, 0o4755))
        self.derive("capable", lambda path: run("setcap", "cap_net_raw+ep", path).check_returncode())

    def build(self, name, compiler, *arguments, output_first=False):
        path = os.path.join(self.dir, name)
        output = ["-o", path]
        if shutil.which(compiler) is None:
            self.missing[name] = f"{compiler} is not installed"
            return
        command = [compiler, arguments[0], *output, *arguments[1:]] if output_first else \
            [compiler, *arguments, *output]
        done = run(*command, env=dict(os.environ, GOCACHE=os.path.join(self.dir, "cache"),
                                      GOFLAGS="-mod=mod", GO111MODULE="off"))
        if done.returncode == 0:
            os.chmod(path, 0o755)
            self.paths[name] = path
        else:
            self.missing[name] = f"{compiler} can't build it: {done.stderr.strip()[-200:]}"

    def derive(self, name, change):
        path = os.path.join(self.dir, name)
        shutil.copy(self.paths["dynamic"], path)
        os.chmod(path, 0o755)
        try:
            change(path)
            self.paths[name] = path
        except (OSError, subprocess.CalledProcessError) as e:
            self.missing[name] = str(e)

    def done(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def policy(name, path, *lines, user=None):
    keys = "".join(f"    {line}\n" for line in (*lines, SETTLE, *([f"user: {user}"] if user else [])))
    return f"  {name}:\n    command: [{path}]\n{keys}"


STRICT = "memory: { lock: strict }"
# everybody's limit of memory to lock has to hold the next thread's stack as well
SMALL = "memory: { lock: strict, stack: { threads: 256K } }"
ROOMY = "capabilities: [ipc_lock]"  # the hard limit of memory to lock may be small
PTRACED = ("static", "static-pie", "musl", "musl-static", "go")
ASKED = ("setuid", "capable")


class Injection(rtmem.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = Programs()

    @classmethod
    def tearDownClass(cls):
        cls.programs.done()

    def have(self, *names):
        """{name: path} of those that could be built; says which couldn't."""
        found = {n: self.programs.paths[n] for n in names if n in self.programs.paths}
        for name in set(names) - set(found):
            sys.stderr.write(f"not tested: {name}: {self.programs.missing[name]}\n")
        return found

    def assert_protected(self, daemon, names):
        for name in names:
            p = daemon.wait_ready(name)
            self.assertEqual(p["injection"], "ptrace", p)
        pids = {name: daemon.process(name)["pid"] for name in names}
        faults = rtmem.count_faults(pids.values(), WORK_SECONDS)
        for name in names:
            p = daemon.wait_process(name, lambda p: p["compliance"] != "pending", "a verdict")
            self.assertEqual(p["compliance"], "compliant", p)
            self.assertEqual(faults[pids[name]], 0, name)
            self.assertEqual(rtmem.status_field(pids[name], "TracerPid"), 0)

    def test_strict_protects_what_takes_no_library(self):
        programs = self.have(*PTRACED)
        document = fixture.document(
            *(policy(name, path, STRICT) for name, path in programs.items()),
            *(policy(f"{name}-user", path, STRICT, ROOMY, user="nobody")
              for name, path in programs.items()),
            *(policy(name, path, SMALL, user="nobody")
              for name, path in self.have(*ASKED).items()))
        with rtmem.Daemon(document) as d:
            names = [*programs, *(f"{n}-user" for n in programs), *self.have(*ASKED)]
            self.assert_protected(d, names)
            if "setuid" in names:
                pid = d.process("setuid")["pid"]
                self.assertEqual(os.stat(f"/proc/{pid}").st_uid, 0, "its file's rights are its own")

    def test_other_locks_protect_as_well(self):
        # Go touches more of its heap now and then: under onfault that's a fault, as it should be
        locks = {"onfault": self.have("static", "musl")}
        if os.uname().machine == "x86_64":
            locks["balanced"] = self.have("static", "musl", "go")
        document = fixture.document(*(
            policy(f"{name}-{lock}", path, f"memory: {{ lock: {lock} }}")
            for lock, programs in locks.items() for name, path in programs.items()))
        with rtmem.Daemon(document) as d:
            self.assert_protected(d, [f"{n}-{lock}" for lock, programs in locks.items()
                                      for n in programs])

    def test_a_sanitizer_is_refused_or_unprotected_with_the_cause(self):
        programs = self.have("asan", "asan-inside")
        document = fixture.document(
            *(policy(f"{n}-strict", path, STRICT) for n, path in programs.items()),
            *(policy(f"{n}-balanced", path, "memory: { lock: balanced }")
              for n, path in programs.items()))
        with rtmem.Daemon(document) as d:
            for name in programs:
                p = d.wait_process(f"{name}-strict", lambda p: p["state"] == "failed", "failed")
                detail = fixture.findings(p)["launch"]["detail"]
                self.assertIn("AddressSanitizer", detail)
                self.assertIn("use a build without it", detail)
                p = d.wait_ready(f"{name}-balanced")
                p = d.wait_process(f"{name}-balanced", lambda p: p["compliance"] == "unprotected",
                                   "unprotected")
                self.assertEqual(p["injection"], "none")
                self.assertIn("AddressSanitizer", fixture.findings(p)["injection"]["detail"])

    def test_inject_none_runs_unprotected_by_its_own_will(self):
        path = self.programs.paths["dynamic"]
        with rtmem.Daemon(fixture.document(
                policy("x", path, "inject: none", "memory: { lock: balanced }"))) as d:
            p = d.wait_process("x", lambda p: p["compliance"] == "unprotected", "unprotected")
            self.assertIn("inject: none", fixture.findings(p)["injection"]["detail"])

    def test_an_adopted_process_stays_prepared_by_ptrace(self):
        path = self.have("static").get("static")
        if not path:
            self.skipTest("no static programs here")
        with rtmem.Daemon(fixture.document(policy("x", path, STRICT))) as d:
            self.assert_protected(d, ["x"])
            pid = d.process("x")["pid"]
            d.stop()
            d.start()
            p = d.wait_process("x", lambda p: p["compliance"] == "compliant", "compliant again")
            self.assertEqual((p["pid"], p["injection"]), (pid, "ptrace"))

    # ---- rtmemctl

    def write_policies(self, **processes):
        directory = os.path.join(self.programs.dir, "policies")
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "a.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(fixture.document(*(f"  {n}:\n    command: [/bin/true]\n    {line}\n"
                                       for n, line in processes.items())))
        os.chmod(path, 0o644)
        os.chmod(directory, 0o755)
        return directory

    def test_run_works_the_same_for_root_and_everybody(self):
        directory = self.write_policies(strict=SMALL)
        for name, path in self.have("static", "static-pie", "musl", "musl-static").items():
            for user in (0, fixture.NOBODY):
                done = run(rtmem.RTMEMCTL, "--config-dir", directory, "run", "--policy", "strict",
                           "--", path, "once", user=user, group=user, extra_groups=[])
                self.assertEqual(done.returncode, 0, (name, user, done.stderr))

    def test_run_by_nobody_keeps_from_programs_that_gain_rights(self):
        directory = self.write_policies(strict=STRICT, loose="memory: { lock: balanced }")
        for path in self.have("setuid", "capable").values():
            done = run(rtmem.RTMEMCTL, "--config-dir", directory, "run", "--policy", "strict",
                       "--", path, "once", user=fixture.NOBODY, group=fixture.NOBODY,
                       extra_groups=[])
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn("wouldn't get the rights of its file", done.stderr)
            done = run(rtmem.RTMEMCTL, "--config-dir", directory, "run", "--policy", "loose",
                       "--", path, "once", user=fixture.NOBODY, group=fixture.NOBODY,
                       extra_groups=[])
            # 3: it has its file's rights, untraced
            self.assertEqual(done.returncode, 3 if path.endswith("setuid") else 0, done.stderr)
            self.assertIn("unprotected", done.stderr)

    def test_plan_says_the_way_and_why(self):
        ways = {"dynamic": "preload", "static": "ptrace", "musl": "ptrace", "go": "ptrace",
                "capable": "ptrace", "asan": "refuse"}
        programs = self.have(*ways)
        with rtmem.Daemon(fixture.document(*(
                policy(n, path, STRICT, ROOMY, user="nobody") for n, path in programs.items()))) as d:
            done = run(rtmem.RTMEMCTL, "--json", "--config-dir", d.config_dir, "plan")
            for p in json.loads(done.stdout)["processes"]:
                self.assertEqual(p["injection"]["way"], ways[p["name"]], p)
                self.assertTrue(p["injection"]["why"], p)


if __name__ == "__main__":
    rtmem.require_root()
    rtmem.require_program("cc")
    rtmem.main()
