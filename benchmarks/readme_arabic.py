"""The README's tables in Arabic: each cell in other words, its numbers and commands as they are."""

import re
from collections.abc import Callable

WORDS = {
    # Heads of columns.
    "data": "البيانات",
    "images, train / test": "الصور، تدريب / اختبار",
    "model": "النموذج",
    "machine": "الجهاز",
    "first step": "الخطوة الأولى",
    "training": "التدريب",
    "images/s": "الصور في الثانية",
    "command": "الأمر",
    "work": "العمل",
    "ours": "هذه الحزمة",
    "times as fast": "أضعاف السرعة",
    "goal": "الهدف",
    "step": "الخطوة",
    "first": "الأولى",
    "later ones": "ما بعدها",
    "claim": "القول",
    "difference in mAP, and its 95 % interval": "الفرق في mAP، وفترة ثقته 95%",
    "seeds": "البذور",
    "verdict": "الحكم",
    # What is timed.
    "augmentation": "زيادة البيانات",
    "augmentation, compiled": "زيادة البيانات، بعد التصريف",
    "prediction": "التنبؤ",
    "prediction, doubtful": "التنبؤ، بكاشف متردد",
    "training step, data included": "خطوة التدريب، مع البيانات",
    "training step, network and loss": "خطوة التدريب، الشبكة والخسارة",
    "data from memory": "البيانات من الذاكرة",
    "data from disk": "البيانات من القرص",
    "data from device": "البيانات من ذاكرة الجهاز",
    "eager": "بلا تصريف",
    "cold cache": "بعد التصريف، والمخبأ فارغ",
    "warm cache": "بعد التصريف، من المخبأ",
    "not measured": "لم يُقَس",
    # Verdicts.
    "**shown**": "**مثبَت**",
    "**refuted**": "**مدحوض**",
    "**not told apart**": "**غير محسوم**",
    # Claims.
    "hard mining learns faster than all negatives": "التنقيب عن السلبيات الصعبة أسرع تعلمًا من السلبيات كلها",
    "hard mining learns faster than random 3:1": (
        "التنقيب عن السلبيات الصعبة أسرع تعلمًا من العشوائية بنسبة 3:1"
    ),
    "default boxes chosen for the scenes are better than the formula's": (
        "الصناديق الافتراضية المختارة للمشاهد أفضل من صناديق الصيغة"
    ),
    "default boxes fitted to the training images are better than the formula's": (
        "الصناديق الافتراضية المفصَّلة على صور التدريب أفضل من صناديق الصيغة"
    ),
    "fitting again is better than rounded default boxes": (
        "التفصيل من جديد أفضل من الصناديق الافتراضية المقرَّبة"
    ),
    "boxes of several aspect ratios are better than squares": "الصناديق بعدة نسب أبعاد أفضل من المربعات",
    "five maps are better than three maps": "خمس خرائط أفضل من ثلاث",
    "three maps are better than two maps": "ثلاث خرائط أفضل من خريطتين",
    "two maps are better than one map": "خريطتان أفضل من خريطة واحدة",
    "five maps are better than one for small objects": "خمس خرائط أفضل من واحدة للأجسام الصغيرة",
    "five maps are better than one for medium objects": "خمس خرائط أفضل من واحدة للأجسام المتوسطة",
    "five maps are better than one for large objects": "خمس خرائط أفضل من واحدة للأجسام الكبيرة",
    "augmentation raises the mAP where images are few": "زيادة البيانات ترفع mAP حيث تقل الصور",
    "augmentation raises the mAP of a short training": "زيادة البيانات ترفع mAP في تدريب قصير",
    "augmentation makes the detector more robust to larger scenes": (
        "زيادة البيانات تجعل الكاشف أمتن إزاء مشاهد أكبر"
    ),
    "augmentation makes the detector more robust to smaller scenes": (
        "زيادة البيانات تجعل الكاشف أمتن إزاء مشاهد أصغر"
    ),
    "augmentation makes the detector more robust to stretched scenes": (
        "زيادة البيانات تجعل الكاشف أمتن إزاء مشاهد ممطوطة"
    ),
    "colours make the detector more robust to recoloured scenes": (
        "تغيير الألوان يجعل الكاشف أمتن إزاء مشاهد معدَّلة الألوان"
    ),
    "zoom-out raises the mAP of small objects": "التصغير على لوحة يرفع mAP للأجسام الصغيرة",
    "variances of (0.1, 0.2) are better than none": "التباينان 0.1 و0.2 أفضل من عدمهما",
    "matching by both steps is better than the first step alone": "المطابقة بالخطوتين أفضل من الأولى وحدها",
    "matching by both steps is better than the second step alone": "المطابقة بالخطوتين أفضل من الثانية وحدها",
}
OTHERS = {"all negatives": "السلبيات كلها", "random 3:1": "العشوائية بنسبة 3:1"}
FEW = 10
"""The greatest number that counts things in the plural; greater ones have the singular after them."""

