"""Chapter 5: the whole step, the factor |1 − αλh|, and three conventions of λ."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

UPDATES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
THREE = [[2.0, 0.0], [0.0, 4.0], [4.0, 2.0]]


def my_step(theta, updates, factor, alpha, unscale):
    g = factor * np.mean(updates, axis=0)
    if unscale:
        g = g / factor
    return theta - alpha * g


def _mean(updates):
    return np.mean(updates, axis=0)


STEP = Exercise(
    key="step",
    title=("The whole step", "完整的一步"),
    solution=my_step,
    cases=(
        ((np.ones(3), UPDATES, 0.1, 0.01, False), [0.9975, 0.9965, 0.9955]),
        ((np.ones(3), UPDATES, 0.1, 0.01, True), [0.975, 0.965, 0.955]),
        ((np.array([0.0, 10.0]), THREE, 0.5, 2.0, False), [-2.0, 8.0]),
    ),
    mistakes={
        "uphill": Mistake(
            lambda theta, updates, factor, alpha, unscale: (
                theta + alpha * (1 if unscale else factor) * _mean(updates)
            ),
            (
                "You added. The gradient points uphill; the step goes against it.",
                "你用了加法。梯度指向上坡，更新要朝相反的方向走。",
            ),
        ),
        "summed": Mistake(
            lambda theta, updates, factor, alpha, unscale: (
                theta - alpha * (1 if unscale else factor) * np.sum(updates, axis=0)
            ),
            (
                "You summed and did not divide by $N$: the step is $N$ times too long.",
                "你只求了和，没有除以 $N$：步子是应有的 $N$ 倍。",
            ),
        ),
        "never_unscaled": Mistake(
            lambda theta, updates, factor, alpha, unscale: theta - alpha * factor * _mean(updates),
            (
                "You never unscale, even if `unscale` is true: that is what the article does.",
                "即使 `unscale` 为真，你也没有反缩放：文章正是这样做的。",
            ),
        ),
        "always_unscaled": Mistake(
            lambda theta, updates, factor, alpha, unscale: theta - alpha * _mean(updates),
            (
                "In your step $\\lambda$ plays no part. Without unscaling it stays in the step.",
                "在你的这一步里，$\\lambda$ 没有起作用。不反缩放的时候，它应该留在里面。",
            ),
        ),
        "no_alpha": Mistake(
            lambda theta, updates, factor, alpha, unscale: (
                theta - (1 if unscale else factor) * _mean(updates)
            ),
            (
                "There is no learning rate in your step: that is the mistake of the article's program.",
                "你的这一步里没有学习率：文章的程序犯的就是这个错误。",
            ),
        ),
        "only_change": Mistake(
            lambda theta, updates, factor, alpha, unscale: (
                -alpha * (1 if unscale else factor) * _mean(updates)
            ),
            (
                "This is the change. The new parameters are the old ones plus the change.",
                "这只是改变量。新的参数等于旧的参数加上改变量。",
            ),
        ),
        "unscaled_twice": Mistake(
            lambda theta, updates, factor, alpha, unscale: (
                theta - alpha * (1 / factor if unscale else factor) * _mean(updates)
            ),
            (
                "With `unscale` you divide by $\\lambda$ what was never multiplied by it. "
                "Scale first, always; then, if asked, unscale.",
                "`unscale` 为真时，你除以了 $\\lambda$，可之前并没有乘过它。"
                "总要先缩放，需要时再反缩放。",
            ),
        ),
    },
    hint=(
        "Four moves, in the order of the formulas: mean, times $\\lambda$, "
        "divided by $\\lambda$ if `unscale`, and then against the result, by `alpha` times it.",
        "按公式的顺序走四步：求平均，乘以 $\\lambda$，如果 `unscale` 为真再除以 $\\lambda$，"
        "最后逆着它的方向走 `alpha` 倍。",
    ),
    why=(
        "In the package: `fl.gradient_step(theta, fl.scaled_mean(updates, factor, "
        "unscale=unscale), alpha)`.",
        "包里的写法：`fl.gradient_step(theta, fl.scaled_mean(updates, factor, "
        "unscale=unscale), alpha)`。",
    ),
)


def my_alpha(curvatures, factor):
    return 2 / (factor * (min(curvatures) + max(curvatures)))


ALPHA = Exercise(
    key="alpha",
    title=("The best learning rate", "最好的学习率"),
    solution=my_alpha,
    cases=(
        (([1.0, 3.0], 1.0), 0.5),
        (([1.0, 3.0], 0.1), 5.0),
        (([0.5, 1.0, 3.5], 1.0), 0.5),
        (([4.0], 0.5), 0.5),
    ),
    mistakes={
        "edge": Mistake(
            lambda curvatures, factor: 2 / (factor * max(curvatures)),
            (
                "This is the edge: in the steepest direction the factor is $-1$, "
                "and the error there never shrinks.",
                "这是临界值：在最陡的方向上倍数是 $-1$，那里的误差永远不会变小。",
            ),
        ),
        "steepest": Mistake(
            lambda curvatures, factor: 1 / (factor * max(curvatures)),
            (
                "With this the steepest direction is done in one step, and it converges. "
                "But a longer step is faster: the flattest direction is the one that lags behind.",
                "这样最陡的方向一步到位，也会收敛。但步子再长一点更快：落在后面的是最平缓的方向。",
            ),
        ),
        "flattest": Mistake(
            lambda curvatures, factor: 1 / (factor * min(curvatures)),
            (
                "Right for the flattest direction alone; in the steepest it may diverge.",
                "只对最平缓的方向合适，在最陡的方向上可能会发散。",
            ),
        ),
        "no_factor": Mistake(
            lambda curvatures, factor: 2 / (min(curvatures) + max(curvatures)),
            (
                "You forgot $\\lambda$: it multiplies the step, so $\\alpha$ has to make up for it.",
                "你忘了 $\\lambda$：它乘在步长上，要靠 $\\alpha$ 补回来。",
            ),
        ),
        "factor_above": Mistake(
            lambda curvatures, factor: 2 * factor / (min(curvatures) + max(curvatures)),
            (
                "$\\lambda$ stands above the fraction; a small $\\lambda$ needs a *large* $\\alpha$.",
                "$\\lambda$ 写到分子上了；$\\lambda$ 小，$\\alpha$ 就该*大*。",
            ),
        ),
        "average": Mistake(
            lambda curvatures, factor: 1 / (factor * np.mean(curvatures)),
            (
                "You took the mean curvature. Only the two extremes decide: "
                "those in between are always better off.",
                "你取的是曲率的平均值。起决定作用的只有两头：中间的方向总会更好些。",
            ),
        ),
    },
    hint=(
        "The best $\\alpha$ makes the two worst factors equal: $1 - \\alpha\\lambda h$ in the flattest "
        "direction and $\\alpha\\lambda h - 1$ in the steepest. Solve for $\\alpha$.",
        "最好的 $\\alpha$ 让最差的两个倍数相等：最平缓方向上的 $1 - \\alpha\\lambda h$ "
        "和最陡方向上的 $\\alpha\\lambda h - 1$。由此解出 $\\alpha$。",
    ),
    why=(
        "Check one with `fl.Quadratics([[1, 3]], [[0, 0]]).step_factor(0.5)`: both are 0.5.",
        "用 `fl.Quadratics([[1, 3]], [[0, 0]]).step_factor(0.5)` 验证一个：两个都是 0.5。",
    ),
)

SUM = Exercise(
    key="sum",
    title=("Which λ makes the sum a mean?", "λ 取多少，总和才等于平均？"),
    solution=0.125,
    cases=(((), 0.125),),
    mistakes={
        "all": Mistake(
            0.05,
            (
                "$1/20$ counts all who exist. The sum has only as many terms as were chosen.",
                "$1/20$ 把所有存在的参与方都算上了。总和里只有被选中的那几项。",
            ),
        ),
        "fraction": Mistake(
            0.4,
            (
                "This is the fraction chosen, $8/20$. How many terms does the sum have?",
                "这是被选中的比例 $8/20$。总和里有几项？",
            ),
        ),
        "article": Mistake(
            0.1,
            (
                "0.1 is the book's number; with 8 terms it gives 0.8 of the mean.",
                "0.1 是书里的数；有 8 项时，得到的是平均的 0.8 倍。",
            ),
        ),
        "one": Mistake(
            1.0,
            (
                "With $\\lambda = 1$ the step is the sum itself: eight times the mean.",
                "$\\lambda = 1$ 时，这一步就是总和本身：平均的八倍。",
            ),
        ),
        "number": Mistake(
            8,
            (
                "You would multiply once more by 8. It has to be divided.",
                "这样又多乘了一次 8。应该是除。",
            ),
        ),
    },
    hint=(
        "$\\lambda \\sum_i g_i = \\frac{1}{n} \\sum_i g_i$, where $n$ is the number of terms.",
        "$\\lambda \\sum_i g_i = \\frac{1}{n} \\sum_i g_i$，其中 $n$ 是项数。",
    ),
    why=(
        '`fl.effective_scale(0.125, "sum", participants=8)` is 1. If only 7 arrive, it is 0.875.',
        '`fl.effective_scale(0.125, "sum", participants=8)` 等于 1。如果只到了 7 个，就是 0.875。',
    ),
)

QUIZ = (
    Question(
        "effective",
        (
            "$\\alpha = 0.01$, $\\lambda = 0.1$, and the server does not unscale. "
            "With which learning rate does it step along the true mean?",
            "$\\alpha = 0.01$，$\\lambda = 0.1$，服务器不反缩放。"
            "沿着真正的平均，它用的学习率是多少？",
        ),
        (
            wrong(
                "0.01: that is what $\\alpha$ is for.",
                "0.01：$\\alpha$ 就是干这个的。",
                "With unscaling it would be. Without, $\\lambda$ is still in $g$.",
                "有反缩放时是这样。没有反缩放，$\\lambda$ 还留在 $g$ 里。",
            ),
            wrong(
                "0.11",
                "0.11",
                "The two do not add: one multiplies the gradients, the other their mean.",
                "两者不是相加：一个乘在梯度上，另一个乘在梯度的平均上。",
            ),
            right(
                "0.001",
                "0.001",
                "$\\alpha \\cdot \\lambda$. Ten times as many rounds, and every one costs the same.",
                "$\\alpha \\cdot \\lambda$。轮数变成十倍，而每一轮的开销不变。",
            ),
            wrong(
                "0.1: the scaling comes last.",
                "0.1：缩放在最后起作用。",
                "The order does not matter, it is a product; but $\\alpha$ is one of its factors.",
                "先后无所谓，反正是乘积；但 $\\alpha$ 也是其中一个因数。",
            ),
        ),
    ),
    Question(
        "oscillates",
        (
            "In one direction $\\alpha\\lambda h = 1.5$. What does the error do?",
            "在某个方向上 $\\alpha\\lambda h = 1.5$。误差会怎样变化？",
        ),
        (
            right(
                "It changes its sign in every round and is halved.",
                "每一轮变一次号，大小减半。",
                "The factor is $1 - 1.5 = -0.5$: too far each time, but by less and less.",
                "倍数是 $1 - 1.5 = -0.5$：每次都走过头，但过头得越来越少。",
            ),
            wrong(
                "It grows by half in every round.",
                "每一轮增大一半。",
                "It would with $\\alpha\\lambda h = 2.5$. What counts is $|1 - 1.5|$, not 1.5.",
                "$\\alpha\\lambda h = 2.5$ 时才会那样。要看的是 $|1 - 1.5|$，不是 1.5。",
            ),
            wrong(
                "It is gone after one round, and a bit over.",
                "一轮之后就没有了，还有富余。",
                "Only at exactly 1. What is over is an error on the other side.",
                "只有正好等于 1 时才这样。富余的那部分，就是另一边的误差。",
            ),
        ),
    ),
    Question(
        "which_direction",
        (
            "The curvatures are 0.1, 1 and 10. Which of them decides whether a learning rate "
            "converges, and which how long it takes if the rate is small?",
            "曲率分别是 0.1、1 和 10。哪一个决定学习率能不能收敛？学习率很小时，哪一个决定要多久？",
        ),
        (
            wrong(
                "The mean curvature decides both.",
                "两件事都由平均曲率决定。",
                "Every direction has its own factor. One that diverges is not averaged away.",
                "每个方向有自己的倍数。有一个方向发散，平均是平均不掉的。",
            ),
            wrong(
                "0.1 whether, 10 how long.",
                "0.1 决定能不能，10 决定要多久。",
                "The other way round: steep directions overshoot first, flat ones crawl.",
                "反了：最陡的方向最先走过头，最平缓的方向在慢慢爬。",
            ),
            right(
                "10 whether, 0.1 how long.",
                "10 决定能不能，0.1 决定要多久。",
                "$\\alpha\\lambda < 2/10$ is needed; with it the error along 0.1 shrinks by at most "
                "2% a round. That is why very unequal curvatures make training slow.",
                "必须 $\\alpha\\lambda < 2/10$；这样一来，曲率 0.1 的方向上误差每轮最多缩小 2%。"
                "所以曲率相差悬殊时，训练就慢。",
            ),
        ),
    ),
    Question(
        "more_participants",
        (
            "A server adds $\\lambda$ times the *sum* of the updates. It worked with 10 participants. "
            "Now 40 take part and nothing else changes. What happens to the step?",
            "服务器把更新的*总和*乘以 $\\lambda$，再加到参数上。10 个参与方时一切正常。"
            "现在有 40 个参与方，别的都没变。这一步会怎样？",
        ),
        (
            wrong(
                "Nothing: $\\lambda$ is the same.",
                "没有变化：$\\lambda$ 没变。",
                "$\\lambda$ is, but the sum has four times as many terms.",
                "$\\lambda$ 没变，但总和的项数变成了四倍。",
            ),
            right(
                "It is about four times as long, and may well diverge.",
                "大约变成四倍长，很可能会发散。",
                "The effective learning rate is $\\alpha\\lambda N$. "
                "It also jumps whenever somebody drops out.",
                "等效学习率是 $\\alpha\\lambda N$。只要有人掉线，它也会跟着跳。",
            ),
            wrong(
                "It gets shorter, since more opinions cancel out.",
                "变短，因为意见多了会互相抵消。",
                "That would hold for the noise in a *mean*; a sum only gets longer.",
                "*平均*里的噪声才会这样；总和只会变长。",
            ),
        ),
    ),
    Question(
        "unscaled",
        (
            "Everything is computed exactly and the server unscales. "
            "Which $\\lambda$ converges in the fewest rounds?",
            "所有计算都精确，并且服务器做了反缩放。$\\lambda$ 取多少，收敛所需的轮数最少？",
        ),
        (
            wrong(
                "The one with $\\alpha\\lambda h = 1$.",
                "使 $\\alpha\\lambda h = 1$ 的那个。",
                "That is the rule *without* unscaling. With it the factor is $|1 - \\alpha h|$.",
                "那是*不*反缩放时的规则。有反缩放时，倍数是 $|1 - \\alpha h|$。",
            ),
            wrong(
                "The smallest: small steps are safe.",
                "最小的：小步子最安全。",
                "The steps are not smaller: whatever was multiplied is divided again.",
                "步子并没有变小：乘上去的又除掉了。",
            ),
            right(
                "All the same: $\\lambda$ plays no part.",
                "都一样：$\\lambda$ 不起作用。",
                "It cancels. Then $\\lambda$ matters only for the range of the numbers on the wire: "
                "chapter 4.",
                "它约掉了。这时 $\\lambda$ 只影响数在线路上的范围：见第 4 章。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "theta": ("global parameter θ", "全局参数 θ"),
    "alpha": ("learning rate α", "学习率 α"),
    "factor": ("factor of the error in a round", "每轮误差的倍数"),
    "measured": ("measured", "实测"),
    "together": ("all three together", "三个方向合起来"),
}

CHAPTER = Chapter(
    number=5,
    minutes={
        "idea": 5,
        "formula": 10,
        "example": 15,
        "lab": 5,
        "try": 10,
        "exercise": 15,
        "quiz": 5,
        "article": 10,
    },
    labs=("convergence",),
    exercises=(STEP, ALPHA, SUM),
    quiz=QUIZ,
    strings=STRINGS,
)
