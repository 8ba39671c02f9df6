"""The thread that reads the rules again, so that the pipeline's never has to.

    files change, SIGHUP -> this thread reads -> `ready` -> the pipeline swaps -> `done` -> told

What watches the files only says that it is worth a look; the files themselves say whether they are
others. That also notices what no watch sees: a folder put in the place of another, a network disk.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from profguard.context.processes import Prepared
from profguard.errors import Place, Problem, RuleError
from profguard.reload.files import concerns, fingerprint, folders
from profguard.reload.load import Load, Standing
from profguard.rules.pack import RuleSet

STEP_MS = 100  # how often the watch looks up; a pause of that length ends a burst of changes
BURST_MS = 1600  # the longest burst that is waited for
LOOK_EVERY_S = 10  # without a hint
SETTLE_S, SETTLE_MOST_S = 0.1, 3.0
ATTEMPTS = 5  # to read files that do not change meanwhile

_ASKED, _CLOSE = "asked", "close"


class Reloader:
    """Reads the rules under `paths` by `read` again when they change. `close` it.

    `on_done` is called in this thread, with each load that is in force or refused; it may be slow.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[], RuleSet],
        on_done: Callable[[Load], None],
    ):
        self._paths, self._read, self._on_done = paths, read, on_done
        self.standing = Standing()
        # A signal may come while another is noted: a SimpleQueue stands that.
        self._inbox: SimpleQueue = SimpleQueue()
        self._ready: SimpleQueue[Load] = SimpleQueue()
        self._seen = frozenset()
        self._left_out: frozenset[str] = frozenset()
        self._in_force = 0
        self._asked = False
        self._outstanding = False  # a load is ready and not done: one is enough
        self._prepare: Callable[[frozenset[str]], Prepared | None] = lambda _: None
        self._closing = False
        self._thread = Thread(target=self._run, name="profguard-rules", daemon=True)

    # The side of the pipeline's thread

    def first(self) -> Load:
        """The load that the sensor starts with. Raises RuleError."""
        self._seen = fingerprint(self._paths)
        load = self._loaded("start", self._read())
        self._in_force = load.in_force
        self.standing.note(load)
        self._inbox.put((load, None))
        return load

    def start(self, prepare: Callable[[frozenset[str]], Prepared | None]) -> None:
        """Begin to watch. `prepare` is the process table's."""
        self._prepare = prepare
        self._thread.start()

    def ask(self) -> None:
        """Read the rules again, changed or not. A signal handler may call it."""
        self._inbox.put(_ASKED)

    def ready(self) -> Load | None:
        """The next load that is to be put in force, or that was refused; then call `done`."""
        try:
            return self._ready.get_nowait()
        except Empty:
            return None

    def done(self, load: Load, before: RuleSet | None) -> None:
        """`load` is in force, `before` no more: what it holds is let go in this thread."""
        self._inbox.put((load, before))

    def close(self) -> None:
        """Stop watching; what is done is told first."""
        self._inbox.put(_CLOSE)
        if self._thread.ident is not None:
            self._thread.join()

    # The thread

    def _run(self) -> None:
        self._attend()
        while not self._closing:
            watched = folders(self._paths)
            for look in self._hints(watched):
                if look:
                    self._look()
                self._attend()
                if self._closing or folders(self._paths) != watched:
                    break

    def is_set(self) -> bool:
        """Whether the watch is to be left: there is something to attend to."""
        return not self._inbox.empty()

    def _hints(self, watched: Sequence[Path]) -> Iterator[bool]:
        """Whether to look at the files, whenever something happened or a second has passed.

        Ends when there is something to attend to. The first second always ends with a look: what
        happened before the watch began nobody tells.
        """
        from watchfiles import watch  # noqa: PLC0415 - 0.05 s, when the sensor is armed

        changes = watch(
            *watched,
            watch_filter=lambda _, path: concerns(self._paths, path),
            step=STEP_MS,
            debounce=BURST_MS,
            stop_event=self,
            rust_timeout=1000,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            for second, changed in enumerate(changes):
                yield bool(changed) or second % LOOK_EVERY_S == 0
        except (OSError, RuntimeError):
            # A folder is gone, or the system has no watches left: looking alone does it too.
            self._nap()
            yield True
        else:
            yield False

    def _nap(self) -> None:
        deadline = time.monotonic() + 1
        while self._inbox.empty() and time.monotonic() < deadline:
            time.sleep(STEP_MS / 1000)

    def _attend(self) -> None:
        while not self._inbox.empty():
            item = self._inbox.get()
            if item is _CLOSE:
                self._closing = True
            elif item is _ASKED:
                self._asked = True
            else:
                load, before = item
                self._outstanding = False
                if before is not None:
                    before.close()
                self._on_done(load)
                del item, load, before
        if self._asked and not self._outstanding and not self._closing:
            self._asked = False
            self._load("signal")

    def _look(self) -> None:
        if not self._outstanding and fingerprint(self._paths) != self._seen:
            self._settle()
            self._load("files")

    def _settle(self) -> None:
        """Wait until nobody writes the files any more."""
        deadline = time.monotonic() + SETTLE_MOST_S
        now, before = fingerprint(self._paths), None
        while now != before and time.monotonic() < deadline:
            time.sleep(SETTLE_S)
            now, before = fingerprint(self._paths), now

    # Reading

    def _load(self, cause: str) -> None:
        load = None
        for _ in range(ATTEMPTS):
            self._seen = fingerprint(self._paths)
            if load and load.rules is not None:
                load.rules.close()
            try:
                load = self._loaded(cause, self._read())
            except RuleError as error:
                load = self._refused(cause, error.problems)
            except Exception as error:  # noqa: BLE001 - whatever it is, the old rules stay
                said = f"reading the rules failed: {type(error).__name__}: {error}"
                load = self._refused(cause, [self._problem(said)])
            if fingerprint(self._paths) == self._seen:  # so no half of two states was read
                break
        if load.rules is not None:
            self._in_force = load.in_force
        self.standing.note(load)
        self._outstanding = True
        self._ready.put(load)

    def _loaded(self, cause: str, rules: RuleSet) -> Load:
        """A load of these rules, if they may replace those in force. Raises RuleError."""
        errors = [problem for problem in rules.problems if problem.is_error]
        bad = frozenset(problem.place.path for problem in errors if problem.place)
        if cause != "start":
            refusal = None
            # Leaving out what is bad is asked for at the start. What breaks later is refused.
            if bad - self._left_out:
                refusal = RuleError(*rules.problems)
            elif not rules.in_force:
                hint = "restart to run without rules"
                refusal = RuleError(self._problem("no rule is left", hint))
            if refusal:
                rules.close()
                raise refusal
        self._left_out = bad
        environ = self._prepare(rules.environ_names)
        return Load(time.time_ns(), cause, self._paths, rules, rules.problems, environ=environ)

    def _refused(self, cause: str, problems: Sequence[Problem]) -> Load:
        kept = self._in_force
        return Load(time.time_ns(), cause, self._paths, None, tuple(problems), kept)

    def _problem(self, message: str, hint: str | None = None) -> Problem:
        return Problem("PG135", message, Place(", ".join(map(str, self._paths))), hint)
