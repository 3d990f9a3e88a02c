//! What the program says while it works, in Simplified Chinese.

use super::told::Told;

/// Each of the code `.doing`.
pub(super) const PROGRESS: &[Told] = &[
    (
        ".doing",
        "Plan: {n} setting{s} of {list_learner} on {n2} fold{s2}, {planned_time} on {n3} thread{s3}.{beyond}{best}",
        "计划：{list_learner} 共 {n} 组设置，{n2} 折，用 {n3} 个线程{planned_time}。{beyond}{best}",
    ),
    (".planned_time", "about a second", "约需一秒"),
    (".planned_time", "at most about {n} s", "最多约需 {n} 秒"),
    ("=beyond", "", ""),
    (
        ".beyond",
        " {n} more settings are beyond {limit}, all of {list_learner} among them.",
        "另有 {n} 组设置超出{limit}，其中包括 {list_learner} 的全部设置。",
    ),
    (".beyond", " {n} more settings are beyond {limit}.", "另有 {n} 组设置超出{limit}。"),
    (".limit", "the time limit", "时间限制"),
    (".limit", "the budget", "预算"),
    ("=best", "", ""),
    ("=best", " --quality best allows ten times the work.", "--quality best 允许十倍的计算量。"),
    (".doing", "reading", "读取"),
    (".doing", "preparing", "预处理"),
    (".doing", "looking at every row", "查看每一行"),
    (".doing", "comparing learners", "比较学习器"),
    (".doing", "trying repairs of the rows", "尝试修复各行"),
    (".doing", "the learning curve", "学习曲线"),
    (".doing", "choosing", "选择"),
    (".doing", "judging", "评估"),
    (".doing", "judging on the test part", "在测试集上评估"),
    (".doing", "judging labels", "检查标签"),
    (".doing", "fitting on all rows", "用全部行拟合"),
    (".doing", "looking for weak spots", "查找薄弱之处"),
    (".doing", "searching anew for each outer fold", "对每个外层折重新搜索"),
    (".doing", "predicting", "预测"),
    (".doing", "explaining", "解释"),
    (".doing", "compressing", "压缩"),
    (".doing", "epoch {n} of {n2}: loss {loss}", "第 {n} 轮（共 {n2} 轮）：损失 {loss}"),
];
