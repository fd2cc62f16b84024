#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cgroup v2: each program in a group of its own with its memory values; one that takes more than its
policy allows is ended and told of; a stop ends the whole tree, also what has left the session."""
import os

import machine

POLICY = "/etc/rtmem.d/cgroup.yaml"
TREE = "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &) ; exec sleep 1005"


def policy(stubborn=""):
    return f"""version: 1
processes:
  limited:
    command: [/bin/sleep, infinity]
    memory: {{ lock: strict }}
    cgroup: {{ memory_min: 8M, memory_low: 16M, memory_max: 256M }}
    ready: {{ when: exec }}
  tree:
    command: [/bin/sh, -c, "{TREE}"]
    memory: {{ lock: none }}
    compliance: {{ minor_faults: unlimited, major_faults: unlimited }}
    ready: {{ when: exec }}
{stubborn}"""


def group_of(pid):
    line = next(t for t in machine.read(f"/proc/{pid}/cgroup").splitlines() if t.startswith("0::"))
    return "/sys/fs/cgroup" + line[3:]


def sleepers():
    """{argument: pid} of the tree's programs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = machine.read(f"/proc/{pid}/cmdline").split("\0")
        except OSError:
            continue
        if words[:1] == ["sleep"] and len(words) > 1:
            found[words[1]] = int(pid)
    return found


class Groups(machine.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(machine.ctl, "apply", status=None)
        cls.addClassCleanup(os.unlink, POLICY)
        machine.write(POLICY, policy())
        text = machine.ctl("apply", status=None)
        if "error:" in text:
            raise AssertionError(text)
        machine.wait_ready("limited", "tree")

    def test_1_the_memory_values_are_the_kernels(self):
        p = machine.processes()["limited"]
        group = group_of(p["pid"])
        self.assertEqual({k: machine.read(f"{group}/memory.{k}") for k in ("min", "low", "max")},
                         {"min": str(8 << 20), "low": str(16 << 20), "max": str(256 << 20)})
        self.assertEqual(p["compliance"], "compliant", p["findings"])
        self.assertNotEqual(group, group_of(machine.processes()["tree"]["pid"]))

    def test_2_a_changed_value_is_applied_live(self):
        pid = machine.processes()["limited"]["pid"]
        machine.write(POLICY, policy().replace("memory_max: 256M", "memory_max: 384M"))
        machine.ctl("apply", status=None)
        self.assertEqual(machine.processes()["limited"]["pid"], pid)
        self.assertEqual(machine.read(group_of(pid) + "/memory.max"), str(384 << 20))

    def test_3_the_groups_live_over_a_restart(self):
        before = {n: p["pid"] for n, p in machine.processes().items()}
        machine.run("systemctl", "restart", "rtmemd")
        now = machine.wait_ready("limited", "tree")
        self.assertEqual({n: now[n]["pid"] for n in before}, before)
        self.assertEqual(machine.read(group_of(before["limited"]) + "/memory.max"), str(384 << 20))

    def stop_tree(self):
        wanted = {str(n) for n in range(1001, 1006)}
        machine.wait_until(lambda: wanted <= set(sleepers()), "the tree runs")
        group = group_of(machine.processes()["tree"]["pid"])
        machine.ctl("stop", "tree")
        machine.wait_until(lambda: not wanted & set(sleepers()), "all of it has ended")
        machine.wait_until(lambda: not os.path.exists(group), "its group is gone")
        self.assertEqual(machine.processes()["limited"]["compliance"], "compliant")

    def test_4_a_stop_ends_the_whole_tree(self):
        machine.ctl("restart", "tree")
        self.stop_tree()

    def test_5_as_does_that_of_an_rtmemd_which_adopted_it(self):
        machine.ctl("start", "tree")
        machine.wait_ready("tree")
        machine.run("systemctl", "restart", "rtmemd")
        machine.wait_ready("tree")
        self.stop_tree()


machine.main()
