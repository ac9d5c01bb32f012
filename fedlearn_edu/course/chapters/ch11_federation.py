"""Chapter 11: server and participants as processes: time, bytes, failure, identity, trust."""

import math

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def my_round_seconds(seconds, deadline):
    if None in seconds:
        return deadline
    return min(max(seconds), deadline)


def arrived(seconds, deadline):
    """The times of those who came before the deadline."""
    return [s for s in seconds if s is not None and s <= deadline]


DEADLINE = Exercise(
    key="deadline",
    title=("How long the server waits", "服务器要等多久"),
    solution=my_round_seconds,
    cases=(
        (([4.0, 6.0, 5.0], 20.0), 6.0),
        (([4.0, None, 5.0], 20.0), 20.0),
        (([4.0, 26.0, 5.0], 20.0), 20.0),
        (([None, None], 8.0), 8.0),
    ),
    mistakes={
        "knows": Mistake(
            lambda seconds, deadline: max(arrived(seconds, deadline), default=deadline),
            (
                "You let the server stop when the last answer *that will ever come* is there. "
                "How should it know that no other will come?",
                "你让服务器在*最后一个会来的*应答到达时就停下。可它怎么知道，不会再有应答来了？",
            ),
        ),
        "no_deadline": Mistake(
            lambda seconds, deadline: max(math.inf if s is None else s for s in seconds),
            (
                "Without a deadline one dead participant holds up everybody for ever.",
                "没有截止时间，只要有一方死掉，所有人就要永远等下去。",
            ),
        ),
        "always": Mistake(
            lambda seconds, deadline: deadline,
            (
                "You always wait for the whole deadline. When everybody has answered, "
                "there is nothing left to wait for.",
                "你每次都一直等到截止时间。大家都应答了，就没有什么可等的了。",
            ),
        ),
        "one_by_one": Mistake(
            lambda seconds, deadline: deadline if None in seconds else min(sum(seconds), deadline),
            (
                "You added the times up, as if one began when the other had finished. "
                "Processes work at the same time.",
                "你把时间加了起来，好像一个做完另一个才开始。各个进程是同时工作的。",
            ),
        ),
    },
    hint=(
        "Two things end a round: the last answer of those who were asked, or the deadline, "
        "whichever comes first. For a dead participant the first never comes.",
        "一轮有两种结束方式：被邀请的各方全部应答，或者到了截止时间，看哪个先来。"
        "有一方死了，前一种就永远不会来。",
    ),
    why=(
        "In the package: `Recipe(deadline=…)`; its server asks Flower four times a second "
        "what has come.",
        "包里的写法是 `Recipe(deadline=…)`；它的服务器每秒问 Flower 四次，有没有新到的应答。",
    ),
)


def my_step(theta, answers):
    came = [(n, u) for n, u in filter(None, answers) if np.isfinite(u).all()]
    total = sum(n for n, _ in came)
    if not came:
        return theta
    return [layer + sum(n * u[k] for n, u in came) / total for k, layer in enumerate(theta)]


def averaged(theta, answers, weights, total=None):
    """θ plus a weighted mean of updates; the total may be a wrong one."""
    total = sum(weights) if total is None else total
    return [
        layer + sum(w * u[k] for w, (_, u) in zip(weights, answers, strict=True)) / total
        for k, layer in enumerate(theta)
    ]


def believable(answers):
    """The answers that came and are finite."""
    return [a for a in answers if a and np.isfinite(a[1]).all()]


def step_equal(theta, answers):
    came = believable(answers)
    return averaged(theta, came, [1] * len(came)) if came else theta


def step_asked(theta, answers):
    came = believable(answers)
    return averaged(theta, came, [1] * len(came), total=len(answers))


def step_waits(theta, answers):
    came = believable(answers)
    return my_step(theta, answers) if len(came) == len(answers) else theta


def step_believes(theta, answers):
    came = [a for a in answers if a]
    return averaged(theta, came, [n for n, _ in came]) if came else theta


def step_nobody(theta, answers):
    came = believable(answers)
    return averaged(theta, came, [n for n, _ in came])


