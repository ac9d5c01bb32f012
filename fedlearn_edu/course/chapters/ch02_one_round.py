"""Chapter 2: one round in five steps, and what goes wrong if one of them is left out."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

FOUR = [[2, 3, 5, 6], [8, 10], [5], [6, 7, 8]]


def slope(theta, numbers):
    """Return the gradient of the mean of ½ (θ − x)²."""
    return theta - np.mean(numbers)


def walk(theta, numbers, alpha, steps):
    """Return θ after local steps."""
    for _ in range(steps):
        theta = theta - alpha * slope(theta, numbers)
    return theta


def my_update(theta, numbers, alpha, steps):
    local = theta
    for _ in range(steps):
        gradient = local - np.mean(numbers)
        local = local - alpha * gradient
    return local - theta


UPDATE = Exercise(
    key="update",
    title=("What a participant sends", "参与方发送什么"),
    solution=my_update,
    cases=(
        ((0.0, [2, 3, 5, 6], 0.5, 1), 2.0),
        ((0.0, [8, 10], 0.5, 2), 6.75),
        ((3.0, [5], 0.5, 1), 1.0),
        ((10.0, [4], 0.25, 2), -2.625),
    ),
    mistakes={
        "model": Mistake(
            walk,
            (
                "This is the local model $\\theta_i$ itself. "
                "The update is what the training *changed*: subtract where it started.",
                "这是本地模型 $\\theta_i$ 本身。更新是训练带来的*变化*：还要减去起点。",
            ),
        ),
        "one_step": Mistake(
            lambda theta, numbers, alpha, steps: -alpha * slope(theta, numbers),
            (
                "You took one step, whatever `steps` says. Repeat it, each time from where you are.",
                "不管 `steps` 是多少，你都只走了一步。要重复走，每次从当前位置出发。",
            ),
        ),
        "frozen": Mistake(
            lambda theta, numbers, alpha, steps: -steps * alpha * slope(theta, numbers),
            (
                "Every step used the gradient at the start $\\theta$. "
                "The second step stands somewhere else: take the gradient at $\\theta_i$.",
                "每一步用的都是起点 $\\theta$ 处的梯度。走第二步时，位置已经变了：要用 $\\theta_i$ 处的梯度。",
            ),
        ),
        "gradient": Mistake(
            lambda theta, numbers, alpha, steps: slope(theta, numbers),
            (
                "This is the gradient at $\\theta$: the local training plays no part in it. "
                "Walk first, then say how far you got.",
                "这是 $\\theta$ 处的梯度，本地训练根本没起作用。先走，再说走了多远。",
            ),
        ),
        "last_gradient": Mistake(
            lambda theta, numbers, alpha, steps: slope(walk(theta, numbers, alpha, steps), numbers),
            (
                "This is the gradient *after* the training. "
                "It shrinks the better the training was: the server would learn next to nothing.",
                "这是训练*之后*的梯度。训练得越好它越小，服务器几乎学不到东西。",
            ),
        ),
        "backwards": Mistake(
            lambda theta, numbers, alpha, steps: theta - walk(theta, numbers, alpha, steps),
            (
                "The sign is turned: the change is new minus old, $\\theta_i - \\theta$.",
                "符号反了：变化是新减旧，即 $\\theta_i - \\theta$。",
            ),
        ),
        "uphill": Mistake(
            lambda theta, numbers, alpha, steps: walk(theta, numbers, -alpha, steps) - theta,
            (
                "You walk uphill. The gradient points to where the loss rises: step against it.",
                "你在往上坡走。梯度指向损失上升的方向，要朝相反的方向走。",
            ),
        ),
        "summed": Mistake(
            lambda theta, numbers, alpha, steps: (
                walk(theta, numbers, alpha * len(numbers), steps) - theta
            ),
            (
                "You added the gradients of the numbers and did not divide by how many there are: "
                "who has more numbers takes longer steps.",
                "你把每个数的梯度相加，却没有除以个数：谁的数多，谁的步子就长。",
            ),
        ),
    },
    hint=(
        "Start with `local = theta`. "
        "In each step the gradient is `local` minus the mean of the numbers, "
        "and `local` goes `alpha` times as far against it. At the end, return the difference.",
        "从 `local = theta` 开始。每一步的梯度是 `local` 减去这些数的均值，"
        "`local` 逆着梯度走，走的距离是梯度的 `alpha` 倍。最后返回差值。",
    ),
    why=(
        "For any model: `fl.models.gradient` and `fl.gradient_step`, as in the round on digits above.",
        "换成任何模型也一样：用 `fl.models.gradient` 和 `fl.gradient_step`，见上面手写数字的那一轮。",
    ),
)


def my_weights(counts, arrived):
    counts = np.array(counts) * np.array(arrived)
    return counts / counts.sum()


ARRIVED = Exercise(
    key="arrived",
    title=("Weights of what arrived", "只给收到的更新分配权重"),
    solution=my_weights,
    cases=(
        (([4, 2, 1, 3], [1, 0, 1, 1]), [0.5, 0.0, 0.125, 0.375]),
        (([4, 2, 1, 3], [1, 1, 1, 1]), [0.4, 0.2, 0.1, 0.3]),
        (([30, 10], [0, 1]), [0.0, 1.0]),
    ),
    mistakes={
        "all": Mistake(
            lambda counts, arrived: np.divide(counts, np.sum(counts)),
            (
                "Nobody has dropped out here: who did not arrive has a weight too. "
                "What would you multiply it with?",
                "这里没有人掉线：没到的一方也有权重。可它的更新在哪里呢？",
            ),
        ),
        "not_renormalised": Mistake(
            lambda counts, arrived: np.multiply(counts, arrived) / np.sum(counts),
            (
                "The weights of those that arrived add up to less than 1: the step gets shorter "
                "whenever somebody drops out. Divide by the examples that arrived.",
                "收到的更新，权重之和小于 1：一有人掉线，步子就变短。应该除以已答复各方的样本总数。",
            ),
        ),
        "equal": Mistake(
            lambda counts, arrived: np.divide(arrived, np.sum(arrived)),
            (
                "Those that arrived count equally here. Let their numbers of examples decide.",
                "你让收到的更新权重都相等。应该由样本数来决定。",
            ),
        ),
    },
    hint=(
        "Set the counts of those that did not arrive to 0, then divide by the sum of what is left.",
        "谁没到，就把谁的样本数变成 0，再除以剩下的总数。",
    ),
    why=(
        "`fl.Plan(dropout=0.3)` does this in every round of a training.",
        "训练时，`fl.Plan(dropout=0.3)` 每一轮都会这样做。",
    ),
)


def my_round(theta, data, alpha):
    total = sum(len(numbers) for numbers in data)
    change = 0.0
    for numbers in data:
        update = -alpha * (theta - np.mean(numbers))
        change += len(numbers) / total * update
    return theta + change


def one_after_another(theta, data, alpha):
    """Return θ if the server moves inside the loop."""
    for numbers in data:
        theta = theta - alpha * slope(theta, numbers)
    return theta


def updates_of(theta, data, alpha):
    """Return Δ_i after one step."""
    return [-alpha * slope(theta, numbers) for numbers in data]


def weighted(values, data):
    """Return the mean by numbers of examples."""
    return np.average(values, weights=[len(numbers) for numbers in data])


ROUND = Exercise(
    key="round",
    title=("A whole round", "完整的一轮"),
    solution=my_round,
    cases=(
        ((0.0, FOUR, 0.5), 3.0),
        ((3.0, FOUR, 0.5), 4.5),
        ((2.0, [[0, 0, 0], [4]], 1.0), 1.0),
    ),
    mistakes={
        "one_after_another": Mistake(
            one_after_another,
            (
                "The server moves after every participant, so that the second one trains on what "
                "the first has left behind, and the order decides. "
                "Keep $\\theta$ still until all updates are in.",
                "每来一个参与方，服务器就动一次：第二个在第一个的结果上训练，结果取决于先后顺序。"
                "在收齐更新之前，$\\theta$ 要保持不动。",
            ),
        ),
        "equal": Mistake(
            lambda theta, data, alpha: theta + np.mean(updates_of(theta, data, alpha)),
            (
                "Every participant counts the same here, whether it has one number or four. "
                "Weight by how many it has.",
                "不管手里是一个数还是四个数，你让每一方都一样重。请按个数加权。",
            ),
        ),
        "summed": Mistake(
            lambda theta, data, alpha: theta + np.sum(updates_of(theta, data, alpha)),
            (
                "You added all updates and did not average: the step is several times too long.",
                "你把更新全加起来，没有求平均：步子变成了好几倍长。",
            ),
        ),
        "change": Mistake(
            lambda theta, data, alpha: weighted(updates_of(theta, data, alpha), data),
            (
                "This is the aggregated change. The new $\\theta$ is the old one plus this.",
                "这是聚合出来的变化量。新的 $\\theta$ 还要加上旧的。",
            ),
        ),
        "uphill": Mistake(
            lambda theta, data, alpha: theta - weighted(updates_of(theta, data, alpha), data),
            (
                "The step goes the wrong way: an update is added, a gradient is subtracted.",
                "方向反了：更新要加上，梯度才要减去。",
            ),
        ),
    },
    hint=(
        "Inside the loop compute $\\Delta_i$ from the *old* $\\theta$ and add "
        "$\\frac{n_i}{n} \\Delta_i$ to a running change. Move $\\theta$ once, after the loop.",
        "在循环里，用*旧的* $\\theta$ 算出 $\\Delta_i$，把 $\\frac{n_i}{n} \\Delta_i$ 累加起来。"
        "循环结束之后，$\\theta$ 只动一次。",
    ),
    why=(
        "If you pooled all numbers into one list: the same result, and the one thing "
        "that this round is not allowed to do.",
        "如果你把所有的数并进一个列表：结果一样，但这正是这一轮里唯一不许做的事。",
    ),
)

QUIZ = (
    Question(
        "travels",
        (
            "What leaves a participant in step 3?",
            "第 3 步里，从参与方发出去的是什么？",
        ),
        (
            wrong(
                "Its examples, encrypted.",
                "加密后的样本。",
                "Encrypted or not, they would end up on the server. "
                "In federated learning they stay where they are.",
                "加不加密，样本最后都到了服务器手里。在联邦学习里，样本留在原处不动。",
            ),
            right(
                "How its parameters changed: as many numbers as the model has.",
                "参数变了多少：模型有几个参数，就有几个数。",
                "$\\Delta_i = \\theta_i - \\theta$, and perhaps $n_i$. "
                "It says nothing of single examples directly, but it was made of them; "
                "chapter 1 shows what can be read off it.",
                "就是 $\\Delta_i = \\theta_i - \\theta$，可能再加上 $n_i$。"
                "它没有直接说出任何一个样本，却是由样本算出来的；从中能读出什么，第 1 章演示过。",
            ),
            wrong(
                "How good its model is, so that the server can keep the best one.",
                "它的模型有多好，服务器好把最好的留下。",
                "Nobody is chosen as a winner: all updates are averaged, "
                "and the mean knows something of everybody's data.",
                "这里不选优胜者：所有更新一起求平均，平均里有每一方数据的影子。",
            ),
        ),
    ),
    Question(
        "same_start",
        (
            "Two participants create their networks themselves, each from its own random numbers, "
            "train them well, and the server averages the two. What comes out?",
            "两个参与方各自用随机数建好网络，都训练得不错，服务器把两个网络平均。结果会怎样？",
        ),
        (
            wrong(
                "A network at least as good as the better one.",
                "至少和较好的那个一样好。",
                "So it seems, since averaging has helped so far. "
                "But unit 1 of one network need not do what unit 1 of the other does.",
                "好像应该如此，毕竟前面的平均都有用。但一个网络的 1 号单元，未必做着另一个网络 1 号单元的事。",
            ),
            wrong(
                "The same as from a common start: training forgets where it began.",
                "和共同起点一样：训练会忘掉从哪里开始。",
                "It does not: among the many networks that fit equally well, "
                "the start decides which one is found.",
                "并不会：拟合得同样好的网络有很多，找到哪一个，由起点决定。",
            ),
            right(
                "Usually something worse than either.",
                "通常比两个都差。",
                "The average of two different ways of seeing is often none. "
                "That is why step 1 hands everybody the *same* $\\theta$.",
                "两套不同的看法一平均，往往什么也看不出来。所以第 1 步要给每一方*同一个* $\\theta$。",
            ),
        ),
    ),
    Question(
        "no_sync",
        (
            "Step 5 is left out: the server's new $\\theta$ never goes back. "
            "What do the participants hold after many rounds?",
            "省掉第 5 步：服务器的新 $\\theta$ 不再发回去。很多轮之后，各参与方手里是什么？",
        ),
        (
            right(
                "What each would have learned alone.",
                "和各学各的一样。",
                "Nothing that the others found out ever reaches them. "
                "The averaging still happens, but nobody gets to use it.",
                "别人学到的东西，从来没有传到自己手里。平均照样在做，只是谁也用不上。",
            ),
            wrong(
                "Slowly the same model: they did send their updates.",
                "慢慢变成同一个模型：更新毕竟都发出去了。",
                "Sending changes the server, not the sender. Only step 5 brings them together.",
                "更新发出去，变的是服务器，不是自己。只有第 5 步才能把大家拉到一起。",
            ),
            wrong(
                "Nothing: without $\\theta$ they cannot train.",
                "什么也没有：没有 $\\theta$ 就没法训练。",
                "They have their own $\\theta_i$ from the round before, and go on from there.",
                "它们手里有上一轮的 $\\theta_i$，会从那里接着走。",
            ),
        ),
    ),
    Question(
        "some_missing",
        (
            "100 participants are asked, 30 answer in time. What does the server do?",
            "邀请了 100 个参与方，只有 30 个按时答复。服务器怎么办？",
        ),
        (
            wrong(
                "It waits: all have to be in step.",
                "一直等：所有人必须同步。",
                "Then one dead battery stops everybody. FedAvg needs no one in particular: "
                "it draws some participants for each round from the start.",
                "那样，只要一块电池没电，所有人都得停下。FedAvg 并不依赖某一个参与方：它本来就是每轮抽一部分。",
            ),
            wrong(
                "It averages over 100 and puts zeros for the missing ones.",
                "按 100 个求平均，缺的按零算。",
                "Then the step is only 30% as long, and it says of 70 participants that "
                "they like $\\theta$ as it is. Nobody knows that.",
                "那样步长只剩 30%，还等于替 70 个参与方说“$\\theta$ 不用改”。可这谁也不知道。",
            ),
            right(
                "It averages the 30, with weights that add up to 1 again.",
                "对这 30 个求平均，让权重之和重新等于 1。",
                "Whose data is missing has no say in this round. "
                "If the same ones are missing always, the model will not suit them.",
                "缺席的一方，这一轮没有发言权。如果总是那几个缺席，模型就会不适合它们。",
            ),
        ),
    ),
    Question(
        "gradient_after",
        (
            "A listing trains each local model to the end and then sends the gradient "
            "at the *trained* model. What reaches the server?",
            "有一段代码先把本地模型训练到底，再把*训练好的*模型处的梯度发出去。服务器收到的是什么？",
        ),
        (
            wrong(
                "A better gradient, since the model is better.",
                "更好的梯度，因为模型更好了。",
                "A gradient says in which direction there is still something to gain. "
                "For a trained model there is nothing left to say.",
                "梯度说的是往哪个方向还有改进的余地。模型已经训练好了，就没什么可说的了。",
            ),
            right(
                "Almost nothing: at the bottom of a valley the slope is 0.",
                "几乎为零：谷底的坡度是 0。",
                "What the training has found out is in $\\theta_i - \\theta$. "
                "Send this, or train nothing and send the gradient at $\\theta$.",
                "训练得到的东西都在 $\\theta_i - \\theta$ 里。要么发送它，要么不训练，发送 $\\theta$ 处的梯度。",
            ),
            wrong(
                "The same as $\\theta_i - \\theta$, up to the factor $-\\alpha$.",
                "和 $\\theta_i - \\theta$ 一样，只差一个因子 $-\\alpha$。",
                "That holds for the gradient at $\\theta$ and *one* step. "
                "Here the gradient is taken at another point.",
                "那是 $\\theta$ 处的梯度、而且只走*一*步时才成立。这里的梯度是在另一个点上求的。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "model": ("parameter", "参数"),
    "server": ("server: θ", "服务器：θ"),
    "mean": ("mean of all numbers", "全部数据的均值"),
}

CHAPTER = Chapter(
    number=2,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 15,
        "lab": 8,
        "try": 12,
        "exercise": 15,
        "quiz": 5,
        "article": 10,
    },
    labs=("one_round",),
    exercises=(UPDATE, ARRIVED, ROUND),
    quiz=QUIZ,
    strings=STRINGS,
)
