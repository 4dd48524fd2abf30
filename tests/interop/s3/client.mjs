// The story of tests/interop/s3.py by the AWS SDK for JavaScript, unmodified. It prints a line for
// each check: `ok NAME`, or `FAILED NAME` with what it got.
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand, CopyObjectCommand, CreateMultipartUploadCommand, DeleteObjectCommand, DeleteObjectsCommand,
  GetObjectCommand, HeadObjectCommand, ListPartsCommand, PutObjectCommand, S3Client, UploadPartCommand, paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ENDPOINT, BUCKET, REGION, PREFIX, KEY_ID, SECRET_KEY, TOKEN } = process.env;
const LARGE = Buffer.alloc(11 * 1024 * 1024, "large");
const at = (name) => ({ Bucket: BUCKET, Key: PREFIX + name });

const s3 = client({ requestChecksumCalculation: "WHEN_REQUIRED" });

function client(more) {
  return new S3Client({
    endpoint: ENDPOINT, region: REGION, forcePathStyle: true, maxAttempts: 1,
    credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET_KEY, sessionToken: TOKEN },
    ...more,
  });
}

function check(name, holds, found = "") {
  console.log(holds ? `ok ${name}` : `FAILED ${name} ${found}`);
}

async function error(call) {
  try {
    await call();
    return "";
  } catch (fault) {
    return `${fault.name} ${fault.$metadata?.httpStatusCode ?? ""} ${fault.message}`;
  }
}

async function read(where, more = {}, by = s3) {
  const answer = await by.send(new GetObjectCommand({ ...where, ...more }));
  return Buffer.from(await answer.Body.transformToByteArray());
}

async function main() {
  const text = Buffer.from("a few bytes: é, 中文");
  const small = at("a b/é(1)+中'!.txt");
  await s3.send(new PutObjectCommand({ ...small, Body: text, ContentType: "text/plain", Metadata: { one: "1" } }));
  const head = await s3.send(new HeadObjectCommand(small));
  check("a small object has its type and metadata", head.ContentType === "text/plain" && head.Metadata.one === "1");
  check("a small object is read back", (await read(small)).equals(text));
  // The SDK's own settings: the checksum of a text is a header, which COS ignores.
  const own = client({});
  await own.send(new PutObjectCommand({ ...at("own.txt"), Body: "own" }));
  check("a text with a checksum is read back", (await read(at("own.txt"), {}, own)).toString() === "own");
  const stream = () => new PutObjectCommand({ ...at("stream.txt"), Body: Readable.from([Buffer.from("stream")]), ContentLength: 6 });
  const refused = await error(() => own.send(stream()));
  check("a stream with a checksum is refused, as by COS", /^(NotImplemented 400|MissingContentLength 411)/.test(refused), refused);
  await s3.send(stream());
  check("a stream without one is read back", (await read(at("stream.txt"))).toString() === "stream");

  await new Upload({ client: s3, params: { ...at("large.bin"), Body: LARGE }, partSize: 5 * 1024 * 1024 }).done();
  check("a large object is read back", (await read(at("large.bin"))).equals(LARGE));
  const range = await read(at("large.bin"), { Range: "bytes=5242875-5242885" });
  check("a range is the bytes asked for", range.equals(LARGE.subarray(5242875, 5242886)));
  const given = await s3.send(new CreateMultipartUploadCommand(at("given-up.bin")));
  const part = { ...at("given-up.bin"), UploadId: given.UploadId };
  await s3.send(new UploadPartCommand({ ...part, PartNumber: 1, Body: "x" }));
  check("parts are listed", (await s3.send(new ListPartsCommand(part))).Parts.length === 1);
  await s3.send(new AbortMultipartUploadCommand(part));
  check("an aborted upload is gone", (await error(() => s3.send(new ListPartsCommand(part)))).startsWith("NoSuchUpload 404"));

  const keys = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket: BUCKET, Prefix: PREFIX })) {
    keys.push(...page.Contents.map((found) => found.Key.slice(PREFIX.length)));
  }
  check("the list has every page", keys.join() === "a b/é(1)+中'!.txt,large.bin,own.txt,stream.txt", keys.join());
  const source = `${BUCKET}/${encodeURIComponent(small.Key)}`;
  await s3.send(new CopyObjectCommand({ ...at("copy.txt"), CopySource: source, MetadataDirective: "REPLACE", Metadata: { two: "2" } }));
  check("a copy is read back", (await read(at("copy.txt"))).equals(text));

  const put = await getSignedUrl(s3, new PutObjectCommand(at("link.txt")), { expiresIn: 300 });
  check("a link uploads", (await fetch(put, { method: "PUT", body: "by link" })).ok);
  const get = await getSignedUrl(s3, new GetObjectCommand(at("link.txt")), { expiresIn: 604800 });
  check("a link downloads", (await (await fetch(get)).text()) === "by link");
  check("a link opens no other object", (await fetch(get.replace("link.txt", "copy.txt"))).status === 403);
  const acl = await getSignedUrl(s3, new PutObjectCommand({ ...at("link.txt"), ACL: "public-read" }), { expiresIn: 300 });
  check("a link with an ACL in its query is refused", (await fetch(acl, { method: "PUT", body: "x" })).status === 501);

  await s3.send(new DeleteObjectCommand(at("copy.txt")));
  check("what was deleted is gone", (await error(() => read(at("copy.txt")))).startsWith("NoSuchKey 404"));
  const several = new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects: [{ Key: PREFIX + "own.txt" }] } });
  const missing = await error(() => s3.send(several));
  check("several deletions need Content-MD5, as on COS", missing.includes("Content-MD5"), missing);

  const outside = { Bucket: BUCKET, Key: "someone-else/a.txt" };
  const calls = {
    put: () => s3.send(new PutObjectCommand({ ...outside, Body: "x" })),
    get: () => read(outside),
    copy: () => s3.send(new CopyObjectCommand({ ...outside, CopySource: source })),
    delete: () => s3.send(new DeleteObjectCommand(outside)),
  };
  for (const [name, call] of Object.entries(calls)) {
    const found = await error(call);
    const expected = TOKEN ? found.startsWith("AccessDenied 403") && found.includes("session policy") : found === "";
    check(`${name} outside the prefix is ${TOKEN ? "refused" : "allowed"}`, expected, found);
  }
}

await main();
