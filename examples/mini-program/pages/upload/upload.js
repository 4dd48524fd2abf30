const { upload } = require('../../cos');

Page({
  data: { percent: 0, outcome: '' },

  choose() {
    wx.chooseMedia({
      count: 1,
      mediaType: ['image'],
      success: ({ tempFiles }) => this.upload(tempFiles[0].tempFilePath),
    });
  },

  async upload(path) {
    const name = path.split('/').pop();
    this.setData({ percent: 0, outcome: '正在上传' });
    try {
      await upload(path, name, (percent) => this.setData({ percent: Math.round(percent * 100) }));
      this.setData({ outcome: '上传完成' });
    } catch (error) {
      this.setData({ outcome: `上传失败：${error.message}` });
    }
  },
});