NAN = float("nan")
STEP = Exercise(
    key="step",
    title=("The step of a server that expects the worst", "凡事往坏处想的服务器"),
    solution=my_step,
    cases=(
        (([0.0, 0.0], [(30, [1.0, 2.0]), None, (10, [5.0, -2.0])]), [2.0, 1.0]),
        (([1.0], [(2, [3.0]), (2, [1.0]), (4, [0.0])]), [2.0]),
        (([5.0], [None, None]), [5.0]),
        (([0.0], [(10, [NAN]), (30, [2.0])]), [2.0]),
    ),
    mistakes={
        "equal": Mistake(
            step_equal,
            (
                "This is the plain mean of those who came; use their numbers of examples.",
                "这是到场各方的简单平均；请用上它们的样本数。",
            ),
        ),
        "asked": Mistake(
            step_asked,
            (
                "You divided by the number of participants *asked*. "
                "Whoever is missing then counts as an update of zero, and the step is too short.",
                "你除以的是*被邀请*的参与方个数。这样，缺席的一方就等于交了全零的更新，步子会偏短。",
            ),
        ),
        "waits": Mistake(
            step_waits,
            (
                "You make no step unless everybody has answered. "
                "With many participants somebody is always missing.",
                "你要求所有人都应答才走一步。参与方一多，总会有人缺席。",
            ),
        ),
        "believes": Mistake(
            step_believes,
            (
                "You believed an update that is not a number: one NaN, and the whole model is NaN.",
                "你相信了不是数的更新：只要有一个 NaN，整个模型就全是 NaN。",
            ),
        ),
        "nobody": Mistake(
            step_nobody,
            (
                "When nobody has answered, you divide by zero. What should the model be then?",
                "没有人应答时，你除以了零。这时模型应该是什么样？",
            ),
        ),
    },
    hint=(
        "First choose the answers that are there and finite (`np.isfinite`). "
        "If there are none, $\\theta$ stays. "
        "Otherwise divide by the sum of *their* $n_i$, not of all.",
        "先挑出到了的、而且是有限数的应答（`np.isfinite`）。一个也没有，$\\theta$ 就不变。"
        "否则除以*它们的* $n_i$ 之和，而不是全部的。",
    ),
    why=(
        "The course's server also refuses a wrong shape and an absurd $n_i$, "
        "and says whom it left out and why.",
        "课程的服务器还会拒绝形状不对的更新和离谱的 $n_i$，并说明没有采用谁的应答、为什么。",
    ),
)


def my_saving(parameters, envelope):
    return 1 - (parameters + envelope) / (4 * parameters + envelope)


SAVING = Exercise(
    key="saving",
    title=("What 8 bits save on the wire", "8 比特在线路上能省多少"),
    solution=my_saving,
    cases=(
        ((1000, 0), 0.75),
        ((1000, 4000), 0.375),
        ((1000, 8000), 0.25),
    ),
    mistakes={
        "payload_only": Mistake(
            lambda parameters, envelope: 0.75,
            (
                "Three quarters of the *payload* are saved; the envelope stays as it is.",
                "省下的是*载荷*的四分之三；信封原封不动。",
            ),
        ),
        "what_is_left": Mistake(
            lambda parameters, envelope: (parameters + envelope) / (4 * parameters + envelope),
            (
                "That is the share that is still sent. How much is saved?",
                "这是仍然要发送的比例。省下的是多少？",
            ),
        ),
        "of_the_new": Mistake(
            lambda parameters, envelope: 3 * parameters / (parameters + envelope),
            (
                "You divided by the bytes *after* compression; a saving is measured "
                "against what was sent before.",
                "你除以的是压缩*之后*的字节数；节省是和原来发送的相比。",
            ),
        ),
        "envelope_free": Mistake(
            lambda parameters, envelope: 3 * parameters / (4 * parameters + 4 * envelope),
            (
                "You multiplied the envelope by 4 as well. It is in bytes already.",
                "你把信封也乘了 4。它本来就是以字节计的。",
            ),
        ),
    },
    hint=(
        "Before: $4P + kh$ bytes. After: $P + kh$. The saving is one minus their ratio.",
        "原来：$4P + kh$ 字节。现在：$P + kh$ 字节。节省的比例是一减去两者之比。",
    ),
    why=(
        "With a million parameters the envelope no longer matters; with ten it is everything.",
        "参数有一百万个，信封就无关紧要；只有十个，信封就是全部。",
    ),
)

