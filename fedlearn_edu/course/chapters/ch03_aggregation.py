"""Chapter 3: the mean, the weighted mean, and when the latter is the pooled gradient."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

UPDATES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
THREE = [[1.0, 0.0], [0.0, 2.0], [4.0, 4.0]]


def my_weights(counts):
    return [n / sum(counts) for n in counts]


WEIGHTS = Exercise(
    key="weights",
    title=("Weights from numbers of examples", "由样本数求权重"),
    solution=my_weights,
    cases=(
        (([30, 10],), [0.75, 0.25]),
        (([10, 10, 80],), [0.1, 0.1, 0.8]),
        (([7],), [1.0]),
    ),
    mistakes={
        "counts": Mistake(
            lambda counts: counts,
            (
                "These are the numbers of examples themselves. "
                "Weights have to add up to 1: what would you divide by?",
                "这还是样本数本身。权重加起来应该等于 1：该除以什么？",
            ),
        ),
        "equal": Mistake(
            lambda counts: [1 / len(counts)] * len(counts),
            (
                "You give everybody $1/N$, whatever they have: that is the plain mean. "
                "Let the numbers of examples decide.",
                "你给每一方的都是 $1/N$，不管它有多少样本，这是简单平均。应该由样本数来决定。",
            ),
        ),
        "by_number": Mistake(
            lambda counts: [n / len(counts) for n in counts],
            (
                "You divided by $N$, the number of participants. "
                "Divide by the number of all examples.",
                "你除以的是参与方的个数 $N$。应该除以全部样本的总数。",
            ),
        ),
        "by_largest": Mistake(
            lambda counts: [n / max(counts) for n in counts],
            (
                "You divided by the largest $n_i$, so that the biggest participant gets 1 "
                "and the weights add up to more than 1.",
                "你除以的是最大的 $n_i$，于是样本最多的一方得到 1，全部权重加起来超过了 1。",
            ),
        ),
    },
    hint=(
        "A participant's weight is its share: its examples out of *all* examples, $n_i / \\sum_j n_j$. "
        "With [30, 10] the first has three quarters.",
        "一方的权重就是它占的份额：它的样本数除以*全部*样本数，$n_i / \\sum_j n_j$。"
        "对于 [30, 10]，第一方占四分之三。",
    ),
    why=(
        "In the package this is `fl.sample_weights(counts)`.",
        "包里的对应函数是 `fl.sample_weights(counts)`。",
    ),
)


def my_aggregate(updates, counts):
    updates, counts = np.array(updates), np.array(counts)
    return (counts[:, None] * updates).sum(axis=0) / counts.sum()


AGGREGATE = Exercise(
    key="aggregate",
    title=("The weighted mean of updates", "更新的加权平均"),
    solution=my_aggregate,
    cases=(
        ((UPDATES, [3, 2]), [2.2, 3.2, 4.2]),
        ((UPDATES, [1, 1]), [2.5, 3.5, 4.5]),
        ((THREE, [1, 1, 2]), [2.25, 2.5]),
    ),
    mistakes={
        "summed": Mistake(
            lambda updates, counts: np.sum(updates, axis=0),
            (
                "You summed, and did not divide: the step is $N$ times too long, "
                "and the numbers of examples play no part.",
                "你只求了和，没有除：步子变成应有的 $N$ 倍，而且样本数没有起作用。",
            ),
        ),
        "plain": Mistake(
            lambda updates, counts: np.mean(updates, axis=0),
            (
                "This is the plain mean. It is right only when all have equally many examples; "
                "use the counts.",
                "这是简单平均，只有各方样本数相等时才对。请用上样本数。",
            ),
        ),
        "not_divided": Mistake(
            lambda updates, counts: np.dot(counts, updates),
            (
                "You multiplied by $n_i$ and added, but did not divide by the number of all "
                "examples: the result is $\\sum_i n_i$ times too long.",
                "你乘了 $n_i$ 再相加，但没有除以样本总数：结果是应有的 $\\sum_i n_i$ 倍。",
            ),
        ),
        "divided_twice": Mistake(
            lambda updates, counts: np.dot(counts, updates) / np.sum(counts) / len(counts),
            (
                "You weighted, and then divided by $N$ as well. "
                "The weights add up to 1: the weighted sum is the mean already.",
                "你加权之后，又除以了一次 $N$。权重之和已经是 1，加权求和就是平均。",
            ),
        ),
        "by_number": Mistake(
            lambda updates, counts: np.dot(counts, updates) / len(counts),
            (
                "You divided by $N$, the number of participants. "
                "With counts as weights the divisor is the number of all examples.",
                "你除以的是参与方的个数 $N$。用样本数作权重时，除数应该是样本总数。",
            ),
        ),
        "flat": Mistake(
            lambda updates, counts: np.average(np.mean(updates, axis=1), weights=counts),
            (
                "You averaged over the components as well and got one number. "
                "Each component is averaged for itself: `axis=0` runs over participants.",
                "你把各个分量也平均掉了，只剩一个数。每个分量要分别平均：`axis=0` 是沿参与方的方向。",
            ),
        ),
    },
    hint=(
        "Three moves: multiply each row by its $n_i$, add the rows, divide by $\\sum_j n_j$. "
        "In NumPy `np.array(counts)[:, None] * updates` multiplies row by row.",
        "三步：每一行乘以它的 $n_i$，把各行相加，再除以 $\\sum_j n_j$。"
        "在 NumPy 里，`np.array(counts)[:, None] * updates` 就是逐行相乘。",
    ),
    why=(
        "In the package: `fl.weighted_mean(updates, counts)`, which divides by the sum by itself.",
        "包里的对应函数是 `fl.weighted_mean(updates, counts)`，它会自己除以总和。",
    ),
)

QUIZ = (
    Question(
        "one_patient",
        (
            "Three clinics have 10, 10 and 80 patients, and the server takes the *plain* mean of "
            "their mean gradients. How much does one patient of a small clinic count, "
            "against one of the large clinic?",
            "三家诊所分别有 10、10、80 位患者，服务器对各家的平均梯度取*简单*平均。"
            "小诊所的一位患者，和大诊所的一位患者相比，分量如何？",
        ),
        (
            wrong(
                "The same: a mean is fair.",
                "一样：平均是公平的。",
                "It is fair to *clinics*, and therefore not to patients: each clinic has a third, "
                "shared among 10 or among 80.",
                "它对*诊所*公平，对患者就不公平了：每家诊所占三分之一，有的由 10 个人分，有的由 80 个人分。",
            ),
            wrong(
                "An eighth as much.",
                "只有八分之一。",
                "The other way round: the small clinic shares its third among fewer.",
                "反了：小诊所的三分之一由更少的人分。",
            ),
            right(
                "Eight times as much.",
                "是八倍。",
                "Each clinic has $1/3$. One patient has $1/3 \\div 10 = 1/30$ there and "
                "$1/3 \\div 80 = 1/240$ here: eight to one.",
                "每家诊所占 $1/3$。小诊所的一位患者占 $1/3 \\div 10 = 1/30$，"
                "大诊所的占 $1/3 \\div 80 = 1/240$：八比一。",
            ),
        ),
    ),
    Question(
        "what_weights",
        (
            "In the plain mean $g = \\frac{1}{N} \\sum_i g_i$, what is the weight of participant $i$?",
            "在简单平均 $g = \\frac{1}{N} \\sum_i g_i$ 中，参与方 $i$ 的权重是多少？",
        ),
        (
            right(
                "$1/N$, the same for all.",
                "$1/N$，各方相同。",
                "The factor in front of every $g_i$ is $1/N$. "
                "A long gradient still pulls harder: its pull is $g_i / N$.",
                "每个 $g_i$ 前面的系数都是 $1/N$。不过梯度越长拉力越大：它的拉力是 $g_i / N$。",
            ),
            wrong(
                "The reciprocal of its gradient, so that large gradients do not dominate.",
                "它的梯度的倒数，这样大的梯度就不会占上风。",
                "Nothing in the formula divides by a gradient, "
                "and large gradients do dominate a plain mean.",
                "公式里没有除以梯度的地方；在简单平均里，大的梯度确实占上风。",
            ),
            wrong(
                "There are none: the plain mean has no weights.",
                "没有权重：简单平均不加权。",
                "It is the weighted mean with all $w_i = 1/N$. "
                "Not writing weights is a choice of weights, too.",
                "它就是所有权重都取 $w_i = 1/N$ 的加权平均。不写权重，也是选了一种权重。",
            ),
        ),
    ),
    Question(
        "cost",
        (
            "A participant sends a million float32 numbers. What does the server's weighting add "
            "to this traffic?",
            "一个参与方发送一百万个 float32 数。服务器改用加权平均，会多出多少通信量？",
        ),
        (
            wrong(
                "It doubles: every number needs a weight.",
                "翻倍：每个数都要配一个权重。",
                "A weight belongs to a participant, not to a number: all components share one $w_i$.",
                "权重属于参与方，不属于每个数：所有分量共用一个 $w_i$。",
            ),
            wrong(
                "It saves traffic: the plain mean sends more.",
                "会省通信量：简单平均发得更多。",
                "Both send the same million numbers; the server averages after they have arrived.",
                "两者发送的都是那一百万个数，服务器收到之后才做平均。",
            ),
            right(
                "One number $n_i$ at most, and nothing if the server knows it.",
                "最多一个数 $n_i$；服务器要是早就知道，就一点不多。",
                "Four million bytes against four million and a few. "
                "Weighting is arithmetic at the server, not traffic.",
                "四百万字节，或者四百万零几个字节。加权是服务器上的算术，不是通信。",
            ),
        ),
    ),
    Question(
        "exactly_when",
        (
            "When is $\\sum_i w_i g_i$ exactly the gradient on all examples together?",
            "什么时候 $\\sum_i w_i g_i$ 正好等于全部样本合在一起的梯度？",
        ),
        (
            wrong(
                "Whenever the weights add up to 1.",
                "只要权重之和是 1。",
                "Adding up to 1 makes it *a* mean; the pooled gradient is one particular mean. "
                "$w_i = 1/N$ adds up to 1 as well.",
                "和为 1 只说明它是*一种*平均，合并梯度是其中特定的一种。$w_i = 1/N$ 的和也是 1。",
            ),
            right(
                "When every $g_i$ is a mean gradient at the same $\\theta$, and "
                "$w_i = n_i / \\sum_j n_j$.",
                "当每个 $g_i$ 都是在同一个 $\\theta$ 处的平均梯度，并且 $w_i = n_i / \\sum_j n_j$ 时。",
                "Then $w_i g_i$ is the sum of participant $i$'s gradients over the number of all "
                "examples, and adding up gives every example $1/n$.",
                "这时 $w_i g_i$ 就是参与方 $i$ 的梯度之和除以样本总数，加起来每个样本都占 $1/n$。",
            ),
            wrong(
                "Always, if the data is shuffled well.",
                "数据打散得够好就总是成立。",
                "The identity is exact for any data, shuffled or not; "
                "and with wrong weights no shuffling makes it exact.",
                "这个等式对任何数据都严格成立，和打不打散无关；权重错了，怎么打散也不会严格相等。",
            ),
            wrong(
                "Also after several local steps, if $w_i = n_i / \\sum_j n_j$.",
                "本地走了好几步之后也成立，只要 $w_i = n_i / \\sum_j n_j$。",
                "After the first step the participants stand at different $\\theta_i$: "
                "their gradients belong to different points. That is chapter 7's drift.",
                "走完第一步，各方就站在不同的 $\\theta_i$ 上，梯度属于不同的点。这就是第 7 章要讲的漂移。",
            ),
        ),
    ),
    Question(
        "forgot_to_divide",
        (
            "A listing adds the updates of 100 participants and does not divide. "
            "What does the server's step become?",
            "有一段代码把 100 个参与方的更新相加，却没有除。服务器的这一步会变成什么样？",
        ),
        (
            wrong(
                "The direction is wrong.",
                "方向错了。",
                "The sum points where the mean points; only its length differs.",
                "和与平均的方向一样，只是长度不同。",
            ),
            right(
                "100 times as long, as if the learning rate were $100\\,\\alpha$.",
                "变成 100 倍长，相当于学习率变成 $100\\,\\alpha$。",
                "$\\theta - \\alpha \\sum_i g_i = \\theta - (N\\alpha) \\frac{1}{N}\\sum_i g_i$. "
                "And it changes whenever a participant joins or drops out.",
                "$\\theta - \\alpha \\sum_i g_i = \\theta - (N\\alpha) \\frac{1}{N}\\sum_i g_i$。"
                "而且每有一方加入或掉线，步长就跟着变。",
            ),
            wrong(
                "Nothing changes: a constant factor does not matter.",
                "没有变化：差一个常数不要紧。",
                "In a step it does: it multiplies $\\alpha$, and 100 times a good step diverges.",
                "对一步来说要紧：它会乘在 $\\alpha$ 上，好好的一步放大 100 倍就发散了。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "loss": ("loss on all patients", "全部患者上的损失"),
    "together": ("all data in one place", "全部数据放在一起"),
    "weighted": ("weighted mean", "加权平均"),
    "plain": ("plain mean", "简单平均"),
}

CHAPTER = Chapter(
    number=3,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 10,
        "lab": 10,
        "try": 10,
        "exercise": 15,
        "quiz": 5,
        "article": 10,
    },
    labs=("aggregation",),
    exercises=(WEIGHTS, AGGREGATE),
    quiz=QUIZ,
    strings=STRINGS,
)
