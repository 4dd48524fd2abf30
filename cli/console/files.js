// The view of files: the client of an app, with the vendor's own SDK and a credential that the
// function issued. List, folders, upload with pause, resume and cancel, download, link, deletion.
//
// Guarantees: a cancelled upload leaves no parts; a name is text, never markup; an object is
// downloaded, never shown as a page; each refusal is explained where it happens.
// @ts-check

import { bucketsPanel } from "./buckets.js";
import { credentialOf } from "./credential.js";
import { announce, copy, element, say } from "./words.js";

const LINK_SECONDS = 900;
const PART_BYTES = 1024 * 1024;
/**
 * What stays while another view is shown: uploads go on.
 * @type {{ user: string, token: string, prefix: string, bucket: string, region: string,
 *   session: Session | null, uploads: Upload[] }}
 */
const kept = { user: "", token: "", prefix: "", bucket: "", region: "", session: null, uploads: [] };

/** @param {any} state */
export function filesView(state) {
  if (!state.cloud) return element("div");
  if (!kept.bucket) {
    const [user = ""] = state.cloud.users;
    Object.assign(kept, { user, prefix: folderOf(user, state.cloud), bucket: state.cloud.bucket, region: state.cloud.region });
  }
  const page = new FilesPage(state.cloud);
  return page.root;
}

/**
 * @param {string} user
 * @param {any} cloud
 */
function folderOf(user, cloud) {
  if (!cloud.isLocal) return cloud.prefix;
  return user === "operator" ? "" : `users/${user}/`;
}

