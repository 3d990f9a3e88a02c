'use strict';
// The page to chat at `/chat/NAME`. All text from models and people goes in as text, never as markup. The policy of this page allows
// this script and its styles by their hashes, and requests to its own server alone.

// Words: written in English where they are used, and here in Chinese.
const CHINESE = {
  'Skip to the question': '跳到提问处',
  'Models': '模型',
  'An API key is needed': '需要 API 密钥',
  'This server answers only callers with a key. Yours is kept until this tab is closed.': '本服务器只回答持有密钥的调用者。您的密钥保存到关闭此标签页为止。',
  'That key is not valid here. Try another one.': '该密钥在此无效，请换一个。',
  'API key': 'API 密钥',
  'Continue': '继续',
  'New conversation': '新对话',
  'Conversation': '对话',
  'Ask something. What you say about an answer is kept: the model learns from it.': '请提问。您对回答的评价会保存下来，供模型学习。',
  'Your question': '您的问题',
  'Send': '发送',
  'Stop': '停止',
  'Two answers to choose from': '给出两个回答供选择',
  'Enter sends, Shift+Enter begins a new line.': '按 Enter 发送，按 Shift+Enter 换行。',
  'Settings': '设置',
  'Instructions to the model': '给模型的指示',
  'Temperature (0 to 2)': '温度（0 到 2）',
  'Most tokens of an answer': '回答的最多词元数',
  'Connecting…': '正在连接…',
  'Ready': '就绪',
  'Answering…': '正在回答…',
  'Not connected': '未连接',
  'API key needed': '需要 API 密钥',
  'No language model of this name is served here.': '这里没有这个名字的语言模型。',
  'Version': '版本',
  'Answer': '回答',
  'First answer': '第一个回答',
  'Second answer': '第二个回答',
  'Right': '正确',
  'Wrong': '错误',
  'Edit': '修改',
  'This one is better': '这个更好',
  'What the answer should have been': '回答本应是',
  'Save the correction': '保存修改',
  'Cancel': '取消',
  'Corrected. Before:': '已修改。原文：',
  'Cut off at the most tokens.': '已达最多词元数而截断。',
  'Stopped.': '已停止。',
  'The two answers are the same, so there is nothing to choose. Raise the temperature for answers that differ.': '两个回答相同，无从选择。调高温度可得到不同的回答。',
  'The conversation goes on with the first answer until you choose.': '在您选择之前，对话以第一个回答继续。',
  'Thank you, this is kept.': '谢谢，已保存。',
  'This was known already.': '此前已有记录。',
  'Kept; it counts instead of what was said before.': '已保存；以此为准，取代之前的说法。',
  'Kept, but a later word counts already.': '已保存，但已有更晚的说法为准。',
  'The server does not answer. Check that it runs, then try again.': '服务器没有应答。请确认它在运行，然后重试。',
  'The answer broke off.': '回答中断了。',
  'Write a number from 0 to 2.': '请填写 0 到 2 之间的数。',
  'Write a whole number from 1 on.': '请填写不小于 1 的整数。',
  'Use the light theme': '使用浅色主题',
  'Use the dark theme': '使用深色主题',
};

const spoken = () => {
  const chosen = kept('localStorage', 'tidemill-language') || (navigator.languages || [navigator.language])[0] || 'en';
  return /^zh/i.test(chosen) ? 'zh' : 'en';
};
/** These words in the reader's language. */
const t = (words) => (spoken() === 'zh' && CHINESE[words]) || words;

/** Writes all words of the page anew; each place remembers its English. */
function speak() {
  document.documentElement.lang = spoken() === 'zh' ? 'zh-Hans' : 'en';
  for (const place of document.querySelectorAll('[data-t]')) {
    place.dataset.t ||= place.textContent;
    place.textContent = t(place.dataset.t);
  }
  for (const place of document.querySelectorAll('[data-t-label]')) {
    place.dataset.tLabel ||= place.getAttribute('aria-label');
    place.setAttribute('aria-label', t(place.dataset.tLabel));
  }
  Object.assign($('language'), { textContent: spoken() === 'zh' ? 'English' : '中文', lang: spoken() === 'zh' ? 'en' : 'zh-Hans' });
  paint();
}

function toggleLanguage() {
  kept('localStorage', 'tidemill-language', spoken() === 'zh' ? 'en' : 'zh');
  speak();
  showState();
  showTalk();
}

