# SPDX-License-Identifier: LGPL-2.1-or-later
"""Assembles the class of a Java program, as a runtime environment brings no compiler along.

    public class Churn {
        public static void main(String[] arguments) throws InterruptedException {
            Object[] kept = new Object[1024];
            for (int i = 0;; ) {
                kept[i & 1023] = new byte[8192];
                if ((++i & 31) == 0)
                    Thread.sleep(1);
            }
        }
    }
"""
import struct

CONSTANTS = (  # numbered from 1
    ("class", 2), ("text", "Churn"), ("class", 4), ("text", "java/lang/Object"),
    ("text", "main"), ("text", "([Ljava/lang/String;)V"), ("text", "Code"),
    ("method", 9, 11), ("class", 10), ("text", "java/lang/Thread"), ("pair", 12, 13),
    ("text", "sleep"), ("text", "(J)V"),
)
CHURN, OBJECT, MAIN, MAIN_TYPE, CODE, SLEEP = 1, 3, 5, 6, 7, 8
INSTRUCTIONS = (
    b"\x11\x04\x00"                         # 0   sipush 1024
    + b"\xbd" + struct.pack(">H", OBJECT)   # 3   anewarray Object
    + b"\x4c"                               # 6   astore_1
    + b"\x03\x3d"                           # 7   iconst_0, istore_2
    + b"\x2b\x1c\x11\x03\xff\x7e"           # 9   aload_1, iload_2, sipush 1023, iand
    + b"\x11\x20\x00\xbc\x08\x53"           # 15  sipush 8192, newarray byte, aastore
    + b"\x84\x02\x01"                       # 21  iinc 2 by 1
    + b"\x1c\x10\x1f\x7e"                   # 24  iload_2, bipush 31, iand
    + b"\x9a" + struct.pack(">h", 9 - 28)   # 28  ifne 9
    + b"\x0a"                               # 31  lconst_1
    + b"\xb8" + struct.pack(">H", SLEEP)    # 32  invokestatic Thread.sleep
    + b"\xa7" + struct.pack(">h", 9 - 35))  # 35  goto 9
PUBLIC, STATIC, SUPER = 0x1, 0x8, 0x20
JAVA_1_4 = 48  # the last whose methods are verified without a map of their stack


def constant(kind, *values):
    if kind == "text":
        return b"\x01" + struct.pack(">H", len(values[0])) + values[0].encode()
    tag = {"class": 7, "method": 10, "pair": 12}[kind]
    return bytes([tag]) + b"".join(struct.pack(">H", value) for value in values)


def assemble():
    code = struct.pack(">HHI", 4, 3, len(INSTRUCTIONS)) + INSTRUCTIONS + struct.pack(">HH", 0, 0)
    main = struct.pack(">HHHHHI", PUBLIC | STATIC, MAIN, MAIN_TYPE, 1, CODE, len(code)) + code
    return (struct.pack(">IHHH", 0xcafebabe, 0, JAVA_1_4, len(CONSTANTS) + 1)
            + b"".join(constant(*c) for c in CONSTANTS)
            + struct.pack(">HHHHHH", PUBLIC | SUPER, CHURN, OBJECT, 0, 0, 1) + main
            + struct.pack(">H", 0))
