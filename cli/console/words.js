// The words of the page in both languages, and the page's small tools for elements.
// @ts-check

const WORDS = {
  en: {
    requests: "Requests", credential: "Credential", files: "Files", cloud: "Cloud",
    switchLanguage: "中文",
    noToken: "Open this page by the link that `cos-issuer run` printed: it contains the token.",
    lost: "The local cloud does not answer. Start it with `make run`; this page then goes on.",
    filter: "Filter", pause: "Pause", resume: "Resume", clear: "Clear", time: "Time", service: "Service",
    status: "Status", request: "Request", who: "Who", outcome: "Outcome", allowed: "allowed", refused: "refused",
    noRequests: "No requests yet. Try one: see the view Credential, or the commands in your terminal.",
    refusedOnly: "Only refused", details: "Details", close: "Close", why: "Why", policy: "Session policy",
    policyRaw: "As it was sent to STS", decision: "Decision of COS", audit: "Audit line of the function",
    copyCurl: "Copy as curl", copied: "Copied.", fault: "Injected fault", requestId: "Request id",
    statements: "Matching statements", seen: "Conditions: values of the request", missing: "Conditions: keys that the request lacks",
    user: "User", token: "or a token", method: "Method", route: "Route", scope: "Scope (JSON, empty for everything)",
    ask: "Ask for a credential", answer: "Answer", may: "may {verbs} {where}", never: "may never {verbs} {where}",
    until: "until {time}", below: "below {key}", exactly: "the object {key}", bucketItself: "the bucket {bucket}", conditions: "if {conditions}",
    simulate: "What would COS answer?", operation: "Operation", key: "Object key or prefix", bytes: "Size in bytes", type: "Content type", simulateDo: "Simulate",
    upload: "upload", download: "download", list: "list", delete: "delete", simulated: "Nothing was done.",
    anonymous: "nobody (no proof)",
    folder: "Folder", chooseFiles: "Choose files", chooseFolder: "Choose a folder", newFolder: "New folder", folderName: "Name of the folder",
    refresh: "Refresh", transfers: "Transfers", loadMore: "Load more", name: "Name", size: "Size", changed: "Changed", actions: "Actions",
    emptyFolder: "This folder is empty.", upFolder: "Up", openFolder: "Open", link: "Link", downloadObject: "Download", deleteObject: "Delete", linkCopied: "Link copied; it works for {minutes} minutes.",
    deleteQuestion: "Delete {name}? This cannot be undone.", deleted: "{name} was deleted.", yes: "Yes", no: "No",
    uploadOf: "Upload of {name}", waiting: "Waiting", uploading: "Uploading", paused: "Paused", failed: "Failed", done: "Done", cancelled: "Cancelled", cancel: "Cancel", again: "Try again",
    clock: "Clock", span: "By", advance: "Advance", freeze: "Stop the clock", unfreeze: "Let it run", resetClock: "Reset the clock",
    clockOffset: "{seconds} s from the machine's clock", clockFrozen: "stopped", changeDone: "Done.",
    clockNote: "STS and COS follow this clock, the function does not: ask for a credential first, then advance, to see it expire.",
    faults: "Faults", noFaults: "No faults.", example: "Examples", rule: "Rule (JSON)", addFault: "Add", remove: "Remove", removeAll: "Remove all",
    keys: "Issued keys", noKeys: "No keys yet.", revoke: "Revoke",
    trace: "Trace", traceNote: "Each call to each service, without secrets. The seed {seed} repeats this run.", saveTrace: "Save trace.jsonl",
    instances: "Instances of the function", noInstances: "No instances.", recycle: "Recycle", recycleAll: "Recycle all", showAgain: "Refresh", busy: "busy", frozen: "frozen", idle: "idle",
    instancesNote: "A recycled instance ends once it is free. The next request starts a fresh one.",
    restart: "Start anew", restartDo: "Restart the local cloud", restartNote: "Objects in memory, faults, keys, requests and the clock begin anew. Objects in a directory (--data) stay.",
    restartQuestion: "Restart the local cloud? Objects in memory are lost.",
    buckets: "Buckets", region: "Region", allRegions: "All regions", newBucket: "New bucket", newBucketRegion: "Its region", createBucket: "Create bucket", created: "Created",
    grants: "Grants", applies: "applies", appliesNot: "does not apply",
    callersToken: "Token of the caller",
    browserBlocked: "The browser did not let this page read the answer. COS lets no page list, create or delete buckets; for objects, the bucket needs a CORS rule for this page.",
    originBlocked: "The browser did not let this page read the answer of {url}. ALLOWED_ORIGINS of the function has to contain {origin}.",
    noSdk: "This view uses the vendor's SDK, cos-js-sdk-v5. Install it with `make clients`, then reload this page.",
  },
  "zh-CN": {
    requests: "请求", credential: "凭证", files: "文件", cloud: "云环境",
    switchLanguage: "English",
    noToken: "请使用 `cos-issuer run` 打印的链接打开本页：链接中包含令牌。",
    lost: "本地云没有响应。请运行 `make run` 启动，本页会自动恢复。",
    filter: "筛选", pause: "暂停", resume: "继续", clear: "清空", time: "时间", service: "服务",
    status: "状态", request: "请求", who: "调用方", outcome: "结果", allowed: "允许", refused: "拒绝",
    noRequests: "还没有请求。请在“凭证”视图中发起一个，或使用终端中的命令。",
    refusedOnly: "仅显示拒绝", details: "详情", close: "关闭", why: "原因", policy: "会话策略",
    policyRaw: "发送给 STS 的原文", decision: "COS 的判定", audit: "函数的审计日志",
    copyCurl: "复制为 curl", copied: "已复制。", fault: "注入的故障", requestId: "请求 ID",
    statements: "匹配的语句", seen: "条件：请求中的值", missing: "条件：请求中缺少的键",
    user: "用户", token: "或令牌", method: "认证方式", route: "路由", scope: "范围（JSON，留空表示全部）",
    ask: "获取凭证", answer: "响应", may: "可以{verbs}{where}", never: "不得{verbs}{where}",
    until: "有效期至 {time}", below: " {key} 下的对象", exactly: "对象 {key}", bucketItself: "存储桶 {bucket}", conditions: "条件：{conditions}",
    simulate: "COS 会如何响应？", operation: "操作", key: "对象键或前缀", bytes: "大小（字节）", type: "内容类型", simulateDo: "模拟",
    upload: "上传", download: "下载", list: "列出", delete: "删除", simulated: "没有执行任何操作。",
    anonymous: "匿名（无凭据）",
    folder: "文件夹", chooseFiles: "选择文件", chooseFolder: "选择文件夹", newFolder: "新建文件夹", folderName: "文件夹名称",
    refresh: "刷新", transfers: "传输列表", loadMore: "加载更多", name: "名称", size: "文件大小", changed: "修改时间", actions: "操作",
    emptyFolder: "此文件夹为空。", upFolder: "上一级", openFolder: "打开", link: "链接", downloadObject: "下载", deleteObject: "删除", linkCopied: "链接已复制，{minutes} 分钟内有效。",
    deleteQuestion: "删除 {name}？此操作无法撤销。", deleted: "{name} 已删除。", yes: "是", no: "否",
    uploadOf: "上传 {name}", waiting: "等待上传", uploading: "正在上传", paused: "已暂停", failed: "上传失败", done: "上传完成", cancelled: "已取消", cancel: "取消", again: "重试",
    clock: "时钟", span: "时长", advance: "快进", freeze: "停止时钟", unfreeze: "继续运行", resetClock: "重置时钟",
    clockOffset: "与本机时钟相差 {seconds} 秒", clockFrozen: "已停止", changeDone: "完成。",
    clockNote: "STS 和 COS 使用此时钟，函数不使用：请先获取凭证，再快进，即可看到凭证过期。",
    faults: "故障", noFaults: "没有故障。", example: "示例", rule: "规则（JSON）", addFault: "添加", remove: "移除", removeAll: "全部移除",
    keys: "已签发的密钥", noKeys: "还没有密钥。", revoke: "吊销",
    trace: "调用轨迹", traceNote: "每个服务的每次调用，不含密钥。使用种子 {seed} 可重现本次运行。", saveTrace: "保存 trace.jsonl",
    instances: "函数实例", noInstances: "没有实例。", recycle: "回收", recycleAll: "全部回收", showAgain: "刷新", busy: "忙碌", frozen: "已冻结", idle: "空闲",
    instancesNote: "被回收的实例会在空闲后结束，下一个请求会启动新的实例。",
    restart: "重新开始", restartDo: "重启本地云", restartNote: "内存中的对象、故障、密钥、请求和时钟都会重置。目录（--data）中的对象会保留。",
    restartQuestion: "重启本地云？内存中的对象将丢失。",
    buckets: "存储桶列表", region: "地区", allRegions: "全部地区", newBucket: "新建存储桶", newBucketRegion: "所在地区", createBucket: "创建存储桶", created: "创建时间",
    grants: "授权", applies: "适用", appliesNot: "不适用",
    callersToken: "调用方的令牌",
    browserBlocked: "浏览器不允许本页读取响应。COS 不允许网页列出、创建或删除存储桶；访问对象时，存储桶需要为本页配置 CORS 规则。",
    originBlocked: "浏览器不允许本页读取 {url} 的响应。函数的 ALLOWED_ORIGINS 必须包含 {origin}。",
    noSdk: "此视图使用厂商的 SDK cos-js-sdk-v5。请运行 `make clients` 安装，然后重新加载本页。",
  },
};

