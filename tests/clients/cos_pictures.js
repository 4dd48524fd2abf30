// Pictures through the SDK for Node: with an upload, in parts too, of a stored object, and on a
// download.
'use strict';

// 16 pixels wide, 12 high.
const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAABAAAAAMCAIAAADkharWAAAAG0lEQVR4nGNkYGgQYGAgHrEwiDCQBEY1jBQNAGacAnrxGBhBAAAAAElFTkSuQmCC', 'base64');

async function pictures(cos, host) {
  const call = (name, options) => cos[name]({ Bucket: host.bucket, Region: host.region, ...options });
  const operations = (fileid, rule) => ({ 'Pic-Operations': JSON.stringify({ is_pic_info: 1, rules: [{ fileid, rule: `imageMogr2/${rule}` }] }) });
  const key = `${host.prefix}a.png`;
  const size = ({ Width, Height }) => `${Width}x${Height}`;
  const ofResult = (data) => size(data.UploadResult.ProcessResults.Object);
  const upload = await call('putObject', { Key: key, Body: PICTURE, Headers: operations('b.png', 'thumbnail/!50p') });
  const inParts = await call('sliceUploadFile', { Key: key, ...host.file(PICTURE), Headers: operations('c.jpg', 'format/jpg') });
  const stored = await call('request', { Key: key, Method: 'POST', Action: 'image_process', Headers: operations('d.png', 'rotate/90') });
  const download = await call('getObject', { Key: key, QueryString: 'imageMogr2/thumbnail/8x/' });
  const refused = await call('putObject', { Key: key, Body: PICTURE, Headers: operations('/elsewhere/b.png', 'strip') }).catch((error) => error);
  return {
    'an upload stores a smaller picture': ofResult(upload) === '8x6',
    'the original is described': size(upload.UploadResult.OriginalInfo.ImageInfo) === '16x12',
    'an upload in parts stores another format': inParts.UploadResult.ProcessResults.Object.Format === 'jpeg',
    'a stored object is turned': ofResult(stored) === '12x16',
    'a download is resized': download.headers['content-type'] === 'image/png' && download.Body.readUInt32BE(16) === 8,
    'nothing is stored elsewhere': refused.statusCode === 403,
  };
}

module.exports = { pictures };
