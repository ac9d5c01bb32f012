"""What a chapter is beside its notebooks: exercises, a quiz, and texts.  No widget here."""

from dataclasses import dataclass, field

from fedlearn_edu.course.plan import CONTENTS
from fedlearn_edu.i18n import Translator
from fedlearn_edu.strings.course import STRINGS as COURSE_STRINGS


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give, and what to tell them.

    Parameters
    ----------
    answer : callable or value
        The wrong answer itself, taking what the right one takes.
    says : (str, str)
        Names the mistake, in both languages, and where to look; not the solution.
    """

    answer: object
    says: tuple


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Parameters
    ----------
    key : str
        Its name in the notebook and in the progress file; never reuse or rename one.
    title : (str, str)
        A few words, for the list of what is done.
    solution : callable or value
        The right answer under the stub's name; its source is what a learner may reveal.
    cases : tuple of (tuple, value)
        Arguments, and what the right answer returns, found another way than by the solution.
        For an answer that is a value: one case, ``((), value)``.
    mistakes : dict of str to Mistake
        An answer is called a mistake if it gives what the mistake gives in every case.
    hint : (str, str)
    why : (str, str)
        What to say beside the solution.
    run : callable, optional
        ``run(answer, *arguments) -> value``, if calling the answer is not enough.
    rtol : float
        Relative tolerance of numbers.
    """

    key: str
    title: tuple
    solution: object
    cases: tuple
    mistakes: dict
    hint: tuple
    why: tuple = ("", "")
    run: object = None
    rtol: float = 1e-6


@dataclass(frozen=True)
class Option:
    """An answer to a question: what it says, why it is right or wrong, and which of both."""

    says: tuple
    why: tuple
    right: bool = False


def right(english, chinese, why_english, why_chinese):
    """Return the right option of a question."""
    return Option((english, chinese), (why_english, why_chinese), True)


def wrong(english, chinese, why_english, why_chinese):
    """Return a wrong option of a question."""
    return Option((english, chinese), (why_english, why_chinese))


@dataclass(frozen=True)
class Question:
    """A question with one right option.

    Parameters
    ----------
    key : str
        Its name in the progress file; never reuse or rename one.
    asks : (str, str)
    options : tuple of Option
        In the order in which they are shown.
    """

    key: str
    asks: tuple
    options: tuple


@dataclass(frozen=True)
class Chapter:
    """A chapter.

    Parameters
    ----------
    number : int
        As in the table of contents, `plan.CONTENTS`.
    minutes : dict of str to int
        Minutes for each section that takes some; the notebook's goals name their sum.
    labs : tuple of str
        The labs that it shows.
    exercises : tuple of Exercise
    quiz : tuple of Question
    strings : dict
        Texts of its code cells: labels of figures and tables, ``{"key": ("English", "中文")}``.
    needs : tuple of str
        What its cells import and `make app` does not install.
    starts_processes : bool
        Whether its cells start programs; then the app shows it for reading only, for a page would
        start them anew for each visitor.
    """

    number: int
    minutes: dict
    labs: tuple = ()
    exercises: tuple = ()
    quiz: tuple = ()
    strings: dict = field(default_factory=dict)
    needs: tuple = ()
    starts_processes: bool = False

    @property
    def entry(self):
        """Its line in the table of contents."""
        return CONTENTS[self.number]

    @property
    def length(self):
        """How many minutes it takes."""
        return sum(self.minutes.values())

    def translator(self, lang):
        """Return a translator that knows this chapter's texts and the course's."""
        return Translator(lang, COURSE_STRINGS, self.strings)

    def find(self, key):
        """Return the exercise of a key.

        Raises
        ------
        ValueError
            If there is none.
        """
        for exercise in self.exercises:
            if exercise.key == key:
                return exercise
        known = ", ".join(exercise.key for exercise in self.exercises) or "none"
        raise ValueError(f"chapter {self.number} has no exercise {key!r}; there are: {known}")
