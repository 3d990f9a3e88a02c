//! The errors that are met most often, in Simplified Chinese.

use super::told::Told;

/// By code; the remedies beside them.
pub(super) const ERRORS: &[Told] = &[
    // Arguments and recipes.
    ("usage", "no target column given", "没有指定目标列"),
    (".remedy", "name the column with --target", "用 --target 指定目标列"),
    ("usage", "'{key}': there is no metric '{name}'{hint}", "'{key}'：没有指标 '{name}'{hint}"),
    ("=hint", "", ""),
    (".hint", "; did you mean '{near}'?", "；您是指 '{near}' 吗？"),
    (".remedy", "correct --{option} or {key} in the recipe", "请改正 --{option} 或配方中的 {key}"),
    (".remedy", "correct --{option}", "请改正 --{option}"),
    (
        "usage",
        "'{text}' is not a duration: write 90s, 10m, 2h, 7d or 2w",
        "'{text}' 不是时长：请写成 90s、10m、2h、7d 或 2w",
    ),
    ("usage", "{file} is not a model file", "{file} 不是模型文件"),
    (
        ".remedy",
        "name the model first, as in `tidemill predict model.tidemill data.csv`",
        "请先写模型，如 `tidemill predict model.tidemill data.csv`",
    ),
    ("recipe", "{file}, line {n}: there is no key '{key}'", "{file} 第 {n} 行：没有键 '{key}'"),
    (".remedy", "{advice}; the line is: {line}", "{advice}；该行是：{line}"),
    (".advice", "did you mean '{near}'?", "您是指 '{near}' 吗？"),
    (".advice", "known here: {keys}", "这里可以写 {keys}"),
    (".advice", "correct the value", "请改正这个值"),
    (".advice", "`tidemill schema` lists what can stand here", "`tidemill schema` 列出这里可以写什么"),
    (".remedy", "check the name", "请检查名称"),
    (
        ".remedy",
        "check the name; `tidemill check FILE` lists the columns",
        "请检查名称；`tidemill check FILE` 会列出各列",
    ),
    // Columns.
    (
        "data",
        "column '{name}' is missing from the data; the columns are {list_name}{line}",
        "数据中没有列 '{name}'；各列是 {list_name}{line}",
    ),
    ("=line", "", ""),
    (".line", "; line 1 of the file is '{text}'", "；文件第 1 行是 '{text}'"),
    ("missing_column", "column '{name}' is missing from {place}{near}", "{place}没有列 '{name}'{near}"),
    (".place", "the data", "数据中"),
    (".place", "the data, whose columns are {list_name}", "数据（各列是 {list_name}）中"),
    ("=near", "", ""),
    (".near", "; did you mean '{name}'?", "；您是指 '{name}' 吗？"),
    (
        "wrong_kind",
        "column '{name}' is of kind {kind}, but {wanted} is needed",
        "列 '{name}' 是{kind}，而需要的是{wanted}",
    ),
    (".wanted", "a number", "数值"),
    (".wanted", "a category", "类别"),
    (".wanted", "a text", "文本"),
    (".wanted", "a time", "时间"),
    // Files.
    ("io", "{file}: No such file or directory (os error 2)", "{file}：没有这个文件或文件夹"),
    ("model_io", "{file}: No such file or directory (os error 2)", "{file}：没有这个文件或文件夹"),
    ("io", "{file}: Permission denied (os error 13)", "{file}：没有权限"),
    (".remedy", "check the path, and that its folder exists", "请检查路径，以及文件夹是否存在"),
    ("data_no_files", "no file fits '{pattern}'", "没有文件符合 '{pattern}'"),
    (".remedy", "check the folder and the pattern", "请检查文件夹和通配符"),
    ("data_empty", "{file} is empty", "{file} 是空的"),
    (".remedy", "check that the export finished", "请检查导出是否完成"),
    (
        "data_corrupt",
        "{file} cannot be read as {format}: {problem}",
        "{file} 无法按 {format} 读取：{problem}",
    ),
    (
        ".remedy",
        "write the file again, and check that its copy is complete",
        "请重新写出文件，并检查副本是否完整",
    ),
    (
        "data_binary",
        "{file}, line {n}: binary data (a NUL byte or its like) where text was expected",
        "{file} 第 {n} 行：此处应为文本，却是二进制数据（NUL 字节之类）",
    ),
    (
        ".remedy",
        "give a CSV, TSV, JSON lines, Parquet or Arrow file; in a text, take the NUL byte out of that line",
        "请提供 CSV、TSV、JSON lines、Parquet 或 Arrow 文件；如果是文本，请去掉该行的 NUL 字节",
    ),
    (
        "data_encoding",
        "{file}, line {n}: bytes that are not {encoding}",
        "{file} 第 {n} 行：有不属于 {encoding} 的字节",
    ),
    (".remedy", "save the file as UTF-8, or name its encoding", "请把文件存为 UTF-8，或指明它的编码"),
    (
        "csv_ragged_row",
        "{file}, line {n}: {n2} field{s}, but the first row has {n3}",
        "{file} 第 {n} 行：有 {n2} 个字段，而第一行有 {n3} 个",
    ),
    (
        ".remedy",
        "quote cells that hold the delimiter or a line break, or name the delimiter if it is another one",
        "含有分隔符或换行的单元格请加引号；如果分隔符不对，请指明",
    ),
    (
        "csv_header_again",
        "{file}, line {n}: the names of the columns come again",
        "{file} 第 {n} 行：列名再次出现",
    ),
    (
        ".remedy",
        "take that line out: each line below the first gets an answer",
        "请去掉这一行：第一行以下的每一行都会得到一个答案",
    ),
    (
        "csv_unclosed_quote",
        "{file}, line {n}: a quoted cell begins here and never ends",
        "{file} 第 {n} 行：带引号的单元格从这里开始，却没有结束",
    ),
    (
        ".remedy",
        "close the quote, or double quotes that are part of a cell",
        "请补上引号；属于单元格内容的引号请写两遍",
    ),
    (
        "data_duplicate_names",
        "{file}: more than one column is named {list_name}",
        "{file}：有多个列名为 {list_name}",
    ),
    (".remedy", "rename the columns so that each has a name of its own", "请改名，使每列各有不同的名称"),
    ("cancelled", "stopped on request; nothing was written", "已按要求停止；没有写出任何内容"),
];
