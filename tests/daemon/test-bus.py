#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.rtmem1 as clients see it: on the private socket, and on a bus daemon of the test's own.

With --update the golden introspection data are written anew.
"""
import grp
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import fixture
import rtmem
from fixture import document, sleeper

import dbus  # pylint: disable=wrong-import-order

PATH = "/org/rtmem1"
MANAGER, PROCESS = "org.rtmem1.Manager", "org.rtmem1.Process"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
GROUPED = os.path.join(rtmem.BUILD, "daemon", "rtmemd-grouped")
GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
CHANGES = [("Apply", "b", False), ("Apply", "b", True), ("Reload", "a{sv}", {}), ("Try", "t", 5000000),
           ("Confirm",), ("Revert",), ("Rollback", "b", False), ("Start", "s", "a"),
           ("Stop", "s", "a"), ("Restart", "s", "a")]


def connect(daemon):
    rtmem.wait_until(lambda: os.path.exists(os.path.join(daemon.runtime_dir, "bus")), "the socket")
    return dbus.Client(os.path.join(daemon.runtime_dir, "bus"))


def object_of(name):
    return f"{PATH}/process/{name}"


def as_user(uid, groups, work, gid=fixture.NOBODY):
    """Has work() done by somebody else, in a process of its own; what it returned, by way of JSON."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            os.write(write, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as f:
        text = f.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def outcome(client, *arguments):
    """"ok", or the name of the error"""
    try:
        client.call(*arguments)
        return "ok"
    except dbus.Error as e:
        return e.name


class Reading(rtmem.TestCase):
    def test_what_is_there_is_what_is_documented(self):
        with rtmem.Daemon(document(sleeper("a"))) as d, connect(d) as c:
            for name, path, interface in (("manager", PATH, MANAGER),
                                          ("process", object_of("a"), PROCESS)):
                root = ElementTree.fromstring(c.introspect(path))
                node = next(i for i in root if i.get("name") == interface)
                ElementTree.indent(node)
                golden = os.path.join(GOLDEN, f"org.rtmem1-{name}.xml")
                text = ElementTree.tostring(node, encoding="unicode").strip() + "\n"
                if UPDATE:
                    with open(golden, "w", encoding="utf-8") as f:
                        f.write(text)
                with open(golden, encoding="utf-8") as f:
                    self.assertEqual(f.read(), text)

    def test_a_process_is_an_object(self):
        with rtmem.Daemon(document(sleeper("cam-1", "after: [b]"), sleeper("b"))) as d, connect(d) as c:
            pid = d.wait_ready("cam-1")["pid"]
            d.wait_ready("b")
            path = c.call(PATH, MANAGER, "GetProcess", "s", "cam-1")[0]
            self.assertEqual(path, object_of("cam_2d1"))
            self.assertIn(("cam-1", "running", "compliant", pid, path),
                          c.call(PATH, MANAGER, "ListProcesses")[0])
            values = c.get_all(path, PROCESS)
            self.assertEqual((values["Name"], values["Pid"], values["State"], values["Wanted"],
                              values["Ready"], values["Restarts"], values["After"], values["Findings"]),
                             ("cam-1", pid, "running", "running", True, 0, ["b"], []))
            self.assertGreater(values["MemoryRss"], 0)
            self.assertEqual(values["Source"], os.path.join(d.config_dir, "test.yaml") + ":3")
            status = json.loads(c.call(path, PROCESS, "GetStatus")[0])
            self.assertEqual([p["name"] for p in status["processes"]], ["cam-1"])
            objects = c.call(PATH, OBJECTS, "GetManagedObjects")[0]
            self.assertEqual(sorted(objects), [object_of("b"), path])
            self.assertEqual(objects[path][PROCESS]["Pid"], pid)
            manager = c.get_all(PATH, MANAGER)
            self.assertEqual((manager["Processes"], manager["State"], manager["HostDrift"]),
                             (2, "compliant", 0))
            self.assertEqual(manager["PolicyFiles"], [os.path.join(d.config_dir, "test.yaml")])

    def test_what_is_not_there_is_an_error(self):
        with rtmem.Daemon(document(sleeper("a"))) as d, connect(d) as c:
            self.assertEqual(outcome(c, PATH, MANAGER, "GetProcess", "s", "b"),
                             "org.rtmem1.Error.NoSuchProcess")
            self.assertEqual(outcome(c, object_of("b"), PROCESS, "GetStatus"),
                             "org.freedesktop.DBus.Error.UnknownObject")
            self.assertEqual(outcome(c, PATH, MANAGER, "Reload", "a{sv}", {"dry": ("b", True)}),
                             "org.freedesktop.DBus.Error.InvalidArgs")