class FilesPage {
  /** @param {any} cloud */
  constructor(cloud) {
    this.cloud = cloud;
    this.rows = element("tbody");
    this.problem = element("p", { class: "bad", role: "alert", hidden: true });
    this.path = element("div", { class: "bar", role: "navigation", "aria-label": say("folder") });
    this.transfers = element("ul", { class: "transfers" });
    this.more = element("button", { type: "button", hidden: true, onclick: () => this.list(true) }, say("loadMore"));
    this.marker = "";
    this.confirmed = confirmed;
    this.explained = explained;
    const caller = cloud.isLocal ? this.userChoice() : this.tokenField();
    const file = element("input", { type: "file", multiple: true, onchange: () => this.upload(file) });
    const folder = element("input", { type: "file", webkitdirectory: true, onchange: () => this.upload(folder) });
    this.root = element("div", {},
      element("h2", { class: "visually-hidden" }, say("files")),
      element("div", { class: "bar" },
        caller,
        element("label", {}, say("chooseFiles"), file),
        element("label", {}, say("chooseFolder"), folder),
        element("button", { type: "button", onclick: () => this.createFolder() }, say("newFolder")),
        element("button", { type: "button", onclick: () => this.list() }, say("refresh"))),
      bucketsPanel(this),
      this.path,
      this.problem,
      element("h3", {}, say("transfers")),
      this.transfers,
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("files") },
        element("table", { class: "objects" }, element("thead", {}, element("tr", {}, ...["name", "size", "changed", "actions"].map((name) =>
          element("th", { scope: "col" }, say(/** @type {any} */ (name)))))), this.rows)),
      this.more);
    for (const upload of kept.uploads) this.transfers.append(upload.item);
    this.list();
  }

  userChoice() {
    const names = this.cloud.users.map((/** @type {string} */ name) => element("option", { value: name }, name));
    const user = element("select", { onchange: () => this.become(user.value) }, ...names);
    user.value = kept.user;
    return element("label", {}, say("user"), user);
  }

  /** Elsewhere only the caller has their token. */
  tokenField() {
    const token = element("input", { type: "password", value: kept.token, autocomplete: "off", onchange: () => {
      Object.assign(kept, { token: token.value.trim(), session: null });
      this.list();
    } });
    return element("label", {}, say("callersToken"), token);
  }

  /**
   * @param {string} bucket
   * @param {string} region
   */
  openBucket(bucket, region) {
    Object.assign(kept, { bucket, region, prefix: "", session: null });
    this.list();
  }

  /** The session of the chosen user. The SDK may still have to be loaded. */
  async session() {
    await loadSdk();
    kept.session ??= new Session(this.cloud, kept);
    return kept.session;
  }

  /** @param {string} user */
  become(user) {
    const { bucket, region } = this.cloud;
    Object.assign(kept, { user, bucket, region, prefix: folderOf(user, this.cloud), session: null });
    this.list();
  }

  /** @param {any} problem */
  explain(problem) {
    this.problem.hidden = problem === null;
    if (problem !== null) this.problem.textContent = explained(problem);
  }

  /** @param {string} prefix */
  enter(prefix) {
    kept.prefix = prefix;
    this.list();
  }

  /** Shows the folder, or more of it. */
  async list(isMore = false) {
    this.showPath();
    try {
      const parameters = { Prefix: kept.prefix, Delimiter: "/", MaxKeys: 200, Marker: isMore ? this.marker : "" };
      const answer = await (await this.session()).call("getBucket", parameters);
      if (!isMore) this.rows.replaceChildren();
      this.rows.append(...answer.CommonPrefixes.map((/** @type {any} */ folder) => this.folderRow(folder.Prefix)));
      const objects = answer.Contents.filter((/** @type {any} */ object) => object.Key !== kept.prefix);
      this.rows.append(...objects.map((/** @type {any} */ object) => this.objectRow(object)));
      this.marker = answer.NextMarker ?? "";
      this.more.hidden = answer.IsTruncated !== "true";
      if (!this.rows.children.length) this.rows.append(element("tr", {}, element("td", { colspan: "4", class: "quiet" }, say("emptyFolder"))));
      this.explain(null);
    } catch (problem) {
      this.rows.replaceChildren();
      this.explain(problem);
    }
  }

  showPath() {
    const input = element("input", { class: "grow", value: kept.prefix, "aria-label": say("folder"), spellcheck: "false" });
    const go = (/** @type {Event} */ event) => {
      event.preventDefault();
      const prefix = input.value.replace(/^\/+/, "");
      this.enter(prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`);
    };
    const up = kept.prefix.split("/").slice(0, -2).map((part) => `${part}/`).join("");
    this.path.replaceChildren(
      element("button", { type: "button", disabled: kept.prefix === "", onclick: () => this.enter(up) }, say("upFolder")),
      element("form", { class: "grow", onsubmit: go }, element("span", { class: "quiet" }, `${kept.bucket}/`), input, element("button", {}, say("openFolder"))));
  }

  /** @param {string} prefix */
  folderRow(prefix) {
    const name = prefix.slice(kept.prefix.length);
    return element("tr", {},
      element("td", {}, element("button", { type: "button", class: "link", onclick: () => this.enter(prefix) }, name)),
      element("td"), element("td"), element("td"));
  }

  /** @param {any} object */
  objectRow(object) {
    const name = object.Key.slice(kept.prefix.length);
    const note = element("span", { role: "status" });
    const attempt = (/** @type {() => Promise<void>} */ action) => async () => {
      note.className = "";
      note.textContent = "";
      await action().catch((problem) => {
        note.className = "bad";
        note.textContent = explained(problem);
      });
    };
    const button = (/** @type {any} */ word, /** @type {() => Promise<void>} */ action) =>
      element("button", { type: "button", "aria-label": `${say(word)} ${name}`, onclick: attempt(action) }, say(word));
    return element("tr", {},
      element("td", {}, name),
      element("td", { class: "fixed" }, bytes(Number(object.Size))),
      element("td", { class: "fixed" }, new Date(object.LastModified).toLocaleString(document.documentElement.lang)),
      element("td", {},
        button("downloadObject", async () => navigateTo(await (await this.session()).link(object.Key, true))), " ",
        button("link", async () => {
          await copy(await (await this.session()).link(object.Key, false));
          note.textContent = say("linkCopied", { minutes: LINK_SECONDS / 60 });
        }), " ",
        button("deleteObject", async () => {
          if (!(await confirmed(say("deleteQuestion", { name })))) return;
          await (await this.session()).call("deleteObject", { Key: object.Key });
          announce(say("deleted", { name }));
          await this.list();
        }), " ", note));
  }

  async createFolder() {
    const name = await asked(say("folderName"));
    if (!name) return;
    try {
      await (await this.session()).call("putObject", { Key: `${kept.prefix}${name.replace(/\/+$/, "")}/`, Body: "" });
      await this.list();
    } catch (problem) {
      this.explain(problem);
    }
  }

  /** @param {HTMLInputElement} input */
  async upload(input) {
    const files = [...(input.files ?? [])];
    input.value = "";
    try {
      const session = await this.session();
      for (const file of files) {
        const path = file.webkitRelativePath || file.name;
        const upload = new Upload(session, file, kept.prefix + path, () => this.list());
        kept.uploads.push(upload);
        this.transfers.append(upload.item);
        upload.start();
      }
    } catch (problem) {
      this.explain(problem);
    }
  }
}

/** A user's credential, and the SDK that renews it. */
class Session {
  /**
   * @param {any} cloud
   * @param {{user: string, token: string, bucket: string, region: string}} choice
   */
  constructor(cloud, { user, token, bucket, region }) {
    this.place = { Bucket: bucket, Region: region };
    this.sdk = new /** @type {any} */ (window).COS({
      Protocol: cloud.cosProtocol,
      Domain: cloud.cosDomain,
      ServiceDomain: cloud.serviceDomain,
      ChunkSize: PART_BYTES,
      SliceSize: PART_BYTES,
      ProgressInterval: 200,
      getAuthorization: (/** @type {any} */ _, /** @type {any} */ use) => {
        const asked = { user, method: cloud.methods[0], route: "/sts", token, scope: "" };
        credentialOf(asked, cloud).then((issued) => {
          this.refusal = issued.secretId ? "" : issued.body.message;
          use({ TmpSecretId: issued.secretId, TmpSecretKey: issued.secretKey, SecurityToken: issued.sessionToken, StartTime: issued.startTime, ExpiredTime: issued.expiredTime });
        }, (problem) => {
          this.refusal = problem.message;
          use({});
        });
      },
    });
    this.refusal = "";
  }

  /**
   * @param {string} method
   * @param {any} parameters
   * @returns {Promise<any>}
   */
  call(method, parameters) {
    return new Promise((resolve, reject) => {
      this.sdk[method]({ ...this.place, ...parameters }, (/** @type {any} */ problem, /** @type {any} */ data) => {
        if (!problem) return resolve(data);
        reject(this.refusal ? new Error(this.refusal) : problem);
      });
    });
  }

  /**
   * A presigned link. It downloads rather than shows, so that no object becomes a page.
   *
   * @param {string} key
   * @param {boolean} isNow checks first whether the object may be read, to show a refusal here
   */
  async link(key, isNow) {
    if (isNow) await this.call("headObject", { Key: key });
    const name = encodeURIComponent(key.split("/").pop() ?? "").replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
    const query = { "response-content-disposition": `attachment; filename*=UTF-8''${name}` };
    const answer = await this.call("getObjectUrl", { Key: key, Sign: true, Expires: LINK_SECONDS, Query: query });
    return answer.Url;
  }
}

/** One upload: its progress, its buttons, and its end. */
class Upload {
  /**
   * @param {Session} session
   * @param {File} file
   * @param {string} key
   * @param {() => void} onDone
   */
  constructor(session, file, key, onDone) {
    this.session = session;
    this.file = file;
    this.key = key;
    this.onDone = onDone;
    this.task = "";
    this.isCancelled = false;
    this.hasFailed = false;
    this.bar = element("progress", { max: "1", value: "0", "aria-label": say("uploadOf", { name: key }) });
    this.text = element("span", { class: "quiet", role: "status" }, say("waiting"));
    this.pause = element("button", { type: "button", onclick: () => this.togglePause() }, say("pause"));
    this.cancel = element("button", { type: "button", onclick: () => this.stop() }, say("cancel"));
    this.item = element("li", { "data-key": key }, element("div", { class: "bar" }, element("span", { class: "grow" }, key), this.pause, this.cancel), this.bar, this.text);
  }

  async start() {
    try {
      await this.session.call("uploadFile", {
        Key: this.key,
        Body: this.file,
        onTaskReady: (/** @type {string} */ task) => {
          this.task = task;
          if (this.isCancelled) this.session.sdk.cancelTask(task);
        },
        onProgress: (/** @type {any} */ progress) => this.progress(progress),
      });
      this.ended("done", "good");
      this.bar.value = 1;
      this.onDone();
    } catch (problem) {
      if (this.isCancelled) return;
      this.hasFailed = true;
      this.ended("failed", "bad");
      this.text.textContent = explained(problem);
      this.pause.hidden = false;
      this.pause.textContent = say("again");
    }
  }

  /** @param {any} progress */
  progress({ loaded, total, speed, percent }) {
    if (this.isCancelled || this.isPaused) return;
    this.bar.value = percent;
    this.text.className = "quiet";
    this.text.textContent = `${Math.floor(percent * 100)} %, ${bytes(loaded)} / ${bytes(total)}, ${bytes(speed)}/s`;
  }

  get isPaused() {
    return this.state === "paused";
  }

  get state() {
    return this.session.sdk.getTaskList().find((/** @type {any} */ task) => task.id === this.task)?.state;
  }

  togglePause() {
    const state = this.state;
    if (this.hasFailed) {
      this.hasFailed = false;
      this.cancel.hidden = false;
      this.pause.textContent = say("pause");
      this.start();
    } else if (state === "paused") {
      this.session.sdk.restartTask(this.task);
      this.pause.textContent = say("pause");
      this.text.textContent = say("uploading");
      announce(`${this.key}: ${say("uploading")}`);
    } else if (this.task) {
      this.session.sdk.pauseTask(this.task);
      this.pause.textContent = say("resume");
      this.text.textContent = say("paused");
      announce(`${this.key}: ${say("paused")}`);
    }
  }

  /** The SDK only forgets a cancelled task; the parts would stay and cost money. */
  async stop() {
    this.isCancelled = true;
    if (this.task) this.session.sdk.cancelTask(this.task);
    this.ended("cancelled", "quiet");
    try {
      // A part that is on its way may arrive after the first look.
      for (const wait of [0, 500]) {
        await new Promise((resolve) => setTimeout(resolve, wait));
        await this.session.call("abortUploadTask", { Key: this.key, Level: "file" });
      }
    } catch (problem) {
      this.text.className = "bad";
      this.text.textContent = `${say("cancelled")}; ${explained(problem)}`;
    }
  }

  /**
   * @param {"done" | "failed" | "cancelled"} word
   * @param {string} style
   */
  ended(word, style) {
    this.pause.hidden = this.cancel.hidden = true;
    this.text.className = style;
    this.text.textContent = say(word);
    announce(`${this.key}: ${say(word)}`);
  }
}

/** The vendor's SDK, from its package. */
function loadSdk() {
  loading ??= load().catch((problem) => {
    loading = null;
    throw problem;
  });
  return loading;
}

/** @type {Promise<void> | null} */
let loading = null;

async function load() {
  const script = element("script", { src: "cos-js-sdk-v5.min.js" });
  const loaded = new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(say("noSdk"))));
  });
  document.head.append(script);
  await loaded;
}

/**
 * Why COS refused, with the words of the local cloud.
 * @param {any} problem
 */
function explained(problem) {
  const body = problem.error ?? {};
  const code = body.Code ?? problem.code;
  const message = body.Message ?? problem.message ?? String(body.message ?? problem);
  const reason = problem.headers?.["x-cos-emulator-reason"];
  if (/CORS blocked/.test(message)) return say("browserBlocked");
  const why = reason && !String(message).includes(decodeURIComponent(reason)) ? `: ${decodeURIComponent(reason)}` : "";
  return [code, `${message}${why}`].filter(Boolean).join(", ");
}

/** @param {number} count */
function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${count.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} ${units[unit]}`;
}

/** @param {string} url */
function navigateTo(url) {
  const link = element("a", { href: url, rel: "noreferrer" });
  link.click();
}

/** @param {string} question */
export async function confirmed(question) {
  return (await dialog(question, null)) !== null;
}

/** @param {string} question */
function asked(question) {
  return dialog(question, element("input", { "aria-label": question, required: true }));
}

/**
 * A question; null when it is not answered. The focus goes back to where it was.
 *
 * @param {string} question
 * @param {HTMLInputElement | null} input
 * @returns {Promise<string | null>}
 */
function dialog(question, input) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const box = element("dialog", { "aria-label": question });
  box.append(element("form", { method: "dialog" },
    element("p", {}, question), input,
    element("div", { class: "bar" },
      element("button", { value: "yes", class: "primary" }, say("yes")),
      element("button", { value: "", type: "button", onclick: () => box.close("") }, say("no")))));
  document.body.append(box);
  box.showModal();
  return new Promise((resolve) => {
    box.addEventListener("close", () => {
      box.remove();
      before?.focus();
      resolve(box.returnValue === "yes" ? (input?.value ?? "") : null);
    });
  });
}
