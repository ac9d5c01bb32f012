"""What the federation says, both languages side by side."""

STRINGS = {
    "no_flower": (
        "Flower is not installed; in a checkout: make flower; elsewhere, in an environment of its "
        "own: pip install 'fedlearn-edu[flower]', and name its Python in $FEDLEARN_FLOWER.",
        "没有安装 Flower。在源码目录里运行 make flower；否则请在单独的环境里运行 "
        "pip install 'fedlearn-edu[flower]'，并用 $FEDLEARN_FLOWER 指明它的 Python。",
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
}
