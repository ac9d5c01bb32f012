"""Chapter 8: computation, synchronisation, dropouts, communication and size, one at a time."""

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def my_traffic(parameters, bits, asked, rounds):
    return 2 * parameters * bits * asked * rounds / 8


TRAFFIC = Exercise(
    key="traffic",
    title=("The traffic of a training", "一次训练的通信量"),
    solution=my_traffic,
    cases=(((1000, 32, 5, 3), 120000.0), ((650, 8, 50, 1), 65000.0), ((10, 16, 1, 1), 40.0)),
    mistakes={
        "one_way": Mistake(
            lambda parameters, bits, asked, rounds: parameters * bits * asked * rounds / 8,
            (
                "This is one direction. The model travels down to each participant, "
                "and its update travels up.",
                "这只算了一个方向。模型要下发给每个参与方，更新还要传上来。",
            ),
        ),
        "in_bits": Mistake(
            lambda parameters, bits, asked, rounds: 2 * parameters * bits * asked * rounds,
            ("These are bits. A byte has 8 of them.", "这是比特数。一个字节有 8 个比特。"),
        ),
        "one_participant": Mistake(
            lambda parameters, bits, asked, rounds: 2 * parameters * bits * rounds / 8,
            (
                "This is the traffic of one participant. How many are asked in a round?",
                "这是一个参与方的通信量。每一轮邀请了几方？",
            ),
        ),
    },
    hint=(
        "Numbers in the model, times bits of each, times participants asked, times rounds; "
        "then both ways, and in bytes.",
        "模型里有几个数，乘以每个数的比特数，乘以邀请的参与方数，再乘以轮数；然后算上来回两个方向，再换成字节。",
    ),
    why=(
        "The package adds a header of a few bytes to each message: see `history.bytes_total`.",
        "包里还给每条消息加上几个字节的报头：见 `history.bytes_total`。",
    ),
)


def my_round_time(seconds_per_step, local_steps, seconds_to_send):
    pairs = zip(seconds_per_step, seconds_to_send, strict=True)
    return max(local_steps * step + send for step, send in pairs)


TIME = Exercise(
    key="time",
    title=("How long a synchronous round takes", "同步的一轮要多久"),
    solution=my_round_time,
    cases=(
        (([1.0, 2.0, 0.5], 10, [5.0, 1.0, 30.0]), 35.0),
        (([1.0, 2.0], 20, [3.0, 4.0]), 44.0),
        (([2.0], 1, [0.0]), 2.0),
    ),
    mistakes={
        "mean": Mistake(
            lambda steps, e, send: (
                sum(e * a + b for a, b in zip(steps, send, strict=True)) / len(steps)
            ),
            (
                "This is the mean time. The server cannot go on before the *last* update is there.",
                "这是平均时间。*最后*一个更新到达之前，服务器不能往下走。",
            ),
        ),
        "summed": Mistake(
            lambda steps, e, send: sum(e * a + b for a, b in zip(steps, send, strict=True)),
            (
                "You added the times. The participants work at the same time.",
                "你把时间加了起来。可各方是同时在干活的。",
            ),
        ),
        "separate": Mistake(
            lambda steps, e, send: e * max(steps) + max(send),
            (
                "The slowest computer and the slowest line need not belong to the same participant. "
                "Add for each one first, then take the maximum.",
                "算得最慢的和发得最慢的，不一定是同一方。应该先对每一方相加，再取最大值。",
            ),
        ),
        "no_sending": Mistake(
            lambda steps, e, send: e * max(steps),
            ("You forgot the time for sending.", "你漏了发送的时间。"),
        ),
    },
    hint=(
        "For each participant: local steps times seconds of a step, plus seconds to send. "
        "Who decides when the round is over?",
        "对每一方：本地步数乘以每步的秒数，再加上发送的秒数。一轮什么时候结束，由谁决定？",
    ),
    why=(
        "Who is slow at computing and who is slow at sending may be two different participants: "
        "in the first example the third one computes fastest and is last.",
        "算得慢的和发得慢的可能是不同的参与方：第一个例子里，第三方算得最快，却到得最晚。",
    ),
)

