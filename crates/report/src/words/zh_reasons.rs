//! Reasons for what was inferred, divided and chosen, in Simplified Chinese.

use super::told::Told;

/// Each of the code `.why`.
pub(super) const REASONS: &[Told] = &[
    // Why a column has its kind and role.
    (".why", "named as the {named_role}; {why}", "指定为{named_role}；{why}"),
    (".why", "{unused}; {why}", "{unused}；{why}"),
    ("=unused", "not to be used", "指定不使用"),
    (".why", "{why}; ignored, as there is a key already", "{why}；已经有键，不使用"),
    (".why", "{why}; ignored", "{why}；不使用"),
    (".why", "{why}; the key", "{why}；作为键"),
    (".named_role", "target", "目标列"),
    (".named_role", "key", "键"),
    (".named_role", "time", "时间列"),
    (".named_role", "group", "分组列"),
    (".named_role", "weight", "权重列"),
    (".why", "constant: every row says '{value}'", "常数：每一行都是 '{value}'"),
    (".why", "no value in any row", "所有行都没有值"),
    (".why", "numbers with decimals: a number", "带小数的数：数值"),
    (".why", "whole numbers: a number", "整数：数值"),
    (".why", "years, kept as a number", "年份，按数值处理"),
    (".why", "a category: {n} different names in {n2} values", "类别：{n2} 个值中有 {n} 种名称"),
    (".why", "a category: '{value}' or nothing", "类别：'{value}' 或无值"),
    (".why", "dates or times", "日期或时间"),
    (".why", "an identifier: all values differ, and the name says so", "标识符：各值都不同，列名也表明如此"),
    (".why", "an identifier: it counts the rows", "标识符：它是行号"),
    (
        ".why",
        "an identifier: every whole number of its range comes once",
        "标识符：范围内的每个整数各出现一次",
    ),
    (".why", "an identifier: all values differ and have {n} digits", "标识符：各值都不同，均为 {n} 位数字"),
    (
        ".why",
        "an identifier: hexadecimal codes such as a UUID or a hash",
        "标识符：UUID 或哈希之类的十六进制编码",
    ),
    (".why", "an identifier: the values differ, and the name says so", "标识符：各值不同，列名也表明如此"),
    (".why", "an identifier: addresses of e-mail", "标识符：电子邮件地址"),
    (".why", "an identifier: short codes that all differ", "标识符：各不相同的短编码"),
    (".why", "an identifier: single words that all differ", "标识符：各不相同的单词"),
    (
        ".why",
        "an identifier that repeats: if rows of one value belong together, name it as the group",
        "会重复的标识符：如果同一个值的行属于一体，请指定它为分组列",
    ),
    // Why a target has its task.
    (
        ".why",
        "target '{name}' has two values, '{a}' and '{b}'; '{c}' counts as positive: {positive}",
        "目标列 '{name}' 有两个值：'{a}' 和 '{b}'；正类为 '{c}'：{positive}",
    ),
    (".positive", "it means yes", "它表示是"),
    (".positive", "as told", "按指定"),
    (".why", "target '{name}' has two values, '{a}' and '{b}'", "目标列 '{name}' 有两个值：'{a}' 和 '{b}'"),
    (".why", "target '{name}' has {n} different names", "目标列 '{name}' 有 {n} 种名称"),
    (".why", "target '{name}' has only {n} different whole numbers", "目标列 '{name}' 只有 {n} 种整数"),
    (
        ".why",
        "target '{name}' has numbers with decimals or decorations",
        "目标列 '{name}' 是带小数或修饰符号的数",
    ),
    (".why", "target '{name}' has {n} different whole numbers", "目标列 '{name}' 有 {n} 种整数"),
    (
        ".why",
        "target '{name}' has {n} whole numbers that hardly repeat",
        "目标列 '{name}' 有 {n} 种很少重复的整数",
    ),
    (
        ".why",
        "target '{name}' has few whole numbers, but its name says a count or an amount",
        "目标列 '{name}' 只有少数几种整数，但列名表明是计数或数量",
    ),
    (
        ".why",
        "target '{name}' is a number, as its kind in the recipe says",
        "目标列 '{name}' 是数值，配方中的 kind 如此写明",
    ),
    // How rows were divided.
    (
        ".why",
        "{divided}: {n} rows to train on, {n2} to test on ({n3}%){left_out}",
        "{divided}：{n} 行用于训练，{n2} 行用于测试（{n3}%）{left_out}",
    ),
    (".divided", "by chance, each class of '{name}' in proportion", "随机划分，'{name}' 的各类别保持比例"),
    (".divided", "by chance, each tenth of '{name}' in proportion", "随机划分，'{name}' 的各十分位保持比例"),
    (".divided", "by time, the latest rows by '{name}' to test on", "按时间划分，用 '{name}' 最晚的行测试"),
    (".divided", "by chance", "随机划分"),
    ("=left_out", "", ""),
    (".left_out", "; {n} rows in the gap between are left out", "；间隔中的 {n} 行不使用"),
    // Why a learner was chosen.
    (
        ".why",
        "{a} scores within one standard error of {b} and {because}",
        "{a} 的得分与 {b} 相差不到一个标准误，而且{because}",
    ),
    (".because", "is the simpler of the two", "更简单"),
    (".because", "costs less", "代价更低"),
];
