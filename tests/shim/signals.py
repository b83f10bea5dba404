#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages-run --report between a caller and a command: does each see the other's signals?

The command must get what is sent to pages-run, once, and pages-run must stop, go on and end as
the command does.
"""
import ctypes
import os
import pty
import signal
import subprocess
import sys
import tempfile
import time

RUN = os.path.abspath("preload/pages-run")
TMP = tempfile.mkdtemp()
ONCE = [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGWINCH, signal.SIGALRM,
        signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGURG,
        signal.SIGCHLD, signal.SIGSEGV, signal.SIGVTALRM, signal.SIGSYS, signal.SIGCONT,
        signal.SIGRTMIN, signal.SIGRTMIN + 3, signal.SIGRTMAX]
FATAL = [s for s in ONCE if s not in (signal.SIGWINCH, signal.SIGURG, signal.SIGCHLD,
                                      signal.SIGCONT)] + [signal.SIGKILL, signal.SIGABRT]
# Prints a line for each signal that it gets, and its value; ends at SIGIO.
LISTENER = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
all = (ctypes.c_ulong * 16)(*[2 ** 64 - 1] * 16)
libc.sigprocmask(signal.SIG_SETMASK, all, None)
print("pid", os.getpid(), flush=True)
info = (ctypes.c_int * 32)()
while (sig := libc.sigwaitinfo(all, info)) != signal.SIGIO:
    if sig > 0:
        print(sig, info[6] if info[2] == -1 else "", flush=True)
sys.exit(7)
"""
bad = 0


def check(what, got, want):
    global bad
    if got != want:
        print(f"FAIL: {what}: {got}, not {want}")
        bad = 1


def command(*argv):
    return [RUN, "--report=" + os.path.join(TMP, "report"), *argv]


def listen(**options):
    """(pages-run, the pid of the command)"""
    p = subprocess.Popen(command(sys.executable, "-c", LISTENER), stdout=subprocess.PIPE,
                         text=True, **options)
    return p, int(p.stdout.readline().split()[1])


def wait_until(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def state(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


def passed_on():
    p, _ = listen()
    for sig in ONCE:
        p.send_signal(sig)
        check(f"signal {sig} is passed on", p.stdout.readline().split(), [str(int(sig))])
    sigqueue = ctypes.CDLL(None).sigqueue
    sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    for value in (5, 6, 7):
        sigqueue(p.pid, int(signal.SIGRTMIN) + 1, value)
    for value in (5, 6, 7):
        check("with its value", p.stdout.readline().split()[1:], [str(value)])
    p.send_signal(signal.SIGIO)
    check("and nothing else comes", p.communicate()[0], "")
    check("the status", p.returncode, 7)


def ends_as_the_command():
    for sig in FATAL:
        p = subprocess.run(command(sys.executable, "-c", f"""
import os, signal
{sig} in (9, 11, 6) or signal.signal({sig}, signal.SIG_DFL)
os.kill(os.getpid(), {sig})"""), check=False)
        check(f"dies of signal {sig}", p.returncode, -sig)
        if sig == signal.SIGKILL:
            continue
        p = subprocess.Popen(command("sleep", "60"), preexec_fn=lambda s=sig: signal.signal(s, 0))
        wait_until(lambda q=p: os.path.exists(f"/proc/{q.pid}/task/{q.pid}/children") and
                   any(name_of(c) == "sleep" for c in children(q.pid)))
        below = children(p.pid)
        p.send_signal(sig)
        check(f"dies of signal {sig} from outside", p.wait(), -sig)
        check("and leaves nothing", [c for c in below if state(c) != "gone"], [])


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return f.read().split()


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def killed():
    p, pid = listen()
    p.kill()
    check("dies of SIGKILL", p.wait(), -signal.SIGKILL)
    check("and so does the command", wait_until(lambda: state(pid) in ("gone", "Z")), True)
    p.stdout.close()


def alarm_of_the_caller():
    """alarm(2) outlives exec, but is not inherited by a child."""
    p = subprocess.run(command("sleep", "60"), preexec_fn=lambda: signal.alarm(1), check=False)
    check("an alarm that was set before", p.returncode, -signal.SIGALRM)


def ignored():
    """The command may have a handler for what pages-run was told to ignore."""
    p, _ = listen(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    p.send_signal(signal.SIGHUP)
    check("an ignored signal", p.stdout.readline().split(), [str(int(signal.SIGHUP))])
    p.send_signal(signal.SIGIO)
    p.communicate()


def stopped():
    for sig in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGSTOP):
        p = subprocess.Popen(command("sleep", "60"), preexec_fn=lambda: os.setpgid(0, 0))
        wait_until(lambda q=p: [name_of(c) for c in children(q.pid)] == ["sleep"])
        child = int(children(p.pid)[0])
        os.kill(child if sig == signal.SIGSTOP else p.pid, sig)
        status = os.waitpid(p.pid, os.WUNTRACED)[1]
        check("stops of the same", os.WIFSTOPPED(status) and os.WSTOPSIG(status), sig)
        check("after the command", state(child), "T")
        p.send_signal(signal.SIGCONT)
        check("goes on", os.WIFCONTINUED(os.waitpid(p.pid, os.WCONTINUED)[1]), True)
        check("as does the command", wait_until(lambda c=child: state(c) == "S"), True)
        p.terminate()
        check("and ends", p.wait(), -signal.SIGTERM)


def read_line(fd):
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(fd, 1)
    return line.split()


def terminal():
    """The terminal sends to both; the command is to get it once."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(RUN, command(sys.executable, "-c", LISTENER))
    read_line(fd)
    for keys, sig in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
        os.write(fd, keys)
        check("a key", read_line(fd)[-1][2:], str(int(sig)).encode())    # behind its echo
        time.sleep(0.1)
    os.kill(pid, signal.SIGUSR1)
    check("comes once", read_line(fd), [str(int(signal.SIGUSR1)).encode()])
    os.kill(pid, signal.SIGIO)
    check("on a terminal", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 7)
    os.close(fd)


def main():
    if not os.path.exists(RUN):
        print("not built:", RUN)
        return 99
    os.environ.pop("PAGES_CONF", None)
    if not os.path.exists("preload/.libs/libpages_malloc.so") or "SANITIZED" in os.environ:
        print("the shim cannot be preloaded here")
        return 77
    for test in (passed_on, ends_as_the_command, killed, alarm_of_the_caller, ignored, stopped,
                 terminal):
        test()
    return bad


if __name__ == "__main__":
    sys.exit(main())