class Changing(rtmem.TestCase):
    def test_all_that_happens_is_told(self):
        with rtmem.Daemon(document(sleeper("a"))) as d, connect(d) as c:
            d.wait_ready("a")
            c.call(object_of("a"), PROCESS, "Stop")
            c.wait_signal("StateChanged", lambda b: b[:3] == ["a", "running", "stopping"])
            c.wait_signal("StateChanged", lambda b: b[:3] == ["a", "stopping", "stopped"])
            path, body = c.wait_signal("PropertiesChanged", lambda b: "Pid" in b[1])
            self.assertEqual((path, body[0], body[1]["Pid"], body[1]["State"]),
                             (object_of("a"), PROCESS, 0, "stopped"))
            c.call(object_of("a"), PROCESS, "Start")
            c.wait_signal("PropertiesChanged", lambda b: b[1].get("Ready") is True)
            d.write_policy("test.yaml", document(sleeper("b")))
            c.call(PATH, MANAGER, "Reload", "a{sv}", {})
            self.assertEqual(c.wait_signal("InterfacesAdded")[1][0], object_of("b"))
            c.wait_signal("ProcessAdded", lambda b: b == ["b", object_of("b")])
            c.wait_signal("Reloaded", lambda b: b == ["applied"])
            c.wait_signal("InterfacesRemoved", lambda b: b[0] == object_of("a") and PROCESS in b[1])
            c.wait_signal("ProcessRemoved", lambda b: b == ["a", object_of("a")])
            d.write_policy("test.yaml", "version: 2\n")
            self.assertIn("refused", c.call(PATH, MANAGER, "Reload", "a{sv}", {})[1])
            c.wait_signal("Reloaded", lambda b: b == ["refused"])

    def test_findings_come_and_go(self):
        text = document(sleeper("a", "limits: { nofile: 512 }", "compliance: { interval: 100ms }"))
        with rtmem.Daemon(text) as d, connect(d) as c:
            pid = d.wait_ready("a")["pid"]
            before = len(subprocess.run(["prlimit", "--nofile=400:512", "--pid", str(pid)],
                                        check=True, capture_output=True).stdout)
            self.assertEqual(before, 0)
            json.loads(c.call(PATH, MANAGER, "GetStatus")[0])
            body = c.wait_signal("ComplianceChanged", seconds=30)[1]
            self.assertEqual(body[:4], ["a", "found", "limits.nofile", "512"])
            self.assertEqual(c.get(object_of("a"), PROCESS, "Findings")[0][0], "limits.nofile")
            subprocess.run(["prlimit", "--nofile=512:512", "--pid", str(pid)], check=True)
            c.call(PATH, MANAGER, "GetStatus")
            body = c.wait_signal("ComplianceChanged", seconds=30)[1]
            self.assertEqual(body[:3], ["a", "resolved", "limits.nofile"])

    def test_who_waits_for_whom(self):
        with fixture.Subjects() as s, rtmem.Daemon(document(
                s.policy("first", "ready: { when: notify }"), sleeper("second", "after: [first]"))) as d, \
                connect(d) as c:
            d.wait_process("first", lambda p: p["state"] == "preparing", "prepares")
            self.assertEqual(c.get(object_of("second"), PROCESS, "WaitingFor"), ["first"])
            s.tell("first", "say READY=1")
            c.wait_signal("PropertiesChanged", lambda b: b[1].get("WaitingFor") == [])
            d.wait_ready("second")

    def test_samples_are_no_news(self):
        with rtmem.Daemon(document(sleeper("a", "compliance: { interval: 50ms }"))) as d, connect(d) as c:
            d.wait_ready("a")
            c.call(PATH, MANAGER, "GetStatus")
            c.signals.clear()
            with self.assertRaises(AssertionError):
                c.wait_signal("PropertiesChanged", seconds=1)


