//! What is wrong with a business plan or a list of prices, in Simplified Chinese.

use super::told::Told;

/// By code; what a key's value is faulted for stands in the place `{fault}`.
pub(super) const PLANS: &[Told] = &[
    ("plan", "{file}, line {n}: there is no key '{key}'", "{file} 第 {n} 行：没有键 '{key}'"),
    ("plan", "{file}, line {n}: '{key}' cannot be '{value}'", "{file} 第 {n} 行：'{key}' 不能是 '{value}'"),
    ("plan", "{file}, line {n}: {whole} lacks '{key}'", "{file} 第 {n} 行：{whole}缺少 '{key}'"),
    ("plan", "{file}: {whole} lacks '{key}'", "{file}：{whole}缺少 '{key}'"),
    ("plan", "{file}, line {n}: '{key}': {fault}", "{file} 第 {n} 行：'{key}'：{fault}"),
    ("plan", "{file}, line {n}: '{key}' {fault}", "{file} 第 {n} 行：'{key}'：{fault}"),
    ("plan", "{file}: '{key}' {fault}", "{file}：'{key}'：{fault}"),
    (".whole", "the file", "文件"),
    // Values.
    (".fault", "comes to no finite number", "结果不是有限的数"),
    (".fault", "comes to {value}, but must be above 0", "结果为 {value}，但必须大于 0"),
    (".fault", "comes to {value}, but must be at least {low}", "结果为 {value}，但至少必须是 {low}"),
    (
        ".fault",
        "comes to {value}, but must be from {low} to {high}",
        "结果为 {value}，但必须在 {low} 到 {high} 之间",
    ),
    (
        ".fault",
        "comes to {value}, more than the {most} it is part of",
        "结果为 {value}，超过了它所属的 {most}",
    ),
    (".fault", "refers to '{name}', which is not an assumption", "引用了 '{name}'，但它不是一项假设"),
    (".fault", "depends on itself: {circle}", "依赖于自身：{circle}"),
    (
        ".fault",
        "the range {low} to {high} is upside down: write {high2} to {low2}",
        "区间 {low} to {high} 上下颠倒：请写成 {high2} to {low2}",
    ),
    (
        ".fault",
        "leads to an amount of {amount} in a month, beyond a hundred billion",
        "使某个月的金额达到 {amount}，超过一千亿",
    ),
    (".fault", "lacks '{area}', which [[team.needs]] asks for", "缺少 [[team.needs]] 所需要的 '{area}'"),
    (
        ".fault",
        "fit no Bass model: at least 4 periods with sales that have begun to level off are needed",
        "不适合 Bass 模型：至少需要 4 期，并且销量已开始趋于平稳",
    ),
    // Months, entries and people.
    (".fault", "is '{month}', which is no month", "是 '{month}'，不是月份"),
    (".fault", "is {n}, but must be 1 to {n2}", "是 {n}，但必须在 1 到 {n2} 之间"),
    (".fault", "has more than {n} entries together with the other lists", "与其他列表合计超过 {n} 项"),
    (".fault", "is 0, but months count from 1", "是 0，但月份从 1 开始计"),
    (".fault", "has both 'new_customers' and 'adoption'", "同时有 'new_customers' 和 'adoption'"),
    (".fault", "says nothing of new customers", "没有说明新客户数"),
    (".fault", "adds up to {n} positions for one person", "合计一个人承担 {n} 个岗位"),
    (".fault", "is month {n}, before it begins in month {n2}", "是第 {n} 个月，早于开始的第 {n2} 个月"),
    // Prices.
    (".fault", "is '{date}', which is no date", "是 '{date}'，不是日期"),
    (
        ".fault",
        "is {price}, but a price is above 0 (at least a billionth) and at most a million",
        "是 {price}，但价格必须大于 0（至少十亿分之一），最多一百万",
    ),
    (".fault", "is {price}, but must be 0 to a million", "是 {price}，但必须在 0 到一百万之间"),
    (".fault", "is {n}", "是 {n}"),
    // What to do.
    (".advice", "add `{text}` to [assumptions]", "请在 [assumptions] 中添加 `{text}`"),
    (".advice", "add `{text}`", "请添加 `{text}`"),
    (".advice", "see whether something is divided by zero", "请检查是否有除以零"),
    (".advice", "correct the value or its range", "请改正这个值或它的区间"),
    (".advice", "correct the value, or leave the entry out", "请改正这个值，或去掉这一项"),
    (
        ".advice",
        "write it as a share of the larger one: `total * 30%`",
        "请写成较大者的一个份额：`total * 30%`",
    ),
    (".advice", "give one of them a number or a range of its own", "请给其中一个单独的数值或区间"),
    (".advice", "lower the amounts or their growth", "请降低金额或其增长"),
    (".advice", "give more periods, or leave [market.growth] out", "请给出更多期，或去掉 [market.growth]"),
    (".advice", "write the first month as 2027-01", "请把第一个月写成 2027-01 的形式"),
    (".advice", "36 or 60 are usual", "通常为 36 或 60"),
    (".advice", "2000 are usual", "通常为 2000"),
    (".advice", "sum up what belongs together", "请合并属于同类的项"),
    (".advice", "write 1 or more", "请写 1 或更大的数"),
    (".advice", "leave one of them out", "请去掉其中一个"),
    (
        ".advice",
        "add `new_customers = …`, the number in its first month",
        "请添加 `new_customers = …`，即第一个月的数量",
    ),
    (".advice", "give the share of a full-time position, from 0 to 1", "请给出占全职岗位的份额，从 0 到 1"),
    (".advice", "one person has about 1 to give", "一个人大约只能承担 1"),
    (".advice", "give a later month, or leave it out", "请给出更晚的月份，或去掉它"),
    (
        ".advice",
        "write the day the prices were looked up as 2026-11-30",
        "请把查询价格的日期写成 2026-11-30 的形式",
    ),
    (".advice", "look it up in your provider's list", "请查阅供应商的价目表"),
    (".advice", "0 where sending is free", "发送免费时写 0"),
];
