"""The course's table of contents, and the sections that every chapter has."""

from dataclasses import dataclass

from fedlearn_edu.i18n import LANGUAGES

SECTIONS = (
    "goals", "idea", "formula", "example", "lab", "legend", "try", "exercise", "quiz",
    "article", "summary", "sources",
)  # fmt: skip
"""Ids of the Markdown cells that begin a chapter's sections, in their order."""

SECTION_NAMES = {
    "goals": ("What you will be able to do", "学完你能做什么"),
    "idea": ("The idea", "思路"),
    "formula": ("The formula", "公式"),
    "example": ("A worked example", "算一个例子"),
    "lab": ("The lab", "实验"),
    "legend": ("What each control means", "控件说明"),
    "try": ("Try this", "试一试"),
    "exercise": ("Exercises", "练习"),
    "quiz": ("Quiz", "小测验"),
    "article": ("What the article gets wrong here", "文章错在哪里"),
    "summary": ("Summary", "小结"),
    "sources": ("Sources", "文献"),
}
"""What the sections' headings begin with."""


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents."""

    number: int
    slug: str
    titles: tuple

    def title(self, lang):
        """Return the chapter's title in a language."""
        return self.titles[LANGUAGES.index(lang)]

    @property
    def file(self):
        """The name of its notebooks, in en/ and in zh/."""
        return f"{self.number:02d}_{self.slug}.ipynb"


CONTENTS = tuple(
    Entry(number, slug, titles)
    for number, (slug, titles) in enumerate(
        (
            ("start", ("Start here", "从这里开始")),
            ("why", ("Why federated learning", "为什么要联邦学习")),
            ("one_round", ("One round, step by step", "一轮，一步一步走")),
            ("aggregation", ("Aggregation: mean and weights", "聚合：平均与加权")),
            ("scaling", ("Scaling: what λ does and does not do", "缩放：λ 能做什么，不能做什么")),
            ("convergence", ("The whole step: λ, α and convergence", "完整的一步：λ、α 与收敛")),
            (
                "project",
                ("Project: from a listing to a federation", "项目：从一段代码到一个联邦"),
            ),
            ("local_training", ("Local training and unequal data", "本地训练与数据异质")),
            (
                "challenges",
                ("The challenges, one at a time", "挑战，一个一个来"),
            ),
            ("fields", ("Five fields, five small federations", "五个领域，五个小联邦")),
            ("questions", ("Questions, trends, resources", "问题、趋势与资源")),
            (
                "federation",
                ("A real federation: out of the simulator", "真正的联邦：走出模拟器"),
            ),
        )
    )
)
