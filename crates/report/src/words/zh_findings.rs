//! Findings of `check` and notes on how a table was read, in Simplified Chinese.

use super::told::Told;

/// By code.
pub(super) const FINDINGS: &[Told] = &[
    // Single columns.
    (
        "unreadable",
        "column '{name}': {share} cells are not a {kind}, such as {names} in {rows}; they would count as missing",
        "列 '{name}'：{share}的单元格不是{kind}，例如 {names}（{rows}）；它们会被当作缺失值",
    ),
    ("much_missing", "column '{name}': {share} values are missing", "列 '{name}'：{share}的值缺失"),
    (
        "some_missing",
        "{n} of {n2} columns miss{es} some values: {names}; most in '{most}', {share}",
        "{n2} 列中有 {n} 列存在缺失值：{names}；最多的是 '{most}'，缺 {share}",
    ),
    ("constant", "column '{name}' is empty", "列 '{name}' 是空的"),
    ("constant", "column '{name}' is constant: every row says the same", "列 '{name}' 是常数：每一行都相同"),
    ("identifier", "column '{name}' names rows: {why}", "列 '{name}' 是用来标识行的：{why}"),
    (
        "many_names",
        "column '{name}' has {about}{n} different names in {n2} values, {n3} rows each",
        "列 '{name}' 的 {n2} 个值中有{about}{n} 种不同的名称，平均每种 {n3} 行",
    ),
    (
        "stand_in",
        "column '{name}': {value} stands in {share} rows {lies} 'no value'",
        "列 '{name}'：{share}的行是 {value}{lies}“无值”",
    ),
    (
        "far_out",
        "column '{name}': {value} lies {deviations} robust deviations from the median {median}; {share} values lie beyond 3.5 ({rows})",
        "列 '{name}'：{value} 与中位数 {median} 相差 {deviations} 个稳健偏差；{share}的值超过 3.5 个（{rows}）",
    ),
    (
        "outliers",
        "{far} far from the rest: {names}; most in '{most}', {n} by quartiles, {n2} by the median's deviation, {n3} by standard deviations",
        "{far}远离其余的值：{names}；最多的是 '{most}'，按四分位距有 {n} 个，按中位数偏差有 {n2} 个，按标准差有 {n3} 个",
    ),
    (
        "missing_together",
        "{names} are missing in the same rows: '{a}' and '{b}' together in {n} rows, {n2}% of those that miss either",
        "{names} 在相同的行中缺失：'{a}' 和 '{b}' 在 {n} 行中同时缺失，占其中任一列缺失的行的 {n2}%",
    ),
    (
        "no_target",
        "no target was named, so nothing was said of imbalance, conflicting labels and leaks",
        "没有指定目标列，因此没有检查类别不平衡、标签冲突和泄漏",
    ),
    // Whole rows and pairs of columns.
    (
        "copies_judge",
        "{share} test rows are copies of training rows, as the given split has it: the score is better than it would be on new rows",
        "按给定的划分，测试行中有 {share}是训练行的副本：得分会比在新的行上更好",
    ),
    ("near_copies", "{share} rows {copies}: rows {groups}", "{share}的行{copies}：第 {groups} 行"),
    ("near_copies", "{share} rows {copies}", "{share}的行{copies}"),
    (
        "repeated_rows",
        "{about}{share} rows {repeat} an earlier row {which}: rows {groups}",
        "{about}{share}的行与前面某行重复{which}：第 {groups} 行",
    ),
    (
        "near_repeats",
        "{pairs} equal but for one or two of {n} columns, such as rows {n2} and {n3} (all but {names}), among {n4} rows looked at",
        "在查看的 {n4} 行中，{pairs}在 {n} 列中只有一两列不同，例如第 {n2} 行和第 {n3} 行（只有 {names} 不同）",
    ),
    (
        "redundant",
        "features nearly say the same: {list_pair} and {n} more",
        "有的特征几乎说的是同一件事：{list_pair}等，另有 {n} 对",
    ),
    ("redundant", "features nearly say the same: {list_pair}", "有的特征几乎说的是同一件事：{list_pair}"),
    (
        "drift",
        "over '{time}', {names} {change}: before {from} and after, '{name}' differs by {n} ({measure}){also}",
        "沿 '{time}'，{names} 发生了变化：{from} 前后 '{name}' 相差 {n}（{measure}）{also}",
    ),
    // The target.
    (
        "nothing_to_learn",
        "there is no column but the target: nothing to learn from",
        "除目标列外没有别的列：无从学习",
    ),
    ("nothing_to_learn", "no column is left to learn from ({each_left})", "没有可供学习的列（{each_left}）"),
    (".left", "'{name}': {why}", "'{name}'：{why}"),
    (
        "too_few_rows",
        "{n} rows with a target are too few to learn from and to judge by",
        "有目标值的行只有 {n} 行，不足以学习和评估",
    ),
    ("leak", "the target leaks {surely}: {leak}", "目标{surely}泄漏：{leak}"),
    (
        "unlabelled",
        "target '{name}' is missing in {share} rows, which teach nothing",
        "目标列 '{name}' 在 {share}的行中缺失，这些行学不到东西",
    ),
    (
        "conflicting_labels",
        "{share} rows are copies of one another but differ in '{name}': rows {groups}; no model can be right on all of them",
        "{share}的行互为副本，'{name}' 却不同：第 {groups} 行；没有模型能全部答对",
    ),
    (
        "conflicting_labels",
        "{about}{share} rows have the same features as another row but another '{name}' (rows {groups}): no model can be right on {n} of them",
        "{about}{share}的行与另一行特征相同，'{name}' 却不同（第 {groups} 行）：任何模型都至少答错其中 {n} 行",
    ),
    (
        "placeholder_class",
        "target '{name}' has the class{es} {names} ({share} rows), which may stand for no answer; the model learns to predict {it}",
        "目标列 '{name}' 有类别 {names}（{share}的行），可能表示没有答案；模型会学着预测{it}",
    ),
    (
        "rare_class",
        "target '{name}' has classes of fewer than {n} rows: {classes}",
        "目标列 '{name}' 有不足 {n} 行的类别：{classes}",
    ),
    (
        "rare_class",
        "target '{name}' has {n} classes, and none of {n2} rows or more: most are too rare to learn from and to judge by",
        "目标列 '{name}' 有 {n} 个类别，没有一个达到 {n2} 行：多数类别太少，无法学习和评判",
    ),
    (
        "imbalance",
        "target '{name}' is unbalanced: '{most}' has {n} rows, '{least}' only {share}; always saying '{always}' is right in {n2}%",
        "目标列 '{name}' 类别不平衡：'{most}' 有 {n} 行，'{least}' 只有 {share}；总是预测 '{always}' 就能答对 {n2}%",
    ),
    // What is written.
    (
        "mixed_types",
        "column '{name}' mixes numbers and words: {share} values are numbers, {n} are not, such as {names} in {rows}; it is read as a {kind}",
        "列 '{name}' 混有数值和文字：{share}的值是数值，{n} 个不是，例如 {names}（{rows}）；该列按{kind}读取",
    ),
    (
        "date_formats",
        "column '{name}' writes dates in several ways: {list_date}{order}{lost}",
        "列 '{name}' 的日期有多种写法：{list_date}{order}{lost}",
    ),
    (
        "broken_text",
        "column '{name}': {share} values {damage}, such as {names} in {rows}",
        "列 '{name}'：{share}的值{damage}，例如 {names}（{rows}）",
    ),
    (
        "misencoded_text",
        "column '{name}': {share} values {damage}, such as {names} in {rows}",
        "列 '{name}'：{share}的值{damage}，例如 {names}（{rows}）",
    ),
    (
        "name_variants",
        "column '{name}' writes one name in several ways ({list_differ}): {each_variant}",
        "列 '{name}' 中同一个名称有多种写法（{list_differ}不同）：{each_variant}",
    ),
    (
        "misspelt",
        "column '{name}' has rare names very like common ones: {each_variant}",
        "列 '{name}' 有些少见的名称与常见的名称非常相似：{each_variant}",
    ),
    (
        "spaces",
        "column '{name}': {share} values have spaces around them, such as {value} in {rows}",
        "列 '{name}'：{share}的值前后有空格，例如 {value}（{rows}）",
    ),
    (
        "total_rows",
        "column '{name}': {share} names say that they are totals, such as {value} in {rows}; sums of other rows are no rows of their own",
        "列 '{name}'：{share}的名称表明是合计，例如 {value}（{rows}）；其他行的合计不是独立的行",
    ),
    // Times.
    (
        "time_stand_in",
        "column '{name}' runs from {first} to {last}: many programs write {dates} where there is no date",
        "列 '{name}' 从 {first} 到 {last}：许多程序用 {dates} 表示没有日期",
    ),
    (
        "short_years",
        "column '{name}' has years of two digits, which are read as 1969 to 2068: it runs from {first} to {last}, and dates before 1969 come out a century late",
        "列 '{name}' 的年份只有两位数，按 1969 至 2068 年读取：该列从 {first} 到 {last}，1969 年以前的日期会晚一个世纪",
    ),
    (
        "other_calendar",
        "column '{name}' runs from the year {n} to {n2}, as years of the Buddhist calendar do: they are read as they stand, 543 years ahead",
        "列 '{name}' 从 {n} 年到 {n2} 年，像是佛历年份：按原样读取，比公历多 543 年",
    ),
    // How the table was read.
    (
        "missing_words",
        "words that count as missing among numbers and times: {each_in}",
        "数值和时间中被当作缺失值的词：{each_in}",
    ),
    (
        "missing_words",
        "column '{name}': {list_word} counts as missing",
        "列 '{name}'：{list_word}被当作缺失值",
    ),
    (
        "word_is_name",
        "column '{name}': {list_word} counts as a name, not as missing",
        "列 '{name}'：{list_word}算作名称，不算缺失值",
    ),
    (
        "mixed_units",
        "column '{name}': numbers are in units that do not convert into each other, such as '{a}' and '{b}'; they are read as names",
        "列 '{name}'：数值的单位不能互相换算，例如 '{a}' 和 '{b}'；按名称读取",
    ),
    (
        "several_numbers",
        "column '{name}': each value, such as '{example}', holds several numbers divided by '{sign}'; they are read as names",
        "列 '{name}'：每个值（例如 '{example}'）含有以 '{sign}' 分隔的几个数；按名称读取",
    ),
    (
        "numbers_with_words",
        "column '{name}': numbers have one of {n} words behind them, such as '{a}' and '{b}'; they are read as names",
        "列 '{name}'：数值后面带有 {n} 种不同的词，例如 '{a}' 和 '{b}'；按名称读取",
    ),
    (
        "mixed_decimals",
        "column '{name}': {n} numbers have a decimal point, such as '{a}', and {n2} a decimal comma, such as '{b}'; they are read as names",
        "列 '{name}'：{n} 个数值用点号分隔小数，例如 '{a}'；{n2} 个用逗号，例如 '{b}'；按名称读取",
    ),
    (
        "zones_of_places",
        "column '{name}': times such as '{example}' name a place for their zone{several}; the clock is read as it stands",
        "列 '{name}'：'{example}' 之类的时间以地名表示时区{several}；时刻按原样读取",
    ),
    ("=several", "", ""),
    ("=several", ", and others name other places", "，其他的是别的地名"),
    (
        "ambiguous_numbers",
        "column '{name}': every number, such as '{example}', can be read in two ways; read with {reading}, since {reason}",
        "列 '{name}'：每个数值都有两种读法，例如 '{example}'；按{reading}读取，因为{reason}",
    ),
    (".reading", "points between thousands", "点号分隔千位"),
    (".reading", "points before decimals", "点号分隔小数"),
    (".reading", "commas between thousands", "逗号分隔千位"),
    (".reading", "commas before decimals", "逗号分隔小数"),
    (".reason", "numbers below 1,000 have none", "小于 1,000 的数值没有点号"),
    (".reason", "the file has decimal commas", "文件中用逗号分隔小数"),
    (".reason", "the rest of the file is written so", "文件的其余部分是这样写的"),
    (".reason", "nothing in the file says otherwise", "文件中没有相反的迹象"),
    (".reason", "no other order reads every date", "其他顺序都不能读取每个日期"),
    (".reason", "that puts the rows in order", "这样各行正好按时间排列"),
    (".reason", "the last part takes many values and the first few", "最后一部分取值多，第一部分取值少"),
    (
        "ambiguous_lengths",
        "column '{name}': '{example}' may be hours and minutes or minutes and seconds; read as {reading}",
        "列 '{name}'：'{example}' 可能是时和分，也可能是分和秒；按{reading}读取",
    ),
    (".reading", "hours and minutes", "时和分"),
    (".reading", "minutes and seconds, since longer ones have three parts", "分和秒（更长的有三部分）"),
    (
        "ambiguous_dates",
        "column '{name}': every date can be read with the day or with the month first; read {taken}, since {reason}",
        "列 '{name}'：每个日期都既可按日在前、也可按月在前读取；按{taken}读取，因为{reason}",
    ),
    (
        "ambiguous_dates",
        "column '{name}': dates such as '{example}' are read with the year first, since {reason}",
        "列 '{name}'：'{example}' 之类的日期按年在前读取，因为{reason}",
    ),
    ("time_from_numbers", "column '{name}': read as a time: {how}", "列 '{name}'：按时间读取：{how}"),
    (
        "plane_not_degrees",
        "column '{name}': '{x}' and '{y}' claim to be degrees, but {n} of {n2} rows lie beyond them ({first}): taken for x and y in a plane, distances in its unit",
        "列 '{name}'：'{x}' 和 '{y}' 看名称是经纬度，但 {n2} 行中有 {n} 行超出范围（{first}）：按平面上的 x 和 y 处理，距离用其单位",
    ),
    (
        "swapped_coordinates",
        "column '{name}': longitude and latitude are swapped in {n} of {n2} rows, the first: {first}; {then}",
        "列 '{name}'：{n2} 行中有 {n} 行的经度和纬度颠倒了，最先是 {first}；{then}",
    ),
    ("=then", "they are read the other way round", "已对调读取"),
    ("=then", "these rows have no place", "这些行没有地点"),
    (
        "impossible_coordinates",
        "column '{name}': {n} of {n2} rows are beyond 180 degrees of longitude or 90 of latitude{systems}, the first: {first}; these rows have no place",
        "列 '{name}'：{n2} 行中有 {n} 行超出经度 180 度或纬度 90 度{systems}，最先是 {first}；这些行没有地点",
    ),
    ("=systems", "", ""),
    ("=systems", ": two coordinate systems are mixed", "（混有两种坐标系）"),
    (".first", "row {n} has {x} = {a}, {y} = {b}", "第 {n} 行：{x} = {a}，{y} = {b}"),
    (
        "converted_units",
        "column '{name}': {n} of {n2} values, such as '{example}', are in another unit than {unit}; they are converted to it",
        "列 '{name}'：{n2} 个值中有 {n} 个的单位不是 {unit}，例如 '{example}'；已换算为 {unit}",
    ),
    (
        "inexact",
        "column '{name}': {n} of {n2} values, such as '{example}', are not exact; each is read as its number",
        "列 '{name}'：{n2} 个值中有 {n} 个不是精确值，例如 '{example}'；按其数字读取",
    ),
    (
        "footnote_marks",
        "column '{name}': {n} of {n2} values, such as '{example}', have a mark behind the number; each is read as its number, without the mark",
        "列 '{name}'：{n2} 个值中有 {n} 个在数字后带有标记，例如 '{example}'；只读取数字，忽略标记",
    ),
    (
        "told_unread",
        "column '{name}': {n} of {n2} values, such as '{example}', are no numbers; kind = \"number\" takes them as missing",
        "列 '{name}'：{n2} 个值中有 {n} 个不是数字，例如 '{example}'；kind = \"number\" 会把它们视为缺失",
    ),
    (
        "censored",
        "column '{name}': {n} of {n2} values, such as '{example}', are bounds, not measurements; each is read as its bound",
        "列 '{name}'：{n2} 个值中有 {n} 个是界限而不是测量值，例如 '{example}'；按界限值读取",
    ),
    (
        "partly_marked",
        "column '{name}': {n} of {n2} values have the sign '{sign}', others, such as '{bare}', have none; all are read as numbers of one kind",
        "列 '{name}'：{n2} 个值中有 {n} 个带有符号 '{sign}'，其他的没有，例如 '{bare}'；全部按同一种数值读取",
    ),
    (
        "mixed_currencies",
        "column '{name}': the amounts are in several currencies ({currencies}); they are read as they stand, without conversion",
        "列 '{name}'：金额有多种货币（{currencies}）；按原样读取，不做换算",
    ),
    (
        "mixed_zones",
        "column '{name}': {n} of {n2} times have a zone, such as '{example}', others, such as '{bare}', have none and are taken as UTC",
        "列 '{name}'：{n2} 个时间中有 {n} 个带时区，例如 '{example}'；其他的没有，例如 '{bare}'，按 UTC 处理",
    ),
    (
        "spellings_merged",
        "column '{name}': other ways of writing a class are read as that class: {list_as}",
        "列 '{name}'：类别的其他写法按该类别读取：{list_as}",
    ),
    (".as", "'{a}' as '{b}'", "'{a}' 按 '{b}'"),
    (
        "left_out",
        "column '{name}' holds {what}, which is not read; it is left out",
        "列 '{name}' 的内容是{what}，无法读取；该列不使用",
    ),
    ("reading", "1 line stands above the table and is passed over", "表格上方有 1 行，已跳过"),
    ("reading", "{n} lines stand above the table and are passed over", "表格上方有 {n} 行，已跳过"),
    (
        "reading",
        "the last line, '{first}', stands below the table and is passed over",
        "最后一行 '{first}' 在表格下方，已跳过",
    ),
    ("reading", "the last {n} lines are empty and passed over", "最后 {n} 行是空的，已跳过"),
    (
        "reading",
        "the last {n} lines, from '{first}' on, stand below the table and are passed over",
        "最后 {n} 行（从 '{first}' 起）在表格下方，已跳过",
    ),
    ("reading", "a backslash stands before the quotes within cells", "单元格内的引号前有反斜杠"),
    ("reading", "the names stand in two rows, and are joined", "列名占两行，已合并"),
    ("reading", "the names stand in two rows; those of the second are taken", "列名占两行，采用第二行"),
    (
        "reading",
        "each row has one cell more than there are names: the first is called 'row'",
        "每行比列名多一个单元格：第一列命名为 'row'",
    ),
    (
        "reading",
        "the cells behind the last column, '{last}', are empty and passed over",
        "最后一列 '{last}' 之后的单元格是空的，已跳过",
    ),
    (
        "reading",
        "the row below the names holds units ({units}) and is passed over",
        "列名下面一行是单位（{units}），已跳过",
    ),
];
