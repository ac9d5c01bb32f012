"""Chapter 7: FedSGD and FedAvg, the drift of local training on unequal data, and what helps."""

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def my_round(theta, optima, curvatures, alpha, local_steps):
    ends = []
    for optimum, curvature in zip(optima, curvatures, strict=True):
        local = theta
        for _ in range(local_steps):
            local = local - alpha * curvature * (local - optimum)
        ends.append(local)
    return sum(ends) / len(ends)


def _slopes(theta, optima, curvatures):
    return [h * (theta - optimum) for optimum, h in zip(optima, curvatures, strict=True)]


def _together(theta, optima, curvatures, alpha, local_steps):
    for _ in range(local_steps):
        theta = my_round(theta, optima, curvatures, alpha, 1)
    return theta


def _chained(theta, optima, curvatures, alpha, local_steps):
    for optimum, curvature in zip(optima, curvatures, strict=True):
        theta = my_round(theta, [optimum], [curvature], alpha, local_steps)
    return theta


ROUND = Exercise(
    key="round",
    title=("One round of FedAvg", "FedAvg 的一轮"),
    solution=my_round,
    cases=(
        ((3.0, [0.0, 4.0], [1.0, 3.0], 0.25, 2), 2.8125),
        ((0.0, [0.0, 4.0], [1.0, 3.0], 0.25, 1), 1.5),
        ((0.0, [1.0, 2.0, 6.0], [1.0, 1.0, 1.0], 0.5, 2), 2.25),
    ),
    mistakes={
        "one_step": Mistake(
            lambda theta, optima, curvatures, alpha, local_steps: my_round(
                theta, optima, curvatures, alpha, 1
            ),
            (
                "Everybody makes one step only: that is FedSGD. "
                "Repeat the step `local_steps` times before you average.",
                "每一方只走了一步，这是 FedSGD。求平均之前，要把这一步重复 `local_steps` 次。",
            ),
        ),
        "old_gradient": Mistake(
            lambda theta, optima, curvatures, alpha, local_steps: (
                theta - alpha * local_steps * sum(_slopes(theta, optima, curvatures)) / len(optima)
            ),
            (
                "All your steps use the gradient at the server's $\\theta$. "
                "From the second step on a participant stands somewhere else: "
                "take the gradient where it stands.",
                "你的每一步用的都是服务器的 $\\theta$ 处的梯度。"
                "从第二步起，参与方已经站在别处了：应该用它当时所在位置的梯度。",
            ),
        ),
        "averaged_each_step": Mistake(
            _together,
            (
                "You averaged after every step, so that nobody can drift: that is FedSGD, "
                "`local_steps` times. Let everybody walk to the end, then average.",
                "你每走一步就平均一次，谁也没机会漂移：这是把 FedSGD 做了 `local_steps` 遍。"
                "要让各方先走完，再平均。",
            ),
        ),
        "summed": Mistake(
            lambda theta, optima, curvatures, alpha, local_steps: (
                my_round(theta, optima, curvatures, alpha, local_steps) * len(optima)
            ),
            (
                "You added the participants' models and did not divide by how many there are.",
                "你把各方的模型加了起来，却没有除以参与方的个数。",
            ),
        ),
        "chained": Mistake(
            _chained,
            (
                "Your participants train one after the other, each from where the former stopped. "
                "In a round all start from the same $\\theta$.",
                "你的参与方是一个接一个训练的，后一个从前一个停下的地方出发。"
                "在一轮里，大家都从同一个 $\\theta$ 出发。",
            ),
        ),
    },
    hint=(
        "For each participant: start at $\\theta$, repeat "
        "$\\theta_i \\leftarrow \\theta_i - \\alpha h_i (\\theta_i - \\theta_i^{*})$, keep where it "
        "ends. Then take the mean of the ends.",
        "对每个参与方：从 $\\theta$ 出发，重复 "
        "$\\theta_i \\leftarrow \\theta_i - \\alpha h_i (\\theta_i - \\theta_i^{*})$，"
        "记下终点，最后对所有终点求平均。",
    ),
    why=(
        "In the package: `fl.simulate` with `local_steps`.",
        "包里用的是 `fl.simulate`，加上参数 `local_steps`。",
    ),
)