/** @typedef {keyof typeof WORDS.en} Word */
/** @type {"en" | "zh-CN"} */
let language = (localStorage.getItem("language") ?? navigator.language).startsWith("zh") ? "zh-CN" : "en";
document.documentElement.lang = language;

export function switchLanguage() {
  language = language === "en" ? "zh-CN" : "en";
  localStorage.setItem("language", language);
  document.documentElement.lang = language;
}

/**
 * A text in the language of the page.
 * @param {Word} word
 * @param {Record<string, string | number>} [values]
 */
export function say(word, values = {}) {
  const text = WORDS[language][word];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** @param {number} seconds */
export function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString(language, { hour12: false });
}

/**
 * An element. Text becomes text, never markup.
 * @param {string} name
 * @param {Record<string, any>} [attributes] `on…` are listeners
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value") /** @type {HTMLInputElement} */ (made).value = value;
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Announces a change to screen readers.
 * @param {string} text
 */
export function announce(text) {
  const status = document.getElementById("status");
  if (status) status.textContent = text;
}

/** @param {string} text */
export async function copy(text) {
  await navigator.clipboard.writeText(text);
  announce(say("copied"));
}

/**
 * What a policy permits, in words: one item for each clause.
 * @param {any[]} clauses
 */
export function policyInWords(clauses) {
  return element("ul", {}, ...clauses.map((clause) => element("li", {}, clauseInWords(clause))));
}

/** @param {any} clause */
function clauseInWords(clause) {
  /** @type {Record<string, Word>} */
  const known = { upload: "upload", download: "download", list: "list", delete: "delete" };
  const names = clause.verbs.map((/** @type {string} */ verb) => (known[verb] ? say(known[verb]) : verb));
  const verbs = names.join(language === "en" ? ", " : "、");
  const where = clause.key === ""
    ? say("bucketItself", { bucket: clause.bucket })
    : clause.key.endsWith("*")
      ? say("below", { key: clause.key.slice(0, -1) || clause.bucket })
      : say("exactly", { key: clause.key });
  const text = say(clause.effect === "allow" ? "may" : "never", { verbs, where });
  if (!clause.conditions) return text;
  return `${text}, ${say("conditions", { conditions: JSON.stringify(clause.conditions) })}`;
}
