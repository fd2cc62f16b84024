#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The verbs of rtmemctl that need no daemon, as a user types them: output, JSON, exit status."""
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

GOOD = """version: 1
host:
  transparent_hugepage: never
  hugepages: { 2M: 4, 1G: 1 }
  sysctl: { vm.swappiness: 0, vm.no_such_key: 1 }
processes:
  camera:
    command: [/bin/sh, -c, "exit 7"]
    limits: { core: 0 }
    memory: { heap: { prealloc: 20M }, stack: { threads: 256K } }
  unlocked:
    command: [/bin/sh, -c, "echo unlocked"]
    memory: { lock: none }
"""
BAD = "version: 1\nprocesses:\n  camera:\n    comand: [/bin/true]\n    memory: { lock: sttrict }\n"
PROFILES = """version: 1
profiles:
  tool: { memory: { lock: strict, heap: { prealloc: 10M } } }
  plain: { memory: { lock: none } }
"""


class Verbs(rtmem.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-ctl-")
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir)
        self.policies = os.path.join(self.dir, "policies")
        self.root = os.path.join(self.dir, "root")
        os.mkdir(self.policies)
        # without root the memlock limit may be too small for a lock
        self.tool = "tool" if os.geteuid() == 0 else "plain"

    def need_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")

    def write(self, name, text):
        path = os.path.join(self.policies, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def fake_root(self, **values):
        files = {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never",
                 "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "4",
                 "proc/sys/vm/swappiness": "60"}
        for path, text in {**files, **values}.items():
            path = os.path.join(self.root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text + "\n")

    def ctl(self, *arguments, status=0, env=None, user=None):
        """Runs rtmemctl on the policies of the test, and insists on its exit status."""
        done = subprocess.run(
            [rtmem.RTMEMCTL, "--config-dir", self.policies, *arguments], text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, user=user,
            env=dict(os.environ, **(env or {})))
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    # ---- the command line

    def test_help_names_every_verb(self):
        text = self.ctl("--help").stdout
        for verb in ("check", "plan", "diff", "apply", "status", "start", "stop", "restart", "run",
                     "unit", "doctor", "explain", "schema"):
            self.assertIn(f"  {verb} ", text)
            self.assertIn(f"rtmemctl [OPTIONS] {verb}", self.ctl(verb, "--help").stdout)
            self.assertEqual(self.ctl("help", verb).stdout, self.ctl(verb, "-h").stdout)
        self.assertEqual(self.ctl("-h").stdout, text)
        self.assertEqual(self.ctl("help").stdout, text)

    def test_version(self):
        self.assertRegex(self.ctl("--version").stdout, r"^rtmemctl \d+\.\d+\.\d+\n$")

    def test_wrong_usage_is_status_2_with_a_hint(self):
        for arguments in ((), ("nonsense",), ("help", "nonsense"), ("--nonsense",), ("check", "--nonsense"),
                          ("apply", "--at-boot", "--try", "60s"),
                          ("check", "--watch"), ("--watch", "status"), ("start",),
                          ("start", "a", "b"), ("schema", "x"), ("status", "a", "b"),
                          ("plan", "a", "b"), ("unit",), ("unit", "a", "b"), ("plan", "--service", "a"),
                          ("--runtime-dir",), ("diff", "x")):
            with self.subTest(arguments=arguments):
                done = self.ctl(*arguments, status=2)
                self.assertIn("rtmemctl: ", done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertTrue(all(line.startswith("rtmemctl: ") for line in done.stderr.splitlines()))

    def test_a_config_directory_that_is_nowhere_is_named(self):
        nowhere = os.path.join(self.dir, "nowhere")
        self.policies = nowhere
        for arguments, status in ((("check",), 1), (("plan",), 1), (("diff",), 1), (("unit", "x"), 1),
                                  (("run", "--policy", "x", "--", "true"), 125)):
            with self.subTest(arguments=arguments):
                done = self.ctl(*arguments, status=status)
                self.assertIn(f"{nowhere}: No such file or directory", done.stderr)
        self.ctl("--config-dir", self.dir, "check") # one of two is enough

    def test_run_says_what_is_missing_to_execute(self):
        self.write("p.yaml", PROFILES)
        script = os.path.join(self.dir, "script")
        with open(script, "w", encoding="utf-8") as f:
            f.write("#!/nonexistent/interpreter\n")
        cases = (("no-such-program", 127, "it's in no directory of PATH"),
                 (script, 126, "its user needs the right to execute it"))
        for program, status, text in cases:
            with self.subTest(program=program):
                self.assertIn(text, self.ctl("run", "--policy", "plain", "--", program,
                                             status=status).stderr)
        os.chmod(script, 0o755)
        self.assertIn("the interpreter that it names isn't",
                      self.ctl("run", "--policy", "plain", "--", script, status=127).stderr)

    def test_options_stand_before_or_behind_the_verb(self):
        self.write("a.yaml", GOOD)
        self.assertEqual(self.ctl("--json", "check").stdout, self.ctl("check", "--json").stdout)

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([rtmem.RTMEMCTL, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertNotEqual(done.returncode, 0)

    # ---- check

    def test_check_counts_what_is_valid(self):
        self.write("a.yaml", GOOD)
        self.write("b.yaml", PROFILES)
        self.assertEqual(self.ctl("check").stdout, "2 files, 2 processes: valid\n")

    def test_check_reports_every_error_with_its_place(self):
        path = self.write("bad.yaml", BAD)
        done = self.ctl("check", status=1)
        self.assertIn(f"{path}:4:5: error:", done.stderr)
        self.assertIn(f"{path}:5:21: error:", done.stderr)
        self.assertEqual(done.stdout, "")
        document = json.loads(self.ctl("--json", "check", status=1).stdout)
        self.assertEqual([d["line"] for d in document if d["severity"] == "error"], [4, 5])
        self.assertEqual(set(document[0]), {"file", "line", "column", "severity", "id", "message",
                                            "hint"})

    def test_check_takes_files_and_directories(self):
        bad = self.write("bad.yaml", BAD)
        good = self.write("good/good.yaml", GOOD)
        self.ctl("check", good)
        self.ctl("check", os.path.dirname(good))
        self.ctl("check", good, bad, status=1)
        self.assertEqual(json.loads(self.ctl("check", good, "--json").stdout), [])
        self.assertIn("No such file", self.ctl("check", "/nonexistent.yaml", status=1).stderr)

    def test_check_needs_no_privileges(self):
        self.need_root()
        self.write("a.yaml", GOOD)
        self.ctl("check", user=65534)

    def test_root_refuses_what_others_can_write(self):
        self.need_root()
        path = self.write("a.yaml", GOOD)
        os.chmod(path, 0o666)
        self.assertIn("can be written by others", self.ctl("check", path, status=1).stderr)
        self.assertIn("can be written by others",
                      self.ctl("run", "--policy", "plain", "--", "true", status=125).stderr)
        self.ctl("check", path, user=65534)

    def test_sudo_believes_its_caller_about_a_file_that_is_named(self):
        self.need_root()
        path = self.write("a.yaml", GOOD)
        os.chown(path, 65534, 65534)
        self.assertIn("belongs to user 65534", self.ctl("check", path, status=1).stderr)
        self.ctl("check", path, env={"SUDO_UID": "65534"})

    def test_colour_only_on_a_terminal(self):
        self.write("bad.yaml", BAD)
        self.assertNotIn("\033", self.ctl("check", status=1).stderr)

    # ---- plan

    def test_plan_shows_the_budget_as_arithmetic(self):
        self.write("a.yaml", GOOD)
        text = self.ctl("plan", "camera").stdout
        for part in ("image ", "main stack ", "threads ", " × 256K = 2.0M", "heap ", "20.0M",
                     "margin ", "total ", "limits: { memlock: ", "hard limit"):
            self.assertIn(part, text)
        self.assertNotIn("unlocked", text)

    def test_plan_as_json_adds_up(self):
        self.write("a.yaml", GOOD)
        document = json.loads(self.ctl("--json", "plan").stdout)
        self.assertEqual([p["name"] for p in document["processes"]], ["camera", "unlocked"])
        camera = document["processes"][0]
        budget = camera["budget"]
        for line in budget["lines"]:
            self.assertEqual(line["bytes"], line["count"] * line["unit"])
        self.assertEqual(sum(line["bytes"] for line in budget["lines"]), budget["total"])
        self.assertGreaterEqual(budget["memlock"], budget["total"])
        self.assertEqual(camera["steps"][-1]["step"], "exec")
        self.assertEqual(camera["problem"], "")
        self.assertIn("hugepages.2M", [s["setting"] for s in document["host"]])

    def test_plan_says_what_stands_in_the_way(self):
        self.need_root()
        self.write("a.yaml", "version: 1\nprocesses:\n  rt:\n    command: [/bin/true]\n"
                   "    scheduling: { policy: fifo, priority: 5 }\n")
        done = self.ctl("plan", status=1, user=65534)
        self.assertIn("CAP_SYS_NICE", done.stdout)
        document = json.loads(self.ctl("--json", "plan", status=1, user=65534).stdout)
        self.assertEqual(document["processes"][0]["problem_key"], "scheduling.policy")

    def test_plan_of_an_unknown_process_names_the_known(self):
        self.write("a.yaml", GOOD)
        self.assertIn("camera unlocked", self.ctl("plan", "camra", status=1).stderr)

    def test_an_image_that_cannot_be_read_is_a_warning(self):
        self.write("a.yaml", "version: 1\nprocesses:\n  x:\n    command: [/nonexistent/x]\n")
        self.assertIn("isn't known", self.ctl("plan").stdout)

    def test_a_program_that_takes_no_library_is_a_warning(self):
        program = os.path.join(self.dir, "setuid")
        shutil.copy("/bin/true", program)
        os.chmod(program, 0o4755)
        self.write("a.yaml", "version: 1\nprocesses:\n"
                   f"  strict: {{ command: [{program}], user: nobody }}\n"
                   f"  bound: {{ command: [{program}], user: nobody, inject: preload }}\n"
                   f"  other: {{ command: [{program}], user: nobody, inject: preload,"
                   " memory: { lock: balanced } }\n"
                   f"  none: {{ command: [{program}], user: nobody, memory: {{ lock: none }} }}\n")
        document = json.loads(self.ctl("--json", "plan", "strict").stdout)["processes"][0]
        self.assertEqual(document["injection"]["way"], "ptrace")
        self.assertIn("it is setuid", document["injection"]["why"])
        self.assertIn("trace", [s["step"] for s in document["steps"]])
        self.assertIn("injection: ptrace: it is setuid", self.ctl("plan", "strict").stdout)
        self.assertIn("lock: strict starts nothing", self.ctl("plan", "bound", status=1).stdout)
        self.assertIn("unprotected", self.ctl("plan", "other").stdout)
        self.assertNotIn("warning", self.ctl("plan", "none").stdout)

    # ---- diff

    def test_diff_shows_differences_alone(self):
        self.write("a.yaml", GOOD)
        self.fake_root()
        text = self.ctl("--root", self.root, "diff", status=1).stdout
        self.assertIn("transparent_hugepage", text)
        self.assertIn("sysctl.vm.swappiness", text)
        self.assertIn("this kernel has no huge pages of 1G, only of 2M", text)
        self.assertNotIn("hugepages.2M ", text)
        self.assertIn("hugepages.2M ", self.ctl("--root", self.root, "diff", "--all",
                                                status=1).stdout)

    def test_diff_without_a_difference_is_good(self):
        self.write("a.yaml", "version: 1\nhost: { sysctl: { vm.swappiness: 60 } }\n")
        self.fake_root()
        self.assertIn("no difference", self.ctl("--root", self.root, "diff").stdout)

    def test_what_this_machine_lacks_is_no_difference(self):
        self.write("a.yaml", "version: 1\nhost: { sysctl: { vm.no_such_key: 60 } }\n")
        self.fake_root()
        self.assertIn("not-applicable", self.ctl("--root", self.root, "diff").stdout)

    def test_diff_as_json(self):
        path = self.write("a.yaml", GOOD)
        self.fake_root()
        document = json.loads(self.ctl("--json", "--root", self.root, "diff", status=1).stdout)
        rows = {s["setting"]: s for s in document["host"]}
        self.assertEqual(rows["hugepages.2M"]["result"], "ok")
        self.assertEqual(rows["transparent_hugepage"]["actual"], "always")
        self.assertEqual(rows["sysctl.vm.no_such_key"]["result"], "not-applicable")
        self.assertEqual(rows["sysctl.vm.swappiness"]["source"], f"{path}:5")

    def test_policies_lie_below_the_root_too(self):
        self.fake_root()
        os.makedirs(os.path.join(self.root, "etc/rtmem.d"))
        with open(os.path.join(self.root, "etc/rtmem.d/a.yaml"), "w", encoding="utf-8") as f:
            f.write("version: 1\nhost: { sysctl: { vm.swappiness: 0 } }\n")
        done = subprocess.run([rtmem.RTMEMCTL, "--root", self.root, "diff"], text=True, timeout=60,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"{self.root}/etc/rtmem.d/a.yaml:2", done.stdout)
        self.assertIn(f"wanted by the policies below {self.root}", done.stdout)
        self.assertNotIn("below", self.ctl("--root", self.root, "diff").stdout)
        shutil.rmtree(os.path.join(self.root, "etc"))
        done = subprocess.run([rtmem.RTMEMCTL, "--root", self.root, "diff"], text=True, timeout=60,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are no policies below", done.stderr)

    # ---- run

    def run_under(self, policy, *command, status=0, **more):
        return self.ctl("run", "--policy", policy, "--", *command, status=status, **more)

    def test_run_passes_the_exit_status_on(self):
        self.write("a.yaml", PROFILES)
        for status in (0, 1, 3, 42):
            self.run_under(self.tool, "/bin/sh", "-c", f"exit {status}", status=status)

    def test_run_takes_the_command_of_the_policy(self):
        self.need_root()
        self.write("a.yaml", GOOD)
        self.ctl("run", "--policy", "camera", status=7)
        self.assertEqual(self.ctl("run", "--policy", "unlocked").stdout, "unlocked\n")

    def test_run_locks_the_memory_of_python(self):
        self.need_root()
        self.write("a.yaml", PROFILES)
        script = ("import re; t=open('/proc/self/status').read();"
                  "print(*re.findall(r'^(?:VmSize|VmLck):\\s+(\\d+)', t, re.M))")
        done = self.run_under(self.tool, "/usr/bin/python3", "-c", script)
        size, locked = map(int, done.stdout.split())
        self.assertGreater(locked, 10 * 1024)
        self.assertLessEqual(size - locked, 64)

    def test_run_keeps_pid_environment_and_descriptors(self):
        self.write("a.yaml", PROFILES)
        read, write = os.pipe()
        popen = subprocess.Popen(
            [rtmem.RTMEMCTL, "--config-dir", self.policies, "run", "--policy", self.tool, "--",
             "/bin/sh", "-c", f"echo $$ $MINE $LD_PRELOAD $RTMEM_INIT $GLIBC_TUNABLES >&{write}"],
            pass_fds=[write], env={**os.environ, "MINE": "here"})
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as f:
            self.assertEqual(f.read().split(), [str(popen.pid), "here"])
        self.assertEqual(popen.wait(), 0)

    def test_run_leaves_no_plan_behind(self):
        self.write("a.yaml", PROFILES)
        done = self.run_under(self.tool, "/bin/ls", "-l", "/proc/self/fd")
        self.assertNotIn("memfd", done.stdout)

    def test_signals_reach_the_program(self):
        self.write("a.yaml", PROFILES)
        self.run_under("plain", "/bin/sh", "-c", "kill -TERM $$", status=-15)

    def test_run_fails_as_env_does(self):
        self.write("a.yaml", PROFILES)
        self.run_under(self.tool, "/nonexistent/program", status=127)
        self.run_under(self.tool, "no-such-program-in-the-path", status=127,
                       env={"PATH": "/usr/bin:/bin"})
        self.run_under(self.tool, "/etc/passwd", status=126)
        self.run_under("nothing", "/bin/true", status=125)
        self.ctl("run", "--", "/bin/true", status=125)
        self.ctl("run", "--watch", "--policy", self.tool, status=125)
        self.ctl("run", "--policy", self.tool, status=125)

    def test_options_of_the_command_are_its_own(self):
        self.write("a.yaml", PROFILES)
        done = self.ctl("run", "--policy", "plain", "/bin/echo", "--help", "--json", "--", "-x")
        self.assertEqual(done.stdout, "--help --json -- -x\n")

    def test_a_wrong_policy_runs_nothing(self):
        self.write("bad.yaml", BAD)
        done = self.run_under("camera", "/bin/echo", "ran", status=125)
        self.assertIn(":4:5: error:", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_run_reads_the_one_file_that_is_named(self):
        self.write("bad.yaml", BAD)
        good = os.path.join(self.dir, "good.yaml")
        with open(good, "w", encoding="utf-8") as f:
            f.write(PROFILES)
        done = self.ctl("run", "--policy-file", good, "--policy", "plain", "--", "echo", "ran")
        self.assertEqual(done.stdout, "ran\n")
        self.ctl("run", "--policy-file", good + "x", "--policy", "plain", "echo", status=125)

    def test_run_without_privileges_does_what_is_possible(self):
        self.need_root()
        self.write("a.yaml", PROFILES + """  tight: { limits: { memlock: 4M, core: 0 } }
  realtime: { scheduling: { policy: fifo, priority: 1 } }
  other: { user: root }
""")
        if not os.stat(rtmem.RTMEMCTL).st_mode & stat.S_IXOTH:
            self.skipTest("others may not run the build's programs")
        self.assertEqual(self.run_under("plain", "/usr/bin/id", "-u", user=65534).stdout, "65534\n")
        done = self.run_under("realtime", "/bin/true", status=125, user=65534)
        self.assertIn("CAP_SYS_NICE", done.stderr)
        done = self.run_under("other", "/bin/true", status=125, user=65534)
        self.assertIn("CAP_SETUID", done.stderr)
        # more than the limit allows: refused, in words
        done = self.run_under("tight", "/usr/bin/python3", "-c", "1", status=125, user=65534)
        self.assertIn("memlock", done.stderr.lower())

    def test_run_as_another_user_with_capabilities(self):
        self.need_root()
        self.write("a.yaml", """version: 1
profiles:
  robot:
    user: nobody
    capabilities: [ipc_lock, sys_nice]
    scheduling: { policy: fifo, priority: 7, cpus: "0" }
    memory: { heap: { prealloc: 10M } }
""")
        script = ("import os; s=open('/proc/self/status').read();"
                  "print(os.geteuid(), os.sched_getscheduler(0)==os.SCHED_FIFO,"
                  "os.sched_getparam(0).sched_priority, os.sched_getaffinity(0),"
                  "'CapEff:\\t0000000000804000' in s)")
        done = self.run_under("robot", "/usr/bin/python3", "-c", script)
        self.assertEqual(done.stdout, "65534 True 7 {0} True\n", done.stderr)

    # ---- explain, schema

    def test_explain(self):
        self.assertIn("strict", self.ctl("explain", "memory.lock").stdout)
        self.assertIn("memory.lock", self.ctl("explain").stdout)
        self.assertIn("did you mean", self.ctl("explain", "memory.lok", status=1).stderr)

    def test_schema_is_json(self):
        self.assertIn("processes", json.loads(self.ctl("schema").stdout)["properties"])

    # ---- without a daemon

    def test_a_missing_daemon_is_status_3_with_the_next_step(self):
        for arguments in (("status",), ("apply",), ("start", "x"), ("stop", "x"), ("restart", "x"),
                          ("--json", "status", "x")):
            done = self.ctl("--runtime-dir", self.dir, *arguments, status=3)
            self.assertIn("rtmemd isn't running on", done.stderr)
        os.mkdir(os.path.join(self.dir, "bus"))
        self.ctl("--runtime-dir", self.dir, "status", status=3)


rtmem.main()
