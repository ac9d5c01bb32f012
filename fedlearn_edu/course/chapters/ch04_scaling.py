"""Chapter 4: λ saves no bits; unscaling; number ranges, where λ is of use."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong

ARTICLE = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
MIXED = [[0.1, 0.2, 0.3], [40.0, 50.0, 60.0]]
THREE = [[2.0, 0.0], [0.0, 8.0], [3.0, 3.0]]
TINY = [-4e-9, 1e-9]


def my_server(received, factors):
    updates = np.array(received) / np.array(factors)[:, None]
    return updates.mean(axis=0)


def _column(factors):
    return np.array(factors)[:, None]


SERVER = Exercise(
    key="server",
    title=("Unscaling when everybody has a λ of their own", "各用各的 λ 时怎样反缩放"),
    solution=my_server,
    cases=(
        ((ARTICLE, [0.1, 0.1]), [2.5, 3.5, 4.5]),
        ((MIXED, [0.1, 10]), [2.5, 3.5, 4.5]),
        ((THREE, [2, 4, 1]), [4 / 3, 5 / 3]),
    ),
    mistakes={
        "not_unscaled": Mistake(
            lambda received, factors: np.mean(received, axis=0),
            (
                "You averaged what arrived, and did not unscale: "
                "everybody's $\\lambda_i$ is still in it.",
                "你把收到的数直接平均了，没有反缩放：各方的 $\\lambda_i$ 还留在里面。",
            ),
        ),
        "too_late": Mistake(
            lambda received, factors: np.mean(received, axis=0) / np.mean(factors),
            (
                "You averaged first and divided by the mean of the factors. "
                "That is right only when all $\\lambda_i$ are equal: "
                "after averaging they can no longer be told apart.",
                "你先求了平均，再除以各因子的平均。只有所有 $\\lambda_i$ 都相等时这才对："
                "平均之后，谁乘过多少就分不开了。",
            ),
        ),
        "first_factor": Mistake(
            lambda received, factors: np.mean(received, axis=0) / factors[0],
            (
                "You divided everything by the first factor. Each row has a $\\lambda_i$ of its own.",
                "你让每一行都除以了第一个因子。每一行都有自己的 $\\lambda_i$。",
            ),
        ),
        "scaled_twice": Mistake(
            lambda received, factors: np.mean(np.array(received) * _column(factors), axis=0),
            (
                "You multiplied by $\\lambda_i$ once more. Unscaling divides.",
                "你又乘了一次 $\\lambda_i$。反缩放要除。",
            ),
        ),
        "summed": Mistake(
            lambda received, factors: np.sum(np.array(received) / _column(factors), axis=0),
            (
                "You unscaled rightly, and then summed without dividing by $N$.",
                "反缩放做对了，但之后只求和，没有除以 $N$。",
            ),
        ),
        "flat": Mistake(
            lambda received, factors: np.mean(np.array(received) / _column(factors)),
            (
                "You averaged over the components as well and got one number. "
                "`axis=0` runs over participants.",
                "你把各个分量也平均掉了，只剩一个数。`axis=0` 是沿参与方的方向。",
            ),
        ),
    },
    hint=(
        "Undo each participant's factor *before* you mix them: row $i$ divided by $\\lambda_i$; "
        "then the plain mean. `np.array(factors)[:, None]` is a column, so that NumPy divides row by row.",
        "*先*用各方自己的因子还原，再混到一起：第 $i$ 行除以 $\\lambda_i$，然后求简单平均。"
        "`np.array(factors)[:, None]` 是一列，NumPy 会拿它逐行去除。",
    ),
    why=(
        'This is what `fl.Cast("int8", scale="max")` does: each update carries its own scale.',
        '`fl.Cast("int8", scale="max")` 就是这样做的：每个更新都带着自己的缩放因子。',
    ),
)


def my_factor(update):
    largest = np.abs(update).max()
    return 2.0 ** np.floor(np.log2(65504 / largest))


def _power(rounding):
    return lambda update: 2.0 ** rounding(np.log2(65504 / np.abs(update).max()))


FACTOR = Exercise(
    key="factor",
    title=("The largest safe λ for float16", "float16 能用的最大的 λ"),
    solution=my_factor,
    cases=(
        (([1.0, 2.0, 3.0],), 16384.0),
        (([4.0, 5.0, -6.0],), 8192.0),
        ((TINY,), 8796093022208.0),
        (([0.5, 1.0],), 32768.0),
        (([131008.0, 7.0],), 0.5),
    ),
    mistakes={
        "signed": Mistake(
            lambda update: 2.0 ** np.floor(np.log2(65504 / np.max(update))),
            (
                "You took the largest number, and forgot the sign: "
                "a large negative number overflows too.",
                "你取的是最大的数，忘了符号：绝对值大的负数同样会溢出。",
            ),
        ),
        "smallest": Mistake(
            lambda update: 2.0 ** np.floor(np.log2(65504 / np.abs(update).min())),
            (
                "You made room for the smallest number. It is the *largest* that overflows first.",
                "你是按最小的数来算的。先溢出的是*最大*的那个。",
            ),
        ),
        "rounded_up": Mistake(
            _power(np.ceil),
            (
                "You rounded up to the next power of two: the largest number now overflows.",
                "你向上取了 2 的幂：最大的那个数会溢出。",
            ),
        ),
        "nearest": Mistake(
            _power(np.round),
            (
                "You took the *nearest* power of two; where that is the upper one, it overflows. "
                "Round down.",
                "你取的是*最近*的 2 的幂；如果它偏大，就会溢出。应该向下取。",
            ),
        ),
        "no_power": Mistake(
            lambda update: 65504 / np.abs(update).max(),
            (
                "The quotient itself just fits, but it is no power of two: "
                "multiplying by it rounds the numbers.",
                "商本身刚好装得下，但它不是 2 的幂：乘上它，数就会有舍入。",
            ),
        ),
        "exponent": Mistake(
            lambda update: np.floor(np.log2(65504 / np.abs(update).max())),
            (
                "This is the exponent $k$. The factor is $2^k$.",
                "这是指数 $k$，因子是 $2^k$。",
            ),
        ),
        "upside_down": Mistake(
            lambda update: 2.0 ** np.floor(np.log2(np.abs(update).max() / 65504)),
            (
                "The fraction stands upside down: small numbers need a *large* $\\lambda$.",
                "分数写反了：数越小，$\\lambda$ 应该越*大*。",
            ),
        ),
    },
    hint=(
        "$\\lambda \\cdot \\max |g_k| \\le 65504$. Which $k$ is the largest with "
        "$2^k \\le 65504 / \\max |g_k|$? `np.log2` and `np.floor` know.",
        "$\\lambda \\cdot \\max |g_k| \\le 65504$。满足 $2^k \\le 65504 / \\max |g_k|$ 的最大的 $k$ "
        "是多少？用 `np.log2` 和 `np.floor` 就能算出来。",
    ),
    why=(
        "65504 is the largest float16: `fl.grid('float16', 1, 1e6)[-1]`. In practice one leaves "
        "some room, since nobody knows the largest gradient of the next round.",
        "65504 是最大的 float16：`fl.grid('float16', 1, 1e6)[-1]`。"
        "实践中要留些余地，因为谁也不知道下一轮最大的梯度是多少。",
    ),
)

QUIZ = (
    Question(
        "bits",
        (
            "A participant sends a million float32 numbers, 4 MB. It multiplies them by "
            "$\\lambda = 0.001$ before. How much does it send now?",
            "一个参与方要发送一百万个 float32 数，共 4 MB。它先把这些数都乘以 $\\lambda = 0.001$。"
            "现在要发送多少？",
        ),
        (
            wrong(
                "4 kB: the numbers are a thousand times smaller.",
                "4 kB：数只有原来的千分之一。",
                "The *values* are smaller, the *places* for them are not: "
                "a float32 takes 32 bits, be it 3 or 0.003.",
                "变小的是*数值*，不是它占的*空间*：不管是 3 还是 0.003，一个 float32 都占 32 比特。",
            ),
            right(
                "4 MB, as before.",
                "还是 4 MB。",
                "A million times 32 bits. The number of bits depends on how many numbers there are "
                "and on their type; $\\lambda$ changes neither.",
                "一百万个 32 比特。比特数取决于有几个数、是什么类型，这两样 $\\lambda$ 都没有改变。",
            ),
            wrong(
                "A little less: small numbers have fewer digits.",
                "略少一些：小的数位数少。",
                "In a text file perhaps. In a float32 all binary digits and the exponent are "
                "always sent; only the exponent's value changes.",
                "写成文本也许如此。float32 总是把全部二进制数字和指数都发出去，变的只是指数的值。",
            ),
        ),
    ),
    Question(
        "unscale",
        (
            "All participants scale by the same $\\lambda$. "
            "May the server average first and divide by $\\lambda$ once, at the end?",
            "所有参与方用同一个 $\\lambda$ 缩放。服务器能不能先求平均，最后再统一除一次 $\\lambda$？",
        ),
        (
            right(
                "Yes: $\\frac{1}{\\lambda} \\sum_i w_i \\lambda g_i = \\sum_i w_i g_i$.",
                "能：$\\frac{1}{\\lambda} \\sum_i w_i \\lambda g_i = \\sum_i w_i g_i$。",
                "A factor common to all may be taken out of the sum. "
                "With a $\\lambda_i$ of one's own for each it may not.",
                "大家共有的因子可以提到求和号外面。如果各用各的 $\\lambda_i$，就不行了。",
            ),
            wrong(
                "No, each must be divided before the mean.",
                "不能，必须逐个除完再平均。",
                "It may be done so too, and gives the same: the mean is linear.",
                "这样做也可以，结果一样：平均是线性的。",
            ),
            wrong(
                "It need not divide at all: the direction is right anyway.",
                "根本不用除：反正方向是对的。",
                "The direction is, the length is not: the step becomes $\\lambda$ times as long, "
                "and $\\lambda$ a hidden part of the learning rate.",
                "方向是对的，长度不对：这一步变成原来的 $\\lambda$ 倍，$\\lambda$ 就悄悄混进了学习率。",
            ),
        ),
    ),
    Question(
        "float16",
        (
            "The gradients are about $10^{-9}$ and are to travel as float16, whose smallest positive "
            "number is about $6 \\cdot 10^{-8}$ and whose largest is 65504. Which $\\lambda$?",
            "梯度大约是 $10^{-9}$，要以 float16 传输，它最小的正数约为 $6 \\cdot 10^{-8}$，"
            "最大的数是 65504。该取哪个 $\\lambda$？",
        ),
        (
            wrong(
                "0.1, as in the article.",
                "0.1，和文章一样。",
                "That makes them $10^{-10}$, still further below: all become 0.",
                "那样就成了 $10^{-10}$，离下限更远：全部变成 0。",
            ),
            wrong(
                "None: the server can multiply by $10^6$ when they have arrived.",
                "不用：等数到了，服务器再乘 $10^6$。",
                "They arrive as 0, and $10^6 \\cdot 0 = 0$. Scaling helps only *before* the cast.",
                "到达时它们已经是 0 了，$10^6 \\cdot 0 = 0$。缩放只有在类型转换*之前*才有用。",
            ),
            right(
                "$10^6$.",
                "$10^6$。",
                "$10^{-9} \\cdot 10^6 = 10^{-3}$: far from both ends of the range. "
                "The server divides by $10^6$ in a wider type.",
                "$10^{-9} \\cdot 10^6 = 10^{-3}$：离范围的两端都很远。"
                "服务器再用更宽的类型除以 $10^6$。",
            ),
            wrong(
                "$10^{15}$: the larger, the safer.",
                "$10^{15}$：越大越保险。",
                "$10^{-9} \\cdot 10^{15} = 10^6$ is above 65504: they become infinite, "
                "which is worse than 0.",
                "$10^{-9} \\cdot 10^{15} = 10^6$，超过了 65504：变成无穷大，比变成 0 还糟。",
            ),
        ),
    ),
    Question(
        "int8",
        (
            "Numbers travel as int8, whole numbers from −127 to 127, and there is no scaling. "
            "All components of all gradients lie between −0.4 and 0.4. What does the model learn?",
            "数以 int8 传输，只有 −127 到 127 的整数，没有缩放。"
            "所有梯度的所有分量都在 −0.4 和 0.4 之间。模型能学到什么？",
        ),
        (
            wrong(
                "Nearly the same as with float32: int8 only rounds a little.",
                "和 float32 差不多：int8 只是略有舍入。",
                "It rounds to whole numbers, and the nearest whole number to 0.4 is 0.",
                "它会舍入到整数，而离 0.4 最近的整数是 0。",
            ),
            right(
                "Nothing: all that arrives is 0.",
                "什么也学不到：到达的全是 0。",
                "The step is zero in every round, and no error is reported. "
                "With $\\lambda = 300$ the same int8 carries 241 different values.",
                "每一轮的步子都是零，而且不会报错。"
                "取 $\\lambda = 300$，同样的 int8 就能表示 241 个不同的值。",
            ),
            wrong(
                "It diverges.",
                "会发散。",
                "For that the step would have to be too long; here there is none.",
                "那要步子太长才行；这里根本没有步子。",
            ),
        ),
    ),
    Question(
        "privacy",
        (
            "Somebody on the line reads $\\lambda g_i$ and does not know $\\lambda$. "
            "What does the scaling hide?",
            "有人在线路上读到了 $\\lambda g_i$，但不知道 $\\lambda$。缩放藏住了什么？",
        ),
        (
            wrong(
                "The gradient, as long as $\\lambda$ is secret: it works like a key.",
                "藏住了梯度，只要 $\\lambda$ 保密就行：它就像一把密钥。",
                "One number is no key for a million: every *ratio* of two entries is in the open.",
                "一个数当不了一百万个数的密钥：任意两个分量之*比*都是公开的。",
            ),
            wrong(
                "The data, because scaled numbers are compressed.",
                "藏住了数据，因为缩放后的数是压缩过的。",
                "Nothing was compressed, and compression is no protection: "
                "it is made to be undone.",
                "什么都没有压缩；何况压缩也不是保护，它本来就是要被还原的。",
            ),
            right(
                "The length of the gradient, and nothing else.",
                "只藏住了梯度的长度，别的都没藏住。",
                "Ratios do not change, and in the gradient of one example ratios are the input: "
                "you did that in chapter 1.",
                "比值没有变，而单个样本的梯度里，比值就是输入：第 1 章里你已经做过了。",
            ),
        ),
    ),
)

STRINGS = {
    "scale": ("scaling factor λ", "缩放因子 λ"),
    "loss": ("loss after 60 rounds", "60 轮之后的损失"),
    "float32": ("float32, any λ", "float32，λ 任意"),
}

CHAPTER = Chapter(
    number=4,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 15,
        "lab": 5,
        "try": 10,
        "exercise": 15,
        "quiz": 5,
        "article": 10,
    },
    labs=("scaling",),
    exercises=(SERVER, FACTOR),
    quiz=QUIZ,
    strings=STRINGS,
)