QUIZ = (
    Question(
        "everybody",
        ("Must all participants take part in every round?", "每一轮都必须所有参与方参加吗？"),
        (
            wrong(
                "Yes, otherwise the models no longer fit together.",
                "必须，否则模型就对不上了。",
                "Whoever is asked gets the current model first; who was away misses nothing.",
                "受邀的一方会先收到当前的模型，之前没来也没有关系。",
            ),
            right(
                "No: a random part is enough, and the mean stays unbiased.",
                "不必：随机抽一部分就够了，平均仍然是无偏的。",
                "FedAvg has asked only a fraction $C$ since its first paper. "
                "The price is noise, and so some more rounds.",
                "FedAvg 从第一篇论文起，就只邀请比例为 $C$ 的一部分。代价是噪声，所以要多几轮。",
            ),
            wrong(
                "No, as long as the fastest ones do.",
                "不必，只要最快的那些参加就行。",
                "Those are not a random part: the model would learn the data of fast phones.",
                "最快的那些不是随机的一部分：模型学到的会是快手机的数据。",
            ),
        ),
    ),
    Question(
        "large_data",
        (
            "A participant's data grow from a thousand to a million examples. "
            "What becomes of its update?",
            "一个参与方的样本从一千增加到一百万。它的更新会怎样？",
        ),
        (
            right(
                "It has the same size.",
                "大小不变。",
                "An update has a number for each *parameter*. "
                "Much data costs computation at home, and no traffic.",
                "更新里每个*参数*对应一个数。数据多，费的是本地的计算，不是通信。",
            ),
            wrong(
                "It becomes a thousand times as long.",
                "变成一千倍长。",
                "The examples are not in it; only numbers of the model are.",
                "更新里没有样本，每个数对应模型的一个参数。",
            ),
            wrong(
                "It becomes too large for federated learning.",
                "会大到没法做联邦学习。",
                "The size of the *model* is a limit; the amount of data is not.",
                "有限制的是*模型*的大小，不是数据量。",
            ),
        ),
    ),
    Question(
        "dropouts",
        (
            "In each round nine of ten participants drop out. When is this worst?",
            "每一轮十个参与方有九个掉线。什么情况下最糟？",
        ),
        (
            wrong(
                "When it is different ones each time.",
                "每次掉线的都不是同一批时。",
                "Then everybody is heard in the course of time; the training is only noisier.",
                "这样的话，时间一长，每一方的话都听得到，只是训练的噪声大一些。",
            ),
            wrong(
                "It makes no difference who drops out.",
                "谁掉线都一样。",
                "Their number makes noise; which ones they are decides what the model can learn.",
                "缺了多少，决定噪声有多大；缺的是谁，决定模型能学到什么。",
            ),
            right(
                "When it is always the same ones, with data of their own.",
                "总是同样那几个，而且它们的数据与众不同时。",
                "What only they know is never learned, and no number of rounds mends it.",
                "只有它们知道的东西，永远学不到，再跑多少轮也补不回来。",
            ),
        ),
    ),
    Question(
        "late",
        (
            "At the deadline a phone has made 7 of its 20 local steps. "
            "What should the server do with its work?",
            "截止时间到了，一部手机的 20 个本地步只走完 7 步。服务器该怎么处理？",
        ),
        (
            wrong(
                "Drop it: unfinished work would spoil the mean.",
                "丢掉：没做完的会把平均带坏。",
                "Seven steps lead in the right direction too. When many are late, dropping them "
                "costs accuracy, and taking their work costs hardly any.",
                "七步走的方向也是对的。迟到的多了，丢掉会损失准确率，收下几乎没有损失。",
            ),
            wrong(
                "Wait until all 20 are done: only complete rounds are correct.",
                "等它走完 20 步：一轮必须完整才算对。",
                "Then the slowest one sets the pace for all. "
                "FedAvg does not need equally many steps from everybody.",
                "那样所有人都要迁就最慢的一个。FedAvg 并不要求大家走一样多步。",
            ),
            wrong(
                "Let it finish, and add its update at full size three rounds later.",
                "让它做完，过三轮再把更新原样加上。",
                "The model has moved on meanwhile: old updates at full size push it past its goal.",
                "这时模型早已走远了：过时的更新原样加上，会把模型推过头。",
            ),
            right(
                "Take the model as it is after 7 steps.",
                "收下它走完 7 步的模型。",
                "In the experiments of this chapter that was nearly as good as 20 steps.",
                "在本章的实验里，这样做几乎和走完 20 步一样好。",
            ),
        ),
    ),
    Question(
        "cheaper",
        (
            "Does federated learning send fewer bytes than sending the raw data once?",
            "和一次性发送原始数据相比，联邦学习的通信量更小吗？",
        ),
        (
            wrong(
                "Always: a model is smaller than data.",
                "总是更小：模型比数据小。",
                "It is sent in every round, both ways, to everybody who is asked.",
                "每一轮都要传，来回两个方向，受邀的每一方都要传。",
            ),
            right(
                "That depends on data, model and rounds; here it sends far more.",
                "要看数据、模型和轮数；这里反而多得多。",
                "Data that stay at home are its reason; saved traffic is not.",
                "联邦学习的理由是数据留在本地，而不是节省通信。",
            ),
            wrong(
                "Never.",
                "从来不会更小。",
                "With hours of video at each participant and a small model it does.",
                "如果每一方都有好几个小时的视频，模型又很小，通信量就会更小。",
            ),
        ),
    ),
)

STRINGS = {
    "plain": ("nobody is late:", "没有人迟到："),
    "dropped": ("late ones are dropped:", "迟到的不要："),
    "partial": ("late ones send what they have:", "迟到的先交已做完的："),
    "stale": ("late ones come three rounds later:", "迟到的晚三轮到："),
    "iid": ("IID", "IID"),
    "shards": ("two label shards each", "每方两个标签分片"),
    "asked": ("asked in each round, of 100", "每轮邀请（共 100 方）"),
    "rounds": ("rounds to 93%", "到 93% 的轮数"),
    "models": ("models sent, in all", "一共发送的模型数"),
    "drops": ("FedAvg, drops the late ones", "FedAvg，不要迟到的"),
    "keeps": ("takes their unfinished work", "收下半成品"),
    "spring": ("takes it, with a spring, μ = 1", "收下，加弹簧，μ = 1"),
    "late": ("late, in % of those asked", "迟到者占受邀者的百分比"),
    "accuracy": ("accuracy in %", "准确率（%）"),
}

CHAPTER = Chapter(
    number=8,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 30,
        "lab": 5,
        "try": 10,
        "exercise": 10,
        "quiz": 5,
        "article": 10,
    },
    labs=("digits",),
    exercises=(TIME, TRAFFIC),
    quiz=QUIZ,
    strings=STRINGS,
)