class Rights(rtmem.TestCase):
    def outcomes(self, daemon, calls):
        with connect(daemon) as c:
            return [outcome(c, PATH, MANAGER, *call) for call in calls] + \
                [outcome(c, object_of("a"), PROCESS, method) for method in ("Start", "Stop", "Restart")]

    def check_nothing_changed(self, daemon, before):
        self.assertEqual(daemon.process("a")["pid"], before)

    def test_others_read_and_change_nothing(self):
        def read():
            with connect(d) as c:
                return [c.get(PATH, MANAGER, "State"), c.get(object_of("a"), PROCESS, "State"),
                        len(c.call(PATH, OBJECTS, "GetManagedObjects")[0])]
        for program in (rtmem.RTMEMD, GROUPED):
            with rtmem.Daemon(document(sleeper("a")), program=program) as d:
                pid = d.wait_ready("a")["pid"]
                self.assertEqual(as_user(fixture.NOBODY, [], read), ["compliant", "running", 1])
                self.assertEqual(set(as_user(fixture.NOBODY, [], lambda: self.outcomes(d, CHANGES))),
                                 {DENIED})
                self.check_nothing_changed(d, pid)

    def test_members_of_the_group_change_things(self):
        gid = grp.getgrnam("daemon").gr_gid
        with rtmem.Daemon(document(sleeper("a")), program=GROUPED) as d:
            pid = d.wait_ready("a")["pid"]

            def restart():
                with connect(d) as c:
                    return [outcome(c, PATH, MANAGER, "Restart", "s", "a"),
                            c.get(PATH, MANAGER, "Group")]
            self.assertEqual(as_user(fixture.NOBODY, [gid], restart), ["ok", "daemon"])
            d.wait_process("a", lambda p: p["ready"] and p["pid"] != pid, "restarted")
            self.assertEqual(as_user(fixture.NOBODY, [], restart, gid=gid)[0], "ok")
        with rtmem.Daemon(document(sleeper("a"))) as d:  # built without a group
            pid = d.wait_ready("a")["pid"]
            self.assertEqual(as_user(fixture.NOBODY, [gid], restart), [DENIED, ""])
            self.check_nothing_changed(d, pid)

    def test_what_is_denied_is_explained(self):
        with rtmem.Daemon(document(sleeper("a")), program=GROUPED) as d:
            d.wait_ready("a")
            done = d.ctl("stop", "a", user=fixture.NOBODY)
            self.assertEqual(done.returncode, 1)
            self.assertIn("only root and the group daemon may do", done.stderr)


class BusDaemon:
    """A system bus that can be ended and started again; for use in `with`."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  {policy}
</busconfig>
"""

    def __init__(self, policy):
        self.policy, self.popen = policy, None

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="rtmem-bus-")
        os.chmod(self.dir, 0o755)
        self.socket = os.path.join(self.dir, "socket")
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.socket}"}
        with open(os.path.join(self.dir, "bus.conf"), "w", encoding="utf-8") as f:
            f.write(self.CONFIG.format(socket=self.socket, policy=self.policy))
        return self

    def start(self):
        self.popen = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.dir}/bus.conf", "--nofork", "--nopidfile"])

    def stop(self):
        self.popen.kill()
        self.popen.wait()

    def __exit__(self, *unused):
        if self.popen:
            self.stop()
        shutil.rmtree(self.dir)

    def busctl(self, *arguments, **who):
        return subprocess.run(["busctl", "--system", "--json=short", *arguments], text=True, check=False,
                              env=dict(os.environ, **self.environment), capture_output=True, timeout=60,
                              **who)

    def get(self, path, interface, name):
        """A property, or None while that isn't to be had."""
        done = self.busctl("get-property", "org.rtmem1", path, interface, name)
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None


def policy_file(name):
    return f"<include>{os.path.join(os.path.abspath(os.environ['RTMEM_BUILD']), 'packaging', name)}</include>"


