"""Chapter 1: why data stays where it is, four ways to learn from it, and what leaks."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def my_rounds(examples, bytes_each, participants, parameters):
    centralised = examples * bytes_each
    a_round = 2 * participants * parameters * 4
    return centralised // a_round


ROUNDS = Exercise(
    key="rounds",
    title=("When is a federation cheaper?", "联邦什么时候更省？"),
    solution=my_rounds,
    cases=(
        ((1438, 257, 8, 650), 8),
        ((1_000_000, 100_000, 100, 25_000_000), 5),
        ((60_000, 785, 10, 1_000), 588),
    ),
    mistakes={
        "one_way": Mistake(
            lambda n, size, many, parameters: n * size // (many * parameters * 4),
            (
                "You counted one direction. "
                "In each round every participant gets the model *and* sends one back.",
                "你只算了一个方向。每一轮里，每个参与方既要收到模型，*也*要发回一个。",
            ),
        ),
        "bits": Mistake(
            lambda n, size, many, parameters: n * size // (2 * many * parameters * 32),
            (
                "A float32 has 32 bits, and that is 4 bytes. The examples are counted in bytes.",
                "一个 float32 是 32 比特，也就是 4 字节。样本是按字节算的。",
            ),
        ),
        "numbers": Mistake(
            lambda n, size, many, parameters: n * size // (2 * many * parameters),
            (
                "You counted parameters, not bytes: each takes 4.",
                "你数的是参数的个数，不是字节数：每个参数占 4 字节。",
            ),
        ),
        "one_participant": Mistake(
            lambda n, size, many, parameters: n * size // (2 * parameters * 4),
            (
                "This is the traffic of one participant. All of them send.",
                "这是一个参与方的通信量。每一方都要发送。",
            ),
        ),
        "rounded_up": Mistake(
            lambda n, size, many, parameters: -(-n * size // (2 * many * parameters * 4)),
            (
                "Rounded up: in the last of these rounds the federation has sent more already. "
                "Ask for *whole* rounds.",
                "你向上取整了：跑到最后那一轮，联邦已经传得更多了。题目要的是*整*轮数。",
            ),
        ),
        "fraction": Mistake(
            lambda n, size, many, parameters: n * size / (2 * many * parameters * 4),
            (
                "The ratio is right; there are only whole rounds. Use `//`.",
                "比值是对的，不过轮数只能是整数。用 `//`。",
            ),
        ),
    },
    hint=(
        "All examples take `examples * bytes_each` bytes, once. "
        "A round takes two models for every participant, four bytes a parameter. "
        "How often does the second fit into the first?",
        "全部样本占 `examples * bytes_each` 字节，只传一次。"
        "一轮里，每个参与方要传两个模型，每个参数四字节。前者里装得下几个后者？",
    ),
    why=(
        "For the digits 8 rounds, and we needed 30: there the federation costs *more*. "
        "With a million photographs the first five rounds of a model of 25 million parameters "
        "are cheaper; for traffic alone that is no bargain either.",
        "手写数字是 8 轮，而我们用了 30 轮：那里联邦反而*更费*通信。"
        "一百万张照片配两千五百万个参数的模型，也只有前五轮更省；单看通信量，这同样不划算。",
    ),
)


def my_guess(weights, bias):
    weights, bias = np.array(weights), np.array(bias)
    k = np.argmax(abs(bias))
    return weights[:, k] / bias[k]


def ratio_of_first(weights, bias):
    """Return the ratio for class 0, whatever its slope is."""
    with np.errstate(all="ignore"):
        return np.array(weights)[:, 0] / np.array(bias)[0]


def mean_of_ratios(weights, bias):
    """Return the mean of the ratios over all classes, 0 / 0 among them."""
    with np.errstate(all="ignore"):
        return (np.array(weights) / np.array(bias)).mean(axis=1)


def ratio_of_sums(weights, bias):
    """Return the ratio of the sums over classes, which are both 0."""
    with np.errstate(all="ignore"):
        return np.sum(weights, axis=1) / np.sum(bias)


CURIOUS = Exercise(
    key="curious",
    title=("A curious server", "好奇的服务器"),
    solution=my_guess,
    cases=(
        (([[0.5, -0.5], [1.0, -1.0], [1.5, -1.5]], [0.5, -0.5]), [1.0, 2.0, 3.0]),
        (([[0.0, 2.0, -2.0], [0.0, 0.0, 0.0], [0.0, -1.0, 1.0]], [0.0, 1.0, -1.0]), [2, 0, -1]),
        (([[3.0, 0.0, -3.0], [4.0, 0.0, -4.0]], [1.0, 0.0, -1.0]), [3, 4]),
    ),
    mistakes={
        "first": Mistake(
            ratio_of_first,
            (
                "You always divide by the first entry of the bias. "
                "Where it is 0 the ratio says nothing: take a class whose entry is not.",
                "你总是除以偏置梯度的第一个分量。它为 0 时，比值毫无意义：要选一个分量不为 0 的类别。",
            ),
        ),
        "column": Mistake(
            lambda weights, bias: np.array(weights)[:, np.argmax(np.abs(bias))],
            (
                "This column is the input times a slope. The slope stands in the bias: divide by it.",
                "这一列是输入乘上一个系数。系数就在偏置的梯度里：除以它。",
            ),
        ),
        "averaged": Mistake(
            mean_of_ratios,
            (
                "You averaged the ratios of all classes. Where an entry of the bias is 0, its ratio "
                "is 0 by 0: one good class is enough.",
                "你对所有类别的比值求了平均。偏置梯度的某个分量为 0 时，比值就成了 0 除以 0："
                "选一个好的类别就够了。",
            ),
        ),
        "sums": Mistake(
            ratio_of_sums,
            (
                "Over all classes the slopes add up to 0, and 0 by 0 is no picture. "
                "Use one class alone.",
                "所有类别的系数加起来是 0，而 0 除以 0 得不出图像。只用一个类别就行。",
            ),
        ),
        "product": Mistake(
            lambda weights, bias: (
                np.array(weights)[:, np.argmax(np.abs(bias))] * bias[np.argmax(np.abs(bias))]
            ),
            (
                "You multiplied by the slope once more. The column has it as a factor already: divide.",
                "你又乘了一次系数。这一列里本来就有这个因子：应该除掉。",
            ),
        ),
    },
    hint=(
        "Column $k$ of the weights is $\\delta_k x$, entry $k$ of the bias is $\\delta_k$. "
        "Choose a $k$ with $\\delta_k \\neq 0$, the largest in size for instance.",
        "权重梯度的第 $k$ 列是 $\\delta_k x$，偏置梯度的第 $k$ 个分量是 $\\delta_k$。"
        "选一个 $\\delta_k \\neq 0$ 的 $k$，比如绝对值最大的那个。",
    ),
    why=(
        "Three lines, no training, no secret knowledge: this is why an update is treated like data.",
        "三行代码，不用训练，也不用什么内部消息：所以更新也要像数据一样小心对待。",
    ),
)

QUIZ = (
    Question(
        "origin",
        (
            "Federated learning was proposed in February 2016. Which motive does that paper give?",
            "联邦学习是 2016 年 2 月提出的。那篇论文给出的动机是什么？",
        ),
        (
            wrong(
                "The GDPR and California's CCPA had made central collection illegal.",
                "GDPR 和加州的 CCPA 已经把集中收集定为非法。",
                "The GDPR was adopted two months later and applied from 2018; the CCPA was signed in "
                "June 2018. Neither forbids central collection as such.",
                "GDPR 两个月后才通过，2018 年才开始适用；CCPA 是 2018 年 6 月签署的。"
                "两者都没有一概禁止集中收集。",
            ),
            right(
                "Data on phones is private and large: learn from it where it is, and collect no more "
                "than needed.",
                "手机上的数据既私密又庞大：就地学习，只收集必需的东西。",
                "It calls this focused collection or data minimisation, after a White House report "
                "of 2012.",
                "论文把它叫作“有重点的收集”，即数据最小化，引的是 2012 年白宫的一份报告。",
            ),
            wrong(
                "Models trained so are more accurate than centralised ones.",
                "这样训练出来的模型比集中式的更准。",
                "Its yardstick is centralised training, which it comes close to, in few rounds.",
                "论文以集中式训练为标尺，说的是用不多的轮数就能接近它。",
            ),
        ),
    ),
    Question(
        "gossip",
        (
            "What tells decentralised learning by gossip from federated learning?",
            "流言式的去中心化学习，和联邦学习区别在哪里？",
        ),
        (
            right(
                "Nobody averages for all: each averages with its neighbours.",
                "没有谁替大家求平均：各方只和自己的邻居求平均。",
                "Both train locally and keep the examples at home. "
                "With everybody as a neighbour they even give the same model.",
                "两者都在本地训练，样本都不出门。如果人人互为邻居，得到的模型甚至完全一样。",
            ),
            wrong(
                "Federated learning trains locally, decentralised learning spreads the data over nodes.",
                "联邦学习在本地训练，去中心化学习把数据分散存到各个节点。",
                "So the article says. In both, the data stays with whoever has it.",
                "文章是这么说的。其实两种方式里，数据都留在原来的主人手里。",
            ),
            wrong(
                "Decentralised learning sends examples, federated learning sends models.",
                "去中心化学习传样本，联邦学习传模型。",
                "Both send models. Examples travel only in centralised learning.",
                "两者传的都是模型。只有集中式学习才传样本。",
            ),
        ),
    ),
    Question(
        "traffic",
        (
            "1,438 small images, 257 bytes each; eight participants, 650 parameters, 30 rounds. "
            "Which sends less, centralised or federated learning?",
            "1438 张小图，每张 257 字节；八个参与方，650 个参数，30 轮。集中式和联邦，哪个传得少？",
        ),
        (
            wrong(
                "Federated: parameters are always smaller than data.",
                "联邦：参数总比数据小。",
                "One model is smaller than all data. But it travels twice per participant and round: "
                "480 times here.",
                "一个模型确实比全部数据小。但它每一轮都要在每个参与方那里往返：这里一共传了 480 次。",
            ),
            wrong(
                "The same: what is learned is the same.",
                "一样多：学到的东西一样。",
                "Bytes are not knowledge. 0.37 MB against 1.25 MB, or 1.26 with the headers of the messages.",
                "字节不等于知识。这里是 0.37 MB 对 1.25 MB，算上报头是 1.26 MB。",
            ),
            right(
                "Centralised: 0.37 MB once, against 1.25 MB.",
                "集中式：一次 0.37 MB，联邦要 1.25 MB。",
                "Federated learning saves traffic if the data is large, the model small and the rounds "
                "few. It is not why one does it.",
                "数据大、模型小、轮数少的时候，联邦学习才省通信。人们采用它，并不是为了这个。",
            ),
        ),
    ),
    Question(
        "guarantee",
        (
            "A hospital says: “Our data never leaves the house, so our patients' privacy is guaranteed.” "
            "What is true?",
            "一家医院说：“我们的数据从不离开医院，所以患者的隐私有保障。”哪种说法是对的？",
        ),
        (
            wrong(
                "It is guaranteed, as long as the connection is encrypted.",
                "只要连接加密，就有保障。",
                "Encryption keeps outsiders away. The server itself reads the update, "
                "and can compute a patient's record from it.",
                "加密防的是外人。服务器自己读得到更新，可以从中算出患者的记录。",
            ),
            right(
                "Less is collected, but an update can betray examples; guarantees need more.",
                "收集的确实少了，但更新可能泄露样本；要有保障，还得做更多。",
                "Secure aggregation hides single updates, differential privacy bounds what can be "
                "learned of one person at all.",
                "安全聚合遮住单个更新，差分隐私则给“从结果里最多能了解一个人多少”定了上限。",
            ),
            wrong(
                "It is guaranteed if the update is compressed with $\\lambda = 0.1$.",
                "用 $\\lambda = 0.1$ 压缩过更新，就有保障。",
                "A picture that is ten times darker is the same picture. In the ratio $\\lambda$ cancels.",
                "把图像调暗到十分之一，还是那张图像。一做比值，$\\lambda$ 就约掉了。",
            ),
            wrong(
                "There is no gain at all over sending the data.",
                "和直接发数据相比，一点好处也没有。",
                "There is: the mean over many examples and many participants says far less than the "
                "records, and can be protected further.",
                "好处是有的：许多样本、许多参与方的平均，透露的远比原始记录少，而且还能再加保护。",
            ),
        ),
    ),
    Question(
        "compare",
        (
            "A federation reaches 92%, each participant alone 35% on average. "
            "Pooling all data gives 96%. What follows?",
            "联邦达到 92%，各方单独训练平均 35%，把全部数据放在一起是 96%。由此能说明什么？",
        ),
        (
            wrong(
                "Federated learning improves a model's accuracy.",
                "联邦学习能提高模型的准确率。",
                "Over what? Over training alone, yes; over pooling, no. "
                "Whoever says “improves” owes us the comparison.",
                "和什么比？比单独训练，是的；比合并数据，不是。说“提高”的人，得先说清楚和什么比。",
            ),
            wrong(
                "Something is wrong: it must reach 96%.",
                "肯定哪里错了：应该能到 96%。",
                "With more rounds it comes close, 95% after 100. But with local training on unequal "
                "data it need not reach exactly the same point: chapter 7.",
                "轮数再多些就很接近了，100 轮之后是 95%。但数据异质、又在本地走多步时，"
                "它不一定走到同一个点：见第 7 章。",
            ),
            right(
                "Where data cannot be pooled, the federation is worth it; where it can, pooling is "
                "simpler and better here.",
                "数据合不到一起时，值得用联邦；合得到一起时，至少在这个例子里，合并更简单，效果也更好。",
                "The right question is what each participant could do *otherwise*.",
                "真正要问的是：*不这样做*，每一方本来能做到什么程度。",
            ),
        ),
    ),
)

STRINGS = {
    "centralised": ("centralised", "集中"),
    "alone": ("alone", "单独"),
    "federated": ("federated", "联邦"),
    "gossip": ("gossip", "流言"),
    "participant": ("participant", "参与方"),
    "digit": ("digit", "数字"),
    "how_many": ("examples", "样本数"),
    "accuracy": ("accuracy on unseen digits, %", "没见过的数字上的准确率（%）"),
    "original": ("the participant's digit", "参与方的数字"),
    "stolen": ("from its gradient", "由梯度还原"),
    "scaled": ("from 0.1 × gradient", "由 0.1 × 梯度还原"),
    "blurred": ("from 16 digits together", "由 16 个数字的梯度还原"),
}

CHAPTER = Chapter(
    number=1,
    minutes={
        "idea": 10,
        "formula": 5,
        "example": 12,
        "lab": 8,
        "try": 10,
        "exercise": 12,
        "quiz": 5,
        "article": 13,
    },
    labs=("three_ways",),
    exercises=(ROUNDS, CURIOUS),
    quiz=QUIZ,
    strings=STRINGS,
)
