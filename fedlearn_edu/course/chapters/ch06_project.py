"""Chapter 6: what is wrong with the article's listing, and a federation that is right."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

WISHES = [0.0, 10.0]


def my_rounds(theta, wishes, counts, alpha, rounds):
    for _ in range(rounds):
        gradients = [theta - wish for wish in wishes]
        theta = theta - alpha * np.average(gradients, weights=counts)
    return float(theta)


def inside_the_loop(theta, wishes, counts, alpha, rounds):
    for _ in range(rounds):
        for wish in wishes:
            theta = theta - alpha * (theta - wish)
    return theta


def inside_the_loop_weighted(theta, wishes, counts, alpha, rounds):
    for _ in range(rounds):
        for wish, n in zip(wishes, counts, strict=True):
            theta = theta - alpha * n / sum(counts) * (theta - wish)
    return theta


def with_mean(mean):
    """Return the right loop with another mean of the gradients."""

    def rounds_of(theta, wishes, counts, alpha, rounds):
        for _ in range(rounds):
            theta = theta - alpha * mean([theta - wish for wish in wishes], counts)
        return theta

    return rounds_of


ROUNDS = Exercise(
    key="rounds",
    title=("The loop over rounds", "逐轮循环"),
    solution=my_rounds,
    cases=(
        ((8.0, WISHES, [1, 1], 0.5, 1), 6.5),
        ((8.0, WISHES, [3, 1], 0.5, 2), 3.875),
        ((0.0, [4.0], [7], 0.25, 1), 1.0),
        ((1.0, [3.0, 5.0, 10.0], [1, 1, 2], 1.0, 4), 7.0),
    ),
    mistakes={
        "inside": Mistake(
            inside_the_loop,
            (
                "The parameters move after every participant, so the second one already answers "
                "to another $\\theta$: this is what the listing does. "
                "Collect all gradients first, then take one step.",
                "每处理完一个参与方，参数就动一次，第二个参与方算梯度时，$\\theta$ 已经变了："
                "文章的代码正是这样。先收齐所有梯度，再走一步。",
            ),
        ),
        "inside_weighted": Mistake(
            inside_the_loop_weighted,
            (
                "Your weights are right, but you step inside the loop over participants: "
                "the second gradient is taken at a $\\theta$ that the first has moved.",
                "权重对了，但你在遍历参与方的循环里就走了一步：算第二个梯度时，$\\theta$ 已经被第一个挪动过。",
            ),
        ),
        "sum": Mistake(
            with_mean(lambda gradients, counts: sum(gradients)),
            (
                "You added the gradients and did not divide: the step grows with the number of "
                "participants.",
                "你把梯度相加，却没有除：参与方越多，步子越长。",
            ),
        ),
        "plain": Mistake(
            with_mean(lambda gradients, counts: sum(gradients) / len(gradients)),
            (
                "This is the plain mean. Let the numbers of examples decide how much each counts.",
                "这是简单平均。各方占多大权重，应该由样本数来决定。",
            ),
        ),
        "uphill": Mistake(
            with_mean(lambda gradients, counts: -np.average(gradients, weights=counts)),
            (
                "You go uphill: a gradient points to where the loss grows, so it is subtracted.",
                "方向反了：梯度指向损失增大的方向，所以要减去它。",
            ),
        ),
    },
    hint=(
        "In each round first a list of all gradients at the *same* $\\theta$, and only then "
        "one step with their weighted mean. "
        "`np.average` takes `weights=`.",
        "每一轮，先在*同一个* $\\theta$ 处算出全部梯度，收齐之后，才用加权平均走一步。"
        "`np.average` 有参数 `weights=`。",
    ),
    why=(
        "This is FedSGD. In the package: `Plan(FedSGD())`.",
        "这就是 FedSGD。包里的写法是 `Plan(FedSGD())`。",
    ),
)

A = {"weight": np.array([[1.0, 2.0]]), "bias": np.array([0.0])}
B = {"weight": np.array([[5.0, 6.0]]), "bias": np.array([4.0])}
C = {"weight": np.array([[1.0, 1.0]]), "bias": np.array([8.0])}


def my_average(models, counts):
    return {
        name: sum(n * model[name] for model, n in zip(models, counts, strict=True)) / sum(counts)
        for name in models[0]
    }


def for_each_layer(combine):
    """Return an averaging of models that treats a layer's list of arrays so."""
    return lambda models, counts: {
        name: combine([model[name] for model in models], np.array(counts)) for name in models[0]
    }


