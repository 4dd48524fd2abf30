# -*- coding: utf-8 -*-
"""Settings in the shape of cos_signer_lite's cam/config.py."""
import os

here = os.path.abspath(os.path.dirname(__file__))


class Config(object):

    def __init__(self):
        pass

    COMMON_POLICY = '''{"statement":[{"action":["name/cos:*"],"effect":"allow","resource":"*"}],"version":"2.0"}'''

    # 昵称
    NAME = "uploads"
    POLICY = COMMON_POLICY
    DURATION_SECOND = 1800
    SECRET_ID = 'AKIDexample'
    SECRET_KEY = 'CANARY-secret-key-1'  # the key of the account

    @staticmethod
    def init_app(app):
        app.debug = False


class DevelopmentConfig(Config):
    pass


config = {
    'development': DevelopmentConfig,

    'default': DevelopmentConfig
}
