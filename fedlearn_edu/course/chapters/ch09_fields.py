"""Chapter 9: five fields, each a small federation, against training alone and against pooling."""

import numpy as np

from fedlearn_edu.course.content import Chapter, Exercise, Mistake, Question, right, wrong


def my_closed(alone, federated, pooled):
    return (federated - alone) / (pooled - alone)


CLOSED = Exercise(
    key="closed",
    title=("The share of the gap that is closed", "补上了多少差距"),
    solution=my_closed,
    cases=(
        ((0.6, 0.84, 0.9), 0.8),
        ((0.5, 0.75, 1.0), 0.5),
        ((0.8, 0.75, 0.9), -0.5),
    ),
    mistakes={
        "of_pooled": Mistake(
            lambda alone, federated, pooled: federated / pooled,
            (
                "You compare with pooling only. A federation that taught nobody anything would "
                "still get a good mark, if everybody alone is good: begin at *alone*.",
                "你只和合并训练比。要是各自单独训练已经很好，一个什么也没教会的联邦也能得高分：应该以*单独训练*为起点。",
            ),
        ),
        "gain": Mistake(
            lambda alone, federated, pooled: federated - alone,
            (
                "This is the gain itself. How large is it against the gain that pooling brings?",
                "这是提高了多少。和合并训练带来的提高相比，它占多大比例？",
            ),
        ),
        "open": Mistake(
            lambda alone, federated, pooled: (pooled - federated) / (pooled - alone),
            (
                "This is the share that stays open: it is 1 when the federation brings nothing.",
                "这是还没有补上的那一部分：联邦毫无作用时它等于 1。",
            ),
        ),
    },
    hint=(
        "Two distances from *alone*: how far the federation came, and how far pooling comes.",
        "从*单独训练*出发的两段距离：联邦走了多远，合并训练又走了多远。",
    ),
    why=(
        "It means something only if pooling is clearly better than training alone; "
        "in the city it is not.",
        "只有合并训练明显好于单独训练时，这个数才有意义；城市那一节就不是这样。",
    ),
)


def my_found(alarms, fraud):
    return sum(a and f for a, f in zip(alarms, fraud, strict=True)) / sum(fraud)


FOUND = Exercise(
    key="found",
    title=("How much fraud is found", "找出了多少欺诈"),
    solution=my_found,
    cases=(
        (([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0, 0, 0, 0]), 0.5),
        (([1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]), 1.0),
        (([0, 0, 0, 0], [0, 0, 1, 0]), 0.0),
        (([1, 0, 0, 0, 0], [1, 1, 1, 1, 0]), 0.25),
    ),
    mistakes={
        "accuracy": Mistake(
            lambda alarms, fraud: (
                sum(a == f for a, f in zip(alarms, fraud, strict=True)) / len(fraud)
            ),
            (
                "This is the accuracy. Whoever never raises an alarm gets 97% of it, "
                "and finds nothing: divide by the number of frauds.",
                "这是准确率。从不报警的模型也能得到 97%，却什么也没找出来：应该除以欺诈的笔数。",
            ),
        ),
        "precision": Mistake(
            lambda alarms, fraud: (
                sum(a and f for a, f in zip(alarms, fraud, strict=True)) / max(1, sum(alarms))
            ),
            (
                "You divided by the number of alarms: that says how many alarms are justified. "
                "Asked is how many of the *frauds* are found.",
                "你除以的是报警的次数，得到的是报警里有多少是对的。题目问的是*欺诈*里有多少被找出来了。",
            ),
        ),
        "of_all": Mistake(
            lambda alarms, fraud: (
                sum(a and f for a, f in zip(alarms, fraud, strict=True)) / len(fraud)
            ),
            (
                "You divided by the number of all transactions. Divide by the number of frauds.",
                "你除以的是全部交易的笔数。应该除以欺诈的笔数。",
            ),
        ),
    },
    hint=(
        "Count where both lists hold a 1, and divide by how many ones `fraud` holds.",
        "数一数有几处两个列表都是 1，再除以 `fraud` 里 1 的个数。",
    ),
    why=(
        "The field calls this recall; with tumours, sensitivity.",
        "这个量叫召回率；用在肿瘤上，叫灵敏度。",
    ),
)