END = Exercise(
    key="end",
    title=("Where do very many local steps end?", "本地走很多很多步，会停在哪里？"),
    solution=3.0,
    cases=(((), 3.0),),
    mistakes={
        "optimum": Mistake(
            6.75,
            (
                "This is the optimum, where the *gradients* balance: "
                "$(1 \\cdot 0 + 1 \\cdot 1 + 10 \\cdot 8) / 12$. After very many local steps "
                "nobody sends a gradient any more: what does each send?",
                "这是最优点，各方的*梯度*在那里平衡：$(1 \\cdot 0 + 1 \\cdot 1 + 10 \\cdot 8) / 12$。"
                "可是本地走了很多很多步之后，大家发出的已经不是梯度了，那是什么？",
            ),
        ),
        "steepest": Mistake(
            8.0,
            (
                "The steepest participant gets home first, but it has one vote of three "
                "in the mean, like the others.",
                "最陡的参与方最先到家，但求平均时它和别人一样，只有三分之一的份量。",
            ),
        ),
        "middle": Mistake(
            1.0,
            (
                "That is the one in the middle. The server takes the mean, not the median.",
                "这是排在中间的那个。服务器取的是平均数，不是中位数。",
            ),
        ),
    },
    hint=(
        "With very many steps each participant arrives at its own optimum, whatever its curvature. "
        "Then the server averages.",
        "步数足够多时，不管曲率多大，每个参与方都会走到自己的最优点，然后由服务器求平均。",
    ),
)


def my_step(local, gradient, own, common, alpha):
    return local - alpha * (gradient - own + common)


SCAFFOLD = Exercise(
    key="scaffold",
    title=("A local step of SCAFFOLD", "SCAFFOLD 的一个本地步"),
    solution=my_step,
    cases=(
        ((2.0, 2.0, 3.0, 0.0, 0.1), 2.1),
        ((1.0, -4.0, -3.0, 0.5, 0.2), 1.1),
        ((0.0, 1.0, 1.0, 2.0, 0.5), -1.0),
    ),
    mistakes={
        "swapped": Mistake(
            lambda local, gradient, own, common, alpha: local - alpha * (gradient + own - common),
            (
                "The two are swapped: you push everybody even further home. "
                "Take off what is *own*, add what is common.",
                "两项的符号反了：这样只会更使劲地把每一方推回自己家。应该减去*自己的*，加上共同的。",
            ),
        ),
        "no_common": Mistake(
            lambda local, gradient, own, common, alpha: local - alpha * (gradient - own),
            (
                "You took off the participant's own direction and put nothing in its place. "
                "Add the common one, $c$.",
                "你减去了参与方自己的方向，却什么也没有补上。请加上共同的方向 $c$。",
            ),
        ),
        "no_own": Mistake(
            lambda local, gradient, own, common, alpha: local - alpha * (gradient + common),
            (
                "You added the common direction and left the participant's own in: "
                "take off $c_i$ as well.",
                "你加上了共同的方向，却没有去掉自己的：还要减去 $c_i$。",
            ),
        ),
        "fedavg": Mistake(
            lambda local, gradient, own, common, alpha: local - alpha * gradient,
            (
                "This is the step of FedAvg: the control variates play no part.",
                "这是 FedAvg 的一步，控制变量没有起作用。",
            ),
        ),
        "no_alpha": Mistake(
            lambda local, gradient, own, common, alpha: local - alpha * gradient + own - common,
            (
                "The correction belongs to the gradient: it, too, is multiplied by $\\alpha$.",
                "修正量是加在梯度上的，也要乘以 $\\alpha$。",
            ),
        ),
    },
    hint=(
        "Correct the gradient first: subtract $c_i$, add $c$. Then make an ordinary step with it.",
        "先修正梯度：减去 $c_i$，加上 $c$。再用它走普通的一步。",
    ),
    why=(
        "In the package: `fl.Scaffold()`, in a `fl.Plan` or in `fl.simulate`.",
        "包里对应的是 `fl.Scaffold()`，可以交给 `fl.Plan` 或 `fl.simulate`。",
    ),
)

