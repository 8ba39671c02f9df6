"""The process that does it all: `python -m profguard.selftest.child`.

It has a target, a child that sleeps, and forks an actor for each act. One line of JSON for each:
`{"act": NAME, "actor": PID, "target": PID, "error": TEXT or null}`.
"""

import json
import os
import signal
import sys

from profguard.selftest import calls
from profguard.selftest.acts import ACTS, Act


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends all of them without a word
    target = os.fork()
    if not target:
        calls.prctl(calls.SET_PDEATHSIG, signal.SIGKILL)
        signal.pause()
    try:
        for act in ACTS:
            if act.is_possible:
                sys.stdout.write(json.dumps(_performed(act, target)) + "\n")
                sys.stdout.flush()
    finally:
        os.kill(target, signal.SIGKILL)
        os.waitpid(target, 0)


def _performed(act: Act, target: int) -> dict:
    """What the actor says, or how it ended without a word."""
    answer, say = os.pipe()
    actor = os.fork()
    if not actor:
        os.close(answer)
        os.write(say, json.dumps(_try(act, target)).encode())
        os._exit(0)
    os.close(say)
    with os.fdopen(answer) as pipe:
        said = pipe.read()
    _, status = os.waitpid(actor, 0)
    told = json.loads(said) if said else {"target": None, "error": f"it ended with {status}"}
    return {"act": act.name, "actor": actor, **told}


def _try(act: Act, target: int) -> dict:
    try:
        return {"target": act.do(target), "error": None}
    except OSError as error:
        return {"target": None, "error": str(error)}


if __name__ == "__main__":
    main()
