// Your deployment. These values are those of `make run`.
export const settings = {
  issuer: 'http://127.0.0.1:5000/sts',
  bucket: 'examplebucket-1250000000',
  region: 'ap-guangzhou',
  prefix: 'users/1/',
  // The local cloud. Without these two lines, the real COS.
  Protocol: 'http:',
  Domain: '{Bucket}.cos.localhost:5001',
};
