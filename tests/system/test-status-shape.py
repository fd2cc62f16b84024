#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`rtmemctl --json status` has every key that others rely on, with its type and its allowed words."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position


class OneOf:
    def __init__(self, *words):
        self.words = words


FINDING = {"rule": str, "wanted": str, "seen": str, "detail": str}
SHAPE = {
    "version": OneOf(1),
    "daemon": {"pid": int, "version": str, "config": [str],
               "state": OneOf("compliant", "pending", "violating", "degraded")},
    "host": [{"setting": str, "wanted": str, "actual": str, "original": str, "reason": str,
              "result": OneOf("ok", "drift", "not-applicable"), "source": str}],
    "processes": [{
        "name": str, "pid": int, "state": str, "ready": bool,
        "compliance": OneOf("compliant", "pending", "violating", "unprotected", "stopped"),
        "findings": [FINDING], "injection": OneOf("preload", "ptrace", "none"),
        "faults": {"minor": int, "major": int}, "fault_source": OneOf("perf", "proc"),
        "memory": {"rss": int, "locked": int, "size": int, "swap": int, "memlock_limit": int,
                   "heap_prealloc": int},
        "threads": [{"tid": int, "name": str, "minor": int, "major": int}],
        "notes": [{"rule": str, "detail": str}],
        "restarts": int, "pending_changes": [str], "source": str,
    }],
}

POLICY = f"""
version: 1
host:
  sysctl: {{ vm.nonsense_of_a_test: 1 }}
processes:
  good:
    command: ["{rtmem.NODE}"]
    memory: {{ stack: {{ threads: 256K }} }}
    ready: {{ when: notify }}
  unlocked:
    command: ["{rtmem.NODE}", --allocate-in-node, "10", --period, "100"]
    memory: {{ lock: none }}
    ready: {{ when: notify }}
    compliance: {{ interval: 200ms }}
  missing:
    command: [/nonexistent/program]
"""


def misfits(value, shape, where):
    """Every place where a document doesn't have the shape; keys beyond it are free."""
    if isinstance(shape, OneOf):
        return [] if value in shape.words else [f"{where}: {value!r} is not one of {shape.words}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        return [m for i, v in enumerate(value) for m in misfits(v, shape[0], f"{where}[{i}]")]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where}: not an object"]
        missing = [f"{where}.{k}: missing" for k in shape if k not in value]
        return missing + [m for k in shape if k in value
                          for m in misfits(value[k], shape[k], f"{where}.{k}")]
    good = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    return [] if good else [f"{where}: {value!r} is not {shape.__name__}"]


class Shape(rtmem.TestCase):
    def test_every_key_is_there_with_its_type(self):
        with rtmem.Daemon(POLICY) as d:
            d.wait_ready("good")
            d.wait_process("unlocked", lambda p: p["findings"], "a finding")
            d.wait_process("missing", lambda p: p["pid"] <= 0, "ended")
            document = d.status()
            self.assertEqual(misfits(document, SHAPE, "status"), [])
            self.assertEqual([p["name"] for p in document["processes"]],
                             ["good", "unlocked", "missing"])
            self.assertEqual(document["host"][0]["setting"], "sysctl.vm.nonsense_of_a_test")
            self.assertEqual(document["host"][0]["result"], "not-applicable")
            self.assertEqual(document["daemon"]["pid"], d.popen.pid)
            self.assertEqual(document["daemon"]["config"], [d.config_dir + "/test.yaml"])
            self.assertTrue(document["processes"][0]["threads"])
            source = document["processes"][0]["source"]
            self.assertTrue(source.startswith(d.config_dir + "/test.yaml:"), source)

    def test_one_process_alone_has_the_same_shape(self):
        with rtmem.Daemon(POLICY) as d:
            d.wait_ready("good")
            done = d.ctl("--json", "status", "good")
            self.assertEqual(done.returncode, 0, done.stderr)
            document = rtmem.json.loads(done.stdout)
            self.assertEqual(misfits(document, SHAPE, "status"), [])
            self.assertEqual([p["name"] for p in document["processes"]], ["good"])

    def test_a_wrong_document_is_told_from_a_right_one(self):
        self.assertTrue(misfits({}, SHAPE, ""))
        self.assertTrue(misfits({"version": 2}, {"version": OneOf(1)}, ""))
        self.assertTrue(misfits(True, int, ""))
        self.assertEqual(misfits([{"a": 1, "b": 2}], [{"a": int}], ""), [])


rtmem.require_root()
rtmem.main()
