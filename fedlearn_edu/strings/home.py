"""The texts of the home page, and of the pages around the labs."""

STRINGS = {
    "site": ("Federated Learning, Hands On", "动手学联邦学习"),
    "description": (
        "Learn federated learning by touching it: drag the participants, change the weights, "
        "and watch the global model converge.",
        "拖动参与方，改变权重，看全局模型怎样收敛，在动手中学懂联邦学习。",
    ),
    "skip": ("Skip to the labs", "跳到实验"),
    "language": ("Language", "语言"),
    "theme": ("Light or dark", "浅色或深色"),
    "to_dark": ("Switch to dark", "切换到深色"),
    "to_light": ("Switch to light", "切换到浅色"),
    "headline_1": ("The data stays. The model moves.", "数据不动，模型动。"),
    "headline_2": ("Try it yourself, and watch it learn.", "亲手试一试，看它怎么学。"),
    "lead": (
        "Drag the participants, change the weights and the scaling factor λ, and watch the global "
        "parameters converge step by step. Every number is in plain sight, and you can check "
        "every claim yourself.",
        "拖动参与方，改变权重和缩放因子 λ，看全局参数一步步收敛。"
        "每个数字都摆在眼前，每个结论都能亲手验证。",
    ),
    "open_lab": ("Open the lab: {title}", "打开实验：{title}"),
    "first_chapter": ("Begin the course", "开始学习课程"),
    "skip_chapter": ("Skip to the chapter", "跳到正文"),
    "try_lab": ("Open this lab", "打开这个实验"),
    "read_only_note": (
        "This page is for reading: it shows what was stored when the chapter was written.",
        "这一页供阅读，显示的是编写这一章时保存的结果。",
    ),
    "read_only_needs": (
        "This chapter runs with {what}, which is not installed here; "
        "you can read it with all its results, and its labs open from here.",
        "运行这一章需要 {what}，这里没有安装；你可以照常阅读全文和全部结果，也可以打开其中的实验。",
    ),
    "read_only_starts": (
        "This chapter starts programs on the computer that runs it, and so it runs in JupyterLab "
        "and not on a page: `make course`. You can read it here with all its results.",
        "这一章会在运行它的电脑上启动程序，所以要在 JupyterLab 里运行，不能在网页上运行：`make course`。"
        "全文和全部结果可以在这里阅读。",
    ),
    "make_live": ("Run this chapter here", "在这里运行这一章"),
    "make_still": ("Read it without running it", "只阅读，不运行"),
    "live_note": (
        "Labs and quiz are yours to use; to change code and write answers, "
        "open the chapter in JupyterLab: `make course`.",
        "实验和小测验可以直接操作；要改代码、写答案，请在 JupyterLab 里打开这一章：`make course`。",
    ),
    "live": ("Live", "运行"),
    "live_named": ("Live: chapter {n}, {title}", "运行第 {n} 章：{title}"),
    "reading_only_needs": (
        "To read; running it needs {what}, which is not installed here.",
        "可以阅读；运行需要 {what}，这里没有安装。",
    ),
    "reading_only_starts": (
        "To read; it starts programs, and so it runs in JupyterLab.",
        "可以阅读；它会启动程序，所以要在 JupyterLab 里运行。",
    ),
    "read_it": ("Read this chapter", "阅读这一章"),
    "lab_of": ("Lab: {title}", "实验：{title}"),
    "run_name": ("Cells that have run", "已经运行的单元格"),
    "run_starting": ("Starting Python…", "正在启动 Python……"),
    "run_running": ("{n} of {all} cells have run", "已运行 {n} 个单元格，共 {all} 个"),
    "run_waits": (
        "The lab waits for the cell that is running, and answers as soon as it is done.",
        "实验正在等一个单元格运行完，之后马上就会响应。",
    ),
    "run_done": (
        "All cells have run; this page is live.",
        "全部单元格都已运行，这一页可以操作了。",
    ),
    "run_stopped": (
        "A cell failed; below it you see what was stored.",
        "有一个单元格出错了；它下面显示的是保存的结果。",
    ),
    "run_gone": (
        "The connection to Python is gone; the page shows what it had last.",
        "与 Python 的连接断开了，页面停在最后的结果上。",
    ),
    "cell_failed": ("This cell did not run to its end.", "这个单元格没能运行完。"),
    "see_labs": ("See all labs", "看看全部实验"),
    "labs": ("Labs", "实验"),
    "chapters": ("Course", "课程"),
    "minutes": ("{n} minutes", "{n} 分钟"),
    "footer": (
        "Everything runs on this computer; nothing leaves it.",
        "一切都在这台电脑上运行，不会向外发送任何数据。",
    ),
    "footer_shared": (
        "Everything runs on this server and in your browser.",
        "一切都在这台服务器和你的浏览器里运行。",
    ),
    "hero_name": (
        "A small federation: five participants and their shared model on a landscape",
        "一个小小的联邦：五个参与方和它们共同的模型，画在一张等高线图上",
    ),
    "hero_round": ("Round", "第"),
    "hero_round_after": ("", "轮"),
    "hero_distance": ("Distance to the optimum", "距最优点"),
    "hero_caption": (
        "Every round, each participant takes the shared model ● a few steps towards its own "
        "answer; the average of where they end up is the next model. It settles at the "
        "optimum ✕. Drag a numbered circle and it follows.",
        "每一轮，各参与方从共同的模型 ● 出发，朝自己的答案走几步；终点的平均就是下一轮的模型。"
        "它最终停在最优点 ✕。拖动编号圆圈，它会跟着走。",
    ),
    "hero_start": ("start", "起点"),
    "hero_participant": (
        "Participant {n}: drag, or move with the arrow keys",
        "参与方 {n}：可以拖动，也可以用方向键移动",
    ),
    "hero_pause": ("Pause", "暂停"),
    "hero_play": ("Play", "播放"),
    "hero_again": ("Start again", "重新开始"),
    "loading": ("Opening the lab…", "正在打开实验……"),
    "loading_slow": (
        "This is taking longer than usual.",
        "这次比平时慢一些，请稍候。",
    ),
    "trouble_title": ("The lab did not open", "实验没有打开"),
    "trouble_text": (
        "Something went wrong while this page was loading. "
        "Reloading usually helps; your settings are in the address and will not be lost.",
        "页面加载时出了问题。重新加载一般就好了；你的设置都在网址里，不会丢。",
    ),
    "trouble_lab": (
        "The lab could not start on the server. Reload to try again; "
        "if it keeps happening, tell whoever runs this server.",
        "实验在服务器上没能启动。请重新加载；如果总是这样，请告诉管理服务器的人。",
    ),
    "reload": ("Reload", "重新加载"),
    "noscript": (
        "The labs run in your browser and need JavaScript. Please switch it on.",
        "实验在浏览器里运行，需要 JavaScript，请先启用它。",
    ),
    "home_link": ("To the home page", "回到首页"),
    "error_404": ("There is nothing at this address", "这个网址上没有内容"),
    "error_404_text": (
        "The link may be mistyped, or the page may have moved. All labs are on the home page.",
        "网址可能输错了，也可能页面已经移走。所有实验都能从首页进入。",
    ),
    "error_500": ("Something went wrong here", "这里出了点问题"),
    "error_500_text": (
        "It is not your fault. Reload to try again.",
        "不是你的问题。请重新加载再试一次。",
    ),
    "error_503": ("The server is busy", "服务器正忙"),
    "error_503_text": ("Please try again in a moment.", "请稍等片刻再试。"),
    "full_title": ("Every seat is taken", "座位满了"),
    "full_text": (
        "All labs on this server are in use. As soon as somebody closes a page, "
        "there is room for you: this page tries again by itself.",
        "这台服务器上的实验都有人在用。只要有人关掉页面，就会空出位子；本页会自动重试。",
    ),
    "full_retry": ("Next try in {n} seconds", "{n} 秒后重试"),
    "full_now": ("Try now", "现在就试"),
}