def my_at_home(hits, counts):
    return np.dot(hits, counts) / np.sum(counts)


AT_HOME = Exercise(
    key="at_home",
    title=("Accuracy on one's own mixture", "在自己的数据构成上的准确率"),
    solution=my_at_home,
    cases=(
        (([1.0, 0.5], [30, 10]), 0.875),
        (([0.9, 0.6, 0.3], [0, 5, 5]), 0.45),
        (([0.2, 0.8], [0, 4]), 0.8),
    ),
    mistakes={
        "plain": Mistake(
            lambda hits, counts: np.mean(hits),
            (
                "This is the plain mean over the labels: it forgets what this owner writes.",
                "这是对各个标签的简单平均：它忘了这部手机的主人写的是什么。",
            ),
        ),
        "not_divided": Mistake(
            np.dot,
            (
                "You multiplied and added, but did not divide by the number of all examples.",
                "你乘了再相加，但没有除以样本总数。",
            ),
        ),
        "by_number": Mistake(
            lambda hits, counts: np.dot(hits, counts) / len(counts),
            (
                "You divided by the number of labels. Divide by the number of all examples.",
                "你除以的是标签的种数。应该除以全部样本的个数。",
            ),
        ),
        "seen": Mistake(
            lambda hits, counts: np.mean([h for h, n in zip(hits, counts, strict=True) if n]),
            (
                "You left out what the owner never writes, but counted the rest equally. "
                "Let the counts decide.",
                "你去掉了主人从来不写的标签，却把其余的标签一视同仁。应该由样本数来决定。",
            ),
        ),
    },
    hint=(
        "It is chapter 3's weighted mean, over labels instead of participants.",
        "就是第 3 章的加权平均，只不过平均的是标签，不是参与方。",
    ),
    why=("", ""),
)

