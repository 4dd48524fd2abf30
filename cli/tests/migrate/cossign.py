"""Settings in the shape of cossign's cosconfig.py, with a policy of their own."""
VERSION = 'v0.0.3'


class Config:
    POLICY = ('{"version": "2.0", "statement": [{"effect": "allow", "action": ["name/cos:GetObject"],'
              ' "resource": ["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/public/*"]}]}')
    DURATION_SECOND = 7_201
    SECRET_ID = 'AKID' 'example'
    SECRET_KEY = r'CANARY-secret-key-1'
    PROXY_TYPE = 'https'
    PROXY_HOST = '10.13.78.100:8080'
    PORT = 8080
