// The buckets of the account, by region: list, create, delete, open. For operators: a grant has to
// name GetService, PutBucket and DeleteBucket one by one.
// @ts-check

import { announce, element, say } from "./words.js";

/** Labels only; any other region works too. */
const REGIONS = {
  "ap-beijing": "北京 Beijing", "ap-nanjing": "南京 Nanjing", "ap-shanghai": "上海 Shanghai", "ap-guangzhou": "广州 Guangzhou",
  "ap-chengdu": "成都 Chengdu", "ap-chongqing": "重庆 Chongqing", "ap-hongkong": "中国香港 Hong Kong (China)", "ap-singapore": "新加坡 Singapore",
  "ap-jakarta": "雅加达 Jakarta", "ap-bangkok": "曼谷 Bangkok", "ap-seoul": "首尔 Seoul", "ap-tokyo": "东京 Tokyo",
  "na-siliconvalley": "硅谷 Silicon Valley", "na-ashburn": "弗吉尼亚 Virginia", "sa-saopaulo": "圣保罗 São Paulo", "eu-frankfurt": "法兰克福 Frankfurt",
};

/**
 * @typedef {object} Page
 * @property {any} cloud
 * @property {() => Promise<any>} session
 * @property {(bucket: string, region: string) => void} openBucket
 * @property {(question: string) => Promise<boolean>} confirmed
 * @property {(problem: any) => string} explained
 */

/** @param {Page} page */
export function bucketsPanel(page) {
  const { cloud } = page;
  const appid = cloud.bucket.split("-").at(-1);
  const rows = element("tbody");
  const note = element("p", { role: "status" });
  const shown = element("select", { onchange: () => attempt(list) }, element("option", { value: "" }, say("allRegions")), ...options());
  const name = element("input", { value: "scratch", size: "14", spellcheck: "false", required: true });
  const place = element("select", {}, ...options());
  place.value = cloud.region;

  /** @param {() => Promise<void>} action */
  async function attempt(action) {
    note.className = note.textContent = "";
    try {
      await action();
    } catch (problem) {
      note.className = "bad";
      note.textContent = page.explained(problem);
    }
  }

  async function list() {
    rows.replaceChildren();
    const { Buckets: buckets } = await (await page.session()).call("getService", {});
    const found = buckets.filter((/** @type {any} */ bucket) => !shown.value || bucket.Location === shown.value);
    rows.append(...found.map(row));
    announce(`${say("buckets")}: ${found.length}`);
  }

  /** @param {{Name: string, Location: string, CreationDate: string}} bucket */
  function row({ Name, Location, CreationDate }) {
    const button = (/** @type {import("./words.js").Word} */ word, /** @type {() => void} */ action) =>
      element("button", { type: "button", "aria-label": `${say(word)} ${Name}`, onclick: action }, say(word));
    return element("tr", {},
      element("td", {}, Name), element("td", {}, Location), element("td", { class: "fixed" }, new Date(CreationDate).toLocaleString(document.documentElement.lang)),
      element("td", {}, button("openFolder", () => page.openBucket(Name, Location)), " ", button("deleteObject", () => remove(Name, Location))));
  }

  /**
   * @param {string} bucket
   * @param {string} region
   */
  async function remove(bucket, region) {
    if (!(await page.confirmed(say("deleteQuestion", { name: bucket })))) return;
    await attempt(async () => {
      await (await page.session()).call("deleteBucket", { Bucket: bucket, Region: region });
      announce(say("deleted", { name: bucket }));
      await list();
    });
  }

  /** @param {Event} event */
  function create(event) {
    event.preventDefault();
    attempt(async () => {
      const bucket = name.value.endsWith(`-${appid}`) ? name.value : `${name.value}-${appid}`;
      await (await page.session()).call("putBucket", { Bucket: bucket, Region: place.value });
      await list();
    });
  }

  const head = ["name", "region", "created", "actions"].map((word) => element("th", { scope: "col" }, say(/** @type {any} */ (word))));
  const panel = element("details", { class: "panel", ontoggle: () => panel.open && attempt(list) },
    element("summary", {}, say("buckets")),
    element("form", { onsubmit: create },
      element("label", {}, say("region"), shown),
      element("label", {}, say("newBucket"), name),
      element("label", {}, say("newBucketRegion"), place),
      element("button", {}, say("createBucket"))),
    note,
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), rows));
  return panel;

  function options() {
    const known = Object.keys(REGIONS);
    const all = known.includes(cloud.region) ? known : [cloud.region, ...known];
    return all.map((region) => element("option", { value: region }, label(region)));
  }
}

/** @param {string} region */
function label(region) {
  const text = /** @type {Record<string, string>} */ (REGIONS)[region];
  if (!text) return region;
  const [chinese, ...english] = text.split(" ");
  return `${document.documentElement.lang === "en" ? english.join(" ") : chinese} (${region})`;
}