QUIZ = (
    Question(
        "why_not_accuracy",
        (
            "A bank's model is right for 97.3% of all transactions. What does that tell you?",
            "一家银行的模型对 97.3% 的交易判断正确。这说明什么？",
        ),
        (
            wrong(
                "That it is a good model.",
                "说明模型很好。",
                "If 2.7% of all transactions are fraud, a model that never raises an alarm is right "
                "just as often.",
                "如果欺诈占 2.7%，一个从不报警的模型也能对这么多。",
            ),
            right(
                "Little: ask how much of the fraud it finds, at how many alarms.",
                "几乎说明不了什么：要问它报了多少次警，找出了多少欺诈。",
                "With rare labels accuracy is a matter of the common ones. "
                "The question that is put to the model must decide the measure.",
                "某一类很少见时，准确率几乎全由常见的那一类决定。用什么指标，要看我们拿模型来做什么。",
            ),
            wrong(
                "That the federation was worth it.",
                "说明联邦是值得的。",
                "That needs a comparison: with training alone, and with pooling.",
                "要比较了才知道：和单独训练比，和合并训练比。",
            ),
        ),
    ),
    Question(
        "never_left",
        (
            "The records never left the hospital; only gradients did. Is the patient protected?",
            "病历从没有离开医院，离开的只有梯度。患者受到保护了吗？",
        ),
        (
            wrong(
                "Yes: a gradient is no record.",
                "是的：梯度不是病历。",
                "Of one patient it is: two of its entries, divided, give a measurement back.",
                "只有一位患者时，梯度就是病历：其中两个数相除，就还原出一项测量值。",
            ),
            wrong(
                "Yes, if it is compressed.",
                "是的，只要压缩过就行。",
                "Compression saves bits; it promises nothing about what can be read from the rest.",
                "压缩省的是比特，对剩下的内容能读出什么，它没有任何承诺。",
            ),
            wrong(
                "No, so federated learning is useless here.",
                "没有，所以联邦学习在这里没有用。",
                "It collects less data than pooling does, and it can be combined with guarantees.",
                "它比合并训练收集的数据少，而且还能配上有保障的技术。",
            ),
            right(
                "Less is given away than by pooling, but it is no guarantee; secure aggregation "
                "and differential privacy give some.",
                "比合并训练交出的少，但不是保障；安全聚合和差分隐私才能提供保障。",
                "Keeping the raw data at home is data minimisation. "
                "What the updates give away is a second question.",
                "原始数据留在本地，是数据最小化。更新会泄露什么，是另一个问题。",
            ),
        ),
    ),
    Question(
        "city_worse",
        (
            "In the city the model on *all* data is worse than each district's own. Why?",
            "在城市里，用*全部*数据训练的模型不如各区自己的模型。为什么？",
        ),
        (
            right(
                "The same input means different things in different districts.",
                "同样的输入，在不同的区含义不同。",
                "At eight in the morning one district is full and the other empty. "
                "One function of the hour cannot say both.",
                "早上八点，一个区车水马龙，另一个区空空荡荡。只凭时刻的一个函数，没法两样都说对。",
            ),
            wrong(
                "There is too little data.",
                "数据太少。",
                "All twelve districts together have more than one; more of the same does not help.",
                "十二个区合起来比一个区多，再多一些同样的数据也没有用。",
            ),
            wrong(
                "The server averages badly: better weights would help.",
                "服务器平均得不好：换一组权重就行。",
                "Pooling uses no averaging at all, and loses too.",
                "合并训练根本不做平均，它也输了。",
            ),
        ),
    ),
    Question(
        "never_seen",
        (
            "No car of the fleet has ever driven on ice. What does the shared model know of ice?",
            "车队里没有一辆车在冰面上开过。共享的模型对冰面了解多少？",
        ),
        (
            wrong(
                "Enough: it has learnt from many cars.",
                "足够了：它向许多车学过。",
                "Many cars that have not seen ice are no ice. A thousand more would not help.",
                "没见过冰的车，再多也变不出冰来。再来一千辆也没有用。",
            ),
            right(
                "Nothing that any of them could vouch for.",
                "谈不上了解：没有哪一辆车能替它打包票。",
                "A federation passes on what somebody has seen; it makes no experience. "
                "Pooling would know as little.",
                "联邦能传递别人见过的东西，不能凭空造出经验。合并训练也一样不知道。",
            ),
            wrong(
                "It will say that it does not know.",
                "它会说自己不知道。",
                "A softmax always answers, often with confidence.",
                "softmax 总会给出答案，而且常常很有把握。",
            ),
        ),
    ),
    Question(
        "the_liar",
        (
            "The largest bank writes down all its frauds as honest. What does the server notice?",
            "最大的银行把自己的欺诈全都记成正常交易。服务器能发现什么？",
        ),
        (
            wrong(
                "Wrong labels: it compares them with the others'.",
                "标签是错的：和别家的一比就知道。",
                "The server never sees labels; that is the point of the arrangement.",
                "服务器根本看不到标签，这正是这种安排的目的。",
            ),
            wrong(
                "Nothing, but the mean takes care of it.",
                "什么也发现不了，不过平均会消化掉。",
                "The mean gives this bank its full weight, here 46%.",
                "平均照样给这家银行全部的权重，这里是 46%。",
            ),
            right(
                "An update like any other; it has to measure what the model does.",
                "一个看上去和别的没有两样的更新；它只能去检验模型的表现。",
                "Who cannot look at the data cannot check them. "
                "Robust means and tests on data of one's own help in part.",
                "看不到数据，就没法核对数据。用稳健的平均，或者用自己的数据做检验，也只能补救一部分。",
            ),
        ),
    ),
)

STRINGS = {
    "phones": ("phones: all digits", "手机：全部数字"),
    "home": ("phones: own digits", "手机：自己的数字"),
    "hospitals": ("hospitals: tumours found", "医院：找出的肿瘤"),
    "banks": ("banks: fraud found", "银行：找出的欺诈"),
    "cars": ("cars: braking, snow", "汽车：雪地刹车"),
    "cities": ("city: busy or quiet", "城市：忙或闲"),
    "alone": ("alone (mean)", "单独（平均）"),
    "federated": ("federated", "联邦"),
    "pooled": ("pooled", "合并"),
    "share": ("share that is right", "正确的比例"),
}

CHAPTER = Chapter(
    number=9,
    minutes={
        "idea": 5,
        "formula": 5,
        "example": 50,
        "lab": 5,
        "try": 10,
        "exercise": 20,
        "quiz": 5,
        "article": 10,
    },
    labs=("three_ways",),
    exercises=(CLOSED, FOUND, AT_HOME),
    quiz=QUIZ,
    strings=STRINGS,
)
