# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases that can't be checked in as files: owners, modes, links, special files, sizes, directories.

A case is a function that lays something out below an empty directory and returns the paths to load. Its
decorator says which ids must come out (none: accepted), and whether it's loaded as rtmemd does, with
the checks of ownership, for which one must be root.
"""
import os
import socket
import subprocess

CASES = []
GOOD = 'version: 1\nprocesses:\n  {name}:\n    command: [/bin/{name}]\n'
NOBODY = 65534


def case(*ids, root=False, shows=()):
    def add(function):
        CASES.append((function, set(ids), root, shows))
        return function
    return add


def ids_covered():
    return set().union(*(ids for _, ids, _, _ in CASES))


def write(path, text=None, name='camera', mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(GOOD.format(name=name) if text is None else text)
    path.chmod(mode)
    return path


# ---- directories -----------------------------------------------------------------------------------

@case(shows=['camera: ', 'lidar: '])
def files_of_all_directories_are_merged(top):
    write(top / 'etc/a.yaml', name='camera')
    write(top / 'lib/b.yml', name='lidar')
    return [top / 'etc', top / 'run', top / 'lib']


@case(shows=['argument /bin/first'])
def the_same_name_in_an_earlier_directory_wins(top):
    write(top / 'etc/a.yaml', GOOD.format(name='camera').replace('/bin/camera', '/bin/first'))
    write(top / 'lib/a.yaml', GOOD.format(name='camera').replace('/bin/camera', '/bin/second'))
    return [top / 'etc', top / 'lib']


@case(shows=['zebra: ', 'lidar: ', 'camera: '])
def files_are_read_in_the_order_of_their_names(top):
    write(top / 'etc/30-camera.yaml', name='camera')
    write(top / 'run/20-lidar.yaml', name='lidar')
    write(top / 'lib/10-zebra.yaml', name='zebra')
    return [top / 'etc', top / 'run', top / 'lib']


@case(shows=['lidar: '])
def a_link_to_dev_null_masks(top):
    (top / 'etc').mkdir()
    os.symlink('/dev/null', top / 'etc/a.yaml')
    write(top / 'lib/a.yaml', 'this would be wrong')
    write(top / 'lib/b.yaml', name='lidar')
    return [top / 'etc', top / 'lib']


@case(shows=['camera: '])
def other_files_are_none_of_our_business(top):
    write(top / 'etc/a.yaml')
    for name in 'a.yaml~', '.b.yaml', 'README', 'c.yaml.dpkg-old', 'd.json':
        write(top / 'etc' / name, 'not a policy')
    return [top / 'etc']


@case()
def a_directory_that_is_not_there_is_empty(top):
    return [top / 'nowhere']


@case(shows=['camera: lock balanced'])
def profiles_of_other_files_can_be_inherited(top):
    write(top / 'etc/z-profiles.yaml',
          'version: 1\nprofiles: { soft: { memory: { lock: balanced } } }\n')
    write(top / 'etc/a.yaml', GOOD.format(name='camera') + '    inherits: soft\n')
    return [top / 'etc']


@case('duplicate-name', shows=['process camera is in two files', 'a.yaml:3)'])
def one_process_in_two_files(top):
    write(top / 'etc/a.yaml')
    write(top / 'etc/b.yaml')
    return [top / 'etc']


@case('duplicate-name', shows=['profile rt is in two files'])
def one_profile_in_two_files(top):
    write(top / 'etc/a.yaml', 'version: 1\nprofiles: { rt: {} }\n')
    write(top / 'lib/b.yaml', 'version: 1\nprofiles: { rt: {} }\n')
    return [top / 'etc', top / 'lib']


@case('duplicate-name', shows=['setting sysctl.vm.swappiness is in two files'])
def one_setting_in_two_files(top):
    for name in 'a', 'b':
        write(top / f'etc/{name}.yaml', 'version: 1\nhost: { sysctl: { vm.swappiness: 0 } }\n')
    return [top / 'etc']


@case('host-conflict', shows=['hugepages.2M.node0 and hugepages.2M '])
def a_sum_and_its_part_in_two_files(top):
    write(top / 'etc/a.yaml', 'version: 1\nhost: { hugepages: { 2M: 8 } }\n')
    write(top / 'etc/b.yaml', 'version: 1\nhost: { hugepages: { 2048K: { node0: 8 } } }\n')
    return [top / 'etc']


@case('unknown-key', 'bad-value')
def every_file_is_checked(top):
    write(top / 'etc/a.yaml', 'version: 1\nwrong: 1\n')
    write(top / 'etc/b.yaml', 'version: 1\nhost: { transparent_hugepage: none }\n')
    write(top / 'etc/c.yaml')
    return [top / 'etc']


# ---- what isn't a readable regular file ------------------------------------------------------------

@case('file-unreadable')
def a_file_that_is_not_there(top):
    return [top / 'nothing.yaml']


@case('file-unreadable')
def a_link_to_nothing(top):
    (top / 'etc').mkdir()
    os.symlink('nothing.yaml', top / 'etc/a.yaml')
    return [top / 'etc']


@case('file-unreadable')
def a_link_to_itself(top):
    (top / 'etc').mkdir()
    os.symlink('a.yaml', top / 'etc/a.yaml')
    return [top / 'etc']


@case('file-type', shows=['FIFO'])
def a_fifo_does_not_hang(top):
    (top / 'etc').mkdir()
    os.mkfifo(top / 'etc/a.yaml')
    return [top / 'etc']


@case('file-type', shows=['directory'])
def a_directory_with_the_name_of_a_file(top):
    (top / 'etc/a.yaml').mkdir(parents=True)
    return [top / 'etc']


@case('file-type', shows=['socket'])
def a_socket(top):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / 'a.yaml'))
    return [top / 'a.yaml']


@case('file-type', shows=['device'])
def a_device(top):
    (top / 'etc').mkdir()
    os.symlink('/dev/zero', top / 'etc/a.yaml')
    return [top / 'etc']


@case('file-too-large')
def more_than_a_mebibyte(top):
    return [write(top / 'a.yaml', 'version: 1\n#' + 'x' * (1 << 20))]


@case('too-many-nodes', 'wrong-type')
def more_than_100000_nodes(top):
    return [write(top / 'a.yaml', 'version: 1\nhost: [' + '1,' * 100001 + ']\n')]


@case('empty')
def an_empty_file_does_not_mask(top):
    return [write(top / 'a.yaml', '')]


# ---- whom root believes ----------------------------------------------------------------------------

@case(root=True, shows=['camera: '])
def a_file_of_root_is_believed(top):
    write(top / 'etc/a.yaml')
    return [top / 'etc']


@case('file-owner', root=True)
def a_file_of_somebody_else(top):
    os.chown(write(top / 'etc/a.yaml'), NOBODY, NOBODY)
    return [top / 'etc']


@case('file-writable', root=True)
def a_file_that_its_group_can_write(top):
    write(top / 'etc/a.yaml', mode=0o664)
    return [top / 'etc']


@case('file-writable', root=True)
def a_file_that_all_can_write(top):
    write(top / 'etc/a.yaml', mode=0o646)
    return [top / 'etc']


@case('directory-owner', root=True)
def a_directory_of_somebody_else(top):
    write(top / 'etc/a.yaml')
    os.chown(top / 'etc', NOBODY, NOBODY)
    return [top / 'etc']


@case('directory-writable', root=True)
def a_directory_that_all_can_write(top):
    write(top / 'etc/a.yaml')
    (top / 'etc').chmod(0o1777)
    return [top / 'etc']


@case(root=True, shows=['camera: '])
def a_link_of_root_is_followed(top):
    write(top / 'real/a.yaml')
    (top / 'etc').mkdir()
    os.symlink('../real/a.yaml', top / 'etc/a.yaml')
    return [top / 'etc']


@case('link-owner', root=True)
def a_link_of_somebody_else(top):
    write(top / 'real/a.yaml')
    (top / 'etc').mkdir()
    os.symlink('../real/a.yaml', top / 'etc/a.yaml')
    os.chown(top / 'etc/a.yaml', NOBODY, NOBODY, follow_symlinks=False)
    return [top / 'etc']


@case('directory-writable', root=True)
def a_link_into_a_directory_that_all_can_write(top):
    write(top / 'open/a.yaml')
    (top / 'open').chmod(0o777)
    (top / 'etc').mkdir()
    os.symlink(top / 'open/a.yaml', top / 'etc/a.yaml')
    return [top / 'etc']


@case(root=True, shows=['camera: '])
def a_named_file_under_the_sticky_bit(top):
    write(top / 'open/a.yaml')
    (top / 'open').chmod(0o1777)
    return [top / 'open/a.yaml']


@case(root=True)
def a_mask_is_believed(top):
    (top / 'etc').mkdir()
    os.symlink('/dev/null', top / 'etc/a.yaml')
    return [top / 'etc']


def load(program, paths, root):
    command = [program, '--set'] + (['--root'] if root else []) + [str(p) for p in paths]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=60)
    return run.returncode, run.stdout.decode()
