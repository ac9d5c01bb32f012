"""Chapter 0: how the course works; an exercise and a question to try it on."""

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

WARM_UP = Exercise(
    key="warm_up",
    title=("A first answer", "第一个答案"),
    solution=4.0,
    cases=(((), (2 + 6) / 2),),
    mistakes={
        "summed": Mistake(
            8,
            (
                "You summed, and did not divide by $N$, the number of participants.",
                "你只求了和，没有除以参与方的个数 $N$。",
            ),
        ),
        "one_of_them": Mistake(
            2,
            (
                "This is what the first one sends. The mean listens to both.",
                "这是第一方发来的数。平均要把两方都算上。",
            ),
        ),
    },
    hint=(
        "Add the two numbers, then divide by how many there are.",
        "把两个数加起来，再除以个数。",
    ),
    why=("$(2 + 6) / 2 = 4$.", "$(2 + 6) / 2 = 4$。"),
)

QUIZ = (
    Question(
        "what_travels",
        (
            "In federated learning, what leaves a participant?",
            "联邦学习里，从参与方传出去的是什么？",
        ),
        (
            wrong(
                "Its data, well encrypted.",
                "它的数据，好好加了密。",
                "Encrypted or not, the raw data stays where it is: that is the point.",
                "不管加不加密，原始数据都留在原地，这正是关键所在。",
            ),
            right(
                "How its data would change the model.",
                "它的数据会让模型怎样改变。",
                "This is the update: numbers, one for each parameter. "
                "What can be read from them you will see in chapter 1.",
                "这就是更新：每个参数对应一个数。从这些数里还能看出什么，第 1 章就会看到。",
            ),
            wrong(
                "Nothing at all.",
                "什么也没有。",
                "Then nobody could learn from it. Something has to travel.",
                "那就谁也学不到东西了。总得有东西传出去。",
            ),
        ),
    ),
)

CHAPTER = Chapter(
    number=0,
    minutes={"goals": 15},
    labs=("one_round",),
    exercises=(WARM_UP,),
    quiz=QUIZ,
)
