//! What other crates advise, in Simplified Chinese.

use super::told::Told;

/// Each of the code `.remedy`.
pub(super) const REMEDIES: &[Told] = &[
    // Findings.
    (".remedy", "name it with --target COL", "用 --target COL 指定"),
    (".remedy", "correct them, or say that they stand for no value", "改正它们，或说明它们表示无值"),
    (".remedy", "correct them, or fill them as missing values", "改正它们，或当作缺失值填补"),
    (".remedy", "find out why, or leave it out", "查明原因，或不使用该列"),
    (
        ".remedy",
        "find out why; fill it, and keep a mark of what was missing, which may itself mean something",
        "查明原因；填补该列并标记缺失之处，缺失本身也可能有意义",
    ),
    (".remedy", "tidemill fills them by itself; to choose how", "tidemill 会自动填补；要自己选择方法"),
    (".remedy", "it teaches nothing; leave it out", "从中学不到东西；不要使用该列"),
    (
        ".remedy",
        "no feature; it ties feedback to rows. If that is right, say so",
        "不是特征；它把反馈与行对应起来。如果正确，请写明",
    ),
    (
        ".remedy",
        "if rows of one value belong together, keep them in one part",
        "如果同一个值的行属于一体，请把它们放在同一部分",
    ),
    (
        ".remedy",
        "most names are too rare to learn from one by one; encode them by the target, or leave the column out",
        "多数名称太少见，无法逐个学习；请按目标编码，或不使用该列",
    ),
    (
        ".remedy",
        "if so, empty these cells in the file: in other columns 0 is a value",
        "如果是，请在文件中清空这些单元格：在其他列中 0 是一个值",
    ),
    (".remedy", "if so, say it", "如果是，请写明"),
    (
        ".remedy",
        "check these rows; if they are right, scale by median and quartiles, which they do not move",
        "检查这些行；如果没有错，请按中位数和四分位数缩放，它们不受这些值影响",
    ),
    (
        ".remedy",
        "long tails are not a fault; for learners that take distances seriously, scale by median and quartiles",
        "长尾不是错误；对依赖距离的学习器，请按中位数和四分位数缩放",
    ),
    (
        ".remedy",
        "one cause probably empties them all: look for it; one mark of it is enough",
        "它们很可能因同一个原因而为空：请查找；标记一处就够了",
    ),
    (
        ".remedy",
        "give copies of a row the same part, or let the program divide the rows: leave [split] kind out",
        "请让同一行的副本属于同一部分，或让程序来划分：去掉 [split] 的 kind",
    ),
    (
        ".remedy",
        "give a column the role 'feature' in the recipe's [columns]",
        "请在配方的 [columns] 中把某一列的 role 设为 'feature'",
    ),
    (".remedy", "gather at least 10, better some hundreds", "至少收集 10 行，最好有几百行"),
    (
        ".remedy",
        "if so, empty these cells in the file: in other columns the number may be a value",
        "如果是，请在文件中清空这些单元格：在其他列中这个数可能是真实的值",
    ),
    (".remedy", "give these images anew", "请重新提供这些图像"),
    (
        ".remedy",
        "`train` keeps copies on one side of every split; take them out unless each truly happened on its own",
        "`train` 会把副本放在每次划分的同一侧；除非每一行都是真实发生的，否则请去掉它们",
    ),
    (".remedy", "correct the labels, or take these rows out", "改正标签，或去掉这些行"),
    (
        ".remedy",
        "nothing, unless they are copies of one record: so few different values repeat by chance",
        "无需处理，除非它们是同一条记录的副本：取值这样少，重复是偶然的",
    ),
    (
        ".remedy",
        "a copy in the test part is not a test: take copies out, unless each row truly happened on its own",
        "测试部分中的副本不算测试：请去掉副本，除非每一行都是真实发生的",
    ),
    (
        ".remedy",
        "if they are versions of one thing, keep one, or name what they belong to as the group",
        "如果它们是同一事物的不同版本，请保留一个，或把它们的归属指定为分组列",
    ),
    (
        ".remedy",
        "one of each pair is enough; weights and importances are otherwise shared out between them by chance",
        "每对留一个就够了；否则权重和重要性会在两者之间随机分配",
    ),
    (
        ".remedy",
        "judge on the latest rows, as the model will be used: split by time",
        "用最近的行来评估，这正是模型的使用方式：按时间划分",
    ),
    (".remedy", "if {named} not known when predicting, leave out", "如果预测时不知道 {named}，请不要使用"),
    (".named", "'{name}' is", "'{name}'"),
    (".named", "{names} are", "{names}"),
    (
        ".remedy",
        "nothing: they are left out; if they are not missing by chance, the model will not know",
        "无需处理：这些行不使用；如果缺失并非偶然，模型无从知晓",
    ),
    (
        ".remedy",
        "correct the labels or add what tells these rows apart; choose by probabilities, not by hits",
        "改正标签，或加入能区分这些行的信息；按概率而不是按命中率来选择",
    ),
    (
        ".remedy",
        "too few to learn from and to judge by: gather more, put them together, or use fewer folds",
        "太少，不足以学习和评估：请收集更多的行，合并这些类别，或减少折数",
    ),
    (
        ".remedy",
        "do not judge by accuracy; choose by a metric that looks at the rare class",
        "不要按准确率评估；请选用关注少数类的指标",
    ),
    (
        ".remedy",
        "correct the words; or read it as a number, and the words as missing",
        "改正这些文字；或把该列按数值读取，文字当作缺失值",
    ),
    (
        ".remedy",
        "write all in one way, best as 2024-05-31; or say how most are meant",
        "统一写法，最好写成 2024-05-31；或说明多数日期的写法",
    ),
    (
        ".remedy",
        "letters were lost when the file was written: export it anew as UTF-8; until then, leave the column out",
        "写文件时丢失了字符：请以 UTF-8 重新导出；在此之前不要使用该列",
    ),
    (
        ".remedy",
        "UTF-8 was read as Windows-1252 on the way: export it anew as UTF-8; until then, leave the column out",
        "UTF-8 曾被当作 Windows-1252 读取：请以 UTF-8 重新导出；在此之前不要使用该列",
    ),
    (
        ".remedy",
        "read them as one name; each is otherwise learned as a name of its own",
        "按同一个名称读取；否则每种写法都会当作单独的名称",
    ),
    (".remedy", "write each name in one way", "每个名称只用一种写法"),
    (".remedy", "correct them if they are misspelt", "如果拼写有误，请改正"),
    (
        ".remedy",
        "correct them if they are misspelt. To put rare names together",
        "如果拼写有误，请改正。要合并少见的名称",
    ),
    (
        ".remedy",
        "nothing: tidemill takes them off names and numbers; other programs may not",
        "无需处理：tidemill 会去掉名称和数值前后的空格；其他程序则未必",
    ),
    (
        ".remedy",
        "if so, name it as it is written in the file under `missing` in [data]",
        "如果是，请在 [data] 的 `missing` 中按文件中的写法写明",
    ),
    (".remedy", "write the years with four digits", "年份请写四位数"),
    (
        ".remedy",
        "subtract 543 from each year; days of the week and holidays are wrong otherwise",
        "每个年份减去 543；否则星期和节假日都会出错",
    ),
    (
        ".remedy",
        "where such a word is a value, say kind = \"category\" of its column",
        "如果这样的词是真实的值，请写明该列 kind = \"category\"",
    ),
    (".remedy", "if that is wrong, say so", "如果不对，请写明"),
    (".remedy", "write the classes in one way", "类别请统一写法"),
    (
        ".remedy",
        "write all in one way; where files of several countries are joined, correct them first",
        "请统一写法；如果合并了多个国家的文件，请先改正",
    ),
    (
        ".remedy",
        "write the offset, such as +01:00, where times of several zones are compared",
        "如果要比较多个时区的时间，请写出偏移，例如 +01:00",
    ),
    (".remedy", "write all values in one way", "所有的值请统一写法"),
    (".remedy", "put each quantity into a column of its own", "每个量请放在单独的一列"),
    (
        ".remedy",
        "convert them beforehand, or put the currency into a column of its own",
        "请事先换算，或把货币放在单独的一列",
    ),
    (".remedy", "write all times with their zone, or all in one", "所有时间都写上时区，或统一为一个时区"),
    (
        ".remedy",
        "replace infinite values by numbers, or leave the rows out, where they are values",
        "如果无穷大是真实的值，请换成数字，或去掉这些行",
    ),
];