QUIZ = (
    Question(
        "killed",
        (
            "A participant's process is killed in the middle of a round. What does the server do?",
            "一个参与方的进程在一轮中途被杀掉。服务器会怎样？",
        ),
        (
            wrong(
                "It notices at once and starts the round again.",
                "马上发现，并重新开始这一轮。",
                "Nobody tells it. On a network a dead participant and a slow one look the same: "
                "nothing comes.",
                "没有人会告诉它。在网络上，死掉的参与方和慢的参与方看起来一样：什么也没有来。",
            ),
            wrong(
                "It waits: without everybody's update there is no mean.",
                "一直等：缺了谁的更新都算不出平均。",
                "A mean of two is a mean. Only waiting without a deadline would stop everything.",
                "两个数的平均也是平均。只有没有截止时间的等待，才会让一切停下。",
            ),
            right(
                "It waits until the deadline, and takes the weighted mean of those who answered.",
                "等到截止时间，再对已经应答的各方取加权平均。",
                "The weights are divided by the sum of *their* $n_i$, so that they add up to 1 again.",
                "权重除以*它们的* $n_i$ 之和，于是加起来又是 1。",
            ),
            wrong(
                "It takes the participant's update of the round before.",
                "用这一方上一轮的更新顶替。",
                "That update belongs to an older $\\theta$; chapter 8 shows what stale updates do.",
                "那个更新属于旧的 $\\theta$；过时的更新会怎样，第 8 章已经看到。",
            ),
        ),
    ),
    Question(
        "same_mathematics",
        (
            "The same recipe runs in the engine and on Flower, and the two models differ by 0.04. "
            "What is the most likely reason?",
            "同一份配方，在引擎里和在 Flower 上各跑一次，两个模型相差 0.04。最可能的原因是什么？",
        ),
        (
            right(
                "Not the same participants took part in every round.",
                "并不是每一轮都由同样的参与方参加。",
                "With the same participants, examples and seed only rounding differs, "
                "some $10^{-7}$ in float32. Look first at who was there.",
                "参与方、样本和种子都一样时，差别只剩舍入，float32 里大约是 $10^{-7}$。先看看谁在场。",
            ),
            wrong(
                "Flower aggregates differently.",
                "Flower 的聚合方法不一样。",
                "Flower carries the messages; the mean is computed by the app that you give it, "
                "and Flower's own FedAvg weights by examples too.",
                "Flower 只负责传消息，平均由你交给它的应用来算；Flower 自带的 FedAvg 也按样本数加权。",
            ),
            wrong(
                "The network changes the numbers a little.",
                "网络会让数字有一点变化。",
                "What arrives is what was sent, to the bit; a message that is damaged is sent again.",
                "发什么就收到什么，一个比特也不差；损坏的消息会重发。",
            ),
            wrong(
                "Processes train in another order each time.",
                "各个进程每次训练的先后顺序不同。",
                "A mean does not depend on who came first; and each draws its batches from the seed.",
                "平均与谁先到无关；而且各方都用种子来抽自己的批。",
            ),
        ),
    ),
    Question(
        "tls",
        (
            "The federation runs with TLS. Who can read a participant's update?",
            "联邦启用了 TLS。谁能读到一个参与方的更新？",
        ),
        (
            wrong(
                "Nobody: it is encrypted.",
                "谁也不能：它是加密的。",
                "It is encrypted *on the way*. At the end of the way somebody decrypts it.",
                "加密的只是*路上*这一段。到了路的尽头，总有人解密。",
            ),
            wrong(
                "Anybody on the network between the two.",
                "两者之间网络上的任何人。",
                "That is what TLS prevents. Without it, yes.",
                "TLS 防的正是这个。没有 TLS 才会这样。",
            ),
            right(
                "The server.",
                "服务器。",
                "TLS protects against those in between. Against the server itself only "
                "secure aggregation helps, and against what the sum betrays differential privacy.",
                "TLS 防的是中间人。要防服务器自己，得靠安全聚合；要防总和泄密，得靠差分隐私。",
            ),
        ),
    ),
    Question(
        "more_bytes",
        (
            "A participant's update is counted as 9,672 bytes, and more than that leave its machine "
            "in a round. What else is sent?",
            "一个参与方的更新按计算是 9672 字节，可一轮里从它的机器发出的不止这些。还发了什么？",
        ),
        (
            wrong(
                "Its training examples, so that the server can check them.",
                "它的训练样本，好让服务器检查。",
                "They stay at home: of 368 images of 64 numbers not one is in these bytes.",
                "样本留在本地：368 张图片，每张 64 个数，一张也不在这些字节里。",
            ),
            right(
                "Questions whether there is work, identifiers, signatures, and the headers of HTTP.",
                "询问有没有任务的请求、各种标识、签名，以及 HTTP 的头部。",
                "This envelope hardly grows with the model, but with the number of requests, "
                "and so with the time that a round takes.",
                "这些“信封”几乎不随模型变大，而是随请求次数增加，所以也随一轮的时间增加。",
            ),
            wrong(
                "The numbers themselves, since they travel in float64.",
                "还是那些数，因为它们以 float64 传送。",
                "They travel as the 4 bytes that we counted; the same codec wrote them.",
                "它们就是按我们数的 4 字节传送的，用的是同一个编码器。",
            ),
        ),
    ),
    Question(
        "identity",
        (
            "A process connects without a key and says that it is participant 1, a hospital. "
            "What does the server know?",
            "一个没有密钥的进程连上来，自称是参与方 1，一家医院。服务器知道什么？",
        ),
        (
            wrong(
                "That it is the hospital: the number is in its configuration.",
                "它就是那家医院：编号写在它的配置里。",
                "It wrote this configuration itself.",
                "配置是它自己写的。",
            ),
            wrong(
                "That it is the hospital if the connection uses TLS.",
                "只要连接用了 TLS，它就是那家医院。",
                "As used here, TLS proves to the participant who the *server* is, "
                "not the other way round.",
                "在这里，TLS 只向参与方证明*服务器*是谁，反过来并不成立。",
            ),
            right(
                "That somebody can reach its port.",
                "有人连得上它的端口。",
                "To know more it needs a key that was registered beforehand: "
                "`--enable-supernode-auth`. And then it knows who, not whether the numbers are honest.",
                "要知道更多，得事先登记密钥：`--enable-supernode-auth`。即便如此，"
                "也只知道对方是谁，不知道数字是否诚实。",
            ),
        ),
    ),
    Question(
        "code_travels",
        (
            "In a Flower federation, what besides numbers travels to a participant?",
            "在 Flower 的联邦里，除了数字，还有什么会传到参与方那里？",
        ),
        (
            wrong(
                "Nothing: only model parameters go out.",
                "没有别的：下发的只有模型参数。",
                "Then how would a participant know what to train?",
                "那参与方怎么知道要训练什么呢？",
            ),
            right(
                "The app: code, which then runs beside its data.",
                "应用程序：一段代码，随后就在它的数据旁边运行。",
                "Whoever may submit a run decides what runs there; "
                "`--trusted-entities` lets a participant insist on apps that somebody has signed.",
                "谁能提交任务，谁就决定那里运行什么；参与方可以用 `--trusted-entities`，"
                "只接受有人签过名的应用。",
            ),
            wrong(
                "The other participants' updates, to average them.",
                "其他参与方的更新，好让它来平均。",
                "The server averages; no participant sees another's update, only the result.",
                "平均由服务器来做；参与方看不到别人的更新，只看到结果。",
            ),
        ),
    ),
)

STRINGS = {
    "round": ("round", "轮次"),
    "seconds": ("seconds", "秒"),
    "sent": ("kB sent in the round", "这一轮发出的 kB"),
    "participant": ("participant {i}", "参与方 {i}"),
    "counted": ("the update alone", "仅更新本身"),
    "deadline": ("deadline", "截止时间"),
}

CHAPTER = Chapter(
    number=11,
    starts_processes=True,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 30,
        "lab": 5,
        "try": 15,
        "exercise": 15,
        "quiz": 5,
        "article": 10,
    },
    labs=("digits",),
    exercises=(DEADLINE, STEP, SAVING),
    quiz=QUIZ,
    strings=STRINGS,
)
