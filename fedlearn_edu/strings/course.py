"""The texts of exercises, quizzes and progress."""

STRINGS = {
    "right": ("Right.", "正确。"),
    "not_yet": ("Not yet.", "还不对。"),
    "untouched": (
        "Nothing to check yet: replace the three dots by your answer, then run this cell again.",
        "还没有什么可检查：把三个点换成你的答案，再运行一次这个单元格。",
    ),
    "nothing": (
        "For {case} your function returned nothing. Does it end with `return`?",
        "输入 {case} 时，你的函数没有返回任何东西。最后写 `return` 了吗？",
    ),
    "raised": (
        "For {case} your function stopped with `{error}`.",
        "输入 {case} 时，你的函数中断了，报错是 `{error}`。",
    ),
    "shape": (
        "For {case} your answer has shape {shape}; expected {wanted}. It was {got}.",
        "输入 {case} 时，答案的形状是 {shape}，应该是 {wanted}。你得到的是 {got}。",
    ),
    "differs": (
        "For {case} you get {got}; expected {expected}.",
        "输入 {case} 时，你得到 {got}，应该是 {expected}。",
    ),
    "value": (
        "{got} is not it. Work it out once more, step by step.",
        "{got} 不对。再一步一步算一遍。",
    ),
    "changed": (
        "The numbers are right, but your function changed what it was given. "
        "Work on a copy, so that whoever calls it finds their data as they left it.",
        "数字是对的，但你的函数改动了传进来的数据。请在副本上计算，别动调用者的数据。",
    ),
    "hint": ("Hint", "提示"),
    "solution": ("Solution", "答案"),
    "quiz": ("Quiz", "小测验"),
    "question_n": ("Question {n}", "第 {n} 题"),
    "check": ("Check", "检查"),
    "choose": ("Choose an answer first.", "请先选一个答案。"),
    "try_again": ("Not quite.", "不太对。"),
    "score": ("{n} of {all} answered rightly", "共 {all} 题，答对 {n} 题"),
    "all_right": ("All {all} right. Well done!", "{all} 题全对，很好！"),
    "read_only": (
        "Unfold an answer to see whether it is right. "
        "Run the notebook to have your answers counted.",
        "展开一个选项，看它对不对。运行笔记本可以作答并计分。",
    ),
    "is_right": ("right", "正确"),
    "is_wrong": ("wrong", "错误"),
    "missing_core": (
        "not installed; `make course` installs it",
        "没有安装；运行 `make course` 会装好",
    ),
    "missing_torch": (
        "not installed; only chapter 6 needs it",
        "没有安装；只有第 6 章需要它",
    ),
    "missing_keras": (
        "not installed; only the appendix of chapter 6 needs it",
        "没有安装；只有第 6 章的附录需要它",
    ),
    "no_keras": (
        "Not installed: {names}. Without it the cells of this appendix do nothing; "
        "the README says how to get it.",
        "没有安装：{names}。缺了它，本附录的单元格什么也不做；安装方法见 README。",
    ),
    "of": ("{name}: {words}", "{name}：{words}"),
    "figure": ("Figure. {parts}.", "图。{parts}。"),
    "horizontal": ("Horizontal: {words}", "横轴：{words}"),
    "vertical": ("Vertical: {words}", "纵轴：{words}"),
    "color": ("Colour: {words}", "颜色：{words}"),
    "legend": ("Legend: {words}", "图例：{words}"),
    "next_word": ("; ", "；"),
    "next_part": (". ", "。"),
    "your_progress": ("Your progress", "你的进度"),
    "chapter": ("Chapter", "章"),
    "chapter_n": ("Chapter {n}", "第 {n} 章"),
    "exercises": ("Exercises", "练习"),
    "minutes": ("Minutes", "分钟"),
    "done": ("done", "完成"),
    "open": ("open", "未完成"),
    "soon": ("not written yet", "尚未写成"),
    "questions_done": ("{n} of {all} questions", "共 {all} 题，完成 {n} 题"),
    "kept_in": (
        "Kept in {path} on this computer, and sent nowhere.",
        "保存在这台电脑的 {path}，不会发送到任何地方。",
    ),
    "kept_in_memory": (
        "Kept in memory only: it is gone when this page is closed.",
        "只保存在内存里，关掉这一页就没有了。",
    ),
    "trouble_broken": (
        "The file {path} cannot be read. It is left as it is; "
        "until it is mended or moved away, progress is kept in memory only.",
        "读不了文件 {path}。我们没有改动它；在修好或移走它之前，进度只保存在内存里。",
    ),
    "trouble_newer": (
        "The file {path} was written by a newer version of this course. It is left as it is; "
        "progress is kept in memory only.",
        "文件 {path} 是用本课程较新的版本写的。我们没有改动它；进度只保存在内存里。",
    ),
    "trouble_unwritable": (
        "The file {path} cannot be written; progress is kept in memory only.",
        "写不了文件 {path}，进度只保存在内存里。",
    ),
}
