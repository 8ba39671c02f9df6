"""The process in which policies run: the only module that knows the engine.

Run as a script by process.py, with the engine's folder and the number of a descriptor. It imports
nothing of profguard, so that it starts at once and has nothing to lose.

Frames come in on stdin and each is answered on stdout, in order: four bytes of length, then one
of the kind, then what the kind says. Before every evaluation it writes to shared memory where it
is (frame and item, one 64-bit word), and 0 when it is idle: an evaluation can not be interrupted,
so that is how its parent knows which rule to blame.
"""

import json
import mmap
import os
import signal
import struct
import sys

LENGTH = struct.Struct("<I")
BLOCK = struct.Struct("<I")  # of kind E: the policy; then inputs as JSON texts, a line each
# What is answered to it are items: line, 0 a value or 1 an error, length of the text that follows.
ITEM = struct.Struct("<IBI")

MEMORY_BYTES = 512 << 20
TEXT_BYTES = 65_536  # of one answer
AST_BYTES = 64 << 20
ORPHANED_S = 30  # a frame that takes longer has lost its parent

NO_MATCH = frozenset(('"<undefined>"', "false", "null", "[]", "{}", '""'))

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION = 0x20080522


def give_up_rights(*, die_with_parent: bool) -> None:
    """Nothing here needs the network, capabilities, files or much memory; all best effort."""
    import ctypes  # noqa: PLC0415 - the parent imports this file for its formats alone
    import resource  # noqa: PLC0415

    libc = ctypes.CDLL(None)
    libc.unshare(_CLONE_NEWNET)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if die_with_parent:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    header, none = struct.pack("<Ii", _CAPABILITY_VERSION, 0), bytes(24)
    libc.capset(header, none)
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ):
        resource.setrlimit(what, (limit, limit))


def said(error: BaseException) -> str:
    return str(error).partition("Stack backtrace")[0].strip()[:TEXT_BYTES]


class Worker:
    def __init__(self, engine_type, mark: memoryview):
        self.engine_type, self.mark = engine_type, mark
        self.engines = {}
        self.entries = {}
        self.data = "{}"
        self.frame = 0

    def serve(self) -> None:
        read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
        while len(head := read(LENGTH.size)) == LENGTH.size:
            body = read(LENGTH.unpack(head)[0])
            self.frame += 1
            signal.alarm(ORPHANED_S)
            answer = self.answer(body[:1], body[1:])
            self.mark[0] = 0
            signal.alarm(0)
            write(LENGTH.pack(len(answer)))
            write(answer)
            sys.stdout.buffer.flush()

    def at(self, item: int) -> None:
        self.mark[0] = self.frame << 32 | item

    def answer(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"E":
            return self.evaluate(body)
        self.at(0)
        asked = json.loads(body)
        done = {b"D": self.take_data, b"L": self.load, b"Q": self.query}[kind](asked)
        return json.dumps(done).encode()

    def take_data(self, asked):
        """The documents that every policy loaded from now on sees as `data`.

        The answer has the functions that the engine knows.
        """
        engine = self.engine_type()
        try:
            engine.add_data_json(asked["data"])
        except (RuntimeError, ValueError) as error:
            return {"error": said(error)}
        self.data = asked["data"]
        engine.add_policy("0", "package a\nbuiltins := opa.runtime().builtins\n")
        return {"builtins": json.loads(engine.eval_rule_as_json("data.a.builtins"))}

    def load(self, asked):
        """Parse the files of a policy; the answer has the syntax tree, or the file's error."""
        engine = self.engine_type()
        engine.set_gather_prints(True)
        for name, text, dialects in asked["files"]:
            *others, dialect = dialects
            dialect = next((each for each in others if self.parses(text, each)), dialect)
            engine.set_rego_v0(dialect == "v0")
            try:
                engine.add_policy(name, text)
            except (RuntimeError, ValueError) as error:
                return {"error": said(error), "file": name}
        try:
            engine.add_data_json(self.data)
        except (RuntimeError, ValueError) as error:
            return {"error": said(error), "file": None}
        self.engines[asked["policy"]] = engine
        self.entries[asked["policy"]] = asked["entry"]
        if not asked["tree"]:
            return {}
        tree = engine.get_ast_as_json()
        if len(tree) > AST_BYTES:
            return {"error": "the policy is too large", "file": None}
        return {"tree": tree}

    def parses(self, text: str, dialect: str) -> bool:
        """Asked of another engine: one that refused a text is not sound any more."""
        engine = self.engine_type()
        engine.set_rego_v0(dialect == "v0")
        try:
            engine.add_policy("0", text)
        except (RuntimeError, ValueError):
            return False
        return True

    def query(self, asked):
        """The values of rules for one input: each ["value", JSON text] or ["error", text]."""
        engine = self.engines[asked["policy"]]
        answers = []
        for number, rule in enumerate(asked["rules"]):
            self.at(number)
            try:
                engine.set_input_json(asked["input"])
                answers.append(("value", engine.eval_rule_as_json(rule)))
            except (RuntimeError, ValueError) as error:
                answers.append(("error", said(error)))
        engine.take_prints()
        return answers

    def evaluate(self, body: bytes) -> bytes:
        """One policy for many inputs; only what matched or failed is answered."""
        (policy,) = BLOCK.unpack_from(body)
        engine, entry = self.engines[policy], self.entries[policy]
        give, ask, mark = engine.set_input_json, engine.eval_rule_as_json, self.mark
        base = self.frame << 32
        found = []
        for number, line in enumerate(body[BLOCK.size :].decode().split("\n")):
            mark[0] = base | number
            try:
                give(line)
                text = ask(entry)
            except (RuntimeError, ValueError) as error:
                found.append(item(number, 1, said(error)))
                continue
            if text not in NO_MATCH:
                found.append(item(number, 0, text))
        engine.take_prints()
        return b"".join(found)


def item(number: int, kind: int, text: str) -> bytes:
    data = text.encode()
    if len(data) > TEXT_BYTES:
        kind, data = 1, b"the answer is too large"
    return ITEM.pack(number, kind, len(data)) + data


def main() -> None:
    folder, descriptor, die_with_parent = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its pipe
    os.environ["MIMALLOC_ARENA_RESERVE"] = "32MiB"  # or it takes 1 GiB of addresses at once
    sys.path.append(folder)
    from regorus import Engine  # noqa: PLC0415 - its folder is known only now

    shared = mmap.mmap(int(descriptor), mmap.PAGESIZE)
    os.close(int(descriptor))
    give_up_rights(die_with_parent=die_with_parent == "1")
    Worker(Engine, memoryview(shared).cast("Q")).serve()


if __name__ == "__main__":
    main()
