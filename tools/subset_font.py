"""Cut Noto Sans SC down to the characters that this project writes: `make font`.

matplotlib's own font has no Chinese; figures.py adds the result as a fallback family.
The characters are those of the package's sources and the Chinese notebooks, and some 700
common ones, so that a new sentence rarely needs a new font. Run it when the test for missing glyphs
fails, and commit what changed in assets/fonts/. The same characters give the same file, byte for
byte, with the fontTools version of requirements.txt.

The source font is taken from a package of fonts on Python's package index, into a temporary folder.
`--source FILE` takes another copy of NotoSansSC-Regular.otf; `--check` only says what is missing.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "assets" / "fonts" / "NotoSansSC-subset.otf"
PACKAGE = "pylopdf-fonts-zh-cn==0.1.1"
SOURCE = "pylopdf_fonts_zh_cn/NotoSansSC-Regular.otf"
TEXTS = ("fedlearn_edu/**/*.py", "notebooks/**/*.ipynb", "benchmarks/**/*.py")

# CJK punctuation, ideographs, full-width forms. DejaVu Sans, which comes first, has the rest.
RANGES = ((0x3000, 0x303F), (0x3400, 0x9FFF), (0xFF01, 0xFFEE))
PUNCTUATION = (
    "　、。〈〉《》「」『』【】〔〕！（），．：；？［］｛｝～％＋－＝／０１２３４５６７８９"
)
COMMON = """
的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里
用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实
日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政
美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员
解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件
计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象
完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔远近亲
离快慢左右往低深浅轻宽窄厚薄短图轴线红蓝绿黄紫橙灰黑值均权差步轮率损失函梯度参与者样例较优最终停止
例如若否每次项组单双零六七八九百千半倍始末前后首尾键盘鼠标拖滑块按钮显示隐藏选择重置播放暂停保存下载
复制链接语言英汉简繁题目答案提示练习章节目录帮助错误警告成功失败完成继续返回打开关闭输入输出文件图片表
局算护备源需具集效技核扩码够初环境域网假景疗况络减详细医泛智享架融包骤风险测降读供挑驾驶范围述城推荐断著限
灵际仅广括践印势概念持送配讲背协泄露整维负流采适库析健患车储消监临致延迟策略探讨介绍缘框责操搭病预辆径诊检
议准杂避免掌握益严足靠版举依署评估欺诈充缺巨瓶颈控考献未趋升仍早越敏释编赖装签含层连叉熵察历易博速丰富独财
似逐央汇频尽障碍列划支研究阅词摘施巧满驱允根证诞互普尤访容良阶段团突渐潜虑倒元素累乘调响银缝序础创针索跨熟
善增附哪顺质材降升坡谷底峰边缘斜曲弧圆圈点虚实线粗细箭头坐标刻度横纵范数均匀倾斜极端拒绝断连迟到退出加入
训练模型服务器客户端聚合联邦通信压缩量化稀疏隐私安全差分噪声随机种子分布均衡偏移异构收敛发散振荡稳定
"""


def characters():
    """The Chinese characters and punctuation marks that the project writes, sorted."""
    written = set(PUNCTUATION + COMMON)
    for pattern in TEXTS:
        for path in ROOT.glob(pattern):
            written.update(path.read_text(encoding="utf-8"))
    return sorted(c for c in written if any(low <= ord(c) <= high for low, high in RANGES))


def fetch(folder):
    """Put the source font into a folder and return its path."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--target", folder, PACKAGE],
        capture_output=True,
        text=True,
    )
    path = Path(folder) / SOURCE
    if done.returncode or not path.is_file():
        sys.exit(f"The source font cannot be fetched ({PACKAGE}). Is there a network?")
    return path


def subset(source, target, text):
    """Write those glyphs of a font that a text needs; return the characters that it lacks."""
    from fontTools import subset as tool  # late: it comes with matplotlib

    options = tool.Options()
    options.layout_features = []
    options.hinting = False
    options.name_IDs = ["*"]
    options.name_languages = [0x0409]
    options.notdef_outline = True
    options.desubroutinize = False
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "VORG", "vhea", "vmtx", "DSIG"]
    with tool.load_font(str(source), options) as font:
        font.recalcTimestamp = False
        lacking = [c for c in text if ord(c) not in font.getBestCmap()]
        cutter = tool.Subsetter(options)
        cutter.populate(text="".join(text))
        cutter.subset(font)
        tool.save_font(font, str(target), options)
    return lacking


def main():
    """Cut the font, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true", help="only say which glyphs are missing")
    arguments = parser.parse_args()
    text = characters()
    if arguments.check:
        from fontTools.ttLib import TTFont  # late: it comes with matplotlib

        with TTFont(TARGET) as font:
            lacking = [c for c in text if ord(c) not in font.getBestCmap()]
        sys.exit(f"Not in the font: {''.join(lacking)} (run `make font`)" if lacking else 0)
    with tempfile.TemporaryDirectory() as folder:
        lacking = subset(arguments.source or fetch(folder), TARGET, text)
    size = f"{len(text) - len(lacking)} characters, {TARGET.stat().st_size / 1000:.0f} kB"
    print(f"{TARGET.relative_to(ROOT)}: {size}")
    if lacking:
        sys.exit(f"Noto Sans SC itself has no {' '.join(lacking)}")


if __name__ == "__main__":
    main()
