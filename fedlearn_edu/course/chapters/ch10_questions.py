"""Chapter 10: the five questions, what became of the trends, and where to read on."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def leak(x, delta):
    """Return the two gradients that one example with inputs x leaves in a linear layer."""
    return np.outer(x, delta), np.array(delta)


def my_inversion(grad_w, grad_b):
    k = np.argmax(np.abs(grad_b))
    return grad_w[:, k] / grad_b[k]


def loudest(grad_b):
    return np.argmax(np.abs(grad_b))


INVERSION = Exercise(
    key="inversion",
    title=("An example out of its gradient", "从梯度里取出样本"),
    solution=my_inversion,
    cases=(
        (leak([1.0, 2.0, 3.0], [0.2, -0.7, 0.5]), [1.0, 2.0, 3.0]),
        (leak([0.5, -0.25, 4.0, 1.0], [0.6, 0.3, -0.9]), [0.5, -0.25, 4.0, 1.0]),
    ),
    mistakes={
        "not_divided": Mistake(
            lambda grad_w, grad_b: grad_w[:, loudest(grad_b)],
            (
                "This is the example times one $\\delta_k$. "
                "You know that number: it is an entry of the bias gradient.",
                "这是样本乘上了某个 $\\delta_k$。这个数你知道：它就在偏置的梯度里。",
            ),
        ),
        "upside_down": Mistake(
            lambda grad_w, grad_b: grad_b[loudest(grad_b)] / grad_w[:, loudest(grad_b)],
            (
                "You divided the other way round: this is $1 / x_j$.",
                "除反了：这样得到的是 $1 / x_j$。",
            ),
        ),
        "row": Mistake(
            lambda grad_w, grad_b: grad_w[loudest(grad_b)] / grad_b,
            (
                "You took a row of `grad_w`, which holds a single $x_j$ many times. "
                "A column holds all inputs.",
                "你取的是 `grad_w` 的一行，里面只有一个 $x_j$，重复了许多次。一列才包含全部输入。",
            ),
        ),
        "summed": Mistake(
            lambda grad_w, grad_b: grad_w.sum(axis=1),
            (
                "You added the columns. With a softmax the $\\delta_k$ add up to 0, "
                "and everything cancels: keep to *one* column.",
                "你把各列加起来了。用 softmax 时所有 $\\delta_k$ 之和是 0，全都抵消了：只取*一列*。",
            ),
        ),
    },
    hint=(
        "Column $k$ of `grad_w` is $x\\, \\delta_k$, and `grad_b[k]` is $\\delta_k$. "
        "Any column does; the one with the largest $|\\delta_k|$ is the safest.",
        "`grad_w` 的第 $k$ 列是 $x\\, \\delta_k$，`grad_b[k]` 是 $\\delta_k$。"
        "哪一列都行，$|\\delta_k|$ 最大的那一列最稳妥。",
    ),
    why=(
        "Two lines, no optimisation, no guess. That is why “the data stay at home” is no guarantee.",
        "只要两行，不用优化，也不用猜。所以“数据不出本地”算不上保障。",
    ),
)


def my_messages(updates, masks):
    sent = np.array(updates)
    for (i, j), mask in masks.items():
        sent[i] += mask
        sent[j] -= mask
    return sent


def masked(updates, masks, signs):
    """Return what is sent if the first of a pair adds signs[0] times the mask, and so on."""
    sent = np.array(updates)
    for pair, mask in masks.items():
        for i, sign in zip(pair, signs, strict=True):
            sent[i] += sign * np.array(mask)
    return sent


MESSAGES = Exercise(
    key="messages",
    title=("Masks that cancel", "会抵消的掩码"),
    solution=my_messages,
    cases=(
        (([[1.0, 2.0], [3.0, 4.0]], {(0, 1): [10.0, -5.0]}), [[11.0, -3.0], [-7.0, 9.0]]),
        (
            ([[1.0], [2.0], [3.0]], {(0, 1): [5.0], (0, 2): [7.0], (1, 2): [-4.0]}),
            [[13.0], [-7.0], [0.0]],
        ),
    ),
    mistakes={
        "both_add": Mistake(
            lambda updates, masks: masked(updates, masks, (1, 1)),
            (
                "Both add the mask, so that the sum contains it twice. One of the two subtracts.",
                "两方都加上了掩码，总和里就多出两份。其中一方应该减。",
            ),
        ),
        "first_only": Mistake(
            lambda updates, masks: masked(updates, masks, (1, 0)),
            (
                "Only the first of each pair uses the mask: nothing cancels it, "
                "and the last participant sends its update bare.",
                "每一对里只有前一方用了掩码：没有另一半来抵消，最后一个参与方的更新还是毫无遮掩地发了出去。",
            ),
        ),
        "swapped": Mistake(
            lambda updates, masks: masked(updates, masks, (-1, 1)),
            (
                "This cancels too. But all have to agree who adds; here it is the first of the pair.",
                "这样也能抵消。但谁加谁减必须约定好：这里约定每一对的前一方加。",
            ),
        ),
        "bare": Mistake(
            lambda updates, masks: np.array(updates),
            (
                "These are the updates as they are: the server would see every one.",
                "这就是原来的更新：服务器每一个都看得见。",
            ),
        ),
    },
    hint=(
        "Go through `masks.items()`: each key is a pair `(i, j)`. "
        "Row `i` gets the mask added, row `j` has it taken off.",
        "遍历 `masks.items()`：每个键是一对 `(i, j)`。第 `i` 行加上掩码，第 `j` 行减去。",
    ),
    why=(
        "Add the rows: the masks are gone. In the real protocol the pairs derive them from keys that "
        "they have agreed on, and what a dropout leaves behind can be repaired.",
        "把各行加起来，掩码就没了。真正的协议里，每一对用事先商定的密钥生成掩码，有人掉线也能补救。",
    ),
)


def my_clip(update, bound):
    update = np.array(update)
    return update * min(1, bound / np.linalg.norm(update))


CLIP = Exercise(
    key="clip",
    title=("A bound on every update", "给每个更新一个上界"),
    solution=my_clip,
    cases=(
        (([3.0, 4.0], 1.0), [0.6, 0.8]),
        (([3.0, 4.0], 10.0), [3.0, 4.0]),
        (([6.0, -8.0], 5.0), [3.0, -4.0]),
    ),
    mistakes={
        "scaled": Mistake(
            lambda update, bound: bound * np.array(update),
            (
                "You multiply by a fixed factor. That is the article's scaling, and bounds nothing: "
                "an update ten times as long stays ten times as long.",
                "你乘的是一个固定的倍数。这是文章里的缩放，限制不了什么：长十倍的更新还是长十倍。",
            ),
        ),
        "normalised": Mistake(
            lambda update, bound: bound * np.array(update) / np.linalg.norm(update),
            (
                "You make every update exactly $S$ long. Short ones should stay as they are.",
                "你把每个更新都变成了长度 $S$。本来就短的应该保持不变。",
            ),
        ),
        "components": Mistake(
            lambda update, bound: np.clip(update, -bound, bound),
            (
                "You cut each component for itself. That turns the direction, "
                "and the length may still exceed $S$.",
                "你是一个分量一个分量截断的。这样会改变方向，而且长度仍可能超过 $S$。",
            ),
        ),
        "larger": Mistake(
            lambda update, bound: np.array(update) * max(1, bound / np.linalg.norm(update)),
            (
                "You took the larger of the two factors: "
                "long updates stay long and short ones grow.",
                "你取了两个倍数中较大的：长的还是长，短的反而变长了。",
            ),
        ),
    },
    hint=(
        "The factor is $S / \\lVert g \\rVert$ where that is below 1, and else 1.",
        "倍数是 $S / \\lVert g \\rVert$；如果它不小于 1，就取 1。",
    ),
    why=(
        "Now no participant can move the sum by more than $S$, "
        "and noise of the size of $S$ can hide anybody.",
        "这样，任何一方都只能让总和变动不超过 $S$，与 $S$ 同样大小的噪声就足以藏住任何人。",
    ),
)

QUIZ = (
    Question(
        "at_home",
        (
            "A hospital says: “We use federated learning, so our patients' privacy is guaranteed.” "
            "What is true?",
            "一家医院说：“我们用的是联邦学习，所以患者的隐私有保障。”实际情况如何？",
        ),
        (
            wrong(
                "It is right: the records never leave the house.",
                "说得对：病历从不出医院。",
                "The records stay, the gradients leave; and from the gradient of one record "
                "you have computed the record itself.",
                "病历留下了，梯度却发出去了；从一份病历的梯度，你已经算出了病历本身。",
            ),
            right(
                "Less data moves than before; a guarantee needs secure aggregation and "
                "differential privacy.",
                "外流的数据确实少了，但要有保障，还需要安全聚合和差分隐私。",
                "Keeping data at home is *data minimisation*, and worth having. "
                "What updates and the finished model betray is another matter, with tools of its own.",
                "数据留在本地叫*数据最小化*，这很有价值。至于更新和训练好的模型会泄露什么，是另一回事，要用另外的工具。",
            ),
            wrong(
                "It is right if the updates are compressed.",
                "只要更新压缩过，就说得对。",
                "A scaled gradient gives the record exactly, and one of 4 bits gives it nearly. "
                "Compression is about bits.",
                "缩放过的梯度能精确还原病历，只有 4 比特的也能还原得差不多。压缩只关乎比特数。",
            ),
        ),
    ),
    Question(
        "secure_sum",
        (
            "With secure aggregation the server sees only $\\sum_i g_i$. What does it *not* protect?",
            "有了安全聚合，服务器只看到 $\\sum_i g_i$。它*不*能防住什么？",
        ),
        (
            wrong(
                "A single update from a curious server.",
                "好奇的服务器偷看单个更新。",
                "That is just what it protects: a masked update looks like noise.",
                "它防的正是这个：带掩码的更新看起来就是噪声。",
            ),
            wrong(
                "The training, since masks make it less accurate.",
                "训练效果，因为掩码让结果变差。",
                "The masks cancel in the sum; it is the same number.",
                "掩码在求和时抵消，得到的是同一个数。",
            ),
            right(
                "What the sum itself, or the finished model, betrays about somebody.",
                "总和本身、或训练好的模型，会泄露某个人的什么信息。",
                "If 99 of 100 send what the server knows already, the sum shows the hundredth. "
                "A bound on one person's trace in the *result* is what differential privacy gives.",
                "如果 100 方里有 99 方发的内容服务器早就知道，总和就暴露了第 100 方。"
                "限制一个人在*结果*里留下的痕迹，要靠差分隐私。",
            ),
        ),
    ),
    Question(
        "noise_many",
        (
            "Updates are clipped to length $S$, and noise of the size of $S$ is added to their sum. "
            "Ten times as many participants take part. What becomes of the mean?",
            "更新截到长度 $S$，总和加上大小与 $S$ 相当的噪声。参与方增加到十倍，平均会怎样？",
        ),
        (
            right(
                "The noise in it becomes ten times smaller.",
                "其中的噪声缩小到十分之一。",
                "The noise is added once, to the sum, and divided by $N$. "
                "Privacy is cheap in a crowd and dear in a small circle.",
                "噪声只在总和上加一次，再除以 $N$。人多时，隐私很便宜；人少时，代价就大了。",
            ),
            wrong(
                "Nothing: everybody brings their own noise.",
                "没有变化：每一方都带来自己的噪声。",
                "Here the noise is added to the sum, once. If each had to add noise of that size, "
                "it would shrink too, but only like $1 / \\sqrt{N}$.",
                "这里的噪声是在总和上加一次。就算每一方各加这么大的噪声，平均里的噪声也会缩小，只不过是按 $1 / \\sqrt{N}$ 缩小。",
            ),
            wrong(
                "It becomes noisier: more people, more noise.",
                "噪声更大：人越多，噪声越多。",
                "The bound $S$ is on one person's part, and so the noise need not grow with the crowd.",
                "$S$ 限制的是一个人的分量，所以噪声不必随人数增加。",
            ),
        ),
    ),
    Question(
        "what_differs",
        (
            "Both train where the data lie. What does *decentralised* learning lack that "
            "federated learning has?",
            "两者都在数据所在处训练。与联邦学习相比，*去中心化*学习少了什么？",
        ),
        (
            wrong(
                "Local training: its data are spread, but trained on centrally.",
                "本地训练：它的数据分散存放，训练却是集中的。",
                "That is what the article suggests. In gossip each participant trains at home as well.",
                "文章就是这样暗示的。其实在流言学习里，每个参与方同样在本地训练。",
            ),
            wrong(
                "Privacy: neighbours see everything.",
                "隐私：邻居什么都看得到。",
                "Neighbours see models, as a server does; only fewer of them.",
                "邻居看到的是模型，和服务器看到的一样，只是更少。",
            ),
            right(
                "A server that aggregates.",
                "一个负责聚合的服务器。",
                "Neighbours average among themselves. Nothing stands still when one party fails, "
                "and news takes longer to spread.",
                "邻居之间互相平均。哪一方出了故障，都不会让全体停下，但消息传得更慢。",
            ),
        ),
    ),
    Question(
        "what_saved",
        (
            "In published trainings of large language models over slow lines, what cut the traffic "
            "several hundredfold?",
            "在已发表的、跨慢速网络训练大语言模型的工作里，通信量减少几百倍靠的是什么？",
        ),
        (
            wrong(
                "5G, and soon 6G.",
                "5G，以及不久后的 6G。",
                "A faster line carries the same bytes sooner; it sends no fewer of them.",
                "线路快了，同样的字节到得更早，但一个字节也没少发。",
            ),
            wrong(
                "Multiplying the gradients by a small factor.",
                "把梯度乘上一个很小的系数。",
                "A scaled float32 has 32 bits, like any other.",
                "缩放过的 float32 还是 32 比特。",
            ),
            right(
                "Some hundred local steps between two exchanges.",
                "两次通信之间，本地走几百步。",
                "That is the idea of FedAvg, with better optimisers on both sides: "
                "DiLoCo exchanges every 500 steps.",
                "这就是 FedAvg 的想法，只是两边都换了更好的优化器：DiLoCo 每 500 步才交换一次。",
            ),
        ),
    ),
    Question(
        "faster",
        (
            "A federation is slow: every tenth participant needs ten times as long, "
            "and the server waits for all. What helps first?",
            "一个联邦很慢：每十个参与方就有一个要花十倍时间，而服务器要等齐所有人。先该怎么办？",
        ),
        (
            wrong(
                "More bandwidth.",
                "增加带宽。",
                "It is their computing that takes long, not their sending.",
                "慢在计算，不在发送。",
            ),
            right(
                "Do not wait: sample, set a deadline, or let late updates come later.",
                "不要等：抽样、设截止时间，或者让迟到的更新晚一点再用。",
                "Not everybody has to be there at once. Sampling is in FedAvg since 2016, "
                "and buffers for late updates run on real phones.",
                "并不需要所有人同时到场。FedAvg 从 2016 年起就有抽样，收纳迟到更新的缓冲区也早已用在真实的手机上。",
            ),
            wrong(
                "Better data at the slow ones.",
                "把慢的那几方的数据弄好一些。",
                "Good data is always welcome, but nobody computes faster for it.",
                "数据好当然好，但不会让谁算得更快。",
            ),
        ),
    ),
)

STRINGS = {
    "image": ("the example", "样本"),
    "gradient": ("from its gradient", "由梯度还原"),
    "lambda": ("scaled by 0.1", "缩放到 0.1 倍"),
    "int4": ("sent in 4 bits", "用 4 比特发送"),
    "batch": ("from a batch of 8", "由 8 个样本的梯度还原"),
    "masked": ("masked", "加掩码"),
    "noisy": ("clipped, with noise", "截断并加噪声"),
    "alone": ("alone", "单独"),
    "federated": ("federated", "联邦"),
    "together": ("all in one place", "集中"),
    "plan_sgd": ("FedSGD", "FedSGD"),
    "plan_local": ("FedAvg, 5 epochs", "FedAvg，5 遍"),
    "plan_sample": ("… and 1 in 10 asked", "……再加每轮只邀请十分之一"),
    "plan_lambda": ("… and scaled by 0.1", "……再加缩放到 0.1 倍"),
    "plan_short": ("… instead short numbers", "……改用更少的比特"),
    "megabytes": ("megabytes sent, both ways", "来回共发送的兆字节"),
    "accuracy": ("accuracy", "准确率"),
}

CHAPTER = Chapter(
    number=10,
    minutes={
        "idea": 5,
        "formula": 10,
        "example": 20,
        "lab": 5,
        "try": 10,
        "exercise": 15,
        "quiz": 5,
        "article": 15,
        "summary": 5,
    },
    labs=("digits",),
    exercises=(INVERSION, MESSAGES, CLIP),
    quiz=QUIZ,
    strings=STRINGS,
)
