#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the documents say is true: their policies are valid, their commands and links exist."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import rtmem  # pylint: disable=wrong-import-position

DOCUMENTS = ["README.md"] + sorted(
    os.path.join("docs", f) for f in os.listdir(os.path.join(rtmem.ROOT, "docs")) if f.endswith(".md"))
MAN = os.path.join(rtmem.ROOT, "packaging", "man")


def read(path):
    with open(os.path.join(rtmem.ROOT, path), encoding="utf-8") as f:
        return f.read()


def ctl(*arguments):
    return subprocess.run([rtmem.RTMEMCTL, *arguments], text=True, capture_output=True, timeout=60,
                          check=False)


def check(text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        return ctl("check", f.name)


class Documents(rtmem.TestCase):
    def test_policies_in_the_text_are_valid(self):
        n = 0
        for path in DOCUMENTS:
            for block in re.findall(r"```yaml\n(.*?)```", read(path), re.S):
                with self.subTest(document=path, block=block[:60]):
                    done = check(block)
                    self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                    n += 1
        self.assertGreaterEqual(n, 4)

    def test_the_policy_of_the_man_page_is_valid(self):
        page = read(os.path.join(MAN, "rtmem-policy.5.in"))
        block = re.search(r"\.EX\n(.*?)\.EE", page, re.S).group(1).replace("\\-", "-")
        done = check(block)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def test_shipped_policies_are_valid(self):
        n = 0
        for directory, _, files in os.walk(os.path.join(rtmem.ROOT, "policies")):
            for name in (f for f in files if f.endswith(".yaml")):
                with self.subTest(policy=name):
                    done = ctl("check", os.path.join(directory, name))
                    self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                    n += 1
        self.assertGreaterEqual(n, 4)

    def test_verbs_in_the_text_exist(self):
        usage = ctl("--help").stdout
        for path in DOCUMENTS + [os.path.join(MAN, "rtmemctl.1")]:
            for verb in re.findall(r"^(?:sudo )?rtmemctl ([a-z]+)", read(path), re.M):
                with self.subTest(document=path):
                    self.assertRegex(usage, rf"\n\s+{verb}\b")

    def test_options_in_the_text_exist(self):
        """Those of rtmemctl itself: before a `--`, a pipe or a comment."""
        n = 0
        for path in DOCUMENTS:
            for verb, rest in re.findall(r"(?:^|[ `'(])rtmemctl ([a-z]+)((?: [^`\n'#|>]*)?)", read(path)):
                known = ctl(verb, "--help")
                for option in re.findall(r"(?<= )--[a-z-]+", rest.split(" -- ")[0]):
                    with self.subTest(document=path, verb=verb):
                        self.assertEqual(known.returncode, 0)
                        self.assertIn(option, known.stdout)
                        n += 1
        self.assertGreaterEqual(n, 10)

    def test_verbs_that_exist_are_in_the_man_page(self):
        page = read(os.path.join(MAN, "rtmemctl.1"))
        verbs = re.findall(r"^  ([a-z]+)\b", ctl("--help").stdout, re.M)
        self.assertGreaterEqual(len(verbs), 10)
        for verb in set(verbs) - {"help"}:
            self.assertRegex(page, rf"(?m)(^\\fB|^\.B |\|\\fB){verb}\b", verb)

    def test_links_lead_somewhere(self):
        for path in DOCUMENTS:
            for link in re.findall(r"\]\(([^)#:]+)\)", read(path)):
                with self.subTest(document=path):
                    target = os.path.join(rtmem.ROOT, os.path.dirname(path), link)
                    self.assertTrue(os.path.exists(target), link)


rtmem.main()
