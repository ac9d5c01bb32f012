"""What the federation says, both languages side by side."""

STRINGS = {
    "no_flower": (
        "Flower is not installed. In the course's folder: make federation; without make, there too, "
        "in an environment of its own: pip install '.[flower]', and name its Python in $FEDLEARN_FLOWER.",
        "没有安装 Flower。请在课程目录里运行 make federation；没有 make，就在那里用一个单独的环境运行 "
        "pip install '.[flower]'，并用 $FEDLEARN_FLOWER 指明它的 Python。",
    ),
    "no_groups": (
        "A federation needs Linux, macOS, or Windows' subsystem for Linux.",
        "联邦需要 Linux、macOS 或 Windows 的 Linux 子系统（WSL）。",
    ),
    "port_taken": (
        "Port {port} of {host} is in use; choose another with --port, or 0 for any free one.",
        "{host} 的端口 {port} 已被占用，请用 --port 换一个，0 表示任选一个空闲端口。",
    ),
    "bad_address": (
        "{host} is not an address of this machine on which port {port} can be opened.",
        "无法在 {host} 上打开端口 {port}：它不是这台机器可用的地址。",
    ),
    "no_start": ("{part} does not start: {words}", "{part} 无法启动：{words}"),
    "part_ended": (
        "{part} has ended in round {round}, and nothing goes on without it. {words}",
        "{part} 在第 {round} 轮中途退出，没有它联邦无法继续。{words}",
    ),
    "nobody_left": (
        "No participant is left in round {round}.",
        "第 {round} 轮中，参与方已全部退出。",
    ),
    "server_error": ("The server stopped: {reason}", "服务器中断：{reason}"),
    "participant_ended": (
        "{part} has ended in round {round}; the others go on.",
        "{part} 在第 {round} 轮中途退出，其余参与方继续。",
    ),
    "starting": (
        "Starting a server and {n} participants, each a process of its own …",
        "正在启动一个服务器和 {n} 个参与方，每个都是独立的进程……",
    ),
    "started": (
        "The server is at {address}; {parts} processes run. Ctrl-C stops them all.",
        "服务器在 {address}，共有 {parts} 个进程在运行。按 Ctrl-C 全部停止。",
    ),
    "carry": (
        "Carry {folder} to that machine, by a way that nobody else can read.",
        "请把 {folder} 带到那台机器上，途中别让任何人读到。",
    ),
    "invite": (
        "Participant {i} joins from its machine with: {command}",
        "参与方 {i} 在自己的机器上这样加入：{command}",
    ),
    "joined": (
        "Participant {i} of the server at {address}. Ctrl-C leaves.",
        "作为参与方 {i} 加入 {address} 的服务器。按 Ctrl-C 退出。",
    ),
    "not_joined": (
        "The server at {address} did not let this participant in: {words}",
        "{address} 的服务器没有让这个参与方加入：{words}",
    ),
    "left": ("The participant has ended. {words}", "参与方已退出。{words}"),
    "round": ("round {n}/{all}", "第 {n}/{all} 轮"),
    "accuracy": ("accuracy {value} %", "准确率 {value}%"),
    "loss": ("loss {value}", "损失 {value}"),
    "how_many": ("{n} of {all} participants", "{all} 个参与方中有 {n} 个"),
    "sent_and_got": ("{who}: ↑{up} ↓{down} kB", "{who}：↑{up} ↓{down} kB"),
    "others": ("others", "其他机器"),
    "participant": ("participant {i}", "参与方 {i}"),
    "somebody": ("a participant that has never answered", "一个从未应答的参与方"),
    "refused": ("left out {who}: {reason}.", "未采用 {who} 的应答：{reason}。"),
    "silent": ("No answer in time from {who}.", "{who} 没有按时应答。"),
    "took": (
        "{rounds} rounds; {seconds} s from the start to the end; {mib} MiB in all processes.",
        "共 {rounds} 轮；从启动到结束 {seconds} 秒；全部进程占用内存 {mib} MiB。",
    ),
    "traffic": (
        "A participant sent {up} kB a round and got {down} kB on the connection; "
        "the update alone is {up_counted} kB and the model {down_counted} kB.",
        "连接上，每个参与方每轮发送 {up} kB，接收 {down} kB；"
        "其中更新本身 {up_counted} kB，模型本身 {down_counted} kB。",
    ),
    "engine": (
        "The engine computes the same: the largest difference in θ is {difference}.",
        "引擎算出的结果相同：θ 的最大差别是 {difference}。",
    ),
    "not_engine": (
        "Not every round had all {all} participants, so θ is not the engine's "
        "(round: participants: {counts}).",
        "并非每一轮都有全部 {all} 个参与方，所以 θ 和引擎的不同（轮：参与方数：{counts}）。",
    ),
    "written": ("The report is in {folder}.", "报告在 {folder}。"),
}