AVERAGE = Exercise(
    key="average",
    title=("Averaging whole models", "对整个模型求平均"),
    solution=my_average,
    cases=(
        (([A, B], [3, 1]), {"weight": [[2.0, 3.0]], "bias": [1.0]}),
        (([A, B, C], [1, 1, 2]), {"weight": [[2.0, 2.5]], "bias": [5.0]}),
        (([C], [9]), {"weight": [[1.0, 1.0]], "bias": [8.0]}),
    ),
    mistakes={
        "plain": Mistake(
            for_each_layer(lambda layers, counts: sum(layers) / len(layers)),
            (
                "Every model counts the same here, whatever its number of examples. "
                "FedAvg weights by size.",
                "不管样本多少，你给每个模型的权重都一样。FedAvg 按样本数加权。",
            ),
        ),
        "sum": Mistake(
            for_each_layer(lambda layers, counts: sum(layers)),
            (
                "You added the models, as the listing adds gradients. "
                "A sum of two good models is not a good model: divide.",
                "你把模型加了起来，就像文章的代码把梯度加起来一样。"
                "两个好模型之和不是好模型：要除。",
            ),
        ),
        "not_divided": Mistake(
            for_each_layer(lambda layers, counts: np.tensordot(counts, layers, axes=1)),
            (
                "Multiplied by $n_i$ and added, but not divided by $\\sum_i n_i$.",
                "乘了 $n_i$，也加了，但没有除以 $\\sum_i n_i$。",
            ),
        ),
        "first": Mistake(
            lambda models, counts: models[0],
            (
                "This is the first participant's model, untouched: nothing was averaged.",
                "这是第一个参与方的模型，原样未动：什么也没有平均。",
            ),
        ),
        "last": Mistake(
            lambda models, counts: models[-1],
            (
                "This is the last participant's model: does a loop overwrite the result "
                "each time instead of adding to it?",
                "这是最后一个参与方的模型：是不是循环每次都把结果覆盖了，而不是加上去？",
            ),
        ),
        "weights_only": Mistake(
            lambda models, counts: {
                name: np.average([model[name] for model in models], axis=0, weights=counts)
                if name == "weight"
                else models[0][name]
                for name in models[0]
            },
            (
                "The weights are averaged, the biases are still the first participant's. "
                "All layers have to be averaged.",
                "权重平均了，偏置还是第一个参与方的。每一层都要平均。",
            ),
        ),
    },
    hint=(
        "For each name: multiply each model's array by its $n_i$, add, divide by $\\sum_i n_i$. "
        "Build a *new* dictionary: whoever writes into `models[0]` changes a participant's model.",
        "对每个名字：各模型的数组乘以各自的 $n_i$，相加，再除以 $\\sum_i n_i$。"
        "结果放进一个*新*字典：直接往 `models[0]` 里写，会改掉一个参与方的模型。",
    ),
    why=(
        "It works on PyTorch's `state_dict()` as it stands. "
        "In the package: `fl.weighted_mean(models, counts)` on lists of arrays.",
        "它可以直接用在 PyTorch 的 `state_dict()` 上。"
        "包里的对应函数是 `fl.weighted_mean(models, counts)`，作用于数组的列表。",
    ),
)

TRAFFIC = Exercise(
    key="traffic",
    title=("Bytes in a round", "一轮的字节数"),
    solution=1936,
    cases=(((), 1936),),
    mistakes={
        "one_message": Mistake(
            484,
            (
                "That is one message. How many messages are there in a round, both ways?",
                "这是一条消息。一轮里来回一共有几条消息？",
            ),
        ),
        "one_way": Mistake(
            968,
            (
                "That is one way. The model also travels: in each round it has to reach every "
                "participant.",
                "这只是单程。模型也要传送：每一轮它都要到达每一个参与方。",
            ),
        ),
        "scaled": Mistake(
            193.6,
            (
                "Scaling by $\\lambda = 0.1$ makes the numbers smaller, not fewer and not shorter: "
                "a float32 has 4 bytes before and after.",
                "乘以 $\\lambda = 0.1$ 让数变小，但不会变少，也不会变短：float32 前后都是 4 字节。",
            ),
        ),
        "no_biases": Mistake(
            1760,
            (
                "You have counted the 110 weights and left out the biases: 10 in the hidden layer, "
                "one in the output.",
                "你只数了 110 个权重，漏了偏置：隐藏层 10 个，输出层 1 个。",
            ),
        ),
        "two_hidden": Mistake(
            3696,
            (
                "You have counted two hidden layers, as the article does. "
                "There is one hidden layer and one output layer.",
                "你和文章一样，数了两个隐藏层。其实是一个隐藏层加一个输出层。",
            ),
        ),
        "numbers": Mistake(
            484 // 4,
            (
                "That is how many numbers the model has. Each of them takes 4 bytes, "
                "and each of several messages carries them all.",
                "这只是模型里有几个数。每个数占 4 字节，而且消息有好几条，每一条都带着全部的数。",
            ),
        ),
    },
    hint=(
        "Numbers in the model × bytes for each × messages. "
        "Two participants each receive one message and send one.",
        "模型里有多少个数 × 每个数几字节 × 几条消息。两个参与方各收一条，各发一条。",
    ),
    why=(
        "$121 \\cdot 4 \\cdot 2 \\cdot 2$: 121 numbers, 4 bytes, 2 participants, 2 ways.",
        "$121 \\cdot 4 \\cdot 2 \\cdot 2$：121 个数，每个 4 字节，2 个参与方，来回 2 趟。",
    ),
)