QUIZ = (
    Question(
        "same",
        (
            "When do FedAvg and FedSGD make exactly the same step?",
            "什么时候 FedAvg 和 FedSGD 走的一步完全相同？",
        ),
        (
            wrong(
                "Always: averaging models is averaging gradients.",
                "总是相同：平均模型就是平均梯度。",
                "Only the first local step is taken at the common $\\theta$; "
                "the gradients of the second belong to different points already.",
                "只有第一个本地步是在共同的 $\\theta$ 处走的，到第二步，各方的梯度已经属于不同的点了。",
            ),
            wrong(
                "When all participants have the same distribution of data.",
                "当所有参与方的数据分布相同时。",
                "Then drift is small, but the paths differ: "
                "several local steps go further than one.",
                "这时漂移很小，但路径仍然不同：本地走几步，总比只走一步走得远。",
            ),
            right(
                "With one full-batch local step, and the same weights.",
                "本地只用全部样本走一步，并且权重相同时。",
                "$\\sum_i w_i (\\theta - \\alpha g_i) = \\theta - \\alpha \\sum_i w_i g_i$, "
                "whatever the data are.",
                "$\\sum_i w_i (\\theta - \\alpha g_i) = \\theta - \\alpha \\sum_i w_i g_i$，"
                "不管数据是什么样。",
            ),
        ),
    ),
    Question(
        "equal_curvature",
        (
            "Five participants want to go to five different places, but all their losses are bowls "
            "of one curvature. Everybody makes 20 local steps. Where does FedAvg end?",
            "五个参与方想去五个不同的地方，但它们的损失都是曲率相同的碗。"
            "每一方本地走 20 步，FedAvg 会停在哪里？",
        ),
        (
            right(
                "At the optimum: there is no drift.",
                "正好停在最优点：没有漂移。",
                "Everybody covers the same share $1 - (1 - \\alpha h)^{20}$ of its way home, "
                "so the mean stays right. Unequal *goals* alone do not make FedAvg wrong.",
                "每一方都走完回家路的同一比例 $1 - (1 - \\alpha h)^{20}$，平均之后没有偏差。"
                "光是*目标*不同，还不足以让 FedAvg 停错地方。",
            ),
            wrong(
                "Beside it, as always when the data are unequal.",
                "在最优点旁边：只要数据不同就会这样。",
                "It takes different goals *and* different speeds. "
                "With one curvature all are equally fast.",
                "既要目标不同，又要*快慢不同*才会这样。曲率相同，大家就一样快。",
            ),
            wrong(
                "Nowhere: the five pull it here and there for ever.",
                "哪里也不停：五方把它拉来拉去，没完没了。",
                "With everybody present the round is a fixed map with factor "
                "$(1 - \\alpha h)^{20}$: it settles quickly.",
                "既然人人到场，每一轮就都是同一个映射，倍数为 $(1 - \\alpha h)^{20}$，很快就会停下来。",
            ),
        ),
    ),
    Question(
        "listing",
        (
            "The article's listing trains each local model and then sends the gradient of the "
            "*global* model. What becomes of the local training?",
            "文章的代码先训练本地模型，然后发送*全局*模型的梯度。本地训练的成果去哪里了？",
        ),
        (
            wrong(
                "It makes the gradients more exact.",
                "它让梯度更准确。",
                "The gradient is that of the global model, at the global parameters; "
                "the local models do not occur in it.",
                "发送的是全局模型在全局参数处的梯度，里面根本没有本地模型。",
            ),
            right(
                "It is thrown away: with no local training the result would be the same.",
                "白白扔掉了：不做本地训练，结果也一样。",
                "What is left is FedSGD, with wasted electricity. FedAvg sends what was learned: "
                "$\\theta_i - \\theta$.",
                "剩下的只是 FedSGD，还白白费了电。FedAvg 发送的才是学到的东西：$\\theta_i - \\theta$。",
            ),
            wrong(
                "The server averages it into the next round.",
                "服务器会把它平均到下一轮里。",
                "The server never receives a local model, and never sends the global one back.",
                "服务器从来没有收到过本地模型，也没有把全局模型发回去。",
            ),
            wrong(
                "It saves rounds, as in FedAvg.",
                "和 FedAvg 一样，可以节省轮数。",
                "FedAvg saves rounds because it sends the result of many steps. "
                "Here one step's gradient is sent, as in FedSGD.",
                "FedAvg 节省轮数，是因为它发送的是许多步的结果。这里发送的只是一步的梯度，和 FedSGD 一样。",
            ),
        ),
    ),
    Question(
        "price",
        (
            "What does SCAFFOLD cost, in exchange for its correction?",
            "SCAFFOLD 能修正漂移，代价是什么？",
        ),
        (
            wrong(
                "The server must see a sample of everybody's data.",
                "服务器必须看到各方的一部分数据。",
                "The control variates are sums of gradients; no example is sent.",
                "控制变量是由梯度得来的，没有发送任何样本。",
            ),
            wrong(
                "Nothing, or everybody would not use it.",
                "没有代价，否则大家就不会用了。",
                "It has a price, and not everybody uses it: with a million phones that come once "
                "and never again, a participant's own $c_i$ is of little use.",
                "有代价，而且并非人人都用：如果有一百万部手机，每部只来一次，参与方自己的 $c_i$ 就没什么用了。",
            ),
            right(
                "Twice the traffic, and each participant has to remember its $c_i$.",
                "通信量翻倍，而且每个参与方都要记住自己的 $c_i$。",
                "Beside the model, control variates of the same size travel both ways; "
                "counted in bytes its lead may be gone.",
                "除了模型，还有同样大小的控制变量来回传送；按字节算，它的优势可能就没有了。",
            ),
        ),
    ),
    Question(
        "conclude",
        (
            "On digits dealt at random, 20 local steps take FedAvg to 90% in one round; with one "
            "digit for each participant, it takes 15 rounds, FedSGD 14. What follows?",
            "把手写数字随机分发时，本地走 20 步，FedAvg 一轮就达到 90%；"
            "每个参与方只有一种数字时要 15 轮，而 FedSGD 是 14 轮。能得出什么结论？",
        ),
        (
            wrong(
                "Never use local training on unequal data.",
                "数据异质时，千万不要本地训练。",
                "Look further along the curves: after 60 rounds FedAvg is ahead of FedSGD here. "
                "It helps less, not never.",
                "把曲线看到最后：60 轮之后，FedAvg 在这里领先于 FedSGD。它的帮助变小了，但不是没有。",
            ),
            right(
                "How much local training saves depends on how alike the data are: measure it.",
                "本地训练能省多少，取决于各方数据有多像：要测一测才知道。",
                "The same algorithm, the same digits, only dealt differently. "
                "A number from a paper is a number for that paper's data.",
                "同样的算法、同样的数字，只是分法不同。论文里的数，是在那篇论文的数据上得到的。",
            ),
            wrong(
                "FedAvg converges to a wrong model there, so it reads badly.",
                "FedAvg 在那里收敛到错误的模型，所以认得很差。",
                "It is slower at first; after 60 rounds it reads 95% of the test digits. "
                "A drift in the parameters need not be a disaster in accuracy.",
                "它开头更慢，但 60 轮之后能认出 95% 的测试数字。参数有漂移，准确率不一定就糟糕。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "accuracy": ("accuracy", "准确率"),
    "iid": ("dealt at random", "随机分发"),
    "label": ("one digit each", "每方一种数字"),
    "fedsgd": ("FedSGD", "FedSGD"),
    "fedavg": ("FedAvg, E = 20", "FedAvg，E = 20"),
    "fedprox": ("FedProx, μ = 0.1", "FedProx，μ = 0.1"),
    "scaffold": ("SCAFFOLD, E = 20", "SCAFFOLD，E = 20"),
    "alone": ("alone, best of ten:", "单独训练，十方中最好的："),
    "together": ("together:", "一起训练："),
    "work": ("local steps in a round", "每轮本地步数"),
    "rounds": ("rounds to 93%", "达到 93% 的轮数"),
    "work_iid": ("IID", "IID"),
    "work_shards": ("two label shards each", "每方两个标签分片"),
}

CHAPTER = Chapter(
    number=7,
    minutes={
        "idea": 5,
        "formula": 10,
        "example": 15,
        "lab": 10,
        "try": 15,
        "exercise": 15,
        "quiz": 5,
        "article": 5,
    },
    labs=("drift", "digits"),
    exercises=(ROUND, END, SCAFFOLD),
    quiz=QUIZ,
    strings=STRINGS,
)
