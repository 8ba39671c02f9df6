"""What is wrong with one file, up to a limit: nobody reads on, and finding it all takes long."""

from profguard.errors import Problem

MAX_PROBLEMS = 100  # told of one file


class TooManyProblemsError(Exception):
    """There is more wrong with a file than is told."""


class Problems(list[Problem]):
    """A list that holds MAX_PROBLEMS and raises TooManyProblemsError for one more."""

    def append(self, problem: Problem) -> None:
        if len(self) >= MAX_PROBLEMS:
            raise TooManyProblemsError
        super().append(problem)

    def extend(self, problems) -> None:
        for problem in problems:
            self.append(problem)

    def __iadd__(self, problems):
        self.extend(problems)
        return self