QUIZ = (
    Question(
        "inside_loop",
        (
            "A listing calls its aggregation inside the loop over participants, with a list of "
            "one gradient. What does it compute?",
            "有一段代码在参与方的循环里调用聚合，传入的列表只有一个梯度。它算的是什么？",
        ),
        (
            wrong(
                "The mean of all gradients, only in pieces.",
                "所有梯度的平均，只是分几次算。",
                "The second gradient is taken after the first has moved the model: "
                "it belongs to another $\\theta$. Pieces of a mean would all belong to the same.",
                "第二个梯度是在模型被第一个挪动之后算的，属于另一个 $\\theta$。"
                "如果是同一个平均的几部分，就应该都在同一点上算。",
            ),
            right(
                "Sequential SGD: one step for each participant, in the order of the loop.",
                "顺序 SGD：按循环的次序，每个参与方走一步。",
                "Nothing is aggregated. The order matters, and a round makes about $N$ times the "
                "intended step.",
                "根本没有聚合。次序会影响结果，而且一轮走的路，大约是本该走的 $N$ 倍。",
            ),
            wrong(
                "FedAvg with one local step.",
                "本地只走一步的 FedAvg。",
                "In FedAvg all participants begin a round at the same $\\theta$; "
                "here each begins where the one before has stopped.",
                "在 FedAvg 里，所有参与方从同一个 $\\theta$ 开始一轮；"
                "这里每一方却从前一方停下的地方开始。",
            ),
        ),
    ),
    Question(
        "delete_line",
        (
            "You delete the line that trains the local models, and the global model comes out "
            "the same to the last digit. What have you learned?",
            "你删掉了训练本地模型的那一行，全局模型却一位不差。这说明什么？",
        ),
        (
            right(
                "That nothing which the local models learn reaches the server.",
                "本地模型学到的东西，一点也没有到达服务器。",
                "In the listing the gradient is taken on the global model; "
                "the trained copies are never read again.",
                "文章的代码在全局模型上求梯度；副本训练完，再也没有人读过。",
            ),
            wrong(
                "That local training has converged.",
                "本地训练已经收敛。",
                "Converged models would still differ from untrained ones, and so would what they send.",
                "收敛的模型和没训练过的模型也不一样，发出去的东西也会不一样。",
            ),
            wrong(
                "That the local learning rate is too small.",
                "本地的学习率太小。",
                "Then the result would change a little. *Exactly* nothing means that no path leads "
                "from there to the result.",
                "那样的话，结果总会变一点点。*丝毫*不变，说明它和结果之间根本没有接上。",
            ),
            wrong(
                "That the seed is fixed, which is good.",
                "说明随机种子固定了，这是好事。",
                "A fixed seed makes two runs of the *same* program equal. "
                "Here the two programs differ.",
                "固定种子只让*同一个*程序的两次运行相同。这里的两个程序并不相同。",
            ),
        ),
    ),
    Question(
        "coin_flips",
        (
            "The labels are coin flips, drawn independently of the inputs. "
            "What is the best loss (binary cross-entropy) that any model can reach on new data?",
            "标签是抛硬币得来的，与输入无关。任何模型在新数据上能达到的最小损失（二元交叉熵）是多少？",
        ),
        (
            wrong(
                "Near 0, with enough rounds.",
                "接近 0，只要轮数够多。",
                "On the *training* data perhaps: a model can learn coin flips by heart. "
                "New flips remain unknown.",
                "在*训练*数据上也许可以：模型能把硬币结果背下来。新抛的硬币还是不知道。",
            ),
            wrong(
                "0.5, half of the labels being wrong.",
                "0.5，因为一半标签会错。",
                "One half is the accuracy. The loss is a logarithm: $-\\ln \\frac{1}{2}$.",
                "二分之一是准确率。损失是对数：$-\\ln \\frac{1}{2}$。",
            ),
            right(
                "$\\ln 2 \\approx 0.693$, by saying one half each time.",
                "$\\ln 2 \\approx 0.693$，每次都回答二分之一。",
                "Any other answer is right half of the time and is punished more when wrong than it "
                "is rewarded when right.",
                "换成别的答案，一半时候答对，而答错时受的罚比答对时得的奖更多。",
            ),
        ),
    ),
    Question(
        "weights_change",
        (
            "The article prints the weights after each epoch and concludes from their change that "
            "learning works. Why does that not follow?",
            "文章在每一遍训练（epoch）之后打印权重，看到权重在变，就断定学习有效。为什么不能这样推断？",
        ),
        (
            wrong(
                "Because weights should stop changing when learning works.",
                "因为学习有效时，权重应该停止变化。",
                "Near an optimum they slow down, but on the way there they have to move.",
                "接近最优点时会慢下来，但在路上它们必须动。",
            ),
            right(
                "Because weights also change with wrong code and with labels that are noise.",
                "因为就算代码写错了、标签全是噪声，权重也一样会变。",
                "Every step with a gradient other than zero changes them. "
                "Ask for the loss on data that was not trained on.",
                "只要梯度不为零，每一步都会改变它们。该问的是：在没有训练过的数据上，损失是多少。",
            ),
            wrong(
                "Because what has to fall is the loss on the training data.",
                "因为该看的是训练数据上的损失有没有下降。",
                "That falls with coin flips too: a model can learn them by heart. "
                "Only data that was not trained on can tell.",
                "就算标签是抛硬币得来的，它也会下降：模型可以死记硬背。只有没训练过的数据才说明问题。",
            ),
        ),
    ),
    Question(
        "shared_optimizer",
        (
            "In PyTorch one Adam, built from model 1's parameters, is also used while model 2 "
            "trains. What happens at `step()`?",
            "在 PyTorch 里，一个用模型 1 的参数建立的 Adam，在训练模型 2 时也拿来用。执行 `step()` 会怎样？",
        ),
        (
            wrong(
                "Model 2 is trained, with Adam's memory of model 1.",
                "模型 2 得到训练，只是带着 Adam 对模型 1 的记忆。",
                "An optimiser knows only the parameters that it was built with; "
                "model 2's are not among them.",
                "优化器只认得建立时交给它的参数，模型 2 的参数不在其中。",
            ),
            wrong(
                "PyTorch raises an error.",
                "PyTorch 会报错。",
                "Keras does, in the article's listing. PyTorch stays silent, which is worse.",
                "Keras 会报错，文章的代码就停在那里。PyTorch 一声不响，这更糟。",
            ),
            right(
                "Model 1 moves once more by its old gradient; model 2 does not move.",
                "模型 1 按旧的梯度又动了一次，模型 2 一动不动。",
                "`step()` goes through its own list of parameters and takes whatever gradient it "
                "finds there.",
                "`step()` 只遍历自己名单上的参数，上面留着什么梯度就用什么梯度。",
            ),
        ),
    ),
    Question(
        "same_step",
        (
            "When does a round of FedAvg give exactly what a round of FedSGD gives?",
            "什么时候，一轮 FedAvg 和一轮 FedSGD 的结果完全相同？",
        ),
        (
            right(
                "With one local step on all own examples, the same $\\alpha$ and the same weights.",
                "本地只用全部样本走一步，而且 $\\alpha$ 和权重都相同。",
                "Then $\\sum_i w_i (\\theta - \\alpha g_i) = \\theta - \\alpha \\sum_i w_i g_i$, "
                "since the weights add up to 1.",
                "这时 $\\sum_i w_i (\\theta - \\alpha g_i) = \\theta - \\alpha \\sum_i w_i g_i$，"
                "因为权重之和是 1。",
            ),
            wrong(
                "Always: averaging models and averaging gradients is the same.",
                "总是相同：对模型求平均和对梯度求平均是一回事。",
                "Only for one step. From the second local step on, the gradients are taken at "
                "different $\\theta_i$.",
                "只对一步成立。从本地第二步开始，各方的梯度是在不同的 $\\theta_i$ 处算的。",
            ),
            wrong(
                "When all participants have equally many examples.",
                "当各方的样本数相等时。",
                "That makes the weights equal; with several local steps the models still go their "
                "own ways.",
                "那只是让权重相等；本地走好几步的话，模型还是各走各的路。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "train_loss": ("loss, all training patients", "全部训练患者上的损失"),
    "test_accuracy": ("accuracy, test patients", "测试患者上的准确率"),
    "fedsgd": ("FedSGD", "FedSGD"),
    "fedavg_5": ("FedAvg, 5 local steps", "FedAvg，本地 5 步"),
    "fedavg_20": ("FedAvg, 20 local steps", "FedAvg，本地 20 步"),
    "weights": ("every tenth weight", "每十个权重画一个"),
    "federation_a": ("Federation A", "联邦 A"),
    "federation_b": ("Federation B", "联邦 B"),
}

CHAPTER = Chapter(
    number=6,
    needs=("torch",),
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 60,
        "lab": 5,
        "try": 10,
        "exercise": 20,
        "quiz": 10,
        "article": 15,
    },
    labs=("digits",),
    exercises=(ROUNDS, AVERAGE, TRAFFIC),
    quiz=QUIZ,
    strings=STRINGS,
)
