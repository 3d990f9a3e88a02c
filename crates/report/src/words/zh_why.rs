//! Simplified Chinese: other answers and what leads to them, and how answers go along with columns.

use super::Why;

/// Simplified Chinese.
pub(super) const ZH: Why = Why {
    // A page about explanations.
    kicker: "解释",
    lead: "数据来自 {source}。",

    // Other answers.
    other: "怎样才会得到另一种结果",
    other_lead: "要得到{wanted}，一行中至少有什么需要不同：改动列数最少的排在前面，列数相同时改动最小的在前。",
    wanted_head: "{target}：要得到{wanted}，需要有什么不同（{rows} 行）。",
    wanted_other: "另一种结果",
    wanted_class: "‘{class}’",
    wanted_range: "{target} {range} 的结果",
    may: "可以改动：{columns}。",
    may_unmarked: "可以改动：{columns}。配方没有标明哪些列可以改动，因此所有能尝试的列都试过了。现实中什么可以改变，只有您知道：请标明（在 [columns.NAME] 下写 changeable = \"any\"），或用 --columns 指定。",
    held: "保持不变：{columns}。",
    up: "{column}（只增）",
    down: "{column}（只减）",
    and_more: "{columns}等，另有 {n} 列",
    checked: "数值不超出训练数据的范围；列出的每一种改动都由模型本身验证过。",
    row: "第 {row} 行{key}：{target} = {answer}{chance}",
    row_title: "第 {row} 行：{answer}{chance}",
    key: "（{key}）",
    chance: "，概率 {p}",
    already: "已经是想要的结果。",
    offer: "如果{changes}：{answer}{chance}",
    change: "‘{column}’为 {to} 而不是 {from}",
    and: "，并且",
    none_complete: "没有找到：最多改动 {n} 列、改为常见值的所有改动都试过了（共 {asked} 个改动后的行）。",
    none_partly: "没有找到：试过了最多改动 {n} 列、改为常见值的最有希望的改动（共 {asked} 个改动后的行），但不是全部。",
    none_to_try: "无从尝试：可以改动的列都没有其他可取的值。",
    more_rows: "另有 {n} 行；用 -o FILE 可以全部写出",
    changes: "需要改动什么",
    answer: "那时的结果",
    distance: "距离",
    distance_note: "距离：数值按移动的幅度计算，以中位数绝对偏差为单位；类别或是否型各计 1。",

    // Effects.
    effects: "结果如何随各列变化",
    effects_head: "{target}：{what}如何随各列变化（在 {rows} 行中的 {asked} 行上询问模型）。",
    effects_lead: "假如所有行都取这个值，模型平均会给出什么（粗线，部分依赖），以及单独各行的情形（细线）。旁边是在真正邻近的行之间结果的变化（累积局部效应，平均为 0）。图中是{what}，在 {rows} 行中的 {asked} 行上询问模型。",
    of_class: "‘{of}’的概率",
    of_number: "‘{of}’",
    rises: "随‘{column}’变化，{what}从 {low}（在 {from} 处）升到 {high}（在 {to} 处）。",
    falls: "随‘{column}’变化，{what}从 {low}（在 {from} 处）降到 {high}（在 {to} 处）。",
    peaks: "随‘{column}’变化，{what}在 {to} 处最高（{high}），在 {from} 处最低（{low}）。",
    flat: "‘{column}’几乎不影响{what}。",
    disagrees: "注意：‘{column}’与其他列相关。把它的同一个值放进所有行，会造出现实中从不出现的行；真正邻近的行给出的结论不同（累积局部效应）。",
    on_average: "平均",
    single_rows: "单独各行",
    near: "{column}，在邻近的行之间",
    near_axis: "{what}的变化",
    no_change: "平均值",
    pairs: "共同起作用的列",
    pairs_lead: "在影响最大的列中，共同作用超出各自作用之和最多的几对。",
    together: "‘{first}’与‘{second}’共同起作用：两者对{what}的影响中，有 {share} 超出了各自作用之和。",
    apart: "‘{first}’与‘{second}’几乎没有共同作用（{share}）。",
    pair_value: "{column} = {value}",
    passed_over: "未考察：{columns}（不是数值、是否型或类别，或在这些行中为空）。",
};