class SystemBus(rtmem.TestCase):
    OPEN = '<policy context="default"><allow own="*"/><allow send_destination="org.rtmem1"/></policy>'

    def setUp(self):
        for program in ("dbus-daemon", "busctl"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")

    def test_the_bus_may_come_later_and_again(self):
        with BusDaemon(policy_file("org.rtmem1.conf")) as bus, \
                rtmem.Daemon(document(sleeper("a")), environment=bus.environment) as d:
            d.wait_ready("a")
            for n in (1, 2):
                bus.start()
                fixture.wait_log(d, "on the system bus as org.rtmem1", n, seconds=30)
                rtmem.wait_until(lambda: bus.get(object_of("a"), PROCESS, "State") == "running", "read")
                bus.stop()
                fixture.wait_log(d, "the system bus hung up", n)
                self.assertEqual(d.process("a")["state"], "running")

    def test_rights_are_those_of_the_policy_file(self):
        gid = grp.getgrnam("daemon").gr_gid
        with BusDaemon(policy_file("org.rtmem1-grouped.conf")) as bus, \
                rtmem.Daemon(document(sleeper("a")), environment=bus.environment, program=GROUPED) as d:
            pid = d.wait_ready("a")["pid"]
            bus.start()
            fixture.wait_log(d, "on the system bus as org.rtmem1", seconds=30)
            self.check_introspection(bus)
            stop = ("call", "org.rtmem1", object_of("a"), PROCESS, "Restart")
            nobody = {"user": fixture.NOBODY, "group": fixture.NOBODY, "extra_groups": []}
            done = bus.busctl("get-property", "org.rtmem1", PATH, MANAGER, "State", **nobody)
            self.assertEqual((done.returncode, json.loads(done.stdout)["data"]), (0, "compliant"))
            for method in ("Apply b false", "Reload a{sv} 0", "Rollback b true", "Stop s a"):
                done = bus.busctl("call", "org.rtmem1", PATH, MANAGER, *method.split(), **nobody)
                self.assertEqual(done.returncode, 1, method)
            self.assertEqual(bus.busctl(*stop, **nobody).returncode, 1)
            self.assertEqual(d.process("a")["pid"], pid)
            done = bus.busctl(*stop, **dict(nobody, extra_groups=[gid]))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            d.wait_process("a", lambda p: p["ready"] and p["pid"] != pid, "restarted")

    def check_introspection(self, bus):
        text = bus.busctl("introspect", "org.rtmem1", object_of("a")).stdout
        self.assertIn("PendingChanges", text)
        self.assertIn(object_of("a"), bus.busctl("tree", "org.rtmem1").stdout)

    def test_rtmemd_asks_who_it_is_where_the_bus_lets_everybody(self):
        with BusDaemon(self.OPEN) as bus, \
                rtmem.Daemon(document(sleeper("a")), environment=bus.environment) as d:
            pid = d.wait_ready("a")["pid"]
            bus.start()
            fixture.wait_log(d, "on the system bus as org.rtmem1", seconds=30)
            restart = ("call", "org.rtmem1", PATH, MANAGER, "Restart", "s", "a")
            done = subprocess.run(
                ["dbus-send", "--system", "--print-reply", "--dest=org.rtmem1", PATH,
                 f"{MANAGER}.Restart", "string:a"], env=dict(os.environ, **bus.environment), text=True,
                capture_output=True, check=False, timeout=60, user=fixture.NOBODY,
                group=fixture.NOBODY, extra_groups=[])
            self.assertEqual(done.returncode, 1)
            self.assertIn("which only root may do (you are uid 65534)", done.stderr)
            self.assertEqual(d.process("a")["pid"], pid)
            self.assertEqual(bus.busctl(*restart).returncode, 0)
            d.wait_process("a", lambda p: p["ready"] and p["pid"] != pid, "restarted")

    def test_a_bus_that_refuses_the_name_is_asked_again(self):
        with BusDaemon("") as bus, \
                rtmem.Daemon(document(sleeper("a")), environment=bus.environment) as d:
            d.wait_ready("a")
            bus.start()
            fixture.wait_log(d, "not on the system bus", seconds=30)
            d.popen.send_signal(signal.SIGHUP)
            fixture.wait_log(d, "not on the system bus", 2, seconds=30)
            self.assertEqual(d.process("a")["state"], "running")


UPDATE = "--update" in sys.argv
sys.argv = [a for a in sys.argv if a != "--update"]
rtmem.require_root()
rtmem.main()