Found = re.Match[str]
PATTERNS: dict[str, Callable[[Found], str]] = {
    r"(\d+) CPU cores, (.*)": lambda m: f"{m[1]} من نوى المعالج، {m[2]}",
    r"([\d.,]+) ms": lambda m: f"{m[1]} ميلي ثانية",
    r"(\*\*)?([\d.,]+) s(\*\*)?": lambda m: f"{m[1] or ''}{m[2]} ثانية{m[3] or ''}",
    r"([\d.,]+) min": lambda m: f"{m[1]} دقيقة",
    r"([\d.,]+) min, extrapolated from (.*) steps": lambda m: f"{m[1]} دقيقة، مقدَّرة من {m[2]} خطوة",
    r"(`\w+`), ours": lambda m: f"{m[1]}، هذه الحزمة",
    r"(`\w+`), torchvision": lambda m: f"{m[1]}، torchvision",
    r"(`\w+`), ([\d,]+) of ([\d,]+) steps": lambda m: f"{m[1]}، {m[2]} من {m[3]} خطوة",
    r"(.*), (\d+) s for each side": lambda m: f"{DATASETS.get(m[1], m[1])}، {m[2]} ثانية لكل طرف",
    r"the paper's ([\d,]+) steps, on drawn images": (
        lambda m: f"خطوات الورقة، وعددها {m[1]}، على صور مرسومة"
    ),
    r"criterion, (\d+) objects(, compiled)?": (
        lambda m: f"معيار الخسارة، {counted(int(m[1]))}{'، بعد التصريف' if m[2] else ''}"
    ),
    r"hard mining is more stable: at (\d) times the rate it loses less than (.*)": (
        lambda m: (
            f"التنقيب عن السلبيات الصعبة أكثر استقرارًا: بمعدل تعلم مضروب في {m[1]} يخسر أقل من {OTHERS[m[2]]}"
        )
    ),
    r"five maps on one image are as good as a pyramid from (\d+) pixels": (
        lambda m: f"خمس خرائط على صورة واحدة لا تقل عن هرم صور يبدأ من {m[1]} بكسلًا"
    ),
    r"(α = \S+) is better than (α = \S+)": lambda m: f"{left_to_right(m[1])} أفضل من {left_to_right(m[2])}",
}
DATASETS = {"drawn scenes": "مشاهد مرسومة"}

HAS_WORDS = re.compile(r"[A-Za-z]{2}")
SIGNED = re.compile("[-+…(]")
NAME = re.compile(r"[\w@.-]+\w|`.*`")


def translated(table: str) -> str:
    """A table of the README with the words of its cells in Arabic."""
    return "\n".join(_row(line) for line in table.split("\n"))


def said(cell: str) -> str:
    """A cell in Arabic; names, and what has no translation, from left to right."""
    if cell in WORDS:
        return WORDS[cell]
    for pattern, say in PATTERNS.items():
        if found := re.fullmatch(pattern, cell):
            return say(found)
    plain = NAME.fullmatch(cell) or not (HAS_WORDS.search(cell) or SIGNED.search(cell))
    return cell if plain else left_to_right(cell)


def counted(objects: int) -> str:
    """A number of objects, in the form that the number asks for."""
    return f"{objects} {'أجسام' if objects <= FEW else 'جسمًا'}"


def left_to_right(text: str) -> str:
    """Text that keeps its order where all around it runs from right to left."""
    return f'<span dir="ltr">{text}</span>'


def _row(line: str) -> str:
    if not line.startswith("| "):
        return line
    return "| " + " | ".join(said(cell) for cell in line[2:-2].split(" | ")) + " |"
