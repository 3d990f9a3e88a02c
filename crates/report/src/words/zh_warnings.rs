//! Warnings and errors of other crates, in Simplified Chinese.

use super::told::Told;

/// By code.
pub(super) const WARNINGS: &[Told] = &[
    // Reading.
    (
        "unparsable",
        "column '{name}': {unread} not of kind {kind}, first '{value}' in row {n}; taken as missing",
        "列 '{name}'：{unread}不是{kind}，最先是第 {n} 行的 '{value}'；按缺失值处理",
    ),
    (".unread", "1 value is", "1 个值"),
    (".unread", "{n} values are", "{n} 个值"),
    (
        "unseen_category",
        "column '{name}': {unseen} never seen in training, first '{value}' in row {n}; the model knows nothing of it",
        "列 '{name}'：{unseen}在训练中从未出现，最先是第 {n} 行的 '{value}'；模型对它一无所知",
    ),
    (
        "unreadable_pictures",
        "column '{name}': {unread} not of kind {kind}, first '{value}' in row {n}; taken as missing",
        "列 '{name}'：{unread}不是{kind}，最先是第 {n} 行的 '{value}'；按缺失值处理",
    ),
    ("target_missing", "{lack} no target '{name}'; dropped", "{lack}没有目标 '{name}'；已去掉"),
    (".lack", "1 row has", "1 行"),
    (".lack", "{n} rows have", "{n} 行"),
    (
        "many_categories",
        "column '{name}' has {n} names or more; those that come later count as unseen",
        "列 '{name}' 有 {n} 个以上的名称；之后出现的按未见过的名称处理",
    ),
    ("leak", "the target leaks: {leak} ({kept})", "目标泄漏：{leak}（{kept}）"),
    ("=kept", "dropped, as asked", "已按要求去掉"),
    (
        "=kept",
        "KEPT, but the score will be too good to be true if they are not known when predicting; --drop-leaks drops them",
        "仍然保留；如果预测时不知道这些值，得分就会好得不真实；用 --drop-leaks 去掉",
    ),
    // Splits and folds.
    (
        "copies_kept_together",
        "{copied}: no split, fold or early stopping divides them (split.copies = \"ignore\" treats them as any rows)",
        "{copied}：划分、折和提前停止都不会把它们分开（split.copies = \"ignore\" 则当作普通的行）",
    ),
    (
        "split_key_says_nothing",
        "more than half of the rows have one and the same '{name}': rows of one key are divided",
        "一半以上的行有相同的 '{name}'：同一个键的行会被分开",
    ),
    (
        "split_copies_judge",
        "{n} of {n2} test rows are copies of training rows, as the given split has it: the score is better than it would be on new rows",
        "按给定的划分，{n2} 个测试行中有 {n} 个是训练行的副本：得分会比在新的行上更好",
    ),
    (
        "split_divides_groups",
        "rows of one '{name}' may be in both parts of the split",
        "同一个 '{name}' 的行可能同时出现在划分的两部分中",
    ),
    (
        "split_missing_group",
        "{n} rows have no '{name}': each counts as a group of its own",
        "{n} 行没有 '{name}'：各自算作一个分组",
    ),
    (
        "split_single_row_class",
        "of '{name}' there is one row of {classes}: it is trained on, not tested",
        "'{name}' 的 {classes} 只有一行：只用于训练，不用于测试",
    ),
    (
        "folds_small_class",
        "of '{name}' there are fewer rows of {classes} than the {n} folds",
        "'{name}' 的 {classes} 的行数少于折数 {n}",
    ),
    (
        "folds_few_groups",
        "'{name}' has {n} values, so there are as many folds, not {n2}",
        "'{name}' 只有 {n} 个值，因此分为 {n} 折，而不是 {n2} 折",
    ),
    (
        "folds_few_times",
        "'{name}' has too few different times for {n} folds; there are {n2}",
        "'{name}' 的不同时间太少，不够分 {n} 折；分为 {n2} 折",
    ),
    (
        "split_few_blocks",
        "not enough to tell: the {n} test rows are only {n2} different ones, each with its copies or the rows of its key or group",
        "不足以下结论：{n} 个测试行中只有 {n2} 个不同的行，其余是副本，或属于同一个键或分组",
    ),
    // Preparation.
    (
        "impute_all_missing",
        "column '{name}' has no value in the training rows: {value} is filled in throughout",
        "列 '{name}' 在训练行中没有任何值：一律填入 {value}",
    ),
    (
        "impute_infinite",
        "column '{name}' has {n} infinite values in the training rows: they are filled like missing ones",
        "列 '{name}' 在训练行中有 {n} 个无穷大的值：与缺失值一样填补",
    ),
    (
        "no_value",
        "column '{name}' has no value in training: filled with 0",
        "列 '{name}' 在训练中没有任何值：填入 0",
    ),
    (
        "no_terms",
        "'{name}' has no term that {n} training rows share: it tells nothing",
        "'{name}' 没有任何词出现在 {n} 个训练行中：该列提供不了信息",
    ),
    (
        "no_terms",
        "'{name}' has no word in any training row: it tells nothing",
        "'{name}' 在所有训练行中都没有词：该列提供不了信息",
    ),
    (
        "few_rows_of_class",
        "{learner}: class '{name}' has {n} training row{s}: {instead}",
        "{learner}：类别 '{name}' 只有 {n} 个训练行：{instead}",
    ),
    (".instead", "its only row is repeated", "重复使用这唯一的一行"),
    (
        ".instead",
        "each looks at the {n} others instead of {n2} neighbours",
        "每行查看其余 {n} 行，而不是 {n2} 个近邻",
    ),
    (
        "smooth_looks_ahead",
        "step '{name}': centered filters look ahead: training rows are smoothed, and rows to predict stay as they are",
        "步骤 '{name}'：居中的滤波器会用到之后的值：训练行会平滑，要预测的行保持原样",
    ),
    (
        "impute_fallback",
        "column '{name}' is filled with {value}: {problem}",
        "列 '{name}' 填入 {value}：{problem}",
    ),
    (".problem", "there is too little to learn from", "可供学习的太少"),
    ("widened", "column '{name}' is read as a category: {why}", "列 '{name}' 按类别读取：{why}"),
    (
        "labels_mostly_doubtful",
        "[labels] doubts more than a third of the labels: so many are no mistakes, but labels that these columns do not tell",
        "[labels] 对三分之一以上的标签存疑：这么多不会是错误，而是这些列无法说明的标签",
    ),
    (
        "labels_of_a_whole_class",
        "[labels]: every row of a class has a doubtful label ({count}); these stay",
        "[labels]：某个类别的所有行标签都存疑（{count}）；这些行保留",
    ),
    (".count", "{n} row{s}", "{n} 行"),
    // Learning.
    (
        "one_class",
        "every row is '{name}': the model always answers that",
        "每一行都是 '{name}'：模型总是给出这个答案",
    ),
    (
        "target_is_zero",
        "every target is 0: {learner} always answers that",
        "目标值全是 0：{learner} 总是给出 0",
    ),
    (
        "not_converged",
        "{learner} stopped after {n} steps with a gradient of {gap}; {solver}",
        "{learner} 在 {n} 步后停止，梯度为 {gap}，尚未收敛；{solver}",
    ),
    (
        "not_converged",
        "{learner} stopped after {n} steps with {gap} to go; {solver}",
        "{learner} 在 {n} 步后停止，还差 {gap}，尚未收敛；{solver}",
    ),
    (
        "not_converged",
        "{learner} stopped after {n} passes with a duality gap of {gap}; raise max_iter, alpha or tol",
        "{learner} 在 {n} 轮后停止，对偶间隙为 {gap}，尚未收敛；请增大 max_iter、alpha 或 tol",
    ),
    (
        "not_converged",
        "{learner} stopped before it reached tol; {solver}",
        "{learner} 在达到 tol 之前就停止了，尚未收敛；{solver}",
    ),
    (".solver", "the classes may be separable: use a penalty", "各类别也许完全可分：请使用惩罚项"),
    (".solver", "raise max_iter or tol, or lower c", "请增大 max_iter 或 tol，或减小 c"),
    (
        ".solver",
        "scale the features, raise max_iter or tol, or lower c",
        "请缩放特征，增大 max_iter 或 tol，或减小 c",
    ),
    (
        "few_rows",
        "k_neighbors has {n} rows for {n2} neighbours: all answer",
        "k_neighbors 只有 {n} 行，而近邻数为 {n2}：所有行都参与回答",
    ),
    (
        "ada_boost_chance",
        "the first round of 'ada_boost' did no better than chance: it stands alone; take a stronger learner, or parameters that let it learn more",
        "'ada_boost' 的第一轮不比随机好：只保留这一轮；请换用更强的学习器，或让它学得更多的参数",
    ),
    (
        "no_start",
        "there is no earlier model to start from: {learner} begin with nothing",
        "没有可以继续训练的早期模型：{learner}从头开始",
    ),
    (
        "no_start",
        "there is no earlier model to start from: {learner} begins with nothing",
        "没有可以继续训练的早期模型：{learner} 从头开始",
    ),
    (".learner", "trees", "树"),
    (
        "no_start",
        "there is no earlier net to continue from: the net starts from random weights",
        "没有可以继续训练的早期网络：从随机权重开始",
    ),
    (
        "net_diverged",
        "the loss was not a number any more in epoch {n}: going back to the last good state, with steps a tenth as large{suspect}",
        "第 {n} 轮的损失不再是数值：退回上一个正常的状态，步长缩小到十分之一{suspect}",
    ),
    ("=suspect", "", ""),
    (
        "boosting_out_of_time",
        "the time limit ended boosting after {n} rounds",
        "时间已到，提升在 {n} 轮后停止",
    ),
    (
        "net_out_of_time",
        "the time limit ended training in epoch {n} of {n2}",
        "时间已到，训练在第 {n} 轮停止（共 {n2} 轮）",
    ),
    ("time_limit", "{who}: {cut}; the best so far was taken", "{who}：{cut}；采用目前最好的"),
    ("ended_early", "{who}: {cut}; the best so far was taken", "{who}：{cut}；采用目前最好的"),
    ("=who", "the time limit ended the search", "时间已到，搜索停止"),
    ("=who", "you ended the search", "您结束了搜索"),
    (
        ".cut",
        "{n} of {n2} settings did not run on every fold ({n3} on none)",
        "{n2} 组设置中有 {n} 组没有跑完每一折（{n3} 组一折也没有）",
    ),
    (
        "fit_failed",
        "{learner} failed{settings} and is left out: {problem}",
        "{learner}{settings}失败，不予采用：{problem}",
    ),
    ("=settings", "", " "),
    (".settings", " with {n} settings", "的 {n} 组设置"),
    (
        "augment_not_judged",
        "[augment] was left out: no learner could be compared with and without synthetic rows on the folds",
        "没有采用 [augment]：没有学习器能在各折上比较有无合成行的差别",
    ),
    // Forecasts.
    (
        "naive_is_better",
        "in the backtest {chosen} has a mean absolute error of {n}, and the naive forecast '{naive}' one of {n2}: {instead} is shipped instead",
        "在回测中，{chosen} 的平均绝对误差为 {n}，而朴素预测“{naive}”为 {n2}：改用 {instead}",
    ),
    (".naive", "the mean of all that was", "过去所有值的平均"),
    (".naive", "the value one season before", "上一季的值"),
    (".naive", "the last value and the mean change", "最后一个值加平均变化"),
    (".naive", "the last value", "最后一个值"),
    (
        "irregular_times",
        "'{name}' is irregular: its usual step is {step}, but {n}% of neighbouring timestamps are not a whole number of steps apart. Each value counts for the nearest step; set [forecast] step where another is meant",
        "'{name}' 的间隔不规则：通常的步长是 {step}，但有 {n}% 的相邻时间不是整数步。每个值归到最近的一步；如果步长不对，请设置 [forecast] step",
    ),
    (
        "short_series",
        "{n} of {n2} series are shorter than the window of {n3} steps; nothing is learned from them",
        "{n2} 个序列中有 {n} 个短于 {n3} 步的窗口；从中学不到东西",
    ),
    ("undated", "{n} rows have no {what}; left out of the series", "{n} 行没有 {what}；不计入序列"),
    (
        "repeated_times",
        "{n} rows repeat a timestamp of their series; they count as one, with the mean of '{name}'{group}",
        "{n} 行与所在序列的另一行时间相同；合并为一行，取 '{name}' 的平均值{group}",
    ),
    ("=group", "", ""),
    (
        "=group",
        ". If the table holds several series, name the column that tells them apart: [forecast] group",
        "。如果表中有多个序列，请指定区分它们的列：[forecast] group",
    ),
    (
        "known_ahead_missing",
        "{n} of {n2} timestamps to be forecast have no row in the data, so {all} known beforehand ({names}) is missing there: add a row for each, with an empty '{name}'",
        "要预测的 {n2} 个时间中有 {n} 个在数据中没有行，因此缺少事先已知的 {names}：请各加一行，并让 '{name}' 为空",
    ),
    ("=all", "what is", ""),
    ("=all", "all that is", ""),
    // Scores.
    (
        "class_never_true",
        "class '{name}' is predicted but is never true; balanced accuracy leaves it out",
        "类别 '{name}' 有预测而从未真正出现；平衡准确率不计入它",
    ),
    (
        "class_never_seen",
        "{n} rows are truly of '{name}', a class the model never saw: all wrong",
        "{n} 行的真实类别是 '{name}'，模型从未见过：全部算错",
    ),
    (
        "matthews_undefined",
        "all rows are {truly} one class: the Matthews correlation is 0/0, taken as 0",
        "所有行都{truly}同一个类别：马修斯相关系数为 0/0，按 0 计",
    ),
    ("=truly", "truly", "属于"),
    ("=truly", "predicted as", "被预测为"),
    (
        "top_k_of_few_classes",
        "there are only {n} classes, so the true one is always among {n2}",
        "只有 {n} 个类别，因此前 {n2} 个中总有正确的那个",
    ),
    (
        "ranks_from_labels",
        "{title} comes from hard labels: only one threshold is seen, so it says less than with probabilities",
        "{title} 是由硬标签算出的：只有一个阈值，不如用概率说明的多",
    ),
    (
        "ranks_from_labels",
        "{title} comes from probabilities that are all 0 or 1, as good as hard labels",
        "{title} 是由全为 0 或 1 的概率算出的，与硬标签无异",
    ),
    (".title", "Average precision", "平均精确率"),
    (
        "roc_auc_absent_class",
        "{absent}, so the mean of ROC AUC is over the others",
        "{absent}，ROC AUC 的平均只计入其他类别",
    ),
    (".absent", "1 class has no row", "1 个类别没有行"),
    (".absent", "{n} classes have no row", "{n} 个类别没有行"),
    (
        "average_precision_absent_class",
        "{absent}, so the mean of average precision is over the others",
        "{absent}，平均精确率的平均只计入其他类别",
    ),
    (
        "r2_constant_truth",
        "the target is constant, so {metric} is taken as {value} (1 only without any error)",
        "目标值是常数，{metric} 按 {value} 计（毫无误差时才为 1）",
    ),
    (
        "d2_constant_truth",
        "the target is constant, so D2 is taken as {value} (1 only without any error)",
        "目标值是常数，D2 按 {value} 计（毫无误差时才为 1）",
    ),
    (
        "probabilities_do_not_sum",
        "the probabilities of {n} of {n2} rows do not sum to 1",
        "{n2} 行中有 {n} 行的概率之和不为 1",
    ),
    (
        "spellings_merged",
        "one class is written in several ways: {list_spelling}",
        "同一个类别有多种写法：{list_spelling}",
    ),
    (".spelling", "'{a}' is taken as '{b}'", "'{a}' 按 '{b}' 处理"),
    ("no_target", "{n} rows without '{name}' were left out", "去掉了 {n} 行没有 '{name}' 的行"),
];
