"""Chapter 0: how the course works; an exercise and questions to try it on."""

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
                "它的数据，不过加密得很严密。",
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
    Question(
        "who_has_it",
        (
            "The round is over. Who has the new model?",
            "一轮结束了。谁有新模型？",
        ),
        (
            wrong(
                "Only the server.",
                "只有服务器。",
                "Then the participants would go on from the old one. "
                "In the lab everybody took the same step.",
                "那参与方就还在用旧模型往下算。在实验里，每一方都走了同样的一步。",
            ),
            wrong(
                "Each participant has one of its own, fitted to its data.",
                "每个参与方各有一个，只适合自己的数据。",
                "*Within* a round they may drift apart, and chapter 7 looks at that. "
                "At its end there is one model again.",
                "一轮*之内*，它们可以各走各的，第 7 章就讲这个。到一轮结束，又只有一个模型。",
            ),
            right(
                "Everybody, and it is the same for all.",
                "人人都有，而且是同一个。",
                "Who misses a step computes its next gradient at a model that nobody else has. "
                "Chapter 6 shows what comes of that.",
                "谁漏了一步，下次就会在一个别人都没有的模型上算梯度。后果如何，第 6 章跑给你看。",
            ),
        ),
    ),
    Question(
        "sum_for_mean",
        (
            "Ten participants send gradients. "
            "The server adds them up and forgets to divide by ten. What does that do?",
            "十个参与方发来梯度。服务器加起来之后，忘了除以十。会怎样？",
        ),
        (
            right(
                "The step becomes ten times as long.",
                "这一步变成了十倍长。",
                "It has the right direction and may still land far beyond the goal. "
                "Chapter 5 computes how long a step may be.",
                "方向是对的，却可能一步跨过目标老远。一步最多能走多长，第 5 章会算出来。",
            ),
            wrong(
                "Little: the direction is right.",
                "没什么大碍：方向是对的。",
                "The direction is right, but the length decides whether you arrive.",
                "方向是对的，可能不能走到，要看步子多长。",
            ),
            wrong(
                "The model learns more, for the sum uses the data of all ten.",
                "模型学到的更多，因为求和用上了十方的数据。",
                "The mean uses them too. The sum knows nothing more, it only says it louder.",
                "平均也都用上了。求和并没有多知道什么，只是嗓门大了。",
            ),
        ),
    ),
    Question(
        "is_it_secret",
        (
            "The raw data stays where it is. Is it safe, then?",
            "原始数据没有离开过。那它就安全了吗？",
        ),
        (
            wrong(
                "Yes. What has not left cannot be seen.",
                "安全。没离开过的东西，别人看不到。",
                "The update is computed from it, and carries traces of it. "
                "In chapter 1 you get a picture back from a gradient.",
                "更新是用它算出来的，会带着它的痕迹。在第 1 章里，你会从一个梯度里把图片还原出来。",
            ),
            right(
                "Safer than in a heap, but an update may give some of it away.",
                "比堆在一处安全，但更新可能泄露其中一部分。",
                "So whoever needs a guarantee adds secure aggregation or differential privacy.",
                "所以，要真正有保障，还得加上安全聚合或差分隐私。",
            ),
            wrong(
                "No. It would be just as safe on one big server.",
                "不安全。放在一台大服务器上也一样。",
                "There a single break-in gets everything, and who runs it sees everything. "
                "What is never collected is not lost in that way.",
                "放在那里，一次入侵就全丢了，管服务器的人也什么都看得到。从不收集，就不会这样丢失。",
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
